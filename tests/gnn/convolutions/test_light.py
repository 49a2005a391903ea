import numpy as np
import torch

from gnn.adjacency import Adjacency
from gnn.convolutions.light import LightRelationConv
from gnn.layers import gate_name

LIKES, BY = ("user", "likes", "item"), ("item", "by", "person")
SIZES = {"user": 3, "item": 4, "person": 2}
EDGES = {LIKES: ([0, 0, 1, 2], [0, 1, 1, 3]), BY: ([0, 1, 3], [0, 0, 1])}


def adjacency(edge_type):
    src, dst = (torch.tensor(rows) for rows in EDGES[edge_type])
    return Adjacency(src, dst, SIZES[edge_type[0]], SIZES[edge_type[2]])


def dense(edge_type):
    src, dst = EDGES[edge_type]
    matrix = np.zeros((SIZES[edge_type[2]], SIZES[edge_type[0]]))
    matrix[dst, src] = 1
    rows, columns = matrix.sum(1), matrix.sum(0)
    return matrix / np.sqrt(np.maximum(rows, 1))[:, None] / np.sqrt(np.maximum(columns, 1))


def inputs():
    draws = torch.Generator().manual_seed(0)
    return {kind: torch.randn(size, 5, generator=draws) for kind, size in SIZES.items()}


PART = torch.tensor([0, 0, 0, 1, 1])


def conv():
    made = LightRelationConv(PART, {LIKES: 0.7, BY: 0.3})
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for gate in made.parameters():
            gate.add_(torch.randn(2, generator=draws))
    return made


def test_a_hop_equals_dense_numpy_over_relations_and_reverses():
    layer, h = conv(), inputs()
    gates = {name: gate.detach()[PART].numpy() for name, gate in layer.gates.items()}
    user, item, person = (h[kind].numpy() for kind in SIZES)

    out, to_src = layer(h, {edge: adjacency(edge).symmetric() for edge in EDGES})

    likes, by = gate_name(LIKES), gate_name(BY)
    to_user = dense(LIKES).T @ item * gates[f"rev_{likes}"]
    to_item = dense(LIKES) @ user * gates[likes] + dense(BY).T @ person * gates[f"rev_{by}"]
    to_person = dense(BY) @ item * gates[by]
    for kind, expected in (("user", to_user), ("item", to_item), ("person", to_person)):
        np.testing.assert_allclose(out[kind].detach(), expected, atol=1e-5)
    np.testing.assert_allclose(to_src[LIKES].detach(), to_user, atol=1e-5)
    assert set(to_src) == {LIKES, BY}


def test_gates_begin_where_they_are_told_to():
    layer = LightRelationConv(PART, {LIKES: 0.7, BY: 0.3})

    assert {name: set(gate.tolist()) for name, gate in layer.gates.items()} == {
        prefix + gate_name(edge): set(torch.full((1,), value).tolist())
        for edge, value in ((LIKES, 0.7), (BY, 0.3))
        for prefix in ("", "rev_")
    }


def test_a_relation_between_items_reaches_both_ends():
    sequel = ("item", "sequel", "item")
    layer = LightRelationConv(torch.tensor([0, 0]), {sequel: 1.0})
    h = {"item": torch.tensor([[1.0, 0.0], [0.0, 1.0]])}

    out, _ = layer(h, {sequel: Adjacency(torch.tensor([0]), torch.tensor([1]), 2, 2).symmetric()})

    assert out["item"].tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_the_order_of_nodes_does_not_matter():
    layer, h = conv(), inputs()
    order = {kind: torch.randperm(size) for kind, size in SIZES.items()}
    place = {kind: torch.argsort(permutation) for kind, permutation in order.items()}
    moved = {
        edge: Adjacency(
            place[edge[0]][torch.tensor(EDGES[edge][0])],
            place[edge[2]][torch.tensor(EDGES[edge][1])],
            SIZES[edge[0]],
            SIZES[edge[2]],
        ).symmetric()
        for edge in EDGES
    }

    out, _ = layer(h, {edge: adjacency(edge).symmetric() for edge in EDGES})
    permuted, _ = layer({kind: h[kind][order[kind]] for kind in h}, moved)

    for kind in SIZES:
        torch.testing.assert_close(permuted[kind], out[kind][order[kind]])


def test_a_type_of_which_nothing_is_known_sends_nothing():
    layer, h = conv(), inputs()
    propagations = {edge: adjacency(edge).symmetric() for edge in EDGES}
    zero = {**h, "user": torch.zeros_like(h["user"])}

    out, to_src = layer({kind: h[kind] for kind in ("item", "person")}, propagations)
    expected, _ = layer(zero, propagations)

    assert set(to_src) == {LIKES, BY}
    for kind in SIZES:
        torch.testing.assert_close(out[kind], expected[kind])
