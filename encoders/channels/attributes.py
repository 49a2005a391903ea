"""Attributes of nodes as channels: numbers, categories, dates and vectors, fitted on some nodes."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from encoders.base import FloatArray
from encoders.channels.cells import date_share, plain
from encoders.channels.columns import Categorical, Column, Date, Numeric, Vectors
from kg.errors import ConfigError, nearest
from kg.vocab import IntArray

Kind = Literal["numeric", "categorical", "date", "vectors", "none"]
TEXT, IMAGE = "text", "image"
HISTORY = "history:"  # followed by a domain: the texts of what a user did there
VECTORS = "vectors:"  # followed by the name of a column
DATED = 0.9  # share of a column's texts that must be dates
SHARED = 0.5  # share of nodes with a frequent value; with less, a column is taken for free text

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ChannelConfig:
    """What is known of nodes beside their edges, and how it comes in."""

    leave_out: tuple[str, ...] = ()  # channels; "history" and "vectors" mean all of that kind
    kinds: dict[str, Kind] = field(default_factory=dict)  # of columns, where the guess is wrong
    images: str | None = None  # the column that names image files
    image_folder: Path = Path()  # what these names are relative to
    image_model: str | None = None  # a CLIP-style model of sentence-transformers
    project: int = 0  # principal components kept of texts, images and vectors; 0 keeps all
    whiten: float = 0.5  # how far their variances are made equal: 0 not at all, 1 wholly

    def __post_init__(self) -> None:
        if (self.images is None) != (self.image_model is None):
            raise ValueError("give images (a column) and image_model together, or neither")
        if self.project < 0:
            raise ValueError(f"project = {self.project}: must be 0 or more")
        if not 0 <= self.whiten <= 1:
            raise ValueError(f"whiten = {self.whiten}: must be from 0 to 1")


def is_left_out(channel: str, leave_out: Iterable[str]) -> bool:
    """Return whether a channel is named, itself or by what stands before its colon."""
    names = set(leave_out)
    return channel in names or (":" in channel and channel.split(":", 1)[0] in names)


def check_names(config: ChannelConfig, channels: Iterable[str], columns: Iterable[str]) -> None:
    """Check that what a config names is there.

    Raises:
        ConfigError: no node has such a channel or column; names the nearest.
    """
    channels, columns = sorted(set(channels)), sorted({*columns})
    known = sorted({*channels, *(c.split(":", 1)[0] for c in channels)})
    for name in config.leave_out:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ConfigError(
                f"channels.leave_out: no channel {name!r}{nearest(name, known)} (known: {listed})"
            )
    for name in config.kinds:
        if name not in columns:
            listed = ", ".join(columns) or "none"
            raise ConfigError(
                f"channels.kinds: no column {name!r}{nearest(name, columns)} (columns: {listed})"
            )


@dataclass(frozen=True, kw_only=True)
class AttributeTransform:
    """The attribute columns of one node type, fitted.

    Attributes:
        columns: those that say something, in the order of the table.
    """

    columns: tuple[Column, ...] = ()

    @classmethod
    def fit(cls, attributes: Any, rows: IntArray, config: ChannelConfig, what: str) -> Self:
        """Find out what each column is and what its values are, from some nodes alone.

        Args:
            attributes: an Arrow table, one row per node.
            rows: the nodes that may be learned from.
            config: kinds of columns, and which is no attribute because it names images.
            what: the node type, for the log.

        Raises:
            ConfigError: a column cannot be of the kind that the config says.
        """
        fitted: list[Column] = []
        for name in attributes.column_names:
            if name == config.images:
                continue
            column, asked = plain(attributes[name]), config.kinds.get(name)
            one = _fit(name, column, rows, asked)
            if one is not None:
                fitted.append(one)
            elif asked != "none":
                _log.info("%s.%s says nothing that nodes share: left out", what, name)
        return cls(columns=tuple(fitted))

    @property
    def channels(self) -> list[str]:
        """Names of the channels that the columns make."""
        return list(dict.fromkeys(_channel(column) for column in self.columns))

    def apply(self, attributes: Any, num_nodes: int) -> dict[str, FloatArray]:
        """Return channels `[num_nodes, width]` by name; zero rows where nothing is known.

        Args:
            attributes: an Arrow table, one row per node; a column that it lacks is unknown.
            num_nodes: number of rows.
        """
        parts: dict[str, list[FloatArray]] = {}
        for column in self.columns:
            if column.name in attributes.column_names:
                rows = column.apply(plain(attributes[column.name]))
            else:
                rows = np.zeros((num_nodes, column.width), dtype=np.float32)
            parts.setdefault(_channel(column), []).append(rows)
        return {name: np.concatenate(some, axis=1) for name, some in parts.items()}

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain values."""
        return [{"kind": column.kind, **dataclasses.asdict(column)} for column in self.columns]

    @classmethod
    def from_json(cls, values: Iterable[Mapping[str, Any]]) -> Self:
        """Return what `to_json` was made of."""
        return cls(columns=tuple(_column(value) for value in values))


def _channel(column: Column) -> str:
    return VECTORS + column.name if column.kind == "vectors" else column.kind


def _fit(name: str, column: Any, rows: IntArray, asked: Kind | None) -> Column | None:
    kind = _guess(column, rows) if asked is None else asked
    try:
        if kind == "numeric":
            return Numeric.fit(name, column, rows)
        if kind == "date":
            return Date.fit(name, column, rows)
        if kind == "vectors":
            return Vectors.fit(name, column, rows)
        if kind == "categorical":
            fitted, share = Categorical.fit(name, column, rows)
            return fitted if asked is not None or share >= SHARED else None
    except (pa.ArrowException, TypeError):
        if asked is None:
            return None
        raise ConfigError(
            f"channels.kinds.{name} = {asked!r}: the column holds {column.type}"
        ) from None
    return None


def _guess(column: Any, rows: IntArray) -> Kind:
    """Return what a column is, by its Arrow type, and a text by what it says."""
    of = column.type
    if pat.is_boolean(of) or pat.is_integer(of) or pat.is_floating(of) or pat.is_decimal(of):
        return "numeric"
    if pat.is_date(of) or pat.is_timestamp(of):
        return "date"
    if pat.is_list(of) or pat.is_large_list(of) or pat.is_fixed_size_list(of):
        numbers = pat.is_integer(of.value_type) or pat.is_floating(of.value_type)
        return "vectors" if numbers else "categorical"
    if pat.is_string(of) or pat.is_large_string(of):
        dated = date_share(column.take(pa.array(rows))) >= DATED
        return "date" if dated else "categorical"
    return "none"


def _column(value: Mapping[str, Any]) -> Column:
    fields = {name: some for name, some in value.items() if name != "kind"}
    if value["kind"] == "categorical":
        return Categorical(name=fields["name"], values=tuple(fields["values"]))
    kinds: dict[str, type[Numeric] | type[Date] | type[Vectors]] = {
        "numeric": Numeric,
        "date": Date,
        "vectors": Vectors,
    }
    return kinds[value["kind"]](**fields)
