"""How quick an index is beside exact search, and how much it finds: a million generated vectors.

    python benchmarks/index.py

Items lie in clusters of clusters, as embeddings do: 300 groups hold 20,000 clusters, whose sizes
fall as a power law; coordinates have a decaying spectrum, clusters widths of their own, items a
length and a bias that grow with a log-normal popularity. A user is the sum of up to eight items of
one to three clusters over the root of their number, as in a graph network. What this makes is said
in the record: the intrinsic dimension around items (Levina and Bickel 2004) and the cosines of the
nearest. Exact search is ours (`queries.candidates.top_k`) and torch's (`matmul` and `topk`, 64
users at once), at one thread each and in turns; processor time counts, for the machine is shared.
Recall is of the exact 100 best, on users that had no part in choosing the effort. All kinds of
index are compared on fewer items, each tuned to the same recall.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import called, machine
from stopwatch import taken
from threadpoolctl import threadpool_limits

from kg.files import write_json
from queries.candidates import top_k
from queries.index.approximate import Approximate
from queries.index.kinds import KINDS
from queries.index.measured import K, recall_of, tune

RESULT = Path(__file__).parent / "results" / "index.json"
BATCH = 64
GROUPS, CLUSTERS, DIM = 300, 20_000, 128


def generate(num_items: int, num_users: int, seed: int = 0):
    """Return items `[num_items, 128]`, biases and users `[num_users, 128]`, float32."""
    rng = np.random.default_rng(seed)
    spectrum = (np.arange(1, DIM + 1) ** -0.25).astype(np.float32)

    def noise(rows: int) -> np.ndarray:
        return rng.standard_normal((rows, DIM), dtype=np.float32) * spectrum

    clusters = min(CLUSTERS, num_items // 20)
    centres = noise(GROUPS)[rng.integers(GROUPS, size=clusters)] + 0.8 * noise(clusters)
    share = np.arange(1, clusters + 1) ** -0.7
    of = np.sort(rng.choice(clusters, size=num_items, p=share / share.sum()))
    width = (0.6 * rng.lognormal(0, 0.3, clusters)).astype(np.float32)
    items = noise(num_items) * width[of, None] + centres[of]
    popularity = rng.lognormal(0, 1, num_items).astype(np.float32)
    length = 3.2 * popularity**0.25 / np.linalg.norm(items, axis=1)
    items *= length[:, None]
    first, last = np.searchsorted(of, of), np.searchsorted(of, of, side="right")
    anchors = rng.integers(num_items, size=(num_users, 3))
    which = rng.integers(rng.integers(1, 4, size=num_users)[:, None], size=(num_users, 8))
    anchor = np.take_along_axis(anchors, which, axis=1)
    used = rng.integers(first[anchor], last[anchor])
    there = np.arange(8) < rng.integers(1, 9, size=num_users)[:, None]
    users = np.stack(
        [
            items[row[mask]].sum(axis=0) / np.sqrt(mask.sum())
            for row, mask in zip(used, there, strict=True)
        ]
    )
    order = rng.permutation(num_items)
    bias = np.float32(0.15) * np.log(popularity)
    return items[order], bias[order], np.float32(0.4) * users.astype(np.float32)


def described(items: np.ndarray, users: np.ndarray, bias: np.ndarray) -> dict[str, object]:
    """Return how the data lie: intrinsic dimension, cosines of the nearest, scores of the best."""
    rng = np.random.default_rng(1)
    unit = items / np.linalg.norm(items, axis=1, keepdims=True)
    some = rng.choice(len(items), 100, replace=False)
    near = -np.sort(-(unit[some] @ unit.T), axis=1)[:, 1 : K + 1]
    apart = np.sqrt(np.maximum(2 - 2 * near, 1e-12))
    dimension = -1 / np.log(apart[:, :-1] / apart[:, -1:]).mean(axis=1)
    scores = -np.sort(-(users[:100] @ items.T + bias), axis=1)
    spread = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    return {
        "intrinsic_dimension": round(float(np.median(dimension)), 1),
        "cosine_of_nearest": {r: round(float(np.median(near[:, r - 1])), 3) for r in (1, 10, 100)},
        "deviations_of_best": {
            r: round(float(np.median(spread[:, r - 1])), 1) for r in (1, 10, 100)
        },
    }


def in_turns(ways: dict[str, tuple[Callable[[int], object], int]], rounds: int):
    """Return medians over rounds of milliseconds a user, wall and of the processor."""
    seconds = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (way, size) in ways.items():
            _, wall, busy = taken(partial(way, turn))
            if turn:  # the first is a warm-up
                seconds[name].append((1_000 * wall / size, 1_000 * busy / size))
    return {
        name: {
            "wall_ms": round(float(np.median([wall for wall, _ in each])), 4),
            "processor_ms": round(float(np.median([busy for _, busy in each])), 4),
        }
        for name, each in seconds.items()
    }


def others(
    items: np.ndarray, bias: np.ndarray, users: np.ndarray, recall: float
) -> list[dict[str, object]]:
    """Return what each kind of index does on the same vectors, tuned to the same recall."""
    found: list[dict[str, object]] = []
    for kind in KINDS:
        build = partial(Approximate.build, items, bias, np.arange(len(items)), seed=0, kind=kind)
        index, _, built = taken(build)
        index, measured = tune(index, users, items, bias, recall=recall)
        found.append(
            {
                "kind": kind,
                "index": index.way.label(index.index),
                index.way.of: measured.effort,
                "recall": round(measured.recall, 4),
                "processor_ms": round(measured.milliseconds, 4),
                "over_exact": round(measured.times, 1),
                "build_processor_s": round(built, 1),
                "bytes_an_item": round(len(faiss.serialize_index(index.index)) / len(items)),
            }
        )
        print(found[-1], flush=True)
    return found


def main() -> None:
    """Generate, build, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--recall", type=float, default=0.985, help="that efforts are chosen for")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--others", type=int, default=100_000, help="items of which all kinds are built"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    about = machine("faiss-cpu", "numpy", "torch")
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        items, bias, users = generate(options.items, 4_096)
        data = described(items, users, bias)
        print(data, flush=True)
        everything, allowed = np.arange(len(items)), np.ones(len(items), dtype=np.bool_)
        index, _, built = taken(partial(Approximate.build, items, bias, everything, seed=0))
        print(f"built in {built:.0f} s of processor time", flush=True)
        index, measured = tune(index, users[:800], items, bias, recall=options.recall)
        print(measured, flush=True)
        columns, offset = torch.from_numpy(items), torch.from_numpy(bias)

        def part(turn: int, size: int) -> np.ndarray:
            start = 1_024 + (turn * size) % 2_048
            return users[start : start + size]

        def exact(turn: int, block_bytes: int = 64 * 2**20) -> object:
            asked = part(turn, BATCH)
            return top_k(asked, items, bias, everything, k=K, block_bytes=block_bytes)

        def by_torch(turn: int) -> object:
            return (torch.from_numpy(part(turn, BATCH)) @ columns.T).add_(offset).topk(K)

        def by_index(turn: int) -> object:
            return index.top_k(part(turn, 8 * BATCH), items, bias, allowed, k=K)

        times = in_turns(
            {
                "exact": (exact, BATCH),
                "exact, blocks of 256 MiB": (lambda turn: exact(turn, 2**28), BATCH),
                "torch matmul and topk": (by_torch, BATCH),
                "index": (by_index, 8 * BATCH),
            },
            options.rounds,
        )
        truth, _ = top_k(users[1_024:1_536], items, bias, everything, k=K)
        recall = recall_of(index.top_k(users[1_024:1_536], items, bias, allowed, k=K)[0], truth)
        best = min(
            (name for name in times if name != "index"), key=lambda n: times[n]["processor_ms"]
        )
        record = {
            "command": called(),
            "machine": about,
            "threads": 1,
            "items": len(items),
            "width": DIM,
            "data": data,
            "index": index.way.label(index.index),
            "cells": measured.effort,
            "build_processor_s": round(built, 1),
            "recall@100": round(recall, 4),
            "recall_users": 512,
            "times": times,
            "index_over": {
                name: {
                    clock: round(each[clock] / times["index"][clock], 1)
                    for clock in ("wall_ms", "processor_ms")
                }
                for name, each in times.items()
                if name != "index"
            },
            "quickest_exact": best,
        }
        print(record["recall@100"], times, record["index_over"], flush=True)
        write_json(options.out, record)
        if options.others:
            some = slice(0, options.others)
            peers = others(items[some], bias[some], users[:800], options.recall)
            record["kinds"] = {"items": options.others, "found": peers}
            write_json(options.out, record)


if __name__ == "__main__":
    main()
