import builtins

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from kg.errors import ConfigError
from training.baselines.implicit_factors import ALS, BPR

QUICK = {"factors": 8, "iterations": 5}


def test_als_scores_are_those_of_the_library(random_task, dense):
    task = random_task("user-cold")
    history = csr_matrix(dense(task).astype(np.float32))
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(
            **QUICK, alpha=4.0, regularization=0.5, random_state=3, num_threads=1
        )
        theirs.fit(history, show_progress=False)
        rows, scores = theirs.recommend(
            np.arange(80), history, N=50, filter_already_liked_items=False
        )
    ours = ALS(task, seed=3, **QUICK, alpha=4.0, regularization=0.5)
    found = ours.score(np.arange(80), np.arange(50))
    np.testing.assert_allclose(np.take_along_axis(found, rows, axis=1), scores, atol=1e-5)


def test_bpr_scores_are_those_of_the_library(random_task, dense):
    task = random_task("warm")
    history = csr_matrix(dense(task).astype(np.float32))
    with threadpool_limits(1, "blas"):
        theirs = BayesianPersonalizedRanking(
            **QUICK, learning_rate=0.1, regularization=0.02, random_state=3, num_threads=1
        )
        theirs.fit(history, show_progress=False)
    ours = BPR(task, seed=3, **QUICK, learning_rate=0.1, regularization=0.02)
    expected = theirs.user_factors @ theirs.item_factors.T
    assert np.array_equal(ours.score(np.arange(80), np.arange(50)), expected)


@pytest.mark.parametrize("kind", [ALS, BPR])
def test_whoever_has_no_history_is_nobody_in_particular(make_task, kind):
    pairs = [(user, item) for user in range(4) for item in range(user % 2, 6, 2)]
    task = make_task("warm", ["b", "b", "f", "f", "f", "f"], 6, pairs)
    scores = kind(task, **QUICK).score(np.array([4, 5]), np.arange(6))
    assert np.array_equal(scores[0], scores[1])


def test_without_the_library_the_extra_is_named(random_task, monkeypatch):
    real = builtins.__import__

    def blocked(name, *arguments, **named):
        if name == "implicit":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", blocked)
    with pytest.raises(ConfigError, match=r"isthmus\[baselines\]"):
        ALS(random_task("warm"))
