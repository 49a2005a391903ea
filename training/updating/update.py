"""New nodes and interactions into a trained run: one function, from tables to a run folder."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from encoders.channels.features import Features, load_features, save_features
from kg.additions.add import add_tables
from kg.errors import ArtefactError, InputError
from kg.files import in_place_of, locked, write_json
from kg.importer import Imported
from kg.rejects import RejectLimit
from kg.store import load_imported, save_graph
from kg.update import IMPORT
from training.run_folder import RunFolder
from training.seed import rng
from training.updating.drift import (
    growth_since,
    popularity_shift,
    reasons,
    sentence,
    text_drift,
)
from training.updating.features import grow_features
from training.updating.folder import REPORT, carry_over, folder_of, number_of
from training.updating.growth import Growth
from training.updating.origin import Origin
from training.updating.protocol import Known, update_model


@dataclass(frozen=True, kw_only=True, eq=False)
class Updated:
    """What an update did.

    Attributes:
        run: the folder that has the result.
        imported: the graph, and what became of every row.
        report: what is in `updates/NNN/drift.json`; None where the tables held nothing new, and
            the run stays as it was.
        dropped: what is gone, or put aside, because it was made of the model before.
    """

    run: Path
    imported: Imported
    report: Mapping[str, Any] | None = None
    dropped: tuple[str, ...] = ()

    @property
    def rejects(self) -> Any:
        """Rows of the tables that did not fit: Arrow table of file, line, raw and reason."""
        table = self.imported.rejects
        return table.filter(pc.equal(table[IMPORT], self.imported.number))


def update_run(
    run: Path,
    *,
    nodes: Sequence[Path] = (),
    edges: Sequence[Path] = (),
    out: Path | None = None,
    fine_tune: int = 0,
    judge: bool = True,
    limit: RejectLimit | None = None,
) -> Updated:
    """Let new nodes and interactions into a trained run, without training it anew.

    Everything that is made of the graph is made of the larger one, with the weights as they are:
    embeddings by one forward pass, the signals of the second stage, probabilities. What was held
    out stays held out. The result is an ordinary run folder, which takes its name in one step.

    Args:
        run: run folder.
        nodes: tables of nodes, new or known (`kg.additions.nodes.read_nodes`).
        edges: tables of edges (`kg.additions.edges.NewEdges`).
        out: where to; the run itself by default.
        fine_tune: steps of training on new interactions and old ones, from the weights of the run.
        judge: ask the model for new interactions of the target before they enter. Where other
            things are new too this takes as long as the update itself.
        limit: how many rejected rows are borne; any number by default.

    Raises:
        InputError: a file is no such table, there is nothing to add, or `out` is in use.
        ArtefactError: no such run, one that is damaged or without features, or one that another
            process is writing.
        FingerprintError: the run's text encoder is not the one that it was made with.
        LeakError: a new edge repeats a held-out interaction under another relation.
    """
    if not nodes and not edges:
        raise InputError("nothing to add: give tables of new nodes or of new edges")
    if out is not None and out.exists():
        raise InputError(f"{out} is there already: remove it, or name another folder")
    old = RunFolder(run.resolve())
    with locked(old.path) if out is None else nullcontext():
        known = _open(old)
        before = load_imported(old.graph)
        imported = add_tables(before, nodes=nodes, edges=edges, limit=limit)
        if len(imported.changes) == len(before.changes):
            return Updated(run=run, imported=imported)
        growth = Growth(before=before.graph, after=imported.graph)
        models = {name: Known.open(old, name, before.graph) for name in known}
        origin = _origin(old, before.graph, models, judge)
        job = next(iter(models.values())).job
        features = grow_features(job, old, load_features(old.features, before.graph), growth)
        number = number_of(old)
        report = {"number": number, **_drift(origin, growth, features, number)}
        report["rejected"] = sum(
            account.rejected
            for account in imported.accounts
            if account.import_number == imported.number
        )
        with in_place_of(old.path if out is None else out.resolve()) as aside:
            new = RunFolder(aside)
            save_graph(imported, new.graph)
            save_features(features, new.features)
            report["models"] = {
                name: update_model(
                    model,
                    new.task(name),
                    growth,
                    features,
                    origin,
                    number=number,
                    judge=judge,
                    steps=fine_tune,
                )
                for name, model in models.items()
            }
            due = reasons(report)
            report |= {"due": bool(due), "reasons": due, "sentence": sentence(due)}
            origin.save(new.updates)
            write_json(folder_of(new, number) / REPORT, report)
            dropped = carry_over(old, new, number, share=out is None)
    return Updated(run=out or run, imported=imported, report=report, dropped=dropped)


def _open(run: RunFolder) -> list[str]:
    """Return the protocols of a run that can be updated."""
    if not run.path.is_dir():
        raise ArtefactError(f"no such run folder: {run.path}")
    protocols = run.protocols()
    if not protocols:
        raise ArtefactError(f"{run.path} holds no trained model to update")
    if not run.features.is_dir():
        raise ArtefactError(f"{run.path} has no features/: an update needs what was encoded")
    return protocols


def _origin(run: RunFolder, graph: Any, models: Mapping[str, Known], judge: bool) -> Origin:
    """Return what training saw; before the first update that is what the run holds."""
    origin = Origin.load(run.updates) or Origin.of(graph, {})
    if not judge:
        return origin
    missing = {name: m.valid() for name, m in models.items() if name not in origin.valid}
    return replace(origin, valid={**origin.valid, **missing})


def _drift(origin: Origin, growth: Growth, features: Features, number: int) -> dict[str, Any]:
    """Return what can be said of the graph before any model is moved."""
    graph, draws = growth.after, rng(number, "drift")
    vectors = features.vectors.get(graph.item_type)
    return {
        "item_type": graph.item_type,
        "added": {
            "nodes": {kind: int(growth.is_new(kind).sum()) for kind in graph.nodes},
            "edges": {" ".join(kind): int(new.sum()) for kind, new in growth.new_edges.items()},
        },
        "since_training": growth_since(origin, graph),
        "popularity": popularity_shift(origin, graph, draws),
        "text": text_drift(vectors, origin.known(graph), draws),
    }
