import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kg.grouping
from kg.grouping import group

ENDS = st.integers(0, 3)


def coded(rows):
    return np.arange(8), np.array(rows, dtype=np.int32)


@pytest.mark.parametrize("size", [8, 1 << 31])  # of these, ends and place fill over 64 bits
@pytest.mark.parametrize("block", [2, 3, 1 << 16])
@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9),
    cut=st.integers(0, 9),
)
def test_groups_are_those_of_a_dictionary(size, block, pairs, cut):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kg.grouping, "BLOCK", block)
        parts = (pairs[:cut], pairs[cut:])
        src, dst = ([coded([pair[end] for pair in part]) for part in parts] for end in (0, 1))
        groups = group(src, dst, size, size, ordered=True)
    expected = {}
    for place, pair in enumerate(pairs):
        expected.setdefault(pair, []).append(place)
    by_pair = [expected[pair] for pair in sorted(expected)]
    assert list(zip(groups.src, groups.dst, strict=True)) == sorted(expected)
    assert groups.rows().tolist() == [row for rows in by_pair for row in rows]
    assert groups.sizes().tolist() == [len(rows) for rows in by_pair]
    assert groups.first().tolist() == [rows[0] for rows in by_pair]
    assert groups.repeats.tolist() == [row for rows in by_pair for row in rows[1:]]


def test_an_order_that_was_not_kept_is_no_answer():
    groups = group([coded([0])], [coded([0])], 8, 8, ordered=False)
    with pytest.raises(RuntimeError):
        groups.first()
