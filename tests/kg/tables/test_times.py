import pyarrow as pa
import pytest

from kg.tables.times import TimeColumn, check_format


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


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("%Q", "'Q' is a bad directive"),
        ("%d%", "stray %"),
        ("%Y %Y", "says one thing twice"),
        ("m", "must be one of 's', 'ms', 'us', 'ns', or directives"),
    ],
)
def test_a_format_that_no_time_is_in_is_refused(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        check_format(wrong)


@pytest.mark.parametrize("right", ["ms", "%d/%m/%Y %H:%M", "%Y%m%dT%H%M%S%z", "%A, %d %B %Y %%"])
def test_formats_that_times_are_in(right):
    check_format(right)
