from dataclasses import replace

import numpy as np
import pytest
import torch

from gnn.layers import gate_name
from gnn.model import TransferGNN
from training.simulation import Simulation

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
LIKES = ("user", "likes", "item")


def embed(world, **hidden):
    with torch.no_grad():
        return world.model(world.x, world.views.view(**hidden))


def scores(world, **hidden):
    """Return the scores of all users and items."""
    out = embed(world, **hidden)
    return world.model.decoder.queries(out.z["user"]) @ out.z["item"].T + out.item_bias


def mask(world, node_type, *ids):
    rows = torch.zeros(len(world.graph.nodes[node_type]), dtype=torch.bool)
    rows[[world.row(node_type, node_id) for node_id in ids]] = True
    return rows


def rewired(graph, add=(), drop=()):
    """Return the graph with other interactions, given as pairs of ids."""
    edges = graph.interaction_edges
    users, items = graph.users.vocab, graph.items.vocab
    pairs = set(zip(users.to_ids(edges.src), items.to_ids(edges.dst), strict=True))
    heads, tails = zip(*sorted((pairs | set(add)) - set(drop)), strict=True)
    changed = replace(
        edges,
        src=users.index(list(heads)),
        dst=items.index(list(tails)),
        weight=np.ones(len(heads), dtype=np.float32),
    )
    return graph.with_edges({graph.interactions: changed})


def test_shapes(world):
    out = embed(world)

    assert {kind: tuple(rows.shape) for kind, rows in out.z.items()} == {
        "user": (5, 8),
        "item": (10, 8),
        "person": (2, 8),
    }
    assert out.item_bias.shape == (10,)
    assert {edge: tuple(rows.shape) for edge, rows in out.domain_views.items()} == {
        BOOKS: (5, 8),
        FILMS: (5, 8),
    }


def test_permuting_nodes_and_edges_permutes_the_outputs(graph, network, make_graph):
    """Ids are numbered in sorted order: renaming moves every node to another row."""
    world = network(graph)
    rename = {
        node_id: f"{(7 * row + 3) % 20:02d}-{node_id}"
        for nodes in graph.nodes.values()
        for row, node_id in enumerate(nodes.vocab.ids.to_pylist())
    }

    def pairs(edge_type):
        edges = graph.edges[edge_type]
        heads = graph.nodes[edge_type[0]].vocab.to_ids(edges.src)
        tails = graph.nodes[edge_type[2]].vocab.to_ids(edges.dst)
        return [(rename[h], rename[t]) for h, t in zip(heads, tails, strict=True)][::-1]

    items = {
        rename[item]: graph.domains[int(row.argmax())]
        for item, row in zip(graph.items.vocab.ids.to_pylist(), graph.items.domains, strict=True)
    }
    renamed = make_graph(
        pairs(LIKES),
        items,
        domains=graph.domains,
        entities={"person": [rename["p0"], rename["p1"]]},
        relations={("item", "by", "person"): pairs(("item", "by", "person"))},
    )
    order = {
        kind: np.argsort([rename[node_id] for node_id in nodes.vocab.ids.to_pylist()])
        for kind, nodes in graph.nodes.items()
    }
    assert not np.array_equal(order["item"], np.arange(10))

    other = network(renamed)
    from_near = world.data["item", "near", "item"]
    place = torch.from_numpy(np.argsort(order["item"]))
    other.data["item"].x = {"text": world.data["item"].x["text"][order["item"]]}
    other.data["item", "near", "item"].edge_index = place[from_near.edge_index]
    other.data["item", "near", "item"].edge_weight = from_near.edge_weight
    views = type(world.views)(other.data, "user", "item", world.views.interactions)
    model = TransferGNN(views, other.data, parts=(5, 3), layers=2, decoder="distmult")
    state = world.model.state_dict()
    for name in ("inputs.of_item.residual", "item_bias"):
        state[name] = state[name][order["item"]]
    model.load_state_dict(state)

    out = embed(world)
    with torch.no_grad():
        permuted = model({"item": other.data["item"].x}, views.view())

    for kind in graph.nodes:
        torch.testing.assert_close(permuted.z[kind], out.z[kind][order[kind]])
    torch.testing.assert_close(permuted.item_bias, out.item_bias[order["item"]])
    for edge in (BOOKS, FILMS):
        expected = out.domain_views[edge][order["user"]]
        torch.testing.assert_close(permuted.domain_views[edge], expected)


def test_nobody_depends_on_the_residual_of_a_cold_item(world):
    row, warm = world.row("item", "f4"), world.row("item", "f0")
    before = embed(world)
    residual = world.model.inputs["of_item"].residual

    with torch.no_grad():
        residual[row] += 5
        world.model.item_bias[row] += 5
    after = embed(world)
    with torch.no_grad():
        residual[warm] += 5
    changed = embed(world)

    for kind in before.z:
        assert torch.equal(after.z[kind], before.z[kind])
    assert float(after.item_bias[row]) == 0
    assert not torch.equal(changed.z["item"][warm], after.z["item"][warm])


def test_an_item_that_plays_cold_depends_on_neither_residual_nor_interactions(graph, network):
    """Whoever liked f1, and however often, an f1 that plays cold is the same."""
    world = network(graph)
    other = network(rewired(graph, add=[("dan", "f1"), ("eve", "f1")], drop=[("ann", "f1")]))
    row = world.row("item", "f1")
    with torch.no_grad():
        other.model.inputs["of_item"].residual[row] += 5
        other.model.item_bias[row] += 5

    shown, shown_other = embed(world), embed(other)
    hidden = {"hidden_items": mask(world, "item", "f1")}
    played, played_other = embed(world, **hidden), embed(other, **hidden)

    assert not torch.allclose(shown.z["item"][row], shown_other.z["item"][row])
    torch.testing.assert_close(played.z["item"], played_other.z["item"])
    torch.testing.assert_close(played.z["user"], played_other.z["user"])
    assert float(played_other.item_bias[row]) == 0


def test_a_cold_item_has_an_embedding_of_its_own(world):
    items = embed(world).z["item"]

    cold = items[[world.row("item", "b4"), world.row("item", "f4")]]

    assert bool(cold.any(dim=1).all())
    assert not torch.allclose(cold[0], cold[1])


@pytest.mark.parametrize("fusion", ["concat", "gate", "attention"])
def test_a_history_that_tells_the_answer_is_hidden_with_its_edge(graph, network, fusion):
    """The history of films says which films Ann liked; with these hidden it must say nothing."""
    text = network(graph).x["item"]["text"].numpy()
    history = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    planted = history.copy()
    ann = int(graph.users.vocab.index(["ann"])[0])
    planted[ann] = text[graph.items.vocab.index(["f0"])[0]]
    worlds = [
        network(
            graph,
            channels={"item": {"text": text}, "user": {"history:films": x, "history:books": x0}},
            fusion=fusion,
        )
        for x, x0 in ((history, history), (planted, history))
    ]
    users = {"hidden_users": mask(worlds[0], "user", "ann"), "hidden_relations": (FILMS,)}
    items = {"hidden_items": mask(worlds[0], "item", "f0")}

    assert not torch.allclose(*(scores(world)[ann] for world in worlds))
    for hidden in (users, items):
        assert torch.equal(*(scores(world, **hidden) for world in worlds))


@pytest.mark.parametrize("fusion", ["gate", "attention"])
def test_fusions_are_part_of_the_network(graph, network, fusion):
    text = network(graph).x["item"]["text"].numpy()
    image = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    both = {"item": {"text": text, "image": image}}

    plain, fused = network(graph, channels=both), network(graph, channels=both, fusion=fusion)

    assert not torch.allclose(embed(fused).z["user"], embed(plain).z["user"])


def test_a_user_who_plays_cold_depends_on_no_target_edge(graph, network):
    world = network(graph)
    other = network(rewired(graph, add=[("ann", "f3")], drop=[("ann", "f0")]))
    row = world.row("user", "ann")
    hidden = {"hidden_users": mask(world, "user", "ann"), "hidden_relations": (FILMS,)}

    shown, shown_other = embed(world), embed(other)
    played, played_other = embed(world, **hidden), embed(other, **hidden)

    assert not torch.allclose(shown.z["user"][row], shown_other.z["user"][row])
    torch.testing.assert_close(played.z["user"], played_other.z["user"])
    assert bool((played.domain_views[FILMS][row] == 0).all())
    assert bool((played.domain_views[BOOKS][row] != 0).any())


def test_a_planted_answer_is_used_but_not_where_the_simulation_hides_it(graph, network):
    """The guard against supervision edges in the message graph: dan likes f4, and nobody else."""
    answer = ("dan", "f4")
    without, planted = network(graph), network(rewired(graph, add=[answer]))
    user, item = without.row("user", "dan"), without.row("item", "f4")
    edges = planted.graph.interaction_edges
    simulation = Simulation(
        planted.views,
        torch.tensor(edges.src),
        torch.tensor(edges.dst),
        torch.from_numpy(planted.graph.item_mask("films")),
        (FILMS,),
        user_share=1.0,
        item_share=0.0,
    )
    drawn = simulation.draw(torch.Generator().manual_seed(0))
    hidden_users = torch.zeros(5, dtype=torch.bool)
    hidden_users[torch.unique(simulation._users[drawn.hidden])] = True
    assert bool(hidden_users[user])

    assert not torch.allclose(scores(planted)[user], scores(without)[user])
    # f4 is warm now in every view; it keeps its vector, but nothing may point at it
    users = planted.model(planted.x, drawn.view).z["user"]
    hidden = {"hidden_users": hidden_users, "hidden_relations": (FILMS,)}
    torch.testing.assert_close(users, embed(without, **hidden).z["user"])
    assert not torch.allclose(users[user], embed(planted).z["user"][user])
    for edge in (BOOKS, FILMS):
        assert float(drawn.view.propagations[edge].to_dst.to_dense()[item].abs().sum()) == 0


@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_hops(graph, network, layers):
    world = network(graph, layers=layers)

    assert bool(torch.isfinite(scores(world)).all())
    assert len(world.model.convs) == layers


def test_every_parameter_has_a_gradient(world):
    out = world.model(world.x, world.views.view())
    total = (world.model.decoder.queries(out.z["user"]) @ out.z["item"].T).square().sum()
    total = total + out.item_bias.sum() + out.z["person"].square().sum()

    total.backward()

    without = {name for name, p in world.model.named_parameters() if p.grad is None}
    by = gate_name(("item", "by", "person"))
    likes = [gate_name(edge) for edge in (BOOKS, FILMS)]
    # the triples' decoder is not asked here; only items have something to send on the first hop,
    # and so only users and people on the second
    assert without <= {
        "knowledge_decoder.relation",
        *(f"convs.0.gates.{name}" for name in (*likes, f"rev_{by}")),
        *(f"convs.1.gates.{name}" for name in (by, *(f"rev_{like}" for like in likes))),
    }


@pytest.mark.parametrize("name", ["items", "type", "a.b"])
def test_a_node_type_may_have_any_name(make_graph, network, name):
    """Parameters are called after node types: no name may clash with what modules have."""
    graph = make_graph(
        [("ann", "emma"), ("ann", "heat")],
        {"emma": "books", "heat": "films"},
        texts={"x": "a text"},
        entities={name: ["x"]},
        relations={("item", f"of.{name}", name): [("emma", "x"), ("heat", "x")]},
    )

    world = network(graph)

    assert bool(embed(world).z[name].any())


def test_a_type_that_no_hop_reaches_has_zero_embeddings(make_graph, network):
    graph = make_graph(
        [("ann", "emma"), ("ann", "heat")],
        {"emma": "books", "heat": "films"},
        texts={"x": "a text", "y": "a text"},
        entities={"near": ["x"], "far": ["y"]},
        relations={
            ("item", "of", "near"): [("emma", "x"), ("heat", "x")],
            ("near", "of", "far"): [("x", "y")],
        },
    )

    world = network(graph, layers=1)
    z = world.model(world.x, world.views.view()).z

    assert set(z) == set(graph.nodes)
    assert not z["far"].any()
    assert bool(z["near"].any())
