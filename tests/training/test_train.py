import dataclasses

import numpy as np
import pytest

from encoders.channels.features import encode_graph
from encoders.models.hashing import HashingEncoder
from kg.files import read_json
from kg.graph import Edges
from training.bundle import EmbeddingScorer, load_bundle, save_bundle
from training.config import RankingConfig, TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.split import make_split
from training.ranking.second_stage import TwoStageScorer
from training.regimes import choose
from training.train import train

NUM_AUTHORS = 10


@pytest.fixture
def written(make_graph):
    """People read and watch what two authors write; texts and ids say nothing of them."""
    rng = np.random.default_rng(0)
    names = [f"{domain}{row:02d}" for domain in ("book", "film") for row in range(40)]
    author = {name: int(rng.integers(NUM_AUTHORS)) for name in names}
    likes = []
    for user in range(60):
        favourites = rng.choice(NUM_AUTHORS, 2, replace=False)
        likes += [
            (f"u{user:02d}", name)
            for name in names
            if rng.random() < (0.6 if author[name] in favourites else 0.02)
        ]
    graph = make_graph(
        likes,
        {name: "books" if name[0] == "b" else "films" for name in names},
        texts=dict.fromkeys(names, "a work"),
        entities={"person": [f"p{row}" for row in range(NUM_AUTHORS)]},
        relations={("item", "author", "person"): [(n, f"p{a}") for n, a in author.items()]},
    )
    config = TaskConfig(
        target="films", protocols=("item-cold",), valid_fraction=0.2, test_fraction=0.2
    )
    return make_split(graph, config, "item-cold", 0)


@pytest.fixture
def trained(make_job, written, tmp_path):
    def run(folds, split=written):
        ranking = RankingConfig(folds=folds, simulated=120, steps=40)
        job = dataclasses.replace(make_job(epochs=1), ranking=ranking)
        return train(
            job,
            split,
            encode_graph(split.train, HashingEncoder(dim=8)),
            lambda fold: {},
            checkpoints=tmp_path / "checkpoints",
            metrics=tmp_path / "metrics.jsonl",
            fingerprint="this job",
        )

    return run


def quality(scorer, split):
    rng = np.random.default_rng(0)
    found = evaluate(scorer, split, "test", sampled_negatives=0, k=(5,), rng=rng)
    return found.full["NDCG@5"].mean()


def test_the_second_stage_learns_what_decides(trained, written, tmp_path):
    two = trained(folds=2)
    bundle = two.bundle({"best_epoch": two.fitted.best_epoch})

    scorer = bundle.ranking_scorer(written)

    assert isinstance(scorer, TwoStageScorer)
    found = quality(scorer, written)
    assert found > 0.8
    assert found >= quality(bundle.scorer(written.train), written)
    assert bundle.channels is two.objective.channels
    assert bundle.about["best_epoch"] == two.fitted.best_epoch

    save_bundle(bundle, tmp_path / "model", written.train)
    loaded = load_bundle(tmp_path / "model", written.train).ranking_scorer(written)
    users, items = np.arange(60), np.flatnonzero(written.train.item_mask("films"))
    assert np.array_equal(loaded.score(users, items), scorer.score(users, items))


def test_what_repeats_an_interaction_is_not_seen(trained, written):
    """A wish list that holds what a simulation or a rehearsal hides would hold the answer."""
    edges, wish = written.train.interaction_edges, ("user", "wishes", "item")
    other = Edges(src=np.array([0]), dst=np.array([0]), weight=np.ones(1, np.float32))
    assert not ((edges.src == 0) & (edges.dst == 0)).any()
    both = Edges(
        src=np.append(edges.src, 0),
        dst=np.append(edges.dst, 0),
        weight=np.ones(len(edges) + 1, np.float32),
    )

    def relations(wishes):
        train = written.train.with_edges({wish: wishes})
        two = trained(folds=2, split=dataclasses.replace(written, train=train))
        return two.objective.graph.adjacencies[wish], two.second_stage.ranker

    (seen, ranker), (expected, honest) = relations(both), relations(other)

    assert len(seen) == len(expected) == 1
    assert ranker.names == honest.names
    np.testing.assert_array_equal(ranker.weights, honest.weights)


def test_without_folds_there_is_one_stage(trained, written):
    one = trained(folds=0)
    bundle = one.bundle()

    assert one.second_stage is None
    scorer = bundle.ranking_scorer(written)
    assert isinstance(scorer, EmbeddingScorer)
    expected = bundle.scorer(written.train).score(np.arange(9), np.arange(80))
    assert np.array_equal(scorer.score(np.arange(9), np.arange(80)), expected)


def test_what_does_not_fit_is_left_out_and_said(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(choose, "room", lambda *about: 0)

    two = trained(folds=2)

    assert two.objective.regime.name == "sampled"
    assert two.second_stage is None
    said = capsys.readouterr().err
    assert "training: sampled, as nothing fits" in said
    assert "first stage alone" in said
    assert read_json(tmp_path / "regime.json")["second_stage"] is False


def test_a_run_goes_on_by_the_regime_it_began_with(trained, monkeypatch):
    monkeypatch.setattr(choose, "room", lambda *about: 10**12)
    assert trained(folds=0).objective.regime.name == "full"

    monkeypatch.setattr(choose, "room", lambda *about: 0)

    assert trained(folds=0).objective.regime.name == "full"
