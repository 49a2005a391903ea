"""A small graph of people, books and authors, with reverses and times."""

import pytest
import torch
from torch_geometric.data import HeteroData

LIKES, LIKED = ("user", "likes", "book"), ("book", "rev_likes", "user")
BY, WROTE = ("book", "by", "author"), ("author", "rev_by", "book")


@pytest.fixture
def data() -> HeteroData:
    """Forty users, thirty books, five authors; the last user and book have no edge."""
    draws = torch.Generator().manual_seed(0)
    data = HeteroData()
    for kind, number in (("user", 40), ("book", 30), ("author", 5)):
        data[kind].x = torch.arange(number)[:, None].float()
    pairs = torch.randperm(39 * 29, generator=draws)[:300]
    likes = torch.stack([pairs // 29, pairs % 29])
    by = torch.stack([torch.arange(29), torch.randint(5, (29,), generator=draws)])
    for forth, back, edges in ((LIKES, LIKED, likes), (BY, WROTE, by)):
        time = torch.randint(100, (edges.shape[1],), generator=draws)
        data[forth].edge_index, data[forth].time = edges, time
        data[back].edge_index, data[back].time = edges.flip(0), time
        data[forth].edge_attr = data[back].edge_attr = torch.arange(edges.shape[1])
    return data


def _by_destination(pairs):
    into = {}
    for number, (src, dst) in enumerate(pairs):
        into.setdefault(dst, []).append((number, src))
    return into


def _some(near, fan_out, replace, random):
    if replace and near and fan_out >= 0:
        return random.choices(near, k=fan_out)
    return random.sample(near, fan_out) if 0 <= fan_out < len(near) else near


def _draw_slowly(edges, num_nodes, seeds, fan_outs, *, replace=False, random=None):
    """Sample as pyg-lib does, node by node in plain Python: what all else is compared with.

    Args:
        edges: by relation, a list of (source, destination); an edge's number is its place.
        num_nodes: by node type.
        seeds: by node type, a list.
        fan_outs: by relation, one number a hop.
        replace: with replacement.
        random: a `random.Random`.

    Returns:
        nodes by type; by relation lists of rows, columns and edge numbers; numbers of nodes by type
        and hop; numbers of edges by relation and hop.
    """
    into = {e: _by_destination(pairs) for e, pairs in edges.items()}
    nodes = {t: list(seeds.get(t, [])) for t in num_nodes}
    row_of = {t: {} for t in num_nodes}
    for t, some in nodes.items():
        for place, node in enumerate(some):
            row_of[t].setdefault(node, place)
    begin = dict.fromkeys(nodes, 0)
    found = {e: ([], [], []) for e in edges}
    num_sampled_nodes = {t: [len(some)] for t, some in nodes.items()}
    num_sampled_edges = {e: [] for e in edges}
    for hop in range(len(next(iter(fan_outs.values())))):
        end = {t: len(some) for t, some in nodes.items()}
        for e, (rows, columns, numbers) in found.items():
            before, fan_out = len(rows), fan_outs[e][hop]
            for column in range(begin[e[2]], end[e[2]]):
                near = into[e].get(nodes[e[2]][column], [])
                for number, src in _some(near, fan_out, replace, random):
                    if src not in row_of[e[0]]:
                        row_of[e[0]][src] = len(nodes[e[0]])
                        nodes[e[0]].append(src)
                    rows.append(row_of[e[0]][src])
                    columns.append(column)
                    numbers.append(number)
            num_sampled_edges[e].append(len(rows) - before)
        begin = end
        for t, some in nodes.items():
            num_sampled_nodes[t].append(len(some) - end[t])
    return nodes, found, num_sampled_nodes, num_sampled_edges


@pytest.fixture
def draw_slowly():
    return _draw_slowly
