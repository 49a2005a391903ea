"""The checkerboard as a training job: small, and quick to fit."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import Features, encode_graph
from encoders.models.hashing import HashingEncoder
from encoders.neighbours.edges import TextEdgeConfig
from kg.graph import Edges, Nodes
from kg.vocab import Vocab
from training.config import GraphConfig, JobConfig, ModelConfig, TaskConfig, TrainingConfig
from training.evaluation.split import Split


@pytest.fixture
def make_job(tmp_path) -> Callable[..., JobConfig]:
    """Return the factory of small jobs: seed, tables, and settings of training by name."""

    def factory(
        seed: int = 0,
        model: dict | None = None,
        neighbours: int = 3,
        leave_out: tuple[str, ...] = (),
        **training,
    ) -> JobConfig:
        quick = {"epochs": 3, "batch_size": 64, "learning_rate": 0.02, "negatives": 16}
        quick |= {"simulation_steps": 3, "patience": 10, "device": "cpu"}
        return JobConfig(
            name="checkerboard",
            seed=seed,
            graph=GraphConfig(folder=tmp_path / "graph"),
            task=TaskConfig(target="films", protocols=("user-cold",)),
            channels=ChannelConfig(leave_out=leave_out),
            neighbours=TextEdgeConfig(k=neighbours),
            model=ModelConfig(**{"width": 16, **(model or {})}),
            training=TrainingConfig(**{**quick, **training}),
        )

    return factory


@pytest.fixture
def split(checkerboard_split) -> Split:
    """The checkerboard, user-cold, in which genres link books with films; they say no parity."""
    split = checkerboard_split()
    train = split.train
    items = train.items.vocab.ids.to_pylist()
    genres = Nodes(
        vocab=Vocab.from_values(["low", "high"], "genre"),
        title=pa.array(["high", "low"]),
        text=pa.array(["", ""]),
        domains=np.zeros((2, 2), dtype=np.bool_),
        attributes=pa.table({}),
    )
    edges = Edges(
        src=np.arange(len(items)),
        dst=genres.vocab.index(["low" if int(item[-2:]) < 5 else "high" for item in items]),
        weight=np.ones(len(items), dtype=np.float32),
    )
    graph = dataclasses.replace(
        train,
        nodes={**train.nodes, "genre": genres},
        edges={**train.edges, ("item", "genre", "genre"): edges},
    )
    return dataclasses.replace(split, train=graph)


@pytest.fixture
def features(split) -> Features:
    return encode_graph(split.train, HashingEncoder(dim=16))
