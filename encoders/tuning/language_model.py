"""Continued pre-training on the texts of a graph: hidden words, or the next one."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from encoders.tuning.config import TuningConfig
from encoders.tuning.losses import IGNORED, next_or_masked
from encoders.tuning.text_model import TextModel, quiet, seeded
from kg.errors import ConfigError

MIN_LENGTH = 4  # tokens; a shorter text has nothing to be guessed from
VALID_SEED = 0  # words hidden in the valid texts, the same at each look


class LanguageModelling:
    """Tunes a model to guess words of texts; judged by those of texts that it never met.

    Args:
        model: what is tuned; its head is thrown away at the end.
        texts: to learn from.
        valid_texts: to be judged by.
        config: objective "masked" or "causal", batch size, share of hidden words.
        seed: of a head that the model's files do not have.

    Raises:
        ConfigError: the model has no such head, or no token that hides a word.
    """

    metric = "log-likelihood"

    def __init__(
        self,
        model: TextModel,
        texts: Sequence[str],
        valid_texts: Sequence[str],
        config: TuningConfig,
        seed: int,
    ) -> None:
        self.model, self.texts, self.valid_texts, self.config = model, texts, valid_texts, config
        self.masked = config.objective == "masked"
        if self.masked and model.tokenizer.mask_token_id is None:
            raise ConfigError(
                f"objective = 'masked': {model.folder.name} has no token that hides a word; "
                "try 'causal'"
            )
        self.full = _with_head(model, self.masked, seed)

    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained: weights of the model, and of the head beside it."""
        return [weights for weights in self.full.parameters() if weights.requires_grad]

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return the loss of a batch that is drawn from `rng`."""
        self.full.train()
        size = min(self.config.batch_size, len(self.texts))
        rows = rng.choice(len(self.texts), size, replace=False)
        return self._loss([self.texts[row] for row in rows], rng)

    def valid(self) -> float:
        """Return the mean log-likelihood of the words asked for; higher is better."""
        self.full.eval()
        rng = np.random.default_rng(VALID_SEED)
        total, size = 0.0, self.config.batch_size
        with torch.no_grad():
            for start in range(0, len(self.valid_texts), size):
                some = self.valid_texts[start : start + size]
                total += float(self._loss(some, rng)) * len(some)
        return -total / len(self.valid_texts)

    def _loss(self, texts: Sequence[str], rng: np.random.Generator) -> Tensor:
        inputs = self.model.pad(self.model.tokens(texts))
        ids = inputs["input_ids"]
        present = inputs["attention_mask"].bool()
        if not self.masked:
            labels = torch.where(present, ids, IGNORED)[:, 1:]
            return next_or_masked(self._logits(inputs)[:, :-1], labels)
        tokenizer = self.model.tokenizer
        special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids, device=ids.device))
        inputs["input_ids"], labels = hide_words(
            ids,
            present & ~special,
            mask=int(tokenizer.mask_token_id),
            num_tokens=len(tokenizer),
            fraction=self.config.mask_fraction,
            rng=rng,
        )
        return next_or_masked(self._logits(inputs), labels)

    def _logits(self, inputs: dict[str, Tensor]) -> Tensor:
        with self.model.precision():
            logits: Tensor = self.full(**inputs).logits
        return logits


def hide_words(
    ids: Tensor,
    may_hide: Tensor,
    *,
    mask: int,
    num_tokens: int,
    fraction: float,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return what the model reads and what it has to guess, both as `ids`.

    Of the tokens that are asked for, 80 % are hidden, 10 % are replaced by others and 10 % stay
    (Devlin et al., 2019).

    Args:
        ids: tokens, int64 `[num_texts, length]`.
        may_hide: which may be asked for, bool, as `ids`.
        mask: the token that hides.
        num_tokens: of the tokenizer.
        fraction: of the tokens, how many are asked for.
        rng: of the choice.
    """

    def draws() -> Tensor:
        return torch.from_numpy(rng.random(tuple(ids.shape))).to(ids.device)

    asked = (draws() < fraction) & may_hide
    how = draws()
    others = torch.from_numpy(rng.integers(num_tokens, size=tuple(ids.shape))).to(ids.device)
    read = torch.where(asked & (how < 0.8), mask, ids)
    read = torch.where(asked & (how >= 0.9), others, read)
    return read, torch.where(asked, ids, IGNORED)


def long_enough(model: TextModel, texts: Sequence[str]) -> list[str]:
    """Return the distinct texts that words can be guessed in, in order."""
    distinct = [text for text in dict.fromkeys(texts) if text]
    tokens = model.tokens(distinct)
    return [
        text
        for text, read in zip(distinct, tokens, strict=True)
        if len(read["input_ids"]) >= MIN_LENGTH
    ]


def _with_head(model: TextModel, masked: bool, seed: int) -> nn.Module:
    """Return the model with a head that shares its weights."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    try:
        with quiet(), seeded(seed, model.device):
            full = kind.from_pretrained(
                model.folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        what = "masked" if masked else "causal"
        raise ConfigError(f"objective = {what!r}: {model.folder.name}: {reason}") from None
    setattr(full, full.base_model_prefix, model.backbone)
    full.tie_weights()
    moved: nn.Module = full.to(model.device)
    return moved
