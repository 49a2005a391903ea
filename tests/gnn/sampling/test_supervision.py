import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling

from gnn.sampling.sampler import HeteroNeighborSampler
from gnn.sampling.supervision import SeededNegatives
from kg.errors import InputError

LIKES, LIKED = ("user", "likes", "book"), ("book", "rev_likes", "user")
KNOWS = ("user", "knows", "user")


def complete(*relations, parallel=1):
    """Return a graph in which everybody is joined with everybody, `parallel` times."""
    data = HeteroData()
    data["user"].num_nodes, data["book"].num_nodes = 4, 5
    for e in relations:
        pairs = torch.cartesian_prod(*(torch.arange(data[e[side]].num_nodes) for side in (0, 2)))
        data[e].edge_index = pairs.t().repeat(1, parallel)
    return data


def pairs_seen(data, src, dst, edge_type=LIKES, **options):
    """Return by relation the pairs that are in the subgraph of everything around some pairs."""
    sampler = HeteroNeighborSampler.from_data(data, [-1, -1], **options)
    out = sampler.sample_from_edges(
        EdgeSamplerInput(None, torch.tensor(src), torch.tensor(dst), input_type=edge_type)
    )
    return {
        e: set(zip(*(ends.tolist() for ends in data[e].edge_index[:, out.edge[e]]), strict=True))
        for e in data.edge_types
    }


def test_parallel_edges_and_reverses_are_out_and_all_others_in():
    seen = pairs_seen(complete(LIKES, LIKED, parallel=3), [0, 2, 2], [1, 1, 4])
    hidden = {(0, 1), (2, 1), (2, 4)}
    everything = {(user, book) for user in range(4) for book in range(5)}
    assert seen[LIKES] == everything - hidden
    assert seen[LIKED] == {(book, user) for user, book in everything - hidden}


def test_the_reverse_may_be_what_is_asked_for():
    seen = pairs_seen(complete(LIKES, LIKED), [3], [0], edge_type=LIKED)
    assert (3, 0) not in seen[LIKED]
    assert (0, 3) not in seen[LIKES]
    assert len(seen[LIKED]) == len(seen[LIKES]) == 19


def test_an_edge_within_a_type_is_its_own_reverse():
    seen = pairs_seen(complete(KNOWS), [1], [2], edge_type=KNOWS)[KNOWS]
    everything = {(one, other) for one in range(4) for other in range(4)}
    assert seen == everything - {(1, 2), (2, 1)}


def test_a_reverse_of_another_name_must_be_said():
    back = ("book", "liked_by", "user")
    data = complete(LIKES, back)
    with pytest.raises(InputError, match=r"but \(book, liked_by, user\) leads back: say reverse="):
        pairs_seen(data, [0], [1])
    assert (1, 0) not in pairs_seen(data, [0], [1], reverse={LIKES: back})[back]
    assert (0, 1) not in pairs_seen(data, [1], [0], back, reverse={LIKES: back})[LIKES]
    assert (1, 0) in pairs_seen(data, [0], [1], reverse={})[back]
    with pytest.raises(InputError, match=r"no relation \(book, liked, user\), did you mean"):
        pairs_seen(data, [0], [1], reverse={LIKES: ("book", "liked", "user")})
    with pytest.raises(InputError, match="is no reverse of"):
        pairs_seen(data, [0], [1], reverse={LIKES: LIKES})


def test_supervision_stays_where_that_is_asked_or_the_relation_is_none_of_the_graph():
    data = complete(LIKES, LIKED)
    assert len(pairs_seen(data, [0], [1], keep_supervision=True)[LIKES]) == 20
    assert len(pairs_seen(data, [0], [1], edge_type=("user", "buys", "book"))[LIKES]) == 20


def test_what_is_hidden_in_the_indexes_stays_hidden():
    data = complete(LIKES, LIKED)
    sampler = HeteroNeighborSampler.from_data(data, [-1, -1])
    mask = torch.zeros(20, dtype=torch.bool)
    mask[[7, 8]] = True
    less = {**sampler.indexes, LIKES: sampler.indexes[LIKES].without(mask)}
    hidden = HeteroNeighborSampler(less, sampler.num_nodes, [-1, -1])
    out = hidden.sample_from_edges(
        EdgeSamplerInput(None, torch.tensor([0]), torch.tensor([1]), input_type=LIKES)
    )
    assert sorted(out.edge[LIKES].tolist()) == sorted(set(range(20)) - {1, 7, 8})


def test_the_answer_cannot_be_read_off_the_subgraph():
    """A batch's books lie within one hop of its users only if another edge leads there."""
    data = HeteroData()
    data["user"].num_nodes = data["book"].num_nodes = 6
    data[LIKES].edge_index = torch.arange(6).repeat(2, 1)  # each user has one book of their own
    data[LIKED].edge_index = data[LIKES].edge_index.flip(0)
    assert pairs_seen(data, [0, 1, 2], [0, 1, 2]) == {LIKES: set(), LIKED: set()}


def test_negatives_follow_their_weights():
    weight = torch.tensor([0.0, 1.0, 3.0])
    like = NegativeSampling("triplet", 1, dst_weight=weight)
    draws = SeededNegatives(like, torch.Generator().manual_seed(0))
    found = torch.bincount(draws.sample(4_000, "dst", 3), minlength=3)
    assert found[0] == 0
    assert 2.7 < found[2] / found[1] < 3.3
    assert set(draws.sample(200, "src", 4).tolist()) == {0, 1, 2, 3}
