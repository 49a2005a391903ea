"""A model behind an OpenAI-compatible chat endpoint, such as vLLM or Ollama."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from encoders.endpoint_client import EndpointClient, EndpointError
from queries.llm.base import Completion, Cost, Message


class EndpointModel:
    """Asks one model of one endpoint.

    Args:
        endpoint: base of the server, up to and with `/v1`.
        model: as the endpoint calls it.
        key: name of the environment variable that holds the key; empty for none.
        **options: of `EndpointClient`.

    Raises:
        ConfigError: `endpoint` is no URL, or the environment has no such key.
    """

    def __init__(self, endpoint: str, model: str, *, key: str = "", **options: Any) -> None:
        self._client = EndpointClient(endpoint, key=key, **options)
        self.name = model

    @property
    def fingerprint(self) -> str:
        """Hash of the endpoint and the name of the model: of its weights nothing is known."""
        return hashlib.sha256(f"{self._client.where}\0{self.name}".encode()).hexdigest()

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Completion:
        """Return the likeliest answer, of at most so many tokens.

        Raises:
            EndpointError: the endpoint cannot be reached, refuses, or answers something else.
        """
        began = time.perf_counter()
        answer = self._client.post(
            "chat/completions",
            {
                "model": self.name,
                "messages": [{"role": one.role, "content": one.content} for one in messages],
                "temperature": 0,
                "max_tokens": max_tokens,
            },
        )
        try:
            content = answer["choices"][0]["message"]["content"]
        except (LookupError, TypeError):
            raise EndpointError(
                f"{self._client.where} does not answer as a chat endpoint does"
            ) from None
        used = answer.get("usage")
        cost = Cost(
            requests=1,
            prompt_tokens=_count(used, "prompt_tokens"),
            completion_tokens=_count(used, "completion_tokens"),
            seconds=time.perf_counter() - began,
        )
        return Completion(text=content if isinstance(content, str) else "", cost=cost)


def _count(used: object, name: str) -> int:
    """Return a number of tokens; 0 where the server does not count them."""
    value = used.get(name) if isinstance(used, Mapping) else None
    return value if isinstance(value, int) and value >= 0 else 0
