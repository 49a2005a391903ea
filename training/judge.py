"""A trained model beside its floors and baselines, on what was held out."""

import numpy as np

from encoders.channels.features import Features
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.baselines.tuned import tune_baseline
from training.bundle import Bundle
from training.config import JobConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.judged import Judged
from training.evaluation.reliability import judge_calibration
from training.evaluation.results import Results, compare
from training.evaluation.split import Split
from training.evaluation.valid import fewer_users
from training.seed import rng

MODEL = "isthmus"  # the name of the model among the scorers


def judge(
    job: JobConfig, bundle: Bundle, split: Split, features: Features
) -> tuple[Results, Judged]:
    """Judge a model on the test part of its split.

    Args:
        job: which floors and baselines, by which metrics.
        bundle: the model.
        split: whose test part is asked about.
        features: what floors and baselines read of the items.

    Returns:
        Everything with intervals and tests, and what each of the scorers got for every user.

    Raises:
        ConfigError: a baseline needs an extra that is not installed.
    """
    if job.evaluation.users:
        split = fewer_users(split, job.evaluation.users, job.seed, "test")
    train = split.train
    vectors = features.vectors.get(train.item_type, np.zeros((len(train.items), 1), np.float32))
    scorers: list[Scorer] = [bundle.ranking_scorer(split, MODEL)]
    bench = Task(split=split, item_features=vectors)
    if job.evaluation.floors:
        scorers += floors_for(bench, job.seed)
    block_bytes = job.evaluation.block_bytes
    baselines = [
        tune_baseline(name, bench, seed=job.seed, block_bytes=block_bytes)
        for name in job.evaluation.baselines
    ]
    scorers += [tuned.scorer for tuned in baselines]
    evaluations = {
        scorer.name: evaluate(
            scorer,
            split,
            "test",
            k=job.evaluation.k,
            sampled_negatives=job.evaluation.sampled_negatives,
            block_bytes=block_bytes,
            rng=rng(job.seed, "test"),
            item_features=vectors,
        )
        for scorer in scorers
    }
    results = compare(evaluations, MODEL, seed=job.seed, resamples=job.evaluation.bootstrap)
    results |= {"shots": split.shots, "too_few": split.too_few}
    results["regime"] = bundle.about.get("regime")
    if baselines:
        results["tuned"] = {tuned.scorer.name: tuned.settings for tuned in baselines}
    if bundle.calibration is not None:
        results["calibration"] = judge_calibration(
            bundle.calibration,
            scorers[0],
            split,
            rng=rng(job.seed, "reliability"),
            resamples=job.evaluation.bootstrap,
            block_bytes=block_bytes,
        )
    return results, Judged.of(evaluations, split, MODEL)
