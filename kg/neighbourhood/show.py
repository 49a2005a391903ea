"""What became of a dump, as tables for the terminal."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from kg.neighbourhood.search import Kept
from kg.rdf.names import Compactor

_HUBS = 10  # shown


def render(kept: Kept, prefixes: Mapping[str, str]) -> RenderableType:
    """Return what was read, kept and left aside."""
    counts = Table(title="Triples", title_justify="left")
    for name in ("read", "kept edges", "kept types", "kept literals", "left out", "malformed"):
        counts.add_column(name, justify="right")
    told = (kept.edges, kept.types, kept.literals)
    left_out = kept.triples - sum(told)
    row = (kept.triples + kept.malformed, *told, left_out, kept.malformed)
    counts.add_row(*(f"{count:,}" for count in row))
    nodes = Table(title="Nodes by distance", title_justify="left")
    for distance in range(len(kept.nodes)):
        nodes.add_column(str(distance) if distance else "seeds", justify="right")
    nodes.add_row(*(f"{count:,}" for count in kept.nodes))
    parts: list[RenderableType] = [counts, nodes]
    if kept.missing:
        first = escape(kept.missing[0])
        parts.append(f"{len(kept.missing):,} seeds are in no triple, such as {first}")
    if kept.hubs:
        parts.append(_hubs(kept, Compactor(prefixes)))
    return Group(*parts)


def _hubs(kept: Kept, compact: Compactor) -> Table:
    title = f"Hubs: not left by a predicate, {len(kept.hubs):,} times"
    table = Table(title=title, title_justify="left")
    for name in ("node", "predicate", "direction"):
        table.add_column(name, overflow="fold")
    table.add_column("triples", justify="right")
    for hub in kept.hubs[:_HUBS]:
        way = "to objects" if hub.forward else "to subjects"
        names = (escape(compact(hub.node)), escape(compact(hub.predicate)), way)
        table.add_row(*names, f"{hub.degree:,}")
    if len(kept.hubs) > _HUBS:
        table.add_row("…", "", "", "")
    return table
