"""What a text may be made of: recommended items, what is said of them, and why they are there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kg.errors import InputError
from queries.llm.untrusted import beginning, clean, gives_orders
from queries.recommender import Recommender
from queries.writing.reasons import Reason, reasons_of
from queries.writing.titles import prose_title
from queries.writing.words import holds, words

MAX_ITEMS = 20
REASONS = 3  # of an item
PATHS = 20  # of each kind that reasons are taken from


@dataclass(frozen=True, kw_only=True)
class ItemFacts:
    """What may be said of one recommended item; all of it plain words.

    Attributes:
        id: in the graph. It stays here: no model is told it.
        title: what people call it.
        about: the beginning of its text; empty where it has none, or one that is not used.
        reasons: the most telling first.
    """

    id: str
    title: str
    about: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a text is written from.

    Attributes:
        domain: where the items are from.
        items: best first.
        history: whether anything is known of the user.
        left_out: ids of recommended items that are not written about, since their title speaks
            to a language model, or holds a banned word or nothing.
    """

    domain: str
    items: tuple[ItemFacts, ...]
    history: bool
    left_out: tuple[str, ...] = ()


def brief_of(
    recommender: Recommender,
    user_id: str,
    *,
    domain: str,
    k: int = 3,
    banned: Sequence[str] = (),
) -> Brief:
    """Return what is recommended to a user, and why.

    Raises:
        UnknownIdError: no such user.
        InputError: unknown domain, `k` out of range, or there is nothing to recommend.
    """
    if not 1 <= k <= MAX_ITEMS:
        raise InputError(f"k = {k}: expected 1 to {MAX_ITEMS} items to write about")
    ids, _ = recommender.recommend(user_id, domain=domain, k=k)
    return brief_about(recommender, user_id, ids.tolist(), domain=domain, banned=banned)


def brief_about(
    recommender: Recommender,
    user_id: str,
    item_ids: Sequence[str],
    *,
    domain: str,
    banned: Sequence[str] = (),
) -> Brief:
    """Return the brief about given items, best first.

    Raises:
        UnknownIdError: a user or item is unknown.
        InputError: there is nothing left to write about.
    """
    graph = recommender.graph
    user = int(graph.users.vocab.index([user_id])[0])
    history = bool(np.diff(recommender.seen.indptr[user : user + 2])[0])
    titles = recommender.titles(item_ids)
    texts = graph.items.text.take(pa.array(graph.items.vocab.index(list(item_ids)))).to_pylist()
    items, left_out = [], []
    for item_id, raw, text in zip(item_ids, titles, texts, strict=True):
        title = prose_title(raw)
        if not title or gives_orders(raw, title=True) or _has_banned(title, banned):
            left_out.append(item_id)
            continue
        about = beginning(text or "", raw)
        reasons = _reasons(recommender, user_id, item_id, history=history)
        items.append(
            ItemFacts(
                id=item_id,
                title=title,
                about="" if _has_banned(about, banned) else about,
                reasons=tuple(
                    r for r in reasons if not _has_banned(f"{r.seed} {r.middle}", banned)
                ),
            )
        )
    if not items:
        why = f"; {len(left_out)} were left out for their titles" if left_out else ""
        raise InputError(f"there is nothing in {domain!r} to write about to {user_id!r}{why}")
    return Brief(
        domain=clean(domain.replace("_", " "), 40),
        items=tuple(items),
        history=history,
        left_out=tuple(left_out),
    )


def _reasons(
    recommender: Recommender, user_id: str, item_id: str, *, history: bool
) -> tuple[Reason, ...]:
    if not history:
        return (Reason(kind="popular"),)
    paths = recommender.explain(user_id, item_id, limit=PATHS).paths
    found = reasons_of(paths, user_type=recommender.graph.user_type, limit=REASONS)
    if found:
        return found
    near = recommender.nearest_seen(user_id, item_id)
    if near is None:
        return ()
    title = recommender.title(near[0])
    if gives_orders(title, title=True) or not prose_title(title):
        return ()
    return (Reason(kind="near", seed=prose_title(title)),)


def _has_banned(text: str, banned: Sequence[str]) -> bool:
    inside = words(text)
    return any(holds(inside, words(one)) for one in banned)
