"""Small runs, trained in earnest: books and films, authors, links, words that say a little."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import load_features
from encoders.neighbours.edges import TextEdgeConfig
from encoders.settings import EncoderConfig
from queries.opened import Opened, open_run
from training.config import (
    EvaluationConfig,
    GraphConfig,
    JobConfig,
    ModelConfig,
    RankingConfig,
    TaskConfig,
    TrainingConfig,
)
from training.fit import to_bundle
from training.jobs import encode_step, import_step, train_step
from training.prepare import prepare
from training.repeats import without_repeats
from training.run_folder import RunFolder

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
title = "title"
text = ["title"]
attributes = ["year"]

[[nodes]]
file = "people.csv"
type = "person"
id = "id"
title = "name"
text = ["name"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"

[[edges]]
file = "authors.csv"
relation = "author"
src = { type = "item", column = "item" }
dst = { type = "person", column = "person" }

[[edges]]
file = "links.csv"
relation = "like"
src = { type = "item", column = "src" }
dst = { type = "item", column = "dst" }
"""
WORDS = ("dark", "comedy", "war", "love", "sea", "murder", "dragon", "robot", "school", "garden")


def _write(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    items = [f"{domain}-{row:02d}" for domain in ("book", "film") for row in range(18)]
    rows = ["id,domain,title,year"]
    for item in items:
        title = " ".join(rng.choice(WORDS, 4, replace=False))
        rows.append(f"{item},{item[:4]}s,{title},{1950 + int(item[-2:])}")
    (folder / "items.csv").write_text("\n".join(rows))
    names = [f"person-{row},{'Ann' if row % 2 else ''}" for row in range(6)]
    (folder / "people.csv").write_text("\n".join(["id,name", *names]))
    likes = [
        f"user-{user:02d},{item},{rng.integers(1, 6)}"
        for user in range(40)
        for item in items
        if rng.random() < (0.5 if int(item[-2:]) % 6 == user % 6 else 0.1)
    ]
    (folder / "likes.csv").write_text("\n".join(["user,item,stars", *likes]))
    authors = [f"{item},person-{int(item[-2:]) % 6}" for item in items]
    (folder / "authors.csv").write_text("\n".join(["item,person", *authors]))
    links = [f"film-{row:02d},book-{row:02d}" for row in range(0, 18, 2)]
    (folder / "links.csv").write_text("\n".join(["src,dst", *links]))
    (folder / "graph.toml").write_text(MAPPING)
    return folder / "graph.toml"


def _stirred(opened: Opened, job: JobConfig) -> Opened:
    """Return the model with all weights moved, as long training would, and what they embed.

    Where training found nothing better than its start, every architecture is the default one.
    """
    split = opened.split
    split = replace(split, train=without_repeats(split.train))
    features = load_features(RunFolder(opened.run).features, opened.graph)
    objective = prepare(job, split, features, torch.device("cpu"))
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in objective.model.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=draws)
    moved = to_bundle(objective.embed(), objective.model)
    return replace(
        opened,
        bundle=replace(opened.bundle, z=moved.z, item_bias=moved.item_bias, weights=moved.weights),
    )


@pytest.fixture(scope="session")
def opened_run(tmp_path_factory) -> Callable[..., Opened]:
    """Return the factory `(protocol, convolution="light", **model)` of opened models."""
    folder = tmp_path_factory.mktemp("newcomers")
    mapping = _write(folder)
    known: dict[tuple, Opened] = {}

    def factory(protocol: str, convolution: str = "light", lexical: float = 0.5, **model) -> Opened:
        key = (protocol, convolution, lexical, *model.items())
        if key not in known:
            job = JobConfig(
                name="tiny",
                graph=GraphConfig(mapping=mapping),
                task=TaskConfig(
                    target="films",
                    protocols=(protocol,),
                    valid_fraction=0.15,
                    test_fraction=0.15,
                ),
                encoder=EncoderConfig(model="hashing", dim=16, cache=folder / "cache"),
                channels=ChannelConfig(kinds={"year": "numeric"}),
                neighbours=TextEdgeConfig(k=4, across=2, lexical=lexical),
                model=ModelConfig(width=8, text_width=4, convolution=convolution, **model),
                training=TrainingConfig(
                    epochs=1, negatives=8, learning_rate=0.05, device="cpu", patience=9
                ),
                ranking=RankingConfig(folds=2, simulated=8, steps=20),
                evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
            )
            run = RunFolder(folder / f"run-{len(known)}")
            import_step(job, run)
            encode_step(job, run)
            train_step(job, run, protocol)
            known[key] = _stirred(open_run(run.path), job)
        return known[key]

    return factory
