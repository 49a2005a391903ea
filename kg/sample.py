"""A few nodes and edges of each type, to look at before a graph is written."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from kg.graph import Edges, EdgeType, KnowledgeGraph, Nodes

LONGEST = 60  # characters of a text that are shown


def render_sample(graph: KnowledgeGraph, k: int = 3) -> RenderableType:
    """Return tables of the first `k` nodes and edges of each type."""
    return Group("", _nodes(graph, k), "", _edges(graph, k))


def _nodes(graph: KnowledgeGraph, k: int) -> Table:
    table = Table(title=f"Nodes, the first {k} of each type", title_justify="left")
    for name in ("type", "id", "title", "text", "domains", "attributes"):
        table.add_column(name, overflow="fold")
    for kind, nodes in graph.nodes.items():
        for row in range(min(k, len(nodes))):
            table.add_row(*map(_short, (kind, *_node(nodes, row, graph.domains))))
    return table


def _node(nodes: Nodes, row: int, domains: tuple[str, ...]) -> tuple[str, ...]:
    inside = [name for name, member in zip(domains, nodes.domains[row], strict=True) if member]
    facts = nodes.attributes.slice(row, 1).to_pylist()[0] if nodes.attributes.num_columns else {}
    return (
        nodes.vocab.id(row),
        str(nodes.title[row].as_py()),
        str(nodes.text[row].as_py()),
        ", ".join(inside),
        ", ".join(f"{name} = {value}" for name, value in facts.items() if value is not None),
    )


def _edges(graph: KnowledgeGraph, k: int) -> Table:
    table = Table(title=f"Edges, the first {k} of each type", title_justify="left")
    for name in ("src", "relation", "dst", "weight", "time"):
        table.add_column(name, overflow="fold")
    for kind, edges in graph.edges.items():
        for row in range(min(k, len(edges))):
            table.add_row(*map(_short, _edge(graph, kind, edges, row)))
    return table


def _edge(graph: KnowledgeGraph, kind: EdgeType, edges: Edges, row: int) -> tuple[str, ...]:
    src, relation, dst = kind
    return (
        f"{src} {graph.nodes[src].vocab.id(int(edges.src[row]))}",
        relation,
        f"{dst} {graph.nodes[dst].vocab.id(int(edges.dst[row]))}",
        f"{edges.weight[row]:g}",
        "" if edges.time is None else f"{edges.time[row]:.15g}",
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return escape(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")
