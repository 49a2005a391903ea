import torch

from gnn.layers import NearIdentity


def test_a_map_starts_at_a_multiple_of_the_identity():
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))

    assert torch.equal(NearIdentity(6)(x), x)
    assert torch.equal(NearIdentity(6, start=0.7)(x), x * 0.7)
    assert not NearIdentity(6, start=0.0)(x).any()


def test_blocks_map_their_own_coordinates():
    layer = NearIdentity(6, blocks=3)
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(5, 6, generator=draws)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(3, 2, 2, generator=draws))

    whole = torch.block_diag(*(torch.eye(2) + block / 2 for block in layer.weight))

    torch.testing.assert_close(layer(x), x @ whole)


def test_a_step_of_adam_moves_it_by_no_more_than_the_learning_rate():
    layer = NearIdentity(32)
    x = torch.randn(64, 32, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)

    (layer(x) - x.roll(1, 1)).square().sum().backward()
    optimizer.step()

    moved = torch.linalg.matrix_norm(layer.weight[0] / 32, ord=2).detach()
    assert 0 < float(moved) <= 0.01 + 1e-6
