"""A graph that an import adds to: its ids, facts and edges are there before the first row is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.changes import attribute_strings, changes_between
from kg.edges import EdgePart, EdgeSet
from kg.errors import ConfigError
from kg.graph import EdgeType, KnowledgeGraph, Nodes
from kg.mapping import Existing, GraphMapping, Interactions
from kg.nodes import NodeSet, attribute_fact
from kg.rejects import RejectLog, Tally
from kg.summed import add_up
from kg.tables.values import flat, is_text, to_attribute

if TYPE_CHECKING:
    from kg.importer import Imported

SO_FAR = "the graph so far"
IMPORT = "import"  # column of the rejects, where there are those of several imports


@dataclass(frozen=True)
class Base:
    """The graph that an import adds to, and what is known of how it was made."""

    before: "Imported"

    @property
    def existing(self) -> Existing:
        """What a mapping may take for granted."""
        user, relation, item = self.before.graph.interactions
        return Existing(
            interactions=Interactions(user=user, relation=relation, item=item),
            types=tuple(self.before.graph.nodes),
            tables=self.before.tables,
        )

    def check(self, mapping: GraphMapping, checks: Mapping[str, str]) -> None:
        """Refuse a mapping under which one person would be two, or raw ids would come in.

        Args:
            mapping: of what is added.
            checks: by node type, what tells its key from another.

        Raises:
            ConfigError: other interactions, other pseudonyms, or none where the graph has them.
        """
        links = self.before.links
        merged = pc.and_(pc.equal(links["action"], "merge"), pc.equal(links["status"], "linked"))
        if pc.any(merged).as_py() or any(rule.action == "merge" for rule in mapping.links):
            raise ConfigError(
                "links: nodes that became one cannot be told apart when files are added; import "
                'all files anew, or link by action = "edge"'
            )
        wanted = mapping.interactions
        if self.before.graph.interactions != (wanted.user, wanted.relation, wanted.item):
            raise ConfigError(
                f"interactions: the graph predicts {' '.join(self.before.graph.interactions)!r}; "
                "leave the section out, or say the same"
            )
        for kind, check in self.before.pseudonyms.items():
            if checks.get(kind, check) != check:
                raise ConfigError(
                    f"pseudonymise: the key is not the one that the graph's {kind!r} ids were "
                    "replaced with, so that everybody would be there twice"
                )
            if kind not in checks and kind in mapping.own_types():
                raise ConfigError(
                    f"the ids of {kind!r} in the graph are pseudonyms: the mapping needs the same "
                    "[pseudonymise], with the same key"
                )
        for kind in checks:
            if kind not in self.before.pseudonyms and len(self.before.graph.nodes.get(kind, ())):
                raise ConfigError(
                    f"pseudonymise: the graph has raw ids of {kind!r}; import all files anew"
                )

    def seed(self, sets: dict[str, NodeSet], edges: dict[EdgeType, EdgeSet]) -> None:
        """Put all nodes, with their domains and nothing else, and all edges into empty sets."""
        graph = self.before.graph
        for kind, nodes in graph.nodes.items():
            into = sets.setdefault(kind, NodeSet(kind))
            into.add_known(nodes.vocab.ids)
            for name in nodes.attributes.column_names:
                column = nodes.attributes.column(name)
                if is_text(column.type) and not is_text(to_attribute(flat(column)).type):
                    into.texts.add(attribute_fact(name))
            for column, domain in enumerate(graph.domains):
                into.put_in_domain(np.flatnonzero(nodes.domains[:, column]), domain)
        for name, some in graph.edges.items():
            part = EdgePart(
                src=some.src,
                dst=some.dst,
                tally=Tally(SO_FAR, "", RejectLog()),
                weight=some.weight.astype(np.float64),
                time=some.time,
            )
            edges.setdefault(name, EdgeSet(" ".join(name))).parts.append(part)

    def fill_tables(self, sets: dict[str, NodeSet], mapping: GraphMapping) -> None:
        """Fill what the new tables leave open: of node types that have tables, before RDF does."""
        for kind in mapping.table_types():
            if kind in self.before.graph.nodes:
                _fill(sets[kind], self.before.graph.nodes[kind])

    def fill_rest(self, sets: dict[str, NodeSet], mapping: GraphMapping) -> None:
        """Fill what new RDF leaves open: of all other node types.

        A text that is in the old one already changes nothing; one that comes without a title adds
        to the old one, as if both had been in one file.
        """
        for kind, nodes in self.before.graph.nodes.items():
            if kind not in mapping.table_types():
                _join_texts(sets[kind], nodes)
                _fill(sets[kind], nodes)

    def add_up(
        self, edges: Mapping[EdgeType, EdgeSet], marks: Mapping[tuple[str, str], str]
    ) -> None:
        """Leave out what has been added up before, given the marks of `summed_files`."""
        before = {name: edges[name].parts[0] for name in self.before.graph.edges}
        add_up(edges, before, marks, self.before.summed)

    def joined(self, after: "Imported") -> "Imported":
        """Return a finished import with the accounts and rejects of earlier ones, and changes."""
        before, number = self.before, self.before.number + 1
        accounts = tuple(replace(account, import_number=number) for account in after.accounts)
        rejects = [_of_import(before.rejects, 1), _of_import(after.rejects, number)]
        return replace(
            after,
            accounts=before.accounts + accounts,
            rejects=pa.concat_tables(rejects),
            links=_distinct([before.links, after.links]),
            changes=before.changes + changes_between(before.graph, after.graph, number),
            pseudonyms={**before.pseudonyms, **after.pseudonyms},
            tables=tuple(sorted({*before.tables, *after.tables})),
            summed=tuple(sorted({*before.summed, *after.summed})),
        )


def brings_news(before: "Imported", after: "Imported") -> bool:
    """Return whether anything of an import into a graph is worth keeping.

    If not, the graph is the same to the last attribute, and each of its files has been accounted
    for in the same way, with the same rejects, by an earlier import.
    """
    if len(after.changes) > len(before.changes) or not _same_shape(before.graph, after.graph):
        return True
    known = {_of_account(account) for account in before.accounts}
    if any(_of_account(account) not in known for account in after.accounts):
        return True
    if before.links.num_rows != after.links.num_rows:
        return True
    columns = [name for name in before.rejects.column_names if name != IMPORT]
    rejects = (some.rejects.select(columns) for some in (before, after))
    one, both = (_distinct([table]).num_rows for table in rejects)
    return bool(one != both)


def _distinct(tables: Sequence[Any]) -> Any:
    """Return the rows of tables in their order, each once."""
    table = pa.concat_tables(tables)
    # without threads, groups come in the order of their first rows
    found = table.group_by(table.column_names, use_threads=False).aggregate([])
    return found.cast(table.schema)


def _of_account(account: Any) -> tuple[Any, ...]:
    return (account.file, account.section, account.rows, account.rejected, account.ignored)


def _same_shape(one: KnowledgeGraph, other: KnowledgeGraph) -> bool:
    """Compare what is no change of a node or edge: names, and types of columns."""
    return (
        one.domains == other.domains
        and list(one.nodes) == list(other.nodes)
        and list(one.edges) == list(other.edges)
        and all(
            nodes.attributes.schema.equals(other.nodes[kind].attributes.schema)
            for kind, nodes in one.nodes.items()
        )
    )


def _of_import(rejects: Any, number: int) -> Any:
    if IMPORT in rejects.column_names:
        return rejects
    return rejects.append_column(IMPORT, pa.array([number] * rejects.num_rows, pa.int64()))


def _fill(into: NodeSet, nodes: Nodes) -> None:
    rows = np.arange(len(nodes))
    into.fill("title", rows, nodes.title)
    into.fill("text", rows, nodes.text)
    for name in nodes.attributes.column_names:
        into.fill(attribute_fact(name), rows, attribute_strings(nodes.attributes.column(name)))


def _join_texts(into: NodeSet, nodes: Nodes) -> None:
    count = len(nodes)
    new, title = into.fact("text")[:count], into.fact("title")[:count]
    both = pc.and_(pc.not_equal(new, ""), pc.not_equal(nodes.text, ""))
    rows = np.flatnonzero(both.to_numpy(zero_copy_only=False))
    if not len(rows):
        return
    at = pa.array(rows)
    columns = (column.take(at).to_pylist() for column in (nodes.text, new, title))
    texts = [
        old if said in old else said if named else f"{old}. {said}"
        for old, said, named in zip(*columns, strict=True)
    ]
    into.put("text", rows, pa.array(texts, pa.string()))
