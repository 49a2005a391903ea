"""What a mapping says of tables: `[[nodes]]`, `[[edges]]` and `[[crosswalk]]`."""

from dataclasses import dataclass, field
from typing import Literal

from kg.tables.times import check_format

TableFormat = Literal["csv", "tsv", "jsonl", "parquet", "sqlite", "postgres"]
AttributeType = Literal["number", "text"]
Repeats = Literal["max", "last", "sum", "count"]


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """What `[[nodes]]` and `[[edges]]` say about their files."""

    file: tuple[str, ...]
    format: TableFormat | None = None  # default: from the file name
    delimiter: str | None = None  # default: "," in CSV, a tab in TSV
    quote: bool | None = None  # default: CSV yes, TSV no
    columns: tuple[str, ...] = ()  # their names, where the file has no header line
    table: str | None = None  # of an SQLite file or a dump of PostgreSQL

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ValueError(f"delimiter must be one character, not {self.delimiter!r}")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns has a name twice")


@dataclass(frozen=True, kw_only=True)
class NodeFile(TableFile):
    """`[[nodes]]`: a table with one node per row."""

    type: str
    id: str
    space: str = ""  # where ids are unique, if not among all nodes of the type
    domain: tuple[str, ...] = ()  # of every row
    domain_column: str | None = None  # or one domain per row
    title: str | None = None  # default: the first text column
    text: tuple[str, ...] = ()
    attributes: dict[str, AttributeType] | tuple[str, ...] = ()  # types are inferred or declared

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.domain and self.domain_column:
            raise ValueError("give either domain or domain_column")

    def declared(self, kind: AttributeType) -> list[str]:
        """Return the attributes that are declared to be of a type."""
        if not isinstance(self.attributes, dict):
            return []
        return [name for name, declared in self.attributes.items() if declared == kind]


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of an edge: the column that holds the id, and the node type that it is of."""

    type: str
    column: str
    create: bool = False  # an unknown id becomes a node; otherwise its row is rejected
    space: str = ""  # where ids are unique, if not among all nodes of the type


@dataclass(frozen=True, kw_only=True)
class EdgeFile(TableFile):
    """`[[edges]]`: a table with one edge per row."""

    relation: str
    src: End
    dst: End
    weight: str | None = None
    weights: dict[str, float] = field(default_factory=dict)  # what values of `weight` stand for
    at_least: float | None = None  # a row with less weight is no edge
    time: str | None = None
    time_format: str | None = None  # default: numbers as they are, or ISO dates
    repeats: Repeats = "max"  # what becomes of the same edge twice

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, base in (("weights", "weight"), ("at_least", "weight"), ("time_format", "time")):
            if getattr(self, name) not in (None, {}) and getattr(self, base) is None:
                raise ValueError(f"{name} needs {base}, the column that it is about")
        if self.time_format is not None:
            check_format(self.time_format)


@dataclass(frozen=True, kw_only=True)
class CrosswalkFile(TableFile):
    """`[[crosswalk]]`: a table that says which ids of several id spaces are the same node."""

    type: str
    spaces: dict[str, str]  # the column that has the ids of each space
    id: str | None = None  # column of the id in the graph; default: that of the first space

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.spaces) + (self.id is not None) < 2:
            raise ValueError("spaces must name at least two columns, or one beside id")
