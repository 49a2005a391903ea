import dataclasses

import numpy as np
import pytest

from kg.errors import LeakError
from kg.graph import Edges
from training.config import TaskConfig
from training.evaluation.shots import shots_text
from training.evaluation.split import check_no_leak, make_split
from training.evaluation.split_files import load_split, save_split

COLD = ("user-cold", "item-cold")


def make(make_graph, timed):
    rng = np.random.default_rng(7)
    items = {f"{domain}-{n:02d}": domain for domain in ("books", "films") for n in range(60)}
    pairs = [
        (f"user-{user:03d}", f"{domain}-{n:02d}")
        for user in range(200)
        for domain in ("books", "films")[: 1 + user % 2]
        for n in rng.choice(60, size=rng.integers(2, 10), replace=False)
    ]
    return make_graph(pairs, items, times=rng.random(len(pairs)) if timed else None)


@pytest.fixture
def graph(make_graph):
    """200 users with 2 to 9 of 60 books, half of them with films too, and times."""
    return make(make_graph, True)


def ends(graph, protocol):
    """Return row of the cold end and time of every target interaction, and its key."""
    edges = graph.interaction_edges
    inside = graph.item_mask("films")[edges.dst]
    cold = edges.src if protocol == "user-cold" else edges.dst
    keys = edges.src * len(graph.items) + edges.dst
    time = np.zeros(len(edges)) if edges.time is None else edges.time
    return cold[inside], time[inside], keys[inside]


def cold_rows(split):
    return split.cold_users if split.protocol == "user-cold" else split.cold_items


def make_shots(graph, protocol, shots, seed=0, **settings):
    return make_split(graph, TaskConfig(target="films", shots=shots, **settings), protocol, seed)


@pytest.mark.parametrize("protocol", COLD)
@pytest.mark.parametrize("shots", [1, 2, 5])
def test_cold_nodes_keep_exactly_the_earliest_and_lose_the_rest(graph, protocol, shots):
    split = make_shots(graph, protocol, shots)

    cold = cold_rows(split)
    all_ends, all_times, _ = ends(graph, protocol)
    kept_ends, kept_times, _ = ends(split.train, protocol)
    assert len(cold)
    for row in cold:
        times = np.sort(all_times[all_ends == row])
        assert len(times) > shots
        assert np.array_equal(np.sort(kept_times[kept_ends == row]), times[:shots])
    zero_shot = make_split(graph, TaskConfig(target="films"), protocol, 0)
    others = np.setdiff1d(cold_rows(zero_shot), cold)
    assert len(others) == split.too_few
    for row in others:  # nothing is left to predict of them, so all of it is trained on
        assert (kept_ends == row).sum() == (all_ends == row).sum() <= shots


@pytest.mark.parametrize("protocol", COLD)
@pytest.mark.parametrize("timed", [True, False])
def test_more_shots_add_to_fewer(make_graph, protocol, timed):
    graph = make(make_graph, timed)
    found = [set(ends(make_shots(graph, protocol, k).train, protocol)[2]) for k in (0, 1, 2)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("protocol", COLD)
def test_without_times_the_seed_decides_and_the_order_of_edges_does_not(make_graph, protocol):
    graph = make(make_graph, False)
    order = np.random.default_rng(0).permutation(len(graph.interaction_edges))
    shuffled = graph.with_edges({graph.interactions: graph.interaction_edges.take(order)})
    first = make_shots(graph, protocol, 1).train.fingerprint
    assert make_shots(shuffled, protocol, 1).train.fingerprint == first
    assert make_shots(graph, protocol, 1, seed=1).train.fingerprint != first


def test_candidates_are_as_without_shots(graph):
    items = make_shots(graph, "item-cold", 2)
    together = np.union1d(items.valid.candidates, items.test.candidates)
    assert np.array_equal(together, items.cold_items)
    users = make_shots(graph, "user-cold", 2)
    edges = users.train.interaction_edges
    trained = np.unique(edges.dst[graph.item_mask("films")[edges.dst]])
    assert np.array_equal(users.test.candidates, trained)


def test_users_named_in_a_file_who_know_no_target_item_are_counted(graph, tmp_path):
    table = tmp_path / "cold.csv"
    table.write_text("user,part\nuser-000,test\nuser-001,test\nuser-003,valid\n")
    split = make_shots(graph, "user-cold", 1, cold_users=table)
    assert split.too_few == 1
    assert split.train.users.vocab.to_ids(split.cold_users) == ["user-001", "user-003"]


@pytest.mark.parametrize("protocol", COLD)
def test_one_more_or_one_less_is_a_leak(graph, protocol):
    split = make_shots(graph, protocol, 2)
    check_no_leak(split)
    row, edges = cold_rows(split)[0], split.train.interaction_edges
    cold = edges.src if protocol == "user-cold" else edges.dst
    mine = np.flatnonzero((cold == row) & graph.item_mask("films")[edges.dst])

    less = np.ones(len(edges), dtype=np.bool_)
    less[mine[0]] = False
    fewer = split.train.with_edges({graph.interactions: edges.take(less)})
    with pytest.raises(LeakError, match="not exactly 2"):
        check_no_leak(dataclasses.replace(split, train=fewer))

    free = np.setdiff1d(
        np.flatnonzero(graph.item_mask("films")) if protocol == "user-cold" else np.arange(200),
        (edges.dst if protocol == "user-cold" else edges.src)[mine],
    )
    pairs = [(row, other) if protocol == "user-cold" else (other, row) for other in free]
    held_out = set(zip(split.valid.users, split.valid.items, strict=True))
    held_out |= set(zip(split.test.users, split.test.items, strict=True))
    user, item = next(pair for pair in pairs if pair not in held_out)
    more = Edges(
        src=np.append(edges.src, user),
        dst=np.append(edges.dst, item),
        weight=np.append(edges.weight, np.float32(1)),
    )
    with pytest.raises(LeakError, match="not exactly 2"):
        check_no_leak(
            dataclasses.replace(split, train=split.train.with_edges({graph.interactions: more}))
        )


@pytest.mark.parametrize("protocol", COLD)
def test_a_saved_split_knows_its_shots(graph, protocol, tmp_path):
    split = make_shots(graph, protocol, 3)
    save_split(split, tmp_path / "split")
    loaded = load_split(tmp_path / "split", graph)
    assert (loaded.shots, loaded.too_few) == (3, split.too_few)
    assert loaded.train.fingerprint == split.train.fingerprint


def test_warm_splits_have_no_shots(graph):
    assert make_shots(graph, "warm", 3).shots == 0
    with pytest.raises(ValueError, match=r"shots = -1: must be 0 or more"):
        TaskConfig(target="films", shots=-1)


def test_results_say_what_cold_nodes_kept():
    assert shots_text({}) == shots_text({"shots": 0, "too_few": 0}) == ""
    assert shots_text({"shots": 2}) == "; cold ones keep 2"
    assert shots_text({"shots": 2, "too_few": 1_500}).endswith(", 1,500 had no more and stay warm")
