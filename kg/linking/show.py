"""Links as tables for the terminal: how many of each kind, and what waits for a decision."""

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

SHOWN = 10  # pairs that wait for a decision


def render(links: pa.Table) -> RenderableType:
    """Return the tables that `isthmus link` prints."""
    by = ["source_type", "target_type", "method", "status"]
    counted = links.group_by(by).aggregate([("source", "count_distinct"), ("target", "count")])
    counted = counted.sort_by([(name, "ascending") for name in by])
    table = Table(title="Links", title_justify="left")
    for name in ("source", "target", "method", "status"):
        table.add_column(name)
    for name in ("sources", "pairs"):
        table.add_column(name, justify="right")
    for row in counted.to_pylist():
        cells = [escape(row[name]) for name in by]
        table.add_row(*cells, f"{row['source_count_distinct']:,}", f"{row['target_count']:,}")
    waiting = links.filter(pc.is_in(links["status"], pa.array(["ambiguous", "cluster too large"])))
    return Group(table, "", _waiting(waiting)) if waiting.num_rows else table


def _waiting(links: pa.Table) -> Table:
    table = Table(title=f"To decide: {links.num_rows:,} pairs, the first", title_justify="left")
    for name in ("source", "name", "target", "name", "method"):
        table.add_column(name, overflow="fold")
    table.add_column("confidence", justify="right")
    for row in links.slice(0, SHOWN).to_pylist():
        names = ("source", "source_name", "target", "target_name", "method")
        table.add_row(*(escape(row[name]) for name in names), f"{row['confidence']:.3f}")
    return table
