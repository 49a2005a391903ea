import pytest
import torch

from encoders.models.quantise import Int8Linear, check_int8, quantise_linear
from kg.errors import ConfigError


@pytest.fixture(autouse=True)
def _needs_vnni() -> None:
    try:
        check_int8()
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("bias", [True, False])
def test_is_near_the_layer(bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    linear = torch.nn.Linear(64, 48, bias=bias)
    linear.weight.data = torch.randn(48, 64, generator=generator)
    x = torch.randn(2, 5, 64, generator=generator)
    # One token has coordinates a thousand times larger: the others keep their precision.
    x[0, 0] *= 1000
    with torch.inference_mode():
        expected, found = linear(x), Int8Linear(linear)(x)
    assert found.shape == expected.shape
    error = (found - expected).norm(dim=-1) / expected.norm(dim=-1)
    assert error.max() < 0.02
    assert error.max() > 0


def test_zero_rows_and_zero_weights() -> None:
    linear = torch.nn.Linear(8, 4)
    linear.weight.data.zero_()
    linear.bias.data = torch.arange(4.0)
    with torch.inference_mode():
        found = Int8Linear(linear)(torch.zeros(3, 8))
    assert torch.equal(found, torch.arange(4.0).expand(3, 4))


def test_replaces_linear_layers_wherever_they_are() -> None:
    inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LayerNorm(4))
    model = torch.nn.Sequential(inner, torch.nn.Linear(4, 2))
    quantise_linear(model)
    assert [type(module) for module in model.modules() if not list(module.children())] == [
        Int8Linear,
        torch.nn.LayerNorm,
        Int8Linear,
    ]
