import numpy as np
import pytest
import torch

from encoders.neighbours import exact as neighbours
from encoders.neighbours.exact import nearest_neighbours
from kg.errors import InputError


def reference(queries, keys, k, exclude_self=False):
    """The definition, one pair at a time."""
    indices = np.full((len(queries), k), -1)
    similarities = np.zeros((len(queries), k))
    for i, query in enumerate(queries):
        found = []
        for j, key in enumerate(keys):
            norms = np.linalg.norm(query) * np.linalg.norm(key)
            if norms > 0 and not (exclude_self and i == j):
                found.append((-round(float(query @ key) / norms, 5), j))
        for place, (similarity, j) in enumerate(sorted(found)[:k]):
            indices[i, place], similarities[i, place] = j, -similarity
    return indices, similarities


@pytest.fixture
def rows() -> np.ndarray:
    rng = np.random.default_rng(5)
    # Small whole numbers make many exact ties; some rows are zero and some are repeated.
    rows = rng.integers(-1, 2, size=(60, 5)).astype(np.float32)
    rows[~rows.any(axis=1), 0] = 1
    rows[[7, 31]] = 0
    rows[40:50] = rows[10:20]
    return rows


@pytest.mark.parametrize("exclude_self", [False, True])
@pytest.mark.parametrize("k", [1, 4, 59, 60, 75])
@pytest.mark.parametrize("block_bytes", [1, 1_000, 10**9])
def test_equals_the_definition(
    rows: np.ndarray, k: int, exclude_self: bool, block_bytes: int
) -> None:
    found, similarities = nearest_neighbours(
        rows, rows, k, exclude_self=exclude_self, block_bytes=block_bytes
    )
    expected, expected_similarities = reference(rows, rows, k, exclude_self)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(similarities, expected_similarities, atol=1e-5)
    assert (found.dtype, similarities.dtype) == (np.int64, np.float32)


def test_queries_and_keys_may_differ(rows: np.ndarray) -> None:
    found, _ = nearest_neighbours(rows[:9], rows[20:], 3)
    np.testing.assert_array_equal(found, reference(rows[:9], rows[20:], 3)[0])


def test_agrees_with_argsort_on_random_vectors() -> None:
    rng = np.random.default_rng(6)
    queries, keys = (rng.normal(size=(n, 32)).astype(np.float32) for n in (200, 500))
    found, similarities = nearest_neighbours(queries, keys, 10)
    exact = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float64) @ (
        keys / np.linalg.norm(keys, axis=1, keepdims=True)
    ).T.astype(np.float64)
    best = -np.sort(-exact, axis=1)[:, :10]
    np.testing.assert_allclose(similarities, best, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(exact, found, axis=1), best, atol=2e-6)


def test_length_of_a_vector_does_not_matter(rows: np.ndarray) -> None:
    scale = np.linspace(0.01, 100, len(rows), dtype=np.float32)[:, None]
    np.testing.assert_array_equal(
        nearest_neighbours(rows * scale, rows, 5)[0], nearest_neighbours(rows, rows, 5)[0]
    )


def test_zero_rows_are_nobodys_neighbours(rows: np.ndarray) -> None:
    found, similarities = nearest_neighbours(rows, rows, 60)
    assert (found[[7, 31]] == -1).all()
    assert (similarities[[7, 31]] == 0).all()
    assert not np.isin(found, [7, 31]).any()
    assert (found[0] >= 0).sum() == 58


def test_equal_keys_come_in_row_order() -> None:
    keys = np.tile(np.float32([[3, 4, 1, 7]]), (5_000, 1))
    found, _ = nearest_neighbours(keys[:3], keys, 4)
    assert found.tolist() == [[0, 1, 2, 3]] * 3
    found, _ = nearest_neighbours(
        keys[:3].repeat(2_000, axis=0)[:5_000], keys, 3, exclude_self=True
    )
    assert found[[0, 1, 4_999]].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 2]]


def test_no_block_is_larger_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    top = neighbours._top

    def watched(block, k):
        sizes.append(block.numel() * block.element_size())
        return top(block, k)

    monkeypatch.setattr(neighbours, "_top", watched)
    rows = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    nearest_neighbours(rows, rows, 5, block_bytes=30_000)
    assert max(sizes) <= 30_000
    assert len(sizes) == 12


def test_nothing_to_search() -> None:
    empty, some = np.zeros((0, 4), np.float32), np.ones((2, 4), np.float32)
    assert nearest_neighbours(empty, some, 3)[0].shape == (0, 3)
    assert nearest_neighbours(some, empty, 3)[0].tolist() == [[-1] * 3] * 2


def test_inputs_are_left_alone(rows: np.ndarray) -> None:
    before = rows.copy()
    rows.flags.writeable = False
    nearest_neighbours(rows, rows, 3, exclude_self=True)
    np.testing.assert_array_equal(rows, before)


def test_bad_input(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="one width"):
        nearest_neighbours(rows, rows[:, :3], 2)
    with pytest.raises(InputError, match="same rows"):
        nearest_neighbours(rows[:3], rows, 2, exclude_self=True)
    with pytest.raises(InputError, match="positive"):
        nearest_neighbours(rows, rows, 0)
    broken = rows.copy()
    broken[3, 2] = np.nan
    with pytest.raises(InputError, match=r"keys .* not finite"):
        nearest_neighbours(rows, broken, 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu(rows: np.ndarray) -> None:
    on_gpu = nearest_neighbours(rows, rows, 8, exclude_self=True, device="cuda")
    np.testing.assert_array_equal(
        on_gpu[0], nearest_neighbours(rows, rows, 8, exclude_self=True)[0]
    )
