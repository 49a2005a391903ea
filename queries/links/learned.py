"""Relations that a decoder has learned."""

from functools import cache
from typing import Any

import numpy as np
from scipy import sparse

from kg.errors import InputError, nearest, shown
from kg.graph import BoolArray, EdgeType, FloatArray
from kg.vocab import IntArray
from queries.links.decoders import LinkDecoder
from queries.links.model import LinkModel
from queries.links.relations import Side

_BLOCK_PAIRS = 1 << 14


class LearnedLinks:
    """Scores by a decoder; rows in, rows out.

    Args:
        model: embeddings and decoder.
        device: None for NumPy, or a torch device.
    """

    def __init__(self, model: LinkModel, device: str | None) -> None:
        self._model, self._device = model, device
        self._edges = cache(self._known_edges)

    def best(
        self, side: Side, asked: IntArray, k: int, *, domain: str | None, include_known: bool
    ) -> tuple[IntArray, FloatArray]:
        """Return the k best answers and their scores, `[num_asked, k]`; -1 and `-inf` if fewer.

        Raises:
            InputError: the relation cannot be scored, or its answers have no domains.
        """
        decoder, number = self._decoder(side.edge_type)
        query, keys = self._question(decoder, number, side, asked)
        among = np.arange(len(keys))
        if domain is not None:
            among = np.flatnonzero(self._in_domain(side.wanted, domain))
        hidden = self._hidden(side, asked, include_known)
        rows = decoder.nearest(query, keys, among, k, hidden, self._device)
        scores: FloatArray = np.full(rows.shape, -np.inf, dtype=np.float32)
        owner, column = np.nonzero(rows >= 0)
        for start in range(0, len(owner), _BLOCK_PAIRS):
            one, place = (index[start : start + _BLOCK_PAIRS] for index in (owner, column))
            scores[one, place] = decoder.pairs(query[one], keys[rows[one, place]])
        order = np.lexsort((rows, -scores), axis=1)
        return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)

    def score(self, edge_type: EdgeType, heads: IntArray, tails: IntArray) -> FloatArray:
        """Return the scores of pairs, `[num_pairs]`.

        Raises:
            InputError: the relation cannot be scored.
        """
        decoder, number = self._decoder(edge_type)
        src, dst = self._model.z[edge_type[0]], self._model.z[edge_type[2]]
        scores = np.empty(len(heads), dtype=np.float32)
        for start in range(0, len(heads), _BLOCK_PAIRS):
            rows = slice(start, start + _BLOCK_PAIRS)
            query = decoder.for_tails(src[heads[rows]], number)
            scores[rows] = decoder.pairs(query, decoder.keys(dst[tails[rows]], heads=False))
        return scores

    def is_known(self, edge_type: EdgeType, heads: IntArray, tails: IntArray) -> BoolArray:
        """Return which pairs were learned from, bool `[num_pairs]`."""
        edges = self._model.known[edge_type]
        num_tails = len(self._model.nodes[edge_type[2]])
        return np.isin(heads * num_tails + tails, edges.src * num_tails + edges.dst)

    def _decoder(self, edge_type: EdgeType) -> tuple[LinkDecoder, int]:
        model = self._model
        if model.decoder is None or edge_type not in model.relations:
            raise InputError(f"relation {edge_type[1]!r} cannot be predicted: {model.why_not}")
        return model.decoder, model.relations.index(edge_type)

    def _question(
        self, decoder: LinkDecoder, number: int, side: Side, asked: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        given, wanted = self._model.z[side.given][asked], self._model.z[side.wanted]
        if side.tails:
            return decoder.for_tails(given, number), decoder.keys(wanted, heads=False)
        if self._model.reciprocal:
            number += len(self._model.relations)
            return decoder.for_tails(given, number), decoder.keys(wanted, heads=False)
        return decoder.for_heads(given, number), decoder.keys(wanted, heads=True)

    def _in_domain(self, node_type: str, domain: str) -> BoolArray:
        domains, names = self._model.nodes[node_type].domains, self._model.domains
        if domain not in names:
            hint = nearest(domain, names)
            known = ", ".join(names) or "none"
            raise InputError(f"unknown domain {shown(domain)}{hint} (domains: {known})")
        inside = domains[:, names.index(domain)]
        if not inside.any():
            raise InputError(f"no {node_type} is in domain {domain!r}: leave --domain out")
        return np.asarray(inside)

    def _hidden(self, side: Side, asked: IntArray, include_known: bool) -> Any:
        """Return what is no answer to each question, CSR `[num_asked, num_wanted]`."""
        size = len(self._model.nodes[side.wanted])
        edges, loops = self._edges(side)
        hidden = sparse.csr_array((len(asked), size), dtype=np.int8)
        if not include_known:
            hidden = edges[asked]
        if side.given == side.wanted and not loops:
            one = np.ones(len(asked), dtype=np.int8)
            hidden = hidden + sparse.csr_array(
                (one, asked, np.arange(len(asked) + 1)), shape=hidden.shape
            )
        return sparse.csr_array(hidden)

    def _known_edges(self, side: Side) -> tuple[Any, bool]:
        """Return known answers by what is given, CSR, and whether any node is its own answer."""
        edges = self._model.known[side.edge_type]
        ends = (edges.src, edges.dst) if side.tails else (edges.dst, edges.src)
        shape = (len(self._model.nodes[side.given]), len(self._model.nodes[side.wanted]))
        matrix = sparse.csr_array((np.ones(len(edges), np.int8), ends), shape=shape)
        loops = side.given == side.wanted and bool((edges.src == edges.dst).any())
        return matrix, loops
