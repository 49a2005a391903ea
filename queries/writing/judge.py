"""Whether a text may be shown: every check with a score, and why one failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queries.llm.untrusted import gives_orders, has_link, has_markup
from queries.writing.brief import Brief
from queries.writing.claims import Entailment, supported
from queries.writing.facts import Facts, facts_of
from queries.writing.names import Catalogue, named_items, unknown_names
from queries.writing.requests import asks_for
from queries.writing.word_lists import SMALL
from queries.writing.words import holds, words

MIN_WORDS = 8
MAX_WORDS = 180
MAX_CHARACTERS = 2_000


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a text was judged by.

    Attributes:
        name: `length`, `links`, `markup`, `orders`, `banned`, `language`, `items`, `names` or
            `claims`.
        passed: whether it may be shown, as far as this check goes.
        score: from 0 to 1, 1 is best.
        note: why not, in a few words; part of it is taken from the text.
    """

    name: str
    passed: bool
    score: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a text is judged by, beside the facts.

    Attributes:
        language: of the text.
        banned: words or phrases that must not stand in it.
        min_words, max_words: its length.
        support: share of the content words of each sentence that must stand in the facts of the
            items it speaks of.
        entailment: asked instead of counting words; None for counting.
        entailed: least probability that the facts entail a sentence.
    """

    language: str = "en"
    banned: tuple[str, ...] = ()
    min_words: int = MIN_WORDS
    max_words: int = MAX_WORDS
    support: float = 0.75
    entailment: Entailment | None = None
    entailed: float = 0.5


def judge(text: str, brief: Brief, rules: Rules, catalogue: Catalogue) -> list[Check]:
    """Return every check of a text about a brief; it may be shown if all have passed.

    Args:
        text: as it came from a model, or from a template.
        brief: all that it may rest on.
        rules: beside that.
        catalogue: titles and ids of all items: those that are not in the brief must not be named.
    """
    facts = facts_of(brief, rules.language)
    checks: list[Callable[[], Check]] = [
        lambda: _length(text, rules),
        lambda: _none("links", has_link(text), "an address or a link"),
        lambda: _none("markup", has_markup(text), "markup or characters that are not seen"),
        lambda: _orders(text, facts),
        lambda: _banned(text, rules.banned),
        lambda: _language(text, facts, rules.language),
        lambda: _items(text, facts),
        lambda: _names(text, brief, facts, catalogue, rules.language),
        lambda: _claims(text, facts, rules),
    ]
    return [check() for check in checks]


def _length(text: str, rules: Rules) -> Check:
    count = len(words(text))
    inside = rules.min_words <= count <= rules.max_words and len(text) <= MAX_CHARACTERS
    note = f"{count} words; {rules.min_words} to {rules.max_words} are wanted"
    return _none("length", not inside, note)


def _orders(text: str, facts: Facts) -> Check:
    asked = asks_for(text, facts)
    found = gives_orders(text) or bool(asked)
    return _none("orders", found, f"asks for something: {asked}" if asked else "speaks of orders")


def _banned(text: str, banned: Sequence[str]) -> Check:
    inside = words(text)
    found = [one for one in banned if holds(inside, words(one))]
    return _none("banned", bool(found), f"banned: {', '.join(found[:3])}")


def _language(text: str, facts: Facts, language: str) -> Check:
    """Compare how many function words of each language stand in a text, outside of names."""
    if language not in SMALL:
        return Check(name="language", passed=True, score=1.0, note="not known, so not checked")
    named = {word for name in facts.names for word in name}
    inside = [word for word in words(text) if word not in named]
    counts = {name: sum(word in small for word in inside) for name, small in SMALL.items()}
    total = sum(counts.values())
    score = counts[language] / total if total else 1.0
    best = counts[language] == max(counts.values())
    return Check(
        name="language", passed=best, score=round(score, 3), note="" if best else "another language"
    )


def _items(text: str, facts: Facts) -> Check:
    named = named_items(text, facts)
    score = len(named) / len(facts.items)
    note = "" if named else "names none of the items"
    return Check(name="items", passed=bool(named), score=round(score, 3), note=note)


def _names(text: str, brief: Brief, facts: Facts, catalogue: Catalogue, language: str) -> Check:
    unknown = unknown_names(text, brief, facts, catalogue, language)
    return _none("names", bool(unknown), f"not among the facts: {', '.join(unknown[:3])}")


def _claims(text: str, facts: Facts, rules: Rules) -> Check:
    found = supported(text, facts, rules.entailment)
    if not found:
        return Check(name="claims", passed=True, score=1.0)
    worst = min(found, key=lambda claim: claim.score)
    least = rules.support if rules.entailment is None else rules.entailed
    passed = worst.score >= least
    note = "" if passed else f"no fact behind: {worst.sentence[:80]}"
    return Check(name="claims", passed=passed, score=round(worst.score, 3), note=note)


def _none(name: str, found: bool, note: str) -> Check:
    """Return a check that fails where something was found."""
    return Check(name=name, passed=not found, score=float(not found), note=note if found else "")
