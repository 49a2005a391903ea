"""The neighbours of every node of one relation, in one direction, as rows of one long array."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gnn.adjacency import row_pointers
from gnn.sampling.hidden import Hidden
from kg.errors import InputError

_INT32 = 2**31 - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class NeighbourIndex:
    """CSR by destination: whom each destination hears. Arrays may be memory-mapped.

    A *place* is a position in `columns`, `edges` and `time`. The row of destination `v`
    has the places `rows[v]` to `rows[v + 1]`; it is sorted by `time` where there are times, so that
    what was there at some time is the beginning of a row, and by `columns` otherwise.

    Attributes:
        num_src: number of nodes that are heard.
        rows: where rows begin, int64 `[num_dst + 1]`.
        columns: sources, int32 or int64 `[num_edges]`.
        edges: numbers of the edges in the order that they were given in, int32 or int64.
        time: when edges came to be, in any unit that can be compared, or None.
        by_column: places sorted by destination and source, or None where rows are sorted so.
        hidden: what `without` and `without_pairs` have taken away, one upon the other.
    """

    num_src: int
    rows: Tensor
    columns: Tensor
    edges: Tensor
    time: Tensor | None = None
    by_column: Tensor | None = None
    hidden: tuple[Hidden, ...] = field(default=())

    @classmethod
    def from_edges(
        cls,
        src: Tensor,
        dst: Tensor,
        num_src: int,
        num_dst: int,
        *,
        time: Tensor | None = None,
    ) -> "NeighbourIndex":
        """Sort edges. For the other direction, exchange sources and destinations.

        Args:
            src: source rows, int64 `[num_edges]`.
            dst: destination rows.
            num_src: number of sources.
            num_dst: number of destinations.
            time: times `[num_edges]`.

        Raises:
            InputError: arrays differ in length, a row is not there, or 2^31 edges reach one node.
        """
        _check(src, dst, num_src, num_dst, time)
        if time is None:
            order = torch.argsort(dst * num_src + src, stable=True)
        else:
            order = torch.argsort(time, stable=True)
            order = order[torch.argsort(dst[order], stable=True)]
        columns, by_column = src[order], None
        if time is not None:
            place = torch.argsort(dst[order] * num_src + columns)
            by_column = place.to(numbers_below(len(src)))
        rows = row_pointers(dst, num_dst)
        if len(src) > _INT32 and int(rows.diff().max()) > _INT32:
            raise InputError("a node has 2^31 edges of one relation: leave some out")
        return cls(
            num_src=num_src,
            rows=rows,
            columns=columns.to(numbers_below(num_src)),
            edges=order.to(numbers_below(len(src))),
            time=None if time is None else time[order],
            by_column=by_column,
        )

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def num_dst(self) -> int:
        """Number of destinations."""
        return len(self.rows) - 1

    @property
    def device(self) -> torch.device:
        """Where the arrays are."""
        return self.rows.device

    def to(self, device: torch.device) -> "NeighbourIndex":
        """Return the same on `device`."""

        def moved(values: Tensor | None) -> Tensor | None:
            return None if values is None else values.to(device)

        return replace(
            self,
            rows=self.rows.to(device),
            columns=self.columns.to(device),
            edges=self.edges.to(device),
            time=moved(self.time),
            by_column=moved(self.by_column),
            hidden=tuple(layer.to(device) for layer in self.hidden),
        )

    def without(self, hidden: Tensor) -> "NeighbourIndex":
        """Return the index without some edges; arrays are shared. Reads `edges` once.

        Args:
            hidden: bool `[num_edges]`, by the numbers of the edges.
        """
        return self._hide(hidden[self.edges].nonzero().squeeze(1))

    def without_pairs(self, src: Tensor, dst: Tensor) -> "NeighbourIndex":
        """Return the index without the edges between some pairs, parallel ones included.

        Costs a binary search for each pair, whatever the size of the graph.

        Args:
            src: sources, int64 `[num_pairs]`; pairs without an edge are passed over.
            dst: their destinations.
        """
        start, end = self._row(dst)
        first, last = (
            bisect(self.columns, start, end, src, right=right, order=self.by_column)
            for right in (False, True)
        )
        places = spread(first, last - first)[1]
        return self._hide(places if self.by_column is None else self.by_column[places].long())

    def ranges(self, dst: Tensor, time: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return where the rows of destinations begin and end, in ranks of what is not hidden.

        Args:
            dst: destinations, int64 `[num]`.
            time: what came later does not count, `[num]`; None: everything counts.
        """
        start, end = self._row(dst)
        if time is not None and self.time is not None:
            end = bisect(self.time, start, end, time, right=True)
        for layer in self.hidden:
            start, end = layer.ranks(start), layer.ranks(end)
        return start, end

    def places(self, ranks: Tensor) -> Tensor:
        """Return the places of ranks."""
        for layer in reversed(self.hidden):
            ranks = layer.at_ranks(ranks)
        return ranks

    def degree(self, dst: Tensor, time: Tensor | None = None) -> Tensor:
        """Return how many edges reach each destination that are not hidden, int64 `[num]`."""
        start, end = self.ranges(dst, time)
        return end - start

    def taken(self) -> tuple[Tensor, Tensor]:
        """Return the places that `without` or `without_pairs` took last, and their destinations."""
        places = self.hidden[-1].places
        for layer in reversed(self.hidden[:-1]):
            places = layer.at_ranks(places)
        return places, torch.searchsorted(self.rows, places, right=True) - 1

    def _row(self, dst: Tensor) -> tuple[Tensor, Tensor]:
        return self.rows.index_select(0, dst), self.rows.index_select(0, dst + 1)

    def _hide(self, places: Tensor) -> "NeighbourIndex":
        for layer in self.hidden:
            places = layer.ranks(places[~layer.has(places)])
        return replace(self, hidden=(*self.hidden, Hidden.at(places)))


def bisect(
    values: Tensor,
    start: Tensor,
    end: Tensor,
    wanted: Tensor,
    *,
    right: bool,
    order: Tensor | None = None,
) -> Tensor:
    """Return for each range of a sorted array where a value would be put: `numpy.searchsorted`.

    Args:
        values: sorted within each range.
        start: where ranges begin, int64 `[num]`.
        end: where they end.
        wanted: a value for each range.
        right: behind equal values, not before them.
        order: `values[order]` is what is sorted, if not `values` itself.
    """
    if not len(values):
        return start
    for _ in range(len(values).bit_length()):  # no range is longer; asking for more would sync
        middle = (start + end) // 2
        place = middle.clamp(max=len(values) - 1)
        value = values[place if order is None else order[place]]
        beyond = ((value <= wanted) if right else (value < wanted)) & (start < end)
        start, end = torch.where(beyond, middle + 1, start), torch.where(beyond, end, middle)
    return start


def spread(start: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return every member of some ranges: which range it is of, and what it is.

    Args:
        start: where ranges begin, int64 `[num]`.
        counts: how long they are, int64 `[num]`.
    """
    of = torch.repeat_interleave(counts)
    first = counts.cumsum(0) - counts
    return of, torch.arange(len(of), device=of.device) + (start - first).index_select(0, of)


def numbers_below(limit: int) -> torch.dtype:
    """Return the type of numbers below a limit: int32 where they fit."""
    return torch.int32 if limit <= _INT32 else torch.int64


def _check(
    src: Tensor,
    dst: Tensor,
    num_src: int,
    num_dst: int,
    time: Tensor | None,
) -> None:
    given = {"dst": dst, "time": time}
    for name, values in given.items():
        if values is not None and len(values) != len(src):
            raise InputError(f"{name} has {len(values):,} values for {len(src):,} edges")
    for name, ends, number in (("source", src, num_src), ("destination", dst, num_dst)):
        if len(ends) and (int(ends.min()) < 0 or int(ends.max()) >= number):
            raise InputError(
                f"{name} rows go from {int(ends.min())} to {int(ends.max())}, but there are "
                f"{number:,} nodes"
            )
