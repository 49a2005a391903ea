"""A graph as PyG `HeteroData` for code of one's own, in memory and on disk."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch_geometric.data import HeteroData

from kg.files import read_manifest, write_folder
from kg.graph import KnowledgeGraph
from kg.store import file_name

KIND = "pyg export"
FEATURES = "text"  # the channel that becomes `x`; others become `x_NAME`
_TENSORS = "data.safetensors"


def to_pyg(
    graph: KnowledgeGraph,
    channels: Mapping[str, Mapping[str, npt.NDArray[np.float32]]] | None = None,
) -> HeteroData:
    """Return the whole graph as PyG data, under the names that PyG's own code expects.

    A node type has `num_nodes`, `node_id` (a list), `domains` (bool `[num_nodes, num_domains]`),
    its attributes that are numbers as float32 (`year`; NaN for none), and `x` where texts are
    encoded. An edge type has `edge_index`, `edge_weight` and, where they are known, `time`. What
    the engine's own network reads is `gnn.data.to_hetero`.

    Args:
        graph: the graph.
        channels: vectors by node type and channel, float32 `[num_nodes, dim]`.
    """
    data = HeteroData()
    for kind, nodes in graph.nodes.items():
        store = data[kind]
        store.num_nodes = len(nodes)
        store.node_id = nodes.vocab.ids.to_pylist()
        store.domains = torch.from_numpy(nodes.domains.copy())
        for channel, rows in (channels or {}).get(kind, {}).items():
            store["x" if channel == FEATURES else f"x_{channel}"] = torch.from_numpy(rows.copy())
        for name in nodes.attributes.column_names:
            column = nodes.attributes.column(name)
            if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
                values = pc.fill_null(column.cast(pa.float32(), safe=False), np.nan).to_numpy()
                store[name if name not in store else f"{name}_"] = torch.from_numpy(values.copy())
    for name, edges in graph.edges.items():
        store = data[name]
        store.edge_index = torch.from_numpy(np.stack([edges.src, edges.dst]))
        store.edge_weight = torch.from_numpy(edges.weight.copy())
        if edges.time is not None:
            store.time = torch.from_numpy(edges.time.copy())
    return data


def save_pyg(data: HeteroData, path: Path, fingerprint: str = "") -> None:
    """Write data of `to_pyg` as a folder: tensors as safetensors, ids as Parquet; no pickle.

    Args:
        data: the data.
        path: the folder.
        fingerprint: of the graph that they were made of.
    """
    types = [*([kind] for kind in data.node_types), *map(list, data.edge_types)]
    tensors, keys = {}, []
    for number, name in enumerate(types):
        store = data[name[0]] if len(name) == 1 else data[tuple(name)]
        for key, value in store.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{number}.{key}"] = value.contiguous()
        keys.append({"type": name, "num_nodes": store.num_nodes if len(name) == 1 else None})
    with write_folder(path, KIND, fingerprint=fingerprint, types=keys) as folder:
        save_file(tensors, folder / _TENSORS)
        (folder / "nodes").mkdir()
        for kind in data.node_types:
            ids = pa.table({"id": pa.array(data[kind].node_id, pa.string())})
            pq.write_table(ids, folder / "nodes" / file_name(kind))


def load_pyg(path: Path) -> HeteroData:
    """Read a folder of `save_pyg`.

    Raises:
        ArtefactError: not such a folder, or damaged.
    """
    manifest = read_manifest(path, KIND)
    data = HeteroData()
    with safe_open(path / _TENSORS, framework="pt") as tensors:
        names = tensors.keys()
        for number, about in enumerate(manifest["types"]):
            kind = about["type"]
            store = data[kind[0]] if len(kind) == 1 else data[tuple(kind)]
            if len(kind) == 1:
                store.num_nodes = about["num_nodes"]
                store.node_id = pq.read_table(path / "nodes" / file_name(*kind))["id"].to_pylist()
            for name in names:
                if name.startswith(f"{number}."):
                    store[name.partition(".")[2]] = tensors.get_tensor(name)
    return data
