"""Links of any relation: what heads lead to, what leads to tails, scores of triples."""

from collections.abc import Sequence
from typing import Any

from kg.errors import UnknownIdError
from queries.serving.asks import DIGITS, bounded
from queries.serving.bodies import Predict
from queries.serving.served import Served


def predict(served: Served, body: Predict) -> list[dict[str, Any]]:
    """Return scored triples, or nodes for each head or tail.

    Raises:
        UnknownIdError: a node is unknown.
        InputError: the model cannot score the relation, or more is asked for than there is.
    """
    if body.triples is not None:
        return _triples(served, body)
    links, relation = served.links, body.relation or ""
    asked, tails = body.heads or body.tails or [], body.heads is not None
    _check(served, asked, relation, 0 if tails else 2)
    side = links.side(relation, asked, tails=tails, node_type=body.type)
    bounded(body.k, len(links.nodes[side.wanted]), f"nodes of {side.wanted}")
    ids, scores = (links.tails if tails else links.heads)(
        asked,
        relation,
        body.k,
        node_type=body.type,
        domain=body.domain,
        include_known=body.include_known,
    )
    answers = []
    for place, node_id in enumerate(asked):
        found = [one for one in ids[place].tolist() if one]
        described = served.names.described(served.names.rows(found, side.wanted), side.wanted)
        for node, score in zip(described, scores[place].tolist(), strict=False):
            node["score"] = round(score, DIGITS)
        answers.append({"id": node_id, "nodes": described})
    return answers


def _triples(served: Served, body: Predict) -> list[dict[str, Any]]:
    asked = [(one.head, one.relation, one.tail) for one in body.triples or ()]
    for head, relation, tail in asked:
        _check(served, [head], relation, 0)
        _check(served, [tail], relation, 2)
    scores, known = served.links.score(asked).tolist(), served.links.known(asked).tolist()
    return [
        {
            "head": head,
            "relation": relation,
            "tail": tail,
            "score": round(score, DIGITS),
            "known": old,
        }
        for (head, relation, tail), score, old in zip(asked, scores, known, strict=True)
    ]


def _check(served: Served, ids: Sequence[str], relation: str, end: int) -> None:
    """Refuse unknown nodes before anybody looks for near names, which takes too long for a server.

    Raises:
        UnknownIdError: no node of a type that the relation has at this end.
    """
    types = {edge_type[end] for edge_type in served.links.relations if edge_type[1] == relation}
    known = [served.names.rows_by_id(node_type) for node_type in types]
    for node_id in ids:
        if known and not any(node_id in rows for rows in known):
            raise UnknownIdError(f"unknown {' or '.join(sorted(types))} id {node_id[:80]!r}")
