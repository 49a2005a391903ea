"""The graph in other libraries' terms."""

from typing import Any

import networkx as nx

from kg.graph import KnowledgeGraph


def to_networkx(graph: KnowledgeGraph) -> Any:
    """Return the graph as a `networkx.MultiDiGraph`.

    A node is `(type, id)`, since ids are unique within a type only, with `title`, `text`, `domains`
    and its attributes; an edge has its relation as key, and `weight` and perhaps `time`.

    Everything becomes a Python object: meant for graphs that are looked at, not trained on.
    """
    out = nx.MultiDiGraph()
    keys = {kind: [(kind, i) for i in n.vocab.ids.to_pylist()] for kind, n in graph.nodes.items()}
    for kind, nodes in graph.nodes.items():
        extra = nodes.attributes.to_pylist() or [{}] * len(nodes)
        for row, key in enumerate(keys[kind]):
            out.add_node(
                key,
                **extra[row],
                title=nodes.title[row].as_py(),
                text=nodes.text[row].as_py(),
                domains=[graph.domains[column] for column in nodes.domains[row].nonzero()[0]],
            )
    for (src_type, relation, dst_type), edges in graph.edges.items():
        columns = [edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist()]
        columns.append([None] * len(edges) if edges.time is None else edges.time.tolist())
        for src, dst, weight, time in zip(*columns, strict=True):
            facts = {"weight": weight} if time is None else {"weight": weight, "time": time}
            out.add_edge(keys[src_type][src], keys[dst_type][dst], key=relation, **facts)
    return out
