"""Id spaces: ids that are unique in one shop only, and crosswalks that say which are the same."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.door import Door
from kg.mapping import GraphMapping
from kg.rejects import RejectLog, Tally
from kg.tables.read import read_section
from kg.tables.rows import Rows
from kg.tables.sections import CrosswalkFile

Name = tuple[str, str]  # id space, or "" for the graph, and id


def read_crosswalks(mapping: GraphMapping, log: RejectLog) -> tuple[Door, list[Tally]]:
    """Read all crosswalks of a mapping.

    Returns:
        The door that knows them, and the tally of each file.
    """
    people: dict[str, _Same] = {}
    tallies = []
    for i, section in enumerate(mapping.crosswalk):
        same = people.setdefault(section.type, _Same())
        columns = [*section.spaces.values(), *([] if section.id is None else [section.id])]
        for tally, parts in read_section(section, f"crosswalk[{i}]", mapping.folder, columns, log):
            tallies.append(tally)
            for rows in parts:
                _add(section, rows, same, tally)
    known = {kind: same.names() for kind, same in people.items()}

    def rename(ids: Any, node_type: str, space: str) -> Any:
        if not space:
            return ids
        names = known.get(node_type, {}).get(space)
        own = pc.binary_join_element_wise(space, ids, ":")
        if names is None:
            return own
        at = pc.index_in(ids, value_set=names[0])
        return pc.coalesce(names[1].take(at), own)

    return Door(rename), tallies


def _add(section: CrosswalkFile, rows: Rows, same: "_Same", tally: Tally) -> None:
    spaces = list(section.spaces)
    columns = [rows.columns[section.spaces[space]].to_pylist() for space in spaces]
    if section.id is not None:
        spaces.append("")
        columns.append(rows.columns[section.id].to_pylist())
    for row, cells in enumerate(zip(*columns, strict=True)):
        names = [(space, cell) for space, cell in zip(spaces, cells, strict=True) if cell.strip()]
        if not names or (section.id is not None and not cells[-1].strip()):
            name = section.id or " and ".join(section.spaces.values())
            tally.reject(int(rows.line[row]), rows.raw(row), f"{name} is empty")
        elif not same.join(names):
            tally.reject(
                int(rows.line[row]), rows.raw(row), "says that two ids of the graph are the same"
            )
        else:
            tally.loaded += 1


@dataclass
class _Same:
    """Ids of one node type that are the same: a union-find over names."""

    parent: dict[Name, Name] = field(default_factory=dict)  # in order of first sight
    person: dict[Name, str] = field(default_factory=dict)  # id in the graph of a root

    def root(self, name: Name) -> Name:
        above = self.parent.setdefault(name, name)
        while above != name:
            self.parent[name] = self.parent[above]
            name, above = above, self.parent[above]
        return name

    def join(self, names: list[Name]) -> bool:
        """Make names one, unless they would then have two ids in the graph."""
        roots = {self.root(name): None for name in names}
        people = {self.person[root] for root in roots if root in self.person}
        people |= {cell for space, cell in names if not space}
        if len(people) > 1:
            return False
        first, *others = roots
        for root in others:
            self.parent[root] = first
        for person in people:
            self.person[first] = person
        return True

    def names(self) -> dict[str, tuple[Any, Any]]:
        """Return for each id space its ids and what the graph calls them, as Arrow strings."""
        first: dict[Name, str] = {}  # of each root, the smallest id of the first space
        for space in dict.fromkeys(space for space, _ in self.parent):
            for name in sorted(name for name in self.parent if name[0] == space):
                first.setdefault(self.root(name), ":".join(name))
        found: dict[str, tuple[list[str], list[str]]] = {}
        for name in self.parent:
            root = self.root(name)
            ids, called = found.setdefault(name[0], ([], []))
            ids.append(name[1])
            called.append(self.person.get(root, first[root]))
        return {
            space: (pa.array(ids, pa.string()), pa.array(called, pa.string()))
            for space, (ids, called) in found.items()
        }
