"""A few steps on what is new: it is learned, and what was known is not lost."""

import numpy as np
import pytest
import torch

from kg.store import load_graph
from training.bundle import load_bundle
from training.updating import replay
from training.updating.replay import REPLAYED, Mixture
from training.updating.update import update_run


def test_a_batch_has_its_share_of_new_and_of_known_rows():
    new = torch.arange(100) % 10 == 0
    pool, draws = torch.arange(0, 100, 2), torch.Generator().manual_seed(0)
    rows = Mixture(new)(pool, 40, draws)
    assert len(rows) == 40
    assert int(new[rows].sum()) == 40 - round(40 * REPLAYED)
    assert set(rows.tolist()) <= set(pool.tolist())
    assert new[Mixture(new, replayed=0.0)(pool, 40, draws)].all()
    known = torch.arange(1, 100, 10)  # a pool of one kind alone
    assert len(Mixture(new)(known, 7, draws)) == 7


@pytest.fixture
def crowd(run, table):
    """Known people who have all come to use the same two films and a book."""
    graph = load_graph(run / "graph")
    known = graph.interaction_edges
    users = [f"user-{row:02d}" for row in range(40)]
    used = set(
        zip(graph.users.vocab.to_ids(known.src), graph.items.vocab.to_ids(known.dst), strict=True)
    )
    rows = [
        f"{user},{item}"
        for user in users
        for item in ("film-16", "film-10", "book-16")
        if (user, item) not in used
    ]
    return [table("crowd", "src,dst", *rows)]


def test_steps_lower_the_loss_on_what_is_new_and_keep_valid(run, crowd, monkeypatch, tmp_path):
    monkeypatch.setattr(replay, "SLOWLY", 1.0)  # of a model that is trained at 0.05
    monkeypatch.setattr(replay, "LOST", 1.0)
    plain = update_run(run, edges=crowd, judge=False, out=tmp_path / "plain")
    done = update_run(run, edges=crowd, judge=False, fine_tune=40, out=tmp_path / "tuned")
    tuned = done.report["models"]["user-cold"]["fine_tuned"]
    assert tuned["loss_after"] < tuned["loss_before"]
    assert tuned["valid_after"] > 0.5 * tuned["valid_before"]
    assert not tuned["taken_back"]
    assert "fine_tuned" not in plain.report["models"]["user-cold"]
    graph = load_graph(done.run / "graph")
    one, other = (load_bundle(d.run / "user-cold" / "model", graph) for d in (plain, done))
    assert (one.z["item"] != other.z["item"]).any()
    assert np.isfinite(other.z["item"]).all()


def test_steps_that_lose_valid_are_taken_back(run, crowd, monkeypatch, tmp_path):
    monkeypatch.setattr(replay, "LOST", -9.0)  # whatever they bring, it is too little
    plain = update_run(run, edges=crowd, judge=False, out=tmp_path / "plain")
    done = update_run(run, edges=crowd, judge=False, fine_tune=2, out=tmp_path / "tuned")
    assert done.report["models"]["user-cold"]["fine_tuned"]["taken_back"]
    graph = load_graph(done.run / "graph")
    one, other = (load_bundle(d.run / "user-cold" / "model", graph) for d in (plain, done))
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])
