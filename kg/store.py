"""A graph on disk: Parquet by node type and relation, `schema.json`, and what was rejected."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.changes import Change
from kg.errors import ArtefactError
from kg.files import read_json, read_manifest, write_folder, write_json
from kg.graph import BoolArray, Edges, EdgeType, KnowledgeGraph, Nodes
from kg.rejects import REJECT_SCHEMA, Account
from kg.vocab import Vocab

if TYPE_CHECKING:
    from kg.importer import Imported

KIND = "graph"
FORMAT = 1  # of schema.json and the columns; raised when an older reader would misread it
SCHEMA, REJECTS, LINKS = "schema.json", "rejects.parquet", "links.parquet"
ACCOUNTS, CHANGES = "accounts.json", "changes.json"
BATCH = 1 << 18  # edges read at once
ATTRIBUTE = "attribute."  # what attribute columns begin with, so that none is called `id`


def save_graph(source: "Imported | KnowledgeGraph", path: Path) -> None:
    """Write a graph, with the rejects and accounts of its import if there was one.

    A graph already at `path` is replaced in one step, when the new one is complete. A crosswalk
    that the import asks for is written before it.

    Raises:
        ConfigError: the crosswalk would be in the folder.
    """
    if isinstance(source, KnowledgeGraph):
        from kg.importer import Imported  # takes a third of a second, which a query has not

        source = Imported(graph=source, rejects=REJECT_SCHEMA.empty_table(), accounts=())
    graph = source.graph
    if source.crosswalk is not None:
        source.crosswalk.check(path)
        source.crosswalk.save(graph, add=source.number > 1)
    schema: dict[str, Any] = {
        "format": FORMAT,
        "fingerprint": graph.fingerprint,
        "domains": list(graph.domains),
        "interactions": list(graph.interactions),
        "pseudonyms": dict(source.pseudonyms),
        "tables": list(source.tables),
        "summed": list(source.summed),
        "nodes": {},
        "edges": [],
    }
    with write_folder(path, KIND, fingerprint=graph.fingerprint) as folder:
        (folder / "nodes").mkdir()
        (folder / "edges").mkdir()
        with ThreadPoolExecutor() as pool:  # Arrow lets go of the interpreter lock
            writing = []
            for node_type, nodes in graph.nodes.items():
                file = f"nodes/{file_name(node_type)}"
                table = node_table(nodes, graph.domains)
                writing.append(pool.submit(pq.write_table, table, folder / file))
                schema["nodes"][node_type] = {"file": file, "count": len(nodes)}
            for name, edges in graph.edges.items():
                file = f"edges/{file_name(*name)}"
                writing.append(pool.submit(pq.write_table, _edge_table(edges), folder / file))
                schema["edges"].append({"type": list(name), "file": file, "count": len(edges)})
            for written in writing:
                written.result()
        pq.write_table(source.rejects, folder / REJECTS)
        if source.links.num_rows:
            pq.write_table(source.links, folder / LINKS)
        write_json(folder / ACCOUNTS, [asdict(account) for account in source.accounts])
        write_json(folder / CHANGES, [asdict(change) for change in source.changes])
        write_json(folder / SCHEMA, schema)


def load_graph(path: Path) -> KnowledgeGraph:
    """Read a graph written by `save_graph`.

    Raises:
        ArtefactError: not a graph folder, damaged, or written by a newer version.
    """
    read_manifest(path, KIND)
    schema = read_json(path / SCHEMA)
    if schema["format"] != FORMAT:
        raise ArtefactError(f"{path} has graph format {schema['format']}, expected {FORMAT}")
    domains = tuple(schema["domains"])
    nodes = {
        node_type: _nodes(pq.read_table(path / about["file"]), node_type, domains)
        for node_type, about in schema["nodes"].items()
    }
    edges = {_edge_type(about["type"]): _edges(path / about["file"]) for about in schema["edges"]}
    return KnowledgeGraph(
        domains=domains, nodes=nodes, edges=edges, interactions=_edge_type(schema["interactions"])
    )


def load_imported(path: Path) -> "Imported":
    """Read a graph together with the rejects and accounts of its import.

    Raises:
        ArtefactError: not a graph folder, damaged, or written by a newer version.
    """
    from kg.importer import Imported
    from kg.linking.find import LINK_SCHEMA

    graph, schema = load_graph(path), read_json(path / SCHEMA)
    links = path / LINKS
    changes = path / CHANGES  # graphs of earlier versions have none
    return Imported(
        graph=graph,
        rejects=pq.read_table(path / REJECTS),
        accounts=tuple(Account(**account) for account in read_json(path / ACCOUNTS)),
        links=pq.read_table(links) if links.exists() else LINK_SCHEMA.empty_table(),
        changes=tuple(map(Change.read, read_json(changes) if changes.exists() else ())),
        pseudonyms=schema.get("pseudonyms", {}),
        tables=tuple(schema.get("tables", ())),
        summed=tuple(schema.get("summed", ())),
    )


def file_name(*names: str) -> str:
    """Return the file of a node or edge type; no two share one, since quoting leaves no comma."""
    return ",".join(quote(name, safe="") for name in names) + ".parquet"


def _edge_type(names: list[str]) -> EdgeType:
    src, relation, dst = names
    return (src, relation, dst)


def node_table(nodes: Nodes, domains: tuple[str, ...]) -> Any:
    """Return nodes as an Arrow table: id, title, text, domains and `attribute.NAME`."""
    rows, columns = np.nonzero(nodes.domains)
    starts = np.searchsorted(rows, np.arange(len(nodes) + 1)).astype(np.int32)
    values = pa.array(domains, pa.string()).take(pa.array(columns))
    table = pa.table(
        {
            "id": nodes.vocab.ids,
            "title": nodes.title,
            "text": nodes.text,
            "domains": pa.ListArray.from_arrays(pa.array(starts), values),
        }
    )
    for name in nodes.attributes.column_names:
        table = table.append_column(ATTRIBUTE + name, nodes.attributes.column(name))
    return table


def _nodes(table: Any, node_type: str, domains: tuple[str, ...]) -> Nodes:
    attributes = {
        name.removeprefix(ATTRIBUTE): table.column(name)
        for name in table.column_names
        if name.startswith(ATTRIBUTE)
    }
    return Nodes(
        vocab=Vocab(_array(table, "id"), node_type),
        title=_array(table, "title"),
        text=_array(table, "text"),
        domains=_membership(_array(table, "domains"), domains),
        attributes=pa.table(attributes),
    )


def _membership(lists: Any, domains: tuple[str, ...]) -> BoolArray:
    membership = np.zeros((len(lists), len(domains)), dtype=np.bool_)
    column = pc.index_in(lists.flatten(), value_set=pa.array(domains, pa.string())).to_numpy()
    membership[pc.list_parent_indices(lists).to_numpy(), column] = True
    return membership


def _edge_table(edges: Edges) -> Any:
    columns = {"src": edges.src, "dst": edges.dst, "weight": edges.weight}
    if edges.time is not None:
        columns["time"] = edges.time
    return pa.table({name: pa.array(column) for name, column in columns.items()})


def _edges(path: Path) -> Edges:
    """Read edges batch by batch: memory holds one copy of them, never two."""
    with pq.ParquetFile(path) as file:
        size, columns, end = file.metadata.num_rows, {}, 0
        for field in file.schema_arrow:
            columns[field.name] = np.empty(size, dtype=field.type.to_pandas_dtype())
        for batch in file.iter_batches(batch_size=BATCH):
            start, end = end, end + len(batch)
            for name, column in columns.items():
                column[start:end] = batch.column(name).to_numpy(zero_copy_only=False)
    return Edges(
        src=columns["src"],
        dst=columns["dst"],
        weight=columns["weight"],
        time=columns.get("time"),
    )


def _array(table: Any, name: str) -> Any:
    column = table.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
