"""A text in our own words: what there is to say, grouped, in sentences that vary."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from queries.writing.brief import Brief, ItemFacts
from queries.writing.phrases import Phrases, Tone
from queries.writing.reasons import Reason

SEEDS = 2  # named in the opening
SENTENCES = 3  # about the reasons, where there are so many
_PLAIN = Reason(kind="plain")  # of an item of which nothing is known


def template_text(brief: Brief, phrases: Phrases, tone: Tone) -> str:
    """Return a text about every item of a brief, in up to three paragraphs.

    Items with the same reason share a sentence. Which of several ways to say a thing is taken
    depends on the items alone: the same brief gives the same text.
    """
    turn = _turn(brief)
    body = " ".join(_body(brief, phrases, turn))
    closings = phrases.closings[tone]
    closing = closings[turn % len(closings)]
    return "\n\n".join(
        part for part in (_opening(brief, phrases, tone, turn), body, closing) if part
    )


def reason_sentences(reason: Reason, titles: Sequence[str], phrases: Phrases) -> list[str]:
    """Return every way to tell a reason of some items, as sentences."""
    return [
        _sentence(forms, reason, titles, phrases)
        for forms in phrases.reasons.get(reason.kind, phrases.reasons["shared"])
    ]


def _opening(brief: Brief, phrases: Phrases, tone: Tone, turn: int) -> str:
    seeds = dict.fromkeys(
        _seed(item.reasons[0], phrases)
        for item in brief.items
        if item.reasons and item.reasons[0].seed
    )
    choices = phrases.openings[tone] if seeds else phrases.first_openings[tone]
    if brief.history and not seeds:
        choices = phrases.first_openings["formal"]  # which does not say that nothing is known
    return choices[turn % len(choices)][len(brief.items) > 1].format(
        known=phrases.listing(list(seeds)[:SEEDS]),
        count=phrases.counted(len(brief.items)),
        domain=brief.domain,
    )


def _body(brief: Brief, phrases: Phrases, turn: int) -> Iterator[str]:
    groups: dict[Reason, list[ItemFacts]] = {}
    for item in brief.items:
        groups.setdefault(_shared(item.reasons[0] if item.reasons else _PLAIN), []).append(item)
    told: dict[str, int] = {}

    def tell(reason: Reason, items: Sequence[ItemFacts]) -> str:
        ways = reason_sentences(reason, [item.title for item in items], phrases)
        # The same kind of reason again is told in another way.
        told[reason.kind] = told.get(reason.kind, turn) + 1
        return ways[told[reason.kind] % len(ways)]

    for reason, items in groups.items():
        yield tell(reason, items)
    more = [(item, reason) for item in brief.items for reason in item.reasons[1:]]
    more = [(item, why) for item, why in more if why.seed.casefold() != item.title.casefold()]
    for place, (item, reason) in enumerate(more[: max(0, SENTENCES - len(groups))]):
        way = phrases.moreover[(turn + place) % len(phrases.moreover)]
        sentence = tell(reason, [item])
        yield way.format(sentence=sentence, inside=_inside(sentence, reason))


def _inside(sentence: str, reason: Reason) -> str:
    """Return a sentence as it goes on after other words: small, unless it begins with a name."""
    begins = reason.middle and sentence.startswith(reason.middle[0].upper() + reason.middle[1:])
    return sentence if begins else f"{sentence[0].lower()}{sentence[1:]}"


def _shared(reason: Reason) -> Reason:
    """Return a reason without what its sentence does not tell, so that more items share it."""
    return replace(reason, seed="") if reason.kind in ("namesake", "namesake_source") else reason


def _sentence(
    forms: tuple[str, str], reason: Reason, titles: Sequence[str], phrases: Phrases
) -> str:
    text = forms[len(titles) > 1].format(
        items=phrases.listing([phrases.quote(title) for title in titles]),
        seed=_seed(reason, phrases, titles),
        middle=reason.middle or phrases.listing(reason.seed_domains),
    )
    return f"{text[0].upper()}{text[1:]}."


def _seed(reason: Reason, phrases: Phrases, titles: Sequence[str] = ()) -> str:
    """Return what the user knows, with its domain where an item has the same title."""
    name = phrases.quote(reason.seed)
    same = any(title.casefold() == reason.seed.casefold() for title in titles)
    return f"{name} ({', '.join(reason.seed_domains)})" if same and reason.seed_domains else name


def _turn(brief: Brief) -> int:
    """Return a number that depends on the items alone."""
    ids = "\0".join(item.id for item in brief.items)
    return int.from_bytes(hashlib.sha256(ids.encode("utf-8", "surrogatepass")).digest()[:2])
