"""Kinds of approximate search that faiss offers: how each is built, and what more effort means."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from kg.errors import ConfigError
from kg.graph import FloatArray

POINTS = 64  # of each cell, that k-means is given
ROUNDS = 10  # of k-means


class Kind(ABC):
    """A way to search.

    Attributes:
        efforts: what may be spent on a question, ascending; what it counts is the kind's own.
        of: what an effort counts, for people.
        breadth: proposals for each answer, where codes are too coarse to order them.
    """

    efforts: ClassVar[tuple[int, ...]] = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
    of: ClassVar[str] = "cells"
    breadth: ClassVar[int] = 1

    @abstractmethod
    def build(self, faiss: Any, points: FloatArray, seed: int) -> Any:
        """Return an index of faiss over points, float32 `[num_points, width]`."""

    @abstractmethod
    def label(self, index: Any) -> str:
        """Return what the users of faiss call it."""

    def parameters(self, faiss: Any, effort: int, selector: Any) -> Any:
        """Return what faiss is told with a question; `selector` is None where all is allowed."""
        return faiss.SearchParametersIVF(nprobe=effort, sel=selector)

    def most(self, index: Any) -> int:
        """Return the effort beyond which there is nothing more to find."""
        return int(index.nlist)


class ScalarCells(Kind):
    """Cells around k-means centroids, of vectors in 8 bits a coordinate.

    An inverted file (Jegou, Douze and Schmid 2011) with scalar quantisation.
    """

    def build(self, faiss: Any, points: FloatArray, seed: int) -> Any:
        """Return the index."""
        width = points.shape[1]
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(width),
            width,
            cells_for(len(points)),
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # the vectors themselves, not what is left of them beside the centroid
        )
        return _in_cells(index, points, seed)

    def label(self, index: Any) -> str:
        """Return what the users of faiss call it."""
        return f"IVF{index.nlist},SQ8"


class ProductCells(Kind):
    """Cells of vectors in one byte for every four coordinates: a sixteenth of the memory.

    Product quantisation (Jegou, Douze and Schmid 2011). Codes order roughly, so that more is
    proposed and scored exactly.
    """

    breadth = 4

    def build(self, faiss: Any, points: FloatArray, seed: int) -> Any:
        """Return the index."""
        width = points.shape[1]
        bits = 8 if len(points) >= 256 * 39 else 4  # faiss asks for 39 points a centroid
        index = faiss.IndexIVFPQ(
            faiss.IndexFlatIP(width),
            width,
            cells_for(len(points)),
            width // 4,
            bits,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.pq.cp.seed = seed + 1
        return _in_cells(index, points, seed)

    def label(self, index: Any) -> str:
        """Return what the users of faiss call it."""
        return f"IVF{index.nlist},PQ{index.pq.M}"


class Navigable(Kind):
    """A graph of near vectors that is walked greedily, of whole vectors: the most memory.

    Hierarchical navigable small worlds (Malkov and Yashunin 2018), 32 neighbours each.
    """

    efforts = (100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_400, 3_200)
    of = "candidates"

    def build(self, faiss: Any, points: FloatArray, seed: int) -> Any:
        """Return the index; faiss draws its levels by a seed of its own."""
        index = faiss.IndexHNSWFlat(points.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.add(points)
        return index

    def label(self, index: Any) -> str:
        """Return what the users of faiss call it."""
        return "HNSW32"

    def parameters(self, faiss: Any, effort: int, selector: Any) -> Any:
        """Return what faiss is told with a question."""
        return faiss.SearchParametersHNSW(efSearch=effort, sel=selector)

    def most(self, index: Any) -> int:
        """Return the effort beyond which there is nothing more to find."""
        return int(index.ntotal)


KINDS: dict[str, Kind] = {
    "ivf-sq8": ScalarCells(),
    "ivf-pq": ProductCells(),
    "hnsw": Navigable(),
}
DEFAULT = "ivf-sq8"


def kind_of(name: str) -> Kind:
    """Return the kind called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in KINDS:
        raise ConfigError(f"no kind of index is called {name!r}: use one of {', '.join(KINDS)}")
    return KINDS[name]


def cells_for(num_rows: int) -> int:
    """Return how many cells: four times the root, as faiss advises, with points for each."""
    return max(1, min(int(4 * np.sqrt(num_rows)), num_rows // POINTS))


def _in_cells(index: Any, points: FloatArray, seed: int) -> Any:
    index.cp.seed, index.cp.niter = seed + 1, ROUNDS  # faiss takes 0 for its default
    index.cp.max_points_per_centroid = POINTS
    num_sampled = max(POINTS * index.nlist, min(len(points), 256 * 39))  # codebooks need some too
    sample = np.random.default_rng(seed).permutation(len(points))[:num_sampled]
    index.train(points[np.sort(sample)])
    index.add(points)
    return index
