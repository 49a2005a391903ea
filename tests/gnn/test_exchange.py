from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from gnn.exchange import load_pyg, save_pyg, to_pyg
from kg.errors import ArtefactError


@pytest.fixture
def graph(make_graph):
    graph = make_graph(
        [("ann", "b1"), ("bob", "b2")],
        {"b1": "books", "b2": ("books", "films")},
        times=[3, 4],
        entities={"person": ["ann"]},
        relations={("item", "author", "person"): [("b1", "ann")]},
    )
    columns = pa.table({"year": pa.array([1815, None]), "shelf": pa.array(["a", "b"])})
    items = replace(graph.items, attributes=columns)
    return replace(graph, nodes={**graph.nodes, "item": items})


def test_everything_is_there_under_the_names_of_pyg(graph):
    x = np.ones((2, 3), dtype=np.float32)
    data = to_pyg(graph, {"item": {"text": x, "image": x}})
    data.validate()
    item = data["item"]
    assert (item.num_nodes, item.node_id) == (2, ["b1", "b2"])
    assert item.domains.tolist() == [[True, False], [True, True]]
    assert item.year[0] == 1815
    assert torch.isnan(item.year[1])
    assert "shelf" not in item
    assert item.x.shape == item.x_image.shape == (2, 3)
    likes = data["user", "likes", "item"]
    assert likes.edge_index.tolist() == [[0, 1], [0, 1]]
    assert likes.edge_weight.tolist() == [1.0, 1.0]
    assert likes.time.tolist() == [3.0, 4.0]
    assert "time" not in data["item", "author", "person"]


def test_a_folder_gives_the_same_data(graph, tmp_path):
    data = to_pyg(graph)
    save_pyg(data, tmp_path / "pyg")
    found = load_pyg(tmp_path / "pyg")
    assert found.metadata() == data.metadata()
    for one, other in zip(found.stores, data.stores, strict=True):
        assert dict(one).keys() == dict(other).keys()
        for key, value in other.items():
            if isinstance(value, torch.Tensor):
                np.testing.assert_array_equal(one[key], value)
            else:
                assert one[key] == value
    with pytest.raises(ArtefactError, match="is not a pyg export folder"):
        load_pyg(tmp_path)
