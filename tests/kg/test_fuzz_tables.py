"""Tables as nobody should write them: no crash, no hang, and every line accounted for."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import strategies as st

from kg.errors import InputError, IsthmusError
from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile
from kg.tables import delimited, json_lines, parquet
from kg.tables.block import Block
from kg.tables.read import read_table
from kg.tables.sections import NodeFile

pytestmark = pytest.mark.usefixtures("no_hang")

CASES = [pytest.param(50, id="quick"), pytest.param(2_000, id="many", marks=pytest.mark.slow)]
WANTED = ["id", "title"]
FEW = [pytest.param(20, id="quick"), pytest.param(200, id="many", marks=pytest.mark.slow)]
Read = Callable[..., tuple[list[tuple[int, str, tuple[str, ...]]], list[tuple[int, str, str]]]]


@pytest.fixture
def read(tmp_path) -> Read:
    """Return the rows (line, raw, cells) and rejects (line, raw, reason) of a document."""

    def run(data: bytes, name: str, **how):
        path = tmp_path / name
        path.write_bytes(data)
        log = RejectLog()
        tally = Tally(name, "nodes[0]", log)
        section = NodeFile(file=(name,), type="item", id="id", text=("title",), **how)
        rows = []
        for part in read_table(SourceFile(path, name), section, WANTED, tally):
            cells = [part.columns[column].to_pylist() for column in WANTED]
            lines = part.line.tolist()
            assert len(lines) == len(part) == len(cells[0]) == len(cells[1])
            rows += [
                (line, part.raw(i), values)
                for i, (line, values) in enumerate(
                    zip(lines, zip(*cells, strict=True), strict=True)
                )
            ]
        table = log.table()
        rejects = list(zip(*(table[c].to_pylist() for c in ("line", "raw", "reason")), strict=True))
        assert tally.rows == len(rows) + tally.rejected
        assert tally.rejected == len(rejects)
        return rows, rejects

    return run


def joined(pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces), max_size=30).map(b"".join)


NOISE = [
    b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b" ", b"\x1a", b"\x85",
    "é".encode(), "\u2028".encode(), b"x" * 300, b"\xed\xa0\x80", b"\\", b"'",
]  # fmt: skip
ROWS = [b"a,b,c\n", b"d,e,f\r\n", b"g,,\n", b"1,2,3\n", b"NULL,nan,-\n", b'"q","r","s"\n']
CSV = joined([*NOISE, *ROWS, b",", b",", b'"', b'"', b'""', b'"a\nb"', b";", b'"x,y",z,\n'])
TSV = joined([*NOISE, *(row.replace(b",", b"\t") for row in ROWS), b"\t", b"\t", b'"', b","])
HEADERS = st.sampled_from(
    [
        *[b"id,title,more\n"] * 3, b"id,title,more\r\n", b"\xef\xbb\xbfid,title,more\n",
        b"\n\nid,title,more\n", b'"id","title","more"\n', b'"id","ti""tle",more\n', b"title,id\n",
        b"id,title,id\n", b"id,title", b"", b"\r\n", b"id\xff,title,more\n", b'id,title,"more\n',
    ]
)  # fmt: skip


def lines_of(data: bytes) -> list[bytes]:
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def covered(found: list[tuple[int, str, object]]) -> list[int]:
    """Return the numbers of the lines that rows and rejects stand on."""
    return sorted(
        line + i for line, raw, _ in found for i in range(raw.replace("\r\n", "\n").count("\n") + 1)
    )


def check_lines(data: bytes, rows, rejects) -> None:
    """Every line is in one row, in one reject, blank, or in the header above all of them."""
    lines = lines_of(data)
    numbers = covered([*rows, *rejects])
    assert len(set(numbers)) == len(numbers)
    first = numbers[0] if numbers else len(lines) + 1
    assert all(1 <= number <= len(lines) for number in numbers)
    left = set(range(first, len(lines) + 1)) - set(numbers)
    assert all(not lines[number - 1].strip(b"\r") for number in left)
    for line, raw, _ in rejects:
        text = lines[line - 1].decode("utf-8", "backslashreplace")
        assert raw.split("\n")[0] == text


def outcome(read: Read, *arguments, **options):
    try:
        return read(*arguments, **options)
    except IsthmusError as error:
        return str(error)


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize(("name", "body"), [("x.csv", CSV), ("x.tsv", TSV)])
def test_delimited(read, fuzz, cases, name, body, monkeypatch):
    @fuzz(cases, header=HEADERS, body=body, block=st.integers(1, 60))
    def check(header: bytes, body: bytes, block: int) -> None:
        data = (header.replace(b",", b"\t") if name == "x.tsv" else header) + body
        found = outcome(read, data, name)
        if not isinstance(found, str):
            check_lines(data, *found)
        with monkeypatch.context() as patch:  # as a file of many blocks, without Arrow
            patch.setattr(delimited, "BLOCK", max(block, len(header) + 20))
            patch.setattr(Block, "_plain", False)
            apart = outcome(read, data, name)
        if isinstance(found, str) or isinstance(apart, str):
            assert type(found) is type(apart)
        elif b"\r" not in data.replace(b"\r\n", b""):  # alone, it depends on quotes near by
            assert found[0] == apart[0]
            assert sorted(reject[:2] for reject in found[1]) == sorted(r[:2] for r in apart[1])


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)


@pytest.mark.parametrize("cases", FEW)
def test_csv_that_is_well_written_comes_back(read, fuzz, cases):
    import csv

    @fuzz(cases, table=st.lists(st.tuples(CELLS, CELLS), max_size=6))
    def check(table: list[tuple[str, str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("id", "title"), *table])
        rows, rejects = read(text.getvalue().encode(), "x.csv")
        assert [cells for _, _, cells in rows] == table
        assert rejects == []


JSON = joined(
    [
        *NOISE, b'{"id":"a","title":"b"}\n', b'{"id":1,"title":null}\n', b'{"title":"only"}\n',
        b'{"id":1e999,"title":NaN}\n', b'{"id":[1,[2]],"title":{"a":1}}\n', b"[1,2]\n", b"null\n",
        b"{", b"}", b'"', b":", b",", b'"\\ud800"', b'{"id":"\\ud800","title":""}\n', b"[" * 50,
        b'{"id":"a","id":"b","title":"' + b"t" * 200 + b'"}\n',
        b'{"id":' + b"9" * 5_000 + b"}\n",
    ]
)  # fmt: skip


@pytest.mark.parametrize("cases", CASES)
def test_json_lines(read, fuzz, cases, monkeypatch):
    @fuzz(cases, body=JSON, block=st.integers(3, 60))
    def check(body: bytes, block: int) -> None:
        found = outcome(read, body, "x.jsonl")
        if not isinstance(found, str):
            lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
            held = [number for number, line in enumerate(lines, start=1) if line.strip()]
            assert sorted(entry[0] for entry in (*found[0], *found[1])) == held
        with monkeypatch.context() as patch:
            for module in (delimited, json_lines):
                patch.setattr(module, "BLOCK", block)
            apart = outcome(read, body, "x.jsonl")
        assert found == apart


ODD = [
    pa.array([1, None, 3]), pa.array([1.5, float("nan"), None]), pa.array(["a", "", None]),
    pa.array([b"\xff", b"", None]), pa.array([None, None, None]), pa.array([[1], [], None]),
    pa.array([["a", None], [], None]), pa.array([{"x": 1}, {"x": None}, None]),
    pa.array(["a", "b", "a"]).dictionary_encode(), pa.array([True, False, None]),
    pa.array([0, 2**62, None], pa.timestamp("ns")), pa.array([0, 1, None], pa.date32()),
    pa.array(["a", "b", None], pa.large_string()), pa.array([1, 2, None], pa.decimal128(20, 3)),
    pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    pa.array([b"ab", b"cd", None], pa.binary(2)), pa.array([1, 2, None], pa.time64("us")),
    pa.array([1, 2, None], pa.duration("s")), pa.array(["\0", "é", "x" * 3_000]),
    pa.array([2**64 - 1, 0, None], pa.uint64()), pa.array([[[1]], [[]], None]),
    pa.array([["a"], [], None], pa.large_list(pa.string())), pa.array([0, 1, None], pa.date64()),
    pa.array([["a"], ["b"], None], pa.list_(pa.string(), 1)),
]  # fmt: skip


@pytest.mark.parametrize("cases", CASES)
def test_parquet(read, fuzz, cases):
    kinds = st.integers(0, len(ODD) - 1)
    damage = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3)

    @fuzz(cases, id=kinds, title=kinds, damage=damage, cut=st.none() | st.floats(0, 1))
    def check(id: int, title: int, damage: list[tuple[float, int]], cut: float | None) -> None:
        file = io.BytesIO()
        pq.write_table(pa.table({"id": ODD[id], "title": ODD[title]}), file, compression="none")
        data = bytearray(file.getvalue())
        for place, value in damage:
            data[int(place * (len(data) - 1))] = value
        found = outcome(
            read, bytes(data[: None if cut is None else int(cut * len(data))]), "x.parquet"
        )
        if not damage and cut is None:
            assert [line for line, _, _ in found[0]] == [1, 2, 3]
            json.loads(found[0][0][1])


PACK = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress
}  # fmt: skip


@pytest.mark.parametrize("cases", FEW)
def test_damaged_compression(read, fuzz, cases):
    data = b"id,title\n" + b"".join(b"%d,title %d\n" % (i, i * i) for i in range(200))
    packed = {suffix: pack(data) for suffix, pack in PACK.items()}

    @fuzz(
        cases,
        suffix=st.sampled_from(list(PACK)),
        cut=st.none() | st.floats(0, 1),
        damage=st.none() | st.tuples(st.floats(0, 1), st.integers(1, 255)),
    )
    def check(suffix: str, cut: float | None, damage: tuple[float, int] | None) -> None:
        content = bytearray(packed[suffix])
        if damage is not None:
            content[int(damage[0] * (len(content) - 1))] ^= damage[1]
        if cut is not None:
            del content[int(cut * len(content)) :]
        found = outcome(read, bytes(content), f"x.csv.{suffix}")
        whole = damage is None and len(content) == len(packed[suffix])
        if whole:
            assert len(found[0]) == 200
        elif not isinstance(found, str):  # some bytes say nothing of the content, such as a time
            assert damage is not None
            assert len(found[0]) + len(found[1]) in (0, 200) or suffix == "zst"


def test_a_million_columns(read):
    wide = ",".join(f"c{i}" for i in range(1_000_000))
    with pytest.raises(InputError, match="no column 'title'"):
        read(f"id,{wide}\n".encode(), "x.csv")
    with pytest.raises(InputError, match="more than once"):
        read(("id,title" + ",x" * 1_000_000 + "\n").encode(), "x.csv")
    rows, rejects = read(f"id,title\na,b\n{wide}\nc,d\n".encode(), "x.csv")
    assert [cells for _, _, cells in rows] == [("a", "b"), ("c", "d")]
    assert [(line, reason) for line, _, reason in rejects] == [(3, "wrong number of fields")]
    rows, rejects = read(f'id,title\n"a",b\n{wide}\nc,d\n'.encode(), "x.csv")
    assert len(rows) == 2
    assert len(rejects) == 1


def test_json_without_end_is_one_reject(read):
    lines = [b"[" * 100_000, b'{"id":' * 100_000, b'{"id":' + b"9" * 100_000 + b"}", b'{"id":"a"}']
    rows, rejects = read(b"\n".join([*lines, b'{"id":"a","title":"b"}']), "x.jsonl")
    assert [line for line, _, _ in rows] == [4, 5]
    assert [line for line, _, _ in rejects] == [1, 2, 3]


def test_a_huge_cell(read):
    huge = "x" * 20_000_000
    rows, _ = read(f"id,title\na,{huge}\n".encode(), "x.csv")
    assert rows[0][2] == ("a", huge)
    rows, rejects = read(f'id,title\na,"{huge}"\nb,c\n'.encode(), "x.csv")
    assert len(rows) + len(rejects) == 2


@pytest.mark.parametrize("suffix", list(PACK))
def test_what_unpacks_without_end_is_refused(read, suffix, monkeypatch):
    """A line is held in memory as a whole, so that there is a bound to it."""
    for module in (delimited, json_lines):
        monkeypatch.setattr(module, "BLOCK", 1 << 20)
    monkeypatch.setattr(delimited, "LONGEST", 1 << 24)
    packed = PACK[suffix](b"id,title\n" + bytes(1 << 26))
    assert len(packed) < 1 << 17
    for name in (f"x.csv.{suffix}", f"x.jsonl.{suffix}"):
        with pytest.raises(InputError, match="no line of a table"):
            read(packed, name)


def test_parquet_that_unpacks_without_end_is_read_by_batches(read, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 1_000)
    file = io.BytesIO()
    zeros = pa.array(["0" * 1_000] * 20_000)
    pq.write_table(pa.table({"id": zeros, "title": zeros}), file, compression="zstd")
    assert len(file.getvalue()) < 50_000
    assert len(read(file.getvalue(), "x.parquet")[0]) == 20_000


def test_a_link_that_was_named_is_followed(read, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "items.csv").write_text("id,title\na,b\n")
    (tmp_path / "items.csv").symlink_to(tmp_path / "elsewhere" / "items.csv")
    source = SourceFile(tmp_path / "items.csv", "items.csv")
    section = NodeFile(file=("items.csv",), type="item", id="id")
    tally = Tally("items.csv", "nodes[0]", RejectLog())
    assert sum(len(part) for part in read_table(source, section, WANTED, tally)) == 1
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(IsthmusError):
        list(read_table(SourceFile(tmp_path / "loop.csv", "loop.csv"), section, WANTED, tally))


def test_a_folder_or_a_device_is_no_table(tmp_path):
    section = NodeFile(file=("x",), type="item", id="id")
    (tmp_path / "x.csv").mkdir()
    for path in (tmp_path / "x.csv", Path("/dev/null")):
        tally = Tally("x", "nodes[0]", RejectLog())
        with pytest.raises(IsthmusError):
            list(read_table(SourceFile(path, "x"), section, WANTED, tally))
