"""Models with a second stage of random weights: everybody prefers one author."""

from collections.abc import Callable

import numpy as np
import pytest

from gnn.ranker import Ranker
from queries.recommender import Recommender
from training.bundle import Bundle
from training.config import TaskConfig
from training.evaluation.split import make_split
from training.ranking.second_stage import TwoStageScorer
from training.ranking.stage import SecondStage

AUTHORS, BOOKS = 4, 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def ranked(make_graph) -> Callable[..., Recommender]:
    """Return the factory of recommenders of a protocol."""

    def factory(protocol: str, *, shots: int = 0, seed: int = 0) -> Recommender:
        rng = np.random.default_rng(seed)
        names = [f"{domain}{row:02d}" for domain in "bf" for row in range(BOOKS)]
        author = {name: int(name[1:]) % AUTHORS for name in names}
        users = [f"u{user:02d}" for user in range(40)]
        graph = make_graph(
            [
                (user, name)
                for user in users
                for name in names
                if rng.random() < (0.5 if author[name] == int(user[1:]) % AUTHORS else 0.1)
            ],
            {name: "books" if name[0] == "b" else "films" for name in names},
            users=users,
            entities={"person": [f"p{row}" for row in range(AUTHORS)]},
            relations={
                ("item", "author", "person"): [(name, f"p{a}") for name, a in author.items()],
                ("item", "like", "item"): [
                    (f"f{i:02d}", f"{d}{i - 1:02d}") for i in range(1, 12) for d in "bf"
                ],
            },
        )
        fractions = {"valid_fraction": 0.2, "test_fraction": 0.2, "shots": shots}
        task = TaskConfig(target="films", protocols=(protocol,), **fractions)
        split = make_split(graph, task, protocol, seed)
        edges = split.train.interaction_edges
        warm = np.bincount(edges.dst, minlength=len(graph.items)) > 0
        items = rng.normal(size=(len(graph.items), 6)).astype(np.float32)
        people = 0.3 * rng.normal(size=(len(graph.users), 6)).astype(np.float32)
        np.add.at(people, edges.src, items[edges.dst])
        text = unit(rng.normal(size=(len(items), 8)))
        cosine = np.where(warm & ~np.eye(len(text), dtype=bool), text @ text.T, -2)
        near = np.argsort(-cosine, axis=1)[:, :5]
        stage = SecondStage(
            ranker=Ranker((), np.empty(0, dtype=np.float32)),
            seed=0,
            text=text,
            channel=unit(text @ rng.normal(size=(8, 8))),
            near=near,
            similarity=np.take_along_axis(cosine, near, axis=1),
        )
        z = {"user": people, "item": items, "person": rng.normal(size=(AUTHORS, 6))}
        bias = rng.normal(size=len(items)).astype(np.float32)
        bundle = Bundle(z=z, item_bias=bias, weights={}, about={}, second_stage=stage)
        scorer = bundle.ranking_scorer(split)
        assert isinstance(scorer, TwoStageScorer)
        names = scorer.signals.names()
        weights = rng.normal(size=2 * len(names)).astype(np.float32)
        weights[: len(names)] = np.abs(weights[: len(names)]) + 1
        learned = SecondStage(
            ranker=Ranker(names, weights),
            kept=scorer.signals.kept,
            **{k: getattr(stage, k) for k in ("seed", "text", "channel", "near", "similarity")},
        )
        z = {kind: rows.astype(np.float32) for kind, rows in z.items()}
        bundle = Bundle(z=z, item_bias=bias, weights={}, about={}, second_stage=learned)
        return Recommender(graph, bundle, split=split)

    return factory
