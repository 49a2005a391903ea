"""Where newcomers stand by their texts: what new items are near, and what new users may like."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from encoders.channels.attributes import TEXT
from encoders.neighbours.edges import Neighbours
from encoders.texts.verbalize import node_texts
from gnn.messages import NEAR
from kg.errors import InputError, shown
from kg.graph import Edges, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.newcomers.embedding import mixed
from queries.newcomers.ground import Ground
from queries.newcomers.placing import Placed
from queries.newcomers.texts import Reader, Told
from training.baselines.matrices import Sparse

TASTES = 10  # items that somebody with a text is taken to like


@dataclass(frozen=True, kw_only=True, eq=False)
class Around:
    """What texts say of newcomers' places.

    Attributes:
        near: items nearest to the new items in text (`training.ranking.world.World.near`).
        lent: what these add to their embeddings, float32 `[num_new_items, width]`.
        tastes: items that new users are taken to like, 0/1 CSR `[num_new_users, num_items]`.
        taste_edges: the same as edges from their rows, weighed by likeness, 1 in the mean.
    """

    near: Neighbours
    lent: FloatArray
    tastes: Sparse
    taste_edges: Edges


def look_around(
    base: Ground,
    reader: Reader,
    graph: KnowledgeGraph,
    placed: Placed,
    told: Mapping[str, Told],
    old: Mapping[str, int],
) -> Around:
    """Return the places of newcomers.

    Args:
        base: the model that they come to.
        reader: of texts.
        graph: with them, without what was held out.
        placed: the same as rows.
        told: what is known of them, by node type.
        old: how many nodes of each type were there.
    """
    near, lent = _near(base, graph, placed, told, old)
    size = len(graph.users) - old[graph.user_type]
    tastes, edges = _nothing(size, base), no_edges()
    if size and TEXT not in base.channels_of(graph.user_type):
        texts = graph.users.text[old[graph.user_type] :].to_pylist()
        if any(texts):
            edges = _tastes(base, reader, graph, texts, placed.edges.get(graph.interactions), old)
            tastes = _matrix(edges.src - old[graph.user_type], edges.dst, tastes.shape)
    return Around(near=near, lent=lent, tastes=tastes, taste_edges=edges)


def no_edges() -> Edges:
    """Return no edges."""
    nothing = np.zeros(0, dtype=np.int64)
    return Edges(src=nothing, dst=nothing.copy(), weight=np.zeros(0, dtype=np.float32))


def stacked(above: Sparse, below: Sparse) -> Sparse:
    """Return rows of both, CSR."""
    from scipy.sparse import vstack

    return vstack([above, below], format="csr")


def _near(
    base: Ground,
    graph: KnowledgeGraph,
    placed: Placed,
    told: Mapping[str, Told],
    old: Mapping[str, int],
) -> tuple[Neighbours, FloatArray]:
    item = graph.item_type
    first = old[item]
    size, stage = len(graph.items) - first, base.bundle.second_stage
    width = 1 if stage is None else stage.near.shape[1]
    rows: IntArray = np.full((size, width), -1, dtype=np.int64)
    near = Neighbours(rows=rows, similarity=np.zeros((size, width), dtype=np.float32))
    lent: FloatArray = np.zeros((size, base.weights.width), dtype=np.float32)
    if not size or not base.has_text:
        return near, lent
    texts = node_texts(graph, item, base.job.texts)[first:] if base.job.neighbours.lexical else []
    vectors, domains = told[item].channels[TEXT], graph.items.domains[first:]
    found = base.vicinity.near(vectors, texts, domains)
    warm: FloatArray = np.zeros(size, dtype=np.bool_)
    edges = placed.edges.get(graph.interactions, no_edges())
    heard = edges.dst[(edges.dst >= first) & (edges.src < old[graph.user_type])]
    warm[heard - first] = True
    for name, some in found.items():
        gates = [base.weights.near_gate(name, cold=cold) for cold in (True, False)]
        if gates[0] is not None and gates[1] is not None:
            lent += np.where(warm[:, None], gates[1], gates[0]) * _mean(base, item, some)
    return found.get(NEAR, near), lent


def _mean(base: Ground, item: str, near: Neighbours) -> FloatArray:
    """Return the mean of neighbours' embeddings, weighed by similarity^4."""
    from scipy.sparse import csr_array

    at, place = np.nonzero((near.rows >= 0) & (near.similarity > 0))
    senders, column = np.unique(near.rows[at, place], return_inverse=True)
    weight = near.similarity[at, place].astype(np.float32) ** 4
    total = np.bincount(at, weight, len(near.rows)).astype(np.float32)
    shape = (len(near.rows), len(senders))
    matrix = csr_array((weight / np.maximum(total, 1e-12)[at], (at, column)), shape=shape)
    nothing = np.zeros((len(senders), base.weights.width), dtype=np.float32)
    states = [
        base.network.take(hop, item, senders) if base.network.present(hop, item) else nothing
        for hop in range(base.weights.layers + 1)
    ]
    mean: FloatArray = matrix @ mixed(base.weights, states, item)
    return mean


def _tastes(
    base: Ground,
    reader: Reader,
    graph: KnowledgeGraph,
    texts: list[str],
    used: Edges | None,
    old: Mapping[str, int],
) -> Edges:
    """Return edges from new users to the items that are nearest to what they say."""
    first, asking = old[graph.user_type], [row for row, text in enumerate(texts) if text.strip()]
    if not base.has_text:
        name = shown(graph.users.vocab.id(first + asking[0])) if asking else ""
        raise InputError(f"{name} has a text, of which this model knows nothing: no item had one")
    said = [texts[row] for row in asking]
    vectors = reader.channel(said)
    src, dst, weight = [], [], []
    for domain in base.domains:
        near = base.vicinity.nearest(vectors, said, domain, TASTES)
        at, place = np.nonzero(near.rows >= 0)
        src.append(np.asarray(asking)[at] + first)
        dst.append(near.rows[at, place])
        weight.append(near.similarity[at, place].astype(np.float64) ** 4)
    users, items, level = (np.concatenate(each) for each in (src, dst, weight))
    num_items = len(graph.items)
    # nearest first; one of several domains is found in each
    order = np.lexsort((-level, users))
    users, items, level = users[order], items[order], level[order]
    pairs, chosen = np.unique(users * num_items + items, return_index=True)
    chosen = np.sort(chosen)
    before = np.searchsorted(users[chosen], users[chosen])
    chosen = chosen[np.arange(len(chosen)) - before < TASTES]
    pairs = users[chosen] * num_items + items[chosen]
    if used is not None:
        chosen = chosen[~np.isin(pairs, used.src * num_items + used.dst)]
    users, items, level = users[chosen], items[chosen], level[chosen]
    mean = np.bincount(users - first, level) / np.maximum(np.bincount(users - first), 1)
    level /= np.maximum(mean[users - first], 1e-12) if len(users) else 1
    return Edges(src=users, dst=items, weight=level.astype(np.float32))


def _nothing(size: int, base: Ground) -> Sparse:
    nobody = np.zeros(0, dtype=np.int64)
    return _matrix(nobody, nobody, (size, base.counts[base.graph.item_type]))


def _matrix(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> Sparse:
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
