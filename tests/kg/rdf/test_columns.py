import numpy as np
import pytest

from kg.rdf import columns
from kg.rdf.columns import Column


@pytest.mark.parametrize("block", [3, 1000])
def test_numbers_are_appended_and_replaced(monkeypatch, block):
    monkeypatch.setattr(columns, "BLOCK", block)
    column = Column(np.int32)
    assert column.values().tolist() == []
    for start in (0, 2, 2, 9):
        column.extend(np.arange(start, 10, dtype=np.int32))
    expected = [*range(10), *range(2, 10), *range(2, 10), 9]
    assert len(column) == len(expected)
    assert column.values().tolist() == expected
    new = np.arange(10, dtype=np.int32)[::-1] * 2
    assert column.replaced(new).tolist() == [int(new[i]) for i in expected]
