"""Our own words in one language: sentences about reasons, and what stands around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["friendly", "factual", "formal"]
TONES: tuple[Tone, ...] = ("friendly", "factual", "formal")
Forms = tuple[str, str]  # of one item, of several


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """What a language needs to write a text of its own.

    Sentences hold `{items}`, `{seed}` and `{middle}`; openings hold `{count}`, `{domain}` and
    `{known}`.

    Attributes:
        name: of the language, in English, as a language model is told it.
        quotes: what a title stands in.
        last: what stands before the last of several.
        comma: what stands before `last` where there are more than two; mostly nothing.
        count: one suggestion, several; the latter with `{number}`.
        numbers: words for one to twelve, with spaces between them.
        openings: by tone, where something is known of the user.
        first_openings: by tone, where nothing is.
        closings: by tone; empty for none.
        reasons: by kind of reason, the forms of its sentences.
        moreover: what stands around one more reason, a `{sentence}`, or `{inside}` another.
        page_title, why, made_by_template, made_by_model: of a page; its title by tone.
    """

    name: str
    quotes: tuple[str, str]
    last: str
    comma: str = ""
    count: Forms
    numbers: str
    openings: Mapping[Tone, Sequence[Forms]]
    first_openings: Mapping[Tone, Sequence[Forms]]
    closings: Mapping[Tone, Sequence[str]]
    reasons: Mapping[str, Sequence[Forms]]
    moreover: Sequence[str]
    page_title: Mapping[Tone, str]
    why: str
    made_by_template: str
    made_by_model: str

    def quote(self, title: str) -> str:
        """Return a title as it stands in prose."""
        return f"{self.quotes[0]}{title}{self.quotes[1]}"

    def listing(self, names: Sequence[str]) -> str:
        """Return `a`, `a and b`, `a, b and c`."""
        if len(names) < 2:
            return "".join(names)
        comma = self.comma if len(names) > 2 else ""
        return f"{', '.join(names[:-1])}{comma} {self.last} {names[-1]}"

    def counted(self, number: int) -> str:
        """Return `one suggestion`, `three suggestions`."""
        if number == 1:
            return self.count[0]
        names = self.numbers.split()
        word = names[number - 1] if number <= len(names) else str(number)
        return self.count[1].format(number=word)
