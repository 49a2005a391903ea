import bz2
import csv
import gzip
import io
import json
import lzma
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile
from kg.tables import read
from kg.tables.rows import Rows, place_of
from kg.tables.sections import TableFile
from kg.tables.values import flat

ROWS = [("a", 'Say "hi"', "1"), ("b", "Ünï, code", "2"), ("c", "", "3")]
PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def encode(kind):
    if kind == "parquet":
        sink = io.BytesIO()
        columns = dict(zip(("id", "name", "n"), zip(*ROWS, strict=True), strict=True))
        pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), sink)
        return sink.getvalue()
    if kind == "jsonl":
        rows = ({"id": i, "name": name, "n": int(n)} for i, name, n in ROWS)
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    sink = io.StringIO()
    if kind == "csv":
        csv.writer(sink).writerows([("id", "name", "n"), *ROWS])
    else:
        sink.write("\n".join("\t".join(row) for row in [("id", "name", "n"), *ROWS]) + "\n")
    return sink.getvalue().encode()


def read_table(source, wanted, tally, **section):
    """Read a whole table at once."""
    section = TableFile(file=(str(source.path),), **section)
    parts = list(read.read_table(source, section, wanted, tally))
    if not parts:
        return Rows({name: pa.array([], pa.string()) for name in wanted}, 0, None, None)
    columns = {
        name: pa.concat_arrays([flat(part.columns[name]) for part in parts]) for name in wanted
    }
    places = list(place_of(parts, np.arange(sum(map(len, parts)))))
    lines = np.array([line for line, _ in places], dtype=np.int64)
    return Rows(columns, len(places), lambda: lines, lambda row: places[row][1])


def rejects(tally):
    return [(row["line"], row["reason"]) for row in tally.log.table().to_pylist()]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("packed", PACKERS)
def test_every_format_and_compression_gives_the_same_strings(source, tally, kind, packed):
    path = source(f"t.{kind}", b"").path.with_name(f"t.{kind}{packed}")
    path.write_bytes(PACKERS[packed](encode(kind)))

    rows = read_table(SourceFile(path, "t"), ["id", "name", "n"], tally)

    columns = [rows.columns[name].to_pylist() for name in ("id", "name", "n")]
    assert list(zip(*columns, strict=True)) == ROWS
    first = {"csv": 2, "tsv": 2, "jsonl": 1, "parquet": 1}[kind]
    assert rows.line.tolist() == [first, first + 1, first + 2]
    assert "Ünï" in rows.raw(1) or "\\u00dc" in rows.raw(1)
    assert (tally.rows, tally.rejected) == (3, 0)


@pytest.mark.parametrize("packed", [".gz", ".zst", ".bz2", ".xz"])
def test_a_truncated_file_is_an_error_not_fewer_rows(source, tally, packed):
    data = PACKERS[packed](b"id\n" + b"".join(b"%d\n" % (i * 7919 % 10007) for i in range(9999)))
    path = source("t.csv", b"").path.with_name("t.csv" + packed)
    path.write_bytes(data[: len(data) // 2])

    with pytest.raises(InputError, match=r"t\.csv.* cannot be read"):
        read_table(SourceFile(path, "t"), ["id"], tally)


def test_a_quote_is_a_character_in_tsv_and_quotes_in_csv_unless_told(source, tally):
    content = 'id{0}x\n"a{0}b"\n"c"{0}d\n'
    tsv = read_table(source("t.tsv", content.format("\t")), ["id", "x"], tally)
    assert tsv.columns["id"].to_pylist() == ['"a', '"c"']
    unquoted = read_table(source("t.csv", content.format(",")), ["id"], tally, quote=False)
    assert unquoted.columns["id"].to_pylist() == ['"a', '"c"']
    quoted = read_table(source("q.tsv", content.format("\t")), ["id"], tally, quote=True)
    assert quoted.columns["id"].to_pylist() == ["c"]  # the other row is one field
    assert rejects(tally) == [(2, "wrong number of fields")]


def test_a_quoted_field_may_hold_delimiters_quotes_and_lines(source, tally):
    rows = read_table(source("t.csv", 'id,x\r\na,"1,\r\n""2"""\r\n\r\nb,3\r\n'), ["id", "x"], tally)
    assert rows.columns["x"].to_pylist() == ['1,\n"2"', "3"]
    assert rows.line.tolist() == [2, 5]
    assert tally.rows == 2


@pytest.mark.parametrize(
    "content",
    [
        'id,x\na,1\nb,"never closed\nc,3\nd,4\n',
        'id,x\na,1\nb,"never closed\nc,3\nd,"4"\n',
        'id,x\na,1\nb,"wrong"after\nc,3\nd,4\n',
        'id,x\na,1\nb,"over\nc,3\nd,4",5\nd,4\n',
    ],
)
def test_a_stray_quote_costs_its_own_line_and_no_other(source, tally, content):
    rows = read_table(source("t.csv", content), ["id", "x"], tally)
    assert {"a", "c", "d"} <= set(rows.columns["id"].to_pylist())
    assert rejects(tally)[0][0] == 3
    assert tally.rows == len(rows) + tally.rejected


def test_bad_rows_are_rejected_with_line_and_raw_text(source, tally):
    content = b"id\tx\n1\ta\n2\n3\tb\tc\n\n\xff\tz\n4\t\n"
    rows = read_table(source("t.tsv", content), ["id"], tally)
    assert rows.columns["id"].to_pylist() == ["1", "4"]
    assert rows.line.tolist() == [2, 7]
    found = {row["line"]: (row["raw"], row["reason"]) for row in tally.log.table().to_pylist()}
    assert found == {
        3: ("2", "wrong number of fields"),
        4: ("3\tb\tc", "wrong number of fields"),
        6: ("\\xff\tz", "not valid UTF-8"),
    }
    assert tally.rows == 5


def test_json_lines_may_leave_out_keys_and_hold_any_value(source, tally):
    lines = [
        '{"id": 1, "x": ["a", null, "b"]}',
        '{"id": "2"}',
        '{"id": 3.5, "x": {"k": [1]}}',
        "[1]",
        '{"id": ',
        '{"id": "\\ud800"}',
        "",
        '{"id": true, "x": null}',
    ]
    rows = read_table(source("t.jsonl", "\n".join(lines)), ["id", "x"], tally)
    assert rows.columns["id"].to_pylist() == ["1", "2", "3.5", "true"]
    assert rows.columns["x"].to_pylist() == ["a, , b", "", '{"k": [1]}', ""]
    assert [line for line, _ in rejects(tally)] == [4, 5, 6]
    assert tally.rows == 7


def test_parquet_values_of_any_type_become_strings(source, tally):
    table = pa.table(
        {
            "i": [1, None],
            "f": [0.5, 2.0],
            "d": [date(2020, 1, 2), None],
            "l": [["a", "b"], None],
            "n": [[1, 2], []],
            "b": [b"x", b"\xff"],
            "c": pa.array(["u", "v"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    rows = read_table(source("t.parquet", sink.getvalue()), table.column_names, tally)
    assert {name: column.to_pylist() for name, column in rows.columns.items()} == {
        "i": ["1", ""],
        "f": ["0.5", "2"],
        "d": ["2020-01-02", ""],
        "l": ["a, b", ""],
        "n": ["1, 2", ""],
        "b": ["x", "\\xff"],
        "c": ["u", "v"],
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "id,titel\n1,a\n", r't\.csv has no column \'title\', did you mean "titel"\?'),
        ("t.jsonl", '{"titel": 1}\n', r't\.jsonl has no column \'title\', did you mean "titel"\?'),
        ("t.txt", "x", r"t\.txt has no known table format .*\.parquet"),
        ("t.csv", "", r"file is empty: expected a header line"),
        ("t.csv", "title,title\n", "'title' more than once"),
        ("t.csv", b"\xff\n", "line 1: bad header: not valid UTF-8"),
        ("t.csv", '"title\n1\n', "line 1: bad header"),
        ("t.parquet", "no parquet", r"t\.parquet is not a Parquet file"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_error(source, tally, name, content, message):
    with pytest.raises(InputError, match=message):
        read_table(source(name, content), ["title"], tally)


def test_the_byte_order_mark_is_not_part_of_a_column_name(source, tally):
    rows = read_table(source("t.csv", b"\xef\xbb\xbfid,x\n1,2\n"), ["id"], tally)
    assert rows.columns["id"].to_pylist() == ["1"]


def test_another_delimiter(source, tally):
    rows = read_table(source("t.csv", "id;x\n1;2,5\n"), ["x"], tally, delimiter=";")
    assert rows.columns["x"].to_pylist() == ["2,5"]


CELLS = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=8)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_a_csv_writer_writes_is_read_back(tmp_path, cells):
    sink = io.StringIO()
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *cells])
    path = tmp_path / "t.csv"
    path.write_bytes(sink.getvalue().encode())
    rows = read_table(SourceFile(path, "t"), ["a", "b"], Tally("t", "", RejectLog()))
    columns = (rows.columns["a"].to_pylist(), rows.columns["b"].to_pylist())
    assert list(zip(*columns, strict=True)) == cells


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.lists(st.sampled_from([b"a", b'"', b",", b"\n", b"\xff", b"\r\n", "é".encode()])),
    name=st.sampled_from(["t.csv", "t.tsv"]),
)
def test_every_line_of_any_file_is_a_row_or_a_reject(tmp_path, body, name):
    data = b"".join(body)
    path = tmp_path / name
    path.write_bytes((b"a,b\n" if name == "t.csv" else b"a\tb\n") + data)
    tally = Tally("t", "", RejectLog())

    rows = read_table(SourceFile(path, "t"), ["a", "b"], tally)

    assert tally.rows == len(rows) + tally.rejected
    rejected = tally.log.table().to_pylist()
    raw = [rows.raw(i) for i in range(len(rows))] + [row["raw"] for row in rejected]
    seen = "".join(raw).encode().count(b"a")
    assert seen == data.count(b"a")  # no letter is lost, none is read twice
