"""A server of embeddings (vLLM, Ollama, text-embeddings-inference, ...) as a text encoder."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np

from encoders.base import FloatArray
from encoders.endpoint_client import EndpointClient
from encoders.models.reading import CHARACTERS_PER_TOKEN, beginning, clean
from kg.errors import InputError
from kg.progress import progress

BATCH_TEXTS = 32  # what servers accept at least
BATCH_CHARACTERS = 65_536
IN_FLIGHT = 4  # requests; a server makes batches of its own from them
BAR_FROM = 2_048  # texts; a shorter call shows no bar


class EndpointEncoder:
    """Encodes through the `/embeddings` of an OpenAI-compatible server.

    The weights are elsewhere and cannot be hashed: the fingerprint knows the model's name, what the
    server says its name is, the length of a vector and the settings. Give another `revision` when
    the server changes its weights under the same name.

    Args:
        url: base of the server, such as `http://localhost:11434/v1`.
        model: what the server calls the model.
        key: name of the environment variable that holds the key; empty for none.
        revision: any word that stands for the weights.
        max_length: tokens read of a text. Servers count tokens in ways of their own: texts are cut
            at 32 characters a token, and the rest is the server's.
        dim: length that the server is asked for (`dimensions`); None for the model's own.
        prompt: stands before every text, as it is.
        timeout: seconds to wait for one answer.

    Raises:
        ConfigError: `url` is none, or the environment has no such key.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str = "",
        revision: str | None = None,
        max_length: int = 64,
        dim: int | None = None,
        prompt: str = "",
        timeout: float = 120,
    ) -> None:
        self.model = model
        self.revision = revision
        self.prompt = prompt
        self._asked = dim
        self._characters = max_length * CHARACTERS_PER_TOKEN
        self._client = EndpointClient(url, key=key, timeout=timeout)

    @cached_property
    def _probe(self) -> tuple[str, int]:
        """Return the name that the server gives its model, and the length of its vectors."""
        vectors, name = self._request(["a"], None)
        return name, vectors.shape[1]

    @property
    def dim(self) -> int:
        """Length of a vector; asks the server once."""
        return self._probe[1]

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's name here and there, the revision and the settings; asks once."""
        name, dim = self._probe
        parts = [self.model, name, self.revision or "", str(dim), str(self._characters)]
        text = "\x00".join(["endpoint 1", *parts, self.prompt])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one L2-normalised row per text, float32 `[len(texts), dim]`; empty text, zero.

        Raises:
            InputError: the server failed, or did not answer what was asked.
        """
        distinct: dict[str, int] = {}
        cut = (text[: self._characters].rstrip() for text in clean(texts))
        rows = [distinct.setdefault(text, len(distinct)) for text in cut]
        vectors: FloatArray = np.zeros((len(distinct), self.dim), dtype=np.float32)
        # Longest first, as elsewhere: little is padded, and the time left only shrinks.
        words = sorted((text for text in distinct if text), key=len, reverse=True)
        batches = _batches(words)
        with (
            progress("encode", len(words) if len(words) >= BAR_FROM else None) as bar,
            ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="endpoint") as pool,
        ):
            answers = [pool.submit(self._request, batch, self.dim) for batch in batches]
            try:
                for batch, answer in zip(batches, answers, strict=True):
                    vectors[[distinct[text] for text in batch]] = answer.result()[0]
                    bar.advance(len(batch))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return vectors[rows]

    def _request(self, texts: Sequence[str], dim: int | None) -> tuple[FloatArray, str]:
        """Return normalised rows of one batch, and the server's name of the model."""
        body: dict[str, Any] = {
            "model": self.model,
            "input": [self.prompt + text for text in texts],
            "encoding_format": "float",
        }
        if self._asked is not None:
            body["dimensions"] = self._asked
        answer = self._client.post("embeddings", body)
        expected = self._asked if dim is None else dim
        vectors = _vectors(answer, texts, expected, self._client.where)
        return vectors, str(answer.get("model", ""))


def _batches(texts: Sequence[str]) -> list[list[str]]:
    """Return the texts in batches of few enough texts and characters."""
    batches: list[list[str]] = []
    characters = 0
    for text in texts:
        full = batches and (
            len(batches[-1]) == BATCH_TEXTS or characters + len(text) > BATCH_CHARACTERS
        )
        if not batches or full:
            batches.append([])
            characters = 0
        batches[-1].append(text)
        characters += len(text)
    return batches


def _vectors(answer: Any, texts: Sequence[str], dim: int | None, where: str) -> FloatArray:
    """Return the rows of an answer in the order of the texts, normalised.

    Raises:
        InputError: they are not one finite vector of the right length for each text.
    """
    try:
        by_index = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
        count = len(answer["data"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{where} answered without data, index and embedding") from None
    if count != len(texts) or set(by_index) != set(range(len(texts))):
        raise InputError(f"{where} answered {count} vectors to {len(texts)} texts")
    lengths = {len(vector) if isinstance(vector, list) else 0 for vector in by_index.values()}
    if len(lengths) > 1 or 0 in lengths or (dim is not None and lengths != {dim}):
        raise InputError(
            f"{where} answered vectors of {', '.join(map(str, sorted(lengths)))} coordinates, "
            f"expected {dim or 'one length'}"
        )
    try:
        rows = np.array([by_index[i] for i in range(len(texts))], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where} answered coordinates that are no numbers") from None
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0))
    if len(bad):
        raise InputError(
            f"{where} answered a vector that is zero or not finite to {beginning(texts[bad[0]])}"
        )
    return np.asarray(rows / norms, dtype=np.float32)
