"""The graph in other libraries' terms: networkx and rdflib."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kg.errors import InputError
from kg.export import rdf
from kg.export.naming import Naming
from kg.export.vocabulary import SPACES
from kg.graph import KnowledgeGraph
from kg.mapping import Exported, GraphMapping


def to_networkx(graph: KnowledgeGraph) -> Any:
    """Return the graph as a `networkx.MultiDiGraph`.

    A node is `(type, id)`, since ids are unique within a type only, with `title`, `text`, `domains`
    and its attributes; an edge has its relation as key, and `weight` and perhaps `time`.

    Everything becomes a Python object: meant for graphs that are looked at, not trained on.
    """
    import networkx as nx

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


def to_rdflib(graph: KnowledgeGraph, naming: Naming | None = None) -> Any:
    """Return the graph as an `rdflib.Graph`; `from_rdflib` makes the same graph of it again.

    Everything becomes a Python object: meant for graphs that fit several times in memory.

    Args:
        graph: the graph.
        naming: makes the IRIs of nodes; by default from their ids alone.

    Raises:
        InputError: an attribute has no form in RDF.
    """
    import rdflib

    found = rdflib.Graph()
    for prefix, namespace in SPACES.items():
        found.bind(prefix, namespace)
    data = b"".join(block.data for block in rdf.blocks(graph, naming or Naming()))
    return found.parse(data=data, format="nt")


def from_rdflib(triples: Any, mapping: GraphMapping | None = None) -> KnowledgeGraph:
    """Return the graph that rdflib's triples are.

    Args:
        triples: an `rdflib.Graph` or `rdflib.Dataset`, whose graphs become one.
        mapping: says what they mean, in its one `[[rdf]]` section, whose `file` and `format` do
            not count; its tables are read too. By default the triples are those of `to_rdflib`.

    Raises:
        InputError: the mapping has no single `[[rdf]]` section, or what `import_graph` raises.
    """
    import rdflib

    from kg.importer import import_graph  # which reads exported graphs, and so imports this package

    with TemporaryDirectory() as folder:
        file = Path(folder) / "triples.nt"
        plain = rdflib.Graph()
        for subject, predicate, target, *_ in triples:  # a Dataset names the graph too
            plain.add((subject, predicate, target))
        plain.serialize(file, format="nt", encoding="utf-8")
        if mapping is None:
            mapping = GraphMapping(exported=Exported(file=str(file)))
        elif len(mapping.rdf) == 1:
            section = replace(mapping.rdf[0], file=(str(file),), format=None)
            mapping = replace(mapping, rdf=(section,))
        else:
            raise InputError(f"expected one [[rdf]] section, the mapping has {len(mapping.rdf)}")
        return import_graph(mapping).graph
