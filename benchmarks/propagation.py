"""Time of one hop, forward and backward: our cached sparse pair beside scatter and EdgeIndex.

    python benchmarks/propagation.py

Every contender multiplies the same symmetrically normalised matrix with the same features, on the
same machine, in turns; the best of each counts. Sorting and normalising are done before: they are
paid once a run. The graph is random, with popular destinations as interactions have.

Bytes of a hop are those that it cannot do without: of each edge a row of features, a column and a
value, of each receiver a row that is written, and the row pointers; forward, and as many backward.
Their speed is set against that of a plain copy on the same device, of as many bytes as the features
of the graph's edges are, which counts what is read and what is written. Rows that are still in a
cache make it more than one.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import called, machine
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn import LGConv

from gnn.adjacency import Adjacency
from kg.files import write_json

RESULT = Path(__file__).parent / "results" / "propagation.json"
OURS = "gnn.adjacency"


def random_graph(num_nodes: int, num_edges: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return sources and destinations of distinct edges, of about as many as were asked for."""
    draws = torch.Generator().manual_seed(seed)
    src = torch.randint(num_nodes, (num_edges,), generator=draws)
    skewed = torch.rand(num_edges, generator=draws, dtype=torch.float64).square()
    dst = (skewed * num_nodes).long()
    keys = torch.unique(src * num_nodes + dst)
    return keys // num_nodes, keys % num_nodes


def contenders(
    src: Tensor, dst: Tensor, num_nodes: int, device: torch.device
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return functions of features `[num_nodes, width]` that all compute the same hop."""
    adjacency = Adjacency(src, dst, num_nodes, num_nodes).to(device)
    propagation = adjacency.symmetric()
    src, dst = adjacency.src, adjacency.dst  # sorted by destination: the kindest order for scatter
    values = propagation.to_dst.values()
    convolution = LGConv(normalize=False)
    by_row = EdgeIndex(
        torch.stack([dst, src]), sparse_size=(num_nodes, num_nodes), sort_order="row"
    ).fill_cache_()
    edge_index = torch.stack([src, dst])

    def index_add(x: Tensor) -> Tensor:
        out = x.new_zeros(num_nodes, x.shape[1])
        return out.index_add(0, dst, x[src] * values[:, None])

    return {
        OURS: propagation,
        "EdgeIndex.matmul": lambda x: by_row.matmul(x, input_value=values),
        "LGConv (scatter)": lambda x: convolution(x, edge_index, values),
        "index_add": index_add,
    }


def hop(product: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return what one hop gives and the gradient of its input."""
    x = x.detach().requires_grad_()
    out = product(x)
    (found,) = torch.autograd.grad(out, x, gradient)
    return out.detach(), found


def bytes_of(num_nodes: int, num_edges: int, width: int, pointer: int, column: int) -> int:
    """Return what one hop moves, forward and backward.

    Args:
        num_nodes: senders, and as many receivers.
        num_edges: of the matrix, and of its transpose.
        width: float32 numbers of a row.
        pointer: bytes of a row pointer.
        column: bytes of a column.
    """
    once = num_edges * (4 * width + column + 4) + num_nodes * 4 * width + (num_nodes + 1) * pointer
    return 2 * once


def seconds_of(run: Callable[[], object], device: torch.device) -> float:
    """Return the time of one call."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=2_000_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    about = machine("torch", "torch_geometric")
    torch.sparse.check_sparse_tensor_invariants.disable()  # the default; said, so that none warns
    src, dst = random_graph(arguments.nodes, arguments.edges)
    products = contenders(src, dst, arguments.nodes, device)
    draws = torch.Generator().manual_seed(1)
    x, gradient = (
        torch.randn(arguments.nodes, arguments.width, generator=draws).to(device) for _ in range(2)
    )
    expected = hop(products[OURS], x, gradient)  # also warms up
    for name, product in products.items():
        for ours, theirs in zip(expected, hop(product, x, gradient), strict=True):
            torch.testing.assert_close(theirs, ours, msg=f"{name} computes something else")
    best = dict.fromkeys(products, float("inf"))
    source = torch.ones(len(src) * arguments.width, device=device)
    target, copying = torch.zeros_like(source), float("inf")
    for _ in range(arguments.rounds):
        copying = min(copying, seconds_of(lambda: target.copy_(source), device))
        for name, product in products.items():
            taken = seconds_of(lambda product=product: hop(product, x, gradient), device)
            best[name] = min(best[name], taken)
    moved = bytes_of(arguments.nodes, len(src), arguments.width, 8, 8)
    copied = 2 * 4 * len(source) / copying
    result = {
        "command": called(),
        "machine": about,
        "nodes": arguments.nodes,
        "edges": len(src),
        "width": arguments.width,
        "rounds": arguments.rounds,
        "device": arguments.device,
        "milliseconds": {name: round(1_000 * taken, 2) for name, taken in best.items()},
        "times_as_long_as_ours": {
            name: round(taken / best[OURS], 2) for name, taken in best.items() if name != OURS
        },
        "bytes_of_a_hop": moved,
        "gigabytes_a_second": round(moved / best[OURS] / 1e9, 2),
        "copied_gigabytes_a_second": round(copied / 1e9, 2),
        "share_of_copy": round(moved / best[OURS] / copied, 3),
    }
    write_json(arguments.out, result)
    print(f"{OURS}: {1_000 * best[OURS]:,.1f} ms forward and backward, {len(src):,} edges")
    for name, ratio in result["times_as_long_as_ours"].items():
        print(f"{name}: {1_000 * best[name]:,.1f} ms, {ratio:.2f} times as long")
    print(
        f"{result['gigabytes_a_second']} GB/s in the hop, "
        f"{result['copied_gigabytes_a_second']} GB/s in a copy: {result['share_of_copy']:.0%}"
    )


if __name__ == "__main__":
    main()
