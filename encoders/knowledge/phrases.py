"""Texts to key phrases, offline: n-grams that hold together, weighed by tf-idf."""

import math
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

LONGEST = 3  # words of a phrase
HOLDS_TOGETHER = 0.3  # normalised PMI of the two halves of a phrase
ABSORBED = 0.5  # share of a word's texts that a phrase must have to stand for the word
PIECE = 0.8  # share of a phrase's texts where it goes on: then it is cut from something longer
UNIT = 0.5  # share of a word's places that are beside a number: "ounces", "pack"
UNIT_HERE = 0.15  # the same of a word right after a number: the "cup" of "12 cup teapot"

# scikit-learn's list has words in it that name things: a pepper mill, a flat top, a fire pit ...
NAMES_THINGS = (
    "bill bottom cry detail empty fill fire front full interest mill mine name part serious side "
    "sincere system thick thin top"
)
# ... and lacks those that praise, count or sell whatever stands beside them.
PRAISES = (
    "amazing approx approximately assorted available award awesome beautiful best better brand "
    "buy choice collection count deal design easy essential excellent exclusive extra famous "
    "favorite free gorgeous great guarantee guaranteed high ideal includes including large larger "
    "like lovely makes medium money multi new nice original pack packs package packages perfect "
    "piece pieces premium products quality ready reviews sale select selection series set shipping "
    "size sizes small special style super supreme total ultimate ultra unique use value variety "
    "various wonderful"
)


def key_phrases(
    texts: Sequence[str], *, min_texts: int, max_share: float
) -> list[dict[str, float]]:
    """Return the key phrases of each text with their weights.

    A phrase is one to three words in a row, with no stop word, number, unit or punctuation between
    them, found in at least `min_texts` texts and in at most a share of `max_share` of them. Two or
    three words are a phrase if the normalised pointwise mutual information of their two halves
    (Bouma, 2009), ``log(p(ab) / p(a) p(b)) / -log p(ab)``, is at least 0.3 however they are cut.
    Words that nearly always go on in the same way are a piece of a longer phrase, and none. Where a
    longer phrase has half of the texts of a shorter one in it, it stands for both. The weight is
    ``(1 + log tf) log(N / df)``.

    Units are learned, not listed: words that are mostly beside numbers. The stop words are English;
    those of other languages are in too many texts to be phrases.

    Args:
        texts: in any language; only words that are written with spaces between them, or in Chinese
            characters, are told apart.
        min_texts: texts that must share a phrase.
        max_share: of all texts that have any word.
    """
    read = [_Text(text) for text in texts]
    units, form = _units(read), _forms(read)
    parts = [[[form.get(word, word) for word in run] for run in text.parts(units)] for text in read]
    grams = [Counter(_grams(some)) for some in parts]
    counts = Counter(gram for some in grams for gram in some)
    total = sum(1 for some in parts if some)
    most = max(max_share * total, min_texts)  # a small corpus has phrases too
    pieces = {
        inner
        for gram, count in counts.items()
        if len(gram) > 2
        for inner in (gram[1:], gram[:-1])
        if count >= PIECE * counts[inner]
    }
    holds = {
        gram
        for gram, count in counts.items()
        if count >= min_texts
        and len(gram) <= LONGEST
        and gram not in pieces
        and all(_npmi(pair, counts, total) >= HOLDS_TOGETHER for pair in pairwise(gram))
    }
    found = []
    for some in grams:
        here = {gram: tf for gram, tf in some.items() if gram in holds}
        absorbed = {
            short
            for gram in here
            for short in _shorter(gram)
            if counts[gram] >= ABSORBED * counts[short]
        }
        found.append(
            {
                join(gram): (1 + math.log(tf)) * math.log(total / counts[gram])
                for gram, tf in here.items()
                if gram not in absorbed and counts[gram] <= most and _says_something(gram)
            }
        )
    return found


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case, without punctuation; numbers are words."""
    return [token for token in _tokens(text) if token not in _PUNCTUATION]


def join(some: Sequence[str]) -> str:
    """Return words as one phrase; Chinese characters are written without spaces."""
    if not some:
        return ""
    gaps = ["" if _is_han(left) and _is_han(right) else " " for left, right in pairwise(some)]
    return some[0] + "".join(gap + word for gap, word in zip(gaps, some[1:], strict=True))


def stands_in(some: Sequence[str], inside: Sequence[str]) -> bool:
    """Return whether the words `some` are in a row in `inside`."""
    bounded = ("\x00" + "\x00".join(part) + "\x00" for part in (some, inside))
    return next(bounded) in next(bounded)


class _Text:
    """The tokens of a text, and which of them are beside a number."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        stop = _stop_words()
        self.beside: set[int] = set()
        self.after: set[int] = set()
        for at, token in enumerate(self.tokens):
            if not _is_number(token):
                continue
            if at + 1 < len(self.tokens):
                self.after.add(at + 1)
            if at > 1 and self.tokens[at - 1] in stop:  # "pack of 6"
                self.beside.add(at - 2)
        self.beside |= self.after

    def parts(self, units: dict[str, float]) -> Iterator[list[str]]:
        """Yield runs of words that a phrase may be cut from."""
        stop, run = _stop_words(), list[str]()
        for at, token in enumerate(self.tokens):
            share = units.get(token, 0.0)
            unit = share >= UNIT or (at in self.after and share >= UNIT_HERE)
            if token in _PUNCTUATION or token in stop or unit or _is_number(token):
                if run:
                    yield run
                run = []
            else:
                run.append(token)
        if run:
            yield run


def _units(read: Sequence[_Text]) -> dict[str, float]:
    """Return the share of each word's places that are beside a number."""
    places = Counter(token for text in read for token in text.tokens)
    beside = Counter(text.tokens[at] for text in read for at in text.beside)
    return {word: count / places[word] for word, count in beside.items()}


def _forms(read: Sequence[_Text]) -> dict[str, str]:
    """Return for each singular or plural in -s the more common of the two, where both occur."""
    places = Counter(token for text in read for token in text.tokens)
    forms = {}
    for plural, count in places.items():
        for ending in ("s", "es"):
            one = plural.removesuffix(ending)
            if plural.endswith(ending) and len(one) > 2 and one in places:
                common = plural if count > places[one] else one
                forms[one if common == plural else plural] = common
                break
    return forms


def _grams(parts: Sequence[list[str]]) -> Iterator[tuple[str, ...]]:
    for run in parts:
        for size in range(1, LONGEST + 2):
            for at in range(len(run) - size + 1):
                yield tuple(run[at : at + size])


def _shorter(gram: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(gram)):
        for at in range(len(gram) - size + 1):
            yield gram[at : at + size]


def _npmi(pair: tuple[str, str], counts: Counter[tuple[str, ...]], total: int) -> float:
    """Return the normalised pointwise mutual information of two words in a row."""
    if counts[pair] >= total:
        return 1.0
    joint = math.log(counts[pair] / total)
    apart = math.log(counts[pair[:1]] / total) + math.log(counts[pair[1:]] / total)
    return (joint - apart) / -joint


def _says_something(gram: tuple[str, ...]) -> bool:
    word = gram[0] if len(gram) == 1 else ""
    code = len(word) == 1 or (len(word) == 2 and word.isascii())
    return not code and not _praises().issuperset(gram)


def _is_number(token: str) -> bool:
    return any(character.isnumeric() and not _is_han(character) for character in token)


def _is_han(word: str) -> bool:
    return len(word) == 1 and "\u3400" <= word <= "\u9fff"


_PUNCTUATION = frozenset({"."})


def _tokens(text: str) -> list[str]:
    """Return words, and one "." for each run of punctuation that parts phrases."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return [match[0] if match[1] else "." for match in _pattern().finditer(plain)]


@cache
def _pattern() -> re.Pattern[str]:
    # Vowel signs are no word characters to Python, though words of many scripts have them inside.
    marks = "".join(
        re.escape(chr(code))
        for code in range(0x300, min(0x10000, sys.maxunicode))
        if unicodedata.category(chr(code)) in ("Mn", "Mc")
    )
    letter = rf"[^\W_\u3400-\u9fff{marks}][{marks}]*"
    number = r"\d+(?:[.,/]\d+)*"
    word = rf"(?:{number})?(?:{letter})+(?:'(?:{letter})+)*|{number}|[\u3400-\u9fff]"
    return re.compile(rf"({word})|[^\w\s\-'_/&+{marks}]+|\s-+\s")


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS.difference(NAMES_THINGS.split()))


@cache
def _praises() -> frozenset[str]:
    return frozenset(PRAISES.split())
