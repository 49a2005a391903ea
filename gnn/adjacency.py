"""Propagation as sparse matrix products: one relation, both ways, structure fixed, values free."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

with warnings.catch_warnings():  # torch says once a process that its CSR tensors are in beta
    warnings.simplefilter("ignore")
    torch.eye(1).to_sparse_csr()


class Adjacency:
    """The edges of one relation as two CSR matrices, `[num_dst, num_src]` and its transpose.

    The sparsity pattern is sorted once. Hiding edges (cold-start simulation) only changes values,
    so an epoch costs no sorting, and `EdgeIndex.matmul`, which permutes the values on each backward
    pass, or scatter take several times as long (`benchmarks/propagation.py`).

    Args:
        src: source rows, int64 `[num_edges]`.
        dst: destination rows, int64 `[num_edges]`.
        num_src: number of source nodes.
        num_dst: number of destination nodes.
        weight: non-negative strengths, float32 `[num_edges]`; ones if None.
    """

    def __init__(
        self, src: Tensor, dst: Tensor, num_src: int, num_dst: int, weight: Tensor | None = None
    ) -> None:
        order = torch.argsort(dst * num_src + src)
        self.src, self.dst = src[order], dst[order]
        self.num_src, self.num_dst = num_src, num_dst
        self.weight = torch.ones(len(src), device=src.device) if weight is None else weight[order]
        self.forward_rows = row_pointers(self.dst, num_dst)
        self.to_transpose = torch.argsort(self.src * num_dst + self.dst)
        self.transpose_columns = self.dst[self.to_transpose]
        self.transpose_rows = row_pointers(self.src[self.to_transpose], num_src)

    def __len__(self) -> int:
        return len(self.src)

    def to(self, device: torch.device) -> "Adjacency":
        """Move every tensor to `device`; returns self."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self

    def symmetric(self, keep: Tensor | None = None) -> "Propagation":
        """Return D_dst^-1/2 A D_src^-1/2 over the kept edges (He et al. 2020, LightGCN, eq. 3).

        Args:
            keep: bool `[num_edges]` in the order of `self.src`, None for all edges.
        """
        weight = self.weight if keep is None else self.weight * keep
        zeros = weight.new_zeros
        out_degree = zeros(self.num_src).index_add_(0, self.src, weight)
        in_degree = zeros(self.num_dst).index_add_(0, self.dst, weight)
        scale = (
            in_degree.clamp(min=1e-12).rsqrt()[self.dst]
            * out_degree.clamp(min=1e-12).rsqrt()[self.src]
        )
        return Propagation(self, weight * scale, weight)

    def mean(self, keep: Tensor | None = None) -> "Propagation":
        """Return D_dst^-1 A over the kept edges: each destination takes a weighted mean."""
        weight = self.weight if keep is None else self.weight * keep
        in_degree = weight.new_zeros(self.num_dst).index_add_(0, self.dst, weight)
        return Propagation(self, weight / in_degree.clamp(min=1e-12)[self.dst], weight)


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """The edges of a relation in one direction, for convolutions that weigh each of them.

    Attributes:
        src: rows of the senders, int64 `[num_edges]`, in the order of the CSR matrix to `dst`.
        dst: rows of the receivers, in the same order.
        values: what the propagation gives each edge, 0 where it is hidden, in the same order.
        num_dst: number of receivers.
        rows: row pointers of that matrix, `[num_dst + 1]`.
        reverse_order: places of the edges in the order of its transpose.
        reverse_dst: receivers in that order, the columns of the transpose.
        reverse_rows: row pointers of the transpose, `[num_src + 1]`.
    """

    src: Tensor
    dst: Tensor
    values: Tensor
    num_dst: int
    rows: Tensor
    reverse_order: Tensor
    reverse_dst: Tensor
    reverse_rows: Tensor


class Propagation:
    """An `Adjacency` with values: multiplies node matrices from the left, both ways.

    Args:
        adjacency: the edges.
        values: what each carries, float `[num_edges]`, 0 for hidden ones.
        weight: what is left of their weights: 0 for hidden ones.
    """

    def __init__(self, adjacency: Adjacency, values: Tensor, weight: Tensor) -> None:
        a = self._adjacency = adjacency
        self._values, self._weight = values, weight
        self.to_dst = torch.sparse_csr_tensor(
            a.forward_rows, a.src, values, (a.num_dst, a.num_src), check_invariants=False
        )
        self.to_src = torch.sparse_csr_tensor(
            a.transpose_rows,
            a.transpose_columns,
            values[a.to_transpose],
            (a.num_src, a.num_dst),
            check_invariants=False,
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Carry source rows to destinations: `[num_src, width]` to `[num_dst, width]`."""
        out: Tensor = _Product.apply(self.to_dst, self.to_src, x)  # type: ignore[no-untyped-call]
        return out

    def reverse(self, x: Tensor) -> Tensor:
        """Carry destination rows back to sources: `[num_dst, width]` to `[num_src, width]`."""
        out: Tensor = _Product.apply(self.to_src, self.to_dst, x)  # type: ignore[no-untyped-call]
        return out

    @cached_property
    def out_degree(self) -> Tensor:
        """Sums of the weights of visible edges at each source, `[num_src]`."""
        a = self._adjacency
        return self._weight.new_zeros(a.num_src).index_add_(0, a.src, self._weight)

    @cached_property
    def in_degree(self) -> Tensor:
        """Sums of the weights of visible edges at each destination, `[num_dst]`."""
        a = self._adjacency
        return self._weight.new_zeros(a.num_dst).index_add_(0, a.dst, self._weight)

    @cached_property
    def edges(self) -> Edges:
        """The edges from sources to destinations."""
        a = self._adjacency
        return Edges(
            src=a.src,
            dst=a.dst,
            values=self._values,
            num_dst=a.num_dst,
            rows=a.forward_rows,
            reverse_order=a.to_transpose,
            reverse_dst=a.transpose_columns,
            reverse_rows=a.transpose_rows,
        )

    @cached_property
    def reverse_edges(self) -> Edges:
        """The same edges from destinations to sources."""
        a = self._adjacency
        return Edges(
            src=a.transpose_columns,
            dst=a.src[a.to_transpose],
            values=self._values[a.to_transpose],
            num_dst=a.num_src,
            rows=a.transpose_rows,
            reverse_order=torch.argsort(a.to_transpose),
            reverse_dst=a.src,
            reverse_rows=a.forward_rows,
        )


class _Product(torch.autograd.Function):
    """matrix @ x whose gradient uses the stored transpose; always accumulates in float32."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, x: Tensor) -> Tensor:
        ctx.transpose, ctx.dtype = transpose, x.dtype
        return _times(matrix, x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        return None, None, _times(ctx.transpose, grads[0]).to(ctx.dtype)


def _times(matrix: Tensor, x: Tensor) -> Tensor:
    """Return matrix @ x in float32, `[num_rows, width]`, outside of autograd."""
    x = x.detach().float().contiguous()
    if x.device.type != "cpu":
        with torch.autocast(x.device.type, enabled=False):  # or it would make both bfloat16
            return matrix @ x
    # the sums of embedding_bag are those of a sparse product, which takes twice as long on a CPU:
    # it fetches rows ahead and writes where the answer is, not into a copy
    return F.embedding_bag(
        matrix.col_indices(),
        x,
        matrix.crow_indices(),
        mode="sum",
        per_sample_weights=matrix.values(),
        include_last_offset=True,
    )


def row_pointers(rows: Tensor, num_rows: int) -> Tensor:
    """Return where each row of a CSR matrix begins, from the rows of its values in any order."""
    counts = torch.bincount(rows, minlength=num_rows)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
