import numpy as np

from encoders.neighbours.lexical import lexical_vectors


def test_rows_are_of_unit_length_and_shared_words_make_them_near():
    vectors = lexical_vectors(["blue steel pan", "steel pan", "blue steel", "tea", ""])
    cosine = (vectors @ vectors.T).toarray()

    np.testing.assert_allclose(np.diag(cosine), [1, 1, 1, 0, 0], atol=1e-6)
    assert cosine[0, 1] > cosine[1, 2] > 0
    assert vectors.dtype == np.float32


def test_words_of_a_single_text_join_nothing_and_are_left_out():
    assert lexical_vectors(["tea", "pan", "tea", "pot"]).shape == (4, 1)


def test_texts_that_share_nothing_have_zero_rows():
    assert lexical_vectors(["tea", "pan"]).nnz == 0
    assert lexical_vectors(["", ""]).nnz == 0
    assert lexical_vectors([]).shape[0] == 0


def test_words_of_very_many_texts_are_left_out():
    texts = ["the pan"] * 60 + ["the pot"] * 40

    assert lexical_vectors(texts)[0].nnz == 0
    assert lexical_vectors(texts)[60].nnz == 1
