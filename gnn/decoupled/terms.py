"""Inputs carried along every metapath, kept by the nodes that they reach."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from gnn.decoupled.carrying import Carrier
from gnn.decoupled.inputs import Allocate, Inputs
from gnn.decoupled.paths import Path, Step, metapaths
from gnn.model import TransferGNN
from gnn.views import GraphView, View

Key = tuple[Path, str | None]  # a metapath, and the text neighbours it is carried over at its end


@dataclass(frozen=True, eq=False)
class Places:
    """Which nodes a step reaches at all: only these have rows.

    Attributes:
        nodes: their rows in the graph, int64, ascending.
        where: place of every node among them, int32 `[num_nodes]`; of others one past the last.
    """

    nodes: Tensor
    where: Tensor

    @classmethod
    def of(cls, reached: Tensor) -> "Places":
        """Return those of a mask, bool `[num_nodes]`."""
        nodes = torch.nonzero(reached).squeeze(1).cpu()
        where = torch.full((len(reached),), len(nodes), dtype=torch.int32)
        where[nodes] = torch.arange(len(nodes), dtype=torch.int32)
        return cls(nodes, where)


class Terms:
    r""":math:`A_m h^0` of every metapath m, and :math:`N A_m h^0` over text neighbours N of items.

    A metapath is a sequence of relations with directions; :math:`A_m` is the product of their
    normalised adjacencies in one world.

    Args:
        model: a network that `can_decouple`.
        graph: its graph.
        x: channels by node type and name.
        allocate: makes arrays, such as files that are mapped into memory.
        block_bytes: of coordinates that are carried at once.

    Attributes:
        paths: all metapaths.
        view: the world of the last `carry`.
    """

    view: View

    def __init__(
        self,
        model: TransferGNN,
        graph: GraphView,
        x: Mapping[str, Mapping[str, Tensor]],
        allocate: Allocate,
        block_bytes: int = 1 << 28,
    ) -> None:
        self._model, self._graph, self._allocate = model, graph, allocate
        self.width = len(model.part)
        self.inputs = Inputs(model, x, allocate)
        held = 4 * 4 * sum(model.num_nodes.values())  # states, next ones, sums and a product
        self._columns = min(self.width, max(8, block_bytes // max(held, 1)))
        self.paths = metapaths(model, graph)
        self._stores: dict[Key, Tensor] = {}

    @cached_property
    def places(self) -> dict[Key, Places]:
        """By array, which nodes have a row in it; arrays without any are left out."""
        by_step: dict[tuple[Step | None, str | None], Places] = {}
        places: dict[Key, Places] = {}
        for path in self.paths:
            step = path.steps[-1] if path.steps else None
            for near in self._arrays_of(path):
                if (step, near) not in by_step:
                    by_step[step, near] = Places.of(self._reached(step, near))
                if len(by_step[step, near].nodes):
                    places[path, near] = by_step[step, near]
        return places

    @property
    def bytes(self) -> int:
        """Size of all arrays."""
        rows = sum(len(places.nodes) + 1 for places in self.places.values())
        return self.inputs.bytes + 4 * self.width * rows

    def blocks(self) -> Iterator[slice]:
        """Yield the coordinates that are carried at once."""
        for first in range(0, self.width, self._columns):
            yield slice(first, min(first + self._columns, self.width))

    @torch.no_grad()
    def carry(self, view: View) -> None:
        """Carry inputs along every metapath of a world, in place of the last one."""
        for key, places in self.places.items():
            if key not in self._stores:
                self._stores[key] = self._allocate(len(places.nodes) + 1, self.width)
                self._stores[key][-1] = 0
        carrier = Carrier(self._model, view)
        known = {key for key, _ in self.places}
        longer: dict[Path, list[Path]] = {}
        for path in self.paths:
            if path in known and path.steps:
                longer.setdefault(Path(path.root, path.steps[:-1]), []).append(path)
        for columns in self.blocks():
            for root in self.inputs.roots:
                h = self.inputs.columns(root, columns, view)
                self._carry(Path(root), h, longer, carrier, columns)
        self.view = view

    def _carry(
        self,
        path: Path,
        h: Tensor,
        longer: Mapping[Path, list[Path]],
        carrier: Carrier,
        columns: slice,
    ) -> None:
        for near in self._arrays_of(path):
            if (path, near) in self._stores:
                rows = h if near is None else carrier.near(near, h)
                nodes = self.places[path, near].nodes.to(rows.device)
                self._stores[path, near][:-1, columns] = rows[nodes].cpu()
        for further in longer.get(path, []):
            carried = carrier(further.steps[-1], h)
            self._carry(further, carried, longer, carrier, columns)

    def rows(self, path: Path, near: str | None, rows: Tensor) -> Tensor:
        """Return what a metapath brings to some nodes at its end, `[len(rows), width]`.

        Args:
            path: one of `paths`.
            near: text neighbours that it is carried over at last, None for none.
            rows: of the nodes, int64.
        """
        if not path.steps and near is None:
            return self.inputs.rows(path.root, rows, self.view)
        where = self.places[path, near].where[rows.cpu()].long()
        return self._stores[path, near].index_select(0, where).to(rows.device)

    def brings(self, path: Path, near: str | None) -> bool:
        """Return whether a metapath brings anything to anybody."""
        return (path, near) in self.places or not (path.steps or near)

    def _arrays_of(self, path: Path) -> list[str | None]:
        """Return over which text neighbours a metapath is carried at its end, None for none."""
        own: list[str | None] = [None] if path.steps else []
        return own + (list(self._graph.near) if path.end == self._model.item_type else [])

    def _reached(self, step: Step | None, near: str | None) -> Tensor:
        """Return which nodes a step reaches, or text neighbours after it, bool `[num_nodes]`."""
        graph, item_type = self._graph, self._model.item_type
        if step is None:
            reached = torch.ones(graph.num_nodes[item_type], dtype=torch.bool)
        else:
            adjacency = graph.adjacencies[step.edge_type]
            reached = torch.zeros(graph.num_nodes[step.end], dtype=torch.bool)
            reached[(adjacency.src if step.reverse else adjacency.dst).cpu()] = True
        if near is None:
            return reached
        edges = graph.near[near]
        lent = torch.zeros_like(reached)
        lent[edges.dst.cpu()[reached[edges.src.cpu()]]] = True
        return lent
