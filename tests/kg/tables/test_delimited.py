import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile
from kg.tables import delimited
from kg.tables.block import Block
from kg.tables.read import read_table
from kg.tables.sections import TableFile

PIECES = st.sampled_from(
    [b"a", b"7", b'"', b'""', b'"b,"', b",", b"\n", b"\r\n", b"\r", b"\xff", "é".encode(), b"x,y\n"]
)


def whole(path, name, **section):
    """Return rows as (line, raw text, cells), and rejects."""
    tally = Tally("t", "", RejectLog())
    section = TableFile(file=(name,), **section)
    rows = []
    for part in read_table(SourceFile(path, "t"), section, ["a", "b"], tally):
        cells = zip(*(part.columns[name].to_pylist() for name in ("a", "b")), strict=True)
        rows += [(int(part.line[i]), part.raw(i), cell) for i, cell in enumerate(cells)]
    assert tally.rows == len(rows) + tally.rejected
    return rows, sorted(tally.log)  # within a block they are sorted by reason


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.lists(PIECES, max_size=30), quote=st.booleans(), size=st.integers(4, 12))
def test_the_quick_way_and_small_blocks_read_what_the_careful_way_reads(
    tmp_path, body, quote, size
):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"".join(body))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Block, "_plain", False)
        careful = whole(path, "t.csv", quote=quote)
    assert whole(path, "t.csv", quote=quote) == careful
    if b"\r" not in b"".join(body):  # a lone one ends a line for `csv` where a quote is near
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "BLOCK", size)
            assert whole(path, "t.csv", quote=quote) == careful


def test_arrow_reads_what_is_well_formed(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_bytes('a,b\n"1,""2""",é\n"two\nlines",\n3,""\n'.encode())
    monkeypatch.delattr("kg.tables.block.read_records")
    rows, rejects = whole(path, "t.csv")
    assert [row[2] for row in rows] == [('1,"2"', "é"), ("two\nlines", ""), ("3", "")]
    assert [row[0] for row in rows] == [2, 3, 5]
    assert rows[1][1] == '"two\nlines",'
    assert not rejects


def test_quotes_that_are_never_closed_take_no_more_than_their_time(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b'x","y\n' * 20_000)
    rows, rejects = whole(path, "t.csv")
    assert len(rows) + len(rejects) == 20_000


def test_a_table_without_a_header_has_the_names_that_the_mapping_gives(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"1,2\n\n3\n")
    rows, rejects = whole(path, "t.csv", columns=("a", "b"))
    assert rows == [(1, "1,2", ("1", "2"))]
    assert [row[1:] for row in rejects] == [(3, "3", "wrong number of fields")]
