from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from encoders.channels.attributes import ChannelConfig
from encoders.channels.fitted import FittedChannels
from kg.errors import ArtefactError, ConfigError
from kg.graph import KnowledgeGraph

WARM = [f"w{n}" for n in range(8)]
ITEMS = [*WARM, "z-cold"]


def with_attributes(graph: KnowledgeGraph, node_type: str, **columns) -> KnowledgeGraph:
    nodes = replace(graph.nodes[node_type], attributes=pa.table(columns))
    return replace(graph, nodes={**graph.nodes, node_type: nodes})


@pytest.fixture(scope="module")
def graph(make_graph) -> KnowledgeGraph:
    graph = make_graph(
        [(user, item) for user in ("ann", "bob") for item in WARM],
        dict.fromkeys(ITEMS, "books"),
        users=["cold"],
        entities={"person": ["p0", "p1"]},
    )
    years = pa.array([1990.0 + n for n in range(8)] + [2500.0])
    ages = pa.array([20.0, 40.0, 999.0])
    graph = with_attributes(graph, "item", year=years, taste=[[1.0, 2.0]] * 9)
    return with_attributes(graph, "user", age=ages)


@pytest.fixture
def encoded() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)

    def draw(n: int) -> np.ndarray:
        return rng.normal(size=(n, 6)).astype(np.float32)

    return {
        "item": {"text": draw(9), "image": draw(9)},
        "person": {"text": draw(2)},
        "user": {"history:books": draw(3)},
    }


def test_every_channel_of_every_node_text_first(graph, encoded) -> None:
    x = FittedChannels.fit(graph, encoded, ChannelConfig()).apply(graph, encoded)
    assert {node_type: list(channels) for node_type, channels in x.items()} == {
        "item": ["text", "image", "numeric", "vectors:taste"],
        "person": ["text"],
        "user": ["history:books", "numeric"],
    }
    as_it_is = FittedChannels.fit(graph, encoded, ChannelConfig(whiten=0)).apply(graph, encoded)
    assert as_it_is["item"]["text"] is encoded["item"]["text"]


def test_a_cold_node_does_not_move_the_statistics(graph, encoded) -> None:
    year, age = (
        FittedChannels.fit(graph, encoded, ChannelConfig()).attributes[node_type].columns[0]
        for node_type in ("item", "user")
    )
    assert year.mean == 1993.5
    assert (age.mean, age.scale) == (30.0, 10.0)
    project = ChannelConfig(project=2, whiten=1)
    other = {name: dict(some) for name, some in encoded.items()}
    other["item"]["text"] = encoded["item"]["text"].copy()
    other["item"]["text"][8] = 1e6
    ours, theirs = (FittedChannels.fit(graph, some, project) for some in (encoded, other))
    np.testing.assert_array_equal(
        ours.projections["text"].components, theirs.projections["text"].components
    )


def test_channels_are_left_out_by_name(graph, encoded) -> None:
    for names in (("text", "numeric"), ("history", "vectors"), ("image",)):
        config = ChannelConfig(leave_out=names)
        x = FittedChannels.fit(graph, encoded, config).apply(graph, encoded)
        left = {name for channels in x.values() for name in channels}
        assert len(left) == 5 - len(names)
        assert not {name.split(":")[0] for name in left} & set(names)
    with pytest.raises(ConfigError, match="no channel 'date'"):
        FittedChannels.fit(graph, encoded, ChannelConfig(leave_out=("date",)))


def test_texts_of_all_types_and_histories_lie_in_one_space(graph, encoded) -> None:
    fitted = FittedChannels.fit(graph, encoded, ChannelConfig(project=3))
    assert set(fitted.projections) == {"text", "image", "item/vectors:taste"}  # what has directions
    x = fitted.apply(graph, encoded)
    text = fitted.projections["text"]
    for node_type, channel in (("item", "text"), ("person", "text"), ("user", "history:books")):
        expected = text.apply(encoded[node_type][channel])
        np.testing.assert_array_equal(x[node_type][channel], expected)
        assert expected.shape[1] == 3


@pytest.mark.parametrize("config", [ChannelConfig(), ChannelConfig(project=2, whiten=1)])
def test_saved_and_loaded(graph, encoded, tmp_path: Path, config: ChannelConfig) -> None:
    fitted = FittedChannels.fit(graph, encoded, config)
    fitted.save(tmp_path)
    before, after = (some.apply(graph, encoded) for some in (fitted, FittedChannels.load(tmp_path)))
    for node_type, channels in before.items():
        assert list(after[node_type]) == list(channels)
        for name, rows in channels.items():
            np.testing.assert_array_equal(after[node_type][name], rows)
    with pytest.raises(ArtefactError, match="missing"):
        FittedChannels.load(tmp_path / "nowhere")


def test_a_node_never_seen_is_put_through_the_same(graph, encoded) -> None:
    fitted = FittedChannels.fit(graph, encoded, ChannelConfig(project=2))
    x = fitted.apply(graph, encoded)["item"]
    some = {name: rows[3:4] for name, rows in encoded["item"].items()}
    new = fitted.apply_to("item", graph.items.attributes.slice(3, 1), some, 1)
    assert list(new) == list(x)
    for name, rows in new.items():
        np.testing.assert_allclose(rows, x[name][3:4], rtol=1e-5, atol=1e-6)
