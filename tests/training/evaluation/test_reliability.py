import json

import numpy as np
import pytest

from training.evaluation.calibration import fit_sample
from training.evaluation.reliability import judge_sample
from training.evaluation.score_sample import ScoreSample


def make_sample(seed, slope=1.0, num_users=300):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(num_users, 100))
    positive = rng.random(scores.shape) < 1 / (1 + np.exp(3 - slope * scores))
    order = np.argsort(-scores, axis=1)
    ranks = np.empty(scores.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, 101)[None], axis=1)
    return ScoreSample(
        scores=scores.ravel(),
        owner=np.repeat(np.arange(num_users), 100),
        positive=positive.ravel(),
        weights=np.ones(scores.size),
        ranks=ranks.ravel(),
        num_users=num_users,
    )


def judge(calibration, sample):
    return judge_sample(calibration, sample, rng=np.random.default_rng(1), resamples=300)


@pytest.fixture(scope="module")
def fitted():
    return fit_sample(make_sample(0), rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def judged(fitted):
    return judge(fitted, make_sample(1))


def test_good_probabilities_are_found_good(judged, fitted):
    assert json.loads(json.dumps(judged, allow_nan=False)) == judged
    assert judged["ece"] < 0.01
    assert judged["relative_error"] < 0.12
    assert judged["brier_skill"] > 0.05
    assert judged["mean_probability"] == pytest.approx(judged["base_rate"], rel=0.05)
    assert judged["threshold"] == fitted.threshold
    predicted = [b["predicted"] for b in judged["bins"]]
    assert predicted == sorted(predicted)
    assert len(predicted) == 10


def test_wrong_probabilities_are_found_wrong(judged, fitted):
    flat = judge(fitted, make_sample(1, slope=0.0))
    assert flat["relative_error"] > 3 * judged["relative_error"]
    assert flat["ece"] > 2 * judged["ece"]
    assert flat["brier_skill"] < 0


def test_thresholds_keep_their_promise(judged):
    for about in judged["thresholds"]:
        if about["theta"] >= 0.05 and about["per_user"] > 0.5:
            precision = about["precision"]
            assert precision["low"] < about["promised"] * 1.1
            assert precision["high"] > about["promised"] * 0.9
            assert about["promised"] >= about["theta"]


def test_counts_at_a_threshold_equal_a_loop(judged, fitted):
    sample = make_sample(1)
    about = next(a for a in judged["thresholds"] if a["theta"] == 0.1)
    shown = fitted.of_sample(sample) >= 0.1
    hits = (shown & sample.positive).sum()
    assert about["precision"]["mean"] == pytest.approx(hits / shown.sum())
    assert about["recall"]["mean"] == pytest.approx(hits / sample.positive.sum())
    assert about["f1"] == pytest.approx(2 * hits / (shown.sum() + sample.positive.sum()))
    assert about["accuracy"] == pytest.approx((shown == sample.positive).mean())
    assert about["per_user"] == pytest.approx(shown.sum() / 300)
    assert about["users"] == pytest.approx(len(set(sample.owner[shown])) / 300)
    for name in ("precision", "recall"):
        assert about[name]["low"] < about[name]["mean"] < about[name]["high"]


def test_brier_equals_its_definition(judged, fitted):
    sample = make_sample(1)
    p = fitted.of_sample(sample)
    assert judged["brier"] == pytest.approx(((p - sample.positive) ** 2).mean())


def test_a_threshold_that_nothing_reaches():
    sample = make_sample(0)
    high = fit_sample(sample, rng=np.random.default_rng(0), threshold=0.99)
    about = judge(high, sample)["thresholds"][-1]
    assert (about["theta"], about["per_user"]) == (0.99, 0.0)
    assert about["precision"] is None
    assert about["recall"]["mean"] == 0.0
