import numpy as np

from encoders.neighbours.lexical import Lexicon


def test_rows_are_of_unit_length_and_shared_words_make_them_near():
    vectors = Lexicon(["blue steel pan", "steel pan", "blue steel", "tea", ""]).vectors
    cosine = (vectors @ vectors.T).toarray()

    np.testing.assert_allclose(np.diag(cosine), [1, 1, 1, 0, 0], atol=1e-6)
    assert cosine[0, 1] > cosine[1, 2] > 0
    assert vectors.dtype == np.float32


def test_words_of_a_single_text_join_nothing_and_are_left_out():
    assert Lexicon(["tea", "pan", "tea", "pot"]).vectors.shape == (4, 1)


def test_texts_that_share_nothing_have_zero_rows():
    assert Lexicon(["tea", "pan"]).vectors.nnz == 0
    assert Lexicon(["", ""]).vectors.nnz == 0
    assert Lexicon([]).vectors.shape[0] == 0


def test_words_of_very_many_texts_are_left_out():
    texts = ["the pan"] * 60 + ["the pot"] * 40

    assert Lexicon(texts).vectors[0].nnz == 0
    assert Lexicon(texts).vectors[60].nnz == 1
