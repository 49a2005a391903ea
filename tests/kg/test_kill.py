"""Killed at any moment, an import leaves the old graph or the new one, and a rerun completes."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kg.importer import import_graph
from kg.store import load_graph, save_graph

REPOSITORY = Path(__file__).parents[2]
MAPPING = """
[[nodes]]
file = "items.tsv"
type = "item"
id = "id"
domain_column = "domain"
text = "title"

[[edges]]
file = "used.tsv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""
COMMAND = "import sys, isthmus; sys.argv[0] = 'isthmus'; isthmus.main()"
KILLS = 20
WRITING, DONE = ".graph.*", ".graph.*/manifest.json"  # the manifest is written last

pytestmark = pytest.mark.slow


def write_files(folder: Path, number: int) -> None:
    items = "".join(f"i{i}\t{'ab'[i % 2]}\ttitle {i} of {number}\n" for i in range(20_000))
    used = "".join(f"u{i % 5_000}\ti{i * i % 20_000}\n" for i in range(200_000))
    (folder / "items.tsv").write_text("id\tdomain\ttitle\n" + items)
    (folder / "used.tsv").write_text("user\titem\n" + used)
    (folder / "mapping.toml").write_text(MAPPING)


def begin(folder: Path) -> subprocess.Popen:
    arguments = ["import", str(folder / "mapping.toml"), "--out", str(folder / "graph")]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_after(process: subprocess.Popen, folder: Path, seconds: float, seen: str = "") -> None:
    """Kill a process after some time, counted from when it has written `seen` if that is given."""
    while seen and process.poll() is None and not any(folder.glob(seen)):
        time.sleep(0.0005)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()  # its own process and no other: SIGKILL, which nothing can catch
        process.wait()


def test_the_folder_is_the_old_graph_or_the_new_one(tmp_path):
    write_files(tmp_path, 1)
    save_graph(import_graph(tmp_path / "mapping.toml"), tmp_path / "old")
    old = load_graph(tmp_path / "old").fingerprint
    write_files(tmp_path, 2)
    start = time.perf_counter()
    process = begin(tmp_path)
    while not any(tmp_path.glob(WRITING)) and process.poll() is None:
        time.sleep(0.001)
    reading = time.perf_counter() - start
    assert process.wait() == 0
    writing = time.perf_counter() - start - reading
    new = load_graph(tmp_path / "graph").fingerprint
    assert new != old

    draw = random.Random(0)
    seen, interrupted = [], 0
    for i in range(KILLS):
        before = i % 5 > 0  # some where there was no graph before
        shutil.rmtree(tmp_path / "graph", ignore_errors=True)
        for rest in tmp_path.glob(WRITING):
            shutil.rmtree(rest)
        if before:
            shutil.copytree(tmp_path / "old", tmp_path / "graph")
        process = begin(tmp_path)
        # most of them while the folder is written, or put in its place
        span, what = [(reading, ""), (writing, WRITING), (0.01, DONE), (0.01, DONE)][i % 4]
        kill_after(process, tmp_path, draw.uniform(0, span), what)
        interrupted += process.returncode != 0
        if before or (tmp_path / "graph").exists():
            seen.append(load_graph(tmp_path / "graph").fingerprint)  # which checks every file
            assert seen[-1] in (old, new)
            assert before or seen[-1] == new
    assert interrupted > KILLS // 2
    assert old in seen

    shutil.rmtree(tmp_path / "graph", ignore_errors=True)
    shutil.copytree(tmp_path / "old", tmp_path / "graph")
    process = begin(tmp_path)
    kill_after(process, tmp_path, writing / 4, WRITING)
    assert begin(tmp_path).wait() == 0
    assert load_graph(tmp_path / "graph").fingerprint == new
