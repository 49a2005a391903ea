import numpy as np
import pytest
import torch

from gnn.convolutions.base import CONVOLUTIONS

NOBODY = torch.zeros(0, dtype=torch.int64)
WANTED = {
    "user": torch.tensor([1, 4, 7, 30]),
    "item": torch.tensor([0, 3, 13, 17, 27]),
    "genre": torch.tensor([0, 2]),
    "nation": torch.tensor([1]),
}


def of_all(embeddings, wanted):
    """Return rows of embeddings of all nodes, as a list."""
    views = [rows[wanted["user"]] for rows in embeddings.domain_views.values()]
    z = [embeddings.z[kind][rows] for kind, rows in wanted.items()]
    return [*z, embeddings.item_bias[wanted["item"]], *views]


def of_some(embeddings, wanted):
    """Return the same of embeddings that have no others."""
    z = [embeddings.z[kind] for kind in wanted]
    return [*z, embeddings.item_bias, *embeddings.domain_views.values()]


def gradients(model, rows):
    """Return those of every parameter, of a random weighing of rows."""
    draws = torch.Generator().manual_seed(3)
    total = sum((part * torch.randn(part.shape, generator=draws)).sum() for part in rows)
    model.zero_grad(set_to_none=True)
    total.backward()
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad
        for name, p in model.named_parameters()
    }


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_whole_neighbourhoods_give_what_the_whole_graph_gives(
    crowd, network, channels, make_world, local, hidden, convolution
):
    net = network(crowd, convolution=convolution, channels=channels, fusion="gate")
    expected = of_all(net.model(net.x, net.views.view(**hidden)), WANTED)
    # far more than anybody has: not "all", so that numbers are drawn
    found, _ = local(net, WANTED, (50,), near=50, world=make_world(net, **hidden))
    found = of_some(found, WANTED)

    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    ours, theirs = gradients(net.model, found), gradients(net.model, expected)
    assert sum(bool(gradient.any()) for gradient in theirs.values()) > 15
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_hops_and_nobody_to_embed(crowd, network, local, convolution, layers):
    net = network(crowd, convolution=convolution, layers=layers)
    everything = net.model(net.x, net.views.view())

    for users, items in (([3], []), ([], []), ([], [2]), ([2, 9], [5, 26])):
        wanted = {
            "user": torch.tensor(users, dtype=torch.int64),
            "item": torch.tensor(items, dtype=torch.int64),
        }
        found, _ = local(net, wanted)
        both = zip(of_some(found, wanted), of_all(everything, wanted), strict=True)
        for ours, theirs in both:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_rows_are_those_that_matter_and_no_others(crowd, network, local):
    """Only items have anything to send at first: who hears users has nothing to hear."""
    net = network(crowd, layers=1)

    _, view = local(net, {"user": torch.tensor([5, 2]), "item": torch.tensor([9])}, near=0)

    likes, like = crowd.interaction_edges, crowd.edges["item", "like", "item"]
    heard = {9} | set(likes.dst[np.isin(likes.src, [5, 2])].tolist())
    heard |= set(like.src[like.dst == 9].tolist()) | set(like.dst[like.src == 9].tolist())
    assert view.rows["user"].tolist() == [5, 2]
    assert int(view.rows["item"][0]) == 9
    assert sorted(view.rows["item"].tolist()) == sorted(heard)


@pytest.mark.parametrize("convolution", ["light", "sage"])
def test_the_mean_of_many_draws_is_the_whole_graph(crowd, network, local, convolution):
    """Two of eight neighbours or more; four standard errors of the mean, of every number."""
    net = network(crowd, convolution=convolution)
    with torch.no_grad():
        net.model.convs.apply(_straight)
        expected = of_all(net.model(net.x, net.views.view()), WANTED)
        draws = [
            of_some(local(net, WANTED, (2, 2), near=2, seed=seed)[0], WANTED) for seed in range(150)
        ]

    differ = 0
    for whole, parts in zip(expected, map(torch.stack, zip(*draws, strict=True)), strict=True):
        error = parts.std(dim=0) / len(draws) ** 0.5
        assert bool(((parts.mean(dim=0) - whole).abs() <= 4.5 * error + 1e-5).all())
        differ += int((parts[0] != whole).any())
    assert differ > 3


def _straight(module):
    """Make a bent line straight: what is not linear has another mean."""
    if isinstance(module, torch.nn.PReLU):
        module.weight.fill_(1.0)


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_edges_that_are_left_out_are_seen_in_neither_direction(
    crowd, network, make_world, local, channels, convolution
):
    """As if the graph had been made without them, whatever the nodes at their ends hear else."""
    likes, genre = crowd.interaction_edges, ("item", "genre", "genre")
    of_genre = crowd.edges[genre]
    cut = {crowd.interactions: np.arange(0, len(likes.src), 3), genre: np.arange(0, 20, 4)}
    without = {
        edge: (
            torch.tensor(likes.src[cut[crowd.interactions]]),
            torch.tensor(likes.dst[cut[crowd.interactions]]),
        )
        for edge in (("user", "likes:books", "item"), ("user", "likes:films", "item"))
    } | {genre: (torch.tensor(of_genre.src[cut[genre]]), torch.tensor(of_genre.dst[cut[genre]]))}
    edges = {name: crowd.edges[name] for name in cut}
    less = crowd.with_edges(
        {name: e.take(~np.isin(np.arange(len(e.src)), cut[name])) for name, e in edges.items()}
    )
    text = {kind: rows for kind, rows in channels.items() if kind != "user"}
    net = network(crowd, convolution=convolution, channels=text)
    cropped = network(less, convolution=convolution, channels=text)
    cropped.model.load_state_dict(net.model.state_dict())

    found, _ = local(net, WANTED, world=make_world(net, without=without))
    expected = cropped.model(cropped.x, cropped.views.view())
    whole = net.model(net.x, net.views.view())

    assert not torch.allclose(of_all(whole, WANTED)[0], of_all(expected, WANTED)[0])
    for ours, theirs in zip(of_some(found, WANTED), of_all(expected, WANTED), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
