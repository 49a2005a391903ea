import pytest
import torch

from gnn.sampling.csr import NeighbourIndex, bisect, spread
from gnn.sampling.neighbours import sample
from kg.errors import InputError

NUM_SRC, NUM_DST = 7, 6
#                    0  1  2  3  4  5  6  7  8; edges 1 and 7 join the same two nodes
SRC = torch.tensor([3, 1, 6, 0, 1, 5, 2, 1, 3])
DST = torch.tensor([4, 0, 4, 4, 4, 2, 4, 0, 0])
TIME = torch.tensor([9, 2, 7, 5, 3, 1, 4, 8, 6])


def edges_into(index, dst):
    return sorted(sample(index, torch.tensor([dst]), -1).edges.tolist())


@pytest.fixture(params=["without times", "with times"])
def index(request):
    time = TIME if request.param == "with times" else None
    return NeighbourIndex.from_edges(SRC, DST, NUM_SRC, NUM_DST, time=time)


def test_every_edge_is_in_the_row_of_its_destination(index):
    for dst in range(NUM_DST):
        assert edges_into(index, dst) == [e for e in range(len(DST)) if DST[e] == dst]
    assert index.degree(torch.arange(NUM_DST)).tolist() == [3, 0, 1, 0, 5, 0]
    assert (SRC[index.edges] == index.columns).all()


def test_rows_are_sorted_by_source_or_by_time():
    plain = NeighbourIndex.from_edges(SRC, DST, NUM_SRC, NUM_DST)
    assert plain.columns[plain.rows[4] : plain.rows[5]].tolist() == [0, 1, 2, 3, 6]
    timed = NeighbourIndex.from_edges(SRC, DST, NUM_SRC, NUM_DST, time=TIME)
    assert timed.time[timed.rows[4] : timed.rows[5]].tolist() == [3, 4, 5, 7, 9]


def test_pairs_go_with_their_parallel_edges(index):
    less = index.without_pairs(torch.tensor([1, 6, 5, 4]), torch.tensor([0, 4, 4, 4]))
    assert edges_into(less, 0) == [8]
    assert edges_into(less, 4) == [0, 3, 4, 6]
    assert edges_into(less, 2) == [5]  # the pair (5, 4) has no edge, nor has (4, 4)
    assert less.degree(torch.tensor([0, 4])).tolist() == [1, 4]
    assert edges_into(index, 0) == [1, 7, 8]  # the index itself stays as it was


def test_layers_hide_one_upon_the_other(index):
    mask = torch.zeros(len(SRC), dtype=torch.bool)
    mask[[0, 1, 5]] = True
    less = index.without(mask).without_pairs(torch.tensor([3, 6]), torch.tensor([4, 4]))
    assert edges_into(less, 4) == [3, 4, 6]  # edge 0, hidden twice, counts once
    assert edges_into(less, 0) == [7, 8]
    assert edges_into(less, 2) == []
    assert less.degree(torch.arange(NUM_DST)).tolist() == [2, 0, 0, 0, 3, 0]


def test_many_layers_equal_the_edges_that_are_left():
    draws = torch.Generator().manual_seed(0)
    src, dst = (torch.randint(30, (400,), generator=draws) for _ in range(2))
    time = torch.randint(50, (400,), generator=draws)
    index = NeighbourIndex.from_edges(src, dst, 30, 30, time=time)
    gone = torch.zeros(400, dtype=torch.bool)
    for _ in range(4):
        mask = torch.rand(400, generator=draws) < 0.15
        pairs = torch.randint(30, (2, 25), generator=draws)
        index = index.without(mask).without_pairs(*pairs)
        gone |= mask | ((src[:, None] == pairs[0]) & (dst[:, None] == pairs[1])).any(1)
    assert 0.2 < gone.float().mean() < 0.8
    for node in range(30):
        for until in (None, 20):
            seen = sample(
                index,
                torch.tensor([node]),
                -1,
                time=None if until is None else torch.tensor([until]),
            )
            expected = ~gone & (dst == node) & (time <= (until or 50))
            assert sorted(seen.edges.tolist()) == expected.nonzero()[:, 0].tolist()


def test_an_index_without_edges():
    none = torch.empty(0, dtype=torch.long)
    index = NeighbourIndex.from_edges(none, none, 0, 3, time=none)
    assert len(index) == 0
    less = index.without_pairs(none, none).without(none.bool())
    assert less.degree(torch.arange(3), torch.zeros(3)).tolist() == [0, 0, 0]


def test_bisect_is_searchsorted_within_each_range():
    values = torch.tensor([1, 3, 3, 7, 0, 2, 2, 9])
    start, end = torch.tensor([0, 4, 0, 4, 4, 2]), torch.tensor([4, 8, 4, 8, 8, 2])
    wanted = torch.tensor([3, 2, 8, -1, 10, 3])
    assert bisect(values, start, end, wanted, right=False).tolist() == [1, 5, 4, 4, 8, 2]
    assert bisect(values, start, end, wanted, right=True).tolist() == [3, 7, 4, 4, 8, 2]


def test_spread_names_every_member():
    of, member = spread(torch.tensor([5, 0, 9]), torch.tensor([2, 0, 3]))
    assert of.tolist() == [0, 0, 2, 2, 2]
    assert member.tolist() == [5, 6, 9, 10, 11]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dst": DST[:-1]}, "dst has 8 values for 9 edges"),
        ({"time": TIME[:2]}, "time has 2 values for 9 edges"),
        ({"num_src": 6}, "source rows go from 0 to 6, but there are 6 nodes"),
        ({"dst": DST - 1}, "destination rows go from -1 to 3, but there are 6 nodes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed, message):
    given = {"src": SRC, "dst": DST, "num_src": NUM_SRC, "num_dst": NUM_DST} | changed
    with pytest.raises(InputError, match=message):
        NeighbourIndex.from_edges(**given)
