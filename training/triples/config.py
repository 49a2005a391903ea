"""Settings of link prediction: what `--set` may change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from gnn.decoders import COMPLEX
from kg.settings import build
from training.config import apply_override


@dataclass(frozen=True, kw_only=True)
class TripleConfig:
    """How entities are embedded."""

    decoder: Literal["distmult", "complex", "rotate", "transe", "mlp"] = "complex"
    width: int = 200  # two coordinates make one complex number
    epochs: int = 20
    batch_size: int = 1_000  # questions (entity, relation, ?) with all their answers
    learning_rate: float = 0.1  # of Adagrad
    negatives: int = 4_096  # entities drawn for each batch, beside all right answers in it
    n3: float = 0.01  # weight of the cubed moduli; of dot products only
    start: float = 1e-3  # standard deviation of the first vectors
    patience: int = 3  # epochs without a better valid MRR before stopping
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"learning_rate": 0, "n3": 0, "start": 0, "seed": 0}
        for field in fields(self):
            value, low = getattr(self, field.name), least.get(field.name, 1)
            if field.name != "decoder" and not (value >= low and math.isfinite(value)):
                raise ValueError(f"{field.name} = {value!r}: must be {low} or more")
        if self.decoder in COMPLEX and self.width % 2:
            raise ValueError(f"width = {self.width}: {self.decoder} needs an even one")


def triple_config(overrides: Sequence[str] = ()) -> TripleConfig:
    """Return the defaults, with `key=value` strings that win over them.

    Raises:
        ConfigError: a key or value is wrong; names the nearest key.
    """
    data: dict[str, Any] = {}
    for text in overrides:
        apply_override(data, text)
    return build(TripleConfig, data)
