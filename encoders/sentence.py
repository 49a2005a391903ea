"""Sentence-transformers and other Hugging Face models as text encoders."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders.base import FloatArray
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256
from kg.progress import progress

CPU_BATCH_TOKENS = 512  # a thread; larger batches leave the caches of its core
GPU_BATCH_TOKENS = 65_536
TOKENIZE_AT_ONCE = 8_192  # texts; bounds the memory of token lists being made
BAR_FROM = 2_048  # texts; a shorter call shows no bar

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
OTHER_RUNTIMES = {"onnx", "openvino"}


class SentenceEncoder:
    """Encodes texts with a pretrained language model, pooled as the model says (mean by default).

    The model is loaded at the first `encode`; the fingerprint needs only its files. Identical
    texts are encoded once, and batches hold texts of similar length, so that little is padded.
    Pooling and normalisation are always float32.

    Args:
        folder: the model's files: `config.json`, a tokenizer, `*.safetensors`, and optionally the
            `modules.json` of sentence-transformers.
        max_length: tokens read of a text; the rest is cut off.
        dtype: "auto", "float32" or "bfloat16".
        device: "auto", "cpu", "cuda" or "cuda:N".
        batch_tokens: tokens of a batch, padding included; None for what suits the device.

    Raises:
        ConfigError: unknown dtype or device, or `max_length` is more than the model can read.
        ArtefactError: `folder` holds no model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_length: int = 64,
        dtype: str = "auto",
        device: str = "auto",
        batch_tokens: int | None = None,
    ) -> None:
        self.folder = folder
        self.max_length = max_length
        self.device = resolve_device(device)
        self.dtype = resolve_dtype(dtype, self.device)
        on_cpu = self.device.type == "cpu"
        suits = CPU_BATCH_TOKENS * torch.get_num_threads() if on_cpu else GPU_BATCH_TOKENS
        self._batch_tokens = suits if batch_tokens is None else batch_tokens
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise ArtefactError(
                f"{folder} holds no model: expected config.json and *.safetensors "
                "(weights in pickle formats are not read)"
            )
        limit = _length_limit(folder)
        if limit is not None and max_length > limit:
            raise ConfigError(f"max_length = {max_length}: {folder.name} reads {limit} at most")

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        known = _dim_of_files(self.folder)
        return self._probe() if known is None else known

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files, the length limit and the precision; not of the device."""
        digest = hashlib.sha256(f"sentence 1 {self.max_length} {self.dtype}".encode())
        for file in sorted(_files(self.folder), key=lambda file: file.as_posix()):
            digest.update(f"\x00{file.as_posix()}\x00{sha256(self.folder / file)}".encode())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one L2-normalised row per text, float32 `[len(texts), dim]`.

        The row of an empty text is zero. A row does not depend on the other texts, beyond rounding.
        """
        distinct: dict[str, int] = {}
        rows = [distinct.setdefault(text.strip(), len(distinct)) for text in texts]
        vectors: FloatArray = np.zeros((len(distinct), self.dim), dtype=np.float32)
        words = [(row, text) for text, row in distinct.items() if text]
        with progress("encode", len(words) if len(words) >= BAR_FROM else None) as bar:
            start, done = time.perf_counter(), 0
            for batch_rows, batch in self._batches(words):
                vectors[batch_rows] = self._forward(batch)
                done += len(batch_rows)
                speed = done / (time.perf_counter() - start)
                bar.advance(len(batch_rows), f"{speed:,.0f} texts/s")
        return vectors[rows]

    def _batches(
        self, words: Sequence[tuple[int, str]]
    ) -> Iterator[tuple[list[int], list[dict[str, list[int]]]]]:
        """Yield rows and tokens of batches, longest first: the bar's time left then shrinks."""
        encoded: list[tuple[int, dict[str, list[int]]]] = []
        for start in range(0, len(words), TOKENIZE_AT_ONCE):
            some = words[start : start + TOKENIZE_AT_ONCE]
            encoded += zip(
                (row for row, _ in some), self._tokenize([t for _, t in some]), strict=True
            )
        encoded.sort(key=lambda pair: -len(pair[1]["input_ids"]))
        start = 0
        while start < len(encoded):
            size = max(1, self._batch_tokens // len(encoded[start][1]["input_ids"]))
            batch = encoded[start : start + size]
            yield [row for row, _ in batch], [tokens for _, tokens in batch]
            start += size

    def _tokenize(self, texts: list[str]) -> list[dict[str, list[int]]]:
        """Return the token ids, and what goes with them, of each text."""
        model = self._model
        if model.default_prompt_name is not None:
            texts = [model.prompts[model.default_prompt_name] + text for text in texts]
        if getattr(model[0], "do_lower_case", False):
            texts = [text.lower() for text in texts]
        columns = model.tokenizer(texts, truncation=True, max_length=self.max_length)
        return [{name: columns[name][i] for name in columns} for i in range(len(texts))]

    @torch.inference_mode()
    def _forward(self, batch: list[dict[str, list[int]]]) -> FloatArray:
        """Return L2-normalised rows of one batch, `[len(batch), dim]`."""
        features: dict[str, Any] = dict(self._model.tokenizer.pad(batch, return_tensors="pt"))
        features = {name: values.to(self.device) for name, values in features.items()}
        language_model, *pooling = self._model
        features = language_model(features)
        # A mean rounded to bfloat16 would cost more accuracy than the whole network.
        features["token_embeddings"] = features["token_embeddings"].float()
        for module in pooling:
            features = module(features)
        vectors = torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=-1)
        rows: FloatArray = vectors.cpu().numpy()
        return rows

    def _probe(self) -> int:
        return int(self._forward(self._tokenize(["a"])).shape[1])

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # it loads in well under a second
        try:
            model = SentenceTransformer(
                str(self.folder),
                device=str(self.device),
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        finally:
            if bars:
                logging.enable_progress_bar()
        model.float()  # whatever precision the file has
        model[0].to(self.dtype)
        return model.eval()


def resolve_device(device: str) -> torch.device:
    """Return the device of this name; "auto" is the first GPU if there is one.

    Raises:
        ConfigError: no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"device = {device!r}: expected auto, cpu, cuda or cuda:N") from None
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device = {device!r}: there is no CUDA device here")
    return resolved


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the precision of this name; "auto" is bfloat16 where `device` is fast at it.

    Raises:
        ConfigError: unknown name.
    """
    if dtype == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if dtype not in known:
        raise ConfigError(f"dtype = {dtype!r}: expected auto, {' or '.join(known)}")
    return known[dtype]


def has_bfloat16(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 faster than float32, as its hardware says.

    This is asked and not timed: precision is part of the fingerprint, which must be the same in
    every run on a machine, however busy it is.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Tiles are needed. AVX512_BF16 alone multiplies at half the rate of float32 on Intel's server
    # cores, and oneDNN accepts bfloat16 on older ones only to emulate it.
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device.type == "cpu" and supported is not None and bool(supported())


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files that decide a vector, relative to `folder`."""
    for pattern in MODEL_FILES:
        for file in folder.rglob(pattern):
            relative = file.relative_to(folder)
            hidden = any(part.startswith(".") for part in relative.parts)
            if file.is_file() and not hidden and not OTHER_RUNTIMES & set(relative.parts):
                yield relative


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _length_limit(folder: Path) -> int | None:
    """Return how many tokens the model can read, None if its files do not say."""
    stated = _read(folder / "tokenizer_config.json").get("model_max_length")
    positions = _read(folder / "config.json").get("max_position_embeddings")
    # A tokenizer that knows no limit states 1e30.
    limits = [int(limit) for limit in (stated, positions) if limit and limit < 1_000_000]
    return min(limits, default=None)


def _dim_of_files(folder: Path) -> int | None:
    """Return the length of a vector if the model's files say, None if it must be run to know."""
    modules = {module["type"].rsplit(".", 1)[-1] for module in _read(folder / "modules.json")}
    pooling = _read(folder / "1_Pooling" / "config.json")
    modes = sum(value is True for key, value in pooling.items() if key.startswith("pooling_mode_"))
    if modules - {"Transformer", "Pooling", "Normalize"} or modes > 1:
        return None
    size = _read(folder / "config.json").get("hidden_size")
    return None if size is None else int(size)
