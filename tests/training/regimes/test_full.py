import pytest
import torch

from training.prepare import prepare
from training.seed import generator

CPU = torch.device("cpu")


@pytest.fixture
def objective(make_job, split, features):
    return prepare(make_job(), split, features, CPU)


def test_rows_are_those_that_were_asked_for_in_their_order(objective):
    world = objective.simulate(generator(0, "world"))
    wanted = {"user": torch.tensor([1, 4, 9]), "item": torch.tensor([0, 7])}

    some = objective.regime.embed(world, wanted, {}, generator(0, "unused"))

    every = objective.model(objective.x, world.view)
    assert set(some.z) == {"user", "item"}
    for node_type, rows in wanted.items():
        assert torch.equal(some.z[node_type], every.z[node_type][rows])
    assert torch.equal(some.item_bias, every.item_bias[wanted["item"]])
    assert len(some.domain_views) == 2
    for edge, rows in some.domain_views.items():
        assert torch.equal(rows, every.domain_views[edge][wanted["user"]])


def test_worlds_change_as_often_as_the_job_says(make_job, split, features):
    assert prepare(make_job(simulation_steps=7), split, features, CPU).world_steps == 7
