"""What a text may rest on: the words of an item's facts, and the names that may be named."""

from dataclasses import dataclass

from queries.writing.brief import Brief, ItemFacts
from queries.writing.languages import OWN, own_words
from queries.writing.template import reason_sentences
from queries.writing.words import courtesy, small_words, stems, words


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemWords:
    """The facts of one item.

    Attributes:
        title: its words.
        names: its title and the titles and names in its reasons, as words.
        stems: of everything known of it.
        lines: the same as sentences, for a model that judges.
    """

    title: list[str]
    names: tuple[list[str], ...]
    stems: set[str]
    lines: list[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """The facts of a brief.

    Attributes:
        items: in the order of the brief.
        names: every title and name in it, as words.
        free: stems that need no fact: courtesy, the domain, our own openings and closings.
        small: function words.
    """

    items: tuple[ItemWords, ...]
    names: tuple[list[str], ...]
    free: set[str]
    small: frozenset[str]

    @property
    def known(self) -> set[str]:
        """Stems of all items."""
        return set().union(*(item.stems for item in self.items))


def facts_of(brief: Brief, language: str) -> Facts:
    """Return what a text about `brief` in `language` may rest on."""
    items = tuple(_item(item, language) for item in brief.items)
    names = dict.fromkeys(tuple(name) for item in items for name in item.names)
    return Facts(
        items=items,
        names=(*(list(name) for name in names), words(brief.domain)),
        free=courtesy(language) | stems(words(brief.domain)) | _own_words(language),
        small=small_words(language),
    )


def fact_lines(item: ItemFacts, language: str) -> list[str]:
    """Return the facts of an item as sentences, one way to tell each reason."""
    phrases = own_words(language)
    lines = [reason_sentences(reason, [item.title], phrases)[0] for reason in item.reasons]
    return [f"{item.title}: {item.about}", *lines] if item.about else lines


def _item(item: ItemFacts, language: str) -> ItemWords:
    told: list[str] = [item.title, item.about]
    for some in {language, "en"} & OWN.keys():
        for reason in item.reasons:
            told += reason_sentences(reason, [item.title], OWN[some])
            told += reason_sentences(reason, [item.title, item.title], OWN[some])
    for reason in item.reasons:
        told += [*reason.seed_domains, reason.kind.replace("_", " ")]
    named = [item.title]
    for reason in item.reasons:
        named += [reason.seed, reason.middle, *reason.seed_domains]
    told += named
    return ItemWords(
        title=words(item.title),
        names=tuple(split for name in dict.fromkeys(named) if (split := words(name))),
        stems=stems(word for line in told for word in words(line)),
        lines=fact_lines(item, language),
    )


def _own_words(language: str) -> set[str]:
    """Return the stems of what our own texts say around the facts."""
    if language not in OWN:
        return set()
    phrases = OWN[language]
    told: list[str] = [phrases.numbers, *phrases.count, *phrases.moreover]
    for openings in (phrases.openings, phrases.first_openings):
        told += [form for forms in openings.values() for pair in forms for form in pair]
    told += [line for lines in phrases.closings.values() for line in lines]
    return stems(word for line in told for word in words(line))
