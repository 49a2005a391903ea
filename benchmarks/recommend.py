"""The best 100 items of many users, beside raw torch on the same arrays.

    python benchmarks/recommend.py RUN
    python benchmarks/recommend.py RUN --rounds 7 --out benchmarks/results/recommend.json

Each round does four things one after the other, so that all meet the same load, for the first rows
of the graph's users (a few thousand of them, fewer where the second stage scores):

- torch: `users @ items.T` in blocks, then `topk`, of the embeddings alone;
- first stage: `queries.candidates.top_k` on the same arrays, which leaves out what users have seen,
  scores what it found once more, and breaks ties by id;
- second stage: every signal of every item of the target, weighed;
- prepared: the same answers, made before the rounds and looked up (`isthmus prepare`).

Printed are medians of wall and processor time for a user, and the speed of each over that of torch.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import called, machine
from stopwatch import taken
from threadpoolctl import threadpool_limits

from kg.files import write_json
from queries.candidates import top_k
from queries.engine import Engine
from queries.opened import open_run
from queries.prepared import Prepared

K, MADE, BLOCK = 100, 200, 256  # answers, prepared answers, users of a block of torch


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--protocol", help="which of its models; the first")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=4_096, help="of a round")
    parser.add_argument("--scored", type=int, default=512, help="of them by the second stage")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    about = machine("numpy", "scipy", "torch")
    with threadpool_limits(limits=arguments.threads):
        found = measure(arguments)
    about = {"command": called(), "machine": about, "threads": arguments.threads}
    found = {**about, "k": K, **found}
    print(f"{found['items']:,} items, k = {K}, {arguments.threads} thread(s)")
    for name, row in found["medians"].items():
        print(
            f"{name:12s} {row['wall_ms']:7.3f} ms, {row['cpu_ms']:7.3f} ms of a processor for a "
            f"user, {row['speed']:.2f} times the speed of torch ({row['users']:,} users)"
        )
    if arguments.out is not None:
        write_json(arguments.out, found)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return medians and rounds."""
    opened = open_run(arguments.run, arguments.protocol)
    split, graph = opened.split, opened.graph
    if split is None or opened.bundle.second_stage is None:
        raise SystemExit("the run has no second stage")
    engine = Engine(graph, opened.bundle, split, None)
    ranking, allowed = engine.ranking, graph.item_mask(split.target)
    if ranking is None:
        raise SystemExit("the run has no second stage")
    many = np.arange(min(arguments.users, len(graph.users)))
    few = many[: arguments.scored]
    pool = np.flatnonzero(allowed)
    seen = engine.seen
    made = [ranking.top(few[at : at + BLOCK], allowed, k=MADE) for at in range(0, len(few), BLOCK)]
    # as many rows as there are users in a round: the answers of the first again and again
    repeat = -(-len(many) // len(few))
    rows, scores = (np.tile(np.concatenate(part), (repeat, 1)) for part in zip(*made, strict=True))
    prepared = Prepared(
        items=rows.astype(np.int32),
        scores=scores,
        likely=None,
        num_items=len(graph.items),
        num_candidates=len(pool),
    )
    vectors, bias = engine.item_z, opened.bundle.item_bias

    def first_stage() -> None:
        top_k(engine.user_z[many], vectors, bias, pool, k=K, seen=seen[many])

    def second_stage() -> None:
        ranking.top(few, allowed, k=K, seen=seen[few])

    def looked_up() -> None:
        prepared.top(many, allowed, k=K, seen=seen[many])

    raw_users = torch.from_numpy(engine.user_z[many])
    raw_items = torch.from_numpy(np.ascontiguousarray(vectors[pool]))
    calls: dict[str, tuple[Callable[[], None], int]] = {
        "torch": (lambda: raw(raw_users, raw_items), len(many)),
        "first stage": (first_stage, len(many)),
        "second stage": (second_stage, len(few)),
        "prepared": (looked_up, len(many)),
    }
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(arguments.rounds):
        for name, (call, users) in calls.items():
            _, wall, cpu = taken(call)
            rounds[name].append({"wall_ms": 1e3 * wall / users, "cpu_ms": 1e3 * cpu / users})
    medians: dict[str, dict[str, float]] = {
        name: {key: round(statistics.median(one[key] for one in of), 4) for key in of[0]}
        for name, of in rounds.items()
    }
    for name, (_, users) in calls.items():
        medians[name]["speed"] = round(
            statistics.median(
                peer["cpu_ms"] / one["cpu_ms"]
                for peer, one in zip(rounds["torch"], rounds[name], strict=True)
            ),
            2,
        )
        medians[name]["users"] = users
    return {
        "users": len(graph.users),
        "items": len(pool),
        "protocol": split.protocol,
        "medians": medians,
        "rounds": rounds,
    }


def raw(users: torch.Tensor, items: torch.Tensor) -> None:
    """Multiply and take the best, block by block."""
    for first in range(0, len(users), BLOCK):
        (users[first : first + BLOCK] @ items.T).topk(K, dim=1)


if __name__ == "__main__":
    main()
