"""How far a graph has moved away from what a model was trained on, and whether that is too far."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.graph import BoolArray, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from training.updating.growth import Growth
from training.updating.origin import Origin

MOST_INTERACTIONS = 0.2  # new since training, for each that training had
MOST_ITEMS = 0.2  # the same of items
LEAST_COSINE = 0.5  # mean between embeddings before and after, of nodes that new edges end at
MOST_SHIFT = 0.1  # Jensen-Shannon divergence beyond that of a sample of the same size
MOST_STRANGE = 1.0  # standard deviations that new items are further from their nearest known item
MOST_LOST = 0.1  # share of valid NDCG@10 that new interactions lack, where that is significant
FEWEST_USERS, FEWEST_ITEMS = 30, 20  # of whom a mean says anything
SAMPLED_ITEMS = 1_000
RESAMPLES = 20


def growth_since(origin: Origin, graph: KnowledgeGraph) -> dict[str, Any]:
    """Return how many nodes and interactions are new since training, for JSON."""

    def share(now: int, then: int) -> dict[str, float]:
        return {"new": now - then, "at_training": then, "share": (now - then) / max(then, 1)}

    return {
        "interactions": share(len(graph.interaction_edges), origin.interactions),
        "nodes": {
            kind: share(len(nodes), origin.nodes.get(kind, 0))
            for kind, nodes in graph.nodes.items()
        },
    }


def popularity_shift(
    origin: Origin, graph: KnowledgeGraph, draws: np.random.Generator
) -> dict[str, float] | None:
    r"""Return how differently items are used since training; None where nothing can be compared.

    Jensen-Shannon divergence in bits (Lin 1991) between the shares p that items have of the
    interactions of training and the shares q of those since,

    .. math:: \tfrac12 KL(p \,\|\, m) + \tfrac12 KL(q \,\|\, m), \quad m = \tfrac12 (p + q)

    from 0 to 1. Each domain has as large a share of p as it has of q, since which domain sends its
    interactions is no matter of taste. A sample of a few interactions is far from p even where
    nothing has changed: that much is `expected`, the mean over samples from p of the same size, and
    `shift` is what is beyond it.
    """
    then = origin.counts(graph)
    edges = graph.interaction_edges
    since = np.bincount(edges.dst, minlength=len(graph.items)) - then
    size = int(since.sum())
    domain = np.unique(graph.items.domains, axis=0, return_inverse=True)[1].ravel()
    of_domain = np.bincount(domain, then)
    p = then / np.maximum(of_domain, 1)[domain] * np.bincount(domain, since)[domain]
    if not p.sum():
        return None
    p = p / p.sum()
    samples = draws.multinomial(size, p, size=RESAMPLES)
    expected = float(np.mean([divergence(p, sample / size) for sample in samples]))
    found = divergence(p, since / size)
    return {"divergence": found, "expected": expected, "shift": max(found - expected, 0.0)}


def divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    """Return the Jensen-Shannon divergence of two distributions, in bits."""
    middle = (p + q) / 2
    parts = []
    for one in (p, q):
        there = one > 0
        parts.append(float((one[there] * np.log2(one[there] / middle[there])).sum()))
    return sum(parts) / 2


def text_drift(
    vectors: FloatArray | None, known: BoolArray, draws: np.random.Generator
) -> dict[str, float] | None:
    """Return how far the texts of new items are from those of training; None without any.

    The distance of an item is 1 - cosine to the nearest item of training, of the items of training
    to the nearest other one. `strangeness` is the difference of the two means in standard
    deviations of the second.

    Args:
        vectors: texts of all items, L2-normalised, zero without, `[num_items, dim]`.
        known: which of them training knew.
        draws: of at most 1,000 of each.
    """
    if vectors is None:
        return None
    said = (vectors != 0).any(axis=1)
    old, new = np.flatnonzero(known & said), np.flatnonzero(~known & said)
    if len(old) < 2 or not len(new):
        return None
    found = {}
    for name, rows in (("training", old), ("new", new)):
        if len(rows) > SAMPLED_ITEMS:
            rows = np.sort(draws.choice(rows, SAMPLED_ITEMS, replace=False))
        found[name] = _distances(vectors, rows, old)
    spread = max(float(found["training"].std()), 1e-6)
    means = {name: float(values.mean()) for name, values in found.items()}
    strangeness = (means["new"] - means["training"]) / spread
    return {"items": len(new), **means, "strangeness": strangeness}


def _distances(vectors: FloatArray, rows: IntArray, among: IntArray) -> FloatArray:
    cosine = vectors[rows] @ vectors[among].T
    cosine[rows[:, None] == among] = -1  # itself
    return np.asarray(1 - cosine.max(axis=1), dtype=np.float32)


def movement(
    growth: Growth, before: Mapping[str, FloatArray], after: Mapping[str, FloatArray]
) -> dict[str, dict[str, float]]:
    """Return the cosines between embeddings before and after, by node type, for JSON.

    Of each type how many nodes that were there new edges end at (`touched`), the mean over these,
    and the mean over all nodes that were there.
    """
    found = {}
    for kind, rows in growth.rows.items():
        if kind not in before or not len(rows):
            continue
        cosines = _cosines(before[kind], after[kind][rows])
        touched = np.searchsorted(rows, growth.touched(kind))
        found[kind] = {
            "touched": len(touched),
            "cosine": float(cosines[touched].mean()) if len(touched) else 1.0,
            "cosine_of_all": float(cosines.mean()),
        }
    return found


def _cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the cosine of each pair of rows, 1 where both are zero."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    same = ~(one.any(axis=1) | other.any(axis=1))
    dots = np.einsum("nd,nd->n", one, other)
    return np.where(same, 1, dots / np.maximum(lengths, 1e-12)).astype(np.float32)


def reasons(report: Mapping[str, Any]) -> list[str]:
    """Return why a retrain is due, none where it is not; every limit is a constant above."""
    found = []
    since, shift, text = report["since_training"], report["popularity"], report["text"]
    share, items = since["interactions"]["share"], since["nodes"][report["item_type"]]
    if share > MOST_INTERACTIONS:
        found.append(
            f"there are {share:.0%} more interactions than it was trained on "
            f"(limit {MOST_INTERACTIONS:.0%})"
        )
    if items["share"] > MOST_ITEMS:
        found.append(
            f"there are {items['share']:.0%} more items than it was trained on "
            f"(limit {MOST_ITEMS:.0%})"
        )
    if shift is not None and shift["shift"] > MOST_SHIFT:
        found.append(
            f"other items are used than in training (divergence {shift['shift']:.2f} beyond "
            f"chance, limit {MOST_SHIFT})"
        )
    if text is not None and text["items"] >= FEWEST_ITEMS and text["strangeness"] > MOST_STRANGE:
        found.append(
            f"new items are about other things than those of training "
            f"({text['strangeness']:.1f} standard deviations further off, limit {MOST_STRANGE})"
        )
    for protocol, model in report["models"].items():
        for kind, moved in model["moved"].items():
            if moved["touched"] >= FEWEST_USERS and moved["cosine"] < LEAST_COSINE:
                found.append(
                    f"{kind} embeddings of {protocol} that new edges touch have turned round "
                    f"(mean cosine {moved['cosine']:.2f}, limit {LEAST_COSINE})"
                )
        judged = model["judged"]
        if judged is not None and _worse(judged):
            lost = -judged["difference"]["mean"] / judged["valid"]["mean"]
            found.append(
                f"{protocol} ranks new interactions {lost:.0%} worse than those it was chosen by "
                f"(limit {MOST_LOST:.0%})"
            )
    return found


def _worse(judged: Mapping[str, Any]) -> bool:
    if judged["new"]["users"] < FEWEST_USERS or judged["candidates"] < FEWEST_ITEMS:
        return False
    far = -judged["difference"]["mean"] > MOST_LOST * judged["valid"]["mean"]
    return bool(far and judged["difference"]["high"] < 0)


def sentence(due: list[str]) -> str:
    """Return what to do, in plain words."""
    if not due:
        return "No full retrain is due: nothing has moved beyond its limit."
    joined = due[0] if len(due) == 1 else f"{'; '.join(due[:-1])}; and {due[-1]}"
    return f"A full retrain is due because {joined}."
