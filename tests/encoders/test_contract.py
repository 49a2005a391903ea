"""What every encoder promises, whatever is inside."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from encoders.base import TextEncoder
from encoders.cache.cached import CachedEncoder
from encoders.load import load_encoder
from encoders.models.hashing import HashingEncoder
from encoders.models.lsa import LsaEncoder

TEXTS = [
    "A governess falls in love with the master of the house",
    "",
    "Two astronauts stranded on a red planet",
    "   \n",
    "A governess falls in love with the master of the house",
    "Stainless steel kitchen knife, 20 cm",
    "Köln, Ελλάδα, 東京: a journey of " + "many " * 90 + "words",
]

MAKERS: dict[str, Callable[[Path], TextEncoder]] = {
    "hashing": lambda _: HashingEncoder(dim=64),
    "lsa": lambda _: LsaEncoder(dim=4).fit(TEXTS),
    "minilm-float32": lambda _: load_encoder("minilm", dtype="float32", device="cpu"),
    "minilm-bfloat16": lambda _: load_encoder("minilm", dtype="bfloat16", device="cpu"),
    "cached": lambda folder: CachedEncoder(HashingEncoder(dim=64), folder),
}


@pytest.fixture(scope="module", params=MAKERS)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    return MAKERS[request.param](tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def vectors(encoder: TextEncoder) -> np.ndarray:
    return encoder.encode(TEXTS)


def test_is_a_text_encoder(encoder: TextEncoder) -> None:
    assert isinstance(encoder, TextEncoder)


def test_shape_and_dtype(encoder: TextEncoder, vectors: np.ndarray) -> None:
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32


def test_rows_are_unit_or_zero(vectors: np.ndarray) -> None:
    expected = [1, 0, 1, 0, 1, 1, 1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), expected, atol=1e-6)


def test_no_texts(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_equal_texts_have_equal_rows(vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(vectors[0], vectors[4])
    assert not np.allclose(vectors[0], vectors[2], atol=0.05)


def test_again_is_the_same(encoder: TextEncoder, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), vectors)


def test_order_of_texts_is_order_of_rows(
    encoder: TextEncoder, vectors: np.ndarray, request: pytest.FixtureRequest
) -> None:
    atol = 1e-2 if "bfloat16" in request.node.name else 1e-6
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), vectors[::-1], atol=atol)


def test_a_row_does_not_depend_on_other_texts(
    encoder: TextEncoder, vectors: np.ndarray, request: pytest.FixtureRequest
) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    cosine = (alone * vectors).sum(axis=1)[[0, 2, 4, 5, 6]]
    assert cosine.min() > (0.9995 if "bfloat16" in request.node.name else 0.999999)


def test_fingerprint_is_stable(encoder: TextEncoder) -> None:
    assert len(encoder.fingerprint) == 64
    assert encoder.fingerprint == encoder.fingerprint


def test_fingerprints_tell_encoders_and_settings_apart() -> None:
    encoders = [
        HashingEncoder(dim=64),
        HashingEncoder(dim=65),
        LsaEncoder(dim=3),
        LsaEncoder(dim=3).fit(TEXTS),
        LsaEncoder(dim=4).fit(TEXTS),
        LsaEncoder(dim=4).fit(TEXTS[:3]),
        load_encoder("minilm", dtype="float32"),
        load_encoder("minilm", dtype="bfloat16"),
        load_encoder("minilm", dtype="float32", max_length=63),
    ]
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders)


def test_same_settings_have_the_same_fingerprint() -> None:
    for make in (
        lambda: HashingEncoder(dim=64),
        lambda: LsaEncoder(dim=4).fit(TEXTS),
        lambda: load_encoder("minilm", dtype="float32"),
    ):
        assert make().fingerprint == make().fingerprint
