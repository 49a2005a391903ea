"""The same model on a larger graph: nothing is learned, and nothing that was there changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from encoders.base import TextEncoder
from kg.graph import BoolArray, FloatArray
from queries.newcomers.embedding import Arrived, mixed, settle
from queries.newcomers.ground import Ground
from queries.newcomers.grown import grow
from queries.newcomers.incoming import incoming, useful_nodes
from queries.newcomers.placing import place
from queries.newcomers.second_stage import GrownBundle
from queries.newcomers.tables import Newcomers
from queries.opened import Opened


@dataclass(frozen=True, kw_only=True, eq=False)
class Grown(Opened):
    """An opened model with newcomers.

    Attributes:
        ground: the model without any.
        arrived: newcomers as later ones hear them.
        useful: which nodes carry anything.
    """

    ground: Ground
    arrived: Arrived
    useful: Mapping[str, BoolArray]


def extend(
    opened: Opened,
    newcomers: Newcomers,
    encoder: TextEncoder | None = None,
    device: str | None = None,
) -> Opened:
    """Return the same model on a graph with new nodes, which have the last rows of their types.

    A new node only receives: no degree, embedding, signal or score of what was there changes.

    Args:
        opened: a model, which may have newcomers already.
        newcomers: what is new.
        encoder: of texts; that of the run by default.
        device: where architectures other than the default compute, as torch calls it.

    Raises:
        UnknownIdError: an edge ends at a node that is neither there nor new.
        InputError: newcomers do not fit the graph; names file, line and id.
        ArtefactError: the run lacks features or an encoder.
    """
    del encoder, device
    placed = place(opened.graph, newcomers)
    if not placed.nodes:
        return opened
    before = opened if isinstance(opened, Grown) else _start(opened)
    ground, weights = before.ground, before.ground.weights
    graph = grow(opened.graph, placed)
    split = opened.split
    if split is not None:
        split = replace(split, train=grow(split.train, placed))
    train = graph if split is None else split.train
    old = {kind: len(nodes) for kind, nodes in opened.graph.nodes.items()}
    sizes = {kind: len(table) for kind, table in placed.nodes.items()}
    useful = useful_nodes(train, placed.edges, before.useful)
    heard = incoming(train, placed.edges, old, useful)
    arrived = settle(ground.network, weights, before.arrived, heard, {}, sizes)
    z = dict(opened.bundle.z)
    for kind, size in sizes.items():
        states = [rows[kind][-size:] for rows in arrived.states]
        new = mixed(weights, states, kind)
        z[kind] = np.concatenate(
            [z[kind], weights.queries(new) if kind == graph.user_type else new]
        )
    nothing: FloatArray = np.zeros(sizes.get(graph.item_type, 0), dtype=np.float32)
    bundle = GrownBundle(
        z=z,
        item_bias=np.concatenate([opened.bundle.item_bias, nothing]),
        weights=opened.bundle.weights,
        about=opened.bundle.about,
        channels=opened.bundle.channels,
        second_stage=opened.bundle.second_stage,
        calibration=opened.bundle.calibration,
        ground=ground,
    )
    return Grown(
        graph=graph,
        bundle=bundle,
        split=split,
        run=opened.run,
        ground=ground,
        arrived=arrived,
        useful=useful,
    )


def _start(opened: Opened) -> Grown:
    ground = opened.ground
    return Grown(
        graph=opened.graph,
        bundle=opened.bundle,
        split=opened.split,
        run=opened.run,
        ground=ground,
        arrived=Arrived(first=ground.counts),
        useful=ground.useful,
    )
