"""The job: one TOML, frozen dataclasses, nothing else decides a run."""

import dataclasses
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from encoders.channels.attributes import ChannelConfig
from encoders.knowledge.enrich import EnrichConfig
from encoders.neighbours.edges import TextEdgeConfig
from encoders.settings import EncoderConfig
from encoders.texts.templates import TextConfig
from encoders.tuning.config import TuningConfig
from kg.errors import ConfigError
from kg.settings import build, read_toml, substitute
from training.baselines.catalogue import check_names
from training.memory import read_bytes


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """Where the graph comes from: a mapping to import, or a folder already imported."""

    mapping: Path | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        if (self.mapping is None) == (self.folder is None):
            raise ValueError(
                "give either mapping (a TOML that maps files) or folder (an imported graph)"
            )


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What is predicted, and how it is held out."""

    target: str
    sources: tuple[str, ...] = ()  # empty: every other domain
    protocols: tuple[Literal["user-cold", "item-cold", "warm"], ...] = ("user-cold", "item-cold")
    valid_fraction: float = 0.1
    test_fraction: float = 0.1
    by_time: bool = False  # protocol "warm": hold out the last interactions, not random ones
    cold_users: Path | None = None  # a table (user, part) instead of random users
    cold_items: Path | None = None  # a table (item, part) instead of random items
    overlap: float = 1.0  # share of overlapping users that stay one person
    shots: int = 0  # target interactions that a cold node keeps

    def __post_init__(self) -> None:
        _check_range(self, 0, 1, "overlap")
        _check_range(self, 0, math.inf, "shots")
        if self.overlap < 1 and "user-cold" in self.protocols and len(self.protocols) > 1:
            # what is cold in one protocol would be overlap in the others, on the same graph
            raise ValueError(
                f"overlap = {self.overlap:g} keeps the cold users whole: "
                'run protocols = ["user-cold"] and the others as two jobs'
            )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape of the graph network."""

    width: int = 384  # coordinates that start at the interactions' singular vectors
    text_width: int = 64  # further ones that start at the texts' principal components
    convolution: Literal["light", "rgcn", "hgt", "sage", "gat", "lightgcn"] = "light"
    layers: int = 2
    decoder: Literal["dot", "distmult", "complex"] = "dot"  # of interactions
    knowledge_decoder: Literal["dot", "distmult", "complex", "rotate", "transe", "mlp"] = "distmult"
    fusion: Literal["concat", "gate", "attention"] = "concat"  # of a node's channels

    def __post_init__(self) -> None:
        _check_range(self, 1, math.inf, "width", "layers")
        _check_range(self, 0, math.inf, "text_width")
        kinds = {"complex", "rotate"} & {self.decoder, self.knowledge_decoder}
        if kinds and (self.width % 2 or self.text_width % 2):
            raise ValueError(
                f"{kinds.pop()} needs an even width and text_width: two for each complex number"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How the network is fitted."""

    epochs: int = 1
    batch_size: int = 16_384  # interactions; less on small data, so that an epoch has 20 steps
    learning_rate: float = 1e-2  # of gates, mixtures and decoders
    vector_learning_rate: float = 3e-4  # of node vectors and projections, which start from data
    weight_decay: float = 0.0
    loss: Literal["softmax", "bpr"] = "softmax"
    negatives: int = 1_024  # shared by the whole batch, for each domain
    negative_power: float = 0.0  # 0 draws negatives uniformly, 1 by popularity
    spectral_start: bool = True  # begin item vectors at the interactions' singular vectors
    alignment: Literal["none", "mmd", "coral", "adversarial", "contrastive", "sinkhorn"] = "mmd"
    alignment_weight: float = 0.1
    alignment_schedule: Literal["constant", "ramp", "decay"] = "constant"
    align: tuple[str, ...] = ("user",)  # node types that are to be alike in both domains
    knowledge_weight: float = 0.01  # of the second task: knowledge-graph triples
    simulate_users: float = 0.3  # share of overlapping users that play cold (user-cold)
    simulate_items: float = 0.3  # share of target items that play cold (item-cold)
    simulated_share: float = 0.5  # of a batch: interactions that nodes playing cold have lost
    simulation_steps: int = 10  # steps before other nodes are drawn to play cold
    patience: int = 2  # epochs without a better valid score before stopping
    checkpoint_every: int = 1  # epochs
    checkpoint_minutes: float = 10.0  # between checkpoints inside an epoch; 0 for none there
    tensorboard: bool = False  # scalars for TensorBoard, beside metrics.jsonl
    regime: Literal["auto", "full", "decoupled", "sampled"] = "auto"  # how embeddings are made
    memory: str = "auto"  # of training, such as "8GB"; "auto" takes most of what is free
    fan_out: tuple[int, ...] = (15, 10)  # neighbours that are drawn, by distance ("sampled")
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        _check_range(self, 1, math.inf, "batch_size", "negatives", "patience")
        _check_range(self, 1, math.inf, "simulation_steps", "checkpoint_every")
        if not self.fan_out or min(self.fan_out) < 1:
            raise ValueError(f"fan_out = {list(self.fan_out)}: must be numbers of at least 1")
        _check_range(
            self, 0, math.inf, "epochs", "learning_rate", "vector_learning_rate", "weight_decay"
        )
        _check_range(self, 0, math.inf, "checkpoint_minutes")
        _check_range(self, 0, math.inf, "alignment_weight", "knowledge_weight")
        _check_range(self, 0, 1, "simulate_users", "simulate_items", "simulated_share")
        read_bytes(self.memory)
        if self.alignment == "contrastive" and self.align != ("user",):
            raise ValueError(
                'alignment = "contrastive" needs align = ["user"]: only users are pairs'
            )


@dataclass(frozen=True, kw_only=True)
class RankingConfig:
    """The second stage: signals of pairs, weighed on simulated cold starts."""

    folds: int = 3  # worlds in which cold starts are rehearsed; 0 for the first stage alone
    simulated: int = 3_000  # nodes or users that play in all of them together
    steps: int = 150  # of the optimiser
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        _check_range(self, 0, math.inf, "folds", "steps", "learning_rate")
        _check_range(self, 1, math.inf, "simulated")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How the result is judged."""

    k: tuple[int, ...] = (10, 20)
    users: int = 0  # of the test part that are judged, drawn at random; 0 for all
    sampled_negatives: int = 999
    block_bytes: int = 268_435_456  # of scores held at once
    bootstrap: int = 1_000
    floors: bool = True
    calibration: Literal["none", "isotonic", "platt", "auto"] = "auto"  # of scores, on valid
    threshold: float | None = None  # on probabilities; None takes the one with the best F1 on valid
    baselines: tuple[str, ...] = ()  # tuned on the valid part, judged beside the floors

    def __post_init__(self) -> None:
        _check_range(self, 0, math.inf, "users")
        check_names(self.baselines)
        if self.threshold is not None:
            _check_range(self, 0, 1, "threshold")


def _check_range(config: object, low: float, high: float, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not (low <= value <= high and math.isfinite(value)):
            limit = f"{low} or more" if high == math.inf else f"from {low} to {high}"
            raise ValueError(f"{name} = {value!r}: must be {limit}")


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """One training job."""

    name: str
    graph: GraphConfig
    task: TaskConfig
    seed: int = 0
    texts: TextConfig = field(default_factory=TextConfig)
    knowledge: EnrichConfig = field(default_factory=EnrichConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    channels: ChannelConfig = field(default_factory=ChannelConfig)
    neighbours: TextEdgeConfig = field(default_factory=TextEdgeConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return _plain(dataclasses.asdict(self))  # type: ignore[no-any-return]


def load_job(path: Path, overrides: Sequence[str] = ()) -> JobConfig:
    """Read a job TOML; paths in it are relative to its folder.

    Args:
        path: the TOML file.
        overrides: `key.path=value` strings that win over the file; the value is TOML, and a bare
            word is taken as a string.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    data = read_toml(path)
    for override in overrides:
        apply_override(data, override)
    job: JobConfig = _resolve(build(JobConfig, data), path.resolve().parent)
    return job


def apply_override(data: dict[str, Any], override: str) -> None:
    """Set what a `key.path=value` string says in a nested table.

    Raises:
        ConfigError: it is no such string, or the path leads through a value.
    """
    key, separator, text = override.partition("=")
    if not separator:
        raise ConfigError(f"--set {override!r}: expected key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.strip().split(".")
    table = data
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override!r}: {parent!r} is not a table")
    table[last] = value


def _resolve(value: Any, folder: Path) -> Any:
    """Make every path in a config absolute."""
    if isinstance(value, Path):
        return (folder / Path(substitute(str(value))).expanduser()).resolve()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: _resolve(getattr(value, f.name), folder) for f in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **fields)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
