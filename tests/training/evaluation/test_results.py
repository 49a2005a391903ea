import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from kg.errors import InputError
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.results import beats_every_floor, compare, results_table
from training.evaluation.slices import slice_masks
from training.evaluation.split import make_split


class Noisy:
    """Knows the held-out rows, as far as `signal` goes."""

    def __init__(self, name, split, signal, seed):
        self.name = name
        rng = np.random.default_rng(seed)
        self.table = rng.random((len(split.train.users), len(split.train.items)), dtype=np.float32)
        self.table[split.test.users, split.test.items] += signal

    def score(self, users, items):
        return self.table[np.ix_(users, items)]


@pytest.fixture
def split(make_graph):
    rng = np.random.default_rng(1)
    items = {f"{domain}-{n:03d}": domain for domain in ("books", "films") for n in range(80)}
    pairs = [
        (f"user-{user:03d}", f"{domain}-{n:03d}")
        for user in range(200)
        for domain in ("books", "films")[user % 2 :]
        for n in rng.choice(80, size=rng.integers(1, 9), replace=False)
    ]
    return make_split(make_graph(pairs, items), TaskConfig(target="films"), "item-cold", seed=0)


def judge(split, signals, rng_seed=0, **settings):
    return {
        name: evaluate(
            Noisy(name, split, signal, seed),
            split,
            "test",
            k=(2, 4),
            sampled_negatives=20,
            rng=np.random.default_rng(rng_seed),
            item_features=np.eye(len(split.train.items)),
            **settings,
        )
        for seed, (name, signal) in enumerate(signals.items())
    }


@pytest.fixture
def evaluations(split):
    return judge(split, {"random": 0.0, "popularity": 0.1, "isthmus": 0.4})


@pytest.fixture
def results(evaluations):
    return compare(evaluations, "isthmus", seed=5, resamples=300)


def test_results_are_plain_json_and_say_what_was_judged(results, split):
    again = json.loads(json.dumps(results, allow_nan=False))
    assert again == results
    assert (results["protocol"], results["target"], results["part"]) == (
        "item-cold",
        "films",
        "test",
    )
    assert results["sources"] == ["books"]
    assert results["num_rows"] == len(split.test)
    assert results["num_users"] == len(np.unique(split.test.users))
    assert results["num_candidates"] == len(split.test.candidates)
    assert results["seed"] == 5
    assert list(results["scorers"]) == ["isthmus", "random", "popularity"]  # the model first


def test_means_and_intervals(results, evaluations):
    for name, evaluation in evaluations.items():
        scorer = results["scorers"][name]
        for metric in ("NDCG@2", "Recall@4", "MRR", "MAP@4", "F1@2", "Precision@2", "HR@4"):
            value = scorer["full"][metric]
            assert value["mean"] == pytest.approx(evaluation.mean(metric))
            assert value["low"] < value["mean"] < value["high"]
        for metric in ("MRR", "NDCG@2", "HR@4"):
            value = scorer["sampled"][metric]
            assert value["mean"] == pytest.approx(evaluation.sampled_mean(metric))
            assert value["low"] < value["mean"] < value["high"]
        assert scorer["coverage@2"] == evaluation.coverage[2]
        assert scorer["diversity@4"] == 1.0


def test_comparisons_are_paired_and_adjusted_over_floors(results, evaluations):
    assert list(results["comparisons"]) == ["random", "popularity"]
    test = results["comparisons"]["random"]["NDCG@2"]
    model, floor = evaluations["isthmus"], evaluations["random"]
    assert test["difference"] == pytest.approx(model.mean("NDCG@2") - floor.mean("NDCG@2"))
    assert test["low"] < test["difference"] < test["high"]
    assert test["p_value"] == pytest.approx(1 / 301)
    assert test["p_holm"] == pytest.approx(2 / 301)  # two floors
    test = results["sampled_comparisons"]["popularity"]["MRR"]
    difference = model.sampled_mean("MRR") - evaluations["popularity"].sampled_mean("MRR")
    assert test["difference"] == pytest.approx(difference)


def test_a_star_needs_every_floor(split, results):
    assert beats_every_floor(results, "NDCG@2")
    assert beats_every_floor(results, "MRR", sampled=True)
    rival = judge(split, {"random": 0.0, "rival": 0.4, "isthmus": 0.4})
    assert not beats_every_floor(compare(rival, "isthmus", resamples=300), "NDCG@2")
    better = judge(split, {"rival": 0.9, "isthmus": 0.1})
    assert not beats_every_floor(compare(better, "isthmus", resamples=300), "NDCG@2")


def test_seed_decides(evaluations, results):
    assert compare(evaluations, "isthmus", seed=5, resamples=300) == results
    assert compare(evaluations, "isthmus", seed=6, resamples=300) != results


def test_slices_are_groups_of_users(results, evaluations):
    evaluation = evaluations["isthmus"]
    slices = results["scorers"]["isthmus"]["slices"]
    for where in ("target", "source"):
        parts = [value for name, value in slices.items() if name.startswith(f"{where} history")]
        assert len(parts) > 2
        assert sum(part["num_users"] for part in parts) == results["num_users"]
        assert sum(part["num_rows"] for part in parts) == results["num_rows"]
    few = (evaluation.source_history >= 2) & (evaluation.source_history <= 5)
    value = slices["source history 2-5"]
    assert value["num_users"] == few.sum()
    assert value["NDCG@2"]["mean"] == pytest.approx(evaluation.full["NDCG@2"][few].mean())


def test_slices_of_items_have_their_own_users(split, evaluations, make_graph):
    none = compare(evaluations, "isthmus", resamples=50)["scorers"]["isthmus"]["slices"]
    assert not any(name.endswith("items") for name in none)  # all items are cold: one bucket
    warm = make_split(warm_graph(make_graph), TaskConfig(target="films"), "warm", seed=0)
    found = judge(warm, {"random": 0.0, "isthmus": 0.4})
    slices = compare(found, "isthmus", resamples=50)["scorers"]["random"]["slices"]
    values = found["random"].buckets["tail items"]["NDCG@2"]
    assert slices["tail items"]["num_users"] == np.count_nonzero(~np.isnan(values))
    assert slices["tail items"]["NDCG@2"]["mean"] == pytest.approx(np.nanmean(values))


def warm_graph(make_graph):
    rng = np.random.default_rng(3)
    items = {f"f{n:02d}": "films" for n in range(40)} | {"b": "books"}
    chance = np.arange(40, 0, -1) / sum(range(41))
    pairs = [
        (f"u{user:03d}", f"f{n:02d}")
        for user in range(150)
        for n in rng.choice(40, size=6, replace=False, p=chance)
    ]
    return make_graph([*pairs, ("u000", "b")], items)


def test_shots_and_cold_users(evaluations):
    shots = np.array([0, 1, 2, 5, 6, 10, 11, 20, 21, 500])
    size = len(shots)
    one = dataclasses.replace(
        evaluations["isthmus"],
        users=np.arange(size),
        target_history=shots,
        source_history=np.zeros(size, dtype=np.int64),
    )
    found = {name: np.flatnonzero(mask).tolist() for name, mask in slice_masks(one).items()}
    assert found == {
        "target history 0": [0],
        "target history 1": [1],
        "target history 2-5": [2, 3],
        "target history 6-10": [4, 5],
        "target history 11-20": [6, 7],
        "target history >20": [8, 9],
        "cold users": [0],
        "warm users": list(range(1, 10)),
    }  # all have no source history: one group is no grouping


def test_evaluations_must_be_alike(split, evaluations):
    with pytest.raises(InputError, match="no evaluation of 'ours'"):
        compare(evaluations, "ours")
    other = judge(split, {"isthmus": 0.5}, rng_seed=1)
    with pytest.raises(InputError, match="different negatives"):
        compare({**evaluations, "isthmus": other["isthmus"]}, "isthmus")
    first = evaluations["random"]
    fewer = dataclasses.replace(first, users=first.users + 1)
    with pytest.raises(InputError, match="not of the same held-out rows"):
        compare({**evaluations, "random": fewer}, "isthmus")


def test_a_model_without_floors_or_sampled_metrics(split):
    scorer = Noisy("isthmus", split, 0.5, 0)
    evaluation = evaluate(scorer, split, "test", sampled_negatives=0, rng=np.random.default_rng(0))
    results = compare({"isthmus": evaluation}, "isthmus", resamples=50)
    assert results["comparisons"] == {}
    assert results["scorers"]["isthmus"]["sampled"] == {}
    assert not beats_every_floor(results, "NDCG@10")
    assert results_table(results).row_count == 1


def test_table(results):
    text = io.StringIO()
    Console(file=text, width=160).print(results_table(results))
    lines = text.getvalue().splitlines()
    rows = [line for line in lines if line.startswith("│")]
    shown = f"{100 * results['scorers']['isthmus']['full']['NDCG@2']['mean']:.2f} ±"
    model = next(line for line in rows if "isthmus" in line)
    assert shown in model
    stars = [beats_every_floor(results, metric) for metric in ("NDCG@2", "Recall@4")]
    stars += [beats_every_floor(results, name, sampled=True) for name in ("MRR", "NDCG@2", "HR@2")]
    assert model.count("*") == sum(stars)
    assert sum(stars) in range(1, 5)  # or the test could not tell
    assert "*" not in next(line for line in rows if "popularity" in line)
    assert rows.index(model) < rows.index(next(line for line in rows if "random" in line))
    assert "books → films, item-cold" in text.getvalue()
    table = results_table(results)
    assert "[bold]" in next(iter(table.columns[1].cells))
    assert "[bold]" not in "".join(map(str, list(table.columns[1].cells)[1:]))
