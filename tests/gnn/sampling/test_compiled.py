"""The call of pyg-lib, against a stand-in: the library itself is not among what tests install."""

import random
from types import SimpleNamespace

import pytest
import torch
import torch_geometric.typing
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import NeighborSampler, NodeSamplerInput

from gnn.sampling.sampler import HeteroNeighborSampler
from kg.errors import InputError

LIKES, LIKED = ("user", "likes", "book"), ("book", "rev_likes", "user")
NAMES = [
    *("node_types", "edge_types", "rows", "columns", "seeds", "fan_outs"),
    *("node_time", "edge_time", "seed_time", "weight"),
    *("csc", "replace", "directed", "disjoint", "strategy", "return_edge_id"),
]


@pytest.fixture
def calls(monkeypatch, draw_slowly):
    """Put a plain Python sampler in place of the library; its calls are recorded."""
    found, dice = [], random.Random(0)

    def hetero_neighbor_sample(*arguments):
        call = dict(zip(NAMES, arguments, strict=True))
        found.append(call)
        names = {"__".join(e): e for e in call["edge_types"]}
        ends = {
            e: list(
                zip(
                    call["columns"][name].tolist(),
                    torch.repeat_interleave(call["rows"][name].diff()).tolist(),
                    strict=True,
                )
            )
            for name, e in names.items()
        }
        nodes, edges, num_nodes, num_edges = draw_slowly(
            ends,
            dict.fromkeys(call["node_types"]),
            {t: seeds.tolist() for t, seeds in call["seeds"].items()},
            {e: call["fan_outs"][name] for name, e in names.items()},
            replace=call["replace"],
            random=dice,
        )
        nodes = {t: torch.tensor(some, dtype=torch.long) for t, some in nodes.items()}
        if call["disjoint"]:  # a column for the subgraph; this sampler knows only one
            nodes = {t: torch.stack([some * 0, some], 1) for t, some in nodes.items()}
        row, col, edge = (
            {name: torch.tensor(edges[e][i], dtype=torch.long) for name, e in names.items()}
            for i in range(3)
        )
        return row, col, nodes, edge, num_nodes, {n: num_edges[e] for n, e in names.items()}

    for flag in ("PYG_LIB", "EDGE_TIME_NEIGHBOR_SAMPLE", "WEIGHTED_NEIGHBOR_SAMPLE"):
        monkeypatch.setattr(torch_geometric.typing, f"WITH_{flag}", True)
    stand_in = SimpleNamespace(hetero_neighbor_sample=hetero_neighbor_sample)
    monkeypatch.setattr(torch.ops, "pyg", stand_in, raising=False)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"replace": True, "disjoint": True},
        {"time_attr": "time", "temporal_strategy": "last"},
    ],
)
def test_it_is_called_as_the_sampler_of_pyg_calls_it(data, calls, options):
    fan_outs = {e: [3, 2] for e in data.edge_types} | {LIKES: [1, 4]}
    ours = HeteroNeighborSampler.from_data(data, fan_outs, backend="pyg-lib", **options)
    theirs = NeighborSampler(data, fan_outs, **options)
    time = torch.tensor([50, 60]) if "time_attr" in options else None
    for sampler in (ours, theirs):
        sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([4, 1]), time, "user"))
    mine, pygs = calls
    for name in ("rows", "seeds", "edge_time", "seed_time"):
        one, other = mine.pop(name), pygs.pop(name)
        assert (one is None) == (other is None)
        for key in one or {}:
            assert torch.equal(one[key], other[key])
            assert one[key].dtype == other[key].dtype == torch.int64
        assert (one or {}).keys() == (other or {}).keys()
    columns, theirs_columns = mine.pop("columns"), pygs.pop("columns")
    for key, column in columns.items():  # rows hold the same nodes, perhaps in another order
        assert column.dtype == torch.int64
        assert torch.equal(column.sort().values, theirs_columns[key].sort().values)
    assert mine == pygs


def test_edges_have_the_numbers_of_the_graph(data, calls):
    sampler = HeteroNeighborSampler.from_data(data, [3, 3])
    for batch in NodeLoader(data, sampler, "user", batch_size=20):
        for e in data.edge_types:
            ends = [batch[e[side]].n_id[batch[e].edge_index[side // 2]] for side in (0, 2)]
            assert torch.equal(torch.stack(ends), data[e].edge_index[:, batch[e].e_id])
        assert sum(batch["book"].num_sampled_nodes) == len(batch["book"].n_id)
    assert len(calls) == 2


def test_disjoint_subgraphs_come_as_pairs(data, calls):
    sampler = HeteroNeighborSampler.from_data(data, [3], disjoint=True)
    out = sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([4]), None, "user"))
    assert out.batch["book"].tolist() == [0] * len(out.node["book"])
    assert out.node["user"][0] == 4


def test_the_distribution_is_that_of_our_own(data, calls):
    seeds = NodeSamplerInput(None, torch.tensor([0, 3, 8]), None, "user")
    counts = []
    for backend in ("pyg-lib", "torch"):
        torch.manual_seed(0)
        sampler = HeteroNeighborSampler.from_data(data, [3, 2], backend=backend)
        found = [sampler.sample_from_nodes(seeds).edge[LIKES] for _ in range(300)]
        counts.append(torch.bincount(torch.cat(found), minlength=300))
    assert len(calls) == 300
    one, other = (c.double() for c in counts)
    seen = (one + other) > 20
    statistic = ((one - other) ** 2 / (one + other))[seen].sum()
    assert statistic <= seen.sum() + 4 * (2 * seen.sum()) ** 0.5


def test_it_is_not_called_where_it_cannot_do_what_is_asked(data, calls):
    seeded = HeteroNeighborSampler.from_data(data, [3], generator=torch.Generator())
    seeded.sample_from_nodes(NodeSamplerInput(None, torch.tensor([0]), None, "user"))
    sampler = HeteroNeighborSampler.from_data(data, [3])
    for batch in LinkLoader(data, sampler, (LIKES, None), batch_size=100):
        own = batch[LIKES].input_id
        assert not torch.isin(batch[LIKES].e_id, own).any()
    assert calls == []
    with pytest.raises(InputError, match="pyg-lib cannot draw here: it takes no generator"):
        HeteroNeighborSampler.from_data(data, [3], generator=torch.Generator(), backend="pyg-lib")
    only = HeteroNeighborSampler.from_data(data, [3], backend="pyg-lib")
    with pytest.raises(InputError, match="pyg-lib cannot leave out edges"):
        next(iter(LinkLoader(data, only, (LIKES, None))))
    kept = HeteroNeighborSampler.from_data(data, [3], backend="pyg-lib", keep_supervision=True)
    next(iter(LinkLoader(data, kept, (LIKES, None), batch_size=5)))
    assert len(calls) == 1
