import tracemalloc

import numpy as np

from training.evaluation.projection import MAX_POINTS, project


def test_keeps_what_separates_domains():
    rng = np.random.default_rng(0)
    before = {
        "books": rng.normal(size=(300, 12)) + np.eye(12)[0] * 9,
        "films": rng.normal(size=(200, 12)),
    }
    after = {name: rng.normal(size=(len(rows), 5)) for name, rows in before.items()}
    found = project(before, after, np.random.default_rng(1))

    def gap(points: dict[str, list[list[float]]]) -> float:
        means = [np.mean(points[name], axis=0) for name in ("books", "films")]
        return float(np.linalg.norm(means[0] - means[1]))

    assert {name: len(points) for name, points in found["before"].items()} == {
        "books": 300,
        "films": 200,
    }
    # the first component is the direction between the domains: 9 apart, spread 1
    assert 8 < gap(found["before"]) < 10
    assert gap(found["after"]) < 1


def test_is_principal_components():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(40, 6)) * np.array([5, 3, 1, 1, 1, 1])
    found = np.array(project({"a": rows}, {}, rng)["before"]["a"])
    centred = rows - rows.mean(axis=0)
    _, singular, _ = np.linalg.svd(centred)
    np.testing.assert_allclose(found.T @ found, np.diag(singular[:2] ** 2), atol=0.05)


def test_samples_the_same_nodes_of_both_spaces_and_never_too_many():
    rows = 1 + np.arange(3 * MAX_POINTS, dtype=np.float64)
    line = np.stack([rows, np.zeros_like(rows)], axis=1)
    found = project({"a": line, "b": line[:5]}, {"a": -2 * line}, np.random.default_rng(0))
    before, after = (np.array(found[when]["a"])[:, 0] for when in ("before", "after"))
    assert len(before) == MAX_POINTS
    assert len(found["before"]["b"]) == 5
    # both are the same points of one line, so distances along it agree but for the factor
    np.testing.assert_allclose(np.abs(np.diff(after)), 2 * np.abs(np.diff(before)), atol=0.01)
    again = project({"a": line, "b": line[:5]}, {"a": -2 * line}, np.random.default_rng(0))
    assert again == found


def test_nodes_that_are_not_there_change_nothing():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(2 * MAX_POINTS, 3)).astype(np.float32)
    among = np.zeros((3 * MAX_POINTS, 3), dtype=np.float32)
    among[np.sort(rng.permutation(len(among))[: len(rows)])] = rows
    with_others = project({"a": among}, {"a": among}, np.random.default_rng(0))
    assert with_others == project({"a": rows}, {"a": rows}, np.random.default_rng(0))


def test_no_copy_of_all_nodes_is_made():
    rows = np.ones((200_000, 16), dtype=np.float32)
    tracemalloc.start()
    project({"a": rows}, {"a": rows}, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 2


def test_degenerate_spaces():
    one = project(
        {"a": np.ones((3, 4)), "b": np.zeros((0, 4))}, {"a": [[1.0]]}, np.random.default_rng(0)
    )
    assert one == {"before": {"a": [[0.0, 0.0]] * 3, "b": []}, "after": {"a": [[0.0, 0.0]]}}
    assert project({}, {"a": np.zeros((0, 3))}, np.random.default_rng(0)) == {
        "before": {},
        "after": {"a": []},
    }
