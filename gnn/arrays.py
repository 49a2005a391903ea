"""Tensors over arrays that are frozen: the same memory, or the same file, and no copy."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def tensor_over(array: npt.NDArray[Any]) -> Tensor:
    """Return a tensor on the CPU over the memory of an array; nobody may write to it.

    Args:
        array: frozen or not, such as a column of a graph or what is mapped from a file.
    """
    return torch.from_numpy(array)


with warnings.catch_warnings():  # torch says once a process that a frozen array could be written to
    warnings.simplefilter("ignore")
    frozen = np.zeros(1)
    frozen.flags.writeable = False
    tensor_over(frozen)
