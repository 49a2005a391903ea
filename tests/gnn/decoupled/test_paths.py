import pytest

from gnn.decoupled.paths import Path, Root, Step, can_decouple, count_metapaths, metapaths

FILMS, BOOKS = ("user", "likes:films", "item"), ("user", "likes:books", "item")
BY = ("item", "by", "person")
ITEM = Root("item")


def test_metapaths_of_one_hop(world):
    paths = metapaths(world.model, world.views)

    single = {path.steps[0] for path in paths if len(path.steps) == 1}
    # nothing is known of users and persons, so that only items send anything in the first hop
    assert single == {Step(BOOKS, True), Step(FILMS, True), Step(BY, False)}
    assert paths[0] == Path(ITEM)


def test_metapaths_of_two_hops_end_where_they_can(world):
    double = [p for p in metapaths(world.model, world.views) if len(p.steps) == 2]

    back = {BOOKS: [BOOKS, FILMS], FILMS: [BOOKS, FILMS], BY: [BY]}
    assert len(double) == sum(len(edges) for edges in back.values())
    assert {path.end for path in double} == {"item"}
    for path in double:
        first, second = path.steps
        assert second.edge_type in back[first.edge_type]
        assert second.reverse != first.reverse


def test_relations_without_edges_carry_nothing(make_graph, graph, network):
    items = dict.fromkeys(["b0", "b1"], "books") | {"f0": "films"}
    world = network(make_graph([("ann", "b0"), ("bob", "b1")], items))

    used = {s.edge_type for p in metapaths(world.model, world.views) for s in p.steps}

    assert used == {BOOKS}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("convolution", ["light", "lightgcn"])
def test_they_are_counted_without_being_listed(graph, network, layers, convolution):
    world = network(graph, layers=layers, convolution=convolution)

    listed = len(metapaths(world.model, world.views))

    assert count_metapaths(world.model, world.views) == listed
    assert (convolution == "light") or listed == 1 + 2 + (layers > 1) * 4 + (layers > 2) * 8


@pytest.mark.parametrize("convolution", ["light", "lightgcn", "rgcn", "hgt", "sage", "gat"])
def test_what_is_linear_can_be_decoupled(graph, network, convolution):
    linear = convolution.startswith("light")
    assert can_decouple(network(graph, parts=(4, 4), convolution=convolution).model) == linear
