"""Which links are missing: tails of heads, heads of tails, scores of triples; raw ids."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kg.errors import InputError, shown
from kg.graph import EdgeType, FloatArray
from kg.vocab import IntArray
from queries.answers import Ids, id_answers, titles_at, width, without_padding
from queries.filters import as_ids
from queries.links.learned import LearnedLinks
from queries.links.model import LinkModel, is_triple_model, links_of_run, links_of_triples
from queries.links.ranked import RankedLinks
from queries.links.relations import Side, described, facing
from queries.opened import Opened, open_run
from queries.recommender import Recommender

ANSWERS = pa.schema(
    {
        "head": pa.string(),
        "relation": pa.string(),
        "tail": pa.string(),
        "rank": pa.int32(),
        "title": pa.string(),
        "score": pa.float32(),
    }
)
KNOWN = pa.field("known", pa.bool_())


class LinkPredictor:
    """Answers about links of any relation: `tails`, `heads`, `score`.

    Interactions are answered by the ranking, as `Recommender` does; every other relation by the
    decoder that the network's second task has trained. A single id gives one-dimensional answers,
    a sequence of ids gives two-dimensional ones, as a pair `(ids, scores)`, best first.

    Args:
        opened: a run, or a model of triples alone (`isthmus triples --model`).
        device: None for NumPy, or a torch device such as `"cuda"`.
        recommender: of the run, where there is one already: its signals take time and memory.

    Raises:
        ArtefactError: the model has another shape than the graph, or is damaged.
    """

    def __init__(
        self,
        opened: Opened | LinkModel,
        *,
        device: str | None = None,
        recommender: Recommender | None = None,
    ) -> None:
        self._ranked: RankedLinks | None = None
        model = opened if isinstance(opened, LinkModel) else links_of_run(opened)
        self._learned, self.nodes = LearnedLinks(model, device), model.nodes
        self._types = tuple(model.known)
        if isinstance(opened, Opened):
            self._ranked = RankedLinks(recommender or Recommender.of(opened, device=device))
            self._types = (opened.graph.interactions, *self._types)

    @classmethod
    def open(
        cls, run: Path | str, protocol: str | None = None, *, device: str | None = None
    ) -> "LinkPredictor":
        """Open a run folder, or a folder that `isthmus triples --model` wrote.

        Raises:
            ArtefactError: nothing of the kind is there, or it is damaged.
            InputError: the run has no model of that protocol.
        """
        path = Path(run)
        if not is_triple_model(path):
            return cls(open_run(path, protocol), device=device)
        if protocol is not None:
            raise InputError(f"{path} is a model of triples alone: it has no protocols")
        return cls(links_of_triples(path), device=device)

    @property
    def relations(self) -> tuple[EdgeType, ...]:
        """Edge types (src, relation, dst) of the graph; those of interactions first."""
        return self._types

    def tails(
        self,
        heads: str | Sequence[str],
        relation: str,
        k: int = 10,
        *,
        node_type: str | None = None,
        domain: str | None = None,
        include_known: bool = False,
    ) -> tuple[Ids, FloatArray]:
        """Return the k likeliest tails of (head, relation, ?).

        Args:
            heads: one id, or a sequence of ids.
            relation: name of a relation.
            k: how many.
            node_type: type of the answers, where a relation leads to several.
            domain: only answers of this domain. Interactions are answered from the domain that the
                model was trained for, where none is given.
            include_known: do not leave out triples that the model was trained on.

        Returns:
            Ids and scores `[k]` for one head, shorter where fewer are left; `[num_heads, k]` for
            many, where missing ids are `""` with score `-inf`. Nothing is its own answer, unless
            the graph has such triples of the relation.

        Raises:
            UnknownIdError: a head is unknown.
            InputError: unknown relation, type or domain, or the model cannot score the relation.
        """
        side = self.side(relation, as_ids(heads), tails=True, node_type=node_type)
        return self._ids(side, heads, k, domain, include_known)

    def heads(
        self,
        tails: str | Sequence[str],
        relation: str,
        k: int = 10,
        *,
        node_type: str | None = None,
        domain: str | None = None,
        include_known: bool = False,
    ) -> tuple[Ids, FloatArray]:
        """Return the k likeliest heads of (?, relation, tail); arguments are those of `tails`."""
        side = self.side(relation, as_ids(tails), tails=False, node_type=node_type)
        return self._ids(side, tails, k, domain, include_known)

    def score(self, triples: Sequence[tuple[str, str, str]]) -> FloatArray:
        """Return the score of each (head, relation, tail), float32 `[num_triples]`.

        They are the numbers that `tails` and `heads` give. (In a model of triples alone `heads`
        asks by a reciprocal relation, and gives numbers of its own.)

        Raises:
            UnknownIdError: an end is unknown.
            InputError: unknown relation, or the model cannot score it.
        """
        scores = np.empty(len(triples), dtype=np.float32)
        for rows, edge_type, head, tail in self._by_type(triples):
            scores[rows] = self._source(edge_type).score(edge_type, head, tail)
        return scores

    def known(self, triples: Sequence[tuple[str, str, str]]) -> Any:
        """Return which triples the model was trained on, bool `[num_triples]`.

        Raises:
            UnknownIdError: an end is unknown.
            InputError: unknown relation.
        """
        found = np.zeros(len(triples), dtype=np.bool_)
        for rows, edge_type, head, tail in self._by_type(triples):
            found[rows] = self._source(edge_type).is_known(edge_type, head, tail)
        return found

    def side(
        self, relation: str, ids: Sequence[str], *, tails: bool, node_type: str | None = None
    ) -> Side:
        """Return which end of which edge type is asked for.

        Raises:
            UnknownIdError: the ids are of the other end.
            InputError: unknown relation or type, or a relation of several types.
        """
        return facing(self._types, self.nodes, relation, ids, tails=tails, node_type=node_type)

    def table(
        self,
        side: Side,
        ids: Sequence[str],
        k: int,
        *,
        domain: str | None = None,
        include_known: bool = False,
    ) -> pa.Table:
        """Return one row an answer: head, relation, tail, rank, title of the answer, score.

        Rank counts from 1; there is no padding. With `include_known` a last column is `known`.
        """
        asked = self.nodes[side.given].vocab.index(ids)
        rows, scores = self._rows(side, asked, k, domain, include_known)
        owner, rank, answer = without_padding(asked, rows)
        wanted = self.nodes[side.wanted]
        ends = [
            self.nodes[side.given].vocab.ids.take(pa.array(owner)),
            wanted.vocab.ids.take(pa.array(answer)),
        ]
        head, tail = ends if side.tails else ends[::-1]
        relation = pa.array([side.edge_type[1]] * len(answer), pa.string())
        titles = titles_at(wanted, answer)
        columns = [head, relation, tail, pa.array(rank), titles, pa.array(scores[rows >= 0])]
        table = pa.table(columns, schema=ANSWERS)
        if not include_known:
            return table
        pairs = (owner, answer) if side.tails else (answer, owner)
        known = self._source(side.edge_type).is_known(side.edge_type, *pairs)
        return table.append_column(KNOWN, pa.array(known))

    def _ids(
        self,
        side: Side,
        ids: str | Sequence[str],
        k: int,
        domain: str | None,
        include_known: bool,
    ) -> tuple[Ids, FloatArray]:
        asked = self.nodes[side.given].vocab.index(as_ids(ids))
        rows, scores = self._rows(side, asked, k, domain, include_known)
        return id_answers(self.nodes[side.wanted], rows, scores, single=isinstance(ids, str))

    def _rows(
        self, side: Side, asked: IntArray, k: int, domain: str | None, include_known: bool
    ) -> tuple[IntArray, FloatArray]:
        k = width(k, self.nodes[side.wanted])
        return self._source(side.edge_type).best(
            side, asked, k, domain=domain, include_known=include_known
        )

    def _source(self, edge_type: EdgeType) -> LearnedLinks | RankedLinks:
        if self._ranked is not None and edge_type == self._ranked.edge_type:
            return self._ranked
        return self._learned

    def _by_type(
        self, triples: Sequence[tuple[str, str, str]]
    ) -> Iterator[tuple[IntArray, EdgeType, IntArray, IntArray]]:
        """Yield places of triples, their edge type, and rows of their heads and tails."""
        names = [relation for _, relation, _ in triples]
        for name in dict.fromkeys(names):
            places = np.flatnonzero([relation == name for relation in names])
            heads, tails = (pa.array([triples[i][end] for i in places.tolist()]) for end in (0, 2))
            for edge_type in described(self._types, name):
                rows = [
                    self.nodes[kind].vocab.lookup(ids)
                    for kind, ids in ((edge_type[0], heads), (edge_type[2], tails))
                ]
                there = (rows[0] >= 0) & (rows[1] >= 0)
                yield places[there], edge_type, rows[0][there], rows[1][there]
                left = pa.array(~there)
                places, heads, tails = places[~there], heads.filter(left), tails.filter(left)
            if len(places):
                src, _, dst = described(self._types, name)[0]
                self.nodes[src].vocab.index(heads)
                self.nodes[dst].vocab.index(tails)
                ends = " and ".join(shown(str(ids[0])) for ids in (heads, tails))
                raise InputError(f"{name!r} joins no types that have {ends}")
