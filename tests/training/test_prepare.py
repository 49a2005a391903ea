import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch

from encoders.channels import ChannelConfig
from encoders.features import Features
from gnn.data import NEAR
from kg.errors import ConfigError, InputError
from training.prepare import choose_device, prepare, text_neighbours


@pytest.fixture
def graph(make_graph):
    """Emma, persuasion and dune are warm books, ulysses is a cold one; heat is a warm film."""
    return make_graph(
        [("ann", "emma"), ("ann", "persuasion"), ("ann", "heat"), ("bob", "dune")],
        dict.fromkeys(("emma", "persuasion", "dune", "ulysses"), "books")
        | dict.fromkeys(("heat", "tar"), "films"),
    )


def neighbours(graph, k, **angles):
    """Return neighbours as ids, of items that lie on a circle, in degrees; others say nothing."""
    vectors = np.zeros((len(graph.items), 2), dtype=np.float32)
    for item, angle in angles.items():
        row = graph.items.vocab.index([item])[0]
        vectors[row] = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    found = text_neighbours(
        graph, Features(channels={"item": {"text": vectors}}, fingerprint="", graph=""), k
    )
    rows, cosine = found
    assert rows.shape == cosine.shape == (len(graph.items), k)
    return {
        item: [
            (graph.items.vocab.id(int(row)), round(float(near), 3))
            for row, near in zip(rows[place], cosine[place], strict=True)
            if row >= 0
        ]
        for place, item in enumerate(graph.items.vocab.ids.to_pylist())
    }


ANGLES = {"emma": 0, "persuasion": 10, "dune": 60, "ulysses": 5, "heat": 1, "tar": 2}


def test_neighbours_are_the_nearest_warm_items_of_the_same_domain(graph):
    found = neighbours(graph, 1, **ANGLES)

    assert {item: [name for name, _ in near] for item, near in found.items()} == {
        "emma": ["persuasion"],  # neither itself nor ulysses, which has nothing to lend
        "persuasion": ["emma"],
        "dune": ["persuasion"],
        "ulysses": ["emma"],  # of two that are equally near, the first
        "heat": [],
        "tar": ["heat"],
    }


def test_where_there_are_fewer_the_rest_is_empty(graph):
    found = neighbours(graph, 5, **ANGLES)

    assert found["emma"] == [("persuasion", 0.985), ("dune", 0.5)]
    assert [name for name, _ in found["ulysses"]] == ["emma", "persuasion", "dune"]


def test_an_item_without_text_is_nobodys_neighbour_and_has_none(graph):
    found = neighbours(graph, 3, emma=0, dune=60, ulysses=5)

    assert found["persuasion"] == []
    assert [name for name, _ in found["ulysses"]] == ["emma", "dune"]


def test_without_text_or_wish_there_are_none(graph):
    nothing = Features(channels={}, fingerprint="", graph="")
    ones = np.ones((6, 2), np.float32)
    vectors = Features(channels={"item": {"text": ones}}, fingerprint="", graph="")

    assert text_neighbours(graph, nothing, 3) is None
    assert text_neighbours(graph, vectors, 0) is None


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
    silent = prepare(make_job(), dated, features, cpu, channels=ChannelConfig(leave_out=("text",)))

    assert list(whole.x["item"]) == ["text", "numeric"]
    assert list(silent.x["item"]) == ["numeric"]
    assert silent.graph.view().near is None  # text neighbours are made of texts
    assert whole.channels.attributes["item"].columns[0].name == "year"
    with pytest.raises(ConfigError, match="no channel 'txt'"):
        prepare(make_job(), dated, features, cpu, channels=ChannelConfig(leave_out=("txt",)))


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
