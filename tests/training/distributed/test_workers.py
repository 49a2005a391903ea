import pytest
import torch
from torch import nn

from training.distributed.workers import Alone, workers_of_environment


@pytest.fixture(scope="module")
def members(together, tmp_path_factory):
    return together("members.py", tmp_path_factory.mktemp("members"))


def test_each_knows_its_place(members):
    assert [m["rank"] for m in members] == [0, 1]
    assert [m["first"] for m in members] == [True, False]
    assert {m["size"] for m in members} == {2}


def test_gradients_are_means_whoever_has_them(members):
    for found in (m["gradients"] for m in members):
        assert found["both"] == [[0, 1.5], [3, 4.5], [6, 7.5]]
        assert found["large"] == [2.0] * 40
        assert found["double"] == [2.0] * 2
        assert found["first"] == [0.5] * 4  # the other's counts as zero
        assert found["nobody"] is None
        assert found["frozen"] is None


def test_a_flag_of_one_is_seen_by_all(members):
    assert [m["any"] for m in members] == [[True, False]] * 2


def test_all_start_as_the_first(members):
    assert [m["alike"] for m in members] == [[[5.0] * 3, [7.0] * 3]] * 2


def test_values_are_averaged(members):
    assert [m["average"] for m in members] == [[1.0, 0.5]] * 2


def test_worlds_are_drawn_alike_and_batches_apart(members):
    one, other = (m["draws"] for m in members)
    assert one["shared"] == other["shared"]
    assert one["own"][0] == one["own"][2] != one["own"][1]
    assert one["own"] != other["own"]


def test_alone_nothing_changes():
    with workers_of_environment("cpu") as workers:
        assert isinstance(workers, Alone)
        assert workers.is_first
        parameter = nn.Parameter(torch.zeros(2))
        workers.average_gradients([parameter])
        assert parameter.grad is None
        assert workers.any(True)
        assert not workers.any(False)
        shared = torch.Generator()
        assert workers.draws(shared, 0, 5) is shared
