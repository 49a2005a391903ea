import subprocess
import sys

import numpy as np

from training.baselines.random import Random


def test_a_score_depends_on_the_pair_and_the_seed_alone():
    users, items = np.arange(40), np.arange(300)
    whole = Random(3).score(users, items)
    shuffled = np.random.default_rng(0).permutation(300)
    assert np.array_equal(Random(3).score(users[7:9], items[shuffled]), whole[7:9][:, shuffled])
    assert not np.array_equal(Random(4).score(users, items), whole)


def test_scores_are_uniform_and_rows_and_columns_unrelated():
    scores = Random(0).score(np.arange(300), np.arange(400)).astype(float)
    counts, _ = np.histogram(scores, bins=20, range=(0, 1))
    # chi-square of 20 bins: 19 degrees of freedom, 43.8 has probability 0.001
    assert ((counts - 6000) ** 2 / 6000).sum() < 43.8
    assert scores.min() >= 0
    assert scores.max() < 1
    # the largest of 300 * 299 / 2 correlations of independent rows of 400 stays below 0.3
    for matrix in (scores, scores.T):
        correlation = np.corrcoef(matrix)
        assert np.abs(correlation - np.eye(len(correlation))).max() < 0.3


def test_another_process_draws_the_same():
    code = (
        "import numpy as np; from training.baselines.random import Random; "
        "print(Random(5).score(np.array([11]), np.array([13])).tobytes().hex())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = Random(5).score(np.array([11]), np.array([13])).tobytes().hex()
    assert there.stdout.strip() == here
