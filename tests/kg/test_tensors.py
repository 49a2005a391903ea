import json
import mmap

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kg.errors import ArtefactError
from kg.tensors import map_tensors

ARRAYS = {
    "floats": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "halves": np.arange(3, dtype=np.float16),
    "doubles": np.arange(2, dtype=np.float64),
    "rows": np.arange(-2, 3, dtype=np.int64),
    "small": np.arange(5, dtype=np.int8),
    "bytes": np.arange(7, dtype=np.uint8),
    "flags": np.array([True, False, True]),
    "none": np.zeros((0, 4), dtype=np.float32),
    "one": np.array(3.5, dtype=np.float32),
}


def holder(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return array


@pytest.fixture
def path(tmp_path):
    save_file(ARRAYS, tmp_path / "some.safetensors", metadata={"made": "here"})
    return tmp_path / "some.safetensors"


def test_arrays_are_those_that_were_saved(path):
    mapped, read = map_tensors(path), load_file(path)
    assert mapped.keys() == read.keys()
    for name, array in mapped.items():
        assert type(array) is np.ndarray
        assert (array.dtype, array.shape) == (read[name].dtype, read[name].shape)
        assert np.array_equal(array, read[name])


def test_they_lie_in_the_file(path):
    assert isinstance(holder(map_tensors(path)["floats"]), mmap.mmap)


def test_writing_to_one_leaves_the_file_as_it_is(path):
    before = path.read_bytes()
    rows = map_tensors(path)["floats"]
    rows[:] = 7
    assert (rows == 7).all()
    assert path.read_bytes() == before
    assert np.array_equal(map_tensors(path)["floats"], ARRAYS["floats"])


def test_they_outlive_the_name_of_the_file(path):
    rows = map_tensors(path)["floats"]
    path.unlink()
    assert np.array_equal(rows, ARRAYS["floats"])


def test_a_missing_file_is_said_to_be(tmp_path):
    with pytest.raises(ArtefactError, match="is missing"):
        map_tensors(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_a_file_that_was_cut_is_damaged(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ArtefactError, match="is damaged"):
        map_tensors(path)


def test_a_type_that_numpy_lacks_is_named(tmp_path):
    header = json.dumps({"x": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(ArtefactError, match="BF16"):
        map_tensors(file)
