import pytest
import torch

from gnn.fusion import NodeInput


@pytest.fixture
def layer():
    made = NodeInput(3, 4, 2, residual=True)
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws))
    return made


X = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.0, 0.0]])


def test_an_embedding_is_projected_text_and_residual(layer):
    out = layer(X, None)

    torch.testing.assert_close(out[:2], (layer.project(X) + layer.residual)[:2])


def test_a_zero_row_says_nothing_not_even_a_bias(layer):
    torch.testing.assert_close(layer(X, None)[2], layer.residual[2])


def test_only_cold_nodes_do_without_their_residual(layer):
    out = layer(X, torch.tensor([True, False, True]))

    torch.testing.assert_close(out[0], layer.project(X)[0])
    torch.testing.assert_close(out[1], layer(X, None)[1])
    assert not out[2].any()


def test_a_cold_node_gives_its_residual_no_gradient(layer):
    layer(X, torch.tensor([True, False, False])).square().sum().backward()

    assert bool((layer.residual.grad[0] == 0).all())
    assert bool((layer.residual.grad[1:] != 0).all())


def test_residuals_begin_at_zero():
    assert bool((NodeInput(3, 4, 0, residual=True).residual == 0).all())


def test_of_a_type_without_features_and_residual_nothing_is_known():
    assert NodeInput(3, 4, 0, residual=False)(None, None) is None
