"""The learned second stage on disk: weights, and what signals need beside the training graph."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from gnn.ranker import Ranker
from kg.files import read_json, write_json
from kg.vocab import IntArray
from training.baselines.base import FloatArray

RANKER, ITEMS = "ranker.json", "ranking.safetensors"


@dataclass(frozen=True, eq=False, kw_only=True)
class SecondStage:
    """What a job learned for ordering; `training.ranking.world.World` says what the arrays are."""

    ranker: Ranker
    seed: int
    text: FloatArray
    channel: FloatArray
    near: IntArray
    similarity: FloatArray

    def save(self, folder: Path) -> None:
        """Write into a model folder."""
        write_json(folder / RANKER, {"seed": self.seed, "weights": self.ranker.to_json()})
        arrays = {name: getattr(self, name) for name in ("text", "channel", "near", "similarity")}
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / ITEMS)

    @classmethod
    def load(cls, folder: Path) -> "SecondStage | None":
        """Read from a model folder; None where the model has one stage."""
        if not (folder / RANKER).is_file():
            return None
        about = read_json(folder / RANKER)
        ranker = Ranker.from_json(about["weights"])
        return cls(ranker=ranker, seed=about["seed"], **load_file(folder / ITEMS))
