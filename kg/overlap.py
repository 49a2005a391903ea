"""Users of two domains made two persons each: one graph less its overlap."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import IntArray, Vocab


def half_id(user_id: str, domain: str) -> str:
    """Return the id of the person who takes a user's interactions of a domain."""
    return f"{user_id}@{domain}"


def split_users(graph: KnowledgeGraph, domain: str, users: IntArray) -> KnowledgeGraph:
    """Return the graph in which each of some users is two persons.

    One keeps the id, every interaction outside `domain`, and all else that is known of the user.
    The other, `<id>@<domain>`, takes the interactions with items of `domain` and nothing more: a
    text or a relation of both would join again what is to be apart.

    Args:
        graph: any graph.
        domain: whose items go to the second person.
        users: rows of the users, distinct.

    Raises:
        InputError: no such domain, or some user's second id is taken.
    """
    in_domain = graph.item_mask(domain)
    old = graph.users
    taken = split_halves(graph, domain)
    if len(taken):
        name = half_id(old.vocab.id(int(taken[0])), domain)
        raise InputError(f"users cannot be split in two: the id {name!r} is in the graph already")
    halves = [half_id(user_id, domain) for user_id in old.vocab.to_ids(users)]
    vocab = Vocab.from_values(
        pa.concat_arrays([old.vocab.ids, pa.array(halves, pa.string())]), old.vocab.kind
    )
    moved = vocab.index(old.vocab.ids)
    half_of: IntArray = moved.copy()
    half_of[users] = vocab.index(halves)

    edges = {}
    for edge_type, some in graph.edges.items():
        src, dst = some.src, some.dst
        if edge_type == graph.interactions:
            src = np.where(in_domain[dst], half_of[src], moved[src])
        elif edge_type[0] == graph.user_type:
            src = moved[src]
        if edge_type[2] == graph.user_type:
            dst = moved[dst]
        edges[edge_type] = Edges(src=src, dst=dst, weight=some.weight, time=some.time)
    origin = np.full(len(vocab), -1, dtype=np.int64)
    origin[moved] = np.arange(len(old))
    apart = replace(
        graph,
        nodes={**graph.nodes, graph.user_type: _nodes(old, vocab, origin)},
        edges=edges,
    )
    return _with_domains_of_interactions(apart, np.concatenate([moved[users], half_of[users]]))


def split_halves(graph: KnowledgeGraph, domain: str) -> IntArray:
    """Return rows of the users whose interactions of `domain` are another person's, sorted."""
    halves = pc.binary_join_element_wise(graph.users.vocab.ids, half_id("", domain), "")
    return np.flatnonzero(graph.users.vocab.lookup(halves) >= 0)


def _nodes(old: Nodes, vocab: Vocab, origin: IntArray) -> Nodes:
    """Return the users in their new rows; those of no origin say nothing."""
    rows = pa.array(np.maximum(origin, 0), mask=origin < 0)
    return Nodes(
        vocab=vocab,
        title=_filled(old.title.take(rows)),
        text=_filled(old.text.take(rows)),
        domains=old.domains[origin] & (origin >= 0)[:, None],
        attributes=old.attributes.take(rows) if old.attributes.num_columns else old.attributes,
    )


def _filled(strings: pa.StringArray) -> pa.StringArray:
    return strings.fill_null("")


def _with_domains_of_interactions(graph: KnowledgeGraph, users: IntArray) -> KnowledgeGraph:
    """Return the graph in which some users are in those domains that they have interactions in."""
    domains = graph.users.domains.copy()
    edges = graph.interaction_edges
    domains[users] = False
    whose = np.zeros(len(graph.users), dtype=np.bool_)
    whose[users] = True
    for column in range(len(graph.domains)):
        used = edges.src[graph.items.domains[edges.dst, column]]
        domains[used[whose[used]], column] = True
    nodes = replace(graph.users, domains=domains)
    return replace(graph, nodes={**graph.nodes, graph.user_type: nodes})
