"""N-Triples to the finished graph on disk, beside bare parses of the same lines.

    python benchmarks/rdf_import.py [--triples 10000000] [--rounds 3]

Ours is `import_graph` and `save_graph`: reading, typing, naming, sorting, checksums, everything.
The peers only parse: pyoxigraph is iterated and forgets what it reads, rdflib fills its graph in
memory. rdflib takes the first 300,000 lines, and its seconds a triple are taken for all.

Each measurement is a process of its own, rounds are interleaved, and medians count. The time is
that of the work, without the start of the interpreter; memory is the peak of the whole process.
The files are beauty.nt of `ISTHMUS_DATA`, if that is set, and lines that are made up: entities of
a few types with names, links to popular ones, years and descriptions (15 % literals), and users.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from machine import called, machine

from kg.files import write_json

RESULT = Path(__file__).parent / "results" / "rdf-import.json"
OF_RDFLIB, OF_PYOXIGRAPH, MOST_BYTES = 12, 0.6, 1_500_000_000
SAMPLE = 300_000  # lines for rdflib
BLOCK = 50_000  # entities that are written at once
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
COMMENT = "<http://www.w3.org/2000/01/rdf-schema#comment>"
YEAR = "^^<http://www.w3.org/2001/XMLSchema#gYear>"
ONTOLOGY = "http://dbpedia.org/ontology/"
LINKS = ("starring", "director", "genre", "country", "wikiPageWikiLink", "subject")
KINDS = ("Film", "Person", "Place", "Company")
MADE_UP = f"""
[interactions]
user = "user"
item = "item"
relation = "likes"
[[rdf]]
file = "FILE"
attributes = ["dbo:year"]
[rdf.types]
"dbo:Film" = {{ type = "item", domain = "films" }}
"dbo:Person" = {{ type = "person" }}
"{ONTOLOGY}User" = {{ type = "user" }}
"""
BEAUTY = """
[interactions]
user = "item"
item = "item"
relation = "also_bought"
[[rdf]]
file = "FILE"
[[rdf.nodes]]
prefix = "https://www.amazon.com/dp/"
type = "item"
domain = "beauty"
"""


def main() -> int:
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triples", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(measured(STEPS[arguments.step], arguments.work)))
        return 0
    about = machine("pyarrow", "numpy", "pyoxigraph", "rdflib")
    files: dict[str, dict[str, Any]] = {}
    judged = ("beauty.nt", f"{arguments.triples:,}")  # the others are for their memory
    with tempfile.TemporaryDirectory() as folder:
        for name, make in sources(arguments.triples):
            work = Path(folder) / name.replace(" ", "-")
            work.mkdir()
            make(work)
            files[name] = compare(work, arguments.rounds if name in judged else 1)
            shutil.rmtree(work)
            print(line(name, files[name]), flush=True)
    write_json(
        arguments.out,
        {
            "command": called(),
            "machine": about,
            "bars": {"of_rdflib": OF_RDFLIB, "of_pyoxigraph": OF_PYOXIGRAPH, "bytes": MOST_BYTES},
            "files": files,
        },
    )
    missed = [name for name in judged if name in files and not reached(files[name])]
    for name in missed:
        print(f"{name}: below the bar", file=sys.stderr)
    return 1 if missed else 0


def sources(most: int) -> list[tuple[str, Callable[[Path], None]]]:
    """Return names and makers of the files, each with its mapping."""
    found: list[tuple[str, Callable[[Path], None]]] = []
    if data := os.environ.get("ISTHMUS_DATA"):
        packed = Path(data) / "toys-beauty" / "beauty.nt.gz"
        found.append(("beauty.nt", lambda work: unpack(packed, work)))
    for count in (most // 10, 3 * most // 10, most):
        found.append((f"{count:,}", lambda work, count=count: make_up(work, count)))
    return found


def unpack(packed: Path, work: Path) -> None:
    """Write the lines of a packed file, and their mapping."""
    with gzip.open(packed) as source, (work / "lines.nt").open("wb") as target:
        shutil.copyfileobj(source, target)
    (work / "mapping.toml").write_text(BEAUTY.replace("FILE", "lines.nt"), encoding="utf-8")


def make_up(work: Path, count: int) -> None:
    """Write `count` triples of a fifth as many entities, and their mapping."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("aeioulnrstkmb"), 6)).title() for _ in range(4000)])
    size = count // 5
    with (work / "lines.nt").open("wb") as file:
        written, start = 0, 0
        while written < count:
            block = np.arange(start, start + BLOCK) % size
            lines = describe(block, size, words, rng)[: count - written]
            file.write("\n".join(lines.to_pylist()).encode() + b"\n")
            written += len(lines)
            start += BLOCK
    (work / "mapping.toml").write_text(MADE_UP.replace("FILE", "lines.nt"), encoding="utf-8")


def describe(block: Any, size: int, words: Any, rng: np.random.Generator) -> Any:
    """Return the lines of some entities, those of each together."""
    names, iris = title(block, words), iri(block, words)
    user = block % 5 == 0
    kind = pa.array(np.where(user, "User", np.array(KINDS)[block % len(KINDS)]))
    one = np.arange(len(block))
    parts = [(one, join(iris, f" {RDF_TYPE} <{ONTOLOGY}", kind, "> ."))]

    def say(share: float, predicate: str, value: Any, suffix: str) -> None:
        some = np.flatnonzero(rng.random(len(block)) < share)
        text = pa.array(value).take(pa.array(some))
        who = iris.take(pa.array(some))
        parts.append((some, join(who, f' {predicate} "', text, f'"{suffix} .')))

    year = (1900 + rng.integers(0, 120, len(block))).astype(str)
    described = pc.binary_join(
        pa.array(words[rng.integers(0, len(words), (len(block), 12))].tolist()), " "
    )
    say(0.6, LABEL, names, "@en")
    say(0.1, f"<{ONTOLOGY}year>", year, YEAR)
    say(0.05, COMMENT, described, "@en")
    links = np.repeat(one, rng.integers(2, 5, len(one)))
    target = (size * rng.random(len(links)) ** 3).astype(np.int64)  # many link to few
    relation = np.array(LINKS)[rng.integers(0, len(LINKS), len(links))]
    likes = user[links]
    target[likes] = target[likes] // 20 * 20 + 4  # users like films
    relation[likes] = "likes"
    of = iris.take(pa.array(links))
    relations = join(f" <{ONTOLOGY}", pa.array(relation), "> ")
    parts.append((links, join(of, relations, iri(target % size, words), " .")))
    order = np.argsort(np.concatenate([at for at, _ in parts]), kind="stable")
    return pa.concat_arrays([lines for _, lines in parts]).take(pa.array(order))


def title(numbers: Any, words: Any) -> Any:
    """Return two words and a number for each entity."""
    first, second = words[numbers % len(words)], words[numbers // len(words) % len(words)]
    return pc.binary_join_element_wise(
        pa.array(first), pa.array(second), pa.array(numbers.astype(str)), " "
    )


def iri(numbers: Any, words: Any) -> Any:
    """Return the bracketed IRI of each entity."""
    return join(
        "<http://dbpedia.org/resource/", pc.replace_substring(title(numbers, words), " ", "_"), ">"
    )


def join(*parts: Any) -> Any:
    """Concatenate texts and columns of texts."""
    return pc.binary_join_element_wise(*parts, "")


def compare(work: Path, rounds: int) -> dict[str, Any]:
    """Run every step in turn, several times, and return medians and ratios."""
    found: dict[str, list[dict[str, float]]] = {step: [] for step in STEPS}
    for _ in range(rounds):
        for step, runs in found.items():
            command = [sys.executable, __file__, "--step", step, "--work", str(work)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs.append(json.loads(output.splitlines()[-1]))
    triples = found["pyoxigraph"][0]["triples"]
    result: dict[str, Any] = {"triples": triples, "runs": found}
    for clock in ("seconds", "cpu_seconds"):
        each = {
            step: statistics.median(run[clock] / run["triples"] for run in runs)
            for step, runs in found.items()
        }
        ours = each["ours"]
        result[clock] = {step: round(each[step] * triples, 2) for step in each}
        result[f"of_pyoxigraph_{clock}"] = round(each["pyoxigraph"] / ours, 2)
        result[f"of_rdflib_{clock}"] = round(each["rdflib"] / ours, 1)
    result["peak_bytes"] = max(run["peak_bytes"] for run in found["ours"])
    return result


def line(name: str, found: dict[str, Any]) -> str:
    """Return one measured file for people."""
    return (
        f"{name}: {found['seconds']['ours']} s ({found['triples'] / found['seconds']['ours']:,.0f} "
        f"triples/s), {found['of_rdflib_seconds']} times rdflib's parse and "
        f"{found['of_pyoxigraph_seconds']} of pyoxigraph's; peak {found['peak_bytes'] / 1e9:.2f} GB"
    )


def reached(found: dict[str, Any]) -> bool:
    """Return whether a measured file is above the bars."""
    return (
        found["of_rdflib_seconds"] >= OF_RDFLIB
        and found["of_pyoxigraph_seconds"] >= OF_PYOXIGRAPH
        and found["peak_bytes"] < MOST_BYTES
    )


def measured(step: Callable[[Path], Callable[[], int]], work: Path) -> dict[str, float]:
    """Return time, memory and triples of one step; what it imports is not timed."""
    run = step(work)
    start, began = time.perf_counter(), time.process_time()
    triples = run()
    return {
        "triples": triples,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - began,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def ours(work: Path) -> Callable[[], int]:
    """Import and save."""
    from kg.importer import import_graph
    from kg.store import save_graph

    def run() -> int:
        imported = import_graph(work / "mapping.toml")
        save_graph(imported, work / "graph")
        return sum(account.rows for account in imported.accounts)

    return run


def pyoxigraph(work: Path) -> Callable[[], int]:
    """Iterate over the quads."""
    from pyoxigraph import RdfFormat, parse

    return lambda: sum(1 for _ in parse(path=work / "lines.nt", format=RdfFormat.N_TRIPLES))


def rdflib(work: Path) -> Callable[[], int]:
    """Parse the first lines into a graph."""
    from rdflib import Graph

    with (work / "lines.nt").open("rb") as file:
        lines = list(islice(file, SAMPLE))

    def run() -> int:
        Graph().parse(data=b"".join(lines), format="nt")
        return len(lines)

    return run


STEPS = {"ours": ours, "pyoxigraph": pyoxigraph, "rdflib": rdflib}

if __name__ == "__main__":
    sys.exit(main())
