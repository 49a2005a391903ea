"""Which items a text names, and what it names that it must not."""

import difflib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from kg.graph import KnowledgeGraph
from queries.llm.untrusted import folded
from queries.writing.brief import Brief
from queries.writing.facts import Facts
from queries.writing.words import holds, quoted_spans, sentences, stem, surface, words

LONGEST = 12  # words of a title that is looked for
_ID = re.compile(r"[^\s,;!?\"“”„()]*[\w][:_/#@][\w][^\s,;!?\"“”„()]*")


class Catalogue:
    """Titles and ids of all items, by their words; made when it is first asked.

    Args:
        titles: of all items.
        ids: of all items.
    """

    def __init__(self, titles: Sequence[str], ids: Sequence[str]) -> None:
        self._titles, self._ids = titles, ids

    def has_title(self, some: Sequence[str]) -> bool:
        """Whether words are the title of an item."""
        return " ".join(some) in self._split

    def has_id(self, token: str) -> bool:
        """Whether a token is the id of an item."""
        return token in self._known_ids

    @cached_property
    def _split(self) -> frozenset[str]:
        return frozenset(
            " ".join(split)
            for title in self._titles
            if title and len(title) < 200 and len(split := words(title)) <= LONGEST
        )

    @cached_property
    def _known_ids(self) -> frozenset[str]:
        return frozenset(self._ids)


NO_OTHERS = Catalogue((), ())


def catalogue_of(graph: KnowledgeGraph) -> Catalogue:
    """Return the catalogue of a graph."""
    return Catalogue(graph.items.title.to_pylist(), graph.items.vocab.ids.to_pylist())


def named_items(text: str, facts: Facts) -> list[int]:
    """Return the places of the items that a text names."""
    inside = words(text)
    return [place for place, item in enumerate(facts.items) if holds(inside, item.title)]


def unknown_names(
    text: str, brief: Brief, facts: Facts, catalogue: Catalogue, language: str
) -> list[str]:
    """Return what a text names and must not, for people.

    These are: what stands in quotes and is no name of the facts, with the title that it may be
    meant to be; titles and ids of items that are not in the brief; names, as far as capitals show
    them, of which a word is not in the facts; words in another script than the facts.
    """
    found = [*_in_quotes(text, facts)]
    found += _of_catalogue(text, brief, facts, catalogue)
    found += _capitalised(text, facts, language)
    found += _other_scripts(text, brief)
    return list(dict.fromkeys(found))


def _in_quotes(text: str, facts: Facts) -> Iterator[str]:
    for span in quoted_spans(text):
        split = words(span)
        if not split or split in facts.names:
            continue
        near = difflib.get_close_matches(
            " ".join(split), [" ".join(name) for name in facts.names], n=1, cutoff=0.7
        )
        yield f"“{span[:60]}”" + (f" (near “{near[0][:60]}”)" if near else "")


def _of_catalogue(text: str, brief: Brief, facts: Facts, catalogue: Catalogue) -> Iterator[str]:
    listed = {item.id for item in brief.items}
    known = {word for name in facts.names for word in name}
    for token in re.findall(r"[^\s,;!?\"“”„()]+", text):
        bare = token.strip(".:'\u2019")
        if (
            not known.issuperset(words(bare))
            and bare not in listed
            and (_ID.fullmatch(bare) or any(letter.isdigit() for letter in bare))
            and catalogue.has_id(bare)
        ):
            yield bare[:60]
    for sentence in sentences(text):
        written, inside = surface(sentence), words(sentence)
        if len(written) != len(inside):  # folding has split or joined some
            written = inside
        for start in range(len(inside)):
            for stop in range(start + 2, min(start + LONGEST, len(inside)) + 1):
                part = inside[start:stop]
                is_name = any(word[0].isupper() for word in written[start + 1 : stop]) or (
                    stop - start > 3
                )
                if (
                    is_name
                    and catalogue.has_title(part)
                    and not any(holds(name, part) for name in facts.names)
                    and not any(holds(words(item.about), part) for item in brief.items)
                ):
                    yield " ".join(written[start:stop])[:60]


def _capitalised(text: str, facts: Facts, language: str) -> Iterator[str]:
    """Yield runs of capitalised words of which one is not in the facts.

    Where nouns have capitals, as in German, only runs of two and more are looked at.
    """
    known, free, small = facts.known, facts.free, facts.small
    for sentence in sentences(text):
        run: list[str] = []
        for place, word in enumerate([*surface(sentence), ""]):
            if word[:1].isupper() and not (place == 0 and folded(word) in small):
                run.append(word)
                continue
            starts_sentence = len(run) == place and len(run) == 1
            unknown = [one for one in run if not _is_known(one, known, free, small)]
            if unknown and not starts_sentence and (len(run) > 1 or language != "de"):
                yield " ".join(run)[:60]
            run = []
        shouted = [one for one in surface(sentence) if len(one) > 3 and one.isupper()]
        for word in shouted:
            if not _is_known(word, known, set(), frozenset()):
                yield word[:60]


def _is_known(word: str, known: set[str], free: set[str], small: frozenset[str]) -> bool:
    parts = folded(word).replace("\u2019", "'").split("-")
    return all(
        not part or part in small or stem(part) in known or stem(part) in free for part in parts
    )


def _other_scripts(text: str, brief: Brief) -> Iterator[str]:
    """Yield words with letters from outside the scripts of the facts, were they made to look alike.

    Latin letters are always allowed; a text in another script is made of the letters of many
    words, so more than half of it must be.
    """
    given = " ".join(
        " ".join([item.title, item.about, *(f"{why.seed} {why.middle}" for why in item.reasons)])
        for item in brief.items
    )
    letters = [letter for letter in text if letter.isalpha()]
    foreign = [letter for letter in letters if ord(letter) > 0x24F]
    if len(foreign) * 2 > len(letters):
        return
    for word in surface(text):
        if any(ord(letter) > 0x24F and letter.isalpha() for letter in word) and word not in given:
            yield word[:60]
