"""The same model on a larger graph: nothing is learned, and nothing that was there changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from encoders.channels.attributes import TEXT
from kg.graph import BoolArray, Edges, EdgeType, FloatArray, KnowledgeGraph
from queries.candidates import unit_rows
from queries.newcomers.embedding import Arrived, mixed, settle
from queries.newcomers.ground import Ground
from queries.newcomers.grown import grow
from queries.newcomers.incoming import incoming, useful_nodes
from queries.newcomers.placing import Placed, place
from queries.newcomers.second_stage import GrownBundle
from queries.newcomers.surroundings import Around, look_around, no_edges, stacked
from queries.newcomers.tables import Newcomers
from queries.newcomers.texts import Reader, Told
from queries.opened import Opened
from training.baselines.matrices import Sparse
from training.bundle import Bundle
from training.ranking.stage import SecondStage
from training.repeats import without_repeats


@dataclass(frozen=True, kw_only=True, eq=False)
class Grown(Opened):
    """An opened model with newcomers.

    Attributes:
        base: the model without any.
        arrived: newcomers as later ones hear them.
        useful: which nodes carry anything, by type.
    """

    base: Ground
    arrived: Arrived
    useful: Mapping[str, BoolArray]


def extend(opened: Opened, newcomers: Newcomers) -> Opened:
    """Return the same model on a graph with new nodes, which have the last rows of their types.

    A new node only receives: no degree, embedding, signal or score of what was there changes.

    Args:
        opened: a model, which may have newcomers already.
        newcomers: what is new.

    Raises:
        UnknownIdError: an edge ends at a node that is neither there nor new.
        InputError: newcomers do not fit the graph; names file, line and id.
        ArtefactError: the run lacks features or an encoder.
        FingerprintError: the encoder is not the one that the run was made with.
    """
    placed = place(opened.graph, newcomers)
    if not placed.nodes:
        return opened
    if isinstance(opened, Grown):
        base, before, known = opened.base, opened.arrived, opened.useful
    else:
        base = opened.ground
        before, known = Arrived(first=base.counts), base.useful
    weights = base.weights
    graph = grow(opened.graph, placed)
    split = opened.split
    if split is not None:
        split = replace(split, train=grow(split.train, placed))
    train = graph if split is None else split.train
    old = {kind: len(nodes) for kind, nodes in opened.graph.nodes.items()}
    sizes = {kind: len(table) for kind, table in placed.nodes.items()}

    reader = Reader(base)
    told = {kind: reader.tell(train, kind, old[kind]) for kind in sizes}
    around = look_around(base, reader, train, placed, told, old)
    useful = useful_nodes(train, placed.edges, known)
    heard = incoming(train, _new_edges(train, placed), old, useful)
    heard += incoming(train, {train.interactions: around.taste_edges}, old, useful)
    channels = {kind: each.channels for kind, each in told.items()}
    arrived = settle(base.network, weights, base.degrees, before, heard, channels, sizes)

    z = dict(opened.bundle.z)
    for kind, size in sizes.items():
        new = mixed(weights, [rows[kind][-size:] for rows in arrived.states], kind)
        if kind == graph.user_type:
            new = weights.queries(new)
        if kind == graph.item_type:
            new = new + around.lent
        z[kind] = np.concatenate([z[kind], new])
    bundle = _bundle(opened.bundle, base, graph, z, around, told.get(graph.item_type))
    return Grown(
        graph=graph,
        bundle=bundle,
        split=split,
        run=opened.run,
        indexes=opened.indexes,
        prepared=opened.prepared,
        base=base,
        arrived=arrived,
        useful=useful,
    )


def _new_edges(graph: KnowledgeGraph, placed: Placed) -> Mapping[EdgeType, Edges]:
    """Return new edges without others between users and items that repeat an interaction."""
    only = replace(graph, edges={graph.interactions: no_edges(), **placed.edges})
    return {kind: without_repeats(only).edges[kind] for kind in placed.edges}


def _bundle(
    before: Bundle,
    base: Ground,
    graph: KnowledgeGraph,
    z: Mapping[str, FloatArray],
    around: Around,
    items: Told | None,
) -> GrownBundle:
    size = len(graph.items) - len(before.item_bias)
    earlier: Sparse | None = before.tastes if isinstance(before, GrownBundle) else None
    stage = before.second_stage
    if stage is not None and items is not None:
        stage = _stage(stage, items, around)
    return GrownBundle(
        z=z,
        item_bias=np.concatenate([before.item_bias, np.zeros(size, dtype=np.float32)]),
        weights=before.weights,
        about=before.about,
        channels=before.channels,
        second_stage=stage,
        calibration=before.calibration,
        num_learned=base.counts[graph.user_type],
        ground=base,
        tastes=around.tastes if earlier is None else stacked(earlier, around.tastes),
    )


def _stage(stage: SecondStage, items: Told, around: Around) -> SecondStage:
    """Return the second stage with what it keeps of every item; what was there stays."""
    size, near = len(around.near.rows), around.near
    text = items.encoded.get(TEXT, np.zeros((size, stage.text.shape[1]), dtype=np.float32))
    channel = items.channels.get(TEXT)
    channel = text if channel is None else unit_rows(channel)
    return replace(
        stage,
        text=np.concatenate([stage.text, text]),
        channel=np.concatenate([stage.channel, channel]),
        near=np.concatenate([stage.near, near.rows]),
        similarity=np.concatenate([stage.similarity, near.similarity]),
    )
