"""Entity linking by label alone: Last.fm artists to DBpedia, ours beside exact string match.

    ISTHMUS_DATA=DATA python benchmarks/linking.py [--nearest]

The true links, `uri` in `lastfm-dbpedia/artists.tsv.gz`, are hidden: the graph is imported from the
names of the artists, who played them, and `dbpedia.nt.gz`, which has no labels, so that entities
are called by their IRIs. Precision counts all links, also of artists whose entity the graph does
not have; recall counts the artists whose entity it has. Rules were chosen on a random half of
the artists, drawn once ("seen"), after a look at 150 pairs of names from the whole; the rule about
middle initials, after recall of the unseen half was known.

The dump has facts about artists that are in the table and hardly about anybody else. `having =
"*"`, only entities of which the graph says something, therefore helps more here than it would
elsewhere, and results without it stand beside.
"""

import argparse
import gzip
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from machine import machine

from kg.files import write_json
from kg.graph import KnowledgeGraph
from kg.importer import import_graph
from kg.linking.apply import links_of
from kg.linking.rules import LinkRule
from kg.mapping import read_mapping
from kg.rejects import RejectLog

RESULT = Path(__file__).parent / "results" / "linking.json"
NAMESPACE = "http://dbpedia.org/resource/"
BARS = {"precision": 0.985, "recall": 0.90}
ROUNDS = 7
MAPPING = """
[[nodes]]
file = "artists.tsv"
type = "item"
id = "id"
domain = "music"
text = "name"

[[edges]]
file = "plays.tsv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "id" }

[[rdf]]
file = "DUMP"
"""
NAMES = ("exact", "normalised")
OURS = "exact, normalised, first named; described"
ARTISTS = (
    *("genre", "instrument", "occupation", "recordLabel", "bandMember", "formerBandMember"),
    *("associatedBand", "associatedMusicalArtist"),
)
# links many to one: of two names of one artist both count
RULE = LinkRule(source="item", target="entity", one_to_one=False)
RULES = {
    "exact": replace(RULE, methods=("exact",)),
    "exact; described": replace(RULE, methods=("exact",), having=("*",)),
    "exact, normalised": replace(RULE, methods=NAMES),
    "exact, normalised; described": replace(RULE, methods=NAMES, having=("*",)),
    "exact, normalised, first named": replace(RULE, methods=(*NAMES, "first_named")),
    OURS: replace(RULE, methods=(*NAMES, "first_named"), having=("*",)),
    f"{OURS}; one to one": replace(
        RULE, methods=(*NAMES, "first_named"), having=("*",), one_to_one=True
    ),
    "exact, normalised, first named; of music": replace(
        RULE, methods=(*NAMES, "first_named"), having=ARTISTS
    ),
}
NEAREST = replace(RULE, methods=(*NAMES, "first_named", "nearest"), having=("*",))


def read_tsv(path: Path) -> list[list[str]]:
    """Return the rows of a table behind its header."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file][1:]


def hidden_mapping(data: Path, folder: Path, artists: list[list[str]]) -> Path:
    """Write a mapping whose files do not say which entity an artist is."""
    id_of = {uri: artist for artist, _, uri in artists}
    rows = [f"{artist}\t{name}" for artist, name, _ in artists]
    (folder / "artists.tsv").write_text("\n".join(["id\tname", *rows, ""]), encoding="utf-8")
    plays = [f"{user}\t{id_of[uri]}" for user, uri, _ in read_tsv(data / "interactions.tsv.gz")]
    (folder / "plays.tsv").write_text("\n".join(["user\tid", *plays, ""]), encoding="utf-8")
    path = folder / "mapping.toml"
    path.write_text(MAPPING.replace("DUMP", str((data / "dbpedia.nt.gz").absolute())))
    return path


def exact_match(graph: KnowledgeGraph) -> dict[str, str]:
    """Link as a script would: a dictionary of names."""
    by_name = {
        unquote(node_id.removeprefix("dbr:")).replace("_", " "): node_id
        for node_id in graph.nodes["entity"].vocab.ids.to_pylist()
    }
    items = zip(graph.items.vocab.ids.to_pylist(), graph.items.title.to_pylist(), strict=True)
    return {artist: by_name[name] for artist, name in items if name in by_name}


def judge(
    pairs: list[tuple[str, str]], truth: dict[str, str], known: set[str], of: set[str]
) -> dict[str, Any]:
    """Return precision and recall of links, among some artists."""
    made = [(artist, entity) for artist, entity in pairs if artist in of]
    right = sum(truth[artist] == entity for artist, entity in made)
    possible = sum(truth[artist] in known for artist in of)
    return {
        "links": len(made),
        "right": right,
        "possible": possible,
        "precision": round(right / len(made), 4),
        "recall": round(right / possible, 4),
    }


def timed(calls: dict[str, Callable[[], Any]]) -> dict[str, dict[str, float]]:
    """Return median seconds of each call, processor and clock, rounds interleaved."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began = time.process_time(), time.perf_counter()
            call()
            now = time.process_time(), time.perf_counter()
            spent[name].append((now[0] - began[0], now[1] - began[1]))
    return {
        name: {
            "processor_s": round(statistics.median(own[0] for own in rounds), 4),
            "clock_s": round(statistics.median(own[1] for own in rounds), 4),
        }
        for name, rounds in spent.items()
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("ISTHMUS_DATA"))
    parser.add_argument("--nearest", action="store_true", help="also vectors of names, a minute")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("set ISTHMUS_DATA or give --data")
    data = Path(arguments.data) / "lastfm-dbpedia"
    about = machine("pyarrow", "numpy")
    artists = read_tsv(data / "artists.tsv.gz")
    with tempfile.TemporaryDirectory() as name:
        path = hidden_mapping(data, Path(name), artists)
        graph = import_graph(path).graph
        whole = import_graph(replace(read_mapping(path), links=(RULES[OURS],)))
    known = set(graph.nodes["entity"].vocab.ids.to_pylist())
    truth = {artist: uri.replace(NAMESPACE, "dbr:") for artist, _, uri in artists}
    order = sorted(truth)
    random.Random(0).shuffle(order)
    middle = len(order) // 2
    parts = {"all": set(order), "seen": set(order[:middle]), "unseen": set(order[middle:])}

    def links(rule: LinkRule) -> Any:
        return links_of(graph, rule, folder=Path(), log=RejectLog(), encode=encode)

    found = {"exact string match": list(exact_match(graph).items())}
    ambiguous: dict[str, list[str]] = {}
    rules = RULES | ({f"{OURS}; nearest": NEAREST} if arguments.nearest else {})
    for label, rule in rules.items():
        rows = links(rule).to_pylist()
        found[label] = [(r["source"], r["target"]) for r in rows if r["status"] == "linked"]
        unsure = {r["source"] for r in rows if r["status"] == "ambiguous"}
        ambiguous[label] = sorted(unsure, key=int)
    imported = [r for r in whole.links.to_pylist() if r["status"] == "linked"]
    if [(r["source"], r["target"]) for r in imported] != found[OURS]:
        raise SystemExit("an import links otherwise than a look does")

    results = {
        label: {part: judge(pairs, truth, known, of) for part, of in parts.items()}
        for label, pairs in found.items()
    }
    seconds = timed(
        {"exact string match": lambda: exact_match(graph), OURS: lambda: links(RULES[OURS])}
    )
    for label, by_part in results.items():
        cells = "   ".join(
            f"{part} P {own['precision']:.4f} R {own['recall']:.4f}"
            for part, own in by_part.items()
        )
        unsure = f"   ambiguous {len(ambiguous[label])}" if label in ambiguous else ""
        print(f"{label:50} {cells}{unsure}")
    names = {artist: name for artist, name, _ in artists}
    print(f"ambiguous in {OURS!r}: {', '.join(names[artist] for artist in ambiguous[OURS])}")
    peer = results["exact string match"]["all"]
    ours = results[OURS]["all"]
    over = {key: round(ours[key] / peer[key], 3) for key in BARS}
    print(f"ours over exact string match: {over}; seconds {seconds}")
    write_json(
        arguments.out,
        {
            "command": "python benchmarks/linking.py" + (" --nearest" if arguments.nearest else ""),
            "machine": about,
            "artists": len(truth),
            "entities": len(known),
            "bars": {key: {"at_least": bar, "ours": ours[key]} for key, bar in BARS.items()},
            "ours": OURS,
            "ours_over_exact_string_match": over,
            "seconds": seconds,
            "ambiguous_artist_ids": ambiguous,
            "results": results,
        },
    )


def encode(model: str, texts: list[str]) -> np.ndarray:
    """Return vectors of names, without a cache."""
    from encoders.load import load_encoder

    return load_encoder(model).encode(texts)


if __name__ == "__main__":
    main()
