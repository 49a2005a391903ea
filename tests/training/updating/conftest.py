"""A small run of two protocols, trained once; every test gets a copy that it may change."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import load_features
from encoders.neighbours.edges import TextEdgeConfig
from encoders.settings import EncoderConfig
from kg.store import load_graph
from training.bundle import load_bundle, save_bundle
from training.config import (
    EvaluationConfig,
    GraphConfig,
    JobConfig,
    ModelConfig,
    RankingConfig,
    TaskConfig,
    TrainingConfig,
)
from training.evaluation.split_files import load_split
from training.fit import to_bundle
from training.jobs import encode_step, import_step, train_step
from training.prepare import prepare
from training.run_folder import RunFolder
from training.updating.update import update_run

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
"""
WORDS = ("dark", "comedy", "war", "love", "sea", "murder", "dragon", "robot", "school", "garden")
ITEMS = [f"{domain}-{row:02d}" for domain in ("book", "film") for row in range(18)]


def _mapping(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = ["id,domain,title,year"]
    for item in ITEMS:
        title = " ".join(rng.choice(WORDS, 4, replace=False))
        rows.append(f"{item},{item[:4]}s,{title},{1950 + int(item[-2:])}")
    (folder / "items.csv").write_text("\n".join(rows))
    names = [f"person-{row},{'Ann' if row % 2 else ''}" for row in range(6)]
    (folder / "people.csv").write_text("\n".join(["id,name", *names]))
    likes = [
        f"user-{user:02d},{item},{rng.integers(1, 6)}"
        for user in range(40)
        for item in ITEMS
        if rng.random() < (0.5 if int(item[-2:]) % 6 == user % 6 else 0.1)
    ]
    (folder / "likes.csv").write_text("\n".join(["user,item,stars", *likes]))
    authors = [f"{item},person-{int(item[-2:]) % 6}" for item in ITEMS if item != "film-17"]
    (folder / "authors.csv").write_text("\n".join(["item,person", *authors]))
    (folder / "graph.toml").write_text(MAPPING)
    return folder / "graph.toml"


def _stir(job: JobConfig, run: RunFolder, protocol: str) -> None:
    """Move all weights, as long training would: where nothing is learned much goes unnoticed."""
    task, graph = run.task(protocol), load_graph(run.graph)
    bundle, split = load_bundle(task.model, graph), load_split(task.split, graph)
    objective = prepare(job, split, load_features(run.features, graph), torch.device("cpu"))
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in objective.model.parameters():
            weight += 0.2 * torch.randn(weight.shape, generator=draws)
    moved = to_bundle(objective.embed(), objective.model)
    save_bundle(
        replace(bundle, z=moved.z, item_bias=moved.item_bias, weights=moved.weights),
        task.model,
        graph,
    )


@pytest.fixture(scope="session")
def _trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("updating")
    job = JobConfig(
        name="tiny",
        graph=GraphConfig(mapping=_mapping(folder)),
        task=TaskConfig(target="films", valid_fraction=0.15, test_fraction=0.15),
        encoder=EncoderConfig(model="hashing", dim=16, cache=folder / "cache"),
        channels=ChannelConfig(kinds={"year": "numeric"}),
        neighbours=TextEdgeConfig(k=4),
        model=ModelConfig(width=8, text_width=4),
        training=TrainingConfig(epochs=1, negatives=8, learning_rate=0.05, device="cpu"),
        ranking=RankingConfig(folds=1, simulated=8, steps=5),
        evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
    )
    run = RunFolder(folder / "run")
    import_step(job, run)
    encode_step(job, run)
    for protocol in job.task.protocols:
        train_step(job, run, protocol)
        _stir(job, run, protocol)
    return run.path


@pytest.fixture
def run(_trained, tmp_path) -> Path:
    """The run folder, a copy."""
    shutil.copytree(_trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def table(tmp_path) -> Callable[..., Path]:
    """Write a table: its name, its header and its rows."""
    return partial(_write, tmp_path)


@pytest.fixture
def arrivals(tmp_path) -> Callable[..., dict[str, list[Path]]]:
    """Write new items and people, with what they have to do with old ones and each other."""
    return partial(_arrivals, tmp_path)


@pytest.fixture(scope="session")
def updated(_trained, tmp_path_factory) -> tuple[RunFolder, RunFolder]:
    """The run before and after an update, not to be changed."""
    folder = tmp_path_factory.mktemp("updated")
    update_run(_trained, **_arrivals(folder), out=folder / "after")
    return RunFolder(_trained), RunFolder(folder / "after")


def _write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _arrivals(folder: Path, number: int = 0) -> dict[str, list[Path]]:
    nodes = _write(
        folder,
        f"nodes{number}",
        "type,id,title,text,domain,year",
        f"item,a-film-{number},war at sea,war at sea garden,films,1999",
        f"item,z-film-{number},robot love,robot love school,films,",
        f"person,another-{number},Zoe,Zoe,,",
        f",new-user-{number},,,,",
    )
    edges = _write(
        folder,
        f"edges{number}",
        "relation,src,dst,weight",
        f",new-user-{number},book-01,3",
        f",new-user-{number},book-07,",
        f",new-user-{number},film-01,5",
        f",new-user-{number},a-film-{number},",
        f",user-05,a-film-{number},2",
        f"author,a-film-{number},another-{number},",
        f"author,film-17,another-{number},",
    )
    return {"nodes": [nodes], "edges": [edges]}
