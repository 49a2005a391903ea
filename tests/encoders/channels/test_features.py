from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from encoders.cache.cached import CachedEncoder
from encoders.channels.features import (
    FORMAT,
    VECTORS,
    Features,
    encode_graph,
    load_features,
    save_features,
)
from encoders.models.hashing import HashingEncoder
from encoders.models.lsa import LsaEncoder
from encoders.texts.templates import TextConfig
from kg.errors import ArtefactError, FingerprintError, InputError
from kg.files import write_folder
from kg.graph import KnowledgeGraph

TEXTS = {"emma": "a matchmaker in the country", "dune": "spice on a desert planet", "ann": ""}


@pytest.fixture(scope="module")
def graph(make_graph) -> KnowledgeGraph:
    return make_graph(
        [("ann", "emma"), ("bob", "dune")],
        {"emma": "books", "dune": "films", "blank": "films"},
        texts={**TEXTS, "jane": "Jane Austen"},
        entities={"person": ["jane", "frank"]},
    )


def test_rows_are_nodes(graph: KnowledgeGraph) -> None:
    encoder = HashingEncoder(dim=32)
    features = encode_graph(graph, encoder)
    assert set(features.vectors) == {"item", "person"}  # no user has text
    assert graph.items.vocab.ids.to_pylist() == ["blank", "dune", "emma"]
    expected = encoder.encode(["", TEXTS["dune"], TEXTS["emma"]])
    np.testing.assert_array_equal(features.vectors["item"], expected)
    assert features.vectors["person"].shape == (2, 32)
    assert features.fingerprint == encoder.fingerprint
    assert features.graph == graph.fingerprint


def test_templates_say_what_is_read(graph: KnowledgeGraph) -> None:
    encoder = HashingEncoder(dim=32)
    config = TextConfig(templates={"item": "a work called {title}"})
    features = encode_graph(graph, encoder, config)
    expected = encoder.encode([f"a work called {TEXTS['dune']}"])
    np.testing.assert_array_equal(features.vectors["item"][1:2], expected)
    plain = encode_graph(graph, encoder)
    np.testing.assert_array_equal(features.vectors["person"], plain.vectors["person"])


def test_features_are_frozen(graph: KnowledgeGraph) -> None:
    features = encode_graph(graph, HashingEncoder(dim=8))
    with pytest.raises(ValueError, match="read-only"):
        features.vectors["item"][0, 0] = 1


def test_graph_without_text(make_graph) -> None:
    graph = make_graph([("ann", "emma")], {"emma": "books"})
    for encoder in (HashingEncoder(), LsaEncoder()):
        assert dict(encode_graph(graph, encoder).vectors) == {}


@pytest.mark.parametrize("cached", [False, True])
def test_encoder_is_fitted_on_all_texts_once(
    graph: KnowledgeGraph, tmp_path: Path, cached: bool
) -> None:
    lsa = LsaEncoder(dim=2)
    features = encode_graph(graph, CachedEncoder(lsa, tmp_path) if cached else lsa)
    expected = LsaEncoder(dim=2).fit([*TEXTS.values(), "Jane Austen"])
    assert lsa.fingerprint == expected.fingerprint == features.fingerprint
    other = encode_graph(graph, LsaEncoder(dim=2).fit(["desert planet", "country"]))
    assert other.fingerprint != expected.fingerprint  # a fitted one is left as it is


def test_saved_and_loaded(graph: KnowledgeGraph, tmp_path: Path) -> None:
    features = encode_graph(graph, HashingEncoder(dim=8))
    image = np.eye(3, 5, dtype=np.float32)
    features = features.beside("image", {"item": image}, "clip")
    save_features(features, tmp_path / "features")
    loaded = load_features(tmp_path / "features", graph)
    assert list(loaded.channels) == list(features.channels)
    for node_type, channels in features.channels.items():
        assert list(loaded.channels[node_type]) == list(channels)
        for name, rows in channels.items():
            np.testing.assert_array_equal(loaded.channels[node_type][name], rows)
    assert (loaded.fingerprint, loaded.graph) == (features.fingerprint, features.graph)


def test_another_graph_is_refused(graph: KnowledgeGraph, make_graph, tmp_path: Path) -> None:
    save_features(encode_graph(graph, HashingEncoder(dim=8)), tmp_path / "features")
    with pytest.raises(FingerprintError, match="another graph"):
        load_features(tmp_path / "features", make_graph([("ann", "emma")], {"emma": "books"}))


def test_damage_is_refused(graph: KnowledgeGraph, tmp_path: Path) -> None:
    save_features(encode_graph(graph, HashingEncoder(dim=8)), tmp_path / "features")
    file = tmp_path / "features" / VECTORS
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArtefactError, match="checksum"):
        load_features(tmp_path / "features", graph)
    with pytest.raises(ArtefactError, match="not a features folder"):
        load_features(tmp_path / "nowhere", graph)


@pytest.mark.parametrize(
    "vectors",
    [
        {"item/text": np.zeros((2, 8), np.float32)},
        {"item/text": np.zeros(3, np.float32)},
        {"film/text": np.zeros((3, 8), np.float32)},
    ],
)
def test_wrong_shape_is_refused(
    graph: KnowledgeGraph, tmp_path: Path, vectors: dict[str, np.ndarray]
) -> None:
    about = {"format": FORMAT, "encoder": "e", "graph": graph.fingerprint}
    with write_folder(tmp_path / "features", "features", **about) as aside:
        save_file(vectors, aside / VECTORS)
    with pytest.raises(ArtefactError, match=r"text of '(item|film)' has vectors of shape"):
        load_features(tmp_path / "features", graph)


def test_features_of_an_older_version_are_refused(graph: KnowledgeGraph, tmp_path: Path) -> None:
    about = {"encoder": "e", "graph": graph.fingerprint}
    with write_folder(tmp_path / "features", "features", **about) as aside:
        save_file({"item": np.zeros((3, 8), np.float32)}, aside / VECTORS)
    with pytest.raises(ArtefactError, match="format 1, expected 2: encode the graph again"):
        load_features(tmp_path / "features", graph)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_value_that_is_not_finite_names_the_node(
    graph: KnowledgeGraph, tmp_path: Path, bad: float
) -> None:
    class Broken(HashingEncoder):
        def encode(self, texts):
            rows = super().encode(texts)
            rows[1, 3] = bad
            return rows

    with pytest.raises(InputError, match="item 'dune' is not finite"):
        encode_graph(graph, Broken(dim=8))
    features = encode_graph(graph, HashingEncoder(dim=8))
    broken = features.vectors["item"].copy()
    broken[1, 3] = bad
    broken[2, 3] = bad
    save_features(replace(features, channels={"item": {"text": broken}}), tmp_path / "features")
    with pytest.raises(InputError, match=r"item 'dune' \(and 1 more\) is not finite"):
        load_features(tmp_path / "features", graph)


def test_is_a_plain_record(graph: KnowledgeGraph) -> None:
    features = Features(channels={}, fingerprint="e", graph="g")
    with pytest.raises(AttributeError):
        features.graph = "other"  # type: ignore[misc]


def test_one_more_channel_beside_the_texts(graph: KnowledgeGraph) -> None:
    features = encode_graph(graph, HashingEncoder(dim=8))
    more = features.beside("image", {"item": np.ones((3, 2), np.float32)}, "clip")
    assert list(more.channels["item"]) == ["image", "text"]
    assert list(more.channels["person"]) == ["text"]
    assert more.fingerprint != features.fingerprint
