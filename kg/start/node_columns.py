"""What the columns of a table of nodes are: title, text, domain, attributes."""

from collections.abc import Collection

import pyarrow.compute as pc

from kg.start import words
from kg.start.columns import Column
from kg.start.plan import NodePlan
from kg.start.table_sample import Table

MOST_DOMAINS = 20
MOST_CATEGORIES = 0.2  # different values for each row, up to which a column is an attribute


def plan_nodes(
    table: Table,
    node_type: str,
    key: str,
    *,
    links: Collection[str] = (),
    with_domain: bool = False,
) -> NodePlan:
    """Sort the columns of a table of nodes.

    Args:
        table: the table.
        node_type: of its nodes.
        key: its id column.
        links: columns that hold ids of other tables, which become edges.
        with_domain: whether to look for a column of domains.
    """
    plan = NodePlan(table=table, type=node_type, id=key)
    others = [c for name, c in table.columns.items() if name != key and name not in links]
    keys = [column.name for column in others if column.is_key and not _is_text(column)]
    if keys:
        plan.notes["id"] = f"also different in each row: {', '.join(keys)}"
    if with_domain:
        _find_domain(plan, others)
    for column in others:
        if column.name != plan.domain_column:
            _place(plan, column)
    titles = [name for name in plan.text if words.says(name, words.TITLE)]
    if titles:
        best = min(titles, key=lambda name: len(words.words(name)))
        plan.text.sort(key=lambda name: name != best)
    elif plan.text:
        shortest = min(plan.text, key=lambda name: table.columns[name].mean_words)
        plan.text.sort(key=lambda name: name != shortest)
        if len(plan.text) > 1:
            plan.notes["text"] = "the first is what people see as the title"
    return plan


def _find_domain(plan: NodePlan, columns: list[Column]) -> None:
    candidates = [column for column in columns if _may_be_domain(column)]
    named = [column for column in candidates if words.says(column.name, words.DOMAIN)]
    if named:
        plan.domain_column = named[0].name
        plan.notes["domain_column"] = shares(named[0])
    elif candidates:
        listed = "; ".join(f"{c.name} ({shares(c)})" for c in candidates[:3])
        plan.notes["domain"] = f"or domain_column, one of: {listed}"


def _may_be_domain(column: Column) -> bool:
    few = 2 <= len(column.distinct) <= min(MOST_DOMAINS, max(2, len(column.values) // 2))
    return few and column.kind in ("word", "text") and column.filled > 0.9 and not column.parts


def shares(column: Column, most: int = 5) -> str:
    """Return the commonest values of a column, with their shares.

    A sample says shares, not counts.
    """
    found = sorted(pc.value_counts(column.values).to_pylist(), key=lambda v: -v["counts"])
    total = len(column.values)
    listed = [f"{clip(v['values'])} {v['counts'] / total:.0%}" for v in found[:most]]
    return ", ".join(listed) + (f", {len(found) - most} more" if len(found) > most else "")


def clip(text: str, most: int = 30) -> str:
    """Return a text that fits into a comment."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _is_text(column: Column) -> bool:
    if column.kind == "text":
        return True
    return column.kind == "word" and words.says(column.name, words.TITLE | words.TEXT)


def _place(plan: NodePlan, column: Column) -> None:
    if column.kind == "empty":
        plan.unused[column.name] = "always empty"
    elif column.parts:
        plan.unused[column.name] = "says which rows are for training; a job makes its own split"
    elif _is_text(column):
        plan.text.append(column.name)
    elif column.kind == "nested":
        plan.unused[column.name] = "lists; as an attribute or text they are joined by commas"
    elif column.kind == "iri":
        plan.unused[column.name] = "addresses"
    elif _is_attribute(column):
        plan.attributes.append(column.name)
    else:
        example = clip(str(column.values[0].as_py()))
        plan.unused[column.name] = f"nearly every row has its own, such as {example!r}"


def _is_attribute(column: Column) -> bool:
    if column.kind == "integer":
        return not column.is_key or not words.says(column.name, words.IDENTIFIER)
    return not column.may_be_id or column.uniqueness <= MOST_CATEGORIES


def say_more(nodes: NodePlan, earlier: NodePlan) -> None:
    """Make a section about nodes of an earlier one add to it, whose text and attributes stand."""
    if earlier.text and nodes.text:
        nodes.attributes = [*nodes.text, *nodes.attributes]
        nodes.text = []
        nodes.notes["attributes"] = "the text of these nodes is in the table above"
    for name in [name for name in nodes.attributes if name in earlier.attributes]:
        nodes.attributes.remove(name)
        nodes.unused[name] = "the table above has it too"
