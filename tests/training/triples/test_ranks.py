import numpy as np
import pytest

from kg.errors import InputError
from training.triples.ranks import both_ways, filtered_ranks, link_metrics

ENTITIES, RELATIONS = 12, 3


@pytest.fixture
def world():
    draws = np.random.default_rng(0)
    rows = np.stack([draws.integers(n, size=60) for n in (ENTITIES, RELATIONS, ENTITIES)], axis=1)
    known = np.unique(rows, axis=0)
    table = draws.integers(4, size=(ENTITIES, 2 * RELATIONS, ENTITIES)).astype(np.float32)
    return draws.permutation(known)[:20], known, table  # few distinct scores: many ties


def _one_by_one(asked, known, table):
    """The rank of every answer, by definition."""
    facts = {tuple(row) for row in known.tolist()}
    ranks = np.empty((2, len(asked)))
    for i, (head, relation, tail) in enumerate(asked.tolist()):
        tails = [t for t in range(ENTITIES) if t == tail or (head, relation, t) not in facts]
        heads = [h for h in range(ENTITIES) if h == head or (h, relation, tail) not in facts]
        questions = ((head, relation, tail, tails), (tail, relation + RELATIONS, head, heads))
        for way, (entity, question, answer, candidates) in enumerate(questions):
            scores = table[entity, question]
            better = sum(scores[c] > scores[answer] for c in candidates)
            equal = sum(scores[c] == scores[answer] for c in candidates if c != answer)
            ranks[way, i] = 1 + better + equal / 2
    return ranks


@pytest.mark.parametrize("block_bytes", [1, 5_000, 10**9])
def test_ranks_are_those_of_the_definition_in_any_blocks(world, block_bytes):
    asked, known, table = world

    ranks = filtered_ranks(
        lambda entity, relation: table[entity, relation],
        asked,
        known,
        num_entities=ENTITIES,
        num_relations=RELATIONS,
        block_bytes=block_bytes,
    )

    np.testing.assert_array_equal(ranks, _one_by_one(asked, known, table))


def test_a_constant_scorer_gets_chance(world):
    asked, _, _ = world

    ranks = filtered_ranks(
        lambda entity, relation: np.zeros((len(entity), ENTITIES)),
        asked,
        np.empty((0, 3), dtype=np.int64),
        num_entities=ENTITIES,
        num_relations=RELATIONS,
    )

    assert (ranks == (ENTITIES + 1) / 2).all()


def test_scores_of_the_caller_are_left_alone(world):
    asked, known, table = world
    before = table.copy()

    def score(entity, relation):
        return table[0, 0][None].repeat(len(entity), axis=0) if len(entity) > 1 else table[0, :1]

    sizes = {"num_entities": ENTITIES, "num_relations": RELATIONS}
    filtered_ranks(score, asked, known, **sizes, block_bytes=1)

    np.testing.assert_array_equal(table, before)


@pytest.mark.parametrize(
    ("value", "width", "said"), [(np.nan, ENTITIES, "NaN"), (0, 3, "expected")]
)
def test_what_is_no_score_is_refused(world, value, width, said):
    asked, known, _ = world

    with pytest.raises(InputError, match=said):
        filtered_ranks(
            lambda entity, relation: np.full((len(entity), width), value),
            asked,
            known,
            num_entities=ENTITIES,
            num_relations=RELATIONS,
        )


def test_every_triple_is_asked_both_ways():
    np.testing.assert_array_equal(
        both_ways(np.array([[5, 1, 7], [2, 0, 2]]), 3), [[5, 1, 7], [2, 0, 2], [7, 4, 5], [2, 3, 2]]
    )


def test_metrics_are_means():
    metrics = link_metrics(np.array([[1.0, 4.0], [2.0, 20.0]]))

    assert metrics["MRR"] == pytest.approx((1 + 1 / 4 + 1 / 2 + 1 / 20) / 4)
    assert [metrics[f"Hits@{k}"] for k in (1, 3, 10)] == [0.25, 0.5, 0.75]
