"""A small run of two protocols, trained once; every test gets a copy that it may change."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import load_features
from encoders.neighbours.edges import TextEdgeConfig
from kg.store import load_graph
from training.bundle import load_bundle, save_bundle
from training.config import (
    EvaluationConfig,
    ModelConfig,
    RankingConfig,
    TaskConfig,
    TrainingConfig,
)
from training.evaluation.split_files import load_split
from training.jobs import encode_step, import_step, train_step
from training.run_folder import RunFolder
from training.updating.update import update_run


@pytest.fixture(scope="session")
def _trained(write_library, tiny_job, stirred, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("updating")
    job = tiny_job(
        write_library(folder, anonymous=["film-17"]),
        TaskConfig(target="films", valid_fraction=0.15, test_fraction=0.15),
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
    graph = load_graph(run.graph)
    for protocol in job.task.protocols:
        train_step(job, run, protocol)
        task = run.task(protocol)
        bundle, split = load_bundle(task.model, graph), load_split(task.split, graph)
        features = load_features(run.features, graph)
        save_bundle(stirred(bundle, job, split, features, by=0.2), task.model, graph)
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
