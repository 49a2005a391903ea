import json

import numpy as np
import pytest

from kg.errors import InputError
from training.evaluation.seeds import across_seeds

FLOORS = {"popularity": 0.4, "user-kNN": 0.5}


def test_the_same_users_are_averaged_over_seeds(make_judged):
    runs = [make_judged(0.5, seed=seed, floors=FLOORS) for seed in range(3)]
    found = across_seeds(runs, resamples=300)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["num_seeds"], found["num_users"]) == (3, 300)
    values = np.stack([run.scorers["isthmus"]["full"]["NDCG@10"] for run in runs])
    mine = found["scorers"]["isthmus"]["full"]["NDCG@10"]
    assert mine["mean"] == pytest.approx(values.mean())
    assert mine["least"] == pytest.approx(values.mean(axis=1).min())
    assert mine["most"] == pytest.approx(values.mean(axis=1).max())
    # a third of the variance of one seed: noise of seeds is averaged before users are drawn
    width = (mine["high"] - mine["low"]) / 2
    assert width == pytest.approx(1.96 * values.mean(axis=0).std() / np.sqrt(300), rel=0.15)
    assert width < 0.8 * 1.96 * values[0].std() / np.sqrt(300)


def test_floors_are_compared_on_the_averages(make_judged):
    found = across_seeds(
        [make_judged(0.5, seed=seed, floors=FLOORS) for seed in range(3, 6)], resamples=300
    )
    worse = found["comparisons"]["popularity"]["NDCG@10"]
    alike = found["sampled_comparisons"]["user-kNN"]["MRR"]
    assert worse["low"] < worse["difference"] < worse["high"]
    assert worse["difference"] == pytest.approx(0.1, abs=0.02)
    assert worse["p_value"] == pytest.approx(1 / 301)
    assert worse["p_holm"] == pytest.approx(2 / 301)
    assert alike["p_holm"] > 0.05


def test_floors_of_the_first_seed_stand_for_all(make_judged):
    runs = [make_judged(0.5, floors=FLOORS), make_judged(0.5, seed=1)]
    found = across_seeds(runs, resamples=50)
    assert found["scorers"]["popularity"]["num_seeds"] == 1
    assert found["scorers"]["isthmus"]["num_seeds"] == 2
    assert found["comparisons"]["popularity"]["MRR"]["difference"] > 0


def test_users_of_other_splits_count_as_often_as_they_were_held_out(make_judged):
    runs = [
        make_judged(users=["a", "b"], held_out="1"),
        make_judged(seed=1, users=["b", "c"], held_out="2"),
    ]
    found = across_seeds(runs, resamples=50)
    assert found["num_users"] == 3
    values = [run.scorers["isthmus"]["full"]["MRR"] for run in runs]
    mean = found["scorers"]["isthmus"]["full"]["MRR"]["mean"]
    assert mean == pytest.approx(np.concatenate(values).mean())


def test_seeds_of_different_jobs_are_refused(make_judged):
    with pytest.raises(InputError, match="not seeds of one job"):
        across_seeds([make_judged(), make_judged(target="games")])
    with pytest.raises(InputError, match="no runs"):
        across_seeds([])
