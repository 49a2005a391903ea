from dataclasses import replace

import numpy as np
import pytest

from encoders.channels.attributes import ChannelConfig
from encoders.channels.fitted import FittedChannels
from kg.errors import ArtefactError, FingerprintError
from training.bundle import Bundle, load_bundle, save_bundle
from training.evaluation.calibration import Calibration
from training.evaluation.calibration_curves import Platt


@pytest.fixture
def graph(two_domain_checkerboard):
    return two_domain_checkerboard(4, 2)


@pytest.fixture
def bundle(graph):
    rng = np.random.default_rng(0)
    return Bundle(
        z={
            node_type: rng.normal(size=(len(nodes), 3)).astype(np.float32)
            for node_type, nodes in graph.nodes.items()
        },
        item_bias=rng.normal(size=len(graph.items)).astype(np.float32),
        weights={"decoder.relation": np.ones((1, 3), dtype=np.float32), "a": np.zeros((2, 4)).T},
        about={"best_epoch": 3, "job": {"name": "é", "k": [10, 20]}},
    )


def test_round_trip(bundle, graph, tmp_path):
    save_bundle(bundle, tmp_path / "model", graph)

    loaded = load_bundle(tmp_path / "model", graph)

    assert loaded.about == bundle.about
    assert set(loaded.z) == set(bundle.z)
    for name, rows in bundle.z.items():
        assert np.array_equal(loaded.z[name], rows)
    assert np.array_equal(loaded.item_bias, bundle.item_bias)
    assert set(loaded.weights) == set(bundle.weights)
    for name, rows in bundle.weights.items():
        assert np.array_equal(loaded.weights[name], rows)


def test_what_made_the_channels_is_kept_beside_the_weights(bundle, graph, tmp_path):
    encoded = {"item": {"text": np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)}}
    fitted = FittedChannels.fit(graph, encoded, ChannelConfig(project=2))
    save_bundle(replace(bundle, channels=fitted), tmp_path / "model", graph)
    save_bundle(bundle, tmp_path / "plain", graph)

    loaded = load_bundle(tmp_path / "model", graph).channels

    expected = fitted.apply(graph, encoded)["item"]["text"]
    assert expected.shape == (4, 2)
    assert np.array_equal(loaded.apply(graph, encoded)["item"]["text"], expected)
    assert load_bundle(tmp_path / "plain", graph).channels is None


def test_scores_are_dot_products_and_biases(bundle, graph):
    users, items = np.array([2, 0]), np.array([3, 1, 1])

    scores = bundle.scorer(graph, "mine").score(users, items)

    expected = bundle.z["user"][users] @ bundle.z["item"][items].T + bundle.item_bias[items]
    assert bundle.scorer(graph, "mine").name == "mine"
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    among = bundle.scorer(graph, "mine").among(items)
    assert np.array_equal(among(users), scores)


def test_another_graph_is_refused(bundle, graph, two_domain_checkerboard, tmp_path):
    save_bundle(bundle, tmp_path / "model", graph)
    edges = graph.interaction_edges
    fewer = graph.with_edges({graph.interactions: edges.take(np.arange(len(edges) - 1))})

    for other in (two_domain_checkerboard(4, 3), fewer):
        with pytest.raises(FingerprintError, match="trained on another graph") as caught:
            load_bundle(tmp_path / "model", other)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "embeddings.safetensors", "model.json"])
def test_a_damaged_file_is_named(bundle, graph, tmp_path, name):
    save_bundle(bundle, tmp_path / "model", graph)
    path = tmp_path / "model" / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)

    with pytest.raises(ArtefactError, match=f"{name} does not match its checksum"):
        load_bundle(tmp_path / "model", graph)


def test_a_missing_file_and_a_folder_of_another_kind_are_named(bundle, graph, tmp_path):
    save_bundle(bundle, tmp_path / "model", graph)
    (tmp_path / "model" / "weights.safetensors").unlink()

    with pytest.raises(ArtefactError, match=r"weights\.safetensors is missing"):
        load_bundle(tmp_path / "model", graph)
    with pytest.raises(ArtefactError, match="not a model folder"):
        load_bundle(tmp_path, graph)


def test_probabilities_are_kept(bundle, graph, tmp_path):
    curve = Platt(slope=2.0, intercept=-1.0)
    fitted = Calibration(curve=curve, scale="rank", base_rate=0.1, threshold=0.2, losses={})
    save_bundle(replace(bundle, calibration=fitted), tmp_path / "with", graph)
    save_bundle(bundle, tmp_path / "without", graph)

    ranks = np.array([1.0, 3.0])
    found = load_bundle(tmp_path / "with", graph).calibration

    assert found is not None
    assert np.array_equal(found.probability(ranks, ranks), fitted.probability(ranks, ranks))
    assert load_bundle(tmp_path / "without", graph).calibration is None
