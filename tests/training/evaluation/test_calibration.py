import dataclasses
import json

import numpy as np
import pytest

from kg.errors import ArtefactError, InputError
from training.config import EvaluationConfig, TaskConfig
from training.evaluation.calibration import Calibration, best_threshold, calibrate, fit_sample
from training.evaluation.calibration_curves import Isotonic, Platt
from training.evaluation.score_sample import ScoreSample
from training.evaluation.split import HeldOut, make_split


def make_sample(probability, seed=0, num_users=400, per_user=200, shift=0.0):
    """Pairs whose chance of being held out is a known function of their score."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(num_users, per_user)) + rng.normal(size=(num_users, 1))
    scores = np.sort(scores / np.sqrt(2), axis=1)[:, ::-1]
    positive = rng.random(scores.shape) < probability(scores)
    shifts = shift * rng.normal(size=(num_users, 1))  # of whole users: scores do not compare
    weights = np.ones(scores.shape)
    # every other negative stands for two
    drop = ~positive & (np.arange(per_user) % 2 == 0)
    weights[~positive] = 2.0
    kept = ~drop.ravel()
    return ScoreSample(
        scores=(scores + shifts).ravel()[kept],
        owner=np.repeat(np.arange(num_users), per_user)[kept],
        positive=positive.ravel()[kept],
        weights=weights.ravel()[kept],
        ranks=np.tile(np.arange(1.0, per_user + 1), num_users)[kept],
        num_users=num_users,
    )


def logistic(scores):
    return 1 / (1 + np.exp(-(1.5 * scores - 4)))


def steps(scores):
    return np.select([scores > 2, scores > 1], [0.4, 0.1], 0.01)


def fit(sample, **settings):
    return fit_sample(sample, rng=np.random.default_rng(0), **settings)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_known_probabilities_are_recovered(method):
    fitted = fit(make_sample(logistic), method=method)
    assert fitted.scale == "score"
    x = np.linspace(-1, 2, 7)
    assert fitted.probability(x) == pytest.approx(logistic(x), abs=0.02)
    assert fitted.probability(x[-3:]) == pytest.approx(logistic(x[-3:]), rel=0.2)


def test_weights_count():
    """Without them negatives would be half as many, and probabilities nearly twice as high."""
    sample = make_sample(logistic)
    fitted = fit(sample, method="platt")
    ones = dataclasses.replace(sample, weights=np.ones_like(sample.weights))
    assert fit(ones, method="platt").probability(np.zeros(1)) > 1.6 * logistic(0.0)
    assert fitted.probability(np.zeros(1)) == pytest.approx(logistic(0.0), rel=0.05)
    expected = sample.weights @ fitted.of_sample(sample)
    assert expected == pytest.approx(sample.positive.sum(), rel=0.01)


def test_auto_takes_what_users_left_out_bear_out():
    line, stairs = fit(make_sample(logistic, num_users=100)), fit(make_sample(steps))
    assert isinstance(line.curve, Platt)
    assert isinstance(stairs.curve, Isotonic)
    assert set(stairs.losses) == {
        f"{method} {scale}" for method in ("isotonic", "platt") for scale in ("score", "rank")
    }
    assert stairs.probability(np.array([-1.0, 1.5, 2.5])) == pytest.approx(
        [0.01, 0.1, 0.4], abs=0.03
    )


def test_scores_that_do_not_compare_between_users_go_by_rank():
    fitted = fit(make_sample(logistic, shift=3.0))
    assert fitted.scale == "rank"
    first, last = fitted.probability(np.zeros(2), np.array([1.0, 200.0]))
    assert first > 20 * last
    with pytest.raises(InputError, match="give the ranks"):
        fitted.probability(np.zeros(2))


def test_probabilities_never_rise_as_scores_fall():
    for method in ("isotonic", "platt"):
        found = fit(make_sample(steps), method=method).probability(np.linspace(4, -4, 500))
        assert (np.diff(found) <= 0).all()
        assert ((found > 0) & (found <= 1)).all()


def test_the_threshold_has_the_best_f1():
    sample = make_sample(logistic, num_users=20)
    fitted = fit(sample, method="platt")
    p = fitted.of_sample(sample)

    def f1(theta):
        shown = p >= theta
        hits = sample.weights @ (shown & sample.positive)
        return 2 * hits / (sample.weights @ shown + sample.positive.sum())

    assert f1(fitted.threshold) == pytest.approx(max(f1(theta) for theta in p))
    assert fit(sample, threshold=0.25).threshold == 0.25
    alike = np.where(p > np.median(p), 0.3, 0.1)  # what is equally likely is shown together
    assert best_threshold(alike, sample) in (0.1, 0.3)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_what_is_saved_is_what_was_fitted(tmp_path, method):
    fitted = fit(make_sample(logistic), method=method)
    fitted.save(tmp_path)
    again = Calibration.load(tmp_path)
    x = np.linspace(-3, 3, 50)
    assert np.array_equal(again.probability(x), fitted.probability(x))
    assert (again.threshold, again.scale, again.losses, again.base_rate) == (
        fitted.threshold,
        fitted.scale,
        fitted.losses,
        fitted.base_rate,
    )
    values = json.loads((tmp_path / "calibration.json").read_text())
    del values["scale"]
    (tmp_path / "calibration.json").write_text(json.dumps(values))
    with pytest.raises(ArtefactError, match="damaged"):
        Calibration.load(tmp_path)


def test_the_valid_part_decides(checkerboard_split):
    class Parity:
        name = "parity"

        def score(self, users, items):
            names = split.train.items.vocab.to_ids(items)
            parity = np.array([int(name[-2:]) % 2 for name in names])
            alike = parity == np.array([users % 2]).T
            return alike.astype(np.float32)

    split = checkerboard_split()
    fitted = Calibration.fit(Parity(), split, rng=np.random.default_rng(0), method="isotonic")
    assert fitted.base_rate == 0.5
    assert fitted.probability(np.array([0.0, 1.0])) == pytest.approx([0, 1], abs=1e-3)
    assert fitted.threshold == 1.0


def test_settings_decide(make_graph):
    class Even:
        name = "even"

        def score(self, users, items):
            return np.zeros((len(users), len(items)), dtype=np.float32)

    items = {"b": "books"} | {f"f{n}": "films" for n in range(9)}
    pairs = [(f"u{n}", item) for n in range(20) for item in items if item != f"f{n % 9}"]
    graph = make_graph(pairs, items)
    split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)
    rng = np.random.default_rng(0)
    assert calibrate(Even(), split, EvaluationConfig(calibration="none"), rng) is None
    asked = EvaluationConfig(calibration="platt", threshold=0.3)
    fitted = calibrate(Even(), split, asked, rng)
    assert (type(fitted.curve), fitted.threshold) == (Platt, 0.3)
    assert fitted.probability(np.zeros(1), np.ones(1) * 5) == pytest.approx(8 / 9, abs=0.03)
    kept = split.valid.users == split.valid.users[0]
    liked = split.valid.items[kept]
    one = HeldOut(users=split.valid.users[kept], items=liked, candidates=np.sort(liked))
    every = dataclasses.replace(split, valid=one)  # all that can be ranked was held out
    assert calibrate(Even(), every, EvaluationConfig(), rng) is None


def test_nothing_to_learn_from():
    sample = make_sample(logistic, num_users=5)
    none = dataclasses.replace(sample, positive=np.zeros(len(sample.positive), dtype=np.bool_))
    with pytest.raises(InputError, match="needs pairs that were held out"):
        fit(none)
