from dataclasses import replace

import pyarrow as pa

from encoders.verbalize import node_texts


def test_text_then_title_then_nothing(make_graph) -> None:
    items = dict.fromkeys(["a", "b", "c", "d"], "books")
    graph = make_graph([("ann", "a")], items)
    nodes = replace(
        graph.items,
        title=pa.array(["Title A", "Title B", "", None], pa.string()),
        text=pa.array([" Text A\n", "  ", "Text C", ""], pa.string()),
    )
    graph = replace(graph, nodes={**graph.nodes, "item": nodes})
    assert node_texts(graph, "item") == ["Text A", "Title B", "Text C", ""]
    assert node_texts(graph, "user") == [""]
