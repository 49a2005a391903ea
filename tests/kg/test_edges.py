import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kg.edges import EdgePart, EdgeSet
from kg.rejects import RejectLog, Tally

ENDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 5)), max_size=12)
RULES = {"max": max, "last": lambda values: values[-1], "sum": sum, "count": len}


def tally():
    return Tally("t", "", RejectLog())


def part_of(src, dst, weight, found, time=None):
    return EdgePart(src=src, dst=dst, tally=found, weight=weight.astype(float), time=time)


@given(rows=ENDS, rule=st.sampled_from(sorted(RULES)), timed=st.booleans(), parts=st.integers(1, 3))
def test_repeats_are_merged_as_the_rule_says(rows, rule, timed, parts):
    tallies = [tally() for _ in range(parts)]
    edges = EdgeSet("e", repeats=rule)
    for i, found in enumerate(tallies):
        mine = np.array(rows[i::parts], dtype=np.int64).reshape(-1, 3).T
        time = np.full(len(mine[0]), float(i)) if timed else None
        edges.parts.append(part_of(*mine, found, time))
    groups = {}
    for i in range(parts):
        for src, dst, weight in rows[i::parts]:
            groups.setdefault((src, dst), []).append(weight)

    finished = edges.finish(np.arange(4), np.arange(3))

    expected = {pair: RULES[rule](values) for pair, values in sorted(groups.items())}
    pairs = list(zip(finished.src.tolist(), finished.dst.tolist(), strict=True))
    assert dict(zip(pairs, finished.weight.tolist(), strict=True)) == expected
    assert pairs == list(expected)
    assert sum(found.merged for found in tallies) == len(rows) - len(expected)


def test_the_last_is_the_latest_whatever_the_order():
    src = np.zeros(3, dtype=np.int64)
    part = part_of(src, src, np.array([1, 2, 3]), tally(), np.array([5.0, 9.0, 7.0]))
    finished = EdgeSet("e", [part], repeats="last").finish(np.arange(1), np.arange(1))
    assert (finished.weight.tolist(), finished.time.tolist()) == ([2], [9])


def test_a_row_that_takes_an_edge_back_counts_as_ignored():
    part = part_of(np.array([0, 0, 1]), np.zeros(3, int), np.array([5, np.nan, 4]), tally())
    finished = EdgeSet("e", [part], repeats="last").finish(np.arange(2), np.arange(1))
    assert finished.src.tolist() == [1]
    assert (part.tally.merged, part.tally.ignored) == (1, 1)


def test_rows_by_way_of_distinct_ids_are_the_same_edges():
    distinct = np.array([2, 0])  # rows of two ids in the node set
    codes = np.array([1, 0, 1, 1], dtype=np.int32)
    plain = EdgePart(src=distinct[codes], dst=codes, tally=tally())
    coded = EdgePart(src=codes, src_row=distinct, dst=codes, tally=tally())
    final = np.array([1, 2, 0])
    one, other = (EdgeSet("e", [part]).finish(final, np.arange(2)) for part in (plain, coded))
    assert one.src.tolist() == other.src.tolist() == [0, 1]
    assert one.dst.tolist() == other.dst.tolist() == [0, 1]
    assert (plain.tally.merged, coded.tally.merged) == (2, 2)


def test_files_of_filtered_edges_are_known():
    parts = [EdgePart(src=np.array([i]), dst=np.array([0]), tally=tally()) for i in range(2)]
    edges = EdgeSet("e", parts, traced=True)
    edges.finish(np.arange(2), np.arange(1))
    edges.count_filtered(np.array([False, True]))
    assert [part.tally.filtered for part in parts] == [0, 1]
