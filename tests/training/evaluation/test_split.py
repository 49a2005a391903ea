import dataclasses

import numpy as np
import pytest

from kg.errors import InputError, LeakError, UnknownIdError
from kg.graph import Edges
from training.config import TaskConfig
from training.evaluation.split import check_no_leak, make_split

PROTOCOLS = ("user-cold", "item-cold", "warm")


@pytest.fixture
def graph(make_graph):
    """200 users with 2 to 9 of 60 books, half of them with films too, and times."""
    rng = np.random.default_rng(7)
    items = {f"{domain}-{n:02d}": domain for domain in ("books", "films") for n in range(60)}
    pairs = []
    for user in range(200):
        for domain in ("books", "films")[: 1 + user % 2]:
            for n in rng.choice(60, size=rng.integers(2, 10), replace=False):
                pairs.append((f"user-{user:03d}", f"{domain}-{n:02d}"))
    return make_graph(pairs, items, times=rng.random(len(pairs)))


def keys(graph, users, items):
    return users * len(graph.items) + items


def held_out_keys(split):
    return {
        name: keys(split.train, part.users, part.items)
        for name, part in (("valid", split.valid), ("test", split.test))
    } | {"unranked": keys(split.train, *split.unranked)}


def edge_keys(graph):
    return keys(graph, graph.interaction_edges.src, graph.interaction_edges.dst)


def same(one, other):
    ones, others = held_out_keys(one), held_out_keys(other)
    return (
        all(np.array_equal(ones[name], others[name]) for name in ones)
        and np.array_equal(one.valid.candidates, other.valid.candidates)
        and np.array_equal(one.test.candidates, other.test.candidates)
        and np.array_equal(one.cold_users, other.cold_users)
        and np.array_equal(one.cold_items, other.cold_items)
        and one.train.fingerprint == other.train.fingerprint
    )


@pytest.mark.parametrize("by_time", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_train_and_held_out_are_all(graph, protocol, by_time):
    split = make_split(graph, TaskConfig(target="films", by_time=by_time), protocol, seed=0)
    together = np.concatenate([edge_keys(split.train), *held_out_keys(split).values()])
    assert len(together) == len(graph.interaction_edges)
    assert np.array_equal(np.sort(together), np.sort(edge_keys(graph)))
    assert len(split.train.interaction_edges) < len(graph.interaction_edges)
    for part in (split.valid, split.test):
        assert len(part) > 0
        assert np.isin(part.items, part.candidates).all()
        assert np.array_equal(part.candidates, np.unique(part.candidates))
        assert np.all(np.diff(keys(graph, part.users, part.items)) > 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_seed_gives_one_split_whatever_the_global_generator_did(graph, protocol):
    config = TaskConfig(target="films")
    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not matter
    first = make_split(graph, config, protocol, seed=3)
    np.random.seed(2)  # noqa: NPY002
    np.random.random(100)  # noqa: NPY002
    assert same(first, make_split(graph, config, protocol, seed=3))
    assert not same(first, make_split(graph, config, protocol, seed=4))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_order_of_edges_does_not_matter(graph, protocol):
    config = TaskConfig(target="films")
    order = np.random.default_rng(0).permutation(len(graph.interaction_edges))
    shuffled = graph.with_edges({graph.interactions: graph.interaction_edges.take(order)})
    assert same(
        make_split(graph, config, protocol, seed=3), make_split(shuffled, config, protocol, seed=3)
    )


def test_cold_users_keep_the_source_and_lose_the_target(graph):
    split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)
    edges = split.train.interaction_edges
    in_target = graph.item_mask("films")[edges.dst]
    assert len(split.cold_users) == 20  # a tenth of the 100 overlapping users, twice
    assert not np.isin(edges.src[in_target], split.cold_users).any()
    assert np.isin(split.cold_users, edges.src[~in_target]).all()
    assert (~in_target).sum() == graph.item_mask("books")[graph.interaction_edges.dst].sum()
    assert np.array_equal(split.test.candidates, np.unique(edges.dst[in_target]))
    assert np.array_equal(split.valid.candidates, split.test.candidates)
    parts = np.union1d(split.valid.users, split.test.users)
    assert np.array_equal(parts, split.cold_users)
    assert len(np.intersect1d(split.valid.users, split.test.users)) == 0


def test_users_do_not_betray_held_out_domains(graph):
    split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)
    films = graph.domain_index("films")
    assert graph.users.domains[split.cold_users, films].all()
    assert not split.train.users.domains[split.cold_users, films].any()
    rest = np.setdiff1d(np.arange(len(graph.users)), split.cold_users)
    assert np.array_equal(split.train.users.domains[rest], graph.users.domains[rest])
    assert split.train.users.domains[split.cold_users, graph.domain_index("books")].all()


def test_a_shared_item_is_no_history_of_a_cold_user(make_graph):
    items = {"b1": "books", "b2": "books", "f1": "films", "f2": "films", "both": ("books", "films")}
    pairs = [("only-shared", "both")]
    for user in ("u1", "u2", "u3", "u4"):
        pairs += [(user, "b1"), (user, "f1"), (user, "f2")]
    graph = make_graph(pairs, items)
    for seed in range(20):
        split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=seed)
        assert graph.users.vocab.index(["only-shared"])[0] not in split.cold_users


def test_cold_items_lose_everything_and_are_the_candidates(graph):
    split = make_split(graph, TaskConfig(target="films"), "item-cold", seed=0)
    assert len(split.cold_items) == 12
    assert graph.item_mask("films")[split.cold_items].all()
    assert not np.isin(split.train.interaction_edges.dst, split.cold_items).any()
    assert np.array_equal(
        np.union1d(split.valid.candidates, split.test.candidates), split.cold_items
    )
    assert len(np.intersect1d(split.valid.candidates, split.test.candidates)) == 0
    assert split.unranked.shape == (2, 0)


def test_a_user_without_any_training_interaction_is_still_a_row_of_item_cold(make_graph, tmp_path):
    items = {"b": "books", "f1": "films", "f2": "films", "f3": "films"}
    graph = make_graph(
        [("ann", "b"), ("ann", "f1"), ("ann", "f3"), ("bob", "f2"), ("cec", "f1")], items
    )
    table = tmp_path / "cold.tsv"
    table.write_text("item\tpart\nf2\ttest\nf3\tvalid\n")
    config = TaskConfig(target="films", cold_items=table)
    split = make_split(graph, config, "item-cold", seed=0)
    assert graph.users.vocab.to_ids(split.test.users) == ["bob"]
    assert graph.users.vocab.index(["bob"])[0] not in split.train.interaction_edges.src


def test_warm_keeps_an_interaction_of_every_user_and_item(graph):
    split = make_split(
        graph, TaskConfig(target="films", valid_fraction=0.4, test_fraction=0.4), "warm", seed=0
    )

    def target_ends(of):
        edges = of.interaction_edges
        inside = graph.item_mask("films")[edges.dst]
        return np.unique(edges.src[inside]), np.unique(edges.dst[inside])

    for before, after in zip(target_ends(graph), target_ends(split.train), strict=True):
        assert np.array_equal(before, after)
    assert graph.item_mask("films")[split.test.items].all()
    assert split.unranked.shape == (2, 0)


def test_warm_holds_out_the_fractions(graph):
    config = TaskConfig(target="films", valid_fraction=0.05, test_fraction=0.1)
    split = make_split(graph, config, "warm", seed=0)
    total = graph.item_mask("films")[graph.interaction_edges.dst].sum()
    assert len(split.valid) == int(0.05 * total)
    assert len(split.test) == int(0.1 * total)


def test_by_time_is_half_open(make_graph):
    items = {"b": "books"} | {f"f{n}": "films" for n in range(2)}
    pairs = [(f"u{n:02d}", f"f{n % 2}") for n in range(20)] + [("u00", "b")]
    # four interactions share each instant, and a boundary falls inside such a group
    times = [float(n // 4) for n in range(20)] + [99.0]
    graph = make_graph(pairs, items, times=times)
    config = TaskConfig(target="films", by_time=True, valid_fraction=0.2, test_fraction=0.1)
    split = make_split(graph, config, "warm", seed=0)
    time = dict(zip(pairs, times, strict=True))

    def times_of(part):
        users = graph.users.vocab.to_ids(part.users)
        ids = graph.items.vocab.to_ids(part.items)
        return sorted(time[pair] for pair in zip(users, ids, strict=True))

    assert times_of(split.test) == [4.0] * 4  # train < t <= test: an instant is never torn apart
    assert times_of(split.valid) == [3.0] * 4
    assert graph.items.vocab.index(["b"])[0] in split.train.interaction_edges.dst


def plant(split, edge_type, pairs):
    users = np.array([user for user, _ in pairs])
    items = np.array([item for _, item in pairs])
    src, dst = (users, items) if edge_type[0] == "user" else (items, users)
    old = split.train.edges.get(edge_type)
    if old is not None:
        src, dst = np.append(old.src, src), np.append(old.dst, dst)
    edges = Edges(src=src, dst=dst, weight=np.ones(len(src), dtype=np.float32))
    return dataclasses.replace(split, train=split.train.with_edges({edge_type: edges}))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("part", ["valid", "test"])
@pytest.mark.parametrize(
    "edge_type", [("user", "likes", "item"), ("item", "liked_by", "user"), ("user", "saw", "item")]
)
def test_a_planted_answer_is_a_leak(graph, protocol, part, edge_type):
    split = make_split(graph, TaskConfig(target="films"), protocol, seed=0)
    check_no_leak(split)
    held_out = getattr(split, part)
    leaky = plant(split, edge_type, [(held_out.users[0], held_out.items[0])])
    with pytest.raises(LeakError, match="held-out"):
        check_no_leak(leaky)


def test_an_unranked_interaction_may_not_be_planted_either(make_graph, tmp_path):
    items = {"b": "books", "f1": "films", "f2": "films"}
    pairs = [(user, item) for user in ("ann", "bob", "cec") for item in ("b", "f1")]
    graph = make_graph([*pairs, ("ann", "f2")], items)
    table = tmp_path / "cold.csv"
    table.write_text("user,part\nann,test\nbob,valid\n")
    config = TaskConfig(target="films", cold_users=table)
    split = make_split(graph, config, "user-cold", seed=0)
    assert graph.items.vocab.to_ids(split.unranked[1]) == ["f2"]
    assert graph.items.vocab.to_ids(split.test.candidates) == ["f1"]
    with pytest.raises(LeakError, match="f2"):
        check_no_leak(plant(split, ("item", "liked_by", "user"), [tuple(split.unranked[:, 0])]))


def test_cold_nodes_with_other_interactions_are_a_leak(graph):
    split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)
    user = split.cold_users[0]
    liked = split.test.items[split.test.users == user]
    other = np.setdiff1d(np.flatnonzero(graph.item_mask("films")), liked)
    taken = np.isin(keys(graph, user, other), np.concatenate(list(held_out_keys(split).values())))
    with pytest.raises(LeakError, match="cold users"):
        check_no_leak(plant(split, graph.interactions, [(user, other[~taken][0])]))
    split = make_split(graph, TaskConfig(target="films"), "item-cold", seed=0)
    item = split.cold_items[0]
    fans = np.concatenate([part.users[part.items == item] for part in (split.valid, split.test)])
    stranger = np.setdiff1d(np.arange(len(graph.users)), fans)[0]
    with pytest.raises(LeakError, match="cold items"):
        check_no_leak(plant(split, graph.interactions, [(stranger, item)]))


def test_a_row_in_both_parts_is_a_leak(graph):
    split = make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)
    with pytest.raises(LeakError, match="both valid and test"):
        check_no_leak(dataclasses.replace(split, valid=split.test))


def test_make_split_refuses_a_graph_that_holds_reverses(make_graph):
    items = {"b": "books", "f1": "films", "f2": "films"}
    pairs = [(f"u{n}", item) for n in range(6) for item in items]
    reverse = {("item", "liked_by", "user"): [(item, user) for user, item in pairs]}
    graph = make_graph(pairs, items, relations=reverse)
    with pytest.raises(LeakError, match="liked_by"):
        make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "filns"}, 'unknown domain .filns., did you mean "films"'),
        ({"target": "films", "sources": ("boks",)}, "boks"),
        ({"target": "films", "sources": ("films",)}, "both the target and a source"),
        ({"target": "films", "valid_fraction": 0.0}, "valid_fraction = 0.0"),
        ({"target": "films", "test_fraction": 1.0}, "test_fraction = 1.0"),
        ({"target": "films", "test_fraction": float("nan")}, "test_fraction = nan"),
        ({"target": "films", "valid_fraction": 0.5, "test_fraction": 0.5}, "nothing to train on"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_wrong_settings(graph, protocol, settings, message):
    with pytest.raises(InputError, match=message) as error:
        make_split(graph, TaskConfig(**settings), protocol, seed=0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_one_domain_has_nothing_to_transfer(make_graph, protocol):
    graph = make_graph(
        [("ann", "f1"), ("bob", "f1"), ("bob", "f2")], {"f1": "films", "f2": "films"}
    )
    with pytest.raises(InputError, match="only 'films'"):
        make_split(graph, TaskConfig(target="films"), protocol, seed=0)


def test_no_overlap(make_graph):
    items = {"b": "books", "f": "films"}
    graph = make_graph([("ann", "b"), ("bob", "f"), ("cec", "f")], items)
    with pytest.raises(InputError, match="there is none"):
        make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)


def test_nothing_left_to_train_on(make_graph, tmp_path):
    items = {"b": "books", "f1": "films", "f2": "films"}
    graph = make_graph([("ann", "b"), ("ann", "f1"), ("bob", "b"), ("bob", "f2")], items)
    users, things = tmp_path / "users.csv", tmp_path / "items.csv"
    users.write_text("user,part\nann,test\nbob,valid\n")
    things.write_text("item,part\nf1,test\nf2,valid\n")
    config = TaskConfig(target="films", cold_users=users, cold_items=things)
    for protocol in ("user-cold", "item-cold"):
        with pytest.raises(InputError, match="to train on"):
            make_split(graph, config, protocol, seed=0)


def test_an_empty_part_is_an_error(make_graph, tmp_path):
    items = {"b": "books", "f1": "films"}
    graph = make_graph([(u, i) for u in ("ann", "bob", "cec") for i in items], items)
    table = tmp_path / "users.csv"
    table.write_text("user,part\nann,test\n")
    with pytest.raises(InputError, match="valid part"):
        make_split(graph, TaskConfig(target="films", cold_users=table), "user-cold", seed=0)


def test_too_small_for_a_warm_split(make_graph):
    graph = make_graph([("ann", "f1"), ("bob", "f2")], {"f1": "films", "f2": "films"})
    with pytest.raises(InputError, match="too few"):
        make_split(graph, TaskConfig(target="films"), "warm", seed=0)


def test_by_time_needs_times(make_graph, two_domain_checkerboard):
    config = TaskConfig(target="films", by_time=True)
    with pytest.raises(InputError, match="all have none"):
        make_split(two_domain_checkerboard(), config, "warm", seed=0)
    graph = make_graph([("ann", "f1"), ("bob", "f1")], {"f1": "films"}, times=[1.0, float("nan")])
    with pytest.raises(InputError, match="some have none"):
        make_split(graph, config, "warm", seed=0)


def test_checkerboard_split(checkerboard_split):
    split = checkerboard_split()
    ids = split.train.users.vocab.to_ids(np.unique(split.test.users))
    assert ids == ["user-00", "user-01"]
    assert len(split.test.candidates) == 10
    parity = split.test.items % 2  # ten items a domain, so rows keep the parity of the numbers
    assert np.array_equal(parity, split.test.users % 2)


def test_unknown_ids_in_a_cold_file(graph, tmp_path):
    table = tmp_path / "users.csv"
    table.write_text("user,part\nuser-0001,test\n")
    with pytest.raises(UnknownIdError, match=r"users\.csv: unknown user id 'user-0001'"):
        make_split(graph, TaskConfig(target="films", cold_users=table), "user-cold", seed=0)
    table.write_text("item,part\nbooks-01,test\n")
    with pytest.raises(InputError, match="not in the target 'films'"):
        make_split(graph, TaskConfig(target="films", cold_items=table), "item-cold", seed=0)
