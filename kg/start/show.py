"""What was made of each file, as a table for the terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from kg.start.plan import Plan


def render(plan: Plan) -> RenderableType:
    """Return the table that `isthmus init` prints."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", no_wrap=True)
    table.add_column("taken for")
    for file, meaning in _rows(plan):
        table.add_row(escape(file), escape(meaning))
    if not plan.missing:
        return table
    return Group(table, "", f"[bold]Not complete[/bold]: {escape(plan.missing)}")


def _rows(plan: Plan) -> Iterator[tuple[str, str]]:
    for nodes in plan.nodes:
        about = f"nodes: {nodes.type}, id {nodes.id}"
        about += f", text {', '.join(nodes.text)}" if nodes.text else ", no text"
        about += f", domain of each row {nodes.domain_column}" if nodes.domain_column else ""
        yield nodes.table.file.path.name, about
    for edges in plan.edges:
        about = f"edges: {edges.src.type} {edges.relation} {edges.dst.type}"
        about += f", columns {edges.src.column} and {edges.dst.column}"
        for table in edges.tables:
            yield table.file.path.name, about
    for file in plan.rdf.sample.files if plan.rdf else ():
        yield file.path.name, "RDF"
    for left in plan.left_out:
        yield left.path.name, f"left out: {left.why}"
