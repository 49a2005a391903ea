import numpy as np
import pytest
from scipy.sparse import csr_array

from training.ranking.fitted import Fitted


def never():
    raise AssertionError("it is there")


@pytest.fixture
def matrix():
    """Its second row is not in order."""
    return csr_array(
        (np.arange(1, 5, dtype=np.float32), np.array([2, 3, 0, 1]), np.array([0, 1, 4, 4])),
        shape=(3, 4),
    )


def test_what_is_missing_is_made_once():
    fitted = Fitted(7)
    ones, twos = fitted.arrays("one", "two", make=lambda: (np.ones(3), np.full(2, 2)))

    assert fitted.seed == 7
    assert list(fitted.kept) == ["one", "two"]
    assert fitted.arrays("two", "one", make=never) == (twos, ones)
    assert Fitted(0, fitted.kept).arrays("two", make=never)[0] is twos


def test_arrays_are_made_together():
    fitted = Fitted(0, {"one": np.zeros(1)})
    found = fitted.arrays("one", "two", make=lambda: (np.ones(1), np.ones(1)))
    assert [array.tolist() for array in found] == [[1], [1]]
    with pytest.raises(ValueError, match="shorter"):
        fitted.arrays("three", "four", make=lambda: (np.ones(1),))


def test_what_was_given_stays_as_it_is():
    given = {"one": np.zeros(1)}
    Fitted(0, given).arrays("two", make=lambda: (np.ones(1),))
    assert list(given) == ["one"]


def test_a_matrix_comes_back(matrix):
    fitted = Fitted(0)
    expected = matrix.toarray()
    made = fitted.matrix("near", lambda: matrix)
    for array in fitted.kept.values():
        array.flags.writeable = False  # as those that are mapped from a file

    again = Fitted(0, fitted.kept).matrix("near", never)

    assert again.has_sorted_indices
    assert again.indices.dtype == np.int32
    assert again.shape == (3, 4)
    assert np.array_equal(made.toarray(), expected)
    assert np.array_equal(again.toarray(), expected)
    assert np.array_equal((again[[1]] @ again.T).toarray(), (expected[[1]] @ expected.T))
    assert np.array_equal(again[:, [3, 0]].toarray(), expected[:, [3, 0]])
