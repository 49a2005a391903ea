"""`isthmus import --into` and `isthmus pseudonym`, from the command line."""

import random
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from isthmus import app
from kg.privacy.pseudonyms import pseudonyms
from kg.store import load_graph, load_imported

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain = "books"
text = "title"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""


@pytest.fixture
def files(tmp_path):
    """Write the two tables and the mapping, and return the mapping."""

    def write(items="b1,Emma\nb2,Dune\n", likes="ann,b1\nbob,b2\n", mapping=MAPPING):
        (tmp_path / "items.csv").write_text("id,title\n" + items)
        (tmp_path / "likes.csv").write_text("user,item\n" + likes)
        (tmp_path / "mapping.toml").write_text(mapping)
        return tmp_path / "mapping.toml"

    return write


def invoke(*arguments, **options):
    return CliRunner().invoke(app, list(map(str, arguments)), **options)


def test_files_are_added_to_a_graph(files, tmp_path):
    graph = tmp_path / "graph"
    assert invoke("import", files(), "--out", graph).exit_code == 0
    again = invoke("import", files(), "--into", graph)
    assert again.exit_code == 0
    assert f"Nothing new: {graph} stays as it is" in again.output
    grown = invoke("import", files("b1,Emma Woodhouse\n", "cid,b2\n"), "--into", graph)
    assert grown.exit_code == 0
    assert "Changes by import" in grown.output
    assert "'Emma' → 'Emma Woodhouse'" in " ".join(grown.output.split())
    assert "train them anew" in grown.output
    assert load_graph(graph).users.vocab.ids.to_pylist() == ["ann", "bob", "cid"]
    assert "Changes by import" in invoke("inspect", graph).output


def test_a_checked_import_into_a_graph_writes_nothing(files, tmp_path):
    graph = tmp_path / "graph"
    invoke("import", files(), "--out", graph)
    checked = invoke("import", files("b3,Ulysses\n"), "--into", graph, "--check")
    assert checked.exit_code == 0
    assert "Changes by import" in checked.output
    assert len(load_graph(graph).items) == 2


def test_the_old_graph_may_stay(files, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    invoke("import", files(), "--out", old)
    invoke("import", files("b3,Ulysses\n"), "--into", old, "--out", new)
    assert (len(load_graph(old).items), len(load_graph(new).items)) == (2, 3)


def test_a_graph_that_is_not_there_is_one_line(files, tmp_path):
    result = invoke("import", files(), "--into", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.output.startswith("error: ")
    assert "is not a graph folder" in result.output


def test_people_are_asked_about_by_their_pseudonyms(files, tmp_path):
    (tmp_path / "users.key").write_text("k" * 32 + "\n")
    hidden = '[pseudonymise]\ntypes = "user"\nkey_file = "users.key"\n' + MAPPING
    invoke("import", files(mapping=hidden), "--out", tmp_path / "graph")
    options = ("--type", "user", "--key-file", tmp_path / "users.key")
    named = invoke("pseudonym", *options, "ann", "bob").output.split()
    assert sorted(named) == load_graph(tmp_path / "graph").users.vocab.ids.to_pylist()
    assert invoke("pseudonym", *options, input="ann\nbob\r\n").output.split() == named
    assert named == pseudonyms(["ann", "bob"], "user", b"k" * 32)


def test_a_key_is_needed(monkeypatch):
    for options in ((), ("--key-file", "a", "--key-env", "B")):
        result = invoke("pseudonym", *options, "ann")
        assert result.exit_code == 1
        assert result.output == "error: give either --key-file or --key-env\n"
    monkeypatch.setenv("SOME_KEY", "k" * 32)
    found = invoke("pseudonym", "--key-env", "SOME_KEY", "ann").output
    assert found.split() == pseudonyms(["ann"], "user", b"k" * 32)


@pytest.mark.slow
def test_killed_at_any_moment_it_is_the_old_graph_or_the_new_one(files, tmp_path):
    graph = tmp_path / "graph"
    many = "".join(f"i{i},Title {i}\n" for i in range(20_000))
    invoke("import", files(many, "ann,i1\n"), "--out", graph)
    command = [sys.executable, "-c", "import isthmus; isthmus.main()"]
    command += ["import", tmp_path / "mapping.toml", "--into", graph]
    start = time.monotonic()
    files("n0,New\n", "u0,n0\n")
    subprocess.run(command, check=True, capture_output=True)
    length = time.monotonic() - start
    rng = random.Random(0)
    for round_ in range(1, 6):
        files(f"n{round_},New\n", f"u{round_},n{round_}\n")
        before = load_imported(graph)
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.5, 1.0) * length)
        running.send_signal(signal.SIGKILL)
        running.wait()
        after = load_imported(graph)  # checks every file
        grown = len(after.graph.items) - len(before.graph.items)
        assert grown in (0, 1)
        assert len(after.accounts) - len(before.accounts) == 2 * grown
    assert subprocess.run(command, capture_output=True).returncode == 0
