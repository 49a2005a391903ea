"""Whether what a text says rests on the facts: by its words, or by a model that judges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from queries.writing.facts import Facts
from queries.writing.names import named_items
from queries.writing.words import holds, quoted_spans, sentences, stem, words


class Entailment(Protocol):
    """Says how likely it is that a sentence follows from facts."""

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> list[float]:
        """Return one probability for each pair."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence, and how far it rests on facts: from 0 to 1."""

    sentence: str
    score: float


def supported(text: str, facts: Facts, entailment: Entailment | None = None) -> list[Claim]:
    """Return the sentences that claim something, each with its support.

    A sentence speaks of the items that it names; one that names none, of those that were named
    last. Only their facts support it: what is true of one item is no fact about another.

    Without a model, support is the share of its content words, outside of names, whose stems stand
    in those facts; it is 0 where a number does not, and where it names what belongs to another
    item. A sentence without such words claims nothing. With a model, support is the likelihood
    that the facts of any one of these items, or of all of them, entail it.
    """
    claims: list[Claim] = []
    asked: list[tuple[str, list[str]]] = []
    last = list(range(len(facts.items)))
    for sentence in sentences(text):
        inside = words(sentence)
        last = named_items(sentence, facts) or last
        outside = _without(inside, facts.names)
        claimed = [
            word for word in outside if word not in facts.small and not _is(word, facts.free)
        ]
        if not claimed:
            continue
        if entailment is not None:
            told = [facts.items[place].lines for place in last]
            premises = [" ".join(lines) for lines in told]
            if len(told) > 1:
                premises.append(" ".join(line for lines in told for line in lines))
            asked.append((sentence, premises))
            continue
        told_of = [facts.items[place] for place in last]
        known = set().union(*(item.stems for item in told_of))
        backed = {word for word in claimed if _is(word, known)}
        numbers = {word for word in claimed if any(letter.isdigit() for letter in word)}
        own = [name for item in told_of for name in item.names]
        fits = numbers <= backed and not _of_others(sentence, inside, own, facts)
        share = sum(word in backed for word in claimed) / len(claimed)
        claims.append(Claim(sentence=sentence, score=share if fits else 0.0))
    if entailment is None or not asked:
        return claims
    pairs = [(premise, sentence) for sentence, premises in asked for premise in premises]
    likely = iter(
        entailment.probabilities([one for one, _ in pairs], [other for _, other in pairs])
    )
    return [
        Claim(sentence=sentence, score=max(next(likely) for _ in premises))
        for sentence, premises in asked
    ]


def _without(inside: Sequence[str], names: Iterable[list[str]]) -> list[str]:
    """Return words without those of names that stand there whole, the longest name first."""
    left: list[str | None] = list(inside)
    for name in sorted(names, key=len, reverse=True):
        for start in range(len(left) - len(name) + 1):
            if left[start : start + len(name)] == name:
                left[start : start + len(name)] = [None] * len(name)
    return [word for word in left if word is not None]


def _of_others(sentence: str, inside: list[str], own: Sequence[list[str]], facts: Facts) -> bool:
    """Whether a sentence names what belongs to other items than those it speaks of.

    A name of one word counts in quotes only: it may be a word like any other.
    """
    between = [words(span) for span in quoted_spans(sentence)]
    return any(
        name not in own
        and (name in between or (len(name) > 1 and holds(_without(inside, own), name)))
        for item in facts.items
        for name in item.names
    )


def _is(word: str, known: set[str]) -> bool:
    """Whether a word, or each part of a compound, is known."""
    return stem(word) in known or all(stem(part) in known for part in word.split("-"))
