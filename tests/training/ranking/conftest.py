"""Random splits in which authors decide, and worlds without a trained network."""

from collections.abc import Callable

import numpy as np
import pytest

from training.bundle import EmbeddingScorer
from training.config import TaskConfig
from training.evaluation.split import Split, make_split
from training.ranking.signals import Group
from training.ranking.weighing import dense as dense_array
from training.ranking.world import World

AUTHORS = 4


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@pytest.fixture
def random_split(make_graph) -> Callable[..., Split]:
    """Return the factory of splits: everybody prefers one author, who wrote books and films."""

    def factory(
        protocol: str, *, seed: int = 0, users: int = 40, items: int = 16, shots: int = 0
    ) -> Split:
        rng = np.random.default_rng(seed)
        names = [f"{domain[0]}{row:02d}" for domain in ("books", "films") for row in range(items)]
        author = {name: int(name[1:]) % AUTHORS for name in names}
        likes = [
            (f"u{user:02d}", name)
            for user in range(users)
            for name in names
            if rng.random() < (0.6 if author[name] == user % AUTHORS else 0.1)
        ]
        graph = make_graph(
            likes,
            {name: "books" if name[0] == "b" else "films" for name in names},
            users=[f"u{user:02d}" for user in range(users)],
            entities={"person": [f"p{row}" for row in range(AUTHORS)]},
            relations={
                ("item", "author", "person"): [(name, f"p{a}") for name, a in author.items()],
                ("item", "like", "item"): [
                    (f"f{i:02d}", f"{d}{i - 1:02d}") for i in range(1, 9) for d in "bf"
                ],
            },
        )
        fractions = {"valid_fraction": 0.2, "test_fraction": 0.2, "shots": shots}
        config = TaskConfig(target="films", protocols=(protocol,), **fractions)
        return make_split(graph, config, protocol, seed)

    return factory


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Return the factory of worlds: random texts and a random network, near items by text."""

    def factory(split: Split, *, seed: int = 0, k: int = 5) -> World:
        rng = np.random.default_rng(seed)
        train = split.train
        text = _unit(rng.normal(size=(len(train.items), 8))).astype(np.float32)
        cosine = text @ text.T
        cosine[:, np.bincount(train.interaction_edges.dst, minlength=len(text)) == 0] = -2
        cosine[~(train.items.domains @ train.items.domains.T)] = -2
        np.fill_diagonal(cosine, -2)
        near = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        similarity = np.take_along_axis(cosine, near, axis=1)
        near[similarity == -2] = -1
        similarity[similarity == -2] = 0
        network = EmbeddingScorer(
            "isthmus",
            *(rng.normal(size=(len(nodes), 4)).astype(np.float32) for nodes in (train.users, text)),
            np.zeros(len(text), dtype=np.float32),
        )
        return World(
            split=split,
            text=text,
            channel=_unit(text @ rng.normal(size=(8, 8))).astype(np.float32),
            near=near,
            similarity=similarity,
            network=network,
        )

    return factory


@pytest.fixture
def dense() -> Callable[[Split], np.ndarray]:
    """Return a maker of the 0/1 matrix of a split's training interactions, float64."""

    def make(split: Split) -> np.ndarray:
        matrix = np.zeros((len(split.train.users), len(split.train.items)))
        matrix[split.train.interaction_edges.src, split.train.interaction_edges.dst] = 1
        return matrix

    return make


@pytest.fixture
def said() -> Callable[..., dict[str, np.ndarray]]:
    """Return what asks a group of signals, not scaled: arrays `[users, items]` by name."""

    def ask(group: Group, users: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
        found = group.said(users, group.columns(items))
        return {name: dense_array(values, len(users)) for name, values in found}

    return ask
