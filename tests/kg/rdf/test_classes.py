import numpy as np
import pytest

from kg.rdf.classes import mapped_classes, members


def resolve(classes, mapped, chain):
    rank = np.full(10, -1, dtype=np.int32)
    rank[list(mapped)] = list(mapped.values())
    below, above = np.array(chain, dtype=np.int64).reshape(-1, 2).T
    found = mapped_classes(np.array(classes), rank, below, above)
    return list(zip(*(column.tolist() for column in found), strict=True))


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ([], [(1, 0)]),
        ([(2, 1)], [(1, 0), (2, 0)]),
        ([(2, 3), (3, 4), (4, 1)], [(1, 0), (2, 0)]),
        ([(2, 3), (3, 2)], [(1, 0)]),  # a circle
        ([(2, 3), (3, 2), (3, 1)], [(1, 0), (2, 0)]),
        ([(2, 1), (1, 5)], [(1, 0), (2, 0)]),  # what is mapped is no more than itself
        ([(2, 1), (2, 5)], [(1, 0), (2, 0), (2, 1)]),
        ([(2, 3), (2, 4), (3, 1), (4, 1)], [(1, 0), (2, 0)]),
    ],
)
def test_a_class_is_what_the_nearest_mapped_ones_above_it_are(chain, expected):
    assert resolve([1, 2], {1: 0, 5: 1}, chain) == expected


def test_members_of_several_classes():
    found = members(
        np.array([7, 8, 9]), np.array([2, 1, 3]), np.array([1, 2, 2]), np.array([0, 0, 1])
    )
    assert [column.tolist() for column in found] == [[7, 7, 8], [0, 1, 0]]
