"""Runs side by side: one against another, and one against itself without its sources."""

import dataclasses
from typing import Any

import numpy as np

from encoders.channels.features import load_features, save_features
from kg.errors import ArtefactError, InputError
from kg.files import read_json, write_json
from kg.graph import BoolArray, KnowledgeGraph
from kg.store import load_graph, save_graph
from training.bundle import load_bundle
from training.evaluation.compare_runs import compare_runs
from training.evaluation.evaluate import evaluate
from training.evaluation.judged import FILE, Judged, load_judged
from training.evaluation.negative_transfer import negative_transfer
from training.evaluation.split import Protocol, without_interactions
from training.evaluation.split_files import load_split, save_split
from training.jobs import load_config, report_step, train_step
from training.judge import MODEL
from training.run_folder import RunFolder
from training.seed import rng

ALONE = "target-alone"


def judged_of(run: RunFolder, protocol: Protocol) -> Judged:
    """Return what a run's model achieved for every test user; judges it where that was not kept.

    Raises:
        ArtefactError: the run has no model of that protocol.
    """
    task = run.task(protocol)
    if (task.path / FILE).is_file():
        return load_judged(task.path / FILE)
    if not task.model.is_dir():
        raise ArtefactError(f"{run.path} has no model of {protocol}: train it first")
    job, graph = load_config(run), load_graph(run.graph)
    split = load_split(task.split, graph)
    found = evaluate(
        load_bundle(task.model, graph).ranking_scorer(split, MODEL),
        split,
        "test",
        k=job.evaluation.k,
        sampled_negatives=job.evaluation.sampled_negatives,
        block_bytes=job.evaluation.block_bytes,
        rng=rng(job.seed, "test"),
    )
    judged = Judged.of({MODEL: found}, split, MODEL)
    judged.save(task.path / FILE)
    return judged


def compare_folders(one: RunFolder, other: RunFolder, protocol: Protocol) -> dict[str, Any]:
    """Return paired tests of two runs on the same held-out rows, as `compare_runs` does.

    Raises:
        InputError: the runs were not judged on the same rows.
        ArtefactError: a run has no model of that protocol.
    """
    settings = load_config(one)
    return compare_runs(
        judged_of(one, protocol),
        judged_of(other, protocol),
        seed=settings.seed,
        resamples=settings.evaluation.bootstrap,
    )


def target_alone(run: RunFolder, protocol: Protocol) -> dict[str, Any]:
    """Train a run's model again without any interaction outside the target, and compare.

    The second run lies in the folder `target-alone` of the first and resumes as any run does. It
    has the same settings, nodes, texts and held-out rows. What is found is written into
    `results.json`, and so into the report.

    Args:
        run: with a model of the protocol.
        protocol: which one. Alone, a cold user has nothing, so that what stands beside `user-cold`
            is close to popularity.

    Returns:
        What `negative_transfer` does.

    Raises:
        ArtefactError: the run has no results of that protocol.
        InputError: everything is in the target.
    """
    task = run.task(protocol)
    if not task.results.is_file():
        raise ArtefactError(f"{run.path} has no results of {protocol}: evaluate it first")
    job, alone = load_config(run), RunFolder(run.path / ALONE)
    _prepare(run, alone, protocol)
    train_step(job, alone, protocol)
    found = negative_transfer(
        judged_of(run, protocol),
        judged_of(alone, protocol),
        seed=job.seed,
        resamples=job.evaluation.bootstrap,
    )
    write_json(task.results, {**read_json(task.results), "negative_transfer": found})
    report_step(run)
    return found


def _prepare(run: RunFolder, alone: RunFolder, protocol: Protocol) -> None:
    """Write graph, features and split of the run without sources, where they are not there."""
    job, graph = load_config(run), load_graph(run.graph)
    outside = _outside(graph, job.task.target)
    if not outside.any():
        raise InputError(f"every interaction is in {job.task.target!r}: there is no source")
    if not alone.config.is_file():
        write_json(alone.config, job.to_dict())
    if not alone.graph.is_dir():
        save_graph(without_interactions(graph, outside), alone.graph)
    stripped = load_graph(alone.graph)
    if not alone.features.is_dir():
        features = load_features(run.features, graph)
        save_features(dataclasses.replace(features, graph=stripped.fingerprint), alone.features)
    if not alone.task(protocol).split.is_dir():
        split = load_split(run.task(protocol).split, graph)
        train = without_interactions(split.train, _outside(split.train, job.task.target))
        split = dataclasses.replace(split, train=train, graph_fingerprint=stripped.fingerprint)
        save_split(split, alone.task(protocol).split)


def _outside(graph: KnowledgeGraph, target: str) -> BoolArray:
    return np.asarray(~graph.item_mask(target)[graph.interaction_edges.dst])
