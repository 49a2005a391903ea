import pytest

from kg.errors import ConfigError, InputError
from kg.sources import source_files


def test_names_are_relative_to_the_folder_and_globs_are_sorted(write, tmp_path):
    for name in ("b.csv", "a.csv", "deep/c.csv", "a.tsv"):
        write(name, "x")

    found = source_files(["deep/c.csv", "*.csv"], tmp_path)

    assert [file.label for file in found] == ["deep/c.csv", "a.csv", "b.csv"]
    assert all(file.path.is_file() for file in found)
    deep = source_files(["**/*.csv"], tmp_path)
    assert [file.label for file in deep] == ["a.csv", "b.csv", "deep/c.csv"]


def test_a_name_that_looks_like_a_glob_but_exists_is_that_file(write, tmp_path):
    write("a[1].csv", "x")
    write("a1.csv", "x")

    assert [file.label for file in source_files(["a[1].csv"], tmp_path)] == ["a[1].csv"]


def test_environment_variables_are_substituted_and_kept_out_of_labels(write, tmp_path, monkeypatch):
    write("data/a.csv", "x")
    monkeypatch.setenv("KG_TEST_DATA", str(tmp_path / "data"))

    (found,) = source_files(["${KG_TEST_DATA}/a.csv"], tmp_path / "elsewhere")

    assert found.path == tmp_path / "data" / "a.csv"
    assert found.label == "${KG_TEST_DATA}/a.csv"


def test_an_unset_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("KG_TEST_DATA", raising=False)
    with pytest.raises(ConfigError, match="environment variable KG_TEST_DATA"):
        source_files(["${KG_TEST_DATA}/a.csv"], tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("itms.csv", r'no such file: .*itms\.csv, did you mean "items\.csv"\?'),
        ("*.json", r"no file matches '\*\.json'"),
        ("deep", "is a folder"),
        ("nowhere/a.csv", "no such file"),
    ],
)
def test_a_missing_file_is_named(write, tmp_path, name, message):
    write("items.csv", "x")
    write("deep/c.csv", "x")
    with pytest.raises(InputError, match=message):
        source_files([name], tmp_path)
