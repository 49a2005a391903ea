import pytest

from kg.errors import InputError
from kg.rdf.files import rdf_files


def test_a_folder_is_its_rdf_files(write, tmp_path):
    for name in (
        "dump/b.nt",
        "dump/a.TTL.gz",
        "dump/deep/c.nq.zst",
        "dump/README.md",
        "dump/d.csv",
    ):
        write(name, "")
    found = rdf_files(["dump/", "-", "dump/b.nt"], tmp_path)
    assert [file.label for file in found] == [
        "dump/a.TTL.gz",
        "dump/b.nt",
        "dump/deep/c.nq.zst",
        "-",
        "dump/b.nt",
    ]
    assert found[0].path == tmp_path / "dump" / "a.TTL.gz"
    with pytest.raises(InputError, match="no such file"):
        rdf_files(["missing.nt"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty has no file in \.nt"):
        rdf_files(["empty"], tmp_path)
