"""Nodes to texts: their text or title, or a template over attributes and neighbours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from encoders.texts.templates import HISTORY, Template, TextConfig, clean, cut
from kg.errors import ConfigError, nearest
from kg.graph import EdgeType, KnowledgeGraph, Nodes
from kg.vocab import IntArray

PLAIN = TextConfig()


def node_texts(graph: KnowledgeGraph, node_type: str, config: TextConfig = PLAIN) -> list[str]:
    """Return what an encoder reads of each node, in row order.

    It is what the template of the node type, in the language of the node, says of it. A node for
    which every placeholder is empty has no text: `""`. Without a template it is the node's text, or
    its title where the text is blank, or `""` where it has neither.

    Interactions are never read, so the texts of a graph are those of its training part too.

    Raises:
        ConfigError: as `check_texts`.
    """
    check_texts(graph, config)
    nodes = graph.nodes[node_type]
    languages = node_languages(nodes, config)
    by_language = {name: config.template(node_type, name) for name in set(languages)}
    texts = _plain(nodes)
    names = {name for each in by_language.values() if each for name in each.placeholders}
    columns = {name: _column(graph, node_type, name, config) for name in sorted(names)}
    for row, language in enumerate(languages):
        template = by_language[language]
        if template is not None:
            texts[row] = _fill(template, columns, row, config.words)
    return texts


def check_texts(graph: KnowledgeGraph, config: TextConfig) -> None:
    """Make sure that the templates fit the graph.

    Raises:
        ConfigError: a template is of an unknown node type, or has an unknown placeholder or one of
            the interactions, which hold what is to be predicted; or no node type has the language
            column. Names the nearest known one.
    """
    for where, kind, text in config.written():
        if kind == HISTORY:
            continue
        if kind not in graph.nodes:
            known = ", ".join([*graph.nodes, HISTORY])
            raise ConfigError(
                f"texts.{where}: unknown node type{nearest(kind, graph.nodes)} (known: {known})"
            )
        _check_template(graph, kind, Template(text, f"texts.{where}"))
    column = config.language_column
    columns = sorted({name for nodes in graph.nodes.values() for name in _attributes(nodes)})
    if column is not None and column not in columns:
        raise ConfigError(
            f"texts.language_column: no node type has an attribute {column!r}"
            f"{nearest(column, columns)} (known: {', '.join(columns) or 'none'})"
        )


def _check_template(graph: KnowledgeGraph, kind: str, template: Template) -> None:
    known, predicted = [*_facts(graph.nodes[kind])], set()
    for name, edge_types in _relations(graph, kind).items():
        if graph.interactions in [edge_type for edge_type, _ in edge_types]:
            predicted.add(name)
        else:
            known.append(name)
    shown = predicted.intersection(template.placeholders).difference(known)
    if shown:
        raise ConfigError(
            f"{template.where}: {{{min(shown)}}} is the relation that is predicted, and would show "
            "what is held out; set texts.histories = true for texts of what users did"
        )
    try:
        template.check(known)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def node_languages(nodes: Nodes, config: TextConfig) -> list[str]:
    """Return the language that each node says, `""` where it says none."""
    if config.language_column in _attributes(nodes):
        return _strings(nodes.attributes.column(config.language_column))
    return [""] * len(nodes)


def _plain(nodes: Nodes) -> list[str]:
    pairs = zip(nodes.text.to_pylist(), nodes.title.to_pylist(), strict=True)
    return [(text or "").strip() or (title or "").strip() for text, title in pairs]


def _fill(template: Template, columns: dict[str, list[str]], row: int, words: int) -> str:
    values = {name: columns[name][row] for name in template.placeholders}
    return cut(template.fill(values), words) if any(values.values()) else ""


def _attributes(nodes: Nodes) -> list[str]:
    names: list[str] = nodes.attributes.column_names
    return names


def _facts(nodes: Nodes) -> list[str]:
    return ["title", "text", *_attributes(nodes)]


def _relations(graph: KnowledgeGraph, kind: str) -> dict[str, list[tuple[EdgeType, bool]]]:
    """Return placeholder -> (edge type, whether read from tail to head) of all a node type has."""
    found: dict[str, list[tuple[EdgeType, bool]]] = {}
    for edge_type in graph.edges:
        src, relation, dst = edge_type
        if src == kind:
            found.setdefault(relation, []).append((edge_type, False))
        if dst == kind:
            found.setdefault(f"rev_{relation}", []).append((edge_type, True))
    return found


def _column(graph: KnowledgeGraph, kind: str, name: str, config: TextConfig) -> list[str]:
    """Return the value of a placeholder for each node."""
    nodes = graph.nodes[kind]
    if name in ("title", "text"):
        return [clean(value) for value in getattr(nodes, name).to_pylist()]
    if name in _attributes(nodes):
        return _strings(nodes.attributes.column(name))
    return _neighbours(graph, kind, _relations(graph, kind)[name], config)


def _strings(column: Any) -> list[str]:
    def string(value: Any) -> str:
        if value is None or value != value:  # NaN
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))  # a graph keeps every number as a float
        if isinstance(value, list):
            return ", ".join(filter(None, map(string, value)))
        return clean(str(value))

    return [string(value) for value in column.to_pylist()]


def _neighbours(
    graph: KnowledgeGraph, kind: str, relations: Sequence[tuple[EdgeType, bool]], config: TextConfig
) -> list[str]:
    """Return the neighbours of each node by name: over heavy edges first, then the best known.

    The best known is who has most edges in the knowledge graph; interactions do not count.
    """
    rows, codes, keys = [], [], []
    labels: list[str] = []
    for edge_type, backwards in relations:
        edges = graph.edges[edge_type]
        here, there = (edges.dst, edges.src) if backwards else (edges.src, edges.dst)
        other = graph.nodes[edge_type[0] if backwards else edge_type[2]]
        degrees = _degrees(graph, edge_type[0] if backwards else edge_type[2])
        used, places = np.unique(there, return_inverse=True)
        rows.append(here)
        codes.append(places + len(labels))
        keys.append(np.stack([-edges.weight.astype(np.float64), -degrees[there]]))
        labels += _labels(other, used, config.title_words)
    row, code = np.concatenate(rows), np.concatenate(codes)
    weight, degree = np.concatenate(keys, axis=1)
    order = np.lexsort((code, degree, weight, row))
    row, code = row[order], code[order]
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    ends = np.append(starts[1:], len(row))
    joined = [""] * len(graph.nodes[kind])
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        some = code[first : min(last, first + config.neighbours)].tolist()
        joined[row[first]] = ", ".join(dict.fromkeys(labels[i] for i in some if labels[i]))
    return joined


def _degrees(graph: KnowledgeGraph, kind: str) -> IntArray:
    degrees = np.zeros(len(graph.nodes[kind]), dtype=np.int64)
    for edge_type, edges in graph.edges.items():
        if edge_type != graph.interactions:
            for end, rows in ((edge_type[0], edges.src), (edge_type[2], edges.dst)):
                if end == kind:
                    degrees += np.bincount(rows, minlength=len(degrees))
    return degrees


def _labels(nodes: Nodes, rows: IntArray, words: int) -> list[str]:
    take = pa.array(rows)
    pairs = zip(nodes.title.take(take).to_pylist(), nodes.vocab.to_ids(rows), strict=True)
    return [cut(clean(title), words) or clean(node_id) for title, node_id in pairs]
