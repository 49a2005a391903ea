"""A graph as the CSV that `neo4j-admin database import` reads."""

from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kg.export.blocks import parts, slices
from kg.export.literals import lexical
from kg.export.parquet import end_ids
from kg.export.vocabulary import XSD
from kg.graph import KnowledgeGraph, Nodes
from kg.progress import Bar

_ROWS = 65_536  # turned to CSV at once
_TYPES = {
    XSD + "boolean": "boolean",
    XSD + "integer": "long",
    XSD + "float": "float",
    XSD + "double": "double",
    XSD + "decimal": "double",
    XSD + "date": "date",
}
_NONE = pa.scalar(None, pa.string())


def write_neo4j(graph: KnowledgeGraph, folder: Path, bar: Bar) -> None:
    """Write one CSV for each node type and edge type, and `import.args`, which names them all.

    `neo4j-admin database import full NAME @import.args`, said in the folder, loads them. Values of
    a list are separated by `;`, and what is empty is no property.

    Args:
        graph: the graph.
        folder: an empty folder.
        bar: told of nodes and edges.

    Raises:
        InputError: an attribute has a type that has no text.
    """
    arguments = ["--multiline-fields=true"]
    for name in ("nodes", "relationships"):
        (folder / name).mkdir()
    for kind, nodes in graph.nodes.items():
        file = f"nodes/{_file_name(kind)}"
        arguments.append(f"--nodes={file}")
        columns = _node_columns(kind, nodes, graph.domains)
        with (folder / file).open("wb") as out:
            _write_header(out, list(columns))
            for rows in slices(len(nodes), _ROWS):
                _write_rows(out, [column[rows] for column in columns.values()])
                bar.advance(rows.stop - rows.start)
    for edge_type, edges in graph.edges.items():
        file = f"relationships/{_file_name(*edge_type)}"
        arguments.append(f"--relationships={file}")
        src, relation, dst = edge_type
        header = [f":START_ID({_word(src)})", f":END_ID({_word(dst)})", ":TYPE", "weight:float"]
        with (folder / file).open("wb") as out:
            _write_header(out, header if edges.time is None else [*header, "time:double"])
            for part in parts(edges, _ROWS):
                relations = pa.array([relation] * len(part), pa.string())
                told = [*end_ids(graph, edge_type, part), relations, pa.array(part.weight)]
                _write_rows(out, told if part.time is None else [*told, pa.array(part.time)])
                bar.advance(len(part))
    (folder / "import.args").write_text("\n".join(arguments) + "\n", encoding="utf-8")


def _node_columns(kind: str, nodes: Nodes, domains: tuple[str, ...]) -> dict[str, Any]:
    """Return columns by header."""
    columns: dict[str, Any] = {
        f"id:ID({_word(kind)})": nodes.vocab.ids,
        "title": pc.replace_with_mask(nodes.title, pc.equal(nodes.title, ""), _NONE),
        "text": pc.replace_with_mask(nodes.text, pc.equal(nodes.text, ""), _NONE),
        "domains:string[]": _memberships(nodes, domains),
    }
    taken = {"id", "title", "text", "domains"}
    for name in nodes.attributes.column_names:
        values = nodes.attributes.column(name).combine_chunks()
        text, kind_of = _property(values, f"attribute {name!r} of {kind}")
        word = _word(name)
        while word in taken:
            word += "_"
        taken.add(word)
        columns[f"{word}:{kind_of}"] = text
    columns[":LABEL"] = pa.array([kind] * len(nodes), pa.string())
    return columns


def _memberships(nodes: Nodes, domains: tuple[str, ...]) -> Any:
    found = pa.array([None] * len(nodes), pa.string())
    for column, domain in enumerate(domains):
        more = pc.coalesce(pc.binary_join_element_wise(found, domain, ";"), domain)
        found = pc.if_else(pa.array(nodes.domains[:, column]), more, found)
    return found


def _property(values: Any, name: str) -> tuple[Any, str]:
    """Return an attribute as text, and the type that Neo4j calls it by."""
    if pa.types.is_list(values.type) and not pa.types.is_nested(values.type.value_type):
        text, kind = _property(values.flatten(), name)
        lengths = pc.fill_null(pc.list_value_length(values), 0)
        ends = pc.cumulative_sum(lengths).cast(pa.int32())
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        lists = pa.ListArray.from_arrays(offsets, pc.fill_null(text, ""))
        return pc.if_else(values.is_valid(), pc.binary_join(lists, ";"), _NONE), f"{kind}[]"
    text, datatype = lexical(values, name)
    if datatype == XSD + "dateTime":
        return text, "localdatetime" if values.type.tz is None else "datetime"
    return text, _TYPES.get(datatype, "string")


def _write_header(out: IO[bytes], names: list[str]) -> None:
    out.write((",".join(names) + "\n").encode())  # Neo4j takes no quotes in it


def _write_rows(out: IO[bytes], columns: list[Any]) -> None:
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    pa.csv.write_csv(table, out, pa.csv.WriteOptions(include_header=False))


def _word(name: str) -> str:
    # what a header gives a meaning of its own
    return "".join("_" if sign in ':(),"{}\r\n' else sign for sign in name)


def _file_name(*names: str) -> str:
    return "-".join(quote(name, safe="").replace("-", "%2D") for name in names) + ".csv"
