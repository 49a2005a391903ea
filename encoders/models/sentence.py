"""Sentence-transformers and other Hugging Face models as text encoders."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from encoders.base import FloatArray
from encoders.models.batches import Budget, Work, run_batches
from encoders.models.devices import resolve_devices, resolve_dtype
from encoders.models.language_model import Replica, load_replica
from encoders.models.model_files import (
    check_folder,
    decisive_files,
    length_limit,
    own_dim,
    prompt_text,
    stated_truncation,
)
from encoders.models.pooling import check_pooling
from encoders.models.reading import beginning, clean, tokenize
from kg.errors import ConfigError, InputError
from kg.files import sha256
from kg.progress import Bar, progress

CPU_BATCH_TOKENS = 512  # a thread; larger batches leave the caches of its core
GPU_BATCH_TOKENS = 65_536
BAR_FROM = 2_048  # texts; a shorter call shows no bar


class SentenceEncoder:
    """Encodes texts with a pretrained language model, pooled as the model says (mean by default).

    The model is loaded at the first `encode`; the fingerprint needs only its files. Identical
    texts are encoded once, and batches hold texts of similar length, so that little is padded.
    Pooling and normalisation are always float32. A text of which the model reads nothing has a
    zero row, as an empty one.

    Args:
        folder: the model's files: `config.json`, a tokenizer, `*.safetensors`, and optionally the
            `modules.json` of sentence-transformers.
        max_length: tokens read of a text, prompt included; the rest is cut off.
        dim: length of a vector, if less than the model's own: vectors are cut and normalised again,
            which models trained for it (Matryoshka) bear well.
        pooling: "mean", "cls", "last" or "max" of the vectors of tokens; "auto" for the model's.
        prompt: stands before every text: a name among the model's prompts, or the text itself;
            empty for the model's default.
        dtype: "auto", "float32", "bfloat16", on GPUs "float16", on CPUs with VNNI "int8".
        device: "auto", "cpu", "cuda" (all that are visible), "cuda:N", or several with commas.
        trust_remote_code: whether code that comes with the model may run.
        batch_tokens: tokens of a batch, padding included; None for what suits the device.

    Raises:
        ConfigError: unknown dtype, device or pooling, `max_length` or `dim` is more than the model
            has, or the model needs code of its own.
        ArtefactError: `folder` holds no model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_length: int = 64,
        dim: int | None = None,
        pooling: str = "auto",
        prompt: str = "",
        dtype: str = "auto",
        device: str = "auto",
        trust_remote_code: bool = False,
        batch_tokens: int | None = None,
    ) -> None:
        self.folder = folder
        self.max_length = max_length
        self.devices = resolve_devices(device)
        self.dtype = resolve_dtype(dtype, self.devices)
        self.pooling = pooling
        on_cpu = self.device.type == "cpu"
        suits = CPU_BATCH_TOKENS * torch.get_num_threads() if on_cpu else GPU_BATCH_TOKENS
        self._budget = Budget(suits if batch_tokens is None else batch_tokens)
        self._trust_remote_code = trust_remote_code
        check_pooling(pooling)
        check_folder(folder, trust_remote_code=trust_remote_code)
        limit = length_limit(folder)
        if limit is not None and max_length > limit:
            raise ConfigError(f"max_length = {max_length}: {folder.name} reads {limit} at most")
        self.prompt = prompt_text(folder, prompt)
        self._prompt_asked = prompt != ""
        self._dim = stated_truncation(folder) if dim is None else dim
        known = own_dim(folder)
        if known is not None:
            self._check_dim(known)

    @property
    def device(self) -> torch.device:
        """The first of the devices."""
        return self.devices[0]

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        known = own_dim(self.folder)
        own = self._probe() if known is None else known
        self._check_dim(own)
        return own if self._dim is None else self._dim

    def _check_dim(self, own: int) -> None:
        if self._dim is not None and self._dim > own:
            raise ConfigError(f"dim = {self._dim}: vectors of {self.folder.name} have {own}")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files, the settings and the precision; not of the device."""
        digest = hashlib.sha256(f"sentence 1 {self.max_length} {self.dtype}".encode())
        # What is as the files say needs no mention.
        if self._dim is not None:
            digest.update(f"\x00dim {self._dim}".encode())
        if self.pooling != "auto":
            digest.update(f"\x00pooling {self.pooling}".encode())
        if self._prompt_asked:
            digest.update(b"\x00prompt " + self.prompt.encode("utf-8", "surrogatepass"))
        files = decisive_files(self.folder, code=self._trust_remote_code)
        for file in sorted(files, key=lambda file: file.as_posix()):
            digest.update(f"\x00{file.as_posix()}\x00{sha256(self.folder / file)}".encode())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one L2-normalised row per text, float32 `[len(texts), dim]`.

        The row of an empty text is zero. A row does not depend on the other texts, beyond rounding.

        Raises:
            InputError: one is no text, a vector is not finite (names the text), or there is no
                memory for even one text.
        """
        distinct: dict[str, int] = {}
        rows = [distinct.setdefault(text, len(distinct)) for text in clean(texts)]
        vectors: FloatArray = np.zeros((len(distinct), self.dim), dtype=np.float32)
        words = {row: text for text, row in distinct.items() if text}
        if not words:
            return vectors[rows]
        with _bar(len(words)) as bar:
            read = self._tokenize(list(words.values()))
            work: list[Work] = [
                (row, tokens)
                for row, tokens in zip(words, read, strict=True)
                if tokens["input_ids"]
            ]
            tokens_done, start = 0, time.perf_counter()

            def keep(batch: Sequence[Work], found: FloatArray) -> None:
                nonlocal tokens_done
                finite = np.isfinite(found).all(axis=1)
                if not finite.all():
                    row = batch[int(finite.argmin())][0]
                    raise InputError(
                        f"the vector of texts[{rows.index(row)}], {beginning(words[row])}, "
                        f"is not finite (calculated in {self.dtype})"
                    )
                vectors[[row for row, _ in batch]] = found
                tokens_done += sum(len(tokens["input_ids"]) for _, tokens in batch)
                speed = tokens_done / (time.perf_counter() - start)
                bar.advance(len(batch), f"{speed:,.0f} tokens/s")

            run_batches(work, self._replicas, self._budget, keep, dim=self._dim)
        return vectors[rows]

    def _tokenize(self, texts: list[str]) -> list[dict[str, list[int]]]:
        """Return the token ids, and what goes with them, of each text."""
        language_model = self._replicas[0].modules[0]
        if getattr(language_model, "do_lower_case", False):
            texts = [text.lower() for text in texts]
        tokenizer = self._replicas[0].tokenizer
        return tokenize(tokenizer, texts, max_length=self.max_length, prompt=self.prompt)

    def _probe(self) -> int:
        return int(self._replicas[0].start(self._tokenize(["a"]))().shape[1])

    @cached_property
    def _replicas(self) -> Sequence[Replica]:
        first = load_replica(
            self.folder,
            self.device,
            dtype=self.dtype,
            pooling=self.pooling,
            prompt=self.prompt,
            trust_remote_code=self._trust_remote_code,
        )
        return [first, *(first.copied_to(device) for device in self.devices[1:])]


@contextmanager
def _bar(num_texts: int) -> Iterator[Bar]:
    """Show a bar with texts and tokens a second, unless the call is short."""
    if num_texts < BAR_FROM:
        yield _Silent()
        return
    start, done = time.perf_counter(), 0
    with progress("encode", num_texts) as bar:

        class _Speed:
            def advance(self, amount: float = 1, note: str = "") -> None:
                nonlocal done
                done += int(amount)
                speed = done / (time.perf_counter() - start)
                bar.advance(amount, f"{speed:,.0f} texts/s, {note}")

        yield _Speed()


class _Silent:
    def advance(self, amount: float = 1, note: str = "") -> None:
        """Show nothing."""
