"""A plan as TOML, with a comment beside each guess."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap

from kg.rdf.names import Compactor, local_name
from kg.rdf.prefixes import DEFAULT_PREFIXES
from kg.start.files import SeenFile
from kg.start.node_columns import clip
from kg.start.plan import EdgePlan, EndPlan, NodePlan, Plan, RdfPlan
from kg.start.rdf_sample import RDF_TYPE
from kg.start.table_sample import Table

MOST_SHOWN = 12  # predicates in a comment
_USUAL = {"csv": (",", True), "tsv": ("\t", False)}


def write_mapping(plan: Plan, folder: Path) -> str:
    """Return the text of a mapping file in `folder`."""
    blocks = [_head(plan, folder)]
    blocks += [_nodes(nodes, folder) for nodes in plan.nodes]
    if plan.rdf is not None:
        blocks.append(_rdf(plan.rdf, folder))
    blocks += [_edges(edges, folder) for edges in plan.edges]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def quoted(text: str) -> str:
    """Return a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def path_name(path: Path, folder: Path) -> str:
    """Return how a file in `folder` names a path: relative where that goes up once at most."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - a link that was named stays a link
    relative = os.path.relpath(absolute, os.path.abspath(folder))  # noqa: PTH100
    return absolute.as_posix() if relative.startswith("../..") else Path(relative).as_posix()


def _head(plan: Plan, folder: Path) -> list[str]:
    lines = [
        "# What these files mean, as far as a sample of them tells. Comments say what was guessed.",
        "# `isthmus import MAPPING --check` reads everything and writes nothing.",
    ]
    if plan.missing:
        lines += ["#", f"# NOT COMPLETE: {plan.missing}"]
    if plan.left_out:
        lines += ["#", "# Left out:"]
        lines += [f"#   {path_name(o.path, folder)}: {_plain(o.why)}" for o in plan.left_out]
    return lines


def _nodes(nodes: NodePlan, folder: Path) -> list[str]:
    lines = [f"# {_size(nodes.table)}", "[[nodes]]", *_file([nodes.table.file], folder)]
    lines.append(_pair("type", nodes.type, nodes.notes))
    lines.append(_pair("id", nodes.id, nodes.notes))
    if nodes.space is not None:
        lines.append(_pair("space", nodes.space, nodes.notes))
    if nodes.domain_column is not None:
        lines.append(_pair("domain_column", nodes.domain_column, nodes.notes))
    elif nodes.domain is not None:
        lines.append(_pair("domain", nodes.domain, nodes.notes))
    if nodes.text:
        lines.append(_pair("text", nodes.text, nodes.notes))
    if nodes.attributes:
        lines.append(_pair("attributes", nodes.attributes, nodes.notes))
    return [*lines, *_unused(nodes.unused)]


def _edges(edges: EdgePlan, folder: Path) -> list[str]:
    lines = [f"# {_size(table)}" for table in edges.tables]
    lines += ["[[edges]]", *_file([table.file for table in edges.tables], folder)]
    lines.append(_pair("relation", edges.relation, edges.notes))
    if "src" in edges.notes:
        lines += wrap(edges.notes["src"], 96, initial_indent="# ", subsequent_indent="# ")
    lines.append(f"src = {_end(edges.src)}")
    lines.append(f"dst = {_end(edges.dst)}")
    for key, value in (("weight", edges.weight), ("time", edges.time)):
        if value is not None:
            lines.append(_pair(key, value, edges.notes))
        elif key in edges.notes:
            lines.append(f"# {key} = {quoted(edges.notes[key].removeprefix('or ').split(', ')[0])}")
    return [*lines, *_unused(edges.unused)]


def _rdf(rdf: RdfPlan, folder: Path) -> list[str]:
    sample = rdf.sample
    about = "" if sample.complete else "about "
    lines = [f"# {about}{sample.num_triples:,} triples", "[[rdf]]", *_file(sample.files, folder)]
    short = Compactor({**DEFAULT_PREFIXES, **rdf.prefixes})
    for key in ("title", "text", "attributes", "ignore"):
        iris = getattr(rdf, key)
        if iris:
            lines.append(_pair(key, [short(iri) for iri in iris], {}))
    if rdf.name_from_iri:
        lines.append("name_from_iri = true  # no label was seen")
    lines += _languages(rdf)
    for iri, why in list(rdf.unused.items())[:20]:
        lines.append(f"# not used: {_plain(short(iri))}, {_plain(why)}")
    lines += _relations(rdf)
    if rdf.prefixes:
        lines += ["", "[rdf.prefixes]"]
        lines += [f"{_key(p)} = {quoted(ns)}" for p, ns in sorted(rdf.prefixes.items())]
    return [*lines, *_types(rdf, short), *_rules(rdf)]


def _relations(rdf: RdfPlan) -> list[str]:
    mapped = {rule.iri for rule in rdf.classes}
    typed = RDF_TYPE if set(rdf.sample.classes()) <= mapped else None
    found = [
        (predicate.edges, iri)
        for iri, predicate in rdf.sample.predicates.items()
        if predicate.edges and iri != typed and iri not in rdf.ignore
    ]
    if not found:
        return []
    total = sum(number for number, _ in found)
    listed = [f"{local_name(iri)} {n / total:.1%}" for n, iri in sorted(found, reverse=True)]
    more = f", {len(listed) - MOST_SHOWN} more" if len(listed) > MOST_SHOWN else ""
    shown = _plain(", ".join(listed[:MOST_SHOWN]), 400)
    return [f"# Every other predicate between nodes is a relation: {shown}{more}"]


def _types(rdf: RdfPlan, short: Compactor) -> list[str]:
    lines = ["", "[rdf.types]  # classes, and how many nodes of each were seen"]
    for rule in rdf.classes:
        domain = f", domain = {quoted(rule.domain)}" if rule.domain else ""
        value = f"{{ type = {quoted(rule.type)}{domain} }}"
        lines.append(f"{quoted(short(rule.iri))} = {value}  # {rule.count:,}")
    return lines if rdf.classes else []


def _rules(rdf: RdfPlan) -> list[str]:
    lines = []
    for rule in rdf.namespaces:
        lines += ["", "[[rdf.nodes]]", f"prefix = {quoted(rule.prefix)}  # {rule.note}"]
        lines.append(f"type = {quoted(rule.type)}")
        lines.append(f"otherwise = {quoted(rule.otherwise)}  # those that the tables do not have")
        if not rule.strip:
            lines.append("strip = false  # the tables hold whole IRIs")
    return lines


def _languages(rdf: RdfPlan) -> list[str]:
    counts: dict[str, int] = {}
    for iri in rdf.text:
        found = rdf.sample.predicates.get(iri)
        for tag, number in (found.languages if found else {}).items():
            counts[tag] = counts.get(tag, 0) + number
    tags = sorted((tag for tag in counts if tag), key=lambda tag: -counts[tag])
    if not tags or tags[0].split("-")[0] == "en":
        return []
    listed = ", ".join(f"{tag} {counts[tag] / sum(counts.values()):.0%}" for tag in tags[:5])
    chosen = list(dict.fromkeys([tags[0].split("-")[0], "en", ""]))
    return [f"language = [{', '.join(map(quoted, chosen))}]  # {listed}"]


def _size(table: Table) -> str:
    about = "" if table.complete else "about "
    return f"{about}{table.num_rows:,} rows"


def _file(files: list[SeenFile], folder: Path) -> list[str]:
    names = [quoted(path_name(file.path, folder)) for file in files]
    lines = [f"file = {names[0]}" if len(names) == 1 else f"file = [{', '.join(names)}]"]
    first = files[0]
    if not first.named and first.format:
        lines.append(f"format = {quoted(first.format)}")
    if first.format in _USUAL:
        delimiter, quote = _USUAL[first.format]
        if first.delimiter != delimiter:
            lines.append(f"delimiter = {quoted(str(first.delimiter))}")
        if first.quote != quote:
            lines.append(f"quote = {str(first.quote).lower()}")
    return lines


def _end(end: EndPlan) -> str:
    space = f", space = {quoted(end.space)}" if end.space else ""
    create = ", create = true" if end.create else ""
    return f"{{ type = {quoted(end.type)}, column = {quoted(end.column)}{space}{create} }}"


def _pair(key: str, value: str | list[str], notes: Mapping[str, str]) -> str:
    written = value if isinstance(value, str) else value[0] if len(value) == 1 else None
    text = quoted(written) if written is not None else f"[{', '.join(map(quoted, value))}]"
    return f"{key} = {text}" + (f"  # {_plain(notes[key])}" if key in notes else "")


def _unused(unused: Mapping[str, str]) -> list[str]:
    return [f"# not used: {_plain(name)}, {_plain(why)}" for name, why in unused.items()]


def _key(name: str) -> str:
    return (
        name
        if name.replace("_", "").replace("-", "").isalnum() and name.isascii()
        else quoted(name)
    )


def _plain(text: str, most: int = 200) -> str:
    return clip(text, most)
