"""A trained model on disk: safetensors and JSON, tied to its graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from encoders.channels.fitted import ABOUT, FittedChannels
from kg.errors import FingerprintError
from kg.files import read_json, read_manifest, write_folder, write_json
from kg.graph import KnowledgeGraph
from kg.tensors import map_tensors
from kg.vocab import IntArray
from training.baselines.base import Scorer
from training.evaluation.calibration import FILE as CALIBRATION
from training.evaluation.calibration import Calibration
from training.evaluation.split import Split
from training.ranking.second_stage import TwoStageScorer
from training.ranking.stage import SecondStage
from training.ranking.world import World

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """What a training job leaves behind for queries.

    Attributes:
        z: embedding of every node by type, float32 `[num_nodes, width]`. User rows already carry
            the decoder's relation vector, so that a dot product with item rows is the score.
        item_bias: learned popularity, float32 `[num_items]`; 0 for cold items.
        weights: the network's parameters and buffers by name.
        about: JSON values: configuration, fingerprints, versions, best epoch.
        channels: what made the network's input of attributes and features, fitted on the training
            graph; a node that was not there is put through the same.
        second_stage: what orders the items of the target; None for the dot product alone.
        calibration: probabilities from the scores of `ranking_scorer`; None where there are none.
        num_learned: users of the graph that the model learned from, before those that came later;
            None for all.
    """

    z: Mapping[str, FloatArray]
    item_bias: FloatArray
    weights: Mapping[str, npt.NDArray[Any]]
    about: Mapping[str, Any]
    channels: FittedChannels | None = None
    second_stage: SecondStage | None = None
    calibration: Calibration | None = None
    num_learned: int | None = None

    def scorer(self, graph: KnowledgeGraph, name: str = "isthmus") -> "EmbeddingScorer":
        """Return the first stage: scores of any pair of user and item."""
        return EmbeddingScorer(
            name, self.z[graph.user_type], self.z[graph.item_type], self.item_bias
        )

    def ranking_scorer(self, split: Split, name: str = "isthmus") -> Scorer:
        """Return what ranks items of the split's target: the second stage where there is one."""
        if (split, name) not in self._ranking_scorers:
            self._ranking_scorers[split, name] = self._ranking_scorer(split, name)
        return self._ranking_scorers[split, name]

    @cached_property
    def _ranking_scorers(self) -> dict[tuple[Split, str], Scorer]:
        return {}  # signals take time and memory: whoever asks for a split shares them

    def _ranking_scorer(self, split: Split, name: str) -> Scorer:
        network = self.scorer(split.train, name)
        stage = self.second_stage
        if stage is None:
            return network
        world = World(
            split=split,
            text=stage.text,
            channel=stage.channel,
            near=stage.near,
            similarity=stage.similarity,
            network=network,
        )
        return TwoStageScorer(name, world, stage.ranker, stage.seed, stage.kept)


@dataclass(eq=False)
class EmbeddingScorer:
    """Scores by dot product plus item bias (`training.baselines.base.Scorer`)."""

    name: str
    user_z: FloatArray
    item_z: FloatArray
    item_bias: FloatArray

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self.among(items)(users)

    def among(self, items: IntArray) -> Callable[[IntArray], FloatArray]:
        """Return what scores any users against these items, whose vectors are gathered once."""
        item_z, bias = self.item_z[items], self.item_bias[items]

        def score(users: IntArray) -> FloatArray:
            scores: FloatArray = self.user_z[users] @ item_z.T
            scores += bias
            return scores

        return score


def save_bundle(bundle: Bundle, path: Path, graph: KnowledgeGraph) -> None:
    """Write a model folder, in one step."""
    with write_folder(path, "model", graph=graph.fingerprint) as aside:
        save_file(
            {name: np.ascontiguousarray(w) for name, w in bundle.weights.items()},
            aside / "weights.safetensors",
        )
        embeddings = {
            f"z.{node_type}": np.ascontiguousarray(z) for node_type, z in bundle.z.items()
        }
        save_file({**embeddings, "item_bias": bundle.item_bias}, aside / "embeddings.safetensors")
        write_json(aside / "model.json", dict(bundle.about))
        if bundle.channels is not None:
            bundle.channels.save(aside)
        if bundle.second_stage is not None:
            bundle.second_stage.save(aside)
        if bundle.calibration is not None:
            bundle.calibration.save(aside)


def load_bundle(path: Path, graph: KnowledgeGraph) -> Bundle:
    """Open a model folder; embeddings and weights stay in their files until they are looked at.

    Args:
        path: the folder.
        graph: the graph the model was trained on (the split's train graph has its own
            fingerprint; a model is tied to the whole imported graph).

    Raises:
        ArtefactError: missing or damaged.
        FingerprintError: the model was made with another graph.
    """
    manifest = read_manifest(path, "model")
    if manifest["graph"] != graph.fingerprint:
        raise FingerprintError(
            f"{path} was trained on another graph (made with {manifest['graph'][:12]}, "
            f"opened with {graph.fingerprint[:12]}); open it with the graph folder of its own run"
        )
    embeddings = map_tensors(path / "embeddings.safetensors")
    return Bundle(
        z={name[2:]: z for name, z in embeddings.items() if name.startswith("z.")},
        item_bias=embeddings["item_bias"],
        weights=map_tensors(path / "weights.safetensors"),
        about=read_json(path / "model.json"),
        channels=FittedChannels.load(path) if (path / ABOUT).is_file() else None,
        second_stage=SecondStage.load(path),
        calibration=Calibration.load(path) if (path / CALIBRATION).is_file() else None,
    )
