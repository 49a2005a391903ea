"""Numbers of the drift report on graphs with a planted shift, and without one."""

import numpy as np
import pytest

from training.updating import drift
from training.updating.growth import Growth
from training.updating.origin import Origin


@pytest.fixture
def make_growth(make_graph):
    """Return the factory of a graph before and after: which items new users use."""

    def make(used, size=300, seed=0):
        rng = np.random.default_rng(seed)
        items = {f"i{row:02d}": "books" for row in range(30)}
        names = list(items)

        def likes(users, share):
            return [
                (f"{users}{user:03d}", names[row])
                for user in range(size // 5)
                for row in rng.choice(30, 5, replace=False, p=share)
            ]

        falling = 1.0 / np.arange(1, 31)
        falling /= falling.sum()
        old = likes("a", falling)
        new = likes("b", falling if used == "same" else falling[::-1])
        return Growth(before=make_graph(old, items), after=make_graph(old + new, items))

    return make


def test_a_planted_shift_of_popularity_is_seen_and_chance_is_not(make_growth):
    found = {}
    for used in ("same", "others"):
        growth = make_growth(used)
        origin = Origin.of(growth.before, {})
        draws = np.random.default_rng(0)
        found[used] = drift.popularity_shift(origin, growth.after, draws)
    assert found["same"]["shift"] < 0.02
    assert found["others"]["shift"] > drift.MOST_SHIFT
    assert found["others"]["divergence"] == pytest.approx(
        found["others"]["shift"] + found["others"]["expected"]
    )


def test_that_one_domain_alone_sends_interactions_is_no_shift(make_graph):
    rng = np.random.default_rng(0)
    items = {f"{d[0]}{row}": d for d in ("books", "films") for row in range(8)}

    def likes(users, domains, size):
        return [
            (f"{users}{user:03d}", f"{domain}{row}")
            for user in range(size)
            for domain in domains
            for row in rng.choice(8, 3, replace=False)
        ]

    old = likes("a", "bf", 100)
    before, after = make_graph(old, items), make_graph(old + likes("b", "f", 100), items)
    found = drift.popularity_shift(Origin.of(before, {}), after, rng)
    assert found["shift"] < 0.02


def test_divergence_is_that_of_the_textbook():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    # m = (1/4, 1/2, 1/4): KL(p|m) = KL(q|m) = 1/2 log2 2 + 1/2 log2 1 = 1/2
    assert drift.divergence(p, q) == pytest.approx(0.5)
    assert drift.divergence(p, p) == 0
    assert drift.divergence(np.array([1.0, 0]), np.array([0, 1.0])) == 1


def test_growth_since_training_adds_up(make_growth):
    growth = make_growth("same")
    origin = Origin.of(growth.before, {})
    since = drift.growth_since(origin, growth.after)
    old, new = len(growth.before.interaction_edges), len(growth.after.interaction_edges)
    assert since["interactions"] == {"new": new - old, "at_training": old, "share": new / old - 1}
    assert since["nodes"]["user"] == {"new": 60, "at_training": 60, "share": 1.0}
    assert since["nodes"]["item"]["new"] == 0


def test_texts_that_are_about_other_things_are_strange():
    rng = np.random.default_rng(0)

    def vectors(center, size):
        rows = center + 0.3 * rng.normal(size=(size, 16))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    one, other = rng.normal(size=(2, 16))
    known = np.arange(160) < 120
    for center, strange in ((one, False), (other, True)):
        both = np.concatenate([vectors(one, 120), vectors(center, 40)])
        found = drift.text_drift(both, known, rng)
        assert found["items"] == 40
        assert (found["strangeness"] > drift.MOST_STRANGE) is strange
    assert drift.text_drift(both, np.ones(160, dtype=np.bool_), rng) is None
    assert drift.text_drift(None, known, rng) is None


def test_movement_is_that_of_touched_nodes(make_growth):
    growth = make_growth("same")
    before = {"user": np.ones((60, 2), np.float32), "item": np.ones((30, 2), np.float32)}
    after = {"user": np.ones((120, 2), np.float32), "item": np.ones((30, 2), np.float32)}
    touched = growth.touched("item")
    after["item"][touched] = [1, -1]
    found = drift.movement(growth, before, after)
    assert found["user"] == {"touched": 0, "cosine": 1.0, "cosine_of_all": pytest.approx(1)}
    assert found["item"]["touched"] == len(touched)
    assert found["item"]["cosine"] == pytest.approx(0, abs=1e-6)
    assert found["item"]["cosine_of_all"] == pytest.approx(1 - len(touched) / 30, abs=1e-6)


def _report(**changed):
    share = {"new": 1, "at_training": 100, "share": 0.01}
    judged = {
        "new": {"mean": 0.2, "low": 0.18, "high": 0.22, "users": 100},
        "valid": {"mean": 0.2, "low": 0.18, "high": 0.22, "users": 100},
        "difference": {"mean": 0.0, "low": -0.01, "high": 0.01},
        "candidates": 100,
    }
    return {
        "item_type": "item",
        "since_training": {"interactions": share, "nodes": {"item": share}},
        "popularity": {"divergence": 0.1, "expected": 0.09, "shift": 0.01},
        "text": {"items": 50, "strangeness": 0.1},
        "models": {"warm": {"moved": {"user": {"touched": 50, "cosine": 0.9}}, "judged": judged}},
    } | changed


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"since_training": {"interactions": {"share": 0.3}, "nodes": {"item": {"share": 0}}}},
            "30% more interactions",
        ),
        (
            {"since_training": {"interactions": {"share": 0}, "nodes": {"item": {"share": 0.25}}}},
            "25% more items",
        ),
        ({"popularity": {"shift": 0.2}}, "other items are used"),
        ({"text": {"items": 20, "strangeness": 1.5}}, "about other things"),
        (
            {
                "models": {
                    "warm": {"moved": {"user": {"touched": 30, "cosine": 0.4}}, "judged": None}
                }
            },
            "have turned round",
        ),
    ],
)
def test_each_limit_is_a_reason_of_its_own(changed, why):
    [reason] = drift.reasons(_report(**changed))
    assert why in reason
    assert drift.sentence([reason]).startswith("A full retrain is due because ")


def test_nothing_beyond_a_limit_is_no_reason():
    assert drift.reasons(_report()) == []
    assert drift.sentence([]).startswith("No full retrain is due")
    few = {"warm": {"moved": {"user": {"touched": 29, "cosine": 0.1}}, "judged": None}}
    assert drift.reasons(_report(models=few, popularity=None, text=None)) == []


@pytest.mark.parametrize(
    ("difference", "high", "users", "due"),
    [
        (-0.05, -0.01, 100, True),
        (-0.05, 0.01, 100, False),
        (-0.01, -0.005, 100, False),
        (-0.05, -0.01, 20, False),
        (0.05, 0.06, 100, False),
    ],
)
def test_worse_ranking_counts_where_it_is_sure_and_large(difference, high, users, due):
    report = _report()
    judged = report["models"]["warm"]["judged"]
    judged["difference"] = {"mean": difference, "low": -0.1, "high": high}
    judged["new"]["users"] = users
    assert bool(drift.reasons(report)) is due
