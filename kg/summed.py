"""Files whose rows are added up: each counts once, however often it is imported into a graph."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from kg.edges import EdgePart, EdgeSet
from kg.files import sha256
from kg.graph import EdgeType
from kg.mapping import GraphMapping
from kg.sources import source_files

ADDED_UP = ("sum", "count")  # of the rules for repeats: those under which a row again is a change


def summed_files(mapping: GraphMapping) -> dict[tuple[str, str], str]:
    """Return the mark of each file whose rows are added up, by section and file of its account.

    A mark names the edge type and what is in the file, whatever the file is called.
    """
    return {
        (f"edges[{i}]", source.label): " ".join(
            [section.src.type, section.relation, section.dst.type, sha256(source.path)]
        )
        for i, section in enumerate(mapping.edges)
        if section.repeats in ADDED_UP
        for source in source_files(section.file, mapping.folder)
    }


def add_up(
    edges: Mapping[EdgeType, EdgeSet],
    before: Mapping[EdgeType, EdgePart],
    marks: Mapping[tuple[str, str], str],
    known: Collection[str],
) -> None:
    """Leave out files that have been added up before, and count on from what there is.

    Args:
        edges: edges by type, with those of the graph so far as parts; changed.
        before: these parts.
        marks: what `summed_files` returns.
        known: marks of earlier imports.
    """
    for name, part_before in before.items():
        some = edges[name]
        if some.repeats not in ADDED_UP:
            continue
        fresh = []
        for part in some.parts:
            if marks.get((part.tally.section, part.tally.file)) in known:
                part.tally.merged += len(part.src)
            elif part is part_before or some.repeats == "sum":
                fresh.append(part)
            else:  # a row counts one, an edge of the graph what its weight says
                fresh.append(replace(part, weight=None))
        some.parts, some.repeats = fresh, "sum"
