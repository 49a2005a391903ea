"""One rule's methods in order: candidates, and what of them is linked."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from kg.linking.by_name import agreeing, by_name
from kg.linking.candidates import Candidates
from kg.linking.choose import (
    AMBIGUOUS,
    LINKED,
    STATUS,
    Chosen,
    mutual,
    one_to_one,
    unequivocal,
)
from kg.linking.nearest import Encode, by_vectors
from kg.linking.rules import NAMED, STATED, LinkRule
from kg.linking.sides import Side
from kg.vocab import IntArray

LINK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("source_type", "source", "source_name")]
    + [(name, pa.string()) for name in ("target_type", "target", "target_name")]
    + [("method", pa.string()), ("confidence", pa.float64())]
    + [("status", pa.string()), ("action", pa.string())]
)
NOTHING = Candidates.of(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def find_links(
    source: Side,
    target: Side,
    rule: LinkRule,
    *,
    stated: Mapping[str, Callable[[], Candidates]] | None = None,
    refused: Candidates = NOTHING,
    encode: Encode | None = None,
) -> Chosen:
    """Link the nodes of two sides, or of one with itself, by the methods of a rule in order.

    A node for which a method finds anything is looked up by no later one. What is found is linked
    if a single target is the best, otherwise it is ambiguous; methods that state rather than guess
    may link a node to several, unless links are to be one-to-one.

    Args:
        source: whose nodes are linked; the same object as `target` to link a side with itself.
        target: what they are linked to.
        rule: methods and settings; its file, type and edge settings are not looked at.
        stated: candidates of the methods that state, by method.
        refused: pairs that are never linked.
        encode: makes vectors, for the method "nearest".

    Raises:
        ConfigError: the rule needs what is not there.
    """
    itself = source is target
    open_ = source.usable.copy()
    parts: list[tuple[Candidates, int, int]] = []
    for number, method in enumerate(rule.methods):
        rows = np.flatnonzero(open_)
        found = _candidates(method, source, target, rule, rows, stated or {}, encode)
        kept = open_[found.source] & target.usable[found.target]
        kept &= ~found.one_of(refused, len(target))
        if source.ids is target.ids:
            kept &= found.source != found.target
        found = found.where(kept)
        if method in STATED:
            parts.append((_once(found, itself), number, LINKED))
        else:
            margin = rule.margin if method == "nearest" else 0.0
            found = agreeing(found, source, target, rule.year_within, graded=method in NAMED)
            sure, unsure = unequivocal(found, margin)
            if itself:
                both = mutual(sure, len(source))
                unsure = _both(unsure, sure.where(~both))
                sure = sure.where(both)
            parts.append((_once(sure, itself), number, LINKED))
            parts.append((_once(unsure, itself), number, AMBIGUOUS))
        open_[found.source] = False
    chosen = _chosen(parts)
    return one_to_one(chosen, itself=itself) if rule.one_to_one else chosen


def link_table(chosen: Chosen, source: Side, target: Side, rule: LinkRule) -> pa.Table:
    """Return links as a table of `LINK_SCHEMA`, by source, then by confidence and target."""
    order = np.lexsort((chosen.target, -chosen.confidence, chosen.source))
    source_rows, target_rows = pa.array(chosen.source[order]), pa.array(chosen.target[order])
    count = len(order)
    columns = [
        pa.array([source.kind] * count, pa.string()),
        source.ids.take(source_rows),
        source.labels().take(source_rows),
        pa.array([target.kind] * count, pa.string()),
        target.ids.take(target_rows),
        target.labels().take(target_rows),
        pa.array(rule.methods, pa.string()).take(pa.array(chosen.method[order])),
        pa.array(np.round(chosen.confidence[order], 4)),
        pa.array(STATUS, pa.string()).take(pa.array(chosen.status[order])),
        pa.array([rule.action] * count, pa.string()),
    ]
    return pa.table(columns, schema=LINK_SCHEMA)


def _candidates(
    method: str,
    source: Side,
    target: Side,
    rule: LinkRule,
    rows: IntArray,
    stated: Mapping[str, Callable[[], Candidates]],
    encode: Encode | None,
) -> Candidates:
    if method in STATED:
        return stated[method]() if method in stated else NOTHING
    if method == "nearest":
        return by_vectors(source, target, rows, rule.encoder, encode, rule.threshold)
    return by_name(source, target, rows, method)


def _once(pairs: Candidates, itself: bool) -> Candidates:
    """Return each pair of a side with itself in one direction."""
    if not itself:
        return pairs
    low, high = np.minimum(pairs.source, pairs.target), np.maximum(pairs.source, pairs.target)
    return Candidates.of(low, high, pairs.confidence)


def _both(one: Candidates, other: Candidates) -> Candidates:
    return Candidates.of(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def _chosen(parts: list[tuple[Candidates, int, int]]) -> Chosen:
    sizes = [len(pairs.source) for pairs, _, _ in parts]
    return Chosen(
        source=np.concatenate([pairs.source for pairs, _, _ in parts]),
        target=np.concatenate([pairs.target for pairs, _, _ in parts]),
        confidence=np.concatenate([pairs.confidence for pairs, _, _ in parts]),
        method=np.repeat([number for _, number, _ in parts], sizes),
        status=np.repeat([status for _, _, status in parts], sizes),
    )
