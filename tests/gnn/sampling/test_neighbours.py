from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from gnn.sampling.csr import NeighbourIndex
from gnn.sampling.neighbours import sample
from kg.errors import InputError

DEGREES = [0, 1, 3, 7, 200]


def star(degrees=DEGREES, time=None):
    """Return an index in which destination i hears `degrees[i]` sources; edge number = source."""
    dst = torch.repeat_interleave(torch.arange(len(degrees)), torch.tensor(degrees))
    src = torch.arange(len(dst))
    return NeighbourIndex.from_edges(src, dst, max(1, len(dst)), len(degrees), time=time)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def sets_by_seed(found, num_seeds):
    return [found.edges[found.picked == seed].tolist() for seed in range(num_seeds)]


def test_every_subset_is_as_likely():
    index = star([6])
    found = sample(index, torch.zeros(40_000, dtype=torch.long), 3, generator=seeded())
    drawn = np.sort(found.edges.view(-1, 3).numpy(), axis=1)
    places = {subset: 0 for subset in combinations(range(6), 3)}
    for subset, count in zip(*np.unique(drawn, axis=0, return_counts=True), strict=True):
        places[tuple(subset.tolist())] = int(count)
    assert len(places) == 20
    assert chisquare(list(places.values())).pvalue > 0.01


@pytest.mark.parametrize("fan_out", [1, 2, 5, 40])
@pytest.mark.parametrize("replace", [False, True])
def test_every_neighbour_is_as_likely(fan_out, replace):
    index = star([200])
    seeds = torch.zeros(20_000, dtype=torch.long)
    found = sample(index, seeds, fan_out, replace=replace, generator=seeded())
    counts = torch.bincount(found.edges, minlength=200).numpy()
    assert counts.sum() == 20_000 * fan_out
    # without replacement counts vary less than a multinomial's do: by 1 - fan_out / degree
    spread = 1 if replace else 1 - (fan_out - 1) / 199
    statistic = ((counts - counts.mean()) ** 2 / counts.mean()).sum() / spread
    assert 140 < statistic < 270  # 199 degrees of freedom, beyond 0.1 % on either side


def test_draws_of_different_seeds_are_independent():
    index = star([5, 5])
    seeds = torch.arange(2).repeat(20_000)
    found = sample(index, seeds, 1, generator=seeded()).edges.view(-1, 2)
    joint = torch.bincount(found[:, 0] * 5 + found[:, 1] - 5, minlength=25)
    assert chisquare(joint.numpy()).pvalue > 0.01


def test_no_edge_comes_twice_and_small_rows_come_whole():
    index = star()
    seeds = torch.arange(len(DEGREES)).repeat(50)
    for fan_out in (1, 3, 7, 100, 300):
        found = sample(index, seeds, fan_out, generator=seeded(fan_out))
        for seed, edges in zip(seeds.tolist(), sets_by_seed(found, len(seeds)), strict=True):
            assert len(edges) == len(set(edges)) == min(fan_out, DEGREES[seed])
        assert (found.picked.diff() >= 0).all()


def test_all_neighbours_of_every_seed():
    found = sample(star(), torch.tensor([2, 0, 3]), -1)
    assert sets_by_seed(found, 3) == [[1, 2, 3], [], [4, 5, 6, 7, 8, 9, 10]]


def test_replacement_gives_as_many_as_asked_for_or_none():
    found = sample(star(), torch.arange(5), 6, replace=True, generator=seeded())
    assert torch.bincount(found.picked, minlength=5).tolist() == [0, 6, 6, 6, 6]


def test_nodes_without_edges_and_nobody_at_all():
    index = star([0, 0])
    nobody = torch.empty(0, dtype=torch.long)
    for fan_out in (-1, 0, 4):
        for seeds in (torch.tensor([0, 1]), nobody):
            for replace in (False, True):
                found = sample(index, seeds, fan_out, replace=replace)
                assert [len(part) for part in found] == [0, 0, 0, 0]
    assert len(sample(star(), torch.arange(5), 0).edges) == 0


def test_a_generator_decides():
    index, seeds = star(), torch.arange(5)
    torch.manual_seed(1)
    one = sample(index, seeds, 4, generator=seeded(7))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    two = sample(index, seeds, 4, generator=seeded(7))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert (torch.get_rng_state() == state).all()
    other = sample(index, seeds, 4, generator=seeded(8))
    assert other.edges.tolist() != one.edges.tolist()


def test_what_is_hidden_is_never_drawn_and_the_rest_is_as_likely():
    index = star([12, 30])
    mask = torch.zeros(42, dtype=torch.bool)
    mask[[0, 5, 11, 12, 41]] = True
    less = index.without(mask).without_pairs(torch.tensor([3, 20]), torch.tensor([0, 1]))
    gone = {0, 3, 5, 11}
    seeds = torch.zeros(20_000, dtype=torch.long)
    found = sample(less, seeds, 3, generator=seeded())
    counts = torch.bincount(found.edges, minlength=12).numpy()
    assert set(np.flatnonzero(counts == 0).tolist()) == gone
    left = counts[counts > 0]
    statistic = ((left - left.mean()) ** 2 / left.mean()).sum() / (1 - 2 / 7)
    assert statistic < 18.5  # 7 degrees of freedom
    assert set(sample(less, torch.tensor([1]), -1).edges.tolist()) == set(range(13, 41)) - {20}


def test_nothing_later_than_the_seed():
    time = torch.randint(10, (100,), generator=seeded())
    index = star([60, 40], time=time)
    seeds = torch.arange(2).repeat(20)
    until = torch.arange(40) % 11 - 1
    for last in (False, True):
        found = sample(index, seeds, 8, generator=seeded(), time=until, last=last)
        assert (index.time[found.places] == time[found.edges]).all()
        for row, edges in enumerate(sets_by_seed(found, len(seeds))):
            own = range(60) if seeds[row] == 0 else range(60, 100)
            before = [edge for edge in own if time[edge] <= until[row]]
            assert set(edges) <= set(before)
            assert len(set(edges)) == min(8, len(before))
            if last and edges:
                expected = sorted((time[edge].item() for edge in before), reverse=True)[:8]
                assert sorted((time[edge].item() for edge in edges), reverse=True) == expected


def test_the_latest_without_a_seed_time_are_the_latest_of_all():
    index = star([5], time=torch.tensor([3, 9, 1, 7, 5]))
    assert set(sample(index, torch.tensor([0]), 2, last=True).edges.tolist()) == {1, 3}


def test_a_large_fan_out_is_drawn_in_blocks(monkeypatch):
    index, seeds = star([300, 40]), torch.arange(2).repeat(30)
    whole = sample(index, seeds, 50, generator=seeded())
    monkeypatch.setattr("gnn.sampling.neighbours._CELLS", 350)
    blocks = sample(index, seeds, 50, generator=seeded())
    assert (whole.edges == blocks.edges).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fan_out": -2}, "a fan-out of -2: it must be at least 0, or -1 for all neighbours"),
        ({"fan_out": 3, "last": True}, "the edges have no times"),
        ({"fan_out": 3, "time": torch.zeros(1)}, "the edges have no times"),
        ({"fan_out": 3, "last": True, "replace": True}, "take last or replace, not both"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    time = torch.arange(211) if "replace" in options else None
    with pytest.raises(InputError, match=message):
        sample(star(time=time), torch.tensor([0]), **options)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu():
    device = torch.device("cuda")
    index = star(time=torch.arange(211) % 9).to(device)
    less = index.without_pairs(torch.tensor([2], device=device), torch.tensor([2], device=device))
    seeds = torch.arange(5, device=device)
    found = sample(
        less,
        seeds,
        4,
        generator=torch.Generator(device).manual_seed(0),
        time=torch.full((5,), 8, device=device),
    )
    assert found.edges.device.type == "cuda"
    assert torch.bincount(found.picked, minlength=5).tolist() == [0, 1, 2, 4, 4]
