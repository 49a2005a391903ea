import pyarrow as pa
import pytest

from kg.start.columns import Column


def column(*values, name="x"):
    return Column(name, pa.array(list(map(str, values)), pa.string()), len(values))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, 2, 3), "integer"),
        ((1.5, 2, "-3e4"), "number"),
        (("2024-01-31", "2024-02-01T10:00:00Z"), "date"),
        (("http://a.org/x", "<urn:isbn:3>"), "iri"),
        (("a long text of words", "another one of them"), "text"),
        (("Drama", "Science Fiction"), "word"),
        ((), "empty"),
    ],
)
def test_kinds(values, kind):
    assert column(*values).kind == kind


def test_seconds_and_milliseconds_are_times_and_no_ids():
    assert column(964982703, 1704067200).is_time
    assert column(964982703000, 1704067200000).is_time
    assert not column(1, 2, 3).is_time
    assert not column(964982703, 1704067200).may_be_id


def test_measures_are_no_ids():
    assert not column(1, 2, 3, name="rating").may_be_id
    assert column(1, 2, 3, name="order_id").may_be_id
    assert not column("1.5", "2").may_be_id
    assert not column("what somebody wrote about it", name="review").may_be_id


def test_parts_of_a_split():
    assert column("train", "Test", "valid").parts
    assert not column("train", "bus").parts
