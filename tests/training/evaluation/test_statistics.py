import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation import statistics
from training.evaluation.statistics import (
    bootstrap_interval,
    bootstrap_means,
    holm,
    paired_test,
    sign_flip_p_values,
    weighted_means,
)


def generator(seed=0):
    return np.random.default_rng(seed)


def test_interval_is_as_wide_as_the_standard_error_says():
    values = generator(1).normal(size=4000)
    found = bootstrap_interval(values, rng=generator(), resamples=4000)
    standard_error = values.std() / np.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * standard_error, rel=0.05)
    assert found.low < found.mean < found.high


def test_interval_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(300):
        values = generator(seed).exponential(size=80)
        found = bootstrap_interval(values, rng=generator(seed), resamples=300, level=0.9)
        covered += found.low <= 1 <= found.high
    assert 0.82 <= covered / 300 <= 0.95


def test_rows_are_resampled_with_their_user():
    rng = generator(2)
    counts = rng.integers(1, 9, size=60)
    sums = rng.random(60) * counts
    means = bootstrap_means((sums / counts)[:, None], counts.astype(float), rng=generator())
    drawn = generator().integers(60, size=(1000, 60))
    expected = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    np.testing.assert_allclose(means[:, 0], expected)
    weighted = weighted_means((sums / counts)[:, None], counts.astype(float))
    assert weighted[0] == pytest.approx(sums.sum() / counts.sum())


def test_metrics_share_the_draws():
    values = generator(3).random((50, 1))
    means = bootstrap_means(np.hstack([values, values + 1]), np.ones(50), rng=generator())
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 1)


def test_blocks_change_nothing(monkeypatch):
    values = generator(4).random((30, 2))
    one = bootstrap_means(values, np.ones(30), rng=generator())
    p_one = sign_flip_p_values(values - 0.5, np.ones(30), rng=generator(), resamples=500)
    monkeypatch.setattr(statistics, "_CELLS", 30 * 8)  # eight resamples at once
    np.testing.assert_allclose(one, bootstrap_means(values, np.ones(30), rng=generator()))
    p_other = sign_flip_p_values(values - 0.5, np.ones(30), rng=generator(), resamples=500)
    np.testing.assert_allclose(p_one, p_other)


def test_same_seed_same_result_whatever_the_global_generator_did():
    values = generator(5).random(40)
    one = bootstrap_interval(values, rng=generator())
    np.random.random(7)  # noqa: NPY002 - the global generator is what must not matter
    assert one == bootstrap_interval(values, rng=generator())
    assert one != bootstrap_interval(values, rng=generator(1))


def test_p_value_equals_the_exact_test():
    differences = np.array([1.0, 2.0, 3.0, -0.5, 4.0, 1.5, -1.0, 2.5])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1)
    exact = (np.abs(differences @ signs) >= np.abs(differences.sum())).mean()
    found = paired_test(differences, np.zeros(8), rng=generator(), resamples=40_000)
    assert found.p_value == pytest.approx(exact, rel=0.1)
    assert found.difference == pytest.approx(differences.mean())


def test_p_values_are_uniform_where_nothing_differs():
    rng = generator(6)
    p = sign_flip_p_values(
        rng.normal(size=(60, 400)), rng.random(60) + 0.5, rng=generator(), resamples=400
    )
    assert 0.02 <= (p < 0.05).mean() <= 0.09
    assert 0.4 <= (p < 0.5).mean() <= 0.6


def test_a_clear_difference_is_found_and_none_is_not():
    rng = generator(7)
    floor = rng.random(300)
    better = floor + 0.05 + 0.1 * rng.normal(size=300)
    found = paired_test(better, floor, rng=generator())
    assert found.p_value == pytest.approx(1 / 1001)
    assert 0 < found.low < found.difference < found.high
    same = paired_test(floor, floor, rng=generator())
    assert same.p_value == 1
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    worse = paired_test(floor, better, rng=generator())
    assert worse.difference == pytest.approx(-found.difference)
    assert worse.p_value == found.p_value


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_and_is_between_none_and_bonferroni(p_values):
    p, adjusted = np.array(p_values), holm(p_values)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(1, len(p) * p) + 1e-15)
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0)
