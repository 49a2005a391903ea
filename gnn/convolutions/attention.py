"""Attention as sparse products: what edges carry, and the sums of it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gnn.adjacency import Edges

HEADS = 4  # or fewer, where the width is not a multiple of it
EDGES_AT_ONCE = 65_536  # of which rows are held


def redistribute(
    priors: Sequence[Tensor], logits: Sequence[Tensor], edges: Sequence[Edges]
) -> list[Tensor]:
    r"""Return what each edge carries when attention moves what the priors give.

    .. math:: \frac{p_e e^{l_e}}{\sum_{e'} p_{e'} e^{l_{e'}}} \sum_{e'} p_{e'}

    with sums over all edges, of any of the relations, into the same node: the softmax of
    :math:`l + \ln p`, times what the node gets in all. Equal logits leave the priors as they are.

    Args:
        priors: by relation, non-negative float `[num_edges, heads]`; edges of 0 carry nothing.
        logits: by relation, float `[num_edges, heads]`.
        edges: by relation, to the same type of nodes.
    """
    parts = list(zip(priors, logits, edges, strict=True))
    top = torch.full((edges[0].num_dst, logits[0].shape[1]), -torch.inf, device=logits[0].device)
    for prior, logit, e in parts:
        seen = logit.detach().float().masked_fill(prior == 0, -torch.inf)
        top.scatter_reduce_(0, e.dst[:, None].expand_as(seen), seen, "amax")
    strengths, before, after = [], torch.zeros_like(top), torch.zeros_like(top)
    for prior, logit, e in parts:
        # hidden edges may be higher than any that is seen, and their exponential infinite
        height = (logit.float() - top[e.dst]).masked_fill(prior == 0, 0.0)
        strengths.append(prior * height.exp())
        after = after.index_add(0, e.dst, strengths[-1])
        before = before.index_add(0, e.dst, prior.expand_as(logit))
    scale = before / after.clamp(min=1e-30)
    return [strength * scale[e.dst] for strength, e in zip(strengths, edges, strict=True)]


def gather(values: Tensor, x: Tensor, edges: Edges) -> Tensor:
    """Return, for each node, the sum of the rows sent to it, each head with its own weights.

    Args:
        values: of the edges, float `[num_edges, heads]`.
        x: rows of the senders, `[num_src, width]`; head k owns the k-th block of coordinates.
        edges: from where to where.

    Returns:
        Float32 `[num_dst, width]`.
    """
    out: Tensor = _Gather.apply(values, x, edges)  # type: ignore[no-untyped-call]
    return out


def dots(x: Tensor, y: Tensor, edges: Edges, heads: int) -> Tensor:
    """Return the dot products, head by head, of both ends of each edge.

    Args:
        x: rows of the senders, `[num_src, width]`.
        y: rows of the receivers, `[num_dst, width]`.
        edges: from where to where.
        heads: blocks of coordinates.

    Returns:
        Float32 `[num_edges, heads]`.
    """
    out: Tensor = _Dots.apply(x, y, edges, heads)  # type: ignore[no-untyped-call]
    return out


class _Gather(torch.autograd.Function):
    """A sparse product for each head: message passing would hold a row for each edge."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, x: Tensor, edges: Edges) -> Tensor:
        ctx.save_for_backward(values, x)
        ctx.edges = edges
        return _forwards(values, x, edges)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        values, x = ctx.saved_tensors
        of_values = _dots(x, grads[0], ctx.edges, values.shape[1])
        of_x = _backwards(values, grads[0], ctx.edges)
        return of_values.to(values.dtype), of_x.to(x.dtype), None


class _Dots(torch.autograd.Function):
    """The derivative of `gather`, and it the derivative of this."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, edges: Edges, heads: int) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.edges = edges
        return _dots(x, y, edges, heads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, y = ctx.saved_tensors
        of_x, of_y = _backwards(grads[0], y, ctx.edges), _forwards(grads[0], x, ctx.edges)
        return of_x.to(x.dtype), of_y.to(y.dtype), None, None


def _forwards(values: Tensor, x: Tensor, edges: Edges) -> Tensor:
    return _products(edges.rows, edges.src, values, x)


def _backwards(values: Tensor, y: Tensor, edges: Edges) -> Tensor:
    return _products(edges.reverse_rows, edges.reverse_dst, values[edges.reverse_order], y)


def _products(rows: Tensor, columns: Tensor, values: Tensor, x: Tensor) -> Tensor:
    shape, out = (len(rows) - 1, len(x)), []
    heads = values.shape[1]
    blocks = x.float().view(len(x), heads, x.shape[1] // heads).unbind(1)
    with torch.autocast(x.device.type, enabled=False):
        for weights, block in zip(values.float().unbind(1), blocks, strict=True):
            matrix = torch.sparse_csr_tensor(
                rows, columns, weights.contiguous(), shape, check_invariants=False
            )
            out.append(matrix @ block.contiguous())
    return torch.cat(out, dim=1)


def _dots(x: Tensor, y: Tensor, edges: Edges, heads: int) -> Tensor:
    out = x.new_empty(len(edges.src), heads, dtype=torch.float32)
    x, y = x.float(), y.float()
    for start in range(0, len(edges.src), EDGES_AT_ONCE):
        some = slice(start, start + EDGES_AT_ONCE)
        both = x.index_select(0, edges.src[some]).mul_(y.index_select(0, edges.dst[some]))
        out[some] = both.view(len(both), heads, -1).sum(-1)
    return out
