"""Encoded channels of every node, texts and images: what the graph network takes in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from safetensors.numpy import save_file

from encoders.base import FloatArray, TextEncoder
from encoders.channels.attributes import TEXT
from encoders.texts.templates import TextConfig
from encoders.texts.verbalize import PLAIN, node_texts
from kg.errors import ArtefactError, FingerprintError, InputError
from kg.files import read_manifest, write_folder
from kg.graph import KnowledgeGraph
from kg.tensors import map_tensors

VECTORS = "vectors.safetensors"
FORMAT = 2  # of the names in VECTORS; 1 had texts alone
BLOCK = 1 << 16  # rows looked at together


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Vectors of the nodes, by node type and channel.

    Attributes:
        channels: float32 `[num_nodes, dim]` by node type and channel, rows L2-normalised; a zero
            row means that nothing is known of that node in that channel. Only of types in which
            anything is known of any node.
        fingerprint: of the encoders.
        graph: fingerprint of the graph.
    """

    channels: Mapping[str, Mapping[str, FloatArray]]
    fingerprint: str
    graph: str

    def __post_init__(self) -> None:
        frozen = {}
        for node_type, by_name in sorted(self.channels.items()):
            for rows in by_name.values():
                rows.flags.writeable = False
            if by_name:
                frozen[node_type] = MappingProxyType(dict(sorted(by_name.items())))
        object.__setattr__(self, "channels", MappingProxyType(frozen))

    @property
    def vectors(self) -> Mapping[str, FloatArray]:
        """The text channel by node type, of types that have text."""
        return {
            node_type: by_name[TEXT]
            for node_type, by_name in self.channels.items()
            if TEXT in by_name
        }

    def beside(self, name: str, vectors: Mapping[str, FloatArray], fingerprint: str) -> "Features":
        """Return the same with one more channel.

        Args:
            name: of the channel.
            vectors: `[num_nodes, dim]` by node type.
            fingerprint: of what made them.
        """
        types = sorted({*self.channels, *vectors})
        channels = {
            node_type: {
                **self.channels.get(node_type, {}),
                **({name: vectors[node_type]} if node_type in vectors else {}),
            }
            for node_type in types
        }
        both = hashlib.sha256(f"{self.fingerprint} {name} {fingerprint}".encode()).hexdigest()
        return replace(self, channels=channels, fingerprint=both)


def encode_graph(
    graph: KnowledgeGraph, encoder: TextEncoder, config: TextConfig = PLAIN
) -> Features:
    """Encode the text of every node.

    An encoder that must be fitted and is not is fitted here, on the texts of all nodes: texts say
    nothing about who used what, so nothing held out can leak.

    Args:
        graph: whose nodes.
        encoder: what turns texts into vectors.
        config: what a node's text is.

    Raises:
        InputError: the encoder gave a vector that is not finite; names the node.
    """
    texts = {node_type: node_texts(graph, node_type, config) for node_type in graph.nodes}
    texts = {node_type: some for node_type, some in texts.items() if any(some)}
    if texts and getattr(encoder, "fitted", True) is False:
        fit: Any = encoder
        fit.fit([text for some in texts.values() for text in some])
    channels = {node_type: {TEXT: encoder.encode(some)} for node_type, some in texts.items()}
    _check_finite(channels, graph)
    return Features(channels=channels, fingerprint=encoder.fingerprint, graph=graph.fingerprint)


def save_features(features: Features, path: Path) -> None:
    """Write a features folder, in one step."""
    about = {"format": FORMAT, "encoder": features.fingerprint, "graph": features.graph}
    with write_folder(path, "features", **about) as aside:
        save_file(
            {
                f"{quote(node_type, safe='')}/{name}": np.ascontiguousarray(rows)
                for node_type, by_name in features.channels.items()
                for name, rows in by_name.items()
            },
            aside / VECTORS,
        )


def load_features(path: Path, graph: KnowledgeGraph) -> Features:
    """Open a features folder; vectors stay in their file until they are looked at.

    Raises:
        ArtefactError: missing, damaged, of the wrong shape, or written by an older version.
        FingerprintError: the features were made with another graph.
        InputError: a vector is not finite; names the node.
    """
    manifest = read_manifest(path, "features")
    if manifest["graph"] != graph.fingerprint:
        raise FingerprintError(
            f"{path} holds features of another graph (made with {manifest['graph'][:12]}, "
            f"opened with {graph.fingerprint[:12]}); encode this graph"
        )
    if manifest.get("format") != FORMAT:
        raise ArtefactError(
            f"{path} has features of format {manifest.get('format', 1)}, expected {FORMAT}: "
            "encode the graph again"
        )
    channels: dict[str, dict[str, FloatArray]] = {}
    for key, rows in map_tensors(path / VECTORS).items():
        quoted, _, name = key.partition("/")
        node_type = unquote(quoted)
        expected = len(graph.nodes[node_type]) if node_type in graph.nodes else 0
        if rows.ndim != 2 or len(rows) != expected:
            raise ArtefactError(
                f"{path}: {name} of {node_type!r} has vectors of shape {list(rows.shape)}, "
                f"expected {expected} rows"
            )
        channels.setdefault(node_type, {})[name] = rows
    _check_finite(channels, graph)
    return Features(channels=channels, fingerprint=manifest["encoder"], graph=manifest["graph"])


def _check_finite(channels: Mapping[str, Mapping[str, FloatArray]], graph: KnowledgeGraph) -> None:
    every = [(t, name, rows) for t, some in channels.items() for name, rows in some.items()]
    for node_type, name, rows in every:
        fine = np.ones(len(rows), dtype=np.bool_)
        for start in range(0, len(rows), BLOCK):
            some = slice(start, start + BLOCK)
            fine[some] = np.isfinite(rows[some]).all(axis=1)
        bad = np.flatnonzero(~fine)
        if len(bad):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            node_id = graph.nodes[node_type].vocab.id(int(bad[0]))
            raise InputError(f"the {name} vector of {node_type} {node_id!r}{more} is not finite")
