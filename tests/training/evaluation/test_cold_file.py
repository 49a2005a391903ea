import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from kg.errors import InputError
from kg.vocab import Vocab
from training.evaluation.cold_file import read_cold_file

VOCAB = Vocab.from_values(["0735308365", "7", "a,b", 'q"q', "z"], "item")
ROWS = [("0735308365", "valid"), ("7", "test"), ("a,b", "test"), ('q"q', "valid")]


def write(path, rows, header=("whatever", "part")):
    if path.suffix == ".parquet":
        columns = {name: [row[at] for row in rows] for at, name in enumerate(header)}
        pyarrow.parquet.write_table(pa.table(columns), path)
        return path
    if ".csv" in path.name and header[0] != "2014":  # unquoted, a number is a number
        rows = [tuple('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    separator = "," if ".csv" in path.name else "\t"
    text = "".join(separator.join(row) + "\n" for row in [header, *rows])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz", "c.tsv", "c.tsv.gz", "c.parquet"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    valid, test = read_cold_file(write(tmp_path / name, ROWS), VOCAB)
    assert VOCAB.to_ids(valid) == ["0735308365", 'q"q']
    assert VOCAB.to_ids(test) == ["7", "a,b"]
    assert valid.dtype == test.dtype == np.int64


@pytest.mark.parametrize("name", ["c.csv", "c.tsv"])
def test_ids_are_text_even_under_a_header_that_is_a_number(tmp_path, name):
    path = write(tmp_path / name, [("0735308365", "test")], header=("2014", "part"))
    assert VOCAB.to_ids(read_cold_file(path, VOCAB)[1]) == ["0735308365"]


def test_other_columns_and_repeated_rows_are_fine(tmp_path):
    rows = [("7", "x", "test"), ("7", "y", "test")]
    path = write(tmp_path / "c.tsv", rows, header=("id", "note", "part"))
    valid, test = read_cold_file(path, VOCAB)
    assert len(valid) == 0
    assert VOCAB.to_ids(test) == ["7"]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([("nobody", "test")], ("id", "part"), "unknown item id 'nobody'"),
        ([("7", "train")], ("id", "part"), r"unknown part 'train' \(parts: valid, test\)"),
        ([("7", "test"), ("7", "valid")], ("id", "part"), "'7' is in both valid and test"),
        ([("7", "test")], ("id", "fold"), "a column 'part'"),
        ([("test", "7")], ("part", "id"), "a column 'part'"),
    ],
)
@pytest.mark.parametrize("name", ["c.csv", "c.parquet"])
def test_wrong_tables(tmp_path, name, rows, header, message):
    with pytest.raises(InputError, match=message) as error:
        read_cold_file(write(tmp_path / name, rows, header), VOCAB)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_or_unreadable_files(tmp_path):
    for name in ("c.csv", "c.parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_cold_file(tmp_path / name, VOCAB)
    with pytest.raises(InputError, match="expected a table"):
        read_cold_file(tmp_path / "c.xlsx", VOCAB)
    for name in ("c.parquet", "c.csv", "c.csv.gz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(InputError, match=r"c\."):
            read_cold_file(tmp_path / name, VOCAB)
    (tmp_path / "ragged.csv").write_text("id,part\n7,test,more\n")
    with pytest.raises(InputError, match="ragged"):
        read_cold_file(tmp_path / "ragged.csv", VOCAB)
