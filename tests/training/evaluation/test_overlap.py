import numpy as np
import pytest

from training.config import TaskConfig
from training.evaluation.overlap import reduce_overlap
from training.evaluation.split import make_split

USER_COLD, ITEM_COLD = ("user-cold",), ("item-cold",)


@pytest.fixture
def graph(make_graph):
    """100 readers and 100 users of books and films, 2 to 9 of 60 items in each domain."""
    rng = np.random.default_rng(7)
    items = {f"{domain}-{n:02d}": domain for domain in ("books", "films") for n in range(60)}
    pairs = [
        (f"user-{user:03d}", f"{domain}-{n:02d}")
        for user in range(200)
        for domain in ("books", "films")[: 1 + user % 2]
        for n in rng.choice(60, size=rng.integers(2, 10), replace=False)
    ]
    return make_graph(pairs, items)


def shared(graph):
    ids = np.array(graph.users.vocab.ids.to_pylist())
    return set(ids[graph.user_mask("books") & graph.user_mask("films")].tolist())


def named(split, part):
    held_out = getattr(split, part)
    users = split.train.users.vocab.to_ids(held_out.users)
    return list(zip(users, split.train.items.vocab.to_ids(held_out.items), strict=True))


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
def test_the_same_users_are_cold_whatever_the_overlap(graph, overlap):
    config = TaskConfig(target="films", protocols=USER_COLD, overlap=overlap)
    whole = make_split(graph, TaskConfig(target="films"), "user-cold", seed=3)

    apart = reduce_overlap(graph, config, seed=3)
    split = make_split(apart, config, "user-cold", seed=3)

    for part in ("valid", "test"):
        assert named(split, part) == named(whole, part)
        assert np.array_equal(getattr(split, part).candidates, getattr(whole, part).candidates)
    before, after = whole.train.interaction_edges, split.train.interaction_edges
    assert np.array_equal(np.sort(before.dst), np.sort(after.dst))
    assert len(shared(split.train)) == round(overlap * 80)  # a fifth of the 100 is cold


def test_less_overlap_leaves_some_of_the_same_users_shared(graph):
    overlaps = [0.75, 0.5, 0.0]
    found = [
        shared(reduce_overlap(graph, TaskConfig(target="films", protocols=ITEM_COLD, overlap=o), 0))
        for o in overlaps
    ]
    assert [len(users) for users in found] == [75, 50, 0]
    assert found[1] < found[0] < shared(graph)


def test_full_overlap_is_the_graph_itself(graph):
    assert reduce_overlap(graph, TaskConfig(target="films"), 0) is graph


def test_cold_users_named_in_a_file_stay_whole(graph, tmp_path):
    table = tmp_path / "cold.csv"
    table.write_text("user,part\nuser-001,test\nuser-003,valid\n")
    config = TaskConfig(target="films", protocols=USER_COLD, cold_users=table, overlap=0.0)

    apart = reduce_overlap(graph, config, seed=0)

    assert shared(apart) == {"user-001", "user-003"}
    split = make_split(apart, config, "user-cold", seed=0)
    assert not shared(split.train)
    assert split.train.users.vocab.to_ids(split.cold_users) == ["user-001", "user-003"]


@pytest.mark.parametrize("protocol", ["item-cold", "warm"])
def test_other_protocols_have_nobody_to_spare(graph, protocol):
    config = TaskConfig(target="films", protocols=(protocol,), overlap=0.0)

    split = make_split(reduce_overlap(graph, config, 0), config, protocol, seed=0)

    assert not shared(split.train)


def test_few_shot_users_stay_whole_with_those_who_have_too_few(graph):
    config = TaskConfig(target="films", protocols=USER_COLD, overlap=0.0, shots=4)

    split = make_split(reduce_overlap(graph, config, 0), config, "user-cold", seed=0)

    assert split.too_few > 0
    assert len(shared(split.train)) == 20
    assert len(split.cold_users) == 20 - split.too_few


def test_one_seed_gives_one_graph_whatever_the_global_generator_did(graph):
    config = TaskConfig(target="films", protocols=ITEM_COLD, overlap=0.5)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not matter
    first = reduce_overlap(graph, config, 3).fingerprint
    np.random.seed(2)  # noqa: NPY002
    assert reduce_overlap(graph, config, 3).fingerprint == first
    assert reduce_overlap(graph, config, 4).fingerprint != first


def test_user_cold_beside_other_protocols_is_refused():
    with pytest.raises(ValueError, match=r"overlap = 0\.5 keeps the cold users whole"):
        TaskConfig(target="films", overlap=0.5)
    with pytest.raises(ValueError, match=r"overlap = 1\.5: must be from 0 to 1"):
        TaskConfig(target="films", overlap=1.5, protocols=USER_COLD)
