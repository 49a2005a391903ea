import dataclasses
import tracemalloc

import numpy as np
import pytest

from kg.errors import InputError
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.popularity import BUCKETS, popularity_buckets
from training.evaluation.split import make_split


class Table:
    """Scores read from a table `[num_users, num_items]`."""

    def __init__(self, table, name="table"):
        self.table, self.name = np.asarray(table, dtype=np.float32), name
        self.blocks = []

    def score(self, users, items):
        self.blocks.append(len(users))
        return self.table[np.ix_(users, items)]


class Constant:
    name = "constant"

    def score(self, users, items):
        return np.full((len(users), len(items)), 3, dtype=np.float32)


@pytest.fixture
def graph(make_graph):
    rng = np.random.default_rng(1)
    items = {f"{domain}-{n:03d}": domain for domain in ("books", "films") for n in range(120)}
    pairs = [
        (f"user-{user:03d}", f"{domain}-{n:03d}")
        for user in range(150)
        for domain in ("books", "films")
        for n in rng.choice(120, size=rng.integers(2, 9), replace=False)
    ]
    return make_graph(pairs, items)


@pytest.fixture
def split(graph):
    return make_split(graph, TaskConfig(target="films"), "user-cold", seed=0)


def table_of(split, seed=0, levels=None):
    rng = np.random.default_rng(seed)
    shape = (len(split.train.users), len(split.train.items))
    return Table(rng.random(shape) if levels is None else rng.integers(levels, size=shape))


def generator():
    return np.random.default_rng(11)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
@pytest.mark.parametrize("levels", [None, 4])
def test_ranks_equal_a_loop_over_rows(graph, protocol, levels):
    config = TaskConfig(target="films", valid_fraction=0.2, test_fraction=0.2)
    split = make_split(graph, config, protocol, seed=0)
    scorer = table_of(split, levels=levels)
    found = evaluate(scorer, split, "test", rng=generator(), block_bytes=20_000)
    edges = split.train.interaction_edges
    for row, (user, item) in enumerate(zip(split.test.users, split.test.items, strict=True)):
        trained = edges.dst[edges.src == user]
        ranked = np.setdiff1d(split.test.candidates, trained)
        scores, own = scorer.table[user, ranked], scorer.table[user, item]
        assert found.ranks[row] == 1 + (scores > own).sum() + ((scores == own).sum() - 1) / 2
    assert len(scorer.blocks) > 1  # or the blocks were not tried


def test_training_items_of_the_user_are_not_ranked(graph):
    split = make_split(graph, TaskConfig(target="films"), "warm", seed=0)
    edges = split.train.interaction_edges
    scorer = table_of(split)
    before = evaluate(scorer, split, "test", rng=generator())
    scorer.table[edges.src, edges.dst] = 100  # a model that remembers what it was taught
    after = evaluate(scorer, split, "test", rng=generator())
    assert np.array_equal(before.ranks, after.ranks)
    assert np.array_equal(before.top, after.top)
    assert np.array_equal(before.sampled["MRR"], after.sampled["MRR"])
    assert (before.target_history > 0).all()


def test_metrics_are_of_the_users_in_order(split):
    found = evaluate(table_of(split), split, "test", rng=generator(), k=(5, 10))
    assert np.array_equal(found.users, np.unique(split.test.users))
    assert found.num_rows.sum() == len(split.test)
    one = found.users[3]
    ranks = np.sort(found.ranks[split.test.users == one])
    assert found.full["MRR"][3] == 1 / ranks[0]
    assert found.full["Recall@10"][3] == (ranks <= 10).mean()
    assert found.mean("Recall@10") == found.full["Recall@10"].mean()
    assert set(found.coverage) == {5, 10}
    assert found.diversity == {}


def test_sampled_means_are_over_rows(split):
    scorer = table_of(split)
    found = evaluate(scorer, split, "test", rng=generator(), sampled_negatives=50)
    rng = generator()
    ranks = []
    for user, item in zip(split.test.users, split.test.items, strict=True):
        drawn = split.test.candidates[rng.integers(len(split.test.candidates), size=50)]
        scores, own = scorer.table[user, drawn], scorer.table[user, item]
        ranks.append(1 + (scores > own).sum() + (scores == own).sum() / 2)
    assert found.sampled_mean("MRR") == pytest.approx(np.mean(1 / np.array(ranks)))
    assert found.sampled_mean("HR@10") == pytest.approx(np.mean(np.array(ranks) <= 10))
    assert len(set(found.num_rows)) > 1  # or a mean over users would be the same


def test_blocks_change_nothing(split):
    scorer = table_of(split, levels=9)
    one = evaluate(scorer, split, "test", rng=generator())
    scorer.blocks.clear()
    other = evaluate(scorer, split, "test", rng=generator(), block_bytes=1)
    assert scorer.blocks == [1] * len(one.users)
    assert np.array_equal(one.ranks, other.ranks)
    assert np.array_equal(one.top, other.top)
    assert one.negatives == other.negatives
    for name in one.sampled:
        assert np.array_equal(one.sampled[name], other.sampled[name])


def test_every_scorer_meets_the_same_negatives(split):
    rng = generator()
    first = evaluate(table_of(split), split, "test", rng=rng)
    evaluate(Constant(), split, "test", rng=rng, block_bytes=50_000)
    np.random.random(10)  # noqa: NPY002 - the global generator is what must not matter
    again = evaluate(table_of(split), split, "test", rng=rng)
    assert np.array_equal(first.sampled["MRR"], again.sampled["MRR"])
    other = evaluate(table_of(split), split, "test", rng=np.random.default_rng(12))
    assert not np.array_equal(first.sampled["MRR"], other.sampled["MRR"])


def test_a_constant_scorer_is_no_better_than_chance(split):
    found = evaluate(Constant(), split, "test", rng=generator())
    num_candidates = len(split.test.candidates)
    assert set(found.ranks) == {(num_candidates + 1) / 2}
    random = [evaluate(table_of(split, seed), split, "test", rng=generator()) for seed in range(20)]
    chance = np.mean([one.ranks.mean() for one in random])
    assert found.ranks.mean() == pytest.approx(chance, rel=0.05)
    for name in found.full:
        assert found.mean(name) <= np.mean([one.mean(name) for one in random])
    for name in found.sampled:
        assert found.sampled_mean(name) <= np.mean([one.sampled_mean(name) for one in random])
    # 999 negatives: a rank of 500 on average, so a reciprocal of 1 / 500 and no hit
    assert found.sampled_mean("MRR") == pytest.approx(2 / 1001, rel=0.01)
    assert found.sampled_mean("HR@10") == 0


def test_a_random_scorer_gets_chance(split):
    found = [evaluate(table_of(split, seed), split, "test", rng=generator()) for seed in range(30)]
    num_candidates = len(split.test.candidates)
    recall = np.mean([one.mean("Recall@20") for one in found])
    assert recall == pytest.approx(20 / num_candidates, rel=0.15)
    harmonic = sum(1 / rank for rank in range(1, 1001)) / 1000
    assert np.mean([one.sampled_mean("MRR") for one in found]) == pytest.approx(harmonic, rel=0.25)


def test_the_answer_itself_scores_one(split):
    scorer = table_of(split)
    scorer.table[split.test.users, split.test.items] += 10
    found = evaluate(scorer, split, "test", rng=generator(), sampled_negatives=3)
    for name in ("NDCG@10", "Recall@20", "HR@10", "MAP@10", "MRR"):
        assert found.mean(name) == pytest.approx(1.0)
    # not quite 1: now and then a negative is the positive itself, or another one of the user
    assert 0.9 < found.sampled_mean("NDCG@10") < 1


def test_top_lists_are_the_best_in_order(split):
    scorer = table_of(split, levels=3)
    found = evaluate(scorer, split, "test", rng=generator(), k=(7,))
    for row, user in enumerate(found.users):
        scores = scorer.table[user, split.test.candidates]
        best = np.sort(scores)[::-1][:7]
        assert np.array_equal(scorer.table[user, found.top[row]], best)
        expected = np.lexsort((split.test.candidates, -scores))[:7]  # equal ones by row
        assert np.array_equal(found.top[row], split.test.candidates[expected])
        assert np.isin(found.top[row], split.test.candidates).all()


def test_lists_may_be_shorter_than_k(make_graph):
    items = {"b": "books", "f1": "films", "f2": "films", "f3": "films"}
    pairs = [(f"u{n}", item) for n in range(8) for item in items]
    split = make_split(
        make_graph(pairs, items),
        TaskConfig(target="films", valid_fraction=0.2, test_fraction=0.3),
        "warm",
        seed=0,
    )
    found = evaluate(Constant(), split, "test", rng=generator(), item_features=np.eye(4))
    edges = split.train.interaction_edges
    for row, user in enumerate(found.users):
        listed = found.top[row][found.top[row] >= 0]
        assert set(listed) == set(split.test.candidates) - set(edges.dst[edges.src == user])
    assert found.top.shape == (len(found.users), 20)
    assert found.coverage[20] <= 1
    assert found.diversity[10] == 1.0


def test_coverage_and_diversity_of_a_constant_scorer(split):
    features = np.zeros((len(split.train.items), 2), dtype=np.float32)
    features[:, 0] = 1
    found = evaluate(Constant(), split, "test", rng=generator(), item_features=features)
    assert found.coverage[10] == 10 / len(split.test.candidates)
    assert found.diversity[10] == pytest.approx(0.0)


def test_histories_are_counted_by_domain(split):
    found = evaluate(Constant(), split, "test", rng=generator())
    assert set(found.target_history) == {0}
    edges = split.train.interaction_edges
    assert found.source_history[2] == (edges.src == found.users[2]).sum()
    assert len(set(found.source_history)) > 1


def test_nan_is_an_error_that_names_scorer_and_user(split):
    scorer = table_of(split)
    user, item = split.test.users[-1], split.test.candidates[4]
    scorer.table[user, item] = np.nan
    name = split.train.users.vocab.id(int(user))
    with pytest.raises(InputError, match=f"'table' gave NaN scores for user '{name}'"):
        evaluate(scorer, split, "test", rng=generator())


def test_scores_of_the_wrong_shape_are_an_error(split):
    class Wrong:
        name = "wrong"

        def score(self, users, items):
            return np.zeros(len(items), dtype=np.float32)

    with pytest.raises(InputError, match="'wrong' gave scores of shape"):
        evaluate(Wrong(), split, "test", rng=generator())


def test_bad_cutoffs(split):
    for k in ((), (0, 10)):
        with pytest.raises(InputError, match="cutoffs"):
            evaluate(Constant(), split, "test", rng=generator(), k=k)


def test_scores_of_the_scorer_are_left_alone(graph):
    split = make_split(graph, TaskConfig(target="films"), "warm", seed=0)
    kept = np.random.default_rng(0).random(
        (len(split.train.users), len(split.test.candidates)), dtype=np.float32
    )

    class Cached:
        name = "cached"

        def score(self, users, items):
            return kept[users[0] : users[0] + 1]

    before = kept.copy()
    evaluate(Cached(), split, "test", rng=generator(), block_bytes=1)
    assert np.array_equal(kept, before)


def test_without_sampled_metrics(split):
    found = evaluate(Constant(), split, "valid", rng=generator(), sampled_negatives=0)
    assert found.sampled == {}
    assert found.part == "valid"


class Dot:
    """As much memory as a model needs: a product, a bias."""

    name = "dot"

    def __init__(self, num_users, num_items):
        rng = np.random.default_rng(0)
        self.users = rng.random((num_users, 4), dtype=np.float32)
        self.items = rng.random((num_items, 4), dtype=np.float32)

    def score(self, users, items):
        return self.users[users] @ self.items[items].T + self.items[items, 0]


class Tied(Dot):
    """Every score the same, by way of float64: the worst case of the top lists."""

    name = "tied"

    def score(self, users, items):
        return np.ones((len(users), len(items))).astype(np.float32)


@pytest.mark.parametrize("model", [Dot, Tied])
@pytest.mark.parametrize("block_bytes", [4_000_000, 16_000_000])
def test_memory_stays_under_the_bound(make_graph, block_bytes, model):
    rng = np.random.default_rng(0)
    items = {f"b{n:04d}": "books" for n in range(4)} | {f"f{n:04d}": "films" for n in range(3000)}
    # every film is liked by somebody, or it would be no candidate
    pairs = [(f"u{n % 300:04d}", f"f{n:04d}") for n in range(3000)]
    pairs += [
        (f"u{user:04d}", item)
        for user in range(300, 1500)
        for item in ("b0000", *(f"f{n:04d}" for n in rng.choice(3000, size=3, replace=False)))
    ]
    config = TaskConfig(target="films", valid_fraction=0.01, test_fraction=0.9)
    split = make_split(make_graph(pairs, items), config, "user-cold", seed=0)
    scorer = model(1500, len(items))
    assert len(np.unique(split.test.users)) * len(split.test.candidates) * 4 > 12_000_000
    tracemalloc.start()
    evaluate(scorer, split, "test", rng=generator(), block_bytes=block_bytes, k=(10,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # beside the blocks: ranks, top lists and histories, a few hundred bytes a row
    assert peak < block_bytes + 2_000_000
    assert peak > block_bytes / 4  # or the setting does not matter


def test_memory_of_negatives_stays_under_the_bound(make_graph):
    items = {"b": "books"} | {f"f{n:02d}": "films" for n in range(60)}
    pairs = [(f"u{user:03d}", item) for user in range(600) for item in items]
    config = TaskConfig(target="films", valid_fraction=0.1, test_fraction=0.2)
    split = make_split(make_graph(pairs, items), config, "user-cold", seed=0)
    assert len(split.test) * 999 * 12 > 80_000_000
    tracemalloc.start()
    evaluate(Dot(600, 61), split, "test", rng=generator(), block_bytes=8_000_000, k=(10,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000 + 2_000_000


def test_sampled_metrics_are_those_of_published_cold_start_tables(split):
    """One positive against 999: `1 / rank`, `1 / log2(1 + rank)` and a hit, means over rows."""
    scorer = table_of(split)
    found = evaluate(scorer, split, "test", rng=generator())
    rng, totals = generator(), np.zeros(3)
    for user, item in zip(split.test.users, split.test.items, strict=True):
        negatives = split.test.candidates[rng.integers(len(split.test.candidates), size=999)]
        scores = scorer.table[user, [item, *negatives]]
        ties = np.count_nonzero(scores[1:] == scores[0])  # the positive itself, drawn
        rank = 1 + np.count_nonzero(scores > scores[0]) + ties / 2
        totals += [1 / rank, 1 / np.log2(1 + rank) if rank <= 10 else 0, rank <= 10]
    expected = totals / len(split.test)
    for name, value in zip(("MRR", "NDCG@10", "HR@10"), expected, strict=True):
        assert found.sampled_mean(name) == pytest.approx(value)


def test_held_out_items_by_popularity(split):
    scorer = table_of(split)
    found = evaluate(scorer, split, "test", rng=generator())
    buckets = popularity_buckets(split, split.test.items)
    assert list(found.buckets) == list(BUCKETS)
    for bucket, name in enumerate(BUCKETS):
        rows = buckets == bucket
        values = found.buckets[name]["Recall@20"]
        there = np.isin(found.users, split.test.users[rows])
        assert np.array_equal(~np.isnan(values), there)
        for row in np.flatnonzero(there)[:5]:
            mine = rows & (split.test.users == found.users[row])
            assert values[row] == pytest.approx((found.ranks[mine] <= 20).mean())


def test_what_is_held_out_but_no_row_is_not_ranked(split):
    """As if it were not there: neither right nor wrong."""
    scorer = table_of(split)
    user = split.test.users[0]
    mine = np.flatnonzero(split.test.users == user)
    assert len(mine) > 1
    out, kept = mine[:1], np.setdiff1d(np.arange(len(split.test)), mine[:1])
    test = dataclasses.replace(
        split.test, users=split.test.users[kept], items=split.test.items[kept]
    )
    pair = np.stack([split.test.users[out], split.test.items[out]])
    fewer = dataclasses.replace(split, test=test, unranked=pair)
    scorer.table[pair[0], pair[1]] = 100
    found = evaluate(scorer, fewer, "test", rng=generator())
    best = scorer.table[user, split.test.candidates].argsort()[::-1]
    ranked = [item for item in split.test.candidates[best] if item != pair[1, 0]]
    expected = [ranked.index(item) + 1 for item in test.items[test.users == user]]
    assert found.ranks[test.users == user].tolist() == expected
