import numpy as np
import pytest
import torch
from torch import nn

from training.baselines.factor_training import Fitting, ranking_loss, train, valid_quality
from training.baselines.random import Random


class Point(nn.Module):
    def __init__(self, *start: float) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor([list(start)]))
        self.bias = nn.Parameter(torch.tensor([1.0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of softmax, bpr"),
        ({"batch_size": 0}, "batch_size must be 1 or more"),
        ({"negatives": 0}, "negatives must be 1 or more"),
        ({"decay": -1.0}, "decay must not be negative"),
        ({"patience": -1}, "patience must not be negative"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Fitting(**{"epochs": 1, **settings})


def test_steps_equal_steps_by_hand():
    """AdamW with a rate that falls in a straight line; the bias is not shrunk."""
    model, fitting = Point(1.0, -2.0), Fitting(epochs=3, learning_rate=0.1, decay=0.5)
    train(
        model,
        4,
        lambda rows, _: (model.at.square().sum() + model.bias.square().sum()) * len(rows) / 4,
        fitting,
        seed=0,
        purpose="test",
    )
    x, first, second = np.array([1.0, -2.0, 1.0]), np.zeros(3), np.zeros(3)
    for step in range(3):
        rate = 0.1 * (1 - step / 3)
        gradient = 2 * x
        x = x * (1 - rate * np.array([0.5, 0.5, 0]))
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
        x = x - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    found = torch.cat([model.at.flatten(), model.bias]).detach().numpy()
    np.testing.assert_allclose(found, x, rtol=1e-5)


def test_every_row_is_seen_once_in_an_epoch():
    seen: list[int] = []
    model = Point(0.0)

    def loss(rows, draws):
        seen.extend(rows.tolist())
        return model.at.sum()

    train(model, 10, loss, Fitting(epochs=2, batch_size=3), seed=0, purpose="test")
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_training_stops_and_goes_back_to_the_best_epoch():
    model, found, values = Point(0.0), [], iter([1.0, 3.0, 2.0, 2.5, 9.0])

    def quality() -> float:
        found.append(model.at.item())
        return next(values)

    settings = {"epochs": 9, "learning_rate": 0.1, "patience": 2}
    loss = lambda rows, draws: -model.at.sum()  # noqa: E731
    train(model, 1, loss, Fitting(**settings), seed=0, purpose="test", quality=quality)
    assert len(found) == 4
    assert model.at.item() == found[1]


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_ranking_loss_in_closed_form(loss):
    # one negative, always item 1: softmax over both, or the pair itself
    heads, items = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.5, 0.0]])
    bias, fitting = torch.tensor([0.0, 1.0]), Fitting(epochs=1, negatives=1, loss=loss)
    found = ranking_loss(
        heads, items, bias, torch.tensor([0]), torch.tensor([1]), fitting, torch.Generator()
    )
    assert found.item() == pytest.approx(np.log1p(np.exp(1.5 - 2)), rel=1e-5)


def test_cold_items_have_no_quality_to_stop_by(random_task):
    assert valid_quality(random_task("item-cold"), 0, lambda: Random(0)) is None
    measure = valid_quality(random_task("warm"), 0, lambda: Random(0))
    assert measure is not None
    assert 0 < measure() < 1
