import dataclasses

import numpy as np
import pytest
import torch

from gnn.data import interaction_types, to_hetero
from gnn.views import GraphView
from training.simulation import Simulation


def simulate(graph, user_share, item_share):
    views = GraphView(to_hetero(graph, {}), "user", "item", interaction_types(graph))
    edges = graph.interaction_edges
    return Simulation(
        views,
        torch.tensor(edges.src),
        torch.tensor(edges.dst),
        torch.from_numpy(graph.item_mask("films")),
        (("user", "likes:films", "item"),),
        user_share,
        item_share,
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def visible(view):
    """Return (user row, item row) of every interaction that carries anything."""
    found = set()
    for edge_type, propagation in view.propagations.items():
        if edge_type[0] == "user":
            dst, src = torch.nonzero(propagation.to_dst.to_dense()).T.tolist()
            found |= set(zip(src, dst, strict=True))
    return found


def pairs(graph, mask=slice(None)):
    edges = graph.interaction_edges
    return set(zip(edges.src[mask].tolist(), edges.dst[mask].tolist(), strict=True))


@pytest.fixture
def graph(make_graph):
    """Dan knows books alone, Eve films alone, Fay nothing; dune is both, and nobody saw tar."""
    likes = [
        ("ann", "emma"), ("ann", "heat"), ("bob", "emma"), ("bob", "heat"), ("bob", "jaws"),
        ("cyd", "dune"), ("cyd", "emma"), ("dan", "emma"), ("dan", "ulysses"), ("eve", "jaws"),
    ]  # fmt: skip
    items = {"emma": "books", "ulysses": "books", "heat": "films", "jaws": "films"}
    return make_graph(likes, {**items, "dune": ["books", "films"], "tar": "films"}, users=["fay"])


@pytest.mark.parametrize(("user_share", "item_share"), [(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_hidden_are_exactly_the_edges_that_the_view_lacks(graph, user_share, item_share):
    simulation = simulate(graph, user_share, item_share)
    draws, sizes = generator(), set()

    for _ in range(20):
        world = simulation.draw(draws)
        hidden = world.hidden.numpy()
        assert visible(world.view) == pairs(graph) - pairs(graph, hidden)
        sizes.add(int(hidden.sum()))

    assert len(sizes) > 2  # not always the same


def test_only_overlapping_users_play_cold_and_lose_the_target_alone(graph):
    world = simulate(graph, 1.0, 0.0).draw(generator())

    users, items = graph.users.vocab, graph.items.vocab
    lost = {(users.id(u), items.id(i)) for u, i in pairs(graph, world.hidden.numpy())}
    # Cyd's one book is a film too, but emma is not: she knows both
    assert lost == {("ann", "heat"), ("bob", "heat"), ("bob", "jaws"), ("cyd", "dune")}
    assert not world.cold_items.any()


def test_only_warm_target_items_play_cold_and_lose_everything(graph):
    world = simulate(graph, 0.0, 1.0).draw(generator())

    played = np.flatnonzero(world.cold_items.numpy())
    assert graph.items.vocab.to_ids(played) == ["dune", "heat", "jaws"]
    cold = graph.items.vocab.to_ids(np.flatnonzero(world.view.cold_items.numpy()))
    assert cold == ["dune", "heat", "jaws", "tar"]
    kept = {graph.items.vocab.id(item) for _, item in visible(world.view)}
    assert kept == {"emma", "ulysses"}


def test_shares_are_kept(two_domain_checkerboard):
    graph = two_domain_checkerboard(60, 40)
    simulation, draws = simulate(graph, 0.3, 0.2), generator()

    users, items = [], []
    for _ in range(60):
        world = simulation.draw(draws)
        items.append(float(world.cold_items.sum()) / 40)
        own = world.hidden & ~world.cold_items[simulation._items]
        users.append(len(torch.unique(simulation._users[own])) / 60)

    assert np.mean(items) == pytest.approx(0.2, abs=0.03)
    assert np.mean(users) == pytest.approx(0.3, abs=0.03)


def test_no_share_hides_nothing(graph):
    world = simulate(graph, 0.0, 0.0).draw(generator())

    assert not world.hidden.any()
    assert visible(world.view) == pairs(graph)


def test_one_generator_gives_one_world_whatever_the_global_one_did(two_domain_checkerboard):
    simulation = simulate(two_domain_checkerboard(), 0.5, 0.5)
    first = simulation.draw(generator(5))
    torch.manual_seed(1)
    torch.rand(3)

    again, other = simulation.draw(generator(5)), simulation.draw(generator(6))

    assert torch.equal(again.hidden, first.hidden)
    assert torch.equal(again.cold_items, first.cold_items)
    assert not torch.equal(other.hidden, first.hidden)
    draws = generator(5)
    assert torch.equal(simulation.draw(draws).hidden, first.hidden)
    assert not torch.equal(simulation.draw(draws).hidden, first.hidden)


def test_the_world_does_not_depend_on_the_order_of_interactions(graph):
    edges = graph.interaction_edges
    order = np.random.default_rng(0).permutation(len(edges))
    shuffled = graph.with_edges({graph.interactions: dataclasses.replace(edges.take(order))})

    one, two = (simulate(g, 0.5, 0.5).draw(generator()) for g in (graph, shuffled))

    assert torch.equal(two.hidden, one.hidden[torch.from_numpy(order)])
    assert visible(two.view) == visible(one.view)
