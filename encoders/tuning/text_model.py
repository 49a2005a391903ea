"""A language model that can be trained: texts in, vectors with gradients out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.models.language_model import load_replica
from encoders.models.model_files import check_folder, prompt_text
from encoders.models.reading import Tokens, clean, tokenize
from kg.errors import ConfigError

CPU_BATCH_TOKENS = 2_048  # of one forward pass; more pads more, and leaves the caches
GPU_BATCH_TOKENS = 65_536
PROMPTS = "config_sentence_transformers.json"


class TextModel:
    """A sentence-transformers model with its weights free, and the tokens of texts remembered.

    Args:
        folder: the model's files, as `encoders.models.sentence` reads them; they are not changed.
        max_length: tokens read of a text.
        device: where to compute.
        pooling: as of `SentenceEncoder`; it becomes the model's own.
        prompt: as of `SentenceEncoder`.
        trust_remote_code: whether code that comes with the model may run.
        bfloat16: whether products are rounded to it; weights and their moments stay float32.

    Raises:
        ConfigError, ArtefactError: as `SentenceEncoder`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_length: int,
        device: torch.device,
        pooling: str = "auto",
        prompt: str = "",
        trust_remote_code: bool = False,
        bfloat16: bool = False,
    ) -> None:
        from sentence_transformers import SentenceTransformer

        check_folder(folder, trust_remote_code=trust_remote_code)
        self._prompt = prompt_text(folder, prompt)
        with quiet():
            self._replica = load_replica(
                folder,
                device,
                dtype=torch.float32,
                pooling=pooling,
                prompt=self._prompt,
                trust_remote_code=trust_remote_code,
            )
        self.sentence = SentenceTransformer(modules=list(self._replica.modules), device=str(device))
        self.tokenizer = self._replica.tokenizer
        self.folder = folder
        self.device = device
        self.max_length = max_length
        self._bfloat16 = bfloat16
        self._tokens: dict[str, Tokens] = {}
        self._adapters: Any = None
        self._budget = GPU_BATCH_TOKENS if device.type == "cuda" else CPU_BATCH_TOKENS

    @property
    def backbone(self) -> nn.Module:
        """The transformer without pooling or head."""
        backbone: nn.Module = self.sentence[0].auto_model
        return backbone

    def add_adapters(self, rank: int, seed: int) -> None:
        """Freeze the weights and train low-rank additions to them (Hu et al., 2021).

        Raises:
            ConfigError: peft is not installed.
        """
        try:
            from peft import LoraConfig
            from peft.tuners.lora import LoraModel
        except ImportError:
            raise ConfigError("lora_rank needs peft: pip install isthmus[lora]") from None
        self.sentence.requires_grad_(False)
        settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
        with seeded(seed, self.device):
            self._adapters = LoraModel(self.backbone, settings, "default")

    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained, in an order that does not change."""
        return [weights for weights in self.sentence.parameters() if weights.requires_grad]

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return one L2-normalised row per text, `[len(texts), dim]`, with gradients.

        Equal texts are computed once, and texts of similar length together.
        """
        distinct = list(dict.fromkeys(texts))
        tokens = self.tokens(distinct)
        order = sorted(range(len(distinct)), key=lambda row: len(tokens[row]["input_ids"]))
        rows = [self._forward([tokens[row] for row in part]) for part in self._parts(order, tokens)]
        place = {distinct[row]: at for at, row in enumerate(order)}
        return torch.cat(rows)[[place[text] for text in texts]]

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return `vectors` without gradients or dropout."""
        self.sentence.eval()
        with torch.no_grad():
            return self.vectors(texts)

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the token ids, and what goes with them, of each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self._tokens]
        if new:
            read = clean(new)
            if getattr(self.sentence[0], "do_lower_case", False):
                read = [text.lower() for text in read]
            found = tokenize(self.tokenizer, read, max_length=self.max_length, prompt=self._prompt)
            self._tokens |= zip(new, found, strict=True)
        return [self._tokens[text] for text in texts]

    def pad(self, tokens: Sequence[Tokens]) -> dict[str, Tensor]:
        """Return tensors `[len(tokens), longest]` on the device."""
        padded = self.tokenizer.pad(list(tokens), return_tensors="pt")
        return {name: values.to(self.device) for name, values in padded.items()}

    def precision(self) -> torch.autocast:
        """Return the context that the network runs in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16)

    def save(self, path: Path) -> None:
        """Write a sentence-transformers folder; adapters become part of the weights first."""
        if self._adapters is not None:
            self._adapters.merge_and_unload()
            self._adapters = None
        with quiet():
            self.sentence.save_pretrained(str(path), create_model_card=False)
        prompts = self.folder / PROMPTS
        if prompts.is_file():
            (path / PROMPTS).write_bytes(prompts.read_bytes())

    def _parts(self, order: list[int], tokens: list[Tokens]) -> Iterator[list[int]]:
        """Yield pieces of `order`, shortest texts first, that fit into a forward pass."""
        start = 0
        for stop in range(1, len(order) + 1):
            longest = len(tokens[order[min(stop, len(order) - 1)]]["input_ids"])
            if stop == len(order) or (stop + 1 - start) * longest > self._budget:
                yield order[start:stop]
                start = stop

    def _forward(self, tokens: Sequence[Tokens]) -> Tensor:
        features: dict[str, Any] = dict(self.pad(tokens))
        features["prompt_length"] = self._replica._prompt_length
        with self.precision():
            rows = self._replica._forward(features)
        return nn.functional.normalize(rows, dim=-1)


@contextmanager
def quiet() -> Iterator[None]:
    """Show no bars of transformers, nor what it says of weights that files do not have."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let dropout and first weights draw from `seed`, and leave the global generators alone."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def draw_seed(rng: np.random.Generator) -> int:
    """Return a seed for `seeded`."""
    return int(rng.integers(2**62))
