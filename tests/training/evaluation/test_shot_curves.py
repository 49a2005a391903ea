import numpy as np
import pytest

from kg.errors import InputError
from training.config import TaskConfig
from training.evaluation.shot_curves import shot_splits
from training.evaluation.split import check_no_leak
from training.evaluation.split_files import load_split, save_split


@pytest.fixture
def graph(make_graph):
    rng = np.random.default_rng(0)
    items = {f"{domain}{n:02d}": domain for domain in ("books", "films") for n in range(40)}
    pairs = [
        (f"u{user:02d}", f"{domain}{n:02d}")
        for user in range(60)
        for domain in ("books", "films")
        for n in rng.choice(40, size=8, replace=False)
    ]
    return make_graph(pairs, items)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_splits_differ_by_their_shots_alone(graph, protocol, tmp_path):
    config = TaskConfig(target="films", valid_fraction=0.2, test_fraction=0.2)
    splits = shot_splits(graph, config, protocol, 0, (0, 1, 2, 5))
    assert list(splits) == [0, 1, 2, 5]
    zero, five = splits[0], splits[5]
    for k, split in splits.items():
        for name in ("users", "items", "candidates"):
            assert np.array_equal(getattr(split.test, name), getattr(zero.test, name))
        check_no_leak(split)
        save_split(split, tmp_path / str(k))
        assert len(load_split(tmp_path / str(k), graph).test) == len(zero.test)
    assert len(zero.test) > 0
    cold, ends = (
        (np.unique(zero.test.users), "src")
        if protocol == "user-cold"
        else (np.unique(zero.test.items), "dst")
    )

    def told(split):
        edges = split.train.interaction_edges
        inside = split.train.item_mask("films")[edges.dst]
        return np.bincount(getattr(edges, ends)[inside], minlength=100)[cold]

    assert set(told(zero)) == {0}
    assert set(told(five)) == {5}


def test_shots_that_leave_nothing(graph):
    config = TaskConfig(target="films")
    with pytest.raises(InputError):
        shot_splits(graph, config, "user-cold", 0, (0, 8))
    with pytest.raises(InputError, match="no cold nodes"):
        shot_splits(graph, config, "warm", 0, (0, 1))
