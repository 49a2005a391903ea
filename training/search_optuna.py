"""Optuna behind plain records: which settings to try next, and which mattered."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kg.errors import ConfigError
from training.config import JobConfig
from training.search_space import Setting, Settings, Space, setting

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    Distributions = Mapping[str, BaseDistribution]

RUNNING, COMPLETE, PRUNED = "running", "complete", "pruned"
MIN_COMPLETE = 5  # trials before one is stopped early, or importances mean anything

Trial = dict[str, Any]  # as in study.json: number, state, settings, tasks and, at the end, value


def import_optuna() -> Any:
    """Return the module.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ConfigError("isthmus tune needs Optuna: pip install 'isthmus[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def distributions(space: Space, job: JobConfig) -> "Distributions":
    """Return what Optuna draws from; a setting that is a real number stays one."""
    known = import_optuna().distributions
    found = {}
    for key, parameter in space.items():
        ends = parameter.ends()
        if parameter.choices:
            found[key] = known.CategoricalDistribution(ends)
        elif any(isinstance(value, float) for value in (setting(job, key), *ends)):
            found[key] = known.FloatDistribution(*ends, log=parameter.log)
        else:
            found[key] = known.IntDistribution(*ends, log=parameter.log)
    return found


def propose(
    space: Space,
    sampled: "Distributions",
    records: Sequence[Trial],
    present: Settings,
    seed: int,
) -> dict[str, Setting]:
    """Return the settings of the next trial: what is there at first, then a tree of Parzen ones.

    Bergstra et al., *Algorithms for hyper-parameter optimization*, NeurIPS 2011. Real numbers have
    three digits, so that what is tried is what can be written down.
    """
    sampler = import_optuna().samplers.TPESampler(multivariate=True, seed=seed + len(records))
    study = _optuna_study(sampled, records, sampler)
    if not records:
        study.enqueue_trial({key: v for key, v in present.items() if space[key].holds(v)})
    proposed: dict[str, Setting] = {}
    for key, value in study.ask(dict(sampled)).params.items():
        short = float(f"{value:.3g}") if isinstance(value, float) else value
        proposed[key] = short if space[key].holds(short) else value
    return proposed


def importances(sampled: "Distributions", records: Sequence[Trial], seed: int) -> dict[str, float]:
    """Return how much of the variance between complete trials each setting explains, by fANOVA."""
    values = [trial["value"] for trial in records if trial["state"] == COMPLETE]
    if len(values) < MIN_COMPLETE or len(set(values)) < 2:
        return {}
    importance = import_optuna().importance
    found = importance.get_param_importances(
        _optuna_study(sampled, records),
        evaluator=importance.FanovaImportanceEvaluator(seed=seed),
    )
    return {key: round(float(share), 4) for key, share in found.items()}


def mean_ratio(trial: Trial, names: Sequence[str]) -> float:
    """Return the geometric mean of a trial's ratios to the floors of some tasks."""
    product: float = math.prod(trial["tasks"][name]["ratio"] for name in names)
    return math.pow(product, 1 / len(names))


def _optuna_study(
    sampled: "Distributions",
    records: Sequence[Trial],
    sampler: Any = None,
) -> Any:
    optuna = import_optuna()
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for record in records:
        names = list(record["tasks"])
        steps = {i: mean_ratio(record, names[: i + 1]) for i in range(len(names))}
        complete = record["state"] == COMPLETE
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[record["state"].upper()],
                params=record["settings"],
                distributions=dict(sampled),
                intermediate_values=steps,
                value=record["value"] if complete else None,
            )
        )
    return study
