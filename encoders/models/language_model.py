"""A language model loaded, and its replica on one device."""

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from encoders.base import FloatArray
from encoders.models.pooling import pooled_by
from encoders.models.quantise import quantise_linear
from encoders.models.reading import Tokens
from kg.errors import ArtefactError


class Replica:
    """The modules of a model on one device.

    Args:
        modules: of a SentenceTransformer: the language model, then what makes one vector of its
            token vectors.
        tokenizer: pads.
        device: where the modules are.
        prompt_length: tokens of the prompt, for models that leave it out of their pooling.
    """

    def __init__(
        self,
        modules: Sequence[Any],
        tokenizer: Any,
        device: torch.device,
        *,
        prompt_length: int = 0,
    ) -> None:
        self.modules = modules
        self.tokenizer = tokenizer
        self.device = device
        self._prompt_length = prompt_length

    def copied_to(self, device: torch.device) -> "Replica":
        """Return a replica on another device; on the same one, a replica that shares weights."""
        if device == self.device:
            return self
        modules = [copy.deepcopy(module).to(device).eval() for module in self.modules]
        return Replica(modules, self.tokenizer, device, prompt_length=self._prompt_length)

    @torch.inference_mode()
    def start(self, batch: Sequence[Tokens], dim: int | None = None) -> Callable[[], FloatArray]:
        """Start one batch, and return what waits for its rows, `[len(batch), dim]`, normalised.

        On a GPU both copies are asynchronous, so that the next batch is prepared meanwhile.
        """
        on_gpu = self.device.type == "cuda"
        features: dict[str, Any] = dict(self.tokenizer.pad(list(batch), return_tensors="pt"))
        with torch.cuda.device(self.device) if on_gpu else nullcontext():
            if on_gpu:
                features = {
                    name: values.pin_memory().to(self.device, non_blocking=True)
                    for name, values in features.items()
                }
            features["prompt_length"] = self._prompt_length
            vectors = self._forward(features)[:, :dim]
            vectors = torch.nn.functional.normalize(vectors, dim=-1)
            if not on_gpu:
                rows: FloatArray = vectors.cpu().numpy()
                return lambda: rows
            pinned = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
            pinned.copy_(vectors, non_blocking=True)
            copied = torch.Event(self.device)
            copied.record()

        def wait() -> FloatArray:
            copied.synchronize()
            rows: FloatArray = pinned.numpy()
            return rows

        return wait

    def _forward(self, features: dict[str, Any]) -> torch.Tensor:
        language_model, *pooling = self.modules
        features = language_model(features)
        if "token_embeddings" in features:
            # A mean rounded to bfloat16 would cost more accuracy than the whole network.
            features["token_embeddings"] = features["token_embeddings"].float()
        for module in pooling:
            features = module(features)
        vectors: torch.Tensor = features["sentence_embedding"].float()
        return vectors

    def free(self) -> None:
        """Give memory that is held for reuse back to the device."""
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):
                torch.cuda.empty_cache()


def load_replica(
    folder: Path,
    device: torch.device,
    *,
    dtype: torch.dtype,
    pooling: str = "auto",
    prompt: str = "",
    trust_remote_code: bool = False,
) -> Replica:
    """Load the model of `folder`; one without sentence-transformers' files gets a pooling layer.

    Raises:
        ArtefactError: its files cannot be loaded.
        ConfigError: the pooling does not fit it.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    in_bytes = dtype is torch.int8
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # most load in well under a second
    try:
        model = SentenceTransformer(
            str(folder),
            device=str(device),
            local_files_only=True,
            trust_remote_code=trust_remote_code,
            model_kwargs={
                "use_safetensors": True,
                "dtype": torch.float32 if in_bytes else dtype,  # whatever the file has
            },
        )
    except Exception as error:  # whatever the libraries below make of a damaged file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ArtefactError(f"the model in {folder} cannot be loaded: {reason}") from error
    finally:
        if bars:
            logging.enable_progress_bar()
    modules = pooled_by(list(model), pooling)
    for module in modules[1:]:
        module.float()
    if in_bytes:
        quantise_linear(modules[0])
    tokenizer = _prepared(model.tokenizer)
    leaves_prompt_out = any(not getattr(module, "include_prompt", True) for module in modules)
    return Replica(
        [module.eval() for module in modules],
        tokenizer,
        device,
        prompt_length=_length_of(prompt, tokenizer) if prompt and leaves_prompt_out else 0,
    )


def _prepared(tokenizer: Any) -> Any:
    """Return the tokenizer, reading the beginning of a text and padding behind its end.

    Padding in front moves the positions of the tokens, which models with learned positions and
    no `position_ids` of their own take for other texts.
    """
    tokenizer.truncation_side = "right"
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:  # masked, so any will do
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _length_of(prompt: str, tokenizer: Any) -> int:
    """Return the tokens that stand before those of a text, the first special ones included."""
    tokens = tokenizer(prompt)["input_ids"]
    ends = bool(tokens) and tokens[-1] in tokenizer.all_special_ids
    return len(tokens) - 1 if ends else len(tokens)
