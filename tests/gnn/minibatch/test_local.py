import dataclasses

import numpy as np
import pytest
import torch

from gnn.convolutions.base import CONVOLUTIONS

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
GENRE = ("item", "genre", "genre")
WANTED = {
    "user": torch.tensor([1, 4, 7, 30]),
    "item": torch.tensor([0, 3, 13, 17, 27]),
    "genre": torch.tensor([0, 2]),
    "nation": torch.tensor([1]),
}


def mask(number, *rows):
    found = torch.zeros(number, dtype=torch.bool)
    found[list(rows)] = True
    return found


WORLDS = {
    "warm": {},
    "users": {"hidden_users": mask(40, 1, 2, 3, 7, 11), "hidden_relations": (FILMS,)},
    "items": {"hidden_items": mask(28, 3, 15, 17, 18)},
    "both": {
        "hidden_items": mask(28, 3, 15, 17),
        "hidden_users": mask(40, 1, 2, 7),
        "hidden_relations": (FILMS,),
    },
}


def weighted(graph):
    """Return the graph with weights that differ."""
    draws = np.random.default_rng(1)
    edges = {
        name: dataclasses.replace(
            edges, weight=draws.uniform(0.5, 3, len(edges.src)).astype(np.float32)
        )
        for name, edges in graph.edges.items()
    }
    return graph.with_edges(edges)


def some(embeddings, wanted=WANTED):
    """Return rows of embeddings of all nodes, as a list."""
    views = [rows[wanted["user"]] for rows in embeddings.domain_views.values()]
    z = [embeddings.z[kind][rows] for kind, rows in wanted.items()]
    return [*z, embeddings.item_bias[wanted["item"]], *views]


def all_of(embeddings, wanted=WANTED):
    z = [embeddings.z[kind] for kind in wanted]
    return [*z, embeddings.item_bias, *embeddings.domain_views.values()]


def channels(graph):
    draws = np.random.default_rng(2)
    found = {}
    for kind, names in {
        "user": ("history:books", "history:films"),
        "item": ("text", "image"),
        "genre": ("text",),
    }.items():
        number = len(graph.nodes[kind])
        found[kind] = {n: draws.normal(size=(number, 6)).astype(np.float32) for n in names}
    return found


@pytest.mark.parametrize("hidden", WORLDS)
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_whole_neighbourhoods_give_what_the_whole_graph_gives(
    crowd, network, local, gathered, convolution, hidden
):
    graph = weighted(crowd) if hidden in ("warm", "both") else crowd
    world = network(graph, convolution=convolution, channels=channels(graph), fusion="gate")
    full = world.model(world.x, world.views.view(**WORLDS[hidden]))
    expected = some(full)
    view = local(world, WANTED, **WORLDS[hidden])
    found = all_of(world.model(gathered(world, view), view))

    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    aims = [torch.randn(rows.shape, generator=torch.Generator().manual_seed(3)) for rows in found]
    gradients = []
    for rows in (found, expected):
        total = torch.stack([(r * aim).sum() for r, aim in zip(rows, aims, strict=True)]).sum()
        world.model.zero_grad(set_to_none=True)
        total.backward()
        gradients.append({n: p.grad for n, p in world.model.named_parameters()})
    ours, theirs = gradients
    assert sum(g is not None and bool(g.any()) for g in theirs.values()) > 15
    for name, gradient in theirs.items():
        if gradient is None:
            assert ours[name] is None or not ours[name].any(), name
        else:
            mine = torch.zeros_like(gradient) if ours[name] is None else ours[name]
            torch.testing.assert_close(mine, gradient, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("layers", [1, 3])
def test_nobody_to_embed_and_nodes_without_neighbours(
    crowd, network, local, gathered, convolution, layers
):
    world = network(crowd, convolution=convolution, layers=layers)
    none = torch.zeros(0, dtype=torch.int64)
    for wanted in ({"user": torch.tensor([3]), "item": none}, {"user": none, "item": none}):
        everything = world.model(world.x, world.views.view())
        view = local(world, wanted)
        found = all_of(world.model(gathered(world, view), view), wanted)

        for ours, theirs in zip(found, some(everything, wanted), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_rows_are_those_that_matter_and_no_others(crowd, network, local):
    """Only items have anything to send at first: users are reached, and hear items, no further."""
    world = network(crowd, layers=1)
    view = local(world, {"user": torch.tensor([5, 2]), "item": torch.tensor([9])}, near=0)

    edges = crowd.interaction_edges
    heard = set(edges.dst[np.isin(edges.src, [5, 2])]) | {9}
    assert view.rows["user"].tolist() == [5, 2]
    assert int(view.rows["item"][0]) == 9
    likes = crowd.edges["item", "like", "item"]
    heard |= set(likes.src[likes.dst == 9]) | set(likes.dst[likes.src == 9])
    assert set(view.rows["item"].tolist()) == heard
    assert len(view.rows["item"]) == len(heard)
