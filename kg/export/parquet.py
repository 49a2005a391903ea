"""A graph as Parquet with ids in place of row numbers."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kg.export.blocks import parts
from kg.graph import Edges, EdgeType, KnowledgeGraph
from kg.progress import Bar
from kg.store import file_name, node_table

_ROWS = 65_536  # edges whose ids are in memory at once


def write_parquet(graph: KnowledgeGraph, folder: Path, bar: Bar) -> None:
    """Write `nodes/TYPE.parquet`, as graph folders have them, and `edges/SRC,RELATION,DST.parquet`.

    Edges have the ids of their ends, `src` and `dst`, with `weight` and perhaps `time`.

    Args:
        graph: the graph.
        folder: an empty folder.
        bar: told of nodes and edges.
    """
    for name in ("nodes", "edges"):
        (folder / name).mkdir()
    for kind, nodes in graph.nodes.items():
        table = node_table(nodes, graph.domains)
        pq.write_table(table, folder / "nodes" / file_name(kind), row_group_size=_ROWS)
        bar.advance(len(nodes))
    for edge_type, edges in graph.edges.items():
        fields = [("src", pa.string()), ("dst", pa.string()), ("weight", pa.float32())]
        fields += [] if edges.time is None else [("time", pa.float64())]
        schema = pa.schema(fields)
        with pq.ParquetWriter(folder / "edges" / file_name(*edge_type), schema) as writer:
            for part in parts(edges, _ROWS):
                columns = [*end_ids(graph, edge_type, part), pa.array(part.weight)]
                columns += [] if part.time is None else [pa.array(part.time)]
                writer.write_table(pa.table(columns, schema=schema))
                bar.advance(len(part))


def end_ids(graph: KnowledgeGraph, edge_type: EdgeType, edges: Edges) -> tuple[Any, Any]:
    """Return the ids of both ends of some edges of a type, as Arrow strings."""
    src, dst = (graph.nodes[kind].vocab.ids for kind in (edge_type[0], edge_type[2]))
    return src.take(pa.array(edges.src)), dst.take(pa.array(edges.dst))
