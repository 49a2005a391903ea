from pathlib import Path

import numpy as np
import pytest

from encoders.models.lsa import LsaEncoder
from kg.errors import ArtefactError, InputError

BOOKS = ["a whale hunts a ship", "the ship and the sea", "a whale in the sea", "sea and ship"]
FILMS = ["detective solves murder", "murder in the city", "detective of the city", "city murder"]


def test_topics_come_out() -> None:
    vectors = LsaEncoder(dim=2).fit(BOOKS + FILMS).encode(["whale", "sea", "detective", "murder"])
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > 0.9  # "whale" and "sea" share texts
    assert similarity[2, 3] > 0.9
    assert similarity[0, 2] < 0.5


def test_full_rank_keeps_the_cosines_of_tf_idf() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = sorted(BOOKS + FILMS)
    counts = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+").fit_transform(texts)
    vectors = LsaEncoder(dim=100).fit(texts).encode(texts)
    np.testing.assert_allclose(vectors @ vectors.T, (counts @ counts.T).toarray(), atol=1e-5)


def test_dim_is_reduced_to_what_there_is() -> None:
    assert LsaEncoder(dim=128).dim == 128
    encoder = LsaEncoder(dim=128).fit(["red blue", "blue green", "green"])
    assert encoder.dim == 3
    assert encoder.encode(["red"]).shape == (1, 3)


def test_one_text_is_enough() -> None:
    encoder = LsaEncoder(dim=8).fit(["only this"])
    assert encoder.dim == 1
    np.testing.assert_allclose(np.abs(encoder.encode(["only this"])), [[1]], atol=1e-6)


def test_unknown_words_give_a_zero_row() -> None:
    assert not LsaEncoder().fit(BOOKS).encode(["quasar"]).any()


def test_order_and_repetition_of_fitted_texts_do_not_matter() -> None:
    one = LsaEncoder(dim=3).fit(BOOKS + FILMS)
    other = LsaEncoder(dim=3).fit((FILMS + BOOKS)[::-1] + BOOKS + [""])
    assert one.fingerprint == other.fingerprint


def test_fit_does_not_draw_from_the_global_generator() -> None:
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{word}" for word in rng.integers(300, size=12)) for _ in range(200)]
    fitted = [LsaEncoder(dim=8).fit(texts).fingerprint]
    np.random.seed(99)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted.append(LsaEncoder(dim=8).fit(texts).fingerprint)
    assert fitted[0] == fitted[1]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    encoder = LsaEncoder(dim=3).fit(BOOKS + FILMS)
    encoder.save(tmp_path / "lsa")
    loaded = LsaEncoder.load(tmp_path / "lsa")
    np.testing.assert_array_equal(loaded.encode(BOOKS), encoder.encode(BOOKS))
    assert loaded.fingerprint == encoder.fingerprint
    assert (loaded.dim, loaded.fitted) == (3, True)
    names = {file.name for file in (tmp_path / "lsa").iterdir()}
    assert names == {"manifest.json", "weights.safetensors", "words.json"}


def test_damaged_folder_is_refused(tmp_path: Path) -> None:
    LsaEncoder(dim=3).fit(BOOKS).save(tmp_path / "lsa")
    (tmp_path / "lsa" / "words.json").write_text("[]")
    with pytest.raises(ArtefactError, match=r"words\.json"):
        LsaEncoder.load(tmp_path / "lsa")


def test_must_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not fitted"):
        LsaEncoder().encode(["sea"])
    with pytest.raises(InputError, match="not fitted"):
        LsaEncoder().save(tmp_path / "lsa")


@pytest.mark.parametrize("texts", [[], ["", " "], ["!!", "?"]])
def test_nothing_to_fit_on(texts: list[str]) -> None:
    with pytest.raises(InputError, match="no words"):
        LsaEncoder().fit(texts)
