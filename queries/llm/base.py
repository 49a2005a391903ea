"""What a language model is asked, what it answers, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What was spent.

    Attributes:
        requests: questions that a model answered.
        prompt_tokens: tokens read.
        completion_tokens: tokens written.
        seconds: wall time.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Completion:
    """An answer and its cost."""

    text: str
    cost: Cost


class LanguageModel(Protocol):
    """Answers a chat.

    Attributes:
        name: for people.
        fingerprint: decides an answer; part of the key that answers are kept by.
    """

    name: str

    @property
    def fingerprint(self) -> str:
        """Hash of what decides an answer."""

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Completion:
        """Return the likeliest answer, of at most so many tokens."""
