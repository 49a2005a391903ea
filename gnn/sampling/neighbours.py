"""Some neighbours of each of many nodes, drawn uniformly, all nodes at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from gnn.sampling.csr import NeighbourIndex, spread
from kg.errors import InputError

_CELLS = 2**24  # comparisons that are held at a time


class Sampled(NamedTuple):
    """Edges that were drawn, those of a seed side by side, seeds in their order.

    Attributes:
        picked: which seed hears, positions in `seeds`, int64 `[num_sampled]`, sorted.
        neighbours: whom it hears, rows of sources, int64.
        edges: numbers of the edges, int64.
        places: where they are in the arrays of the index, int64.
    """

    picked: Tensor
    neighbours: Tensor
    edges: Tensor
    places: Tensor


def sample(
    index: NeighbourIndex,
    seeds: Tensor,
    fan_out: int,
    *,
    replace: bool = False,
    generator: torch.Generator | None = None,
    time: Tensor | None = None,
    last: bool = False,
) -> Sampled:
    """Draw up to `fan_out` edges into each seed, each of those that are not hidden as likely.

    What must not be drawn is taken from the index first: `index.without(mask)` for a whole epoch,
    `index.without_pairs(src, dst)` for a batch. Without replacement a seed with fewer edges has
    all of them. The work is that of what is drawn: a hub costs no more than any other node.

    Args:
        index: the edges.
        seeds: destinations, int64 `[num_seeds]`, perhaps some of them more than once.
        fan_out: how many; -1 for all.
        replace: whether an edge may be drawn again; a seed then has `fan_out` edges or none.
        generator: where random numbers come from, on the device of the index.
        time: only edges that are not later than this count, `[num_seeds]`.
        last: take the latest edges, not any.

    Raises:
        InputError: `fan_out` is below -1, `time` or `last` is asked of edges without times, or
            `last` with `replace`.
    """
    if fan_out < -1:
        raise InputError(f"a fan-out of {fan_out}: it must be at least 0, or -1 for all neighbours")
    if index.time is None and (last or time is not None):
        raise InputError("the edges have no times: build the index with time=")
    if last and replace:
        raise InputError("the latest edges are not drawn: take last or replace, not both")
    start, end = index.ranges(seeds, time)
    degree = end - start
    if fan_out == -1:
        picked, ranks = spread(start, degree)
    elif last:
        counts = degree.clamp(max=fan_out)
        picked, ranks = spread(end - counts, counts)
    else:
        uniform = torch.rand(
            fan_out, len(seeds), generator=generator, dtype=torch.float64, device=index.device
        )
        if replace:
            draws, counts = (uniform * degree).long(), fan_out * (degree > 0)
        else:
            draws, counts = _without_replacement(degree, uniform), degree.clamp(max=fan_out)
        picked, cells = spread(torch.arange(len(seeds), device=index.device) * fan_out, counts)
        by_seed = (start + draws).t().flatten()
        ranks = by_seed.index_select(0, cells)
    places = index.places(ranks)
    return Sampled(
        picked,
        index.columns.index_select(0, places).long(),
        index.edges.index_select(0, places).long(),
        places,
    )


def _without_replacement(degree: Tensor, uniform: Tensor) -> Tensor:
    """Return numbers below `degree`, none twice for a seed; where they are few, all of them first.

    Floyd's algorithm (Bentley and Floyd, A sample of brilliance, CACM 1987), for all seeds at
    once: the j-th of k draws is uniform among the first d - k + j + 1 numbers, and if that was
    drawn before, it is the last of these, which cannot have been. Every subset of k is as likely.

    Args:
        degree: d by seed, int64 `[num_seeds]`, below 2^31.
        uniform: in [0, 1), float64 `[k, num_seeds]`: d times it stays below d after rounding.
    """
    k = len(uniform)
    step = torch.arange(k, dtype=torch.int32, device=degree.device)[:, None]
    newest = (degree - k).clamp(min=0).int() + step
    draws = (uniform * (newest + 1)).int()
    draws = torch.where(degree > k, draws, newest)
    width = max(1, _CELLS // max(k, 1))
    for some in range(0, len(degree), width):
        block, newest_block = draws[:, some : some + width], newest[:, some : some + width]
        for j in range(1, k):
            # equal numbers differ in no bit; on int32 this takes a fifth of == and any()
            drawn_before = (block[:j] ^ block[j]).amin(dim=0) == 0
            block[j] = torch.where(drawn_before, newest_block[j], block[j])
    return draws
