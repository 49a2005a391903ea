"""The graph, model and split of a run, opened together or refused."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kg.errors import ArtefactError, InputError, nearest
from kg.graph import KnowledgeGraph
from kg.store import load_graph
from queries.index.files import Indexes, open_indexes
from queries.prepared import Prepared, open_prepared
from training.bundle import Bundle, load_bundle
from training.evaluation.split import Split
from training.evaluation.split_files import load_split
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from queries.newcomers.ground import Ground


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """What a run leaves behind for queries.

    Attributes:
        graph: the imported graph.
        bundle: the model that was trained on it.
        split: what was held out; None where everything was trained on.
        run: the run folder; None for what was put together by hand.
        indexes: of very many nodes; None where search is exact.
        prepared: answers made ahead; None where there are none.
    """

    graph: KnowledgeGraph
    bundle: Bundle
    split: Split | None
    run: Path | None = None
    indexes: Indexes | None = None
    prepared: Prepared | None = None

    @cached_property
    def ground(self) -> "Ground":
        """The model as newcomers find it (`queries.newcomers`)."""
        from queries.newcomers.ground import Ground

        return Ground(self.graph, self.bundle, self.split, self.run)


def open_run(run: Path, protocol: str | None = None) -> Opened:
    """Open one model of a run; the first one by default.

    Raises:
        ArtefactError: no such run or model, or one that is damaged.
        FingerprintError: the model was made with another graph.
        InputError: the run has no model of that protocol; names those it has.
    """
    folder = RunFolder(run)
    protocols = folder.protocols()
    if not run.is_dir():
        raise ArtefactError(f"no such run folder: {run}")
    if not protocols:
        raise ArtefactError(f"{run} holds no trained model")
    if protocol is not None and protocol not in protocols:
        hint = nearest(protocol, protocols)
        raise InputError(
            f"{run} has no model of protocol {protocol!r}{hint} (it has: {', '.join(protocols)})"
        )
    task = folder.task(protocol or protocols[0])
    graph = load_graph(folder.graph)
    bundle = load_bundle(task.model, graph)
    split = load_split(task.split, graph) if task.split.is_dir() else None
    indexes = open_indexes(task.index, task.model)
    return Opened(
        graph=graph,
        bundle=bundle,
        split=split,
        run=run,
        indexes=indexes,
        prepared=open_prepared(task, graph),
    )


def check_bundle(bundle: Bundle, graph: KnowledgeGraph) -> None:
    """Refuse a model that cannot answer for a graph.

    Raises:
        ArtefactError: the model has another shape than the graph, or holds NaN.
    """
    columns = {node_type: (z, len(graph.nodes[node_type])) for node_type, z in bundle.z.items()}
    columns["item bias"] = (bundle.item_bias, len(graph.items))
    for name, (values, rows) in columns.items():
        if len(values) != rows:
            raise ArtefactError(
                f"the model has {len(values)} rows of {name!r}, the graph has {rows}"
            )
        if not np.isfinite(values).all():
            raise ArtefactError(f"the model is damaged: {name!r} holds NaN or infinite values")
