import numpy as np

from training.evaluation.calibration import fit_sample
from training.evaluation.negative_transfer import negative_transfer
from training.evaluation.reliability import judge_sample
from training.evaluation.report_trust import calibration_part, negative_transfer_part
from training.evaluation.score_sample import ScoreSample


def judged_calibration():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.normal(size=(50, 40)), axis=1)[:, ::-1]
    sample = ScoreSample(
        scores=scores.ravel(),
        owner=np.repeat(np.arange(50), 40),
        positive=rng.random(2000) < 1 / (1 + np.exp(2 - scores.ravel())),
        weights=np.ones(2000),
        ranks=np.tile(np.arange(1.0, 41), 50),
        num_users=50,
    )
    return judge_sample(fit_sample(sample, rng=rng), sample, rng=rng, resamples=50)


def test_thresholds_and_reliability():
    found = judged_calibration()
    page = calibration_part("warm", found)
    assert page.count("<tr") == len(found["thresholds"]) + 1
    assert page.count('class="model"') == 1
    assert f"θ = {found['threshold']:.4g}" in page
    assert "<svg" in page
    about = next(a for a in found["thresholds"] if a["theta"] == found["threshold"])
    assert f"{100 * about['precision']['mean']:.2f}" in page
    assert f"{100 * about['promised']:.2f}" in page


def test_a_threshold_that_nothing_reaches_is_shown_without_precision():
    found = judged_calibration()
    none = {**found["thresholds"][-1], "theta": 0.99, "precision": None, "promised": None}
    assert "&ndash;" in calibration_part("warm", {**found, "thresholds": [none]})


def test_groups_that_the_source_helps_and_hurts(make_judged):
    found = negative_transfer(make_judged(0.5), make_judged(0.4, seed=1), resamples=50)
    page = negative_transfer_part(found)
    assert page.count("<tr") == len(found["slices"]) + 1
    everybody = found["slices"]["all users"]
    assert f"{100 * everybody['difference']:+.2f}" in page
    assert f"{everybody['hurt']:.0%}" in page


def test_what_is_not_known_is_left_out():
    assert calibration_part("warm", {}) == ""
    assert negative_transfer_part({}) == ""
