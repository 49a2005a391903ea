"""What signals from vectors need of items, whoever is asked."""

from typing import NamedTuple

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import Sparse


class LatentColumns(NamedTuple):
    """What `Latent` needs of items.

    Attributes:
        plain: vectors, `[width, num_columns]`.
        root: of popularity, `[num_columns]`.
        cold: columns that take from others.
        carried: theirs, of vectors times root, `[width, len(cold)]`.
        longest: length of a column of `plain`.
        most_popular: length of one times its root.
    """

    plain: FloatArray
    root: FloatArray
    cold: IntArray
    carried: FloatArray
    longest: float
    most_popular: float


class RidgeColumns(NamedTuple):
    """What `Ridge` needs of items.

    Attributes:
        used: who used them, CSR `[num_columns, num_anchors]`.
        root: of popularity, `[num_columns]`.
        read: what the target's singular vectors make of an anchor, `[num_anchors, width]`.
        vectors: `[width, num_columns]`.
    """

    used: Sparse
    root: FloatArray
    read: FloatArray
    vectors: FloatArray
