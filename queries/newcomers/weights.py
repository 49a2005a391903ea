"""What a network learned, read without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from encoders.channels.attributes import HISTORY
from gnn.names import gate_name, parameter_name
from kg.graph import EdgeType, FloatArray
from training.bundle import Bundle


class Weights:
    """Parameters of `gnn.model.TransferGNN` by what they are for.

    Args:
        bundle: the model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.arrays = bundle.weights
        self.shape: Mapping[str, Any] = bundle.about["job"]["model"]
        self.width = next(iter(bundle.z.values())).shape[1]
        first = min(int(self.shape["width"]), self.width)
        self.part = np.repeat([0, 1], [first, self.width - first])
        self.layers = int(self.shape["layers"])

    def has_input(self, kind: str) -> bool:
        """Return whether anything is known of nodes of a type before any message."""
        prefix = f"inputs.{parameter_name(kind)}."
        return any(name.startswith(prefix) for name in self.arrays)

    def channels(self, kind: str) -> list[str]:
        """Return the parameter names of the channels of a node type."""
        prefix, suffix = f"inputs.{parameter_name(kind)}.project.", ".weight"
        return [
            name.removeprefix(prefix).removesuffix(suffix)
            for name in self.arrays
            if name.startswith(prefix) and name.endswith(suffix)
        ]

    def input(self, kind: str, channels: Mapping[str, FloatArray], size: int) -> FloatArray:
        """Return the sum of what channels say of nodes, `[size, width]`, without learned vectors.

        Args:
            kind: their type.
            channels: by name, `[size, in_channels]`; zero rows are unknown.
            size: how many they are.
        """
        found = np.zeros((size, self.width), dtype=np.float32)
        prefix, known = f"inputs.{parameter_name(kind)}", self.channels(kind)
        for channel, rows in channels.items():
            name = parameter_name(channel)
            if name not in known:
                continue
            value = rows @ self.arrays[f"{prefix}.project.{name}.weight"].T
            value += self.arrays[f"{prefix}.project.{name}.bias"]
            value *= (rows != 0).any(axis=1, keepdims=True)
            if channel.startswith(HISTORY):
                value *= self.arrays[f"{prefix}.gates.{name}"][self.part]
            found += value
        return found

    def residual(self, item_type: str) -> FloatArray:
        """Return the learned vectors of items, `[num_items, width]`."""
        vectors: FloatArray = self.arrays[f"inputs.{parameter_name(item_type)}.residual"]
        return vectors

    def gate(self, layer: int, edge_type: EdgeType, *, backwards: bool) -> FloatArray | None:
        """Return what messages are worth in a hop of `light`, `[width]`; None if it has none."""
        name = f"convs.{layer}.gates.{'rev_' if backwards else ''}{gate_name(edge_type)}"
        gate = self.arrays.get(name)
        return None if gate is None else np.asarray(gate[self.part], dtype=np.float32)

    def mixture(self, layer: int, kind: str) -> FloatArray:
        """Return how much the state after some hops counts in the embedding, `[width]`."""
        mix = self.arrays[f"mix.{parameter_name(kind)}"]
        return np.asarray(mix[layer][self.part], dtype=np.float32)

    def near_gate(self, relation: str, *, cold: bool) -> FloatArray | None:
        """Return what text neighbours are worth to items, `[width]`; None without any."""
        gate = self.arrays.get(f"near_{'cold' if cold else 'warm'}.{relation}")
        return None if gate is None else np.asarray(gate[self.part], dtype=np.float32)

    def queries(self, z: FloatArray) -> FloatArray:
        """Return rows of users joined with what the decoder learned of interactions."""
        relation = self.arrays["decoder.relation"][0]
        if self.shape["decoder"] != "complex":
            return np.asarray(z * relation, dtype=np.float32)
        both = z.view(np.complex64) * relation.view(np.complex64)
        return np.ascontiguousarray(both).view(np.float32)
