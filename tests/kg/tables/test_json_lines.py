"""Blocks that Arrow reads give what reading line by line gives, rejects and their lines too."""

import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile
from kg.tables import json_lines
from kg.tables.json_lines import read_json_lines
from kg.tables.values import to_numbers

WANTED = ["id", "x"]
PLAIN = ['{"id": "a", "x": 1}', '{"id":"b","x":2,"more":[1,{"deep":null}]}', '{"x": 3}']
odd = st.sampled_from(
    [
        '{"id": "é", "x": null}',
        '{"id": "2020-01-01", "x": 4}',
        '{"id": "line\\nbreak", "x": -0}',
        '{"id": 7, "x": "8"}',
        '{"id": 1.0, "x": 2.50}',
        '{"id": true, "x": 1e3}',
        '{"id": [1, 2], "x": {"y": 1}}',
        '{"id": "a", "x": 1} {"id": "b", "x": 2}',
        '{"id": "a", "id": "b", "x": 1}',
        '{"id": "a", "x": 12345678901234567890}',
        '{"id": "\\ud800", "x": 1}',
        '{"id": "a", "x": NaN}',
        '{"id": "a", "x":',
        '1}',
        '{}',
        '[]',
        '  {"id": "c"}',
        '',
    ]
)  # fmt: skip

LINES = st.sampled_from(PLAIN) | odd


def read(data, tries, block, numbers=()):
    tally = Tally("t", "", RejectLog())
    reader = json_lines._Reader(tuple(WANTED), numbers, tally, tries=tries)
    lines = data.splitlines(keepends=True)
    rows = [
        (start + 1, reader.read(b"".join(lines[start : start + block]), start + 1))
        for start in range(0, len(lines), block)
    ]
    found = [
        (int(part.line[i]), part.raw(i), [as_text(part.columns[name])[i] for name in WANTED])
        for _, part in rows
        for i in range(len(part))
    ]
    return found, tally.rows, list(tally.log), reader


def as_text(column):
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_string(column.type):
        return column.to_pylist()
    return to_numbers(column)[0].tolist()


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(st.sampled_from(PLAIN) | odd, min_size=1, max_size=8), block=st.integers(1, 4)
)
def test_arrow_reads_what_the_line_by_line_reader_does(lines, block):
    data = ("\n".join(lines) + "\n").encode()
    assert read(data, tries=99, block=block)[:3] == read(data, tries=0, block=block)[:3]


@pytest.mark.parametrize("depth", [400, 20_000, 1_000_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_deep_does_not_bring_arrow_down(depth, left, right):
    data = f'{{"id": "a", "y": {left * depth}1{right * depth}}}\n'.encode() * 2
    assert read(data, tries=9, block=2)[:3] == read(data, tries=0, block=2)[:3]


def test_numbers_stay_numbers_where_they_are_asked_for():
    data = b'{"id": "a", "x": 1.50}\n{"id": "b", "x": 2}\n'
    rows, *_ = read(data, tries=1, block=2, numbers=("x",))
    assert rows == [
        (1, '{"id": "a", "x": 1.50}', ["a", 1.5]),
        (2, '{"id": "b", "x": 2}', ["b", 2.0]),
    ]


def test_arrow_is_not_asked_for_ever():
    lines = b'{"id": [1], "x": "a"}\n' * 8
    reader = read(lines, tries=3, block=2)[3]
    assert reader.tries == 0
    assert list(reader.seen) == ["id", "x"]


def test_a_column_that_is_no_more_than_null_is_there(tally):
    data = "".join(json.dumps({"id": str(i), "x": None}) + "\n" for i in range(3)).encode()
    parts = read_json_lines(io.BytesIO(data), WANTED, (), SourceFile("t", "t"), tally)
    assert [part.columns["x"].to_pylist() for part in parts] == [["", "", ""]]
