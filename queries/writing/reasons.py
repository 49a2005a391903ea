"""Paths as reasons that can be told to anybody: titles and relations, and nobody's id."""

from collections.abc import Sequence
from dataclasses import dataclass

from queries.explaining.path import Path
from queries.llm.untrusted import clean, gives_orders
from queries.writing.titles import prose_title

PEOPLE = frozenset({"author", "director", "screenwriter", "writer", "composer", "illustrator"})
_KNOWN = {
    "based_on": "based_on",
    "adapted_from": "based_on",
    "adaptation_of": "based_on",
    "also_bought": "bought",
    "bought_together": "bought",
    "also_viewed": "viewed",
    "buy_after_viewing": "viewed",
}
_NAMESAKES = {"based_on": "namesake", "basis_of": "namesake_source"}
_LIKENESSES = {"text": "alike", "together": "together", "network": "near"}
_SHARED = {
    "author": "author",
    "director": "director",
    "screenwriter": "writer",
    "writer": "writer",
    "genre": "genre",
    "subject": "genre",
    "setting": "setting",
    "country": "country",
    "series": "series",
    "brand": "brand",
    "category": "category",
    "artist": "artist",
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What joins something that the user knows to a recommended item.

    Attributes:
        kind: which sentence tells it: a key of `Phrases.reasons`.
        seed: title of what the user knows.
        seed_domains: where that is found.
        middle: title of what connects; empty where nothing stands between.
    """

    kind: str
    seed: str = ""
    seed_domains: tuple[str, ...] = ()
    middle: str = ""


def reasons_of(paths: Sequence[Path], *, user_type: str, limit: int) -> tuple[Reason, ...]:
    """Return the most telling reasons, best first, no two that read alike.

    What works have in common comes before what the same people know or a model holds to be near,
    and of each what leads from one domain to another; reasons from different things that the user
    knows come before several from one. A path through a title that speaks to a language model is
    left out, as is one that speaks against the item.
    """
    ordered = sorted(
        (path for path in paths if path.share > 0),
        key=lambda path: (path.kind in ("direct", "entity"), path.crosses, path.share),
        reverse=True,
    )
    found = dict.fromkeys(
        reason for path in ordered if (reason := _reason(path, user_type)) is not None
    )
    first = {reason.seed: reason for reason in reversed(found)}  # the best of each seed
    others = [reason for reason in found if first[reason.seed] is not reason]
    best = [reason for reason in found if first[reason.seed] is reason]
    return tuple([*best, *others])[:limit]


def _reason(path: Path, user_type: str) -> Reason | None:
    _, seed, *between, _ = path.nodes
    relations = [hop.relation for hop in path.relations[1:]]
    if any(gives_orders(node.title, title=True) for node in (seed, *between)):
        return None
    title, domains = prose_title(seed.title), tuple(clean(name, 40) for name in seed.domains)
    if not title:
        return None
    if path.kind in _LIKENESSES and not between:
        return Reason(kind=_LIKENESSES[path.kind], seed=title, seed_domains=domains)
    if path.kind == "people" or any(node.type == user_type for node in between):
        if len(between) > 1:  # others, and something else that they know
            return None
        return Reason(kind="people", seed=title, seed_domains=domains)
    if not between:
        kind = _KNOWN.get(relations[0], "joined")
        if kind == "based_on" and path.relations[1].forward:
            kind = "basis_of"
        if prose_title(path.nodes[-1].title).casefold() == title.casefold() and domains:
            kind = _NAMESAKES.get(kind, kind)
        return Reason(kind=kind, seed=title, seed_domains=domains)
    middle = prose_title(between[0].title)
    if not middle:
        return None
    return Reason(kind=_shared(relations), seed=title, seed_domains=domains, middle=middle)


def _shared(relations: Sequence[str]) -> str:
    """Return the kind of a path through something that both have."""
    if len(set(relations)) == 1:
        return _SHARED.get(relations[0], "shared")
    return "person" if PEOPLE.issuperset(relations) else "shared"
