"""Sentences and words of a text, as far as they are compared."""

import re
from collections.abc import Iterable

from queries.llm.untrusted import folded
from queries.writing.word_lists import COURTESY, SMALL

_WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
_ENDINGS = ("ungen", "ung", "ings", "ing", "edly", "ern", "ers", "ed", "er", "es", "en", "em")
# A stop before a quote that closes ends a sentence unless this goes on in a small letter.
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"”“»\u2019)])\s+(?![a-zäöüß])|\n+")
_QUOTES = re.compile(
    r"“([^”“]{1,200})[”“]|„([^“”„]{1,200})[“”]|\"([^\"]{1,200})\"|«([^»]{1,200})»|»([^«]{1,200})«"
    r"|\u2039([^\u203a]{1,200})\u203a|『([^』]{1,200})』|「([^」]{1,200})」"
    r"|(?<!\w)\u2018([^\u2019]{1,200})\u2019(?!\w)|(?<!\w)'([^'\n]{1,200})'(?!\w)"
    r"|[*_]{1,3}([^*_\n]{1,200})[*_]{1,3}"
)
_MARKS = '“”„"'
_LONGEST_QUOTE = 130  # characters that an open quote holds a sentence together for
_ABBREVIATED = re.compile(r"(?:^|[\s“„\"(])(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Prof|Jr|Sr|vs|No|Nr|z\. ?B)\.$")
_KEPT = 6  # letters of a stem that tell words apart


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; a line ends one, a stop within quotes does not."""
    found: list[str] = []
    for part in _SENTENCE.split(text):
        if not part or not part.strip():
            continue
        if found and (_is_open(found[-1]) or _ABBREVIATED.search(found[-1])):
            found[-1] += f" {part.strip()}"
        else:
            found.append(part.strip())
    return found


def _is_open(text: str) -> bool:
    """Whether a text ends within quotes that were opened not long ago."""
    last = max(text.rfind(mark) for mark in _MARKS)
    odd = sum(text.count(mark) for mark in "“”„") % 2 or text.count('"') % 2
    return bool(odd) and len(text) - last < _LONGEST_QUOTE


def words(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(folded(text))]


def surface(text: str) -> list[str]:
    """Return the words of a text as they are written."""
    return _WORD.findall(text)


def quoted_spans(text: str) -> list[str]:
    """Return what stands in quotes of any kind, or between stars."""
    return [
        next(group for group in match.groups() if group is not None)
        for match in _QUOTES.finditer(text)
    ]


def stem(word: str) -> str:
    """Return what a word shares with its other forms, roughly."""
    word = word.removesuffix("'s").removesuffix("'").replace("'", "").replace("-", "")
    for ending in _ENDINGS:
        if len(word) - len(ending) >= 4 and word.endswith(ending):
            word = word[: -len(ending)]
            break
    else:
        if len(word) > 4 and word[-1] in "sen" and not word.endswith("ss"):
            word = word[:-1]
    return word[:_KEPT]


def stems(some: Iterable[str]) -> set[str]:
    """Return the stems of words, of the parts of compounds too."""
    return {stem(part) for word in some for part in (word, *word.split("-")) if part}


def small_words(language: str) -> frozenset[str]:
    """Return the function words of a language; none where they are not known."""
    return SMALL.get(language, frozenset())


def courtesy(language: str) -> set[str]:
    """Return stems of words that need no fact behind them."""
    return stems(COURTESY.get(language, ()))


def holds(text: list[str], part: list[str]) -> bool:
    """Whether words stand in a text one after the other."""
    return bool(part) and any(
        text[at : at + len(part)] == part for at in range(len(text) - len(part) + 1)
    )
