"""Nodes to texts."""

from kg.graph import KnowledgeGraph


def node_texts(graph: KnowledgeGraph, node_type: str) -> list[str]:
    """Return what an encoder reads of each node, in row order.

    It is the node's text, or its title where the text is blank, or `""` where it has neither.
    """
    nodes = graph.nodes[node_type]
    pairs = zip(nodes.text.to_pylist(), nodes.title.to_pylist(), strict=True)
    return [(text or "").strip() or (title or "").strip() for text, title in pairs]
