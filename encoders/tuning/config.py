"""What is tuned, on what, and for how long."""

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

Objective = Literal["contrastive", "masked", "causal", "distil"]


@dataclass(frozen=True, kw_only=True)
class PairWeights:
    """How often a batch is of each kind; 0 leaves a kind out."""

    items: float = 0.0  # two items of one domain that a user has
    across: float = 0.0  # two items of different domains that a user has
    histories: float = 0.0  # a user's other items, as one text, and an item
    knowledge: float = 0.0  # the two ends of a relation that is not the interactions
    neighbours: float = 1.0  # items, and how alike their users are: soft targets

    def __post_init__(self) -> None:
        weights = [getattr(self, kind.name) for kind in fields(self)]
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
            raise ValueError("weights must be 0 or more")
        if not any(weights):
            raise ValueError("give at least one kind a weight above 0")


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """How a language model is adapted."""

    objective: Objective = "contrastive"
    steps: int = 200
    batch_size: int = 192  # pairs, items or texts in a step
    learning_rate: float = 5e-5  # its peak
    warmup: float = 0.1  # share of the steps in which the rate rises
    weight_decay: float = 0.01
    lora_rank: int = 0  # 0 trains every weight; else adapters of this rank, merged at the end
    pairs: PairWeights = field(default_factory=PairWeights)  # contrastive
    temperature: float = 0.05  # contrastive: of text similarities
    popularity: float = 0.0  # contrastive: share of log popularity taken off the scores
    hard_negatives: int = 4  # contrastive: text-near items beside each
    mask_fraction: float = 0.15  # masked
    layers: int | None = None  # distil: of the teacher's layers, how many the student keeps
    student: Path | None = None  # distil: a model folder to start the student from instead
    valid_share: float = 0.05  # of items (contrastive) or texts, kept out of tuning
    valid_every: int = 100  # steps between looks at the valid score, each with a checkpoint
    patience: int = 3  # looks without a better valid score before stopping

    def __post_init__(self) -> None:
        for name in ("batch_size", "valid_every", "patience", "steps"):
            _check(self, name, 1, math.inf)
        for name in ("lora_rank", "hard_negatives", "weight_decay"):
            _check(self, name, 0, math.inf)
        for name in ("learning_rate", "temperature"):
            _check(self, name, 0, math.inf, above=True)
        for name in ("warmup", "popularity"):
            _check(self, name, 0, 1)
        for name in ("mask_fraction", "valid_share"):
            _check(self, name, 0, 1, above=True)
        if self.batch_size < 2 and self.objective == "contrastive":
            raise ValueError("batch_size = 1: a pair needs others beside it, 2 or more")
        if self.objective == "distil" and (self.layers is None) == (self.student is None):
            raise ValueError(
                "objective = 'distil': give either layers (of the teacher) or student (a folder)"
            )
        if self.layers is not None and self.layers < 1:
            raise ValueError(f"layers = {self.layers}: must be 1 or more")


def _check(config: object, name: str, low: float, high: float, *, above: bool = False) -> None:
    value = getattr(config, name)
    inside = (low < value if above else low <= value) and value <= high and math.isfinite(value)
    if not inside:
        lower = f"above {low}" if above else f"{low} or more"
        raise ValueError(f"{name} = {value!r}: must be {lower}" + f", {high} at most" * (high == 1))
