import pyarrow as pa
import pyarrow.parquet
import pytest

from kg.errors import InputError, UnknownIdError
from queries.lists import read_excluded, read_items


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("given", [["f1,f3"], ["f1", "f3"], ["f1, f3"], ['"f1",f3,']])
def test_ids_one_by_one(graph, given):
    assert read_items(graph, given, skip_unknown=False) == ["f1", "f3"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gone.txt", "f1\nf3\n"),
        ("gone.csv", "f1\nf3\n"),
        ("gone.csv", "item\nf1\nf3\n"),
        ("gone.csv", "id,title\nf1,x\nf3,y\n"),
        ("gone.tsv", "stock\titem\n0\tf1\n0\tf3\n"),
    ],
)
def test_ids_in_a_file(graph, tmp_path, name, text):
    given = [write(tmp_path / name, text)]
    assert read_items(graph, given, skip_unknown=False) == ["f1", "f3"]
    assert read_excluded(graph, given, skip_unknown=False) == (["f1", "f3"], None)


def test_pairs_exclude_for_their_users(graph, tmp_path):
    text = "user,rank,item,title,score\ndan,1,f1,An Unexpected Journey,1\nx,1,f9,,1\n"
    given = [write(tmp_path / "before.csv", text), "f3"]
    items, pairs = read_excluded(graph, given, skip_unknown=False)
    assert items == ["f3"]
    assert pairs.to_pylist() == [{"user": "dan", "item": "f1"}, {"user": "x", "item": "f9"}]
    with pytest.raises(InputError, match="only what is excluded differs by user"):
        read_items(graph, given, skip_unknown=False)


def test_ids_need_not_be_strings_in_parquet(graph, tmp_path):
    pa.parquet.write_table(pa.table({"item": [7]}), tmp_path / "gone.parquet")
    with pytest.raises(UnknownIdError, match=r"gone.parquet, row 1: unknown item id '7'"):
        read_items(graph, [str(tmp_path / "gone.parquet")], skip_unknown=False)


def test_unknown_items_stop_or_are_skipped(graph, tmp_path):
    given = [write(tmp_path / "gone.txt", "f1\nf9\n"), "f3,f8"]
    with pytest.raises(UnknownIdError, match=r"gone.txt, line 2: unknown item id 'f9'"):
        read_items(graph, given, skip_unknown=False)
    with pytest.raises(UnknownIdError, match="unknown item id 'f8'"):
        read_items(graph, given[1:], skip_unknown=False)
    assert read_items(graph, given, skip_unknown=True) == ["f1", "f3"]


def test_the_nearest_id_is_named(graph, tmp_path):
    text = write(tmp_path / "gone.txt", "f1\nf11\n")
    with pytest.raises(UnknownIdError, match="line 2: unknown item id 'f11', did you mean \"f1\""):
        read_items(graph, [text], skip_unknown=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere.csv", "no such file: nowhere.csv"),
        ("x" * 10**6, r"no list of ids: field larger|unknown item id"),
        ("a\0b.csv", "unknown item id|line contains NUL"),
    ],
)
def test_bad_lists(graph, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_items(graph, [text], skip_unknown=False)
    assert len(str(caught.value)) < 300


def test_an_empty_file(graph, tmp_path):
    with pytest.raises(InputError, match=r"gone.csv is empty"):
        read_items(graph, [write(tmp_path / "gone.csv", "")], skip_unknown=False)
