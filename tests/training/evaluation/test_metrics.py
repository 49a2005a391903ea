import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.evaluation.metrics import (
    Relevant,
    average_precision_at,
    count_true,
    coverage,
    diversity,
    f1_at,
    hit_rate_at,
    list_metrics,
    mid_ranks,
    ndcg_at,
    precision_at,
    recall_at,
    reciprocal_rank,
    row_metrics,
    sampled_ranks,
)

# scores from a small set, so that ties are common
scores_of_users = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([-1.5, 0.0, 0.25, 3.0]), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)


def reference(scores, relevant, k):
    """Metrics of one user, as the textbook has them; `relevant` are columns, no ties."""
    order = sorted(range(len(scores)), key=lambda column: -scores[column])
    hits = [column in relevant for column in order[:k]]
    dcg = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(relevant))))
    precision, recall = sum(hits) / k, sum(hits) / len(relevant)
    at_hits = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    best = min(order.index(column) for column in relevant)
    return {
        "MRR": 1 / (best + 1),
        f"NDCG@{k}": dcg / ideal,
        f"Recall@{k}": recall,
        f"Precision@{k}": precision,
        f"F1@{k}": 2 * precision * recall / (precision + recall) if any(hits) else 0.0,
        f"HR@{k}": float(any(hits)),
        f"MAP@{k}": sum(at_hits) / min(k, len(relevant)),
    }


@pytest.mark.parametrize("k", [1, 3, 10, 50])
def test_equals_the_reference_where_nothing_ties(k):
    rng = np.random.default_rng(k)
    scores = rng.permutation(30 * 25).reshape(30, 25).astype(np.float32)
    relevant = rng.random((30, 25)) < 0.2
    relevant[:, 0] = True
    owner, columns = np.nonzero(relevant)
    ordered = np.sort(-scores, axis=1)
    ranks = mid_ranks(ordered, -scores[owner, columns], owner)
    shuffled = rng.permutation(len(ranks))
    found = list_metrics(Relevant.of(ranks[shuffled], owner[shuffled]), [k])
    expected = [reference(scores[u], set(np.flatnonzero(relevant[u])), k) for u in range(30)]
    assert set(found) == set(expected[0])
    for name, values in found.items():
        np.testing.assert_allclose(values, [user[name] for user in expected], rtol=1e-12)


@given(scores_of_users)
def test_mid_rank_is_the_mean_of_best_and_worst(scores):
    matrix = np.array(scores, dtype=np.float32)
    rows, columns = np.indices(matrix.shape)
    found = mid_ranks(np.sort(-matrix, axis=1), -matrix.ravel(), rows.ravel())
    for rank, row, column in zip(found, rows.ravel(), columns.ravel(), strict=True):
        best = 1 + (matrix[row] > matrix[row, column]).sum()
        worst = (matrix[row] >= matrix[row, column]).sum()
        assert rank == (best + worst) / 2


def test_what_is_not_ranked_does_not_count():
    negated = np.array([[-3.0, np.nan, -1.0, np.nan, -1.0]], dtype=np.float32)
    ranks = mid_ranks(np.sort(negated, axis=1), negated[0, [0, 2]], np.array([0, 0]))
    assert ranks.tolist() == [1.0, 2.5]


def test_infinite_scores_are_ranked():
    negated = np.array([[-np.inf, 0.0, np.inf, np.inf]], dtype=np.float32)
    ranks = mid_ranks(np.sort(negated, axis=1), negated[0], np.zeros(4, dtype=np.int64))
    assert ranks.tolist() == [1.0, 2.0, 3.5, 3.5]


@pytest.mark.parametrize("num_candidates", [1, 2, 999, 1000])
def test_a_constant_scorer_gets_the_rank_of_chance(num_candidates):
    constant = np.zeros((1, num_candidates), dtype=np.float32)
    rank = mid_ranks(constant, np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.int64))
    assert rank[0] == (num_candidates + 1) / 2
    assert sampled_ranks(np.zeros(1), np.zeros((1, num_candidates)))[0] == 1 + num_candidates / 2


def test_sampled_ranks():
    negatives = np.array([[3.0, 1.0, 1.0, 0.0], [np.nan, np.nan, 0.0, -1.0]])
    assert sampled_ranks(np.array([1.0, -0.5]), negatives).tolist() == [3.0, 2.0]


def test_a_mid_rank_beyond_the_cutoff_is_no_hit():
    relevant = Relevant.of([10.0, 10.5], [0, 1])
    assert hit_rate_at(relevant, 10).tolist() == [1.0, 0.0]
    assert ndcg_at(relevant, 10).tolist() == [pytest.approx(1 / math.log2(11)), 0.0]
    by_row = row_metrics(np.array([10.0, 10.5]), [10])
    assert by_row["HR@10"].tolist() == [1.0, 0.0]
    assert by_row["NDCG@10"].tolist() == [pytest.approx(1 / math.log2(11)), 0.0]
    assert by_row["MRR"].tolist() == [0.1, pytest.approx(1 / 10.5)]


def test_known_values():
    relevant = Relevant.of([1, 4, 12, 2], [0, 0, 0, 1])
    gain = {rank: 1 / math.log2(1 + rank) for rank in (1, 2, 3, 4)}
    assert ndcg_at(relevant, 10).tolist() == [
        pytest.approx((gain[1] + gain[4]) / (gain[1] + gain[2] + gain[3])),
        pytest.approx(gain[2]),
    ]
    assert recall_at(relevant, 10).tolist() == [pytest.approx(2 / 3), 1.0]
    assert precision_at(relevant, 10).tolist() == [0.2, 0.1]
    assert f1_at(relevant, 10).tolist() == [pytest.approx(4 / 13), pytest.approx(2 / 11)]
    assert average_precision_at(relevant, 10).tolist() == [pytest.approx((1 + 2 / 4) / 3), 0.5]
    assert reciprocal_rank(relevant).tolist() == [1.0, 0.5]


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=n, max_size=n + 12),
            st.integers(1, n),
        )
    ),
    st.integers(1, 12),
)
@example(([0.0] * 5, 5), 3)  # five relevant items share rank 3, and only three can be in a list
def test_ties_never_leave_the_unit_interval(case, k):
    scores, num_relevant = case
    negated = -np.array([scores], dtype=np.float32)
    owner = np.zeros(num_relevant, dtype=np.int64)
    ranks = mid_ranks(np.sort(negated, axis=1), negated[0, :num_relevant], owner)
    for name, value in list_metrics(Relevant.of(ranks, owner), [k]).items():
        assert 0 <= value[0] <= 1 + 1e-12, name


def test_perfect_order_is_one_and_worse_order_is_less():
    perfect = list_metrics(Relevant.of([1, 2, 3], [0, 0, 0]), [3])
    assert all(value[0] == pytest.approx(1.0) for value in perfect.values())
    worse = list_metrics(Relevant.of([1, 2, 4], [0, 0, 0]), [3])
    for name in ("NDCG@3", "Recall@3", "Precision@3", "F1@3", "MAP@3"):
        assert worse[name][0] < 1


def test_coverage():
    top = np.array([[0, 1, 2], [0, 5, -1]])
    assert coverage(top, 8) == 0.5
    assert coverage(top[:, :1], 8) == 1 / 8


def test_diversity_is_the_mean_over_pairs():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 5)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features[3] = 0
    top = np.array([[0, 1, 2, 3], [4, 5, 6, -1], [7, -1, -1, -1]])

    def one(items):
        pairs = [(i, j) for at, i in enumerate(items) for j in items[at + 1 :]]
        return np.mean([1 - features[i] @ features[j] for i, j in pairs])

    assert diversity(top, features) == pytest.approx((one([0, 1, 2, 3]) + one([4, 5, 6])) / 2)
    assert diversity(np.array([[1, 1]]), features) == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(diversity(top[2:], features))


@pytest.mark.parametrize("width", [1, 511, 512, 513, 27_637, 200_000])
def test_true_values_are_counted_whatever_the_width(width):
    mask = np.random.default_rng(0).random((3, width)) < 0.5
    mask[0] = True
    assert count_true(mask).tolist() == mask.sum(axis=1).tolist()
