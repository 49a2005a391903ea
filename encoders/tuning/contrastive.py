"""Texts that belong together, nearer; others, further."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from encoders.base import FloatArray
from encoders.tuning.config import TuningConfig
from encoders.tuning.losses import both_ways, listwise
from encoders.tuning.pairs import Batch, PairSource
from encoders.tuning.retrieval import Questions, retrieval
from encoders.tuning.text_model import TextModel


class Contrastive:
    """Tunes a model on pairs; judged by how well items that it never met are found.

    Args:
        model: what is tuned.
        pairs: what it is tuned on.
        questions: what it is judged by.
        config: temperatures, batch size, share of the popularity correction.
    """

    metric = "NDCG@10"

    def __init__(
        self, model: TextModel, pairs: PairSource, questions: Questions, config: TuningConfig
    ) -> None:
        self.model, self.pairs, self.questions, self.config = model, pairs, questions, config

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return what is trained."""
        return self.model.parameters()

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return the loss of a batch that is drawn from `rng`."""
        self.model.sentence.train()
        batch = self.pairs.draw(self.config.batch_size, rng)
        rows = self.model.vectors(batch.anchors + batch.candidates)
        return contrastive_loss(rows, batch, self.config)

    def valid(self) -> float:
        """Return how well it does; higher is better."""
        return retrieval(self.questions, self._encode)

    def _encode(self, texts: Sequence[str]) -> FloatArray:
        vectors: FloatArray = self.model.encode(texts).cpu().numpy()
        return vectors


def contrastive_loss(rows: Tensor, batch: Batch, config: TuningConfig) -> Tensor:
    """Return the loss of a batch, given the vectors of its anchors, then of its candidates."""
    anchors, candidates = rows[: len(batch.anchors)], rows[len(batch.anchors) :]
    if batch.targets is not None:
        return listwise(
            anchors @ anchors.T,
            torch.from_numpy(batch.targets).to(rows.device),
            temperature=config.temperature,
        )
    popularity = torch.from_numpy(batch.log_popularity).to(rows.device) * config.popularity
    return both_ways(
        anchors,
        candidates,
        torch.from_numpy(batch.known).to(rows.device),
        temperature=config.temperature,
        log_popularity=popularity if config.popularity else None,
    )
