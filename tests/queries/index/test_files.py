import logging

import numpy as np
import pytest

from kg.errors import ArtefactError
from kg.files import write_folder
from queries.index import files
from queries.index.files import COSINES, SCORES, Asked, open_indexes, save_indexes
from queries.index.measured import Measured

MEASURED = Measured(
    recall=0.98, k=100, sample=200, milliseconds=0.5, exact_milliseconds=6.0, effort=7
)
ASKED = Asked(SCORES, "item", "films")


@pytest.fixture
def model(tmp_path):
    with write_folder(tmp_path / "model", "model") as aside:
        (aside / "weights").write_text("1")
    return tmp_path / "model"


@pytest.fixture
def index(tmp_path, model, cells):
    save_indexes(tmp_path / "index", model, [(ASKED, cells, MEASURED)])
    return tmp_path / "index"


def test_what_is_saved_is_opened(index, model, cells, vectors):
    indexes = open_indexes(index, model)

    found = indexes.of(ASKED)
    assert np.array_equal(found.rows, cells.rows)
    assert found.effort == 7
    assert found is indexes.of(ASKED)
    assert indexes.entries[ASKED]["measured"]["recall"] == 0.98
    assert indexes.of(Asked(COSINES, "item", "films")) is None
    assert found.propose(vectors[2], 3).shape == (60, 3)


def test_no_folder_is_no_index(tmp_path, model):
    assert open_indexes(tmp_path / "nowhere", model) is None


def test_an_index_of_another_model_is_not_used(index, model, caplog):
    with write_folder(model, "model") as aside:
        (aside / "weights").write_text("2")
    with caplog.at_level(logging.WARNING):
        assert open_indexes(index, model) is None
    assert "isthmus index" in caplog.text


def test_without_faiss_search_is_exact(index, model, caplog, monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    assert open_indexes(index, model) is None
    assert "isthmus[faiss]" in caplog.text


def test_a_damaged_index_does_not_reach_faiss(index, model):
    (index / "0.faiss").write_bytes(b"IwSq and nothing more")
    with pytest.raises(ArtefactError, match="checksum"):
        open_indexes(index, model).of(ASKED)
