"""What every architecture must do."""

import pytest
import torch

from gnn.convolutions.base import CONVOLUTIONS

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
BY = ("item", "by", "person")
SIZES = {"user": 3, "item": 4, "person": 2}
FIRST, LAST = torch.tensor([False, True, True, True]), torch.tensor([True, True, True, False])

pytestmark = pytest.mark.parametrize("name", CONVOLUTIONS)


def assert_equal(one, two):
    for ours, theirs in zip(one, two, strict=True):
        assert set(ours) == set(theirs)
        for key in ours:
            torch.testing.assert_close(ours[key], theirs[key], atol=1e-5, rtol=1e-5)


def test_shapes(make_hop, small, name):
    out, to_src = make_hop(name, noise=0.3)(small.h, small.propagations())

    expected = set(SIZES) if name != "lightgcn" else {"user", "item"}
    assert {kind: tuple(rows.shape) for kind, rows in out.items()} == {
        kind: (SIZES[kind], 8) for kind in expected
    }
    assert all(to_src[edge].shape == (3, 8) for edge in (BOOKS, FILMS))
    assert all(bool(torch.isfinite(rows).all()) for rows in (*out.values(), *to_src.values()))


def test_hidden_edges_are_as_if_they_were_not_there(make_hop, small, smaller, name):
    hop = make_hop(name, noise=0.5)

    # edges are kept in the order of their destinations: (0, 0), (2, 0), (0, 1), (1, 1) for books
    books = torch.tensor([True, False, True, True])
    hidden = hop(small.h, small.propagations(films=FIRST, books=books))
    shown = hop(small.h, small.propagations())

    assert_equal(hidden, hop(small.h, smaller.propagations()))
    assert not torch.allclose(hidden[0]["user"], shown[0]["user"])


def test_what_a_hidden_edge_would_have_said_has_no_gradient(make_hop, small, name):
    """User 0 and item 2 see each other over one edge of films only."""
    h = {kind: rows.clone().requires_grad_() for kind, rows in small.h.items()}
    nobody = torch.zeros(4, dtype=torch.bool)

    out, to_src = make_hop(name, noise=0.5)(h, small.propagations(films=nobody))
    (from_items,) = torch.autograd.grad(out["user"].square().sum(), h["item"])

    assert not from_items[[2, 3]].any()
    assert bool(from_items[[0, 1]].any())
    assert not to_src[FILMS].any()
    assert bool(to_src[BOOKS].any())


def test_every_parameter_has_a_gradient(make_hop, small, name):
    hop = make_hop(name, noise=0.3)
    h = {kind: rows.clone().requires_grad_() for kind, rows in small.h.items()}
    out, _ = hop(h, small.propagations())

    sum(rows.square().sum() for rows in out.values()).backward()

    wanted = {**dict(hop.named_parameters()), "users": h["user"], "items": h["item"]}
    assert [key for key, p in wanted.items() if p.grad is None or not p.grad.any()] == []


def test_nothing_stays_where_it_starts(make_hop, small, name):
    hop = make_hop(name)
    before = {key: value.clone() for key, value in hop.state_dict().items()}
    if not before:
        return
    optimizer = torch.optim.Adam(hop.parameters(), lr=0.01)

    for _ in range(3):
        out, _ = hop(small.h, small.propagations())
        optimizer.zero_grad()
        sum((rows - 1).square().sum() for rows in out.values()).backward()
        optimizer.step()

    assert [key for key, value in hop.state_dict().items() if torch.equal(value, before[key])] == []


def test_it_starts_at_light(make_hop, small, name):
    """What starts from data keeps its meaning: untrained, only the coefficients may differ."""
    out, to_src = make_hop(name)(small.h, small.propagations())
    expected, views = make_hop("light")(small.h, small.propagations())

    for kind in ("user", "item"):
        if name in ("sage", "lightgcn"):
            likeness = torch.cosine_similarity(out[kind], expected[kind])
            assert bool((likeness > 0.8).all())
        else:
            torch.testing.assert_close(out[kind], expected[kind])
            torch.testing.assert_close(to_src[BOOKS], views[BOOKS])


def test_a_type_of_which_nothing_is_known_sends_nothing(make_hop, small, name):
    hop, propagations = make_hop(name), small.propagations()
    items = {"item": small.h["item"]}

    out, to_src = hop(items, propagations)
    expected, _ = hop({**items, "user": torch.zeros(3, 8)}, propagations)

    assert set(to_src) >= {BOOKS, FILMS}
    torch.testing.assert_close(out["user"], expected["user"])
    assert "person" in out or name == "lightgcn"


def test_nodes_without_edges_are_finite_and_have_no_message(make_hop, small, name):
    nobody = torch.zeros(4, dtype=torch.bool)
    h = {kind: rows.clone().requires_grad_() for kind, rows in small.h.items()}
    hop = make_hop(name, noise=0.3)

    out, to_src = hop(h, small.propagations(films=nobody, books=nobody))
    sum(rows.square().sum() for rows in out.values()).backward()

    assert not to_src[BOOKS].any()
    assert not to_src[FILMS].any()
    assert all(bool(torch.isfinite(rows).all()) for rows in out.values())
    grads = [p.grad for p in (*hop.parameters(), *h.values()) if p.grad is not None]
    assert all(bool(torch.isfinite(grad).all()) for grad in grads)


def test_autocast_is_near_float32(make_hop, small, name):
    hop = make_hop(name, noise=0.1)
    expected, _ = hop(small.h, small.propagations())

    with torch.autocast("cpu", torch.bfloat16):
        out, _ = hop(small.h, small.propagations())

    for kind, rows in expected.items():
        torch.testing.assert_close(out[kind].float(), rows, atol=0.1, rtol=0.1)


def test_one_seed_gives_one_hop_and_its_state_is_all_there_is(make_hop, small, name):
    one, two, other = make_hop(name), make_hop(name), make_hop(name, noise=0.4, seed=1)
    for key, value in one.state_dict().items():
        assert torch.equal(two.state_dict()[key], value), key
    shown = other(small.h, small.propagations())

    one.load_state_dict(other.state_dict())

    assert_equal(one(small.h, small.propagations()), shown)
