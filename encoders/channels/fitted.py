"""What is known of nodes beside their edges, as the network takes it: fitted, applied, saved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

import numpy as np
from safetensors.numpy import load_file, save_file

from encoders.base import FloatArray
from encoders.channels.attributes import (
    HISTORY,
    IMAGE,
    TEXT,
    VECTORS,
    AttributeTransform,
    ChannelConfig,
    check_names,
    is_left_out,
)
from encoders.channels.project import Projection
from kg.files import read_json, write_json
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray

Channels = Mapping[str, Mapping[str, FloatArray]]  # by node type and name
ABOUT, ARRAYS = "channels.json", "channels.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedChannels:
    """What turns attributes and encoded channels into the network's input, for any node.

    Means, scales, vocabularies and projections come from nodes that training knows: items and users
    with a training interaction, and all entities. A node that was not there then is put through the
    same.

    Attributes:
        attributes: by node type.
        projections: by space: texts of all node types, histories too, lie in one.
        leave_out: channels that the network does without.
    """

    attributes: Mapping[str, AttributeTransform]
    projections: Mapping[str, Projection] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()

    @classmethod
    def fit(cls, graph: KnowledgeGraph, encoded: Channels, config: ChannelConfig) -> Self:
        """Fit on the training graph.

        Args:
            graph: what may be learned from (a split's `train`).
            encoded: channels that are there already (text, image, histories), by node type.
            config: kinds of columns, what to leave out, and how to project.

        Raises:
            ConfigError: the config names a channel or column that is not there.
        """
        rows = {node_type: _trained(graph, node_type) for node_type in graph.nodes}
        attributes = {
            node_type: AttributeTransform.fit(nodes.attributes, rows[node_type], config, node_type)
            for node_type, nodes in graph.nodes.items()
        }
        names = {name for channels in encoded.values() for name in channels}
        names.update(name for fitted in attributes.values() for name in fitted.channels)
        columns = (name for nodes in graph.nodes.values() for name in nodes.attributes.column_names)
        check_names(config, names, columns)
        found = cls(attributes=attributes, leave_out=config.leave_out)
        if not (config.project or config.whiten):
            return found
        kept = found.apply(graph, encoded)
        projections = {}
        for space, (channel, node_types) in _spaces(kept, graph.item_type).items():
            x = np.concatenate(
                [kept[node_type][channel][rows[node_type]] for node_type in node_types]
            )
            projections[space] = Projection.fit(
                x, np.arange(len(x)), dim=config.project, whiten=config.whiten
            )
        return cls(attributes=attributes, projections=projections, leave_out=config.leave_out)

    def apply(self, graph: KnowledgeGraph, encoded: Channels) -> dict[str, dict[str, FloatArray]]:
        """Return every channel of every node of a graph, by node type and name, text first."""
        return {
            node_type: self.apply_to(
                node_type, nodes.attributes, encoded.get(node_type, {}), len(nodes)
            )
            for node_type, nodes in graph.nodes.items()
        }

    def apply_to(
        self, node_type: str, attributes: Any, encoded: Mapping[str, FloatArray], num_nodes: int
    ) -> dict[str, FloatArray]:
        """Return the channels of some nodes of one type, seen in training or not.

        Args:
            node_type: what they are.
            attributes: an Arrow table, one row per node; a missing column is unknown.
            encoded: their encoded channels, `[num_nodes, dim]` by name.
            num_nodes: number of nodes.
        """
        fitted = self.attributes.get(node_type, AttributeTransform())
        channels = {**encoded, **fitted.apply(attributes, num_nodes)}
        out = {}
        for name in sorted(channels, key=lambda name: (name != TEXT, name)):
            if not is_left_out(name, self.leave_out):
                projection = self.projections.get(_space(node_type, name))
                x = channels[name]
                out[name] = x if projection is None else projection.apply(x)
        return out

    def save(self, folder: Path) -> None:
        """Write two files into a folder that is being made."""
        tensors = {
            f"{quote(space, safe='')}/{name}": np.ascontiguousarray(array)
            for space, projection in self.projections.items()
            for name, array in projection.arrays().items()
        }
        save_file(tensors, folder / ARRAYS)
        attributes = {name: fitted.to_json() for name, fitted in self.attributes.items()}
        write_json(folder / ABOUT, {"attributes": attributes, "leave_out": list(self.leave_out)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ArtefactError: a file is missing or is not JSON.
        """
        about = read_json(folder / ABOUT)
        by_space: dict[str, dict[str, FloatArray]] = {}
        for name, array in load_file(folder / ARRAYS).items():
            space, part = name.rsplit("/", 1)
            by_space.setdefault(unquote(space), {})[part] = array
        return cls(
            attributes={
                node_type: AttributeTransform.from_json(values)
                for node_type, values in about["attributes"].items()
            },
            projections={space: Projection.of_arrays(some) for space, some in by_space.items()},
            leave_out=tuple(about["leave_out"]),
        )


def _trained(graph: KnowledgeGraph, node_type: str) -> IntArray:
    """Return the nodes that statistics may be made of."""
    edges = graph.interaction_edges
    trained = np.ones(len(graph.nodes[node_type]), dtype=np.bool_)
    for kind, rows in ((graph.user_type, edges.src), (graph.item_type, edges.dst)):
        if node_type == kind:
            trained[:] = False
            trained[rows] = True
    return np.flatnonzero(trained)


def _space(node_type: str, channel: str) -> str:
    """Return the name of the space that a channel's vectors lie in."""
    if channel.startswith(HISTORY):
        return TEXT
    return channel if channel in (TEXT, IMAGE) else f"{node_type}/{channel}"


def _spaces(channels: Channels, item_type: str) -> dict[str, tuple[str, list[str]]]:
    """Return each space of unit vectors, with its channel and the node types it is fitted on.

    Items decide where they have the channel; only where they have not, the other types do.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for node_type in sorted(channels, key=lambda name: (name != item_type, name)):
        for channel in channels[node_type]:
            space = _space(node_type, channel)
            if channel not in (TEXT, IMAGE) and not channel.startswith(VECTORS):
                continue
            if space not in found:
                found[space] = (channel, [node_type])
            elif item_type not in found[space][1]:
                found[space][1].append(node_type)
    return found
