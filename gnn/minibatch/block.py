"""Messages from some nodes to others, as a sparse matrix that is used for one step."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gnn.adjacency import Edges, Propagation, row_pointers


class Block:
    """A CSR matrix `[num_receivers, num_senders]`; its transpose is made only for a gradient.

    Args:
        receivers: rows that hear, int64 `[num_edges]`, sorted.
        senders: rows that are heard, int64 `[num_edges]`.
        values: what each edge carries, float `[num_edges]`.
        num_receivers: number of rows that hear.
        num_senders: number of rows that are heard.
    """

    def __init__(
        self,
        receivers: Tensor,
        senders: Tensor,
        values: Tensor,
        num_receivers: int,
        num_senders: int,
    ) -> None:
        self._receivers, self._senders, self._values = receivers, senders, values
        self._num_receivers, self._num_senders = num_receivers, num_senders
        self._rows = row_pointers(receivers, num_receivers)

    def __call__(self, x: Tensor) -> Tensor:
        """Carry rows `[num_senders, width]` to `[num_receivers, width]`."""
        out: Tensor = _Product.apply(self, x)  # type: ignore[no-untyped-call]
        return out

    @property
    def matrix(self) -> Tensor:
        """The matrix."""
        shape = (self._num_receivers, self._num_senders)
        return _csr(self._rows, self._senders, self._values, shape)

    @property
    def transpose(self) -> Tensor:
        """Its transpose."""
        e, shape = self.edges, (self._num_senders, self._num_receivers)
        return _csr(e.reverse_rows, e.reverse_dst, self._values[e.reverse_order], shape)

    @cached_property
    def edges(self) -> Edges:
        """The same, edge by edge."""
        order = torch.argsort(self._senders, stable=True)
        return Edges(
            src=self._senders,
            dst=self._receivers,
            values=self._values,
            num_dst=self._num_receivers,
            rows=self._rows,
            reverse_order=order,
            reverse_dst=self._receivers[order],
            reverse_rows=row_pointers(self._senders, self._num_senders),
        )


class LocalPropagation(Propagation):
    """One relation among some of the nodes: either direction has edges and values of its own.

    Args:
        to_dst: from sources to destinations.
        to_src: from destinations to sources.
        out_degree: sums of the weights of all visible edges at each source, drawn or not.
        in_degree: the same at each destination.
    """

    def __init__(self, to_dst: Block, to_src: Block, out_degree: Tensor, in_degree: Tensor) -> None:
        self._to_dst, self._to_src = to_dst, to_src
        self.out_degree, self.in_degree = out_degree, in_degree

    def __call__(self, x: Tensor) -> Tensor:
        """Carry source rows to destinations, see `Propagation`."""
        return self._to_dst(x)

    def reverse(self, x: Tensor) -> Tensor:
        """Carry destination rows back to sources, see `Propagation`."""
        return self._to_src(x)

    @property
    def edges(self) -> Edges:
        """The edges from sources to destinations."""
        return self._to_dst.edges

    @property
    def reverse_edges(self) -> Edges:
        """The edges from destinations to sources."""
        return self._to_src.edges


class _Product(torch.autograd.Function):
    """As that of `gnn.adjacency`, with a transpose that is made where it is asked for."""

    @staticmethod
    def forward(ctx: Any, block: Block, x: Tensor) -> Tensor:
        ctx.block, ctx.dtype = block, x.dtype
        with torch.autocast(x.device.type, enabled=False):
            return block.matrix @ x.float()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        with torch.autocast(grads[0].device.type, enabled=False):
            return None, (ctx.block.transpose @ grads[0].float()).to(ctx.dtype)


def _csr(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_csr_tensor(rows, columns, values, shape, check_invariants=False)
