"""Text vectors of every node: what the graph network takes in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from encoders.base import FloatArray, TextEncoder
from encoders.verbalize import node_texts
from kg.errors import ArtefactError, FingerprintError, InputError
from kg.files import read_manifest, write_folder
from kg.graph import KnowledgeGraph

VECTORS = "vectors.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Text vectors by node type.

    Attributes:
        vectors: float32 `[num_nodes, dim]` by node type, rows L2-normalised, zero where the node
            has no text; only of types in which any node has text.
        fingerprint: of the encoder.
        graph: fingerprint of the graph.
    """

    vectors: Mapping[str, FloatArray]
    fingerprint: str
    graph: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "vectors", MappingProxyType(dict(sorted(self.vectors.items()))))
        for vectors in self.vectors.values():
            vectors.flags.writeable = False


def encode_graph(graph: KnowledgeGraph, encoder: TextEncoder) -> Features:
    """Encode the text of every node.

    An encoder that must be fitted and is not is fitted here, on the texts of all nodes: texts say
    nothing about who used what, so nothing held out can leak.

    Raises:
        InputError: the encoder gave a vector that is not finite; names the node.
    """
    texts = {node_type: node_texts(graph, node_type) for node_type in graph.nodes}
    texts = {node_type: some for node_type, some in texts.items() if any(some)}
    if texts and getattr(encoder, "fitted", True) is False:
        fit: Any = encoder
        fit.fit([text for some in texts.values() for text in some])
    vectors = {node_type: encoder.encode(some) for node_type, some in texts.items()}
    _check_finite(vectors, graph)
    return Features(vectors=vectors, fingerprint=encoder.fingerprint, graph=graph.fingerprint)


def save_features(features: Features, path: Path) -> None:
    """Write a features folder, in one step."""
    about = {"encoder": features.fingerprint, "graph": features.graph}
    with write_folder(path, "features", **about) as aside:
        save_file(
            {name: np.ascontiguousarray(rows) for name, rows in features.vectors.items()},
            aside / VECTORS,
        )


def load_features(path: Path, graph: KnowledgeGraph) -> Features:
    """Read a features folder.

    Raises:
        ArtefactError: missing, damaged, or of the wrong shape.
        FingerprintError: the features were made with another graph.
        InputError: a vector is not finite; names the node.
    """
    manifest = read_manifest(path, "features")
    if manifest["graph"] != graph.fingerprint:
        raise FingerprintError(
            f"{path} holds features of another graph (made with {manifest['graph'][:12]}, "
            f"opened with {graph.fingerprint[:12]}); encode this graph"
        )
    vectors: dict[str, FloatArray] = load_file(path / VECTORS)
    for node_type, rows in vectors.items():
        expected = len(graph.nodes[node_type]) if node_type in graph.nodes else 0
        if rows.ndim != 2 or len(rows) != expected:
            raise ArtefactError(
                f"{path}: {node_type!r} has vectors of shape {list(rows.shape)}, "
                f"expected {expected} rows"
            )
    _check_finite(vectors, graph)
    return Features(vectors=vectors, fingerprint=manifest["encoder"], graph=manifest["graph"])


def _check_finite(vectors: Mapping[str, FloatArray], graph: KnowledgeGraph) -> None:
    for node_type, rows in vectors.items():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            node_id = graph.nodes[node_type].vocab.id(int(bad[0]))
            raise InputError(f"the text vector of {node_type} {node_id!r}{more} is not finite")
