import numpy as np
import pytest

from kg.errors import ArtefactError
from training.triples.facts import Triples
from training.triples.saved import load_triple_model, save_triple_model


@pytest.fixture
def triples():
    return Triples(
        entities=("ann", "ben", "émile"),
        relations=("likes",),
        rows=np.array([[0, 0, 1], [1, 0, 2]]),
        left_out={},
    )


def test_what_is_saved_is_loaded(triples, tmp_path):
    vectors = np.arange(12, dtype=np.float32).reshape(3, 4)
    weights = {"relation": np.ones((2, 4), dtype=np.float32)}
    save_triple_model(tmp_path / "model", triples, vectors, "distmult", weights, {"seed": 0})

    saved = load_triple_model(tmp_path / "model")

    assert tuple(saved.entities.to_pylist()) == triples.entities
    assert (saved.relations, saved.decoder) == (("likes",), "distmult")
    assert np.array_equal(saved.rows, triples.rows)
    assert np.array_equal(saved.vectors, vectors)
    assert np.array_equal(saved.weights["relation"], weights["relation"])


def test_a_damaged_model_is_refused(triples, tmp_path):
    path = tmp_path / "model"
    save_triple_model(path, triples, np.zeros((3, 2), np.float32), "dot", {}, {})
    (path / "vectors.safetensors").write_bytes(b"nothing")
    with pytest.raises(ArtefactError, match="checksum"):
        load_triple_model(path)


def test_another_folder_is_not_replaced(triples, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ArtefactError, match="not replaced"):
        save_triple_model(tmp_path, triples, np.zeros((3, 2), np.float32), "dot", {}, {})
