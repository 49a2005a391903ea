import pyarrow as pa

from kg.tables.times import TimeColumn


def strings(*values):
    return pa.array(values, pa.string())


def times(column, format=None):
    return TimeColumn(format).read([column])


def test_times_are_numbers_or_iso_dates_in_utc():
    assert times(strings("3", "2.5"))[0].tolist() == [3, 2.5]
    values, valid = times(
        strings("1970-01-02", "1970-01-01T00:00:01Z", "1970-01-01 01:00:00+01:00", "1970-13-01", "")
    )
    assert valid.tolist() == [True, True, True, False, False]
    assert values[:3].tolist() == [86400, 1, 0]


def test_in_a_column_of_dates_a_number_is_not_valid_and_the_reverse():
    assert times(strings("2020", "2020-01-01", "2020-01-02"))[1].tolist() == [False, True, True]
    assert times(strings("2020", "2021", "2020-01-02"))[1].tolist() == [True, True, False]
