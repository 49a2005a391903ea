"""A small encoder that gives a large one's vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.base import FloatArray
from encoders.tuning.config import TuningConfig
from encoders.tuning.losses import distance
from encoders.tuning.text_model import TextModel
from kg.errors import ConfigError
from kg.vocab import IntArray


class Distillation:
    """Tunes a student to a teacher's vectors; judged by texts that it never met.

    Args:
        model: the student.
        texts: to learn from.
        vectors: the teacher's, float32 `[len(texts), teacher_dim]`.
        valid: rows of `texts` that are kept to be judged by.
        config: batch size.
    """

    metric = "likeness"

    def __init__(
        self,
        model: TextModel,
        texts: Sequence[str],
        vectors: FloatArray,
        valid: IntArray,
        config: TuningConfig,
    ) -> None:
        self.model, self.texts, self.vectors, self.config = model, texts, vectors, config
        self.valid_rows = valid
        self.train_rows = np.setdiff1d(np.arange(len(texts)), self.valid_rows)

    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained."""
        return self.model.parameters()

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return the loss of a batch that is drawn from `rng`."""
        self.model.sentence.train()
        size = min(self.config.batch_size, len(self.train_rows))
        rows = rng.choice(self.train_rows, size, replace=False)
        return distance(self.model.vectors([self.texts[row] for row in rows]), self._teacher(rows))

    def valid(self) -> float:
        """Return 1 less the distance to the teacher: the mean cosine, where lengths agree."""
        student = self.model.encode([self.texts[row] for row in self.valid_rows])
        return 1 - float(distance(student, self._teacher(self.valid_rows)))

    def _teacher(self, rows: Any) -> Tensor:
        return torch.from_numpy(self.vectors[rows]).to(self.model.device)


def keep_layers(model: TextModel, count: int) -> None:
    """Leave `count` layers of a model, evenly spaced, the first and the last among them.

    Raises:
        ConfigError: it has fewer, or they are not found.
    """
    backbone: Any = model.backbone
    number = backbone.config.num_hidden_layers
    if not 1 <= count <= number:
        raise ConfigError(f"layers = {count}: {model.folder.name} has {number}")
    stacks = [
        (module, name)
        for module in backbone.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == number
    ]
    if len(stacks) != 1:
        raise ConfigError(f"{model.folder.name}: its layers are not found; give student instead")
    owner, name = stacks[0]
    kept = np.unique(np.linspace(0, number - 1, count).round().astype(int))
    layers = getattr(owner, name)
    setattr(owner, name, nn.ModuleList([layers[int(row)] for row in kept]))
    backbone.config.num_hidden_layers = len(kept)
    types = getattr(backbone.config, "layer_types", None)
    if types is not None:  # which attention each layer has
        backbone.config.layer_types = [types[int(row)] for row in kept]
    for row, layer in enumerate(getattr(owner, name)):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = row
