"""The decoders of `gnn.decoders` in NumPy, asked from either end.

A question joins what is given of a triple to one row, a *query*. It meets *keys*, one row for each
node that may answer; of all decoders but `mlp` they are the embeddings themselves. Complex numbers
lie side by side, as there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import ArtefactError
from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.candidates import top_k

BLOCK_BYTES = 64 * 2**20
_SLACK = 16  # what is fetched beyond k, since products of different shapes round differently
Weights = Mapping[str, npt.NDArray[Any]]
Relation = IntArray | int


class LinkDecoder:
    """What every decoder answers; embeddings are float32 `[n, width]`."""

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return queries for (head, relation, ?), `[n, query_width]`."""
        raise NotImplementedError

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return queries for (?, relation, tail), `[n, query_width]`."""
        raise NotImplementedError

    def keys(self, rows: FloatArray, *, heads: bool) -> FloatArray:
        """Return what queries meet of nodes that may answer, as heads or as tails."""
        del heads
        return rows

    def pairs(self, query: FloatArray, keys: FloatArray) -> FloatArray:
        """Return the score of queries with keys, whose rows broadcast.

        Summed in float64, so that the result does not depend on what else is asked.
        """
        raise NotImplementedError

    def nearest(
        self,
        query: FloatArray,
        keys: FloatArray,
        among: IntArray,
        k: int,
        hidden: Any,
        device: str | None,
    ) -> IntArray:
        """Return rows of the k best keys, -1 where fewer are left; `[num_queries, k]`.

        Args:
            query: `[num_queries, query_width]`.
            keys: `[num_keys, query_width]`.
            among: rows of keys that may be answered.
            k: how many.
            hidden: rows to leave out for each query, CSR `[num_queries, num_keys]`.
            device: None for NumPy, or a torch device.
        """
        bias = self._bias(keys).astype(np.float32)
        return top_k(query, keys, bias, among, k=k, seen=hidden, device=device)[0]

    def _bias(self, keys: FloatArray) -> FloatArray:
        """Return what a key adds to its dot product with a query, to be ordered as scores are."""
        return np.zeros(len(keys), dtype=np.float32)


class DistMult(LinkDecoder):
    r"""\sum_k head_k r_k tail_k; the plain dot product where r is one."""

    def __init__(self, weights: Weights) -> None:
        self.relation = weights["relation"]

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return head rows times their relation."""
        return np.asarray(head * self.relation[relation])

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return tail rows times their relation."""
        return np.asarray(tail * self.relation[relation])

    def pairs(self, query: FloatArray, keys: FloatArray) -> FloatArray:
        """Return dot products."""
        dots = np.einsum("...d,...d->...", query, keys, dtype=np.float64)
        return np.asarray(dots, dtype=np.float32)


class ComplEx(DistMult):
    r"""Re(\sum_k head_k r_k \overline{tail_k})."""

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return head rows times their relation."""
        r = self.relation[relation]
        return _times(head, r[..., 0::2], r[..., 1::2])

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return tail rows times the conjugate of their relation."""
        r = self.relation[relation]
        return _times(tail, r[..., 0::2], -r[..., 1::2])


class TransE(LinkDecoder):
    r"""-\|head + r - tail\|_2."""

    def __init__(self, weights: Weights) -> None:
        self.relation = weights["relation"]

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return moved head rows."""
        return np.asarray(head + self.relation[relation])

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return tail rows moved back."""
        return np.asarray(tail - self.relation[relation])

    def pairs(self, query: FloatArray, keys: FloatArray) -> FloatArray:
        """Return minus distances."""
        apart = query.astype(np.float64) - keys
        return np.asarray(-np.linalg.norm(apart, axis=-1), dtype=np.float32)

    def _bias(self, keys: FloatArray) -> FloatArray:
        # q . t - |t|^2 / 2 orders keys as -|q - t| does
        return np.asarray(-0.5 * np.einsum("nd,nd->n", keys, keys, dtype=np.float64))


class RotatE(TransE):
    r"""-\|head \circ r - tail\|_2 with |r_k| = 1, of which angles are learned."""

    def __init__(self, weights: Weights) -> None:
        self.angle = weights["angle"]

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return rotated head rows."""
        angle = self.angle[relation]
        return _times(head, np.cos(angle), np.sin(angle))

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return tail rows rotated back."""
        angle = self.angle[relation]
        return _times(tail, np.cos(angle), -np.sin(angle))


class MLP(LinkDecoder):
    r"""v^\top \mathrm{relu}(A\,head + b_r + B\,tail); keys are B tail, or A head."""

    def __init__(self, weights: Weights) -> None:
        self.head, self.tail = weights["head.weight"].T, weights["tail.weight"].T
        self.relation, self.out = weights["relation"], weights["out.weight"][0]

    def for_tails(self, head: FloatArray, relation: Relation) -> FloatArray:
        """Return what head and relation add to the hidden units."""
        return np.asarray(head @ self.head + self.relation[relation])

    def for_heads(self, tail: FloatArray, relation: Relation) -> FloatArray:
        """Return what tail and relation add to the hidden units."""
        return np.asarray(tail @ self.tail + self.relation[relation])

    def keys(self, rows: FloatArray, *, heads: bool) -> FloatArray:
        """Return what nodes add to the hidden units."""
        return np.asarray(rows @ (self.head if heads else self.tail))

    def pairs(self, query: FloatArray, keys: FloatArray) -> FloatArray:
        """Return what the network makes of hidden units."""
        units = np.maximum(query + keys, 0)
        scores = np.einsum("...d,d->...", units, self.out, dtype=np.float64)
        return np.asarray(scores, dtype=np.float32)

    def nearest(
        self,
        query: FloatArray,
        keys: FloatArray,
        among: IntArray,
        k: int,
        hidden: Any,
        device: str | None,
    ) -> IntArray:
        """Return the same, pair by pair: no product of vectors orders these scores."""
        del device
        found: IntArray = np.full((len(query), k), -1, dtype=np.int64)
        among, step = np.unique(among), max(1, BLOCK_BYTES // (4 * keys.shape[1]))
        for row, one in enumerate(query):
            scores = np.full(len(keys), -np.inf, dtype=np.float32)
            for start in range(0, len(among), step):
                block = among[start : start + step]
                scores[block] = np.maximum(one + keys[block], 0) @ self.out
            scores[hidden.indices[hidden.indptr[row] : hidden.indptr[row + 1]]] = -np.inf
            best = np.argsort(-scores, kind="stable")[: k + _SLACK]
            best = best[scores[best] > -np.inf]
            best = best[np.lexsort((best, -self.pairs(one, keys[best])))][:k]
            found[row, : len(best)] = best
        return found


def link_decoder(name: str, weights: Weights) -> LinkDecoder:
    """Return the decoder of a name with the parameters of the torch module of that name.

    Raises:
        ArtefactError: there is no such decoder, or a parameter is missing.
    """
    kinds = {
        "dot": DistMult,
        "distmult": DistMult,
        "complex": ComplEx,
        "rotate": RotatE,
        "transe": TransE,
        "mlp": MLP,
    }
    try:
        return kinds[name](weights)
    except KeyError as error:
        raise ArtefactError(f"the model is damaged: its decoder lacks {error}") from None


def _times(rows: FloatArray, real: FloatArray, imaginary: FloatArray) -> FloatArray:
    """Multiply rows, taken as complex numbers, by others."""
    re, im = rows[..., 0::2], rows[..., 1::2]
    product = np.stack([re * real - im * imaginary, re * imaginary + im * real], axis=-1)
    return product.reshape(*product.shape[:-2], -1)
