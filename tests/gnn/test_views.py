import numpy as np
import pytest
import torch

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
BY = ("item", "by", "person")


def mask(world, node_type, *ids):
    rows = torch.zeros(len(world.graph.nodes[node_type]), dtype=torch.bool)
    rows[[world.row(node_type, node_id) for node_id in ids]] = True
    return rows


def visible(world, view, edge_type):
    """Return the edges that carry anything, as pairs of ids."""
    matrix = view.propagations[edge_type].to_dst.to_dense()
    dst, src = torch.nonzero(matrix).T
    heads = world.graph.nodes[edge_type[0]].vocab.to_ids(src)
    tails = world.graph.nodes[edge_type[2]].vocab.to_ids(dst)
    assert torch.equal(view.propagations[edge_type].to_src.to_dense(), matrix.T)
    return set(zip(heads, tails, strict=True))


def test_relations_are_told_apart(world):
    assert world.views.interactions == [BOOKS, FILMS]
    assert set(world.views.adjacencies) == {BOOKS, FILMS, BY}  # near is not one of them


def test_other_relations_between_users_and_items_are_no_interactions(graph, make_graph, network):
    """What is on a wish list only is cold; who plays cold keeps what they wish for."""
    kind = ("user", "wishes", "item")
    ids = [graph.users.vocab.ids.to_pylist(), graph.items.vocab.ids.to_pylist()]
    wishes = make_graph(
        [], dict.fromkeys(ids[1], "books"), users=ids[0], relations={kind: [("ann", "f4")]}
    )
    world = network(graph.with_edges({kind: wishes.edges[kind]}))

    view = world.views.view(
        mask(world, "item", "f1"), mask(world, "user", "ann"), hidden_relations=(FILMS,)
    )

    assert world.views.interactions == [BOOKS, FILMS]
    assert world.model.knowledge == [BY, kind]
    assert visible(world, view, kind) == {("ann", "f4")}
    assert torch.equal(view.cold_items, mask(world, "item", "f1", "b4", "f4"))


def test_the_plain_view_shows_everything(world):
    view = world.views.view()

    assert len(visible(world, view, BOOKS)) == 8
    assert len(visible(world, view, FILMS)) == 7
    assert len(visible(world, view, BY)) == 5
    assert torch.equal(view.cold_items, mask(world, "item", "b4", "f4"))


def test_hidden_users_lose_the_hidden_relations_only(world):
    users = mask(world, "user", "ann", "dan")

    view = world.views.view(hidden_users=users, hidden_relations=(FILMS,))

    assert {user for user, _ in visible(world, view, FILMS)} == {"bob", "cyd", "eve"}
    assert len(visible(world, view, BOOKS)) == 8
    assert torch.equal(view.cold_items, world.views.never_seen)


def test_hidden_items_lose_every_interaction_and_become_cold(world):
    view = world.views.view(hidden_items=mask(world, "item", "f1", "b0"))

    everything = visible(world, view, FILMS) | visible(world, view, BOOKS)
    assert len(everything) == 15 - 4
    assert not {item for _, item in everything} & {"f1", "b0"}
    assert len(visible(world, view, BY)) == 5  # what is known of an item stays
    assert torch.equal(view.cold_items, mask(world, "item", "b0", "f1", "b4", "f4"))


def test_hidden_users_and_items_together(world):
    view = world.views.view(
        mask(world, "item", "f1"), mask(world, "user", "ann"), hidden_relations=(FILMS,)
    )

    assert visible(world, view, FILMS) == {
        ("bob", "f2"),
        ("cyd", "f2"),
        ("eve", "f0"),
        ("eve", "f3"),
    }


def test_an_item_of_both_domains_is_hidden_in_both(make_graph, network):
    graph = make_graph(
        [("ann", "dune"), ("ann", "emma"), ("bob", "dune"), ("bob", "heat")],
        {"emma": "books", "heat": "films", "dune": ["books", "films"]},
    )
    world = network(graph)

    view = world.views.view(hidden_users=mask(world, "user", "ann"), hidden_relations=(FILMS,))

    assert visible(world, view, FILMS) == {("bob", "dune"), ("bob", "heat")}
    assert visible(world, view, BOOKS) == {("ann", "emma"), ("bob", "dune")}


def test_cold_items_lend_nothing_to_their_neighbours(world):
    hidden = mask(world, "item", "b1")
    cold = (world.views.view(hidden_items=hidden)).cold_items

    near = world.views.view(hidden_items=hidden).near["near"].to_dst.to_dense()

    assert bool((near[:, cold] == 0).all())
    assert bool((near[:, ~cold] != 0).any())
    sums = near.sum(dim=1)
    torch.testing.assert_close(sums[sums > 0], torch.ones(int((sums > 0).sum())))


def test_a_view_leaves_the_graph_as_it_was(world):
    before = visible(world, world.views.view(), FILMS)

    world.views.view(hidden_items=torch.ones(10, dtype=torch.bool))

    assert visible(world, world.views.view(), FILMS) == before


def test_moving_to_the_cpu_changes_nothing(world):
    moved = world.views.to(torch.device("cpu"))

    assert moved is world.views
    assert len(visible(world, moved.view(), FILMS)) == 7


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_views_on_a_gpu_equal_views_on_the_cpu(world):
    expected = world.views.view().propagations[BY].to_dst.to_dense()

    view = world.views.to(torch.device("cuda")).view()

    torch.testing.assert_close(view.propagations[BY].to_dst.to_dense().cpu(), expected)


@pytest.fixture
def remembering(graph, network):
    """The world, with users who have a history in both domains."""
    history = np.ones((5, 6), dtype=np.float32)
    channels = {"user": {"history:books": history, "history:films": history, "text": history}}
    return network(graph, channels=channels)


def lost(world, view):
    """Return who does without which channel, as ids."""
    return {
        channel: set(world.graph.users.vocab.to_ids(torch.nonzero(mask).squeeze(1)))
        for channel, mask in view.hidden_channels.get("user", {}).items()
    }


def test_the_plain_view_hides_no_history(remembering):
    assert lost(remembering, remembering.views.view()) == {}


def test_users_who_lose_edges_of_a_domain_lose_its_history(remembering):
    users = mask(remembering, "user", "ann", "dan")  # dan has no film to lose

    view = remembering.views.view(hidden_users=users, hidden_relations=(FILMS,))

    assert lost(remembering, view) == {"history:films": {"ann"}, "history:books": set()}


def test_users_of_an_item_that_plays_cold_lose_the_history_it_is_in(remembering):
    view = remembering.views.view(hidden_items=mask(remembering, "item", "f1", "b3"))

    assert lost(remembering, view) == {
        "history:films": {"ann", "bob"},
        "history:books": {"cyd", "dan"},
    }
