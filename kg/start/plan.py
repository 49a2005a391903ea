"""What a first mapping says, before it is written."""

from dataclasses import dataclass, field
from pathlib import Path

from kg.start.rdf_sample import RdfSample
from kg.start.table_sample import Table


@dataclass
class NodePlan:
    """A `[[nodes]]` section; `notes` has a comment for each key that was a guess."""

    table: Table
    type: str
    id: str
    space: str | None = None
    domain: str | None = None
    domain_column: str | None = None
    text: list[str] = field(default_factory=list)  # the first is the title
    attributes: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)  # column -> why it is left out
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EndPlan:
    """One end of an edge."""

    type: str
    column: str
    create: bool = False
    space: str | None = None


@dataclass
class EdgePlan:
    """An `[[edges]]` section; tables with the same columns share one."""

    tables: list[Table]
    relation: str
    src: EndPlan
    dst: EndPlan
    weight: str | None = None
    time: str | None = None
    unused: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamespacePlan:
    """An `[[rdf.nodes]]` rule."""

    prefix: str
    type: str
    strip: bool
    otherwise: str
    note: str


@dataclass(frozen=True)
class ClassPlan:
    """A line of `[rdf.types]`."""

    iri: str
    type: str
    domain: str | None
    count: int


@dataclass
class RdfPlan:
    """The `[[rdf]]` section; names of predicates are IRIs."""

    sample: RdfSample
    title: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    name_from_iri: bool = False
    prefixes: dict[str, str] = field(default_factory=dict)
    classes: list[ClassPlan] = field(default_factory=list)
    namespaces: list[NamespacePlan] = field(default_factory=list)


@dataclass(frozen=True)
class LeftOut:
    """A file that is not in the mapping, and why."""

    path: Path
    why: str


@dataclass
class Plan:
    """A whole mapping, and what a job about it says.

    Attributes:
        nodes: tables of nodes, items first.
        edges: tables of edges, interactions first.
        rdf: the RDF files, if there are any.
        left_out: the files that are in none of these.
        cold_users: tables that say which users are cold, by file.
        cold_items: the same of items.
        domains: names of domains with about how many items each, the greatest first.
        missing: what the files lack for a graph that can be imported; empty if nothing.
    """

    nodes: list[NodePlan] = field(default_factory=list)
    edges: list[EdgePlan] = field(default_factory=list)
    rdf: RdfPlan | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    cold_users: list[Path] = field(default_factory=list)
    cold_items: list[Path] = field(default_factory=list)
    domains: dict[str, int] = field(default_factory=dict)
    missing: str = ""
