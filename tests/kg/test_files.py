import json
import subprocess
import sys
from pathlib import Path

import pytest

from kg.errors import ArtefactError
from kg.files import locked, read_json, read_manifest, write_file, write_folder, write_json


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with write_file(path) as aside:
        aside.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"

    def half_write():
        with write_file(path) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_write()
    assert path.read_text() == "new"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_json_is_read_back_and_damage_is_named(tmp_path):
    write_json(tmp_path / "a.json", {"é": [1, None]})
    assert read_json(tmp_path / "a.json") == {"é": [1, None]}
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ArtefactError, match=r"b\.json is damaged"):
        read_json(tmp_path / "b.json")
    with pytest.raises(ArtefactError, match=r"c\.json is missing"):
        read_json(tmp_path / "c.json")


def make(path, text="x", kind="thing"):
    with write_folder(path, kind, version=3) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text(text)


def test_a_folder_has_a_manifest_of_every_file(tmp_path):
    make(tmp_path / "f")
    manifest = read_manifest(tmp_path / "f", "thing")
    assert manifest["version"] == 3
    assert manifest["files"]["deep/a.txt"]["bytes"] == 1


def test_a_folder_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    make(tmp_path / "f", "old")

    def half_make():
        with write_folder(tmp_path / "f", "thing"):
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        half_make()
    assert (tmp_path / "f" / "deep" / "a.txt").read_text() == "old"
    make(tmp_path / "f", "new")
    assert (tmp_path / "f" / "deep" / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_in_one_step(tmp_path, monkeypatch, can_exchange):
    make(tmp_path / "f", "old")
    if not can_exchange:
        monkeypatch.setattr("kg.files._exchange", lambda one, other: False)
    renamed, rename = [], Path.rename
    monkeypatch.setattr(
        Path, "rename", lambda self, to: renamed.append(self.name) or rename(self, to)
    )
    make(tmp_path / "f", "new")
    assert (tmp_path / "f" / "deep" / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    if sys.platform == "linux":
        assert ("f" in renamed) is not can_exchange  # the name is never taken away


KILLED = """
import os, sys
from pathlib import Path
from kg import files

def rename(self, to, real=Path.rename):
    if self.name.startswith("."):
        os._exit(9)
    return real(self, to)

files._exchange = lambda one, other: False
Path.rename = rename
with files.write_folder(Path(sys.argv[1]), "thing") as folder:
    (folder / "a.txt").write_text("new")
"""


@pytest.mark.parametrize("again", [False, True])
def test_killed_between_two_renames(tmp_path, again):
    path = tmp_path / "f[1]"
    make(path, "old")
    code = [sys.executable, "-c", KILLED, str(path)]
    assert subprocess.run(code, cwd=Path(__file__).parents[2]).returncode == 9
    assert not path.exists()

    if again:
        make(path, "new")

    assert read_manifest(path, "thing")["version"] == 3
    assert (path / "deep" / "a.txt").read_text() == ("new" if again else "old")
    assert not list(tmp_path.glob(".*.old"))


def test_a_file_may_be_for_its_owner_alone(tmp_path):
    with write_file(tmp_path / "a.txt", mode=0o600) as aside:
        assert aside.stat().st_mode & 0o777 == 0o600
        aside.write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600


def test_what_is_not_ours_is_never_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    make(tmp_path / "other", kind="model")
    for name in ("mine", "file", "other"):
        with pytest.raises(ArtefactError, match="is not a thing folder: it is not replaced"):
            make(tmp_path / name)
    assert (tmp_path / "mine" / "precious.txt").exists()
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "deep/a.txt").unlink(), r"deep/a\.txt is missing"),
        (lambda folder: (folder / "deep/a.txt").write_text("y"), "does not match its checksum"),
        (lambda folder: (folder / "manifest.json").unlink(), r"not a thing folder: it has no"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is damaged"),
        (
            lambda folder: (folder / "manifest.json").write_text(json.dumps({"kind": "model"})),
            "holds a 'model', expected a 'thing'",
        ),
    ],
)
def test_damage_is_found(tmp_path, damage, message):
    make(tmp_path / "f")
    damage(tmp_path / "f")
    with pytest.raises(ArtefactError, match=message):
        read_manifest(tmp_path / "f", "thing")


def test_a_folder_is_locked_for_one_at_a_time(tmp_path):
    folder = tmp_path / "graph"
    with locked(folder), write_folder(folder, "graph"):  # there is none yet
        pass
    with locked(folder):
        with pytest.raises(ArtefactError, match="is being written by another"), locked(folder):
            pass
        with write_folder(folder, "graph"):
            pass
    with locked(folder):
        assert [path.name for path in tmp_path.iterdir()] == ["graph"]
