"""Arrays that lie on disk without a name: nothing is left of them when the process ends."""

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kg.errors import ArtefactError


class Scratch:
    """Makes arrays in files of a folder, mapped into memory.

    The files have no name (or lose it at once), so that the system takes them back with the last
    array that uses them, however the process ends. Their pages leave memory where it is needed.

    Args:
        folder: where there is room; None for that of temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir())

    def __call__(self, *shape: int) -> Tensor:
        """Return a float32 array of a shape; what is in it at first is zero.

        Raises:
            ArtefactError: there is no room for it.
        """
        return self._array(shape, np.dtype(np.float32))

    def keep(self, tensor: Tensor) -> Tensor:
        """Return a copy of a tensor on disk.

        Raises:
            ArtefactError: there is no room for it.
        """
        there = self._array(tuple(tensor.shape), tensor.cpu().numpy().dtype)
        return there.copy_(tensor)

    def _array(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> Tensor:
        size = kind.itemsize * math.prod(shape)
        if not size:
            return torch.from_numpy(np.empty(shape, kind))
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                # a full disk is an error here, and would be the end of the process later
                reserve = getattr(os, "posix_fallocate", None)
                if reserve is not None:
                    reserve(file.fileno(), 0, size)
                else:
                    file.truncate(size)
                return torch.from_numpy(np.memmap(file, kind, "r+", shape=shape))
        except OSError as error:
            raise ArtefactError(
                f"{self._folder} has no room for {size / 1e9:,.1f} GB of arrays "
                f"({error.strerror}): make room, or train where there is some"
            ) from None
