import random
import re
from pathlib import Path

import pytest
import torch
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling, NodeSamplerInput
from torch_geometric.utils import trim_to_layer

import gnn
from gnn.sampling.sampler import HeteroNeighborSampler
from gnn.sampling.storage import open_indexes, write_indexes
from kg.errors import InputError

LIKES, LIKED = ("user", "likes", "book"), ("book", "rev_likes", "user")
BY, WROTE = ("book", "by", "author"), ("author", "rev_by", "book")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def around(sampler, users, time=None):
    nodes = torch.tensor(users, dtype=torch.long)
    return sampler.sample_from_nodes(
        NodeSamplerInput(None, nodes, None if time is None else torch.tensor(time), "user")
    )


def as_lists(out):
    """Return everything that was sampled, to compare."""
    parts = (out.node, out.row, out.col, out.edge, out.batch or {})
    return [{name: values.tolist() for name, values in part.items()} for part in parts]


def check_subgraph(out, data):
    """Edges join what they join in the graph; nodes come once a subgraph; hops are told apart."""
    for e in data.edge_types:
        src, dst = data[e].edge_index[:, out.edge[e]]
        assert torch.equal(out.node[e[0]][out.row[e]], src)
        assert torch.equal(out.node[e[2]][out.col[e]], dst)
        assert sum(out.num_sampled_edges[e]) == len(out.row[e])
        if out.batch is not None:
            assert torch.equal(out.batch[e[0]][out.row[e]], out.batch[e[2]][out.col[e]])
    for kind, nodes in out.node.items():
        assert sum(out.num_sampled_nodes[kind]) == len(nodes)
        keys = nodes if out.batch is None else out.batch[kind] * 1_000 + nodes
        assert len(keys.unique()) == len(keys)


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("replace", [False, True])
def test_a_subgraph_is_part_of_the_graph(data, disjoint, replace):
    sampler = HeteroNeighborSampler.from_data(
        data, [3, 2, 2], disjoint=disjoint, replace=replace, generator=seeded()
    )
    out = around(sampler, [5, 0, 39, 7])
    check_subgraph(out, data)
    assert out.node["user"][:4].tolist() == [5, 0, 39, 7]
    assert out.num_sampled_nodes["user"][:2] == [4, 0]
    assert out.num_sampled_nodes["author"][0] == out.num_sampled_nodes["author"][1] == 0
    if disjoint:
        assert out.batch["user"][:4].tolist() == [0, 1, 2, 3]
        assert not (out.batch["book"] == 2).any()  # user 39 has no edge
    out = around(sampler, [])
    assert [len(nodes) for nodes in out.node.values()] == [0, 0, 0]


def test_all_neighbours_are_those_of_a_plain_sampler(data, draw_slowly):
    fan_outs = {e: [-1, -1] for e in data.edge_types} | {BY: [-1, 0]}
    sampler = HeteroNeighborSampler.from_data(data, fan_outs)
    out = around(sampler, [1, 2, 2])  # twice: as in PyG, a seed has a row for each time
    check_twice = out.node["user"][:3].tolist()
    edges = {e: data[e].edge_index.t().tolist() for e in data.edge_types}
    sizes = {kind: data[kind].num_nodes for kind in data.node_types}
    nodes, found, num_nodes, num_edges = draw_slowly(edges, sizes, {"user": [1, 2, 2]}, fan_outs)
    assert check_twice == [1, 2, 2]
    assert out.num_sampled_nodes == num_nodes
    assert out.num_sampled_edges == num_edges
    for kind, some in nodes.items():
        assert sorted(out.node[kind].tolist()) == sorted(some)
    for e, (rows, columns, numbers) in found.items():
        theirs = sorted(
            (nodes[e[0]][r], c, n) for r, c, n in zip(rows, columns, numbers, strict=True)
        )
        ours = (out.node[e[0]][out.row[e]], out.col[e], out.edge[e])
        if e[2] == "user":  # rows of seeds are the same in both; others come in another order
            assert sorted(zip(*(column.tolist() for column in ours), strict=True)) == theirs


@pytest.mark.parametrize("replace", [False, True])
def test_edges_are_as_likely_as_in_a_plain_sampler(data, draw_slowly, replace):
    fan_outs = {LIKES: [3, 2], LIKED: [2, 3], BY: [1, 1], WROTE: [1, 2]}
    sampler = HeteroNeighborSampler.from_data(data, fan_outs, replace=replace, generator=seeded())
    edges = {e: data[e].edge_index.t().tolist() for e in data.edge_types}
    sizes = {kind: data[kind].num_nodes for kind in data.node_types}
    ours, theirs = ({e: torch.zeros(len(pairs)) for e, pairs in edges.items()} for _ in range(2))
    size = torch.zeros(2)
    dice = random.Random(0)
    for _ in range(300):
        out = around(sampler, [0, 3, 8])
        for e, numbers in out.edge.items():
            ours[e] += torch.bincount(numbers, minlength=len(edges[e]))
        found = draw_slowly(
            edges, sizes, {"user": [0, 3, 8]}, fan_outs, replace=replace, random=dice
        )
        for e, (_, _, numbers) in found[1].items():
            theirs[e] += torch.bincount(
                torch.tensor(numbers, dtype=torch.long), minlength=len(edges[e])
            )
        size += torch.tensor([sum(map(len, out.node.values())), sum(map(len, found[0].values()))])
    assert abs(size[0] - size[1]) < 0.05 * size[1]
    for e in edges:
        seen = (ours[e] + theirs[e]) > 20
        difference = (ours[e] - theirs[e])[seen] ** 2 / (ours[e] + theirs[e])[seen]
        expected = int(seen.sum())  # chi-square of so many degrees of freedom, at most
        assert difference.sum() <= expected + 4 * (2 * expected) ** 0.5


def test_a_generator_decides_and_the_default_one_is_left_alone(data):
    def draw(seed):
        sampler = HeteroNeighborSampler.from_data(data, [3, 3], generator=seeded(seed))
        pairs = EdgeSamplerInput(None, *data[LIKES].edge_index[:, :9], input_type=LIKES)
        return as_lists(sampler.sample_from_edges(pairs, NegativeSampling("binary", 2)))

    torch.manual_seed(1)
    one = draw(5)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert draw(5) == one
    assert draw(6) != one
    assert torch.equal(torch.get_rng_state(), state)


def test_mapped_indexes_draw_the_same(data, tmp_path):
    sampler = HeteroNeighborSampler.from_data(data, [4, 4], time_attr="time", generator=seeded())
    write_indexes(tmp_path / "indexes", sampler.indexes)
    mapped = HeteroNeighborSampler(
        open_indexes(tmp_path / "indexes"), sampler.num_nodes, [4, 4], generator=seeded()
    )
    times = [50, 60, 70]
    assert as_lists(around(mapped, [0, 1, 2], times)) == as_lists(around(sampler, [0, 1, 2], times))


def test_the_latest_of_relations_that_have_times(data):
    del data[BY].time, data[WROTE].time
    sampler = HeteroNeighborSampler.from_data(
        data, [3, 1], time_attr="time", temporal_strategy="last", generator=seeded()
    )
    out = around(sampler, [0, 1, 2], [50, 20, 99])
    check_subgraph(out, data)
    assert len(out.edge[WROTE]) > 0
    for row, until in enumerate([50, 20, 99]):
        before = data[LIKES].time[(data[LIKES].edge_index[0] == row) & (data[LIKES].time <= until)]
        heard = data[LIKED].time[out.edge[LIKED][out.col[LIKED] == row]]
        assert sorted(heard.tolist()) == sorted(before.tolist())[-3:]


def test_the_page_runs(tmp_path):
    page = Path(gnn.__file__).parents[1] / "docs" / "sampling.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {"folder": tmp_path / "indexes"}
    exec("\n".join(blocks), names)  # one goes on where the other ends
    assert len(names["batch"]["film"].dst_neg_index[0]) == 4
    assert names["mapped"].indexes.keys() == names["sampler"].indexes.keys()


def test_node_loader_of_pyg(data):
    sampler = HeteroNeighborSampler.from_data(data, [4, 3], generator=seeded())
    users = torch.randperm(40, generator=seeded())
    loader = NodeLoader(data, sampler, ("user", users), batch_size=16)
    seen = []
    for batch in loader:
        size = batch["user"].batch_size
        seen.append(batch["user"].n_id[:size])
        for kind in data.node_types:
            assert torch.equal(batch[kind].x[:, 0], batch[kind].n_id.float())
        for e in data.edge_types:
            ends = [batch[e[side]].n_id[batch[e].edge_index[side // 2]] for side in (0, 2)]
            assert torch.equal(torch.stack(ends), data[e].edge_index[:, batch[e].e_id])
            assert torch.equal(batch[e].edge_attr, data[e].edge_attr[batch[e].e_id])
            assert (torch.bincount(batch[e].edge_index[1]) <= 4).all()
        x, edges, _ = trim_to_layer(
            1,
            {kind: batch[kind].num_sampled_nodes for kind in data.node_types},
            {e: batch[e].num_sampled_edges for e in data.edge_types},
            batch.x_dict,
            batch.edge_index_dict,
        )
        assert edges[LIKED].shape[1] == batch[LIKED].num_sampled_edges[0]
        assert len(x["user"]) == sum(batch["user"].num_sampled_nodes[:2])
    assert torch.equal(torch.cat(seen), users)


@pytest.mark.parametrize("mode", [None, "binary", "triplet"])
@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("timed", [False, True])
def test_link_loader_of_pyg(data, mode, disjoint, timed):
    edges, time = data[LIKES].edge_index, data[LIKES].time
    sampler = HeteroNeighborSampler.from_data(
        data, [5, 4], time_attr="time" if timed else None, disjoint=disjoint, generator=seeded()
    )
    loader = LinkLoader(
        data,
        sampler,
        (LIKES, edges),
        edge_label_time=time if timed else None,
        neg_sampling=mode and NegativeSampling(mode, 2),
        batch_size=20,
        shuffle=True,
        generator=seeded(),
    )
    assert len(loader) == 15
    for batch in loader:
        own = batch[LIKES].input_id
        users, books = batch["user"].n_id, batch["book"].n_id
        if mode == "triplet":
            pairs = torch.stack(
                [users[batch["user"].src_index], books[batch["book"].dst_pos_index]]
            )
            assert batch["book"].dst_neg_index.shape == (20, 2)
        else:
            src, dst = batch[LIKES].edge_label_index
            pairs = torch.stack([users[src], books[dst]])[:, :20]
            assert len(src) == (60 if mode else 20)
            if mode:
                assert batch[LIKES].edge_label.tolist() == [1] * 20 + [0] * 40
        assert torch.equal(pairs, edges[:, own])
        for e in (LIKES, LIKED):  # the reverse holds the same edges in the same order
            assert len(batch[e].e_id) > 0
            assert not torch.isin(batch[e].e_id, own).any()
        if timed:
            until = time[own]
            triplet = mode == "triplet"
            shown = batch["user"].seed_time if triplet else batch[LIKES].edge_label_time
            assert torch.equal(shown[:20], until)
            for e in data.edge_types:
                subgraph = batch[e[2]].batch[batch[e].edge_index[1]]
                assert (data[e].time[batch[e].e_id] <= until[subgraph]).all()


def test_workers_of_a_loader_draw_differently_and_repeatably(data):
    def epochs(loader):
        return [[as_lists_of(batch) for batch in loader] for _ in range(2)]

    def as_lists_of(batch):
        return [batch[e].e_id.tolist() for e in data.edge_types]

    def loader():
        sampler = HeteroNeighborSampler.from_data(data, [2, 2], generator=seeded(3))
        same = torch.zeros(4, dtype=torch.long)  # the same seed in every batch
        return NodeLoader(
            data, sampler, ("user", same), batch_size=1, num_workers=2, generator=seeded(4)
        )

    one = epochs(loader())
    assert one == epochs(loader())
    drawn = [batch for epoch in one for batch in epoch]
    assert all(a != b for i, a in enumerate(drawn) for b in drawn[:i])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_neighbors": [3, -2]}, r"fan-outs \[3, -2\] of relation \(user, likes, book\): each"),
        ({"num_neighbors": []}, "fan-outs must have a number for each hop"),
        ({"num_neighbors": {LIKES: [2]}}, r"no fan-outs for relation \(book, rev_likes, user\)"),
        (
            {"num_neighbors": {("user", "lykes", "book"): [2]}},
            r'no relation \(user, lykes, book\), did you mean "\(user, likes, book\)"',
        ),
        ({"temporal_strategy": "first"}, "no temporal_strategy 'first', there are uniform, last"),
        ({"temporal_strategy": "last"}, "needs edges with times"),
        ({"temporal_strategy": "last", "time_attr": "time", "replace": True}, "no replace"),
        ({"time_attr": "when"}, "no relation has an attribute 'when'"),
        ({"backend": "torsh"}, "no backend 'torsh', did you mean \"torch\""),
        ({"backend": "pyg-lib"}, "pyg-lib cannot draw here: "),
    ],
)
def test_options_that_make_no_sense_are_refused(data, options, message):
    with pytest.raises(InputError, match=message):
        HeteroNeighborSampler.from_data(data, **({"num_neighbors": [2, 2]} | options))


def test_lists_of_different_length_are_refused(data):
    fan_outs = {e: [2, 2] for e in data.edge_types} | {BY: [2]}
    with pytest.raises(InputError, match="as many for every relation"):
        HeteroNeighborSampler.from_data(data, fan_outs)


def test_seeds_that_make_no_sense_are_refused(data):
    plain = HeteroNeighborSampler.from_data(data, [2])
    timed = HeteroNeighborSampler.from_data(data, [2], time_attr="time")
    node = torch.tensor([0])
    for sampler, seeds, message in (
        (plain, NodeSamplerInput(None, node), "need a type"),
        (plain, NodeSamplerInput(None, node, None, "reader"), "no nodes of type 'reader'"),
        (plain, NodeSamplerInput(None, node, node, "user"), "the edges have none: time_attr="),
        (timed, NodeSamplerInput(None, node, None, "user"), "seeds need them: input_time="),
    ):
        with pytest.raises(InputError, match=message):
            sampler.sample_from_nodes(seeds)
    with pytest.raises(InputError, match="no nodes of type 'poem', there are user, book, author"):
        plain.sample_from_edges(
            EdgeSamplerInput(None, node, node, None, None, (*LIKES[:2], "poem"))
        )
    with pytest.raises(InputError, match="need a type"):
        plain.sample_from_edges(EdgeSamplerInput(None, node, node))


def test_indexes_that_do_not_fit_are_refused(data):
    good = HeteroNeighborSampler.from_data(data, [2])
    with pytest.raises(InputError, match="the graph has no relation"):
        HeteroNeighborSampler({}, good.num_nodes, [2])
    with pytest.raises(InputError, match=r"\(user, likes, book\) is of 40 and 30 nodes, but there"):
        HeteroNeighborSampler(good.indexes, good.num_nodes | {"book": 31}, [2])
    with pytest.raises(InputError, match="expected HeteroData, got Data"):
        HeteroNeighborSampler.from_data(data.to_homogeneous(), [2])
