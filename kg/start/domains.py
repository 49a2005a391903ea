"""Which domains the items are in."""

import pyarrow.compute as pc

from kg.start import words
from kg.start.columns import Column
from kg.start.files import stem
from kg.start.plan import NodePlan, Plan
from kg.start.table_sample import Table
from kg.start.tables import ITEM, Planner


def plan_domains(planner: Planner, plan: Plan) -> None:
    """Put every item in a domain: of its row, its class, or its file."""
    items = [nodes for nodes in plan.nodes if nodes.type == ITEM]
    by_class = {
        rule.domain: rule.count for rule in (plan.rdf.classes if plan.rdf else ()) if rule.domain
    }
    if not any(nodes.domain_column for nodes in items) and not by_class:
        _from_interactions(planner, plan, items)
        items = [nodes for nodes in plan.nodes if nodes.type == ITEM]
    columns = [nodes for nodes in items if nodes.domain_column]
    for nodes in columns:
        column = nodes.table.columns[str(nodes.domain_column)]
        for found in pc.value_counts(column.values).to_pylist():
            about = round(found["counts"] / column.num_rows * nodes.table.num_rows)
            plan.domains[found["values"]] = plan.domains.get(found["values"], 0) + about
    for name, count in by_class.items():
        plan.domains[name] = count
    if not columns and not by_class:
        for nodes in items:
            if nodes.notes.get("type") is None:
                nodes.domain = words.domain_name(stem(nodes.table.file.path))
                nodes.notes.setdefault("domain", "a name for what these items are")
                plan.domains[nodes.domain] = (
                    plan.domains.get(nodes.domain, 0) + nodes.table.num_rows
                )
    plan.domains = dict(sorted(plan.domains.items(), key=lambda pair: -pair[1]))


def _from_interactions(planner: Planner, plan: Plan, items: list[NodePlan]) -> None:
    """Where no table of items says domains, a column of the interactions may."""
    for one in planner.found:
        table = planner.context.tables[one.table]
        column = _domain_column(table, {one.user, one.item})
        if column is None:
            continue
        own = next((n for n in items if n.table is table), None)
        if own is None:
            own = NodePlan(table=table, type=ITEM, id=one.item)
            plan.nodes.append(own)
        own.domain_column = column.name
        own.notes["domain_column"] = "of the items that the interactions are with"


def _domain_column(table: Table, ends: set[str]) -> Column | None:
    for column in table.columns.values():
        few = 2 <= len(column.distinct) <= 20 and column.kind == "word" and not column.parts
        if column.name not in ends and few and words.says(column.name, words.DOMAIN):
            return column
    return None
