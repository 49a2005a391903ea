"""Sampled edges a second: our tensor operations beside PyG's compiled samplers and a NumPy loop.

    python benchmarks/sampler.py

Users and items with power-law degrees, each edge in both directions; two hops around users,
fan-outs 15 and 10, from the seeds to a renumbered subgraph. Every contender draws around the same
seeds, in turns. `pyg-lib` and `torch-sparse` take part where they are installed: through PyG's own
sampler, which prefers the former. The NumPy loop is what is left to those who have neither.

One thread, as a worker of a loader has: a second core is a second worker. (Two threads of torch
on cores that are busy with other things wait for each other, forty times as long as they work.)
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch_geometric.typing as installed
from machine import called, machine
from stopwatch import taken
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.sampler import EdgeSamplerInput, NeighborSampler, NodeSamplerInput

from gnn.sampling.sampler import HeteroNeighborSampler
from kg.files import write_json

RESULT = Path(__file__).parent / "results" / "sampler.json"
LIKES, LIKED = ("user", "likes", "item"), ("item", "rev_likes", "user")
FAN_OUTS = [15, 10]
OURS, LOOP = "gnn.sampling", "NumPy loop"
Draw = Callable[[Tensor], int]  # seeds to the number of edges that were sampled


def power_law(num_nodes: int, num_edges: int) -> HeteroData:
    """Return users (seven of ten nodes) and items; `num_edges` counts both directions."""
    draws = np.random.default_rng(0)
    data = HeteroData()
    data["user"].num_nodes = num_nodes * 7 // 10
    data["item"].num_nodes = num_nodes - data["user"].num_nodes
    # rank r has about r ** (-2 / 3) of the edges; ranks are shuffled over the nodes
    ends = [
        draws.permutation(data[kind].num_nodes)[
            (draws.random(num_edges // 2) ** 3 * data[kind].num_nodes).astype(np.int64)
        ]
        for kind in ("user", "item")
    ]
    data[LIKES].edge_index = torch.from_numpy(np.stack(ends))
    data[LIKED].edge_index = data[LIKES].edge_index.flip(0)
    times = draws.integers(0, 1_000, num_edges // 2)
    data[LIKES].time = data[LIKED].time = torch.from_numpy(times)
    return data


def around_users(sampler: HeteroNeighborSampler | NeighborSampler, timed: bool = False) -> Draw:
    """Return the draw around users."""

    def draw(seeds: Tensor) -> int:
        until = torch.full_like(seeds, 500) if timed else None
        out = sampler.sample_from_nodes(NodeSamplerInput(None, seeds, until, "user"))
        return sum(len(rows) for rows in out.row.values())

    return draw


def around_pairs(sampler: HeteroNeighborSampler, pairs: Tensor) -> Draw:
    """Return the draw around as many of the edges as there are seeds, without these edges."""

    def draw(seeds: Tensor) -> int:
        src, dst = pairs[:, seeds]
        out = sampler.sample_from_edges(EdgeSamplerInput(None, src, dst, input_type=LIKES))
        return sum(len(rows) for rows in out.row.values())

    return draw


def numpy_loop(ours: HeteroNeighborSampler) -> Draw:
    """Return the draw of a loop over nodes, with NumPy doing the work on each."""
    rows, columns = (
        {e: getattr(index, name).numpy() for e, index in ours.indexes.items()}
        for name in ("rows", "columns")
    )
    draws = np.random.default_rng(0)

    def draw(seeds: Tensor) -> int:
        frontier, known, total = (
            seeds.numpy(),
            {"user": seeds.numpy(), "item": seeds[:0].numpy()},
            0,
        )
        for fan_out, e in zip(FAN_OUTS, (LIKED, LIKES), strict=True):
            found = []
            for node in frontier:
                near = columns[e][rows[e][node] : rows[e][node + 1]]
                few = len(near) <= fan_out
                found.append(near if few else draws.choice(near, fan_out, replace=False))
            heard = np.concatenate(found)
            total += len(heard)
            nodes, _ = np.unique(heard, return_inverse=True)
            frontier = np.setdiff1d(nodes, known[e[0]], assume_unique=True)
            known[e[0]] = np.concatenate([known[e[0]], frontier])
        return total

    return draw


def measure(draws: dict[str, Draw], seeds: list[Tensor]) -> dict[str, dict[str, float]]:
    """Return millions of edges a second by contender: best and median round, and of CPU time."""
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in draws}
    for some in seeds:
        for name, draw in draws.items():
            edges, wall, cpu = taken(partial(draw, some))
            speeds[name].append((edges / 1e6 / wall, edges / 1e6 / cpu))
    return {
        name: {
            "best": round(max(wall for wall, _ in found), 3),
            "median": round(median(wall for wall, _ in found), 3),
            "median_of_cpu_time": round(median(cpu for _, cpu in found), 3),
        }
        for name, found in speeds.items()
    }


def contenders(data: HeteroData, ours: HeteroNeighborSampler) -> tuple[dict[str, Draw], list[str]]:
    """Return who draws around users, and what is not installed."""
    draws = {OURS: around_users(ours)}
    compiled = {"pyg-lib": installed.WITH_PYG_LIB, "torch-sparse": installed.WITH_TORCH_SPARSE}
    there = next((name for name, found in compiled.items() if found), None)
    if there:
        draws[f"PyG with {there}"] = around_users(NeighborSampler(data, FAN_OUTS))
    draws[LOOP] = numpy_loop(ours)
    return draws, [name for name, found in compiled.items() if not found]


def variants(
    data: HeteroData, plain: HeteroNeighborSampler, timed: HeteroNeighborSampler
) -> dict[str, Draw]:
    """Return what else our sampler does."""
    generator = torch.Generator().manual_seed(1)

    def sampler(**options: bool) -> HeteroNeighborSampler:
        return HeteroNeighborSampler(
            plain.indexes, plain.num_nodes, FAN_OUTS, generator=generator, **options
        )

    return {
        "with replacement": around_users(sampler(replace=True)),
        "around pairs, without their edges": around_pairs(sampler(), data[LIKES].edge_index),
        "disjoint": around_users(sampler(disjoint=True)),
        "nothing later than the seed": around_users(timed, timed=True),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=20_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    about = machine("torch", "torch_geometric", "numpy")
    data = power_law(arguments.nodes, arguments.edges)
    generator = torch.Generator().manual_seed(0)
    result = {
        "command": called(),
        "machine": about,
        "nodes": arguments.nodes,
        "edges": 2 * data[LIKES].edge_index.shape[1],
        "fan_outs": FAN_OUTS,
        "unit": "millions of sampled edges a second",
    }
    plain, timed = (
        HeteroNeighborSampler.from_data(data, FAN_OUTS, time_attr=time_attr, generator=generator)
        for time_attr in (None, "time")
    )
    draws, result["not_installed"] = contenders(data, plain)
    others = variants(data, plain, timed)
    for batch in (1_024, 4_096):
        seeds = [
            torch.randint(data["user"].num_nodes, (batch,), generator=generator)
            for _ in range(arguments.rounds)
        ]
        for draw in (*draws.values(), *others.values()):
            draw(seeds[0])  # warms up
        few = seeds[: max(3, arguments.rounds // 10)]
        found = measure({n: d for n, d in draws.items() if n != LOOP}, seeds)
        found |= measure({LOOP: draws[LOOP]}, few)
        found |= measure(others, seeds)
        result[f"batch_{batch}"] = found
        result[f"times_as_fast_{batch}"] = {
            name: {m: round(found[OURS][m] / speed, 2) for m, speed in found[name].items()}
            for name in draws
            if name != OURS
        }
        print(f"{batch:,} seeds, fan-outs {FAN_OUTS}")
        for name, speed in found.items():
            wall, cpu = speed["median"], speed["median_of_cpu_time"]
            print(f"  {name}: {wall:.2f} million edges a second, {cpu:.2f} of processor time")
        for name, ratio in result[f"times_as_fast_{batch}"].items():
            print(f"  {ratio['median_of_cpu_time']:.1f} times as fast as {name}, processor time")
    write_json(arguments.out, result)


if __name__ == "__main__":
    main()
