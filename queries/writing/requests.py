"""Words by which a text asks its reader for what a recommendation never asks for."""

import itertools

from queries.writing.facts import Facts
from queries.writing.word_lists import ASKING, ASKING_PAIRS
from queries.writing.words import stem, words

_ASKING = frozenset(stem(word) for word in ASKING)
MAX_DIGITS = 4  # in a row; a longer number is no year


def asks_for(text: str, facts: Facts) -> str:
    """Return the first word or number by which a text asks for something, or `""`.

    A word that stands in a title or name of the facts is none of them.
    """
    named = {stem(word) for name in facts.names for word in name}
    inside = words(text)
    for word in inside:
        if stem(word) in _ASKING and stem(word) not in named:
            return word
        if sum(letter.isdigit() for letter in word) > MAX_DIGITS and stem(word) not in named:
            return word
    pairs = set(itertools.pairwise(inside))
    return next((" ".join(pair) for pair in ASKING_PAIRS if pair in pairs), "")
