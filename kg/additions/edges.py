"""Tables of new edges, of relations that the graph has."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.additions.columns import NewTable, cells, check_edge_columns
from kg.additions.nodes import NO_PSEUDONYM
from kg.edge_tables import Reasons
from kg.edges import EdgePart, EdgeSet
from kg.graph import BoolArray, EdgeType, KnowledgeGraph
from kg.nodes import NodeSet
from kg.privacy.pseudonyms import PSEUDONYM
from kg.rejects import RejectLog, Tally
from kg.tables.rows import Rows
from kg.tables.times import TimeColumn
from kg.tables.values import Doubles, is_blank, mask_of, to_numbers
from kg.vocab import IntArray

UNKNOWN, OTHER, TO_BE = -1, -2, -3  # for the row of a node: there is none, it is of another
# type by what the table says, it is a user who is to be made
SEVERAL_TYPES = "its ends are nodes of several types: say which in src_type and dst_type"


class NewEdges:
    """Reads tables of edges into the sets of a graph.

    Columns are `src` and `dst`, and as far as they are known `relation` (interactions without it),
    `weight` (1), `time` (the latest that there is), and `src_type` and `dst_type` where an id alone
    does not tell.

    Args:
        graph: what they are added to: relations are those that it has.
        sets: its nodes by type, with those that are new.
        edges: its edges by type.
        create: whether an unknown user of an interaction is a new one.
        hidden: node types whose ids are pseudonyms.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        sets: dict[str, NodeSet],
        edges: dict[EdgeType, EdgeSet],
        *,
        create: bool,
        hidden: frozenset[str],
    ) -> None:
        self._graph, self._sets, self._edges = graph, sets, edges
        self._create, self._hidden = create, hidden

    def read(self, paths: Sequence[Path], log: RejectLog) -> list[Tally]:
        """Read files and return the tally of each.

        Raises:
            InputError: a file is no such table, or has another column.
        """
        tallies = []
        for path in paths:
            table = NewTable(path, ["src", "dst"])
            check_edge_columns(path, table.names)
            tally, parts = table.read("new edges", log)
            tallies.append(tally)
            times = TimeColumn()
            for rows in parts:
                self._read(rows, tally, times)
            tally.check()
        return tallies

    def _read(self, rows: Rows, tally: Tally, times: TimeColumn) -> None:
        graph, reasons = self._graph, Reasons(len(rows))
        relations = cells(rows, "relation", graph.interactions[1])
        weight, time = _weights(rows, reasons), _times(rows, times, reasons)
        placed: dict[EdgeType, tuple[BoolArray, IntArray, IntArray]] = {}
        for relation in pc.unique(relations).to_pylist():
            chosen = mask_of(pc.equal(relations, relation))
            named = [edge_type for edge_type in graph.edges if edge_type[1] == relation]
            found = {edge_type: self._ends(rows, edge_type, reasons, chosen) for edge_type in named}
            fits = [_there(src) & _there(dst) for src, dst in found.values()]
            number = np.sum([*fits, np.zeros(len(rows), np.int64)], axis=0)
            reasons.where(chosen & (number > 1), SEVERAL_TYPES)
            reasons.where(chosen & (number == 0), _why_not(named))
            for (edge_type, ends), fit in zip(found.items(), fits, strict=True):
                placed[edge_type] = (fit & chosen, *ends)
                for kind, rows_of_end in zip(edge_type[::2], ends, strict=True):
                    reasons.where(
                        chosen & (number == 0) & (rows_of_end == UNKNOWN), f"unknown {kind}"
                    )
        for end in ("src", "dst"):
            reasons.where(is_blank(cells(rows, end)), f"{end} is empty")
        reasons.reject([rows], tally)
        good = np.zeros(len(rows), dtype=np.bool_)
        good[reasons.none()] = True
        for edge_type, (fit, src, dst) in placed.items():
            kept = np.flatnonzero(good & fit)
            if not len(kept):
                continue
            src = src[kept]
            made = np.flatnonzero(src == TO_BE)
            if len(made):
                ids = cells(rows, "src").take(pa.array(kept[made]))
                src[made] = self._sets[edge_type[0]].add_known(ids)
            timed = graph.edges[edge_type].time is not None
            part = EdgePart(
                src=src,
                dst=dst[kept],
                tally=tally,
                weight=weight[kept],
                time=self._filled(edge_type, time[kept]) if timed else None,
            )
            self._edges[edge_type].parts.append(part)
            tally.loaded += len(kept)

    def _ends(
        self, rows: Rows, edge_type: EdgeType, reasons: Reasons, chosen: BoolArray
    ) -> tuple[IntArray, IntArray]:
        """Return rows of both ends, or what stands for them."""
        found = []
        for end, kind in zip(("src", "dst"), edge_type[::2], strict=True):
            ids, named = cells(rows, end), cells(rows, f"{end}_type", kind)
            places = self._sets[kind].lookup(ids)
            if edge_type == self._graph.interactions and end == "src" and self._create:
                unknown = places == UNKNOWN
                if kind in self._hidden:
                    raw = unknown & ~mask_of(pc.match_substring_regex(ids, PSEUDONYM))
                    reasons.where(chosen & raw, NO_PSEUDONYM)
                places = np.where(unknown, TO_BE, places)
            found.append(np.where(mask_of(pc.equal(named, kind)), places, OTHER))
        return found[0], found[1]

    def _filled(self, edge_type: EdgeType, time: Doubles) -> Doubles:
        """Return times, the latest that there was where none is given."""
        known = self._graph.edges[edge_type].time
        latest = 0.0 if known is None or not len(known) else float(np.nanmax(known))
        return np.where(np.isnan(time), latest, time)


def _there(places: IntArray) -> BoolArray:
    return np.asarray((places >= 0) | (places == TO_BE))


def _why_not(candidates: Sequence[EdgeType]) -> str:
    if not candidates:
        return "unknown relation"
    joined = ", ".join(f"{src} to {dst}" for src, _, dst in candidates)
    return f"the relation does not join its ends (it joins {joined})"


def _weights(rows: Rows, reasons: Reasons) -> Doubles:
    column = cells(rows, "weight", "1")
    weight, good = to_numbers(column)
    good &= (weight >= 0) & (weight <= np.finfo(np.float32).max)
    reasons.where(~good, "weight is not a number from 0 on")
    return weight


def _times(rows: Rows, times: TimeColumn, reasons: Reasons) -> Doubles:
    """Return times, NaN where there is none."""
    column = cells(rows, "time")
    said = ~is_blank(column)
    found = np.full(len(rows), np.nan)
    if said.any():
        values, good = times.read([column.filter(pa.array(said))])
        found[said] = np.where(good, values, np.nan)
        wrong = said.copy()
        wrong[said] = ~good
        reasons.where(wrong, f"time is {times.meaning}")
    return found
