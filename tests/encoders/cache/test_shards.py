from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from encoders.cache.keys import keys_of
from encoders.cache.shards import (
    GROUP_TEXTS,
    STORAGES,
    DamagedShardError,
    Storage,
    open_shard,
    pack,
    unpack,
    write_shard,
)

STEP = {"float32": 0.0, "float16": 2**-11, "int8": 0.51 / 127}
NUMBERS = st.floats(-(2.0**99), 2.0**99, width=32)


@pytest.mark.parametrize("storage", STORAGES)
@given(vectors=arrays(np.float32, (3, 5), elements=NUMBERS))
def test_rounding_is_bounded_and_length_is_kept(storage: Storage, vectors: np.ndarray) -> None:
    found = unpack(pack(vectors, storage)).astype(np.float64)
    expected = vectors.astype(np.float64)
    # 2.5: the scale, chosen for the length, moves the largest number by as much again
    largest = np.abs(expected).max(axis=1, keepdims=True)
    slack = 2.5 * STEP[storage] * largest + 2e-7 * largest + 1e-43  # which has few digits left
    assert (np.abs(found - expected) <= slack).all()
    lengths = np.linalg.norm(expected, axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), lengths, rtol=1e-6, atol=1e-36)


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_written_is_read(tmp_path: Path, storage: Storage) -> None:
    num = GROUP_TEXTS + 3
    vectors = np.random.default_rng(0).standard_normal((num, 4), dtype=np.float32)
    keys = keys_of([str(row) for row in range(num)])
    packed = pack(vectors, storage)
    write_shard(tmp_path, keys, packed, storage)
    (path,) = tmp_path.iterdir()
    with open_shard(path, dim=4, storage=storage) as shard:
        assert (shard.num_groups, shard.num_texts) == (2, num)
        np.testing.assert_array_equal(shard.keys(1), keys[GROUP_TEXTS:])
        rows = np.array([2, 0])
        np.testing.assert_array_equal(
            shard.vectors(1, rows), unpack(packed)[GROUP_TEXTS:][rows], strict=True
        )


def test_sizes_of_the_storages(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((1_000, 256), dtype=np.float32)
    sizes = {}
    for storage in STORAGES:
        write_shard(tmp_path / storage, keys_of([""] * 1_000), pack(vectors, storage), storage)
        (path,) = (tmp_path / storage).iterdir()
        sizes[storage] = path.stat().st_size / 1_000
    assert sizes["float32"] == pytest.approx(1_024 + 32, rel=0.02)
    assert sizes["float16"] == pytest.approx(512 + 36, rel=0.02)
    assert sizes["int8"] == pytest.approx(256 + 36, rel=0.03)


# All three have vectors of 64 bytes.
@pytest.mark.parametrize(("dim", "storage"), [(32, "float16"), (64, "int8"), (15, "float32")])
def test_another_storage_or_width_is_refused(tmp_path: Path, dim: int, storage: Storage) -> None:
    write_shard(tmp_path, keys_of(["a"]), pack(np.ones((1, 16), np.float32), "float32"), "float32")
    (path,) = tmp_path.iterdir()
    with (
        pytest.raises(DamagedShardError, match="expected"),
        open_shard(path, dim=dim, storage=storage),
    ):
        pass


def test_another_table_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": [1]}), tmp_path / "a.parquet")
    with (
        pytest.raises(DamagedShardError, match="no file of the cache"),
        open_shard(tmp_path / "a.parquet"),
    ):
        pass
    about = {"storage": "float32", "dim": "4"}
    table = pa.table({"key": [1]}).replace_schema_metadata(about)
    pq.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(DamagedShardError, match="columns"), open_shard(tmp_path / "b.parquet"):
        pass


def test_mistakes_of_the_reader_are_no_damage(tmp_path: Path) -> None:
    write_shard(tmp_path, keys_of(["a"]), pack(np.ones((1, 4), np.float32), "int8"), "int8")
    (path,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="mine"), open_shard(path):
        raise ValueError("mine")
