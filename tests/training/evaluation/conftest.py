"""Runs that were judged: metrics of users without a model behind them."""

from collections.abc import Callable

import numpy as np
import pytest

from training.evaluation.judged import Judged


@pytest.fixture
def make_judged() -> Callable[..., Judged]:
    """Return the factory of judged runs: level of the model and of floors by name."""

    def factory(
        model: float = 0.5,
        *,
        seed: int = 0,
        num_users: int = 300,
        users: list[str] | None = None,
        floors: dict[str, float] | None = None,
        **about,
    ) -> Judged:
        rng, shared = np.random.default_rng(seed), np.random.default_rng(99)
        names = users or [f"u{number:03d}" for number in range(num_users)]
        size = len(names)

        def values(level: float) -> np.ndarray:
            return np.clip(level + rng.normal(scale=0.1, size=size), 0, 1)

        tail = shared.random(size) < 0.3
        scorers = {
            name: {
                "full": {metric: values(level) for metric in ("NDCG@10", "Recall@20", "MRR")},
                "sampled": {metric: values(level) for metric in ("MRR", "NDCG@10", "HR@10")},
            }
            for name, level in {"isthmus": model, **(floors or {})}.items()
        }
        column = np.where(tail, scorers["isthmus"]["full"]["NDCG@10"], np.nan)
        scorers["isthmus"]["tail items"] = {"NDCG@10": column}
        return Judged(
            **{
                "protocol": "warm",
                "sources": ("books",),
                "target": "films",
                "part": "test",
                "ks": (10, 20),
                "num_negatives": 99,
                "negatives": "a",
                "held_out": "b",
                "model": "isthmus",
                **about,
            },
            users=np.array(names),
            num_rows=shared.integers(1, 6, size=size),
            target_history=shared.integers(0, 9, size=size),
            source_history=shared.integers(0, 9, size=size),
            scorers=scorers,
        )

    return factory
