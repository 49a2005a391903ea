"""Whether explanations are true of the model: scores of people who had done less."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kg.graph import FloatArray
from kg.progress import progress

if TYPE_CHECKING:
    from queries.recommender import Recommender

PEOPLE = 2_000  # newcomers at once


def scores_of_histories(
    recommender: "Recommender", histories: Sequence[Sequence[str]], item_ids: Sequence[str]
) -> FloatArray:
    """Return the scores that people with these histories would be given.

    They are newcomers: nothing is learned from them, so that nothing but the history differs.

    Args:
        recommender: without newcomers.
        histories: ids of what each of them used, `[num_people]`.
        item_ids: what each of them is scored with, `[num_people]`.

    Returns:
        float32 `[num_people]`.
    """
    from queries.newcomers import Newcomers

    keys = [(frozenset(used), item_id) for used, item_id in zip(histories, item_ids, strict=True)]
    asked = list(dict.fromkeys(keys))
    scores: dict[tuple[frozenset[str], str], float] = {}
    with progress("scoring histories", len(asked)) as bar:
        for first in range(0, len(asked), PEOPLE):
            block = asked[first : first + PEOPLE]
            people = {f"history {n}": sorted(used) for n, (used, _) in enumerate(block)}
            grown = recommender.with_newcomers(Newcomers.people(people))
            found = grown.score(list(people), [item_id for _, item_id in block])
            scores.update(zip(block, found.tolist(), strict=True))
            bar.advance(len(block))
    return np.array([scores[key] for key in keys], dtype=np.float32)


def curve(order: Sequence[str], fractions: Sequence[float]) -> tuple[list[list[str]], ...]:
    """Return what is left of a history, and what is there of it, when it goes in an order.

    Args:
        order: ids, the first of which is deleted, or inserted, first.
        fractions: of the history that have been, from 0 to 1.

    Returns:
        Histories for the deletion curve and for the insertion curve (Petsiuk, Das and Saenko 2018,
        "RISE"), `[num_fractions]` each.
    """
    counts = [round(fraction * len(order)) for fraction in fractions]
    return [list(order[count:]) for count in counts], [list(order[:count]) for count in counts]
