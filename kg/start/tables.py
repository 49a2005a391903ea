"""Tables to sections: interactions, the nodes that they name, and what is linked to those."""

from kg.start import words
from kg.start.columns import Column
from kg.start.files import stem
from kg.start.interactions import Context, Found, find_interactions, split_column
from kg.start.node_columns import plan_nodes, say_more, shares
from kg.start.plan import EdgePlan, EndPlan, LeftOut, NodePlan, Plan
from kg.start.user_spaces import UserSpaces, find_user_spaces

USER, ITEM, INTERACTS = "user", "item", "interacts"


class Planner:
    """Gives each table its place.

    Attributes:
        nodes: sections of tables of nodes, by the table's number.
        named_by_interactions: sections that read items off interactions.
        found: tables of interactions.
        spaces: id spaces of their users, and of tables of users.
    """

    def __init__(self, context: Context, plan: Plan) -> None:
        self.context = context
        self.plan = plan
        self.nodes: dict[int, NodePlan] = {}
        self.named_by_interactions: dict[int, NodePlan] = {}
        self.found: list[Found] = []
        self.spaces = UserSpaces()
        self._rest = set(range(len(context.tables)))

    def place(self) -> None:
        """Place every table."""
        for number in sorted(self._rest):
            column = split_column(self.context.tables[number])
            if column is not None:
                self._leave_out(number, "says who is held out; it is no part of the graph")
        self.found = find_interactions(self.context, sorted(self._rest))
        self.spaces = find_user_spaces(self.context, self.found)
        self._rest -= {one.table for one in self.found}
        for one in self.found:
            self._nodes_of(one.table, one.item, ITEM)
        for one in self.found:
            self._nodes_of(one.table, one.user, USER)
        for one in self.found:
            self._add_interactions(one)
        while any([self._extend(number) for number in sorted(self._rest)]):
            continue
        for number in sorted(self._rest):
            self._leave_out(number, self.context.tables[number].problem or self._why_alone(number))
        self._cold_files()

    def _why_alone(self, number: int) -> str:
        columns = self.context.tables[number].columns
        if {"head", "relation", "tail"} <= set(columns):
            return "its triples need to be RDF, for example N-Triples, or a table for each relation"
        return f"nothing links it with the other files (columns: {', '.join(list(columns)[:12])})"

    def _leave_out(self, number: int, why: str) -> None:
        self._rest.discard(number)
        self.plan.left_out.append(LeftOut(self.context.tables[number].file.path, why))

    def _nodes_of(self, number: int, name: str, node_type: str) -> None:
        found = [r for r in self.context.references[number][name] if r.table in self._rest]
        # what the first table says of a node stands: let that be the one with the titles
        for reference in sorted(found, key=lambda r: not self._has_titles(r.table)):
            if reference.table in self._rest:
                self._add_nodes(reference.table, node_type, reference.key)

    def _has_titles(self, number: int) -> bool:
        return any(words.says(name, words.TITLE) for name in self.context.tables[number].columns)

    def _add_nodes(self, number: int, node_type: str, key: str, space: str | None = None) -> None:
        self._rest.discard(number)
        table = self.context.tables[number]
        links = [
            name
            for name, others in self.context.references[number].items()
            if name != key and any(o.table in self._rest or o.table in self.nodes for o in others)
        ]
        nodes = plan_nodes(table, node_type, key, links=links, with_domain=node_type == ITEM)
        nodes.space = self.spaces.names.get(number, space) if node_type == USER else None
        for reference in self.context.references[number][key]:
            earlier = self.nodes.get(reference.table)
            same = earlier and (earlier.type, earlier.space) == (node_type, nodes.space)
            if earlier and same and earlier.id == reference.key:
                say_more(nodes, earlier)
        self.nodes[number] = nodes
        self.plan.nodes.append(nodes)
        for name in links:
            self._link(number, key, name)

    def _link(self, number: int, key: str, name: str) -> None:
        """Make edges of a column of a table of nodes that holds ids of another table."""
        src = EndPlan(self.nodes[number].type, key, space=self.nodes[number].space)
        other = self.context.references[number][name][0]
        if other.table in self._rest:
            kind = words.type_name(stem(self.context.tables[other.table].file.path))
            self._add_nodes(other.table, self._free(kind), other.key)
        if other.table in self.nodes:
            dst = EndPlan(self.nodes[other.table].type, name, space=self.nodes[other.table].space)
            self._add_edges(number, words.type_name(name), src, dst)

    def _free(self, node_type: str) -> str:
        return f"{node_type}_node" if node_type in (USER, ITEM) else node_type

    def _add_interactions(self, one: Found) -> None:
        number = one.table
        user, item = one.user, one.item
        known = any(r.table in self.nodes for r in self.context.references[number][item])
        link = self.context.iris[number][item]
        # an id such as `ex:Emma` is that of the RDF node itself
        if not known and (link is None or link.form != "prefix"):
            self.named_by_interactions[number] = self._items_of_interactions(number, item)
        src = EndPlan(USER, user, create=True, space=self.spaces.names.get(number))
        dst = EndPlan(ITEM, item)
        edges = self._add_edges(number, INTERACTS, src, dst)
        if number in self.spaces.notes:
            edges.notes["src"] = self.spaces.notes[number]
        if one.others:
            pairs = "; ".join(f"{u} and {i}" for u, i, _ in one.others[:3])
            edges.notes["relation"] = f"other columns that could be user and item: {pairs}"

    def _items_of_interactions(self, number: int, item: str) -> NodePlan:
        """Where no table has the items, the interactions themselves name them."""
        nodes = NodePlan(table=self.context.tables[number], type=ITEM, id=item)
        nodes.notes["id"] = "no table has these items: the interactions name them"
        self.plan.nodes.append(nodes)
        return nodes

    def _add_edges(self, number: int, relation: str, src: EndPlan, dst: EndPlan) -> EdgePlan:
        table = self.context.tables[number]
        for edges in self.plan.edges:
            same = edges.tables[0].columns.keys() == table.columns.keys()
            if same and (edges.relation, edges.src, edges.dst) == (relation, src, dst):
                edges.tables.append(table)
                return edges
        edges = EdgePlan(tables=[table], relation=relation, src=src, dst=dst)
        if number not in self.nodes:
            _weigh(
                edges, [c for c in table.columns.values() if c.name not in (src.column, dst.column)]
            )
        self.plan.edges.append(edges)
        return edges

    def _extend(self, number: int) -> bool:
        """Place a table that names nodes which are already there; return whether it does."""
        if number not in self._rest:
            return False
        table = self.context.tables[number]
        known = {
            name: next(r for r in found if r.table in self.nodes)
            for name, found in self.context.references[number].items()
            if any(r.table in self.nodes for r in found)
        }
        for name, reference in known.items():
            if table.columns[name].is_key and reference.key == self.nodes[reference.table].id:
                of = self.nodes[reference.table]
                self._add_nodes(number, of.type, name, of.space)
                return True
        if not known:
            return False
        name, reference = next(iter(known.items()))
        of = self.nodes[reference.table]
        src = EndPlan(of.type, name, space=of.space)
        others = [
            c for c in table.columns.values() if c.name != name and c.may_be_id and not c.parts
        ]
        if not others:
            return False
        self._rest.discard(number)
        for column in others:
            self._relate(number, src, column)
        return True

    def _relate(self, number: int, src: EndPlan, column: Column) -> None:
        found = self.context.references[number][column.name]
        for reference in found:
            if reference.table in self._rest:
                kind = words.type_name(stem(self.context.tables[reference.table].file.path))
                self._add_nodes(reference.table, self._free(kind), reference.key)
        known = next((r for r in found if r.table in self.nodes), None)
        kind = self._free(words.type_name(column.name))
        dst = EndPlan(kind, column.name, create=True)
        if known is not None:
            of = self.nodes[known.table]
            dst = EndPlan(of.type, column.name, space=of.space)
        self._add_edges(number, words.type_name(column.name), src, dst)

    def _cold_files(self) -> None:
        """Note which of the tables that were left out say who is cold in a form that jobs read."""
        for number, table in enumerate(self.context.tables):
            column = split_column(table)
            if column is None or column.name != "part" or next(iter(table.columns)) == "part":
                continue
            if not {"valid", "test"} >= set(column.distinct.to_pylist()):
                continue
            first = next(iter(table.columns))
            used = self.context.references[number][first]
            about_items = any(
                self.nodes.get(r.table) and self.nodes[r.table].type == ITEM for r in used
            )
            if about_items or words.says(first, words.ITEM):
                self.plan.cold_items.append(table.file.path)
            elif self.spaces.names:
                continue  # in the graph these users are called otherwise
            elif words.says(first, words.USER) or self._is_user(table.columns[first]):
                self.plan.cold_users.append(table.file.path)

    def _is_user(self, column: Column) -> bool:
        seen = (self.context.tables[one.table].columns[one.user] for one in self.found)
        values = set(column.distinct.to_pylist())
        return any(not values.isdisjoint(other.distinct.to_pylist()) for other in seen)


def _weigh(edges: EdgePlan, columns: list[Column]) -> None:
    numbers = [c for c in columns if c.kind in ("integer", "number") and c.filled == 1]
    times = [c for c in columns if c.is_time or (words.says(c.name, words.TIME) and c in numbers)]
    times = [c for c in times if c.filled == 1]
    weights = [c for c in numbers if c not in times]
    named = [c for c in weights if words.says(c.name, words.WEIGHT)]
    edges.weight = named[0].name if named else None
    edges.time = max(times, key=lambda c: c.is_time).name if times else None
    for key, chosen, found in (("weight", edges.weight, weights), ("time", edges.time, times)):
        other = [c.name for c in found if c.name != chosen]
        if other:
            edges.notes[key] = f"or {', '.join(other)}"
    for column in columns:
        if column.parts:
            edges.unused[column.name] = (
                f"{shares(column)}: all of them are interactions; a job makes its own split"
            )
