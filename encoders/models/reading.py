"""What a language model reads of a text: its first tokens, whatever the text holds."""

import re
from collections.abc import Sequence
from typing import Any

from kg.errors import InputError

CHARACTERS_PER_TOKEN = 32  # read at first; ordinary text has 3 to 6
TOKENIZE_AT_ONCE = 8_192  # texts; bounds the memory of token lists being made
BEGINNING = 40  # characters of a text that stand in a message

Tokens = dict[str, list[int]]

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(texts: Sequence[str]) -> list[str]:
    """Return the texts as encoders take them: stripped, and free of what is no character.

    Halves of surrogate pairs, which cannot be written in UTF-8, become U+FFFD.

    Raises:
        InputError: one is no text; names its position.
    """
    cleaned = []
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"texts[{position}] is {text!r:.{BEGINNING}}, expected a str")
        text = text.strip()
        cleaned.append(text if text.isascii() else _SURROGATE.sub("\ufffd", text))
    return cleaned


def beginning(text: str) -> str:
    """Return what stands for a text in a message."""
    return repr(text if len(text) <= BEGINNING else text[:BEGINNING] + "…")


def tokenize(
    tokenizer: Any, texts: Sequence[str], *, max_length: int, prompt: str = ""
) -> list[Tokens]:
    """Return the first `max_length` tokens of each text, the prompt and special ones included.

    Of a long text the beginning is tokenized, and the whole only where the beginning has too few
    tokens: they are those of the whole text, and a megabyte costs no more than a page.
    """
    tokens: list[Tokens] = []
    for start in range(0, len(texts), TOKENIZE_AT_ONCE):
        some = texts[start : start + TOKENIZE_AT_ONCE]
        read = [prompt + _head(text, max_length * CHARACTERS_PER_TOKEN) for text in some]
        cut = [i for i, text in enumerate(some) if len(read[i]) < len(prompt) + len(text)]
        # Twice what is kept, so that no kept token is near the cut.
        found = _call(tokenizer, [read[i] for i in cut], 2 * max_length)
        for i, head in zip(cut, found, strict=True):
            if len(head["input_ids"]) < 2 * max_length:
                read[i] = prompt + some[i]
        tokens += _call(tokenizer, read, max_length)
    return tokens


def _head(text: str, characters: int) -> str:
    """Return about the first `characters` of a text, to the end of a word if there is one."""
    if len(text) <= characters:
        return text
    head = text[:characters]
    words = head.rsplit(maxsplit=1)
    return words[0] if len(words) == 2 else head


def _call(tokenizer: Any, texts: list[str], max_length: int) -> list[Tokens]:
    if not texts:
        return []
    columns = tokenizer(texts, truncation=True, max_length=max_length)
    return [{name: columns[name][i] for name in columns} for i in range(len(texts))]
