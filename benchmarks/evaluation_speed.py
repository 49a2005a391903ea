"""Full-ranking evaluation of all users, beside the raw matrix product and `topk` in torch.

    python benchmarks/evaluation_speed.py RUN
    python benchmarks/evaluation_speed.py RUN --out benchmarks/results/evaluation-speed.json

Every user of the run's graph is asked about all items of the target: held out is their last
interaction there, and of who has none an item drawn at random, so that all of them are ranked. Each
round does both things one after the other, so that both meet the same load:

- torch: `users @ items.T` in blocks, then `topk`, and nothing else; the best of some block sizes;
- ours: `training.evaluation.evaluate` of the first stage on the same arrays: item biases, training
  items left out, ranks with ties at the middle, 999 negatives for each row, every metric, top lists
  with coverage and diversity, by popularity too.

Printed are the medians of wall and processor time and the share of torch's speed that is left.
"""

import argparse
import statistics
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import called, machine
from stopwatch import taken
from threadpoolctl import threadpool_limits

from kg.files import write_json
from kg.graph import KnowledgeGraph
from kg.store import load_graph
from training.bundle import Bundle, load_bundle
from training.evaluation.evaluate import Evaluation, evaluate
from training.evaluation.split import HeldOut, Split, without_interactions
from training.run_folder import RunFolder

K, BLOCKS = 100, (256, 512, 1_024)  # of torch: best items, users of a block
BLOCK_BYTES = 268_435_456  # the default of the settings
# what is kept of each user and row whatever the block: ranks, top lists, metrics, histories
KEPT_BYTES = 2_048


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--protocol", help="which of its models; the first")
    parser.add_argument("--target", help="domain whose items are ranked; that of the model")
    parser.add_argument("--users", type=int, help="the first so many; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    about = machine("numpy", "torch")
    with threadpool_limits(limits=arguments.threads):
        found = measure(arguments)
    found = {"command": called(), "machine": about, "threads": arguments.threads, **found}
    print(f"{found['users']:,} users x {found['items']:,} items, {arguments.threads} thread(s)")
    for name, row in found["medians"].items():
        print(f"{name:6s} {row['wall']:7.2f} s, {row['cpu']:7.2f} s of a processor")
    print(f"share of torch's speed: {found['share_of_torch']}")
    print(f"peak {found['peak_bytes']:,} bytes of {found['bound_bytes']:,}")
    if arguments.out is not None:
        write_json(arguments.out, found)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return medians, rounds, and the peak of what evaluation holds."""
    run = RunFolder(arguments.run)
    graph = load_graph(run.graph)
    bundle = load_bundle(run.task(arguments.protocol or run.protocols()[0]).model, graph)
    target = arguments.target or bundle.about["job"]["task"]["target"]
    split = last_of_everybody(graph, target, arguments.users)
    ours = evaluation(bundle, split)
    candidates = split.test.candidates
    users = torch.from_numpy(bundle.z[graph.user_type][split.test.users])
    items = torch.from_numpy(bundle.z[graph.item_type][candidates])
    peer = {f"torch, blocks of {size}": best_items(users, items, size) for size in BLOCKS}
    calls: dict[str, Callable[[], object]] = {**peer, "ours": ours}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(arguments.rounds):
        for name, call in calls.items():
            _, wall, cpu = taken(call)
            rounds[name].append({"wall": round(wall, 2), "cpu": round(cpu, 2)})
    medians = {
        name: {key: round(statistics.median(one[key] for one in of), 2) for key in ("wall", "cpu")}
        for name, of in rounds.items()
    }
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "users": len(users),
        "items": len(candidates),
        "width": users.shape[1],
        "k": K,
        "medians": medians,
        "share_of_torch": {
            key: round(min(medians[name][key] for name in peer) / medians["ours"][key], 3)
            for key in ("wall", "cpu")
        },
        "block_bytes": BLOCK_BYTES,
        "bound_bytes": BLOCK_BYTES + KEPT_BYTES * len(users),
        "peak_bytes": peak,
        "rounds": rounds,
    }


def last_of_everybody(graph: KnowledgeGraph, target: str, num_users: int | None) -> Split:
    """Return a split with one row of each user: the last item in the target, or any item of it."""
    edges, inside = graph.interaction_edges, graph.item_mask(target)
    num_users = num_users or len(graph.users)
    candidates = np.flatnonzero(inside)
    items = np.random.default_rng(0).choice(candidates, size=num_users)
    in_target = np.flatnonzero(inside[edges.dst] & (edges.src < num_users))
    when = np.zeros(len(edges)) if edges.time is None else edges.time
    last = in_target[np.lexsort((when[in_target], edges.src[in_target]))]
    items[edges.src[last]] = edges.dst[last]  # of several the one written last stays
    removed = (edges.src < num_users) & (items[np.minimum(edges.src, num_users - 1)] == edges.dst)
    rows = HeldOut(users=np.arange(num_users), items=items, candidates=candidates)
    return Split(
        protocol="warm",
        sources=tuple(domain for domain in graph.domains if domain != target),
        target=target,
        train=without_interactions(graph, removed),
        valid=rows,
        test=rows,
        cold_users=np.zeros(0, dtype=np.int64),
        cold_items=np.zeros(0, dtype=np.int64),
    )


def evaluation(bundle: Bundle, split: Split) -> Callable[[], Evaluation]:
    """Return what evaluates the first stage on the test part, with all that a report shows."""
    scorer = bundle.scorer(split.train)
    texts = None if bundle.second_stage is None else bundle.second_stage.text

    def run() -> Evaluation:
        rng = np.random.default_rng(0)
        return evaluate(
            scorer, split, "test", block_bytes=BLOCK_BYTES, rng=rng, item_features=texts
        )

    return run


def best_items(users: torch.Tensor, items: torch.Tensor, size: int) -> Callable[[], None]:
    """Return what scores and orders in blocks of so many users, in memory that is used again."""
    room = torch.empty(size, len(items))

    def run() -> None:
        for block in users.split(size):
            scores = torch.matmul(block, items.T, out=room[: len(block)])
            torch.topk(scores, K)

    return run


if __name__ == "__main__":
    main()
