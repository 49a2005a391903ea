"""Peak memory of evaluation against its bound: 10,000 users over 36,000 items.

Prints the peak of all arrays that evaluation holds beside its input, and the ratio to a peer that
scores every user at once, whose users x items matrix is counted, not made. Writes
`results/evaluation-memory.json`.

    python benchmarks/evaluation_memory.py
"""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
from machine import called, machine

from kg.files import write_json
from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import IntArray, Vocab
from training.bundle import EmbeddingScorer
from training.evaluation.evaluate import Evaluation, evaluate
from training.evaluation.split import HeldOut, Split

NUM_USERS, NUM_ITEMS, ROWS_PER_USER, WIDTH = 10_000, 36_000, 3, 64
BLOCK_BYTES = 268_435_456  # the default of the settings
# what is kept of each user and row whatever the block: ranks, top lists, metrics, histories
KEPT_BYTES = 16 * 2**20


def main() -> None:
    """Measure, print, write."""
    about = machine("numpy")
    split = _split()
    rng = np.random.default_rng(0)
    scorer = EmbeddingScorer(
        "dot",
        rng.standard_normal((NUM_USERS, WIDTH), dtype=np.float32),
        rng.standard_normal((NUM_ITEMS, WIDTH), dtype=np.float32),
        rng.standard_normal(NUM_ITEMS, dtype=np.float32),
    )
    tracemalloc.start()
    _evaluate(scorer, split)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    start = time.perf_counter()
    _evaluate(scorer, split)
    seconds = time.perf_counter() - start
    bound = BLOCK_BYTES + KEPT_BYTES
    whole = NUM_USERS * NUM_ITEMS * 4
    found = {
        "command": called(),
        "num_users": NUM_USERS,
        "num_items": NUM_ITEMS,
        "num_rows": len(split.test),
        "block_bytes": BLOCK_BYTES,
        "bound_bytes": bound,
        "peak_bytes": peak,
        "users_x_items_bytes": whole,
        "ratio_to_users_x_items": round(peak / whole, 3),
        "seconds": round(seconds, 1),
        "machine": about,
    }
    print(f"peak {peak:,} bytes of {bound:,} allowed ({peak / bound:.0%}), {seconds:.1f} s")
    print(f"one float32 users x items matrix: {whole:,} bytes; ratio {peak / whole:.2f}")
    write_json(Path(__file__).parent / "results" / "evaluation-memory.json", found)
    if peak > bound:
        raise SystemExit("evaluation went over its bound")


def _evaluate(scorer: EmbeddingScorer, split: Split) -> Evaluation:
    return evaluate(scorer, split, "test", block_bytes=BLOCK_BYTES, rng=np.random.default_rng(0))


def _split() -> Split:
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(NUM_USERS), ROWS_PER_USER)
    items = rng.integers(NUM_ITEMS, size=len(users))
    users, items = np.divmod(np.unique(users * NUM_ITEMS + items), NUM_ITEMS)
    held_out = HeldOut(users=users, items=items, candidates=np.arange(NUM_ITEMS))
    none = np.zeros(0, dtype=np.int64)
    train = KnowledgeGraph(
        domains=("source", "target"),
        nodes={"user": _nodes("user", NUM_USERS), "item": _nodes("item", NUM_ITEMS)},
        edges={("user", "likes", "item"): Edges(src=none, dst=none, weight=_weights(none))},
        interactions=("user", "likes", "item"),
    )
    return Split(
        protocol="user-cold",
        sources=("source",),
        target="target",
        train=train,
        valid=held_out,
        test=held_out,
        cold_users=np.arange(NUM_USERS),
        cold_items=none,
    )


def _weights(rows: IntArray) -> np.ndarray:
    return np.ones(len(rows), dtype=np.float32)


def _nodes(kind: str, number: int) -> Nodes:
    vocab = Vocab.from_values([f"{kind}-{row:05d}" for row in range(number)], kind)
    text = pa.array([""] * number, pa.string())
    domains = np.zeros((number, 2), dtype=np.bool_)
    domains[:, 1] = True
    return Nodes(vocab=vocab, title=text, text=text, domains=domains, attributes=pa.table({}))


if __name__ == "__main__":
    main()
