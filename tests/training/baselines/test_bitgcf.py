import numpy as np
import torch

from training.baselines.bitgcf import SOURCE, TARGET, Network, own_shares
from training.baselines.factors import Interactions
from training.baselines.lightgcn import Network as LightGCNNetwork
from training.seed import generator


def sides(task) -> Interactions:
    graph = task.split.train
    return Interactions.of(task, [graph.item_mask("books"), graph.item_mask("films")])


def test_shares_by_hand():
    # users of both (3 and 1 interactions), of the source alone, of the target alone
    source, target = torch.tensor([3.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 5.0])
    shares, before = own_shares(source, target, keep=0.8)
    np.testing.assert_allclose(shares, [[(0.8 + 0.75) / 2, 1, 0], [(0.8 + 0.25) / 2, 0, 1]])
    np.testing.assert_allclose(before, [[1, 1, 0], [1, 0, 1]])


def test_without_common_users_it_is_lightgcn(make_task):
    rng = np.random.default_rng(0)
    dense = rng.random((30, 20)) < 0.3
    dense[:15, 10:] = dense[15:, :10] = False
    pairs = list(zip(*np.nonzero(dense), strict=True))
    interactions = sides(make_task("warm", ["b"] * 10 + ["f"] * 10, 30, pairs))
    network = Network(interactions, 5, 3, 0.8, generator(0, "a"))
    plain = LightGCNNetwork(interactions, 5, 3, generator(0, "b"))
    known = [interactions.known(side) for side in (SOURCE, TARGET)]
    with torch.no_grad():
        plain.items.copy_(network.items)
        for side in (SOURCE, TARGET):
            plain.users[known[side]] = network.users[side][known[side]]
    users, items = network()
    expected_users, expected_items = plain()
    torch.testing.assert_close(items, expected_items)
    for side in (SOURCE, TARGET):  # a user of one domain is the same in both
        seen = known[SOURCE] | known[TARGET]
        torch.testing.assert_close(users[side][seen], expected_users[seen])


def test_one_layer_by_hand(make_task):
    # user 0 is in both, user 1 in the source alone
    interactions = sides(make_task("user-cold", ["b", "f"], 2, [(0, 0), (1, 0), (0, 1)]))
    network = Network(interactions, 1, 1, 0.6, generator(0, "a"))
    with torch.no_grad():
        network.users[SOURCE] = torch.tensor([[1.0], [2.0]])
        network.users[TARGET] = torch.tensor([[3.0], [100.0]])  # of user 1 this is nobody's
        network.items.copy_(torch.tensor([[4.0], [8.0]]))
    users, items = network()
    from_book, from_film, own = 4 / np.sqrt(2), 8.0, (0.6 + 0.5) / 2
    in_source = own * from_book + (1 - own) * from_film
    in_target = own * from_film + (1 - own) * from_book
    np.testing.assert_allclose(
        users[SOURCE].detach().flatten(), [(1 + in_source) / 2, (2 + from_book) / 2], rtol=1e-6
    )
    np.testing.assert_allclose(
        users[TARGET].detach().flatten(), [(3 + in_target) / 2, (2 + from_book) / 2], rtol=1e-6
    )
    book, film = (1 + 2) / np.sqrt(2), 3.0
    np.testing.assert_allclose(
        items.detach().flatten(), [(4 + book) / 2, (8 + film) / 2], rtol=1e-6
    )
