import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch

from encoders.neighbours.edges import TextEdgeConfig
from encoders.texts.templates import TextConfig
from gnn.data import NEAR, NEAR_ACROSS
from kg.errors import ConfigError, InputError
from training.prepare import choose_device, prepare, text_neighbours
from training.repeats import without_repeats


@pytest.fixture
def graph(make_graph):
    """Emma, persuasion and dune are warm books, ulysses is a cold one; heat is a warm film."""
    return make_graph(
        [("ann", "emma"), ("ann", "persuasion"), ("ann", "heat"), ("bob", "dune")],
        dict.fromkeys(("emma", "persuasion", "dune", "ulysses"), "books")
        | dict.fromkeys(("heat", "tar"), "films"),
    )


def test_neighbours_are_warm_items_within_and_across_domains(graph):
    angles = {"emma": 0, "persuasion": 10, "dune": 60, "ulysses": 5, "heat": 1, "tar": 2}
    degrees = np.radians([angles[item] for item in graph.items.vocab.ids.to_pylist()])
    vectors = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    config = TextEdgeConfig(k=1, across=1, lexical=0.0)

    found = text_neighbours(graph, vectors, config, TextConfig())

    chosen = {
        relation: {
            graph.items.vocab.id(item): graph.items.vocab.id(int(near))
            for item, near in enumerate(neighbours.rows[:, 0])
            if near >= 0
        }
        for relation, neighbours in found.items()
    }
    assert chosen[NEAR]["ulysses"] == "emma"
    assert chosen[NEAR]["tar"] == "heat"
    assert "heat" not in chosen[NEAR]  # tar is cold and has nothing to lend
    assert chosen[NEAR_ACROSS]["ulysses"] == "heat"
    assert chosen[NEAR_ACROSS]["tar"] == "emma"


def test_what_repeats_an_interaction_is_left_out_in_either_direction(make_graph):
    relations = {
        ("user", "wishes", "item"): [("ann", "emma"), ("ann", "heat"), ("bob", "emma")],
        ("item", "bought_by", "user"): [("emma", "ann"), ("heat", "bob")],
        ("item", "like", "item"): [("emma", "heat")],
    }
    graph = make_graph(
        [("ann", "emma"), ("bob", "heat")],
        {"emma": "books", "heat": "films"},
        relations=relations,
    )

    left = without_repeats(graph)

    def pairs(edge_type):
        edges, (src, _, dst) = left.edges[edge_type], edge_type
        ids = [left.nodes[src].vocab.to_ids(edges.src), left.nodes[dst].vocab.to_ids(edges.dst)]
        return list(zip(*ids, strict=True))

    assert sorted(pairs(("user", "wishes", "item"))) == [("ann", "heat"), ("bob", "emma")]
    assert pairs(("item", "bought_by", "user")) == []
    assert pairs(("item", "like", "item")) == [("emma", "heat")]
    assert left.interaction_edges is graph.interaction_edges


def test_words_of_templates_make_neighbours(make_graph):
    texts = {"pan": "blue", "wok": "red", "pot": "red"}
    graph = make_graph([("ann", "pan"), ("ann", "wok")], dict.fromkeys(texts, "home"), texts=texts)
    vectors = np.ones((3, 2), np.float32) / np.sqrt(2, dtype=np.float32)
    config = TextEdgeConfig(k=1, lexical=0.5)
    pot, wok, pan = (int(graph.items.vocab.index([item])[0]) for item in ("pot", "wok", "pan"))

    plain = text_neighbours(graph, vectors, config, TextConfig())[NEAR]
    other = text_neighbours(graph, vectors, config, TextConfig(templates={"item": "same {title}"}))[
        NEAR
    ]

    assert plain.rows[pot, 0] == other.rows[pot, 0] == wok
    assert plain.similarity[pot, 0] > plain.similarity[pan, 0]
    assert other.similarity[pan, 0] > plain.similarity[pan, 0]


def test_without_text_or_wish_there_are_none(graph):
    ones = np.ones((6, 2), np.float32)

    assert text_neighbours(graph, None, TextEdgeConfig(), TextConfig()) == {}
    assert text_neighbours(graph, ones, TextEdgeConfig(k=0), TextConfig()) == {}


def test_nothing_held_out_reaches_the_network(make_job, split, features):
    objective = prepare(make_job(), split, features, torch.device("cpu"))

    num_items = len(split.train.items)
    held_out = {
        int(user) * num_items + int(item)
        for part in (split.valid, split.test)
        for user, item in zip(part.users, part.items, strict=True)
    }
    edges = [objective.graph.adjacencies[edge] for edge in objective.graph.interactions]
    seen = {int(key) for a in edges for key in a.src * num_items + a.dst}
    assert len(held_out) == 20
    assert len(seen) == len(split.train.interaction_edges)
    assert not held_out & seen
    assert not held_out & set((objective.users * num_items + objective.items).tolist())
    assert ("item", NEAR, "item") not in objective.graph.adjacencies  # no relation like others


def test_a_split_without_interactions_is_one_line(make_job, split, features):
    edges = split.train.interaction_edges
    nothing = split.train.with_edges({split.train.interactions: edges.take(np.arange(0))})

    with pytest.raises(InputError, match="leaves no interaction to train on"):
        prepare(
            make_job(),
            dataclasses.replace(split, train=nothing),
            features,
            torch.device("cpu"),
        )


def test_devices_by_name():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("warp", "cuda:99"):
        with pytest.raises(ConfigError, match=f"training.device = '{name}'"):
            choose_device(name)


def test_channels_are_fitted_on_the_training_graph_and_left_out_by_name(make_job, split, features):
    years = pa.array([1990.0 + row for row in range(len(split.train.items))])
    items = dataclasses.replace(split.train.items, attributes=pa.table({"year": years}))
    train = dataclasses.replace(split.train, nodes={**split.train.nodes, "item": items})
    dated = dataclasses.replace(split, train=train)
    cpu = torch.device("cpu")

    whole = prepare(make_job(), dated, features, cpu)
    silent = prepare(make_job(leave_out=("text",)), dated, features, cpu)

    assert list(whole.x["item"]) == ["text", "numeric"]
    assert list(silent.x["item"]) == ["numeric"]
    assert silent.graph.view().near == {}  # text neighbours are made of texts
    assert whole.channels.attributes["item"].columns[0].name == "year"
    with pytest.raises(ConfigError, match="no channel 'txt'"):
        prepare(make_job(leave_out=("txt",)), dated, features, cpu)


def test_histories_come_in_beside_what_is_there_and_change_no_start(make_job, split, features):
    rng = np.random.default_rng(0)
    history = rng.normal(size=(len(split.train.users), 16)).astype(np.float32)
    further = {"user": {"history:films": history}}
    cpu = torch.device("cpu")

    plain = prepare(make_job(), split, features, cpu)
    remembering = prepare(make_job(), split, features, cpu, further=further)

    assert list(remembering.x["user"]) == ["history:films"]
    before, after = plain.embed().z, remembering.embed().z
    for node_type, rows in before.items():
        torch.testing.assert_close(after[node_type], rows)
    world = remembering.simulate(torch.Generator().manual_seed(0))
    losers = world.view.hidden_channels["user"]["history:films"]
    lost = torch.zeros_like(losers)
    lost[remembering.users[world.hidden]] = True
    assert bool(lost.any())
    assert torch.equal(losers, lost)
