"""The learned second stage on disk: weights, and what signals need beside the training graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from gnn.ranker import Ranker
from kg.files import read_json, write_json
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.ranking.fitted import Array

RANKER, ITEMS, KEPT = "ranker.json", "ranking.safetensors", "signals.safetensors"


@dataclass(frozen=True, eq=False, kw_only=True)
class SecondStage:
    """What a job learned for ordering.

    `training.ranking.world.World` says what the first four arrays are. `kept` has what signals took
    long to make of it (`training.ranking.fitted.Fitted`); what is not there they make again.
    """

    ranker: Ranker
    seed: int
    text: FloatArray
    channel: FloatArray
    near: IntArray
    similarity: FloatArray
    kept: Mapping[str, Array] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write into a model folder."""
        write_json(folder / RANKER, {"seed": self.seed, "weights": self.ranker.to_json()})
        arrays = {name: getattr(self, name) for name in ("text", "channel", "near", "similarity")}
        for file, some in ((ITEMS, arrays), (KEPT, self.kept)):
            save_file({k: np.ascontiguousarray(v) for k, v in some.items()}, folder / file)

    @classmethod
    def load(cls, folder: Path) -> "SecondStage | None":
        """Read from a model folder; None where the model has one stage."""
        if not (folder / RANKER).is_file():
            return None
        about = read_json(folder / RANKER)
        ranker = Ranker.from_json(about["weights"])
        kept = load_file(folder / KEPT) if (folder / KEPT).is_file() else {}
        return cls(ranker=ranker, seed=about["seed"], kept=kept, **load_file(folder / ITEMS))
