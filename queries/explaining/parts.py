"""A score in exact parts: what each signal adds, and under which words."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gnn.ranker import Ranker
from queries.explaining.explanation import POPULARITY
from training.baselines.matrices import deviations
from training.ranking.weighing import Said, dense

PEOPLE, TOGETHER, TEXTS, NETWORK = "people like you", "used together", "similar texts", "network"
ITSELF, ANY = "the item itself", "any item"
_PART_OF = {
    **dict.fromkeys(("user-kNN", "user-kNN, few", "ridge", "ridge, loose"), PEOPLE),
    **dict.fromkeys(("ridge, short histories", "ridge, smooth"), PEOPLE),
    "ridge, smooth x popularity": PEOPLE,
    **dict.fromkeys(("latent", "latent x popularity", "latent, strong"), TOGETHER),
    **dict.fromkeys(("item-kNN", "least squares", "collective", "EASE"), TOGETHER),
    **dict.fromkeys(("text", "text, whitened", "text, centred"), TEXTS),
    **dict.fromkeys(("nearest of history", "near history", "near words"), TEXTS),
    **dict.fromkeys(("popularity", "popularity among shared users"), POPULARITY),
    "popularity of neighbours": POPULARITY,
    **dict.fromkeys(("nearest neighbour", "fifth neighbour"), ITSELF),
    "network": NETWORK,
}


# Zero says nothing where evidence is counted. These have no such zero: all texts of a shop are a
# little alike, and every item has some popularity. They say how an item differs from a mean one.
_RELATIVE = frozenset(
    {
        *("text", "text, whitened", "text, centred", "nearest of history", "network"),
        *("popularity", "popularity among shared users", "popularity of neighbours"),
        *("nearest neighbour", "fifth neighbour"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """One signal of one pair.

    Attributes:
        part: of the score.
        value: in deviations, beyond what says nothing: zero, or the mean of the pool.
        beyond: the same before it is scaled.
        adds: what it adds to the score beyond what says nothing.
        anyway: what that adds.
    """

    part: str
    value: float
    beyond: float
    adds: float
    anyway: float


def weigh(
    ranker: Ranker,
    said: Iterable[tuple[str, Said]],
    place: int,
    pool: int,
    relations: Iterable[str],
) -> dict[str, Weighed]:
    r"""Return what each signal adds, $a_m x_m + b_m \mathrm{squash}(x_m)$; they sum to the score.

    Args:
        ranker: the weights.
        said: signals of one user by name, not scaled, `[1, num_items]`.
        place: of the item among these.
        pool: how many of these, the first, are what signals are scaled over.
        relations: names of signals that are relations.
    """
    known, relative = dict(_PART_OF), set(_RELATIVE)
    for relation in relations:
        words = relation.removeprefix("same ").replace("_", " ")
        known[relation] = known[f"user-kNN, {relation}"] = f"facts: {words}"
        known[f"number of {relation}"] = ITSELF
        relative.add(f"number of {relation}")
    found = {}
    plain, squashed = np.split(ranker.weights.astype(np.float64), 2)
    weights = dict(zip(ranker.names, zip(plain, squashed, strict=True), strict=True))
    for name, values in said:
        if name not in weights:
            continue
        raw = dense(values, 1)
        deviation = float(deviations(np.ascontiguousarray(raw[:, :pool]))[0, 0])
        unit = 1 / deviation if deviation > 0 else 0.0
        base = float(raw[0, :pool].mean(dtype=np.float64)) if name in relative else 0.0
        beyond = float(raw[0, place]) - base
        adds, anyway = (_adds(unit * v, *weights[name]) for v in (base + beyond, base))
        found[name] = Weighed(
            part=known.get(name, name),
            value=unit * beyond,
            beyond=beyond,
            adds=adds - anyway,
            anyway=anyway,
        )
    return found


def _adds(x: float, plain: float, squashed: float) -> float:
    return float(plain * x + squashed * np.sign(x) * np.log1p(3 * abs(x)))
