"""A description of a graph as tables for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from kg.changes import Change
from kg.inspect import QUANTILES, Description


def render(description: Description) -> RenderableType:
    """Return the tables that `isthmus inspect` prints."""
    tables = [_nodes(description), _edges(description), _degrees(description)]
    if description.domains:
        tables.append(_domains(description))
    if len(description.domains) > 1:
        tables.append(_overlap(description))
    if description.accounts:
        tables.append(_accounts(description))
    if description.rejects:
        tables.append(_rejects(description))
    return Group(*_spaced(tables))


def render_changes(changes: Sequence[Change]) -> RenderableType:
    """Return the table of what imports into a graph have changed, with the first examples."""
    table = _table("Changes by import", ["import", "of", "what"], ["count"], ["examples"])
    for change in changes:
        examples = [f"{node}: {before!r} → {after!r}" for node, before, after in change.examples]
        number = str(change.import_number)
        _row(table, number, change.of, change.what, change.count, "\n".join(examples))
    return Group("", table)


def _spaced(tables: Sequence[Table]) -> Iterator[RenderableType]:
    for i, table in enumerate(tables):
        if i:
            yield ""
        yield table


def _nodes(description: Description) -> Table:
    names = [domain.name for domain in description.domains]
    table = _table("Nodes", ["type"], ["count", "with text", *names], ["attributes"])
    for nodes in description.nodes:
        _row(
            table,
            nodes.type,
            nodes.count,
            f"{nodes.text_coverage:.1%}",
            *nodes.by_domain,
            ", ".join(f"{name} ({kind})" for name, kind in nodes.attributes.items()),
        )
    return table


def _edges(description: Description) -> Table:
    table = _table("Edges", ["src", "relation", "dst"], ["count", "weight"], ["time"])
    for edges in description.edges:
        weight = "" if edges.weight is None else " to ".join(f"{w:g}" for w in edges.weight)
        if edges.weight is not None and edges.weight[0] == edges.weight[1]:
            weight = f"{edges.weight[0]:g}"
        predicted = " (predicted)" if edges.type == description.interactions else ""
        src, relation, dst = edges.type
        time = "yes" if edges.timed else "no"
        _row(table, src, relation + predicted, dst, edges.count, weight, time)
    return table


def _degrees(description: Description) -> Table:
    points = [f"{point:.0%}" for point in QUANTILES]
    points[0], points[-1] = "least", "most"
    table = _table("Edges per node that has any: quantiles", ["of", "relation"], points)
    for edges in description.edges:
        src, relation, dst = edges.type
        _row(table, src, f"{relation} → {dst}", *(f"{value:g}" for value in edges.out_degree))
        _row(table, dst, f"← {relation} {src}", *(f"{value:g}" for value in edges.in_degree))
    return table


def _domains(description: Description) -> Table:
    table = _table("Domains", ["domain"], ["items", "users", "interactions"])
    for domain in description.domains:
        _row(table, domain.name, domain.items, domain.users, domain.interactions)
    return table


def _overlap(description: Description) -> Table:
    table = _table("Overlap", ["domain", "domain"], ["users in both", "items in both"])
    for i, one in enumerate(description.domains):
        for j, other in enumerate(description.domains[:i]):
            users, items = description.user_overlap[i][j], description.item_overlap[i][j]
            _row(table, other.name, one.name, users, items)
    return table


def _accounts(description: Description) -> Table:
    counts = ["rows", "loaded", "merged", "ignored", "rejected"]
    if any(account.filtered for account in description.accounts):
        counts.insert(-1, "filtered")
    table = _table("Files (rows = loaded + rejected)", ["file", "as"], counts)
    for account in description.accounts:
        _row(table, account.file, account.section, *(getattr(account, name) for name in counts))
    return table


def _rejects(description: Description) -> Table:
    table = _table("Rejected rows", ["file", "reason"], ["rows"], ["the first"])
    for file, reason, count in description.rejects:
        first = " ".join(description.examples.get((file, reason), "").split())
        _row(table, file, reason, count, first if len(first) <= 60 else first[:59] + "…")
    return table


def _table(title: str, left: list[str], right: list[str], rest: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for name in left:
        table.add_column(escape(name), overflow="fold")
    for name in right:
        table.add_column(escape(name), justify="right")
    for name in rest:
        table.add_column(escape(name))
    return table


def _row(table: Table, *cells: str | int) -> None:
    # names come from the data: a "[" in one is no markup
    table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(cell) for cell in cells))
