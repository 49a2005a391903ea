"""Answers that are looked up are those that would be scored."""

import dataclasses
import shutil

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

import isthmus
from gnn.ranker import Ranker
from kg.errors import InputError
from kg.store import save_graph
from queries import preparing, second_stage
from queries.filters import Filters
from queries.parts import Parts
from queries.prepared import Prepared
from queries.preparing import prepare
from queries.recommender import Recommender
from training.bundle import Bundle, load_bundle, save_bundle
from training.config import TaskConfig
from training.evaluation.calibration import Calibration
from training.evaluation.calibration_curves import Platt
from training.evaluation.split import make_split
from training.evaluation.split_files import save_split
from training.ranking.stage import SecondStage
from training.run_folder import RunFolder


@pytest.fixture
def staged_run(tmp_path, make_graph):
    """A run with a second stage and probabilities, made by hand."""
    rng = np.random.default_rng(0)
    names = [f"{d}{row:02d}" for d in "bf" for row in range(20)]
    likes = [(f"u{u:02d}", name) for u in range(40) for name in names if rng.random() < 0.25]
    domains = {name: "books" if name[0] == "b" else "films" for name in names}
    graph = make_graph(likes, domains, users=[f"u{u:02d}" for u in range(40)])
    task = TaskConfig(target="films", protocols=("user-cold",), test_fraction=0.2)
    split = make_split(graph, task, "user-cold", 0)
    text = rng.normal(size=(40, 8)).astype(np.float32)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    cosine = text @ text.T - 3 * np.eye(40)
    near = np.argsort(-cosine, axis=1)[:, :5]
    stage = SecondStage(
        ranker=Ranker((), np.empty(0, dtype=np.float32)),
        seed=0,
        text=text,
        channel=text,
        near=near,
        similarity=np.take_along_axis(cosine, near, axis=1),
    )
    bundle = Bundle(
        z={kind: rng.normal(size=(40, 4)).astype(np.float32) for kind in ("user", "item")},
        item_bias=np.zeros(40, dtype=np.float32),
        weights={},
        about={},
        second_stage=stage,
        calibration=Calibration(
            curve=Platt(slope=1.0, intercept=0.0),
            scale="rank",
            base_rate=0.5,
            threshold=0.5,
            losses={},
        ),
    )
    signals = bundle.ranking_scorer(split).signals
    weights = rng.normal(size=2 * len(signals.names())).astype(np.float32)
    learned = dataclasses.replace(stage, ranker=Ranker(signals.names(), weights), kept=signals.kept)
    folder = RunFolder(tmp_path / "run")
    save_graph(graph, folder.graph)
    save_split(split, folder.task("user-cold").split)
    bundle = dataclasses.replace(bundle, second_stage=learned)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path


@pytest.fixture
def users(staged_run):
    return Recommender.open(staged_run).graph.users.vocab.ids.to_pylist()


@pytest.fixture
def never(monkeypatch):
    """Make scoring fail."""

    def refuse(*_, **__):
        raise AssertionError("it is looked up")

    return lambda: monkeypatch.setattr(second_stage.TargetRanking, "_scored_top", refuse)


QUESTIONS = [
    Filters(),
    Filters(exclude_seen=False),
    Filters(exclude=["f03", "f07"]),
    Filters(allow=["f01", "f02", "f03", "f11"]),
    Filters(min_probability=0.2),
    Filters(diversity=0.5, pool=8),
]


@pytest.mark.parametrize("length", [4, 12, 20, 200])
@pytest.mark.parametrize("filters", QUESTIONS)
def test_prepared_answers_are_those_that_are_scored(staged_run, users, length, filters):
    live = Recommender.open(staged_run)
    prepare(staged_run, k=length)
    prepared = Recommender.open(staged_run)
    assert prepared.opened.prepared is not None

    for k in (1, 5, 30):
        expected = live.recommend(users, domain="films", k=k, filters=filters)
        found = prepared.recommend(users, domain="films", k=k, filters=filters)
        assert np.array_equal(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
        one, scores = prepared.recommend(users[7], domain="films", k=k, filters=filters)
        assert np.array_equal(one, expected[0][7][expected[0][7] != ""])
        assert len(scores) == len(one)


def test_what_is_looked_up_is_not_scored(staged_run, users, never):
    prepare(staged_run, k=12)
    recommender = Recommender.open(staged_run)
    rows, _ = recommender.recommend(users, domain="films", k=2)
    table = recommender.recommend_table(users, domain="films", k=2)
    never()

    again = Recommender.open(staged_run)
    assert np.array_equal(again.recommend(users, domain="films", k=2)[0], rows)
    assert again.recommend_table(users, domain="films", k=2).equals(table)
    assert "signals" not in vars(again.engine.ranking.scorer)
    with pytest.raises(AssertionError, match="it is looked up"):
        again.recommend(users, domain="films", k=13)


def test_probabilities_are_those_that_are_computed(staged_run, users):
    live = Recommender.open(staged_run).recommend_table(users, domain="films", k=4)
    prepare(staged_run, k=20)
    found = Recommender.open(staged_run).recommend_table(users, domain="films", k=4)
    assert found["item"].equals(live["item"])
    one, other = (table["probability"].to_numpy() for table in (found, live))
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_answers_of_another_model_are_not_used(staged_run, users):
    prepare(staged_run, k=20)
    task = RunFolder(staged_run).task("user-cold")
    opened = Recommender.open(staged_run)
    stage = opened.engine.bundle.second_stage
    weights = -stage.ranker.weights
    turned = dataclasses.replace(stage, ranker=Ranker(stage.ranker.names, weights))
    save_bundle(
        dataclasses.replace(load_bundle(task.model, opened.graph), second_stage=turned),
        task.model,
        opened.graph,
    )
    before = opened.recommend(users, domain="films", k=3)[0]

    changed = Recommender.open(staged_run)
    assert changed.opened.prepared is None
    after = changed.recommend(users, domain="films", k=3)[0]
    assert not np.array_equal(after, before)

    assert prepare(staged_run, k=20).resumed == 0
    again = Recommender.open(staged_run)
    assert again.opened.prepared is not None
    assert np.array_equal(again.recommend(users, domain="films", k=3)[0], after)


def test_an_interruption_is_resumed(staged_run, monkeypatch):
    monkeypatch.setattr(preparing, "_BLOCK_USERS", 16)
    whole = prepare(staged_run, k=6)
    assert (whole.users, whole.k, whole.resumed) == (40, 6, 0)
    folder = RunFolder(staged_run).task("user-cold").answers
    expected = {path.name: path.read_bytes() for path in folder.glob("*.npy")}
    assert set(expected) == {"items.npy", "scores.npy", "probabilities.npy"}
    shutil.rmtree(folder)

    add = Parts.add

    def killed(self, number, table):
        if number == 2:
            raise KeyboardInterrupt
        add(self, number, table)

    monkeypatch.setattr(Parts, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(staged_run, k=6)
    assert not folder.exists()
    monkeypatch.setattr(Parts, "add", add)

    assert prepare(staged_run, k=6).resumed == 32
    assert {path.name: path.read_bytes() for path in folder.glob("*.npy")} == expected
    assert not folder.with_name("answers.parts").exists()
    assert prepare(staged_run, k=6).resumed == 40  # there is nothing left to do
    assert prepare(staged_run, k=6, fresh=True).resumed == 0


def test_what_was_begun_for_another_k_is_of_no_use(staged_run, monkeypatch):
    monkeypatch.setattr(preparing, "write_folder", None)
    with pytest.raises(TypeError):
        prepare(staged_run, k=6)
    monkeypatch.undo()
    assert prepare(staged_run, k=7).resumed == 0


def test_users_that_came_later_are_scored():
    items = np.array([[2, 0], [1, -1]], dtype=np.int32)
    scores = np.array([[5, 4], [3, -np.inf]], dtype=np.float32)
    prepared = Prepared(items=items, scores=scores, likely=None, num_items=3, num_candidates=3)
    seen = sparse.csr_array(np.array([[0, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=np.float32))

    rows, best, done = prepared.top(np.array([0, 5, 1]), np.ones(3, bool), k=1, seen=seen)

    assert done.tolist() == [True, False, False]
    assert (rows[0, 0], best[0, 0]) == (0, 4)
    found, known = prepared.probabilities(np.array([0, 5]), np.array([[2], [2]]))
    assert np.isnan(found).all()
    assert not known.any()


def test_refused(staged_run, run):
    with pytest.raises(InputError, match="k = 0: expected at least 1"):
        prepare(staged_run, k=0)
    with pytest.raises(InputError, match="no second stage"):
        prepare(run)


def test_command(staged_run):
    command = ["prepare", str(staged_run), "-k", "8"]
    first = CliRunner().invoke(isthmus.app, command)
    assert (first.exit_code, first.stdout) == (0, "8 answers for each of 40 users\n")
    again = CliRunner().invoke(isthmus.app, command)
    assert again.stdout == "40 users have their answers already\n"
