"""Do the floors reproduce the published figures? Exits 1 where one is off.

python benchmarks/floors.py [--data FOLDER] [--out FILE]

Two domain pairs, both directions, users and items cold, on the test part of fixed splits. A figure
of full ranking must lie within 1 % (and the rounding of the published digits). A sampled figure is
one draw of negatives, theirs and ours: it must lie within 5 % and 0.1 points, twice that where the
test part has fewer than 500 users; the random floor, a draw as well, within 5 % and 0.5 points.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from encoders.channels.features import encode_graph, load_features, save_features
from encoders.load import load_encoder
from kg.errors import IsthmusError
from kg.files import write_json
from kg.graph import KnowledgeGraph
from kg.importer import import_graph
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.split import Protocol, make_split

HERE = Path(__file__).parent
PAIRS = {"food-kitchen": ("food", "kitchen"), "toys-beauty": ("toys", "beauty")}
MAPPINGS = {"food-kitchen": "food-kitchen.toml", "toys-beauty": "toys-beauty-text.toml"}
PROTOCOLS: tuple[Protocol, ...] = ("user-cold", "item-cold")
METRICS = ("NDCG@10", "Recall@20", "sampled MRR", "sampled NDCG@10", "sampled HR@10")

# all in %: full NDCG@10, full Recall@20, and among 999 negatives MRR, NDCG@10, HR@10
PUBLISHED: dict[tuple[str, str, str], dict[str, tuple[float, ...]]] = {
    ("food", "kitchen", "user-cold"): {
        "popularity": (0.85, 1.71, 5.17, 5.32, 10.06),
        "user-kNN": (3.84, 5.70, 10.18, 12.16, 20.87),
        "user-kNN + popularity": (3.90, 5.93, 11.25, 12.85, 22.19),
        "text cosine": (0.09, 0.22, 1.20, 0.93, 1.87),
        "text + user-kNN + popularity": (3.93, 5.83, 11.28, 12.82, 21.90),
    },
    ("food", "kitchen", "item-cold"): {
        "random": (0.19, 0.69, 0.75, 0.45, 0.96),
        "text cosine": (3.49, 7.87, 4.66, 5.04, 8.76),
        "text-kNN bridge": (5.20, 12.31, 6.84, 7.90, 14.03),
        "bridge + text": (5.33, 12.68, 7.09, 8.20, 14.58),
    },
    ("kitchen", "food", "user-cold"): {
        "popularity": (3.69, 6.48, 7.62, 8.41, 15.58),
        "user-kNN": (7.55, 12.51, 11.42, 14.06, 25.28),
        "user-kNN + popularity": (7.63, 12.99, 12.02, 14.39, 25.90),
        "text cosine": (0.26, 0.45, 0.97, 0.70, 1.59),
        "text + user-kNN + popularity": (7.70, 13.09, 12.03, 14.35, 25.68),
    },
    ("kitchen", "food", "item-cold"): {
        "random": (0.50, 2.10, 0.70, 0.40, 0.88),
        "text cosine": (8.96, 18.87, 5.86, 6.69, 12.34),
        "text-kNN bridge": (14.53, 30.26, 9.16, 10.67, 19.58),
        "bridge + text": (15.15, 31.41, 9.56, 11.24, 20.63),
    },
    ("toys", "beauty", "user-cold"): {
        "popularity": (1.08, 2.07, 4.89, 4.86, 10.55),
        "user-kNN": (8.06, 6.40, 11.31, 13.70, 26.80),
        "user-kNN + popularity": (8.15, 6.59, 11.66, 13.68, 26.23),
        "text cosine": (0.04, 0.05, 0.50, 0.21, 0.52),
        "text + user-kNN + popularity": (8.31, 6.58, 11.40, 13.53, 26.23),
    },
    ("toys", "beauty", "item-cold"): {
        "random": (0.53, 1.78, 0.80, 0.51, 1.09),
        "text cosine": (6.25, 13.91, 4.92, 5.47, 10.20),
        "text-kNN bridge": (10.25, 22.66, 7.95, 9.36, 17.60),
        "bridge + text": (10.51, 23.04, 8.11, 9.54, 17.73),
    },
    ("beauty", "toys", "user-cold"): {
        "popularity": (2.05, 2.25, 3.86, 3.59, 6.63),
        "user-kNN": (5.41, 4.74, 5.82, 6.26, 12.33),
        "user-kNN + popularity": (5.53, 4.91, 6.21, 6.76, 13.60),
        "text cosine": (0.00, 0.00, 0.60, 0.32, 0.91),
        "text + user-kNN + popularity": (5.56, 5.04, 6.10, 6.50, 12.87),
    },
    ("beauty", "toys", "item-cold"): {
        "random": (0.40, 1.69, 0.72, 0.43, 0.96),
        "text cosine": (6.54, 13.56, 4.78, 5.42, 10.00),
        "text-kNN bridge": (11.04, 23.27, 8.22, 9.77, 18.19),
        "bridge + text": (11.23, 23.59, 8.27, 9.83, 18.21),
    },
}


@dataclass(frozen=True)
class Figure:
    """One metric of one floor, ours beside the published one, in %."""

    metric: str
    ours: float
    published: float
    tolerance: float

    @property
    def passes(self) -> bool:
        """Whether the two agree."""
        return abs(self.ours - self.published) <= self.tolerance

    @property
    def relative(self) -> float | None:
        """Relative difference; None where the published figure is 0."""
        return self.ours / self.published - 1 if self.published else None


def compare(scorer: Scorer, task: Task, published: tuple[float, ...], seed: int) -> list[Figure]:
    """Evaluate one floor on the test part, beside the published figures."""
    result = evaluate(scorer, task.split, "test", rng=np.random.default_rng(seed))
    ours = [result.mean(metric) for metric in METRICS[:2]]
    ours += [result.sampled_mean(metric.removeprefix("sampled ")) for metric in METRICS[2:]]
    few = 2 if len(result.users) < 500 else 1
    figures = []
    for metric, mine, theirs in zip(METRICS, ours, published, strict=True):
        if scorer.name == "random":
            tolerance = 0.05 * theirs + 0.5
        elif metric.startswith("sampled"):
            tolerance = few * (0.05 * theirs + 0.1)
        else:
            tolerance = 0.01 * theirs + 0.01
        figures.append(Figure(metric, 100 * mine, theirs, tolerance))
    return figures


def load(data: Path, pair: str, cache: Path) -> tuple[KnowledgeGraph, np.ndarray]:
    """Import a domain pair; return it and the text vectors of its items, encoded once."""
    os.environ["ISTHMUS_DATA"] = str(data.resolve())  # the mappings read it
    graph = import_graph(HERE / "mappings" / MAPPINGS[pair]).graph
    folder = cache.expanduser() / f"{pair}-{graph.fingerprint[:16]}"
    if not folder.is_dir():
        save_features(encode_graph(graph, load_encoder("minilm")), folder)
    return graph, load_features(folder, graph).vectors["item"]


def run(data: Path, cache: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Yield one record per direction, protocol and floor, printing as it goes."""
    for pair, (one, two) in PAIRS.items():
        graph, features = load(data, pair, cache)
        for source, target in ((one, two), (two, one)):
            config = TaskConfig(
                target=target,
                sources=(source,),
                cold_users=data / pair / f"cold-users-in-{target}.tsv.gz",
                cold_items=data / pair / f"cold-items-in-{target}.tsv.gz",
            )
            for protocol in PROTOCOLS:
                split = make_split(graph, config, protocol, seed)
                task = Task(split=split, item_features=features)
                num_users = len(np.unique(split.test.users))
                print(
                    f"\n{source} → {target}, {protocol}: {num_users} users, "
                    f"{len(split.test)} rows; ours, published"
                )
                published = PUBLISHED[source, target, protocol]
                for floor in floors_for(task, seed):
                    if floor.name not in published:
                        continue
                    start = time.perf_counter()
                    figures = compare(floor, task, published[floor.name], seed)
                    seconds = time.perf_counter() - start
                    print(f"  {floor.name:30}{seconds:7.1f} s")
                    for figure in figures:
                        print(_line(figure))
                    yield {
                        "source": source,
                        "target": target,
                        "protocol": protocol,
                        "users": num_users,
                        "rows": len(split.test),
                        "floor": floor.name,
                        "seconds": round(seconds, 2),
                        "figures": {figure.metric: _record(figure) for figure in figures},
                    }


def _line(figure: Figure) -> str:
    relative = "" if figure.relative is None else f"{figure.relative:+8.1%}"
    mark = "" if figure.passes else "   OFF"
    return f"    {figure.metric:18}{figure.ours:8.2f}{figure.published:8.2f}{relative}{mark}"


def _record(figure: Figure) -> dict[str, Any]:
    return {
        "ours": round(figure.ours, 3),
        "published": figure.published,
        "relative": None if figure.relative is None else round(figure.relative, 4),
        "passes": figure.passes,
    }


def main() -> int:
    """Run, compare, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("ISTHMUS_DATA") or None
    parser.add_argument("--data", type=Path, default=default, help="by default $ISTHMUS_DATA")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/isthmus/benchmarks"))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "floors.json")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.data is None:
        print("which data? give --data or set ISTHMUS_DATA", file=sys.stderr)
        return 2
    if not arguments.data.is_dir():
        print(f"no data at {arguments.data}: give --data or set ISTHMUS_DATA", file=sys.stderr)
        return 2
    about = machine("numpy")
    try:
        records = list(run(arguments.data, arguments.cache, arguments.seed))
    except IsthmusError as error:
        print(error, file=sys.stderr)
        return 2
    figures = [figure for record in records for figure in record["figures"].values()]
    off = sum(not figure["passes"] for figure in figures)
    command = f"python benchmarks/floors.py --seed {arguments.seed}"
    write_json(
        arguments.out,
        {"command": command, "machine": about, "figures": len(figures), "off": off}
        | {"floors": records},
    )
    print(f"\n{len(figures)} figures, {off} off")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
