"""Candidates from tables: plain pairs of ids, and links that people have reviewed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.linking.candidates import Candidates
from kg.linking.choose import LINKED, REFUSED, STATUS
from kg.linking.rules import LinkRule
from kg.linking.sides import Side
from kg.linking.stated import together
from kg.rejects import RejectLog, Tally
from kg.tables.read import read_section
from kg.tables.rows import Rows
from kg.tables.sections import TableFile
from kg.tables.values import flat
from kg.vocab import IntArray

Rename = Callable[[Any], Any]  # Arrow strings to Arrow strings
REVIEWED = ("source_type", "source", "target_type", "target", "status")


@dataclass
class PairTables:
    """The tables of pairs of a mapping, with their rows accounted for.

    Attributes:
        folder: what file names are relative to.
        log: gets the rejected rows.
        renames: by node type, what turns ids of tables into ids of the graph.
        tallies: one for each file that was read.
    """

    folder: Path
    log: RejectLog
    renames: Mapping[str, Rename]
    tallies: list[Tally] = field(default_factory=list)

    def pairs(self, section: str, rule: LinkRule, source: Side, target: Side) -> Candidates:
        """Read the `pairs` of a rule; rows with an unknown id are rejected."""
        names = (rule.pair_columns.source, rule.pair_columns.target)
        found = []
        for tally, batches in self._files(rule.pairs, section, names):
            for rows in batches:
                ends = (rows.columns[names[0]], rows.columns[names[1]])
                reason = np.full(len(rows), "", dtype=object)
                found.append(self._checked(rows, ends, (source, target), reason, tally))
        return together(found)

    def reviewed(
        self, section: str, rule: LinkRule, source: Side, target: Side
    ) -> tuple[Candidates, Candidates]:
        """Read the `reviewed` links of a rule: those that are linked, and those refused.

        Rows about other node types are ignored. So are those that are neither linked nor refused:
        they wait for a decision.
        """
        linked: list[tuple[IntArray, IntArray]] = []
        refused: list[tuple[IntArray, IntArray]] = []
        for tally, batches in self._files(rule.reviewed, section, REVIEWED):
            for rows in batches:
                cells = rows.columns
                status = pc.index_in(cells["status"], value_set=pa.array(STATUS))
                status = status.fill_null(-1).to_numpy(zero_copy_only=False)
                ours = pc.equal(cells["source_type"], source.kind).to_numpy(zero_copy_only=False)
                ours &= pc.equal(cells["target_type"], target.kind).to_numpy(zero_copy_only=False)
                waiting = ~ours | ((status >= 0) & ~np.isin(status, (LINKED, REFUSED)))
                tally.ignored += int(waiting.sum())
                reason = np.full(len(rows), "", dtype=object)
                reason[ours & (status < 0)] = f"status is none of {', '.join(STATUS)}"
                ends = (cells["source"], cells["target"])
                one, other, row = self._checked(
                    rows, ends, (source, target), reason, tally, ignored=waiting
                )
                for decision, parts in ((LINKED, linked), (REFUSED, refused)):
                    here = status[row] == decision
                    parts.append((one[here], other[here]))
        return together(linked), together(refused)

    def _files(self, names: tuple[str, ...], section: str, columns: tuple[str, ...]) -> Any:
        for tally, rows in read_section(
            TableFile(file=names), section, self.folder, columns, self.log
        ):
            self.tallies.append(tally)
            yield tally, rows

    def _checked(
        self,
        rows: Rows,
        ends: tuple[Any, Any],
        sides: tuple[Side, Side],
        reason: npt.NDArray[np.object_],
        tally: Tally,
        ignored: BoolArray | None = None,
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Reject rows with an unknown end; return source, target and place of the others.

        Args:
            rows: a batch.
            ends: its ids.
            sides: where to look them up.
            reason: why a row is rejected, `""` where nothing is wrong yet.
            tally: counts.
            ignored: rows to leave out.
        """
        ignored = np.zeros(len(rows), dtype=np.bool_) if ignored is None else ignored
        found = []
        for ids, side in zip(ends, sides, strict=True):
            known = self.renames[side.kind](flat(ids)) if side.kind in self.renames else ids
            row = pc.index_in(known, value_set=side.ids).fill_null(-1)
            found.append(row.to_numpy(zero_copy_only=False).astype(np.int64))
            reason[(found[-1] < 0) & (reason == "")] = f"unknown {side.kind}"
        good = (reason == "") & ~ignored
        for row in np.flatnonzero((reason != "") & ~ignored).tolist():
            tally.reject(int(rows.line[row]), rows.raw(row), str(reason[row]))
        tally.loaded += int((good | ignored).sum())
        kept = np.flatnonzero(good)
        return found[0][kept], found[1][kept], kept
