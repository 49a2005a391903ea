"""Two sources and one target, from files to results."""

import json

import pytest

from encoders.neighbours.edges import TextEdgeConfig
from kg.store import load_graph
from queries.recommender import Recommender
from training.config import (
    EvaluationConfig,
    TaskConfig,
    TrainingConfig,
)
from training.evaluation.split_files import load_split
from training.jobs import run_job
from training.run_folder import RunFolder

DOMAINS = ("books", "songs", "films", "plants")


@pytest.fixture
def make_job(write_checkerboard, tiny_job, tmp_path):
    """Write a checkerboard: a third know books and films, a third songs and films, a third all."""

    def factory(training=None, **task):
        lacking = ("songs", "books", None)
        mapping = write_checkerboard(
            tmp_path, DOMAINS, users=30, knows=lambda user, domain: domain != lacking[user % 3]
        )
        wanted = {"target": "films", "sources": ("books", "songs"), "protocols": ("user-cold",)}
        quick = {"epochs": 1, "negatives": 8, "device": "cpu"}
        return tiny_job(
            mapping,
            TaskConfig(**{"valid_fraction": 0.2, "test_fraction": 0.2, **wanted, **task}),
            name="three",
            neighbours=TextEdgeConfig(k=3, across=2),
            training=TrainingConfig(**{**quick, **(training or {})}),
            evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
        )

    return factory


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def results_of(run, protocol):
    return json.loads(run.task(protocol).results.read_text(encoding="utf-8"))


def test_two_sources_carry_what_is_liked_to_one_target(make_job, run):
    aligned = {"alignment": "sinkhorn", "align": ("user", "item"), "alignment_schedule": "ramp"}

    run_job(make_job(training=aligned, protocols=("user-cold", "item-cold")), run)

    split = load_split(run.task("user-cold").split, load_graph(run.graph))
    assert (split.sources, split.target) == (("books", "songs"), "films")
    edges = split.train.interaction_edges
    for domain in split.sources:  # cold users are known from either source
        inside = split.train.item_mask(domain)[edges.dst]
        assert any(user in edges.src[inside] for user in split.cold_users)
    found = results_of(run, "user-cold")
    assert found["sources"] == ["books", "songs"]
    assert found["scorers"]["isthmus"]["full"]["NDCG@5"]["mean"] > 0.8  # chance is below a half
    cold = split.train.users.vocab.id(int(split.cold_users[0]))
    best, _ = Recommender.open(run.path, "user-cold").recommend(cold, domain="films", k=4)
    parity = int(cold[-1]) % 2
    assert sorted(best) == [f"films-{number}" for number in range(parity, 8, 2)]
    assert results_of(run, "item-cold")["num_users"] > 0


def test_every_domain_but_the_target_is_a_source_by_default(make_job, run):
    run_job(make_job(sources=()), run)

    assert results_of(run, "user-cold")["sources"] == ["books", "plants", "songs"]


def test_few_shots_of_two_sources(make_job, run):
    run_job(make_job(shots=2), run)

    split = load_split(run.task("user-cold").split, load_graph(run.graph))
    assert (split.shots, split.too_few) == (2, 0)
    assert results_of(run, "user-cold")["num_users"] > 0
