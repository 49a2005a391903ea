"""Which settings a search tries: key path to a range or to choices."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import ConfigError
from kg.settings import build, read_toml
from training.config import JobConfig

Setting = bool | int | float | str
Settings = Mapping[str, Setting]

# what these tables decide is made once and shared by all trials, or is what is searched for
SHARED = (
    *("name", "seed", "graph", "task", "evaluation"),
    *("texts", "knowledge", "encoder", "tuning"),
    *("channels.images", "channels.image_folder", "channels.image_model"),
)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The values that one setting may take: those from `low` to `high`, or one of `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False  # the same number of trials for each order of magnitude
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.choices:
            if (self.low, self.high, self.log) != (None, None, False):
                raise ValueError("give either low and high, or choices")
            if not all(isinstance(choice, Setting) for choice in self.choices):
                raise ValueError("choices must be numbers, strings or booleans")
        elif self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        elif not self.low < self.high:
            raise ValueError(f"low = {self.low}: must be less than high = {self.high}")
        elif self.log and self.low <= 0:
            raise ValueError(f"low = {self.low}: must be more than 0 where log = true")

    def holds(self, value: Any) -> bool:
        """Return whether `value` is one that may be tried."""
        if self.low is None or self.high is None:
            return value in self.choices
        return isinstance(value, int | float) and bool(self.low <= value <= self.high)

    def ends(self) -> tuple[Any, ...]:
        """Return the choices, or the two ends of the range."""
        return self.choices or (self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Return what is set, ready for JSON."""
        if self.choices:
            return {"choices": list(self.choices)}
        ends = {"low": self.low, "high": self.high}
        return {**ends, "log": True} if self.log else ends


Space = Mapping[str, Parameter]

DEFAULT_SPACE: Space = {
    "training.epochs": Parameter(low=1, high=6),
    "training.learning_rate": Parameter(low=1e-3, high=1e-1, log=True),
    "training.vector_learning_rate": Parameter(low=3e-5, high=3e-3, log=True),
    "training.alignment_weight": Parameter(low=1e-3, high=1.0, log=True),
    "training.simulate_users": Parameter(low=0.0, high=0.6),
    "training.simulate_items": Parameter(low=0.0, high=0.6),
    "model.width": Parameter(choices=(128, 256, 384, 512)),
    "model.text_width": Parameter(choices=(32, 64, 128)),
    "neighbours.k": Parameter(low=5, high=60, log=True),
    "neighbours.lexical": Parameter(low=0.0, high=1.0),
    "channels.whiten": Parameter(low=0.0, high=1.0),
}


def load_space(path: Path | None, overrides: Sequence[str] = ()) -> Space:
    """Return what is searched: the table `[search]` of a TOML file, or the default.

    Args:
        path: the file; None takes `DEFAULT_SPACE`.
        overrides: `key.path=value` strings of the command line: a key that is set is not searched.

    Raises:
        ConfigError: the file is no such table, or nothing is left to search.
    """
    space: Space = DEFAULT_SPACE
    if path is not None:
        data = read_toml(path)
        if list(data) != ["search"]:
            raise ConfigError(f"{path}: expected one table [search], got {list(data)}")
        space = _parameters(data["search"])
    given = {override.partition("=")[0].strip() for override in overrides}
    space = {key: parameter for key, parameter in space.items() if key not in given}
    if not space:
        raise ConfigError("nothing to search: every setting of the space is given by --set")
    return space


def check_space(space: Space, job: JobConfig) -> None:
    """Make sure that every value at an end of a range, and every choice, is one that a job takes.

    Raises:
        ConfigError: a key or value that no job may have, or a key that all trials share.
    """
    for key, parameter in space.items():
        if any(f"{key}.".startswith(f"{shared}.") for shared in SHARED):
            raise ConfigError(f"search: {key!r} cannot be searched: all trials share what it makes")
        for value in parameter.ends():
            with_settings(job, {key: value})


def with_settings(job: JobConfig, settings: Settings) -> JobConfig:
    """Return the job with other values at some key paths.

    Raises:
        ConfigError: no job has such a key, or such a value there.
    """
    data = job.to_dict()
    for key, value in settings.items():
        *parents, last = key.split(".")
        table = data
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise ConfigError(f"unknown key {key!r}: {parent!r} is not a table")
        table[last] = value
    return build(JobConfig, data)


def setting(job: JobConfig, key: str) -> Any:
    """Return the value of a job at a key path that `check_space` has passed; None for no value."""
    value: Any = job
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
    return value


def _parameters(table: Any, where: str = "") -> dict[str, Parameter]:
    """Read a table whose keys are paths, quoted or not: TOML makes tables of dots unquoted."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"search.{where}: expected {{ low, high }} or {{ choices }}")
    known = {field.name for field in dataclasses.fields(Parameter)}
    found: dict[str, Parameter] = {}
    for key, value in table.items():
        path = f"{where}.{key}" if where else str(key)
        is_leaf = isinstance(value, Mapping) and not any(
            isinstance(v, dict) for v in value.values()
        )
        if is_leaf and (known & set(value) or not value):
            found[path] = build(Parameter, value, f"search.{path}")
        else:
            found |= _parameters(value, path)
    return found
