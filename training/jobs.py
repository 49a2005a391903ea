"""The pipeline: import, encode, split, train, evaluate, report. Every step resumes."""

import shutil
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from encoders.channels.features import Features, load_features
from encoders.knowledge.enrich import enrich
from encoders.names import encode_names
from encoders.texts.verbalize import check_texts, node_texts
from kg.errors import ArtefactError
from kg.files import read_json, write_json
from kg.graph import KnowledgeGraph
from kg.importer import Imported, import_graph
from kg.settings import build
from kg.store import load_graph, load_imported, save_graph
from training.baselines.catalogue import check_installed
from training.bundle import load_bundle, save_bundle
from training.claim import claim, hold, training_fingerprint
from training.config import JobConfig
from training.distributed.cluster import Cluster
from training.distributed.ray_training import train_on
from training.distributed.workers import ALONE, Workers
from training.encoding import encode_histories, encode_nodes
from training.evaluation.calibration import calibrate
from training.evaluation.judged import FILE as JUDGED
from training.evaluation.overlap import reduce_overlap
from training.evaluation.report import write_report
from training.evaluation.results import Results
from training.evaluation.split import Protocol, Split, check_no_leak, make_split
from training.evaluation.split_files import load_split, save_split
from training.judge import MODEL, judge
from training.run_folder import RunFolder
from training.seed import rng
from training.train import assist, projection, train
from training.tuning import finetune
from training.tuning_guard import check_tuned, splits_of
from training.watching.tensorboard import check_tensorboard


def run_job(
    job: JobConfig,
    run: RunFolder,
    *,
    fresh: bool = False,
    workers: Workers = ALONE,
    cluster: Cluster | None = None,
) -> None:
    """Do everything that `run` does not hold yet.

    Args:
        job: what to do.
        run: where to; an interrupted run goes on from where it was.
        fresh: start over, removing what an earlier run left.
        workers: who train with this process, the first of them; the others `assist_job`.
        cluster: encodes and trains instead, where it is joined.

    Raises:
        ConfigError: `run` was made with other settings, or a baseline's extra is not installed.
        ArtefactError: another process works on it.
    """
    _check_extras(job)
    with hold(run):
        if fresh:
            clear(run)
        _before_training(job, run, workers, cluster)
        for protocol in job.task.protocols:
            _train(job, run, protocol, workers, cluster)
            evaluate_step(job, run, protocol)
        if _report_is_stale(job, run):
            report_step(run)


def train_job(
    job: JobConfig, run: RunFolder, *, workers: Workers = ALONE, cluster: Cluster | None = None
) -> None:
    """Import, encode and train, as `run_job` does."""
    with hold(run):
        _before_training(job, run, workers, cluster)
        for protocol in job.task.protocols:
            _train(job, run, protocol, workers, cluster)


def assist_job(job: JobConfig, run: RunFolder, workers: Workers) -> None:
    """Take part in what `run_job` does on the first worker: in the training of networks."""
    workers.barrier()  # until the first has made what is read
    for protocol in job.task.protocols:
        train_step(job, run, protocol, workers)


def _before_training(
    job: JobConfig, run: RunFolder, workers: Workers, cluster: Cluster | None
) -> None:
    import_step(job, run)
    encode_step(job, run, cluster)
    workers.barrier()


def _train(
    job: JobConfig, run: RunFolder, protocol: Protocol, workers: Workers, cluster: Cluster | None
) -> None:
    if cluster is None:
        train_step(job, run, protocol, workers)
    else:
        train_on(cluster, job, run, protocol)


def clear(run: RunFolder) -> None:
    """Remove what an earlier run left in its folder.

    Raises:
        ArtefactError: the folder holds something that is no run.
    """
    if not run.path.exists():
        return
    if not run.config.is_file() and any(run.path.iterdir()):
        raise ArtefactError(
            f"{run.path} is not a run folder: remove it by hand, or use another --out"
        )
    for inside in run.path.iterdir():  # and not the folder, which is held
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()


def load_config(run: RunFolder) -> JobConfig:
    """Return the job a run was made with."""
    return build(JobConfig, read_json(run.config))


def import_step(job: JobConfig, run: RunFolder) -> KnowledgeGraph:
    """Import the graph and add what its texts say, unless the run has it."""
    _check_extras(job)
    claim(job, run)
    if not run.graph.is_dir():
        save_graph(_import(job), run.graph)
    return load_graph(run.graph)


def encode_step(job: JobConfig, run: RunFolder, cluster: Cluster | None = None) -> Features:
    """Encode the text of every node, unless the run has it.

    Args:
        job: what to do.
        run: where to.
        cluster: encodes instead, where it is joined.

    Raises:
        LeakError: the encoder was tuned on what a split holds out: said before hours of encoding.
    """
    graph = load_graph(run.graph)
    if not run.features.is_dir():
        if splits_of(job.encoder.model) is not None:
            for protocol in job.task.protocols:
                check_tuned(job.encoder.model, split_step(job, run, protocol))
        encode_nodes(job, graph, run, cluster)
    return load_features(run.features, graph)


def split_step(job: JobConfig, run: RunFolder, protocol: Protocol) -> Split:
    """Decide what is held out, unless the run has it."""
    graph, task = load_graph(run.graph), run.task(protocol)
    if not task.split.is_dir():
        save_split(make_split(graph, job.task, protocol, job.seed), task.split)
    return load_split(task.split, graph)


def train_step(
    job: JobConfig, run: RunFolder, protocol: Protocol, workers: Workers = ALONE
) -> None:
    """Train one protocol's model, unless the run has it.

    Args:
        job: what to do.
        run: where to.
        protocol: which model.
        workers: who do the same beside this process; the first of them writes files.
    """
    task, graph = run.task(protocol), load_graph(run.graph)
    split = workers.in_turn(lambda: split_step(job, run, protocol))
    if workers.first_says(task.model.is_dir()):
        load_bundle(task.model, graph)
        return
    features = load_features(run.features, graph)
    check_no_leak(split)
    check_tuned(job.encoder.model, split)
    histories = partial(encode_histories, job, run=run)
    where: dict[str, Any] = {
        "checkpoints": task.checkpoints,
        "metrics": task.metrics,
        "fingerprint": training_fingerprint(job, split, features),
        "workers": workers,
    }
    if not workers.is_first:
        assist(job, split, features, histories, **where)
        return
    trained = train(job, split, features, histories, **where)
    write_json(
        task.path / "projection.json",
        projection(trained.fitted, split, rng(job.seed, "projection")),
    )
    about = {
        "job": job.to_dict(),
        "protocol": protocol,
        "encoder": features.fingerprint,
        "best_epoch": trained.fitted.best_epoch,
        "regime": asdict(trained.objective.choice),
        "versions": {name: version(name) for name in ("isthmus", "torch", "torch-geometric")},
    }
    bundle = trained.bundle(about)
    scorer, draws = bundle.ranking_scorer(split, MODEL), rng(job.seed, "calibration")
    bundle = replace(bundle, calibration=calibrate(scorer, split, job.evaluation, draws))
    save_bundle(bundle, task.model, graph)


def evaluate_step(job: JobConfig, run: RunFolder, protocol: Protocol) -> Results:
    """Judge one protocol's model beside its floors on the test part, unless the run has it.

    Raises:
        ConfigError: a baseline needs an extra that is not installed.
    """
    task, graph = run.task(protocol), load_graph(run.graph)
    if task.results.is_file():
        results: Results = read_json(task.results)
        return results
    features, bundle = load_features(run.features, graph), load_bundle(task.model, graph)
    results, judged = judge(job, bundle, load_split(task.split, graph), features)
    judged.save(task.path / JUDGED)
    write_json(task.results, results)
    return results


def finetune_step(job: JobConfig, out: Path) -> Path:
    """Tune the job's text encoder on its graph, unless `out` holds the result."""
    graph = _import(job).graph
    texts = {node_type: node_texts(graph, node_type, job.texts) for node_type in graph.nodes}
    return finetune(
        graph,
        task=job.task,
        encoder=job.encoder,
        tuning=job.tuning,
        seed=job.seed,
        out=out,
        texts=texts,
    )


def report_step(run: RunFolder) -> Path:
    """Write `report.html`."""
    return write_report(run, load_graph(run.graph))


def _check_extras(job: JobConfig) -> None:
    """Make sure that what is needed after minutes of training is installed."""
    check_installed(job.evaluation.baselines)
    if job.training.tensorboard:
        check_tensorboard()


def _import(job: JobConfig) -> Imported:
    """Read the job's graph, and add what its texts say."""
    if job.graph.mapping is not None:
        imported = import_graph(job.graph.mapping, encode=encode_names)
    elif job.graph.folder is not None:
        imported = load_imported(job.graph.folder)
    check_texts(imported.graph, job.texts)
    answers = job.encoder.cache.with_name("answers")
    graph = reduce_overlap(imported.graph, job.task, job.seed)
    return replace(imported, graph=enrich(graph, job.knowledge, cache=answers))


def _report_is_stale(job: JobConfig, run: RunFolder) -> bool:
    if not run.report.is_file():
        return True
    written = run.report.stat().st_mtime_ns
    results = [run.task(protocol).results for protocol in job.task.protocols]
    return any(path.stat().st_mtime_ns > written for path in results)
