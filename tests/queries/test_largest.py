import numpy as np
import pytest

from queries.largest import places_of_largest


@pytest.mark.parametrize("cells", [1, 70, 1 << 18])
@pytest.mark.parametrize("k", [1, 3, 29, 30, 50])
@pytest.mark.parametrize("width", [30, 700])
@pytest.mark.parametrize("levels", [1, 4, 10**9])
def test_equals_a_stable_sort(cells, k, width, levels):
    draws = np.random.default_rng(0)
    values = draws.integers(-levels, levels, size=(17, width)).astype(np.float32)
    values[draws.random(values.shape) < 0.3] = -np.inf
    values[4] = -np.inf

    places = places_of_largest(values, k, cells)

    expected = np.sort(np.argsort(-values, axis=1, kind="stable")[:, :k], axis=1)
    assert np.array_equal(places, expected)
    assert places.dtype == np.int64
    assert places_of_largest(values[:0], k, cells).shape == (0, min(k, width))
