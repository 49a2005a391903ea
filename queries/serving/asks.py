"""Questions of requests, put to a model: plain values in and out, computed in a thread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kg.errors import InputError
from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.answers import node_type_of
from queries.filters import SEEN_LEFT_OUT, Filters
from queries.newcomers.one import with_item, with_user
from queries.serving.bodies import Explain, Pair, Recommend, Similar
from queries.serving.served import Served

SMALL = 100  # answers that may always be asked for, however few there are
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked, whoever asks: equal ones are ranked together."""

    served: Served
    domain: str
    k: int
    filters: Filters
    probabilities: bool


def wanted(served: Served, body: Recommend) -> Wanted:
    """Return what a request wants, once it can be had.

    Raises:
        InputError: unknown domain, more answers than it has items, or no probabilities.
        UnknownIdError: an item that is excluded or allowed is unknown.
    """
    domain = served.target if body.domain is None else body.domain
    graph = served.graph
    graph.domain_index(domain)
    bounded(body.k, served.names.items_by_domain[domain], f"items of {domain}")
    served.names.rows([*body.exclude, *(body.allow or ())], graph.item_type)
    if body.probabilities and not served.recommender.has_probabilities(domain):
        raise InputError(f"this model has no probabilities for {domain!r}")
    return Wanted(
        served=served,
        domain=domain,
        k=body.k,
        filters=body.filters(),
        probabilities=body.probabilities,
    )


def bounded(k: int, there: int, what: str) -> None:
    """Refuse to be asked for more than there is.

    Raises:
        InputError: more is asked for, and it is not a usual small number.
    """
    if k > max(SMALL, there):
        raise InputError(f"k = {k}: there are {there} {what}")


def at_hand(asked: Wanted, user: int) -> bool:
    """Return whether an answer was made ahead, so that it takes no thread to look it up.

    What the user knows may take places away, so there must be as many more.
    """
    served = asked.served
    prepared, seen = served.prepared, served.recommender.engine.seen
    return (
        prepared is not None
        and user < len(prepared.items)
        and prepared.num_items == len(served.graph.items)
        and asked.domain == served.target
        and asked.filters == SEEN_LEFT_OUT
        and not (asked.probabilities and prepared.likely is None)
        and asked.k + int(seen.indptr[user + 1] - seen.indptr[user]) <= prepared.items.shape[1]
    )


def recommend(asked: Wanted, users: Sequence[int]) -> list[list[dict[str, Any]]]:
    """Return the answers to each user, best first."""
    engine = asked.served.recommender.engine
    rows = np.asarray(users, dtype=np.int64)
    k = min(asked.k, len(engine.graph.items))
    found, scores = engine.recommend(rows, asked.domain, k, asked.filters)
    likely = engine.likely(rows, found) if asked.probabilities else None
    answers = []
    for place in range(len(rows)):
        items = _scored(asked.served, engine.graph.item_type, found[place], scores[place])
        if likely is not None:
            for item, chance in zip(items, likely[place].tolist(), strict=False):
                item["probability"] = None if chance != chance else round(chance, DIGITS)
        answers.append(items)
    return answers


def recommend_somebody(asked: Wanted, body: Recommend) -> list[list[dict[str, Any]]]:
    """Return the answers to somebody whom the graph does not have, best first.

    Raises:
        UnknownIdError: an item that they like is unknown.
        InputError: the run has no encoder for texts.
    """
    served = asked.served
    served.names.rows(body.likes or (), served.graph.item_type)
    recommender, _ = with_user(served.recommender, body.likes or (), body.text or "")
    known = replace(asked, served=replace(served, recommender=recommender))
    return recommend(known, [len(served.graph.users)])


def similar(served: Served, body: Similar) -> list[dict[str, Any]]:
    """Return each node and its nearest; the one of a text has no id.

    Raises:
        InputError: unknown node type or domain, more answers than there are, or a text where the
            run has no encoder for texts.
        UnknownIdError: a node is unknown.
    """
    recommender, asked = served.recommender, body.ids
    node_type = node_type_of(recommender.graph, body.type)
    bounded(body.k, len(recommender.graph.nodes[node_type]), f"nodes of {node_type}")
    if body.text is not None:
        if node_type != recommender.graph.item_type:
            raise InputError("a text describes an item: leave type away")
        recommender, _ = with_item(recommender, body.text, body.domain)
        rows = [len(recommender.graph.items) - 1]
    else:
        rows = served.names.rows(asked or (), node_type)
    engine, nodes = recommender.engine, recommender.graph.nodes[node_type]
    places = np.asarray(rows, dtype=np.int64)
    found, cosines = engine.similar(node_type, places, body.domain, min(body.k, len(nodes)))
    return [
        {"id": node_id, "nodes": _scored(served, node_type, found[place], cosines[place])}
        for place, node_id in enumerate(asked or (None,))
    ]


def score(served: Served, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return each pair with its score, and its probability where the model has one.

    Raises:
        UnknownIdError: a user or an item is unknown.
    """
    engine, names = served.recommender.engine, served.names
    graph = engine.graph
    users = np.array(names.rows([pair.user for pair in pairs], graph.user_type), dtype=np.int64)
    items = np.array(names.rows([pair.item for pair in pairs], graph.item_type), dtype=np.int64)
    scores = engine.score(users, items)
    likely = np.full(len(pairs), np.nan)
    if engine.calibrated:
        likely = engine.likely(users, items[:, None])[:, 0]
    return [
        {
            "user": pair.user,
            "item": pair.item,
            "score": round(value, DIGITS),
            "probability": None if chance != chance else round(chance, DIGITS),
        }
        for pair, value, chance in zip(pairs, scores.tolist(), likely.tolist(), strict=True)
    ]


def explain(served: Served, body: Explain) -> dict[str, Any]:
    """Return why a user is given an item, as `queries.explaining` says it.

    Raises:
        UnknownIdError: the user or the item is unknown.
    """
    graph = served.graph
    served.names.rows([body.item, *(body.likes or ())], graph.item_type)
    if body.user is None:
        recommender, user = with_user(served.recommender, body.likes or (), body.text or "")
    else:
        recommender, user = served.recommender, body.user
        served.names.rows([user], graph.user_type)
    found: Any = recommender.explain(user, body.item, limit=body.limit)
    values: dict[str, Any] = found.to_json()
    return values


def history(served: Served, user: str) -> dict[str, Any]:
    """Return a user's title and what the model knows of them, by domain, the heaviest first.

    Raises:
        UnknownIdError: the user is unknown.
    """
    graph, seen = served.graph, served.recommender.engine.seen
    row = served.names.rows([user], graph.user_type)[0]
    start, stop = seen.indptr[row : row + 2]
    order = np.lexsort((seen.indices[start:stop], -seen.data[start:stop]))
    items = seen.indices[start:stop][order]
    described = served.names.described(items, graph.item_type)
    for node, weight in zip(described, seen.data[start:stop][order].tolist(), strict=True):
        node["weight"] = round(weight, DIGITS)
    domains = {
        domain: [node for node in described if domain in node["domains"]]
        for domain in graph.domains
    }
    title = served.names.titles([row], graph.user_type)[0]
    return {"user": user, "title": title, "domains": domains}


def search(served: Served, text: str, node_type: str | None, limit: int) -> dict[str, Any]:
    """Return nodes whose title or id holds a text: of one type, or users and items.

    Raises:
        InputError: no such node type.
    """
    graph = served.graph
    types = [graph.user_type, graph.item_type] if node_type is None else [node_type]
    found = []
    for each in types:
        rows = served.names.search(text, each, limit)
        found += [{**node, "type": each} for node in served.names.described(rows, each)]
    return {"nodes": found if node_type is not None else _mixed(found, types, limit)}


def _mixed(found: list[dict[str, Any]], types: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Return the best of several types, each with its half where both have many."""
    first = [node for node in found if node["type"] == types[0]]
    others = found[len(first) :]
    room = max(limit - len(others), limit // 2)
    return [*first[:room], *others[: limit - len(first[:room])]]


def _scored(
    served: Served, node_type: str, rows: IntArray, scores: FloatArray
) -> list[dict[str, Any]]:
    """Return what is at rows with its scores, without padding."""
    there = rows >= 0
    described = served.names.described(rows[there], node_type)
    for node, value in zip(described, scores[there].tolist(), strict=True):
        node["score"] = round(value, DIGITS)
    return described
