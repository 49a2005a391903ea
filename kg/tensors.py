"""Arrays of a safetensors file without reading them: the system reads what is looked at."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import ArtefactError

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
}


def map_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a safetensors file by name, mapped to memory.

    They hold no memory of their own: pages come from the file when they are looked at, and go when
    memory is short. An array may be written to; the file stays as it is.

    Raises:
        ArtefactError: missing, damaged, or with numbers that NumPy has no type for.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header_size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(header_size)) if header_size <= size - 8 else None
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing") from None
    except ValueError:  # neither UTF-8 nor JSON
        header = None
    if not isinstance(header, dict):
        raise ArtefactError(f"{path} is damaged: it has no safetensors header")
    header.pop("__metadata__", None)
    return {name: _mapped(path, name, about, 8 + header_size) for name, about in header.items()}


def _mapped(path: Path, name: str, about: dict[str, Any], data: int) -> npt.NDArray[Any]:
    if about["dtype"] not in _TYPES:
        raise ArtefactError(f"{path}: {name} is of type {about['dtype']}, which cannot be read")
    dtype, shape = np.dtype(_TYPES[about["dtype"]]), tuple(about["shape"])
    start, end = about["data_offsets"]
    if end - start != math.prod(shape) * dtype.itemsize or data + end > path.stat().st_size:
        raise ArtefactError(f"{path} is damaged: {name} is not as long as its header says")
    if start == end:  # nothing cannot be mapped
        return np.zeros(shape, dtype)
    # copied where it is written to, which torch wants of arrays that it takes over
    return np.asarray(np.memmap(path, dtype, mode="c", offset=data + start, shape=shape))
