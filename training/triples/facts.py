"""Files to triples: entities and relations as numbers, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kg.errors import InputError
from kg.graph import KnowledgeGraph
from training.triples.ranks import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Triples:
    """The edges between entities of a knowledge graph, each once.

    Attributes:
        entities: ids of the nodes that occur in a triple, sorted; of a graph with types, what
            tells them apart is `type:id`.
        relations: names, sorted.
        rows: (head, relation, tail) as numbers, int64 `[num_triples, 3]`, sorted.
        left_out: what of the input is no triple, and how many.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    rows: IntArray
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True, eq=False)
class TripleSplit:
    """Rows of triples, int64 `[n, 3]` each; together they are all triples."""

    train: IntArray
    valid: IntArray
    test: IntArray


def read_triples(path: Path) -> Triples:
    """Read an RDF file, a mapping TOML or an imported graph folder.

    What counts is an edge between two nodes. Literals are no triples, and neither are interactions
    and users: they are what recommendation is about.

    Raises:
        InputError: the file is missing or damaged, or has no triples.
        ConfigError: the mapping is wrong.
        ArtefactError: the folder is no graph.
    """
    if path.is_dir():
        from kg.store import load_graph

        triples = triples_of(load_graph(path))
    elif path.suffix == ".toml":
        from kg.importer import import_graph

        triples = triples_of(import_graph(path).graph)
    else:
        triples = _from_rdf(path)
    if not len(triples):
        raise InputError(f"{path} has no triples: no edge between two entities")
    return triples


def triples_of(graph: KnowledgeGraph) -> Triples:
    """Return every edge of a graph but the interactions; relations of one name are one."""
    first, total = {}, 0
    for node_type, nodes in graph.nodes.items():
        first[node_type] = total
        total += len(nodes)
    kinds = {edge_type for edge_type in graph.edges if edge_type != graph.interactions}
    relations = sorted({name for _, name, _ in kinds})
    rows = [
        np.stack(
            [
                graph.edges[edge].src + first[edge[0]],
                np.full(len(graph.edges[edge]), relations.index(edge[1])),
                graph.edges[edge].dst + first[edge[2]],
            ],
            axis=1,
        )
        for edge in sorted(kinds)
    ]
    ids = [
        f"{node_type}:{node_id}"
        for node_type, nodes in graph.nodes.items()
        for node_id in nodes.vocab.ids.to_pylist()
    ]
    left_out = {"interactions": len(graph.interaction_edges)}
    return _numbered(ids, relations, rows, left_out)


def _from_rdf(path: Path) -> Triples:
    from kg.rdf.names import Compactor, short_names
    from kg.rdf.stream import read_triples
    from kg.rdf.terms import Terms
    from kg.rdf.triples import Selection, TripleCollector
    from kg.rejects import RejectLog, Tally
    from kg.sources import source_files

    (source,) = source_files([str(path.resolve())], Path())
    terms, tally = Terms(), Tally(source.label, "triples", RejectLog())
    collector = TripleCollector(Selection(), terms, {}, tally, file_number=1)
    collector.read(read_triples(source))
    links, names = collector.links(terms.numbers()), terms.names().to_pylist()
    predicates = list(collector.predicates)
    used, relation = np.unique(links.predicate, return_inverse=True)
    short = short_names([predicates[code] for code in used.tolist()], Compactor({}))
    relations = [short[predicates[code]] for code in used.tolist()]
    rows = np.stack([links.subject, relation, links.object], axis=1)
    left_out = {"literals": tally.ignored, "malformed": tally.rejected}
    return _numbered(names, relations, [rows], left_out)


def _numbered(
    ids: list[str],
    relations: list[str],
    parts: list[IntArray],
    left_out: Mapping[str, int],
) -> Triples:
    """Number entities and relations by name, so that the order of the input changes nothing."""
    stacked = np.concatenate([np.empty((0, 3), dtype=np.int64), *parts])
    used = np.unique(stacked[:, [0, 2]])
    by_name = used[np.argsort(np.array([ids[i] for i in used.tolist()], dtype=object))]
    new_row = np.full(len(ids), -1, dtype=np.int64)
    new_row[by_name] = np.arange(len(by_name))
    order = sorted(range(len(relations)), key=relations.__getitem__)
    new_relation = np.empty(len(relations), dtype=np.int64)
    new_relation[order] = np.arange(len(order))
    rows = np.stack(
        [new_row[stacked[:, 0]], new_relation[stacked[:, 1]], new_row[stacked[:, 2]]], axis=1
    )
    distinct = np.unique(rows, axis=0)
    left_out = {**left_out, "repeated": len(rows) - len(distinct)}
    return Triples(
        entities=tuple(ids[i] for i in by_name.tolist()),
        relations=tuple(relations[i] for i in order),
        rows=distinct,
        left_out={what: number for what, number in left_out.items() if number},
    )


def split_triples(
    triples: Triples, *, test: float = 0.1, valid: float = 0.05, rng: np.random.Generator
) -> TripleSplit:
    """Hold out random triples.

    An entity may be left without a training triple: then nothing but its text could tell what it
    is linked to. Such triples stay in, and `slices` shows them apart.

    Raises:
        InputError: a part would be empty.
    """
    sizes = [round(share * len(triples)) for share in (test, valid)]
    if min(sizes) < 1 or sum(sizes) >= len(triples):
        raise InputError(f"{len(triples)} triples are too few to hold out {test:g} and {valid:g}")
    shuffled = triples.rows[rng.permutation(len(triples))]
    held_out = np.split(shuffled, np.cumsum(sizes))
    return TripleSplit(test=held_out[0], valid=held_out[1], train=held_out[2])


def slices(asked: IntArray, train: IntArray) -> dict[str, np.ndarray]:
    """Sort triples by how much training says of their ends.

    Returns:
        Masks, bool `[num_triples]`: `linked` where some relation links both ends already, either
        way, so that the answer is nearly told; `unlinked` where none does; `unseen` where an end
        is in no training triple.
    """
    size = int(max(asked[:, [0, 2]].max(), train[:, [0, 2]].max())) + 1
    seen = np.zeros(size, dtype=np.bool_)
    seen[train[:, [0, 2]]] = True
    unseen = ~(seen[asked[:, 0]] & seen[asked[:, 2]])

    def pair(rows: IntArray) -> IntArray:
        ends = np.sort(rows[:, [0, 2]], axis=1)
        return np.asarray(ends[:, 0] * size + ends[:, 1])

    linked = np.isin(pair(asked), pair(train))
    return {"linked": linked, "unlinked": ~linked & ~unseen, "unseen": unseen}
