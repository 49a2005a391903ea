"""A model for natural language inference: how likely facts entail a sentence."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch

from encoders.models.devices import resolve_device
from kg.errors import ConfigError
from queries.llm.local import folder_of, loading

BATCH = 16


class EntailmentModel:
    """A sequence classifier of transformers with a label that begins with `entail`.

    Args:
        model: a folder, or a name of the Hugging Face hub.
        device: such as `"cpu"` or `"cuda"`; `"auto"` is CUDA where there is any.

    Raises:
        ConfigError: no such model or device, or one that has no such label.
        ArtefactError: its files are no safetensors, or damaged.
    """

    def __init__(self, model: str, *, device: str = "auto") -> None:
        self.folder = folder_of(model)
        self.device = resolve_device(device)

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> list[float]:
        """Return how likely each premise entails its hypothesis.

        A premise that is too long loses its end.
        """
        tokenizer, network, label = self._loaded
        found: list[float] = []
        for start in range(0, len(premises), BATCH):
            some = slice(start, start + BATCH)
            batch = tokenizer(
                list(premises[some]),
                list(hypotheses[some]),
                truncation="only_first",
                max_length=min(tokenizer.model_max_length, 512),
                padding=True,
                return_tensors="pt",
            ).to(self.device)
            with torch.inference_mode():
                logits = network(**batch).logits.float()
            found += torch.softmax(logits, dim=-1)[:, label].tolist()
        return found

    @cached_property
    def _loaded(self) -> tuple[Any, Any, int]:
        """The tokenizer, the network and the place of the label."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        with loading(self.folder):
            tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
            network = AutoModelForSequenceClassification.from_pretrained(
                self.folder, local_files_only=True, use_safetensors=True
            )
        names = {int(place): str(name) for place, name in network.config.id2label.items()}
        labels = [place for place, name in names.items() if name.casefold().startswith("entail")]
        if not labels:
            raise ConfigError(
                f"{self.folder.name} is no entailment model: its labels are "
                f"{', '.join(names.values())}"
            )
        return tokenizer, network.to(self.device).eval(), labels[0]
