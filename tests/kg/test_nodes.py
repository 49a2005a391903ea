import numpy as np
import pyarrow as pa
import pytest

from kg import nodes as module
from kg.errors import InputError
from kg.nodes import NodeSet


def test_a_fact_of_a_type_is_one_column_and_no_longer(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 6)
    nodes = NodeSet("item")
    rows = nodes.add(pa.array(["a", "b"]))
    nodes.fill("text", rows[:1], pa.array(["four"]))
    nodes.put("text", rows[:1], pa.array(["longer"]))
    with pytest.raises(InputError, match="the text of all 'item' nodes is 8 bytes long"):
        nodes.fill("text", np.array([1]), pa.array(["no"]))
