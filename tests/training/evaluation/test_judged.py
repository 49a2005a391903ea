import dataclasses

import numpy as np
import pytest

from kg.errors import ArtefactError
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.judged import Judged, held_out_hash, load_judged
from training.evaluation.split import make_split


class Noise:
    def __init__(self, name):
        self.name = name

    def score(self, users, items):
        rng = np.random.default_rng(len(self.name))
        return rng.random((10_000,))[(users[:, None] * 31 + items) % 10_000].astype(np.float32)


@pytest.fixture
def split(make_graph):
    rng = np.random.default_rng(0)
    items = {f"{domain}{n:02d}": domain for domain in ("books", "films") for n in range(30)}
    pairs = [
        # ids in an order that is not that of the rows
        (f"u{-user % 7}{user}", f"{domain}{n:02d}")
        for user in range(60)
        for domain in ("books", "films")
        for n in rng.choice(30, size=5, replace=False, p=np.arange(1, 31) / 465)
    ]
    return make_split(make_graph(pairs, items), TaskConfig(target="films"), "warm", seed=0)


@pytest.fixture
def evaluations(split):
    return {
        name: evaluate(Noise(name), split, "test", rng=np.random.default_rng(0))
        for name in ("isthmus", "popularity")
    }


def test_what_is_saved_is_what_was_judged(split, evaluations, tmp_path):
    judged = Judged.of(evaluations, split, "isthmus")
    judged.save(tmp_path / "users.parquet")
    again = load_judged(tmp_path / "users.parquet")
    for field in dataclasses.fields(Judged):
        if field.name != "scorers":
            assert np.array_equal(getattr(again, field.name), getattr(judged, field.name))
    assert list(again.scorers) == ["isthmus", "popularity"]
    for name, groups in judged.scorers.items():
        assert list(again.scorers[name]) == list(groups)
        for group, values in groups.items():
            for metric, column in values.items():
                found = again.scorers[name][group][metric]
                assert found == pytest.approx(column, abs=1e-6, nan_ok=True)
    assert "tail items" in judged.scorers["isthmus"]
    assert "tail items" not in judged.scorers["popularity"]


def test_users_go_by_id(split, evaluations):
    judged, one = Judged.of(evaluations, split, "isthmus"), evaluations["isthmus"]
    assert judged.users.tolist() == sorted(judged.users.tolist())
    row = len(one.users) // 2
    at = judged.users.tolist().index(split.train.users.vocab.id(int(one.users[row])))
    assert judged.scorers["isthmus"]["full"]["MRR"][at] == one.full["MRR"][row]
    assert judged.num_rows[at] == one.num_rows[row]


def test_means_are_those_of_the_evaluation(split, evaluations):
    judged, one = Judged.of(evaluations, split, "isthmus"), evaluations["isthmus"]
    for group, metric in judged.metrics():
        mean = np.average(judged.scorers["isthmus"][group][metric], weights=judged.weights(group))
        expected = one.mean(metric) if group == "full" else one.sampled_mean(metric)
        assert mean == pytest.approx(expected)


def test_the_hash_is_of_rows_and_candidates(split):
    before = held_out_hash(split, split.test)
    order = np.random.default_rng(0).permutation(len(split.test))
    other = dataclasses.replace(
        split.test, users=split.test.users[order], items=split.test.items[order]
    )
    assert held_out_hash(split, other) == before
    fewer = dataclasses.replace(split.test, candidates=split.test.candidates[:-1])
    assert held_out_hash(split, fewer) != before
    fewer = dataclasses.replace(
        split.test, users=split.test.users[:-1], items=split.test.items[:-1]
    )
    assert held_out_hash(split, fewer) != before


def test_missing_and_damaged_files(tmp_path, make_judged):
    path = tmp_path / "users.parquet"
    with pytest.raises(ArtefactError, match="isthmus evaluate"):
        load_judged(path)
    make_judged().save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtefactError, match="damaged"):
        load_judged(path)
