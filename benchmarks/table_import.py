"""Interactions of a table to finished edges, beside DuckDB's bare scan-and-group of their ids.

    python benchmarks/table_import.py [--rows 10000000] [--rounds 3]

Ours is `import_graph` of a mapping that makes users and items from the rows: reading, ids to rows,
repeats merged, ids and edges sorted, accounts. The peer runs `select user, item, count(*) from FILE
group by all` and fetches the result as an Arrow table, which forgets the ids' order and numbers
nothing. Both may use two threads. A second mapping also reads weights and times, which the peer
does not look at.

Each measurement is a process of its own, rounds are interleaved, and medians count: seconds by the
clock and of the processor, without the start of the interpreter, and the peak memory of the whole
process. Rows are made up: users and items drawn by power laws, ids of eight and nine characters.
A small import, of a thousand rows of CSV with texts, is timed beside.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from machine import called, machine

from kg.files import write_json

RESULT = Path(__file__).parent / "results" / "table-import.json"
BAR = 0.5  # of the peer's speed
THREADS = 2
USERS, ITEMS = 1_000_000, 100_000
EDGES = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
[[edges]]
file = "FILE"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item", create = true }
"""
MAPPINGS = {"ids": EDGES, "ids, weights and times": EDGES + 'weight = "stars"\ntime = "time"\n'}
SMALL = """
[[nodes]]
file = "small-items.csv"
type = "item"
id = "id"
domain = "all"
text = "title"
[[edges]]
file = "small.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""


def main() -> int:
    """Measure, print, and write the record; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(*options.measure)))
        return 0
    about = machine("duckdb", "pyarrow", "numpy")
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), options.rows)
        formats = {
            kind: _compare(Path(folder) / f"rows.{kind}", options.rounds)
            for kind in ("parquet", "csv")
        }
        small = statistics.median(
            _run("small", Path(folder) / "small.csv")["wall_s"] for _ in range(5)
        )
    about["nice"] = os.nice(0)
    record = {"command": called(), "machine": about, "rows": options.rows}
    record |= {"rounds": options.rounds, "threads": THREADS}
    record |= {"formats": formats, "small_import_s": round(small, 4), "bar": BAR}
    write_json(RESULT, record)
    print(f"a small import: {small:.3f} s")
    return 0 if all(found["ids"]["speed"] >= BAR for found in formats.values()) else 1


def _compare(path: Path, rounds: int) -> dict[str, Any]:
    seen: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for what in ("duckdb", *MAPPINGS):
            seen.setdefault(what, []).append(_run(what, path))
    medians = {
        what: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for what, found in seen.items()
    }
    peer = medians["duckdb"]
    for what, found in medians.items():
        found["speed"] = round(peer["wall_s"] / found["wall_s"], 3)
        found["speed_by_processor_time"] = round(peer["cpu_s"] / found["cpu_s"], 3)
        print(
            f"{path.name:14} {what:24} {found['wall_s']:6.2f} s, {found['cpu_s']:6.2f} s of the "
            f"processor, peak {found['peak_mb']:,.0f} MB; speed {found['speed']:.2f} "
            f"({found['speed_by_processor_time']:.2f})",
            flush=True,
        )
    return medians


def _run(what: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", what, str(path)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def _measure(what: str, file: str) -> dict[str, float]:
    path = Path(file)
    work = _duckdb(path) if what == "duckdb" else _ours(what, path)
    wall, cpu = time.perf_counter(), time.process_time()
    edges = work()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "edges": edges,
    }


def _duckdb(path: Path) -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set threads = {THREADS}")
    query = f"select \"user\", item, count(*) from '{path}' group by all"
    return lambda: connection.sql(query).to_arrow_table().num_rows


def _ours(what: str, path: Path) -> Any:
    import kg.tables.parquet  # noqa: F401  # both have their libraries in memory
    from kg.importer import import_graph

    pa.set_cpu_count(THREADS)
    mapping = path.with_name(f"{what}-{path.suffix[1:]}.toml")
    text = SMALL if what == "small" else MAPPINGS[what].replace("FILE", path.name)
    mapping.write_text(text, encoding="utf-8")
    return lambda: len(import_graph(mapping).graph.interaction_edges)


def _make(folder: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    users = pa.array([f"u{i:07d}" for i in range(USERS)])
    items = pa.array([f"B{i:08d}" for i in range(ITEMS)])
    table = pa.table(
        {
            "user": users.take(pa.array(_drawn(USERS, 0.6, rows, rng))),
            "item": items.take(pa.array(_drawn(ITEMS, 0.8, rows, rng))),
            "stars": rng.integers(1, 6, rows),
            "time": rng.integers(1_500_000_000, 1_600_000_000, rows),
        }
    )
    pq.write_table(table, folder / "rows.parquet")
    arrow_csv.write_csv(table, folder / "rows.csv", arrow_csv.WriteOptions(quoting_style="none"))
    (folder / "items.csv").write_text("id\nB00000000\n", encoding="utf-8")
    titles = "".join(f'i{i},"Title {i}, the ""{i}th"""\n' for i in range(200))
    (folder / "small-items.csv").write_text("id,title\n" + titles, encoding="utf-8")
    pairs = "".join(f"u{i % 97},i{i * 7 % 200}\n" for i in range(1000))
    (folder / "small.csv").write_text("user,item\n" + pairs, encoding="utf-8")


def _drawn(size: int, power: float, rows: int, rng: np.random.Generator) -> np.ndarray:
    chance = np.cumsum((1.0 + np.arange(size)) ** -power)
    place = np.searchsorted(chance, rng.random(rows) * chance[-1])
    return rng.permutation(size)[place]


if __name__ == "__main__":
    sys.exit(main())
