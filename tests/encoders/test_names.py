import numpy as np
import pytest

from encoders import names
from encoders.cache.cached import CachedEncoder
from encoders.names import encode_names
from encoders.settings import EncoderConfig


@pytest.fixture
def aside(monkeypatch, tmp_path):
    """Keep the cache of encodings out of the home folder."""
    monkeypatch.setattr(
        names, "EncoderConfig", lambda model: EncoderConfig(model=model, cache=tmp_path)
    )


@pytest.mark.parametrize("model", ["hashing", "lsa"])
def test_names_become_directions(aside, model):
    vectors = encode_names(model, ["Emma Woodhouse", "Emma Woodhouse", "Paul Atreides"])
    assert vectors[0] @ vectors[1] == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[2] < 0.9
    assert np.isfinite(vectors).all()


def test_vectors_are_kept(aside, tmp_path):
    encode_names("hashing", ["Emma"])
    assert any(tmp_path.rglob("*.parquet"))
    assert isinstance(names.encoder_of(EncoderConfig(model="hashing")), CachedEncoder)
