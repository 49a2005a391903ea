import errno
import os

import pytest
import torch

from kg.errors import ArtefactError
from training.regimes.scratch import Scratch


def test_arrays_are_written_and_read_and_have_no_name(tmp_path):
    folder = tmp_path / "made"
    one, other = Scratch(folder)(3, 4), Scratch(folder)(3, 4)
    assert one.dtype == torch.float32
    assert not one.any()

    one[1] = 2.5
    other[2] = 1.0

    assert one.sum() == 10
    assert other.sum() == 4
    assert list(folder.iterdir()) == []


def test_an_array_of_nothing(tmp_path):
    assert Scratch(tmp_path)(0, 4).shape == (0, 4)


def test_no_room_is_one_line(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(ArtefactError, match=r"no room for 0\.4 GB .*No space left.* make room"):
        Scratch(tmp_path)(1000, 100_000)


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.float32, torch.bool])
def test_a_tensor_is_kept_as_it_is(tmp_path, kind):
    tensor = torch.tensor([[0, 1], [1, 0], [0, 0]]).to(kind)

    kept, none = Scratch(tmp_path).keep(tensor), Scratch(tmp_path).keep(tensor[:0])

    assert torch.equal(kept, tensor)
    assert kept.dtype == none.dtype == kind
    assert none.shape == (0, 2)
    assert kept.data_ptr() != tensor.data_ptr()
