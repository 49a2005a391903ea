"""Indexes of a graph in one folder, written once, and mapped into memory by all who draw."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnn.names import EdgeType
from gnn.sampling.csr import NeighbourIndex
from kg.errors import InputError
from kg.files import read_manifest, write_folder
from kg.progress import progress

KIND = "neighbour indexes"
_ARRAYS = ("rows", "columns", "edges", "time", "by_column")


def write_indexes(path: Path, indexes: Mapping[EdgeType, NeighbourIndex]) -> None:
    """Write indexes; a folder of them that is there is replaced when the new one is complete.

    Args:
        path: the folder.
        indexes: by relation, on the CPU.

    Raises:
        InputError: edges are hidden in an index; what is kept is the whole graph.
        ArtefactError: `path` holds something else.
    """
    if any(index.hidden for index in indexes.values()):
        raise InputError("indexes are written before edges are hidden in them")
    relations = [{"relation": name, "num_src": i.num_src} for name, i in indexes.items()]
    with (
        progress("writing indexes", len(indexes)) as bar,
        write_folder(path, KIND, relations=relations) as folder,
    ):
        for number, index in enumerate(indexes.values()):
            (folder / str(number)).mkdir()
            for name in _ARRAYS:
                values = getattr(index, name)
                if values is not None:
                    np.save(folder / str(number) / f"{name}.npy", values.numpy())
            bar.advance()


def open_indexes(path: Path) -> dict[EdgeType, NeighbourIndex]:
    """Return indexes whose arrays stay on disk; what is read of them, the system keeps in memory.

    Raises:
        ArtefactError: not such a folder, or a file is missing.
    """
    found = {}
    for number, about in enumerate(read_manifest(path, KIND, verify=False)["relations"]):
        files = {name: path / str(number) / f"{name}.npy" for name in _ARRAYS}
        arrays: dict[str, Any] = {n: _mapped(f) for n, f in files.items() if f.is_file()}
        src, relation, dst = about["relation"]
        found[src, relation, dst] = NeighbourIndex(num_src=about["num_src"], **arrays)
    return found


def _mapped(file: Path) -> Tensor:
    # copy-on-write, since torch warns of arrays that cannot be written to; nobody writes
    return torch.from_numpy(np.load(file, mmap_mode="c"))
