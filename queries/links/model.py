"""What answers about links: nodes, embeddings, relations with their decoder, and known triples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gnn.messages import message_edges
from kg.files import MANIFEST, read_json
from kg.graph import Edges, EdgeType, FloatArray, Nodes
from kg.vocab import Vocab
from queries.links.decoders import LinkDecoder, link_decoder
from queries.opened import Opened
from training.repeats import without_repeats
from training.triples.saved import KIND, below, load_triple_model

ENTITY = "entity"  # node type of everything in a model of triples alone
_PREFIX = "knowledge_decoder."


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkModel:
    """Embeddings of nodes, and what scores links between them.

    Attributes:
        nodes: ids and titles by type.
        known: triples that were learned from, by edge type.
        relations: edge types that can be scored; the place of one is its row in the decoder.
        z: embeddings by node type, float32 `[num_nodes, width]`.
        decoder: scores; None where there is nothing to score with.
        domains: names of the columns of `Nodes.domains`.
        reciprocal: rows of the decoder come twice, the second time for questions about heads.
        why_not: what to do where a relation cannot be scored.
    """

    nodes: Mapping[str, Nodes]
    known: Mapping[EdgeType, Edges]
    relations: tuple[EdgeType, ...]
    z: Mapping[str, FloatArray]
    decoder: LinkDecoder | None
    domains: tuple[str, ...] = ()
    reciprocal: bool = False
    why_not: str = ""


def links_of_run(opened: Opened) -> LinkModel:
    """Return what the network of a run makes of relations: all but the one that it predicts."""
    graph, bundle = opened.graph, opened.bundle
    train = graph if opened.split is None else opened.split.train
    known = {edge: edges for edge, edges in train.edges.items() if edge != graph.interactions}
    weights = below(bundle.weights, _PREFIX)
    why_not = _why_not(bundle.about, weights)
    if why_not:
        return LinkModel(
            nodes=graph.nodes, known=known, relations=(), z={}, decoder=None, why_not=why_not
        )
    name = bundle.about["job"]["model"]["knowledge_decoder"]
    relations = [tuple(edge) for edge in bundle.about.get("relations", ())]
    if not relations:  # a model older than the record of their order
        learned = message_edges(without_repeats(train))
        relations = [edge for edge in learned if edge in known]
    z = dict(bundle.z)
    if any(graph.user_type in (edge[0], edge[2]) for edge in relations):
        z[graph.user_type] = _plain_users(z[graph.user_type], bundle.about, bundle.weights)
    return LinkModel(
        nodes=graph.nodes,
        known=known,
        relations=tuple(relations),
        z=z,
        decoder=link_decoder(name, weights),
        domains=graph.domains,
        why_not="the network has learned of no such edge: all of them lead to dead ends",
    )


def is_triple_model(path: Path) -> bool:
    """Return whether a folder holds what `isthmus triples --model` wrote."""
    manifest = path / MANIFEST
    return manifest.is_file() and read_json(manifest).get("kind") == KIND


def links_of_triples(path: Path) -> LinkModel:
    """Return a model of triples alone; all its nodes are of one type.

    Raises:
        ArtefactError: missing or damaged.
    """
    saved = load_triple_model(path)
    blank = pa.array([""] * len(saved.entities), pa.string())
    nodes = Nodes(
        vocab=Vocab(saved.entities, ENTITY),
        title=blank,
        text=blank,
        domains=np.zeros((len(blank), 0), dtype=np.bool_),
        attributes=pa.table({}),
    )
    relations = [(ENTITY, name, ENTITY) for name in saved.relations]
    known = {}
    for number, edge_type in enumerate(relations):
        rows = saved.rows[saved.rows[:, 1] == number]
        one = np.ones(len(rows), dtype=np.float32)
        known[edge_type] = Edges(src=rows[:, 0].copy(), dst=rows[:, 2].copy(), weight=one)
    return LinkModel(
        nodes={ENTITY: nodes},
        known=known,
        relations=tuple(relations),
        z={ENTITY: saved.vectors},
        decoder=link_decoder(saved.decoder, saved.weights),
        reciprocal=True,
    )


def _why_not(about: Mapping[str, Any], weights: Mapping[str, Any]) -> str:
    """Return why a run's network cannot score relations; `""` if it can."""
    job = about.get("job", {})
    if not weights or "training" not in job:
        return "the model has no decoder of relations: train it anew"
    if not job["training"]["knowledge_weight"]:
        return (
            "the model was trained without its second task, which learns relations: train it with "
            "--set training.knowledge_weight=0.01"
        )
    if job["model"]["knowledge_decoder"] == "mlp" and about.get("best_epoch") == 0:
        return (
            "training improved nothing, so the untrained start was kept, of which an mlp makes no "
            "sense: train with --set model.knowledge_decoder=distmult"
        )
    return ""


def _plain_users(
    z: FloatArray, about: Mapping[str, Any], weights: Mapping[str, FloatArray]
) -> FloatArray:
    """Return user rows as the network made them: a bundle's carry the relation of interactions."""
    name = about["job"]["model"]["decoder"]
    if name == "dot":
        return z
    relation = weights["decoder.relation"][0]
    if name == "distmult":
        return np.asarray(z / np.where(relation == 0, 1, relation), dtype=np.float32)
    complex_z = np.ascontiguousarray(z).view(np.complex64)
    factor = np.ascontiguousarray(relation).view(np.complex64)
    plain = complex_z / np.where(factor == 0, 1, factor)
    return np.ascontiguousarray(plain, dtype=np.complex64).view(np.float32)
