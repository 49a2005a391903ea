"""A two-domain graph small enough to work out by hand, and larger random ones."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from training.baselines.base import Task
from training.evaluation.split import HeldOut, Protocol, Split

MakeTask = Callable[..., Task]


def _nodes(kind: str, domains: np.ndarray) -> Nodes:
    empty = pa.array([""] * len(domains), pa.string())
    return Nodes(
        vocab=Vocab.from_values([f"{kind}{row:04d}" for row in range(len(domains))], kind),
        title=empty,
        text=empty,
        domains=domains,
        attributes=pa.table({}),
    )


def _make_task(
    protocol: Protocol,
    item_domains: Sequence[str],
    num_users: int,
    pairs: Sequence[tuple[int, int]],
    *,
    features: np.ndarray | None = None,
    held: Sequence[tuple[int, int]] = (),
    target: str = "films",
    sources: tuple[str, ...] = ("books",),
) -> Task:
    """Make a task: `item_domains` has one letter string per item, "b", "f", "bf", "g" ..."""
    names = {"b": "books", "f": "films", "g": "games"}
    domains = tuple(dict.fromkeys([*sources, target]))
    member = np.array(
        [[name in [names[d] for d in item] for name in domains] for item in item_domains]
    )
    src, dst = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    graph = KnowledgeGraph(
        domains=domains,
        nodes={
            "user": _nodes("user", np.zeros((num_users, len(domains)), dtype=np.bool_)),
            "item": _nodes("item", member),
        },
        edges={
            ("user", "used", "item"): Edges(
                src=src.copy(), dst=dst.copy(), weight=np.ones(len(src), dtype=np.float32)
            )
        },
        interactions=("user", "used", "item"),
    )
    in_target = graph.item_mask(target)
    seen = np.isin(np.arange(len(member)), graph.interaction_edges.dst)
    rows = np.array(sorted(held), dtype=np.int64).reshape(-1, 2)
    part = HeldOut(
        users=rows[:, 0],
        items=rows[:, 1],
        candidates=np.flatnonzero(in_target & (~seen if protocol == "item-cold" else seen)),
    )
    if features is None:
        features = np.zeros((len(member), 2), dtype=np.float32)
    split = Split(
        protocol=protocol,
        sources=sources,
        target=target,
        train=graph,
        valid=part,
        test=part,
        cold_users=np.unique(rows[:, 0] if protocol == "user-cold" else rows[:0, 0]),
        cold_items=np.unique(rows[:, 1] if protocol == "item-cold" else rows[:0, 1]),
    )
    return Task(split=split, item_features=features.astype(np.float32))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return rows of length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


@pytest.fixture
def make_task() -> MakeTask:
    return _make_task


@pytest.fixture
def random_task() -> MakeTask:
    """Return a maker of tasks of 80 users and 50 items, for a protocol."""

    def make(protocol: Protocol, *, seed: int = 0, users: int = 80, items: int = 50) -> Task:
        rng = np.random.default_rng(seed)
        domains = ["b" if item < items // 2 else "f" for item in range(items)]
        dense = rng.random((users, items)) < 0.12
        cold_users, cold_items = np.arange(8), np.arange(items - 6, items)
        held = np.zeros_like(dense)
        if protocol == "user-cold":
            held[cold_users, items // 2 :] = True
        elif protocol == "item-cold":
            held[:, cold_items] = True
        else:
            held[:, items // 2 :] = rng.random((users, items - items // 2)) < 0.2
        return _make_task(
            protocol,
            domains,
            users,
            list(zip(*np.nonzero(dense & ~held), strict=True)),
            features=unit(rng.normal(size=(items, 8))),
            held=list(zip(*np.nonzero(dense & held), strict=True)),
        )

    return make


@pytest.fixture
def dense() -> Callable[[Task], np.ndarray]:
    """Return a maker of the dense 0/1 matrix of a task's training interactions."""

    def make(task: Task) -> np.ndarray:
        graph = task.split.train
        matrix = np.zeros((len(graph.users), len(graph.items)))
        matrix[graph.interaction_edges.src, graph.interaction_edges.dst] = 1
        return matrix

    return make
