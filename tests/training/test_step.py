import math

import pytest
import torch
from torch import nn

from kg.errors import InputError
from training.step import GRADIENT, check_finite, rate_at, read_losses, train_step


def test_losses_are_read_in_their_order():
    steps = [{"loss": torch.tensor(0.1), "a": torch.tensor(2.0)}] * 2

    read = read_losses(steps)

    assert read == [{"loss": float(torch.tensor(0.1)), "a": 2.0}] * 2
    assert read_losses([]) == []


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"loss": math.nan, "loss_a": 1.0, "loss_b": math.nan}, r"the loss .*\(loss_b is nan\)"),
        ({"loss": math.inf, "loss_a": math.inf, "loss_b": 1.0}, r"the loss .*\(loss_a is inf\)"),
        ({"loss": math.inf, "loss_a": 1.0}, r"the loss .*\(loss is inf\)"),  # only their sum
        ({"loss": 1.0, "loss_a": 1.0, GRADIENT: math.nan}, r"the gradient .*\(gradient is nan\)"),
    ],
)
def test_what_is_no_number_is_named(losses, said):
    with pytest.raises(InputError, match=said) as caught:
        check_finite({GRADIENT: 1.0, **losses}, "step 7 of epoch 2", "the last checkpoint stays")

    message = str(caught.value)
    assert "\n" not in message
    for told in ("in step 7 of epoch 2", "the last checkpoint stays", "training.learning_rate"):
        assert told in message


def test_numbers_pass():
    check_finite({"loss": 1e30, "loss_a": -1.0, GRADIENT: 0.0}, "step 1 of epoch 1", "")


def test_the_rate_rises_then_falls_to_a_twentieth():
    rates = [rate_at(step, 1_000) for step in range(1_001)]

    assert rates[0] == pytest.approx(1 / 20)
    assert max(rates) == pytest.approx(1, abs=2e-3)
    assert rates[-1] == pytest.approx(0.05)


def test_a_gradient_that_is_no_number_is_seen_though_the_loss_is_one():
    class Steep(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, world, batch, draws):
            return {"loss": self.weight.sqrt().sum()}  # infinitely steep at zero

    objective = Steep()

    losses = train_step(objective, torch.optim.Adam(objective.parameters()), None, 1, None)

    [read] = read_losses([losses])
    assert read["loss"] == 0
    with pytest.raises(InputError, match="the gradient is not finite in step 1"):
        check_finite(read, "step 1 of epoch 1", "no checkpoint is there")
