"""The mapping: one TOML that says what every column, predicate and prefix means."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from kg.errors import ConfigError, nearest
from kg.linking.rules import LinkRule
from kg.privacy.pseudonyms import Pseudonymise
from kg.settings import build, read_toml
from kg.tables.sections import CrosswalkFile, EdgeFile, NodeFile

LiteralType = Literal["number", "date", "text"]
RdfFormatName = Literal[
    "ntriples", "nquads", "turtle", "trig", "n3", "rdfxml", "jsonld", "trix", "hextuples"
]


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Which edge type is predicted."""

    user: str = "user"
    item: str = "item"
    relation: str = "interacts"
    k_core: int = 1  # users and items with fewer interactions lose them, until none has fewer

    def __post_init__(self) -> None:
        if self.k_core < 1:
            raise ValueError(f"k_core = {self.k_core}: must be at least 1")


@dataclass(frozen=True, kw_only=True)
class ClassRule:
    """`[rdf.types]`: what a node with this rdf:type is."""

    type: str
    domain: str | None = None


@dataclass(frozen=True, kw_only=True)
class PrefixRule:
    """`[[rdf.nodes]]`: what an IRI with this beginning is."""

    prefix: str
    type: str
    otherwise: str | None = None  # its type when the tables of `type` do not have the id
    domain: str | None = None
    strip: bool = True  # the id is what follows the prefix; False: the whole IRI


@dataclass(frozen=True, kw_only=True)
class RdfFile:
    """`[[rdf]]`: RDF files, and how their triples become nodes and edges."""

    file: tuple[str, ...]
    format: RdfFormatName | None = None  # default: from the file name
    base: str | None = None  # what relative IRIs are relative to
    domain: str | None = None  # of nodes that no table, type or prefix rule puts in a domain
    default_type: str = "entity"
    prefixes: dict[str, str] = field(default_factory=dict)
    types: dict[str, ClassRule] = field(default_factory=dict)
    nodes: tuple[PrefixRule, ...] = ()
    title: tuple[str, ...] = ("rdfs:label",)
    text: tuple[str, ...] = ("rdfs:label", "rdfs:comment")
    attributes: dict[str, LiteralType] | tuple[str, ...] = ()  # types declared, or by datatype
    language: tuple[str, ...] = ("en", "")
    name_from_iri: bool = False  # title and text from the IRI where no literal gives them
    ignore: tuple[str, ...] = ()  # predicates to leave out
    relations: dict[str, str] | tuple[str, ...] | None = None  # only these, perhaps renamed
    graphs: tuple[str, ...] | None = None  # only the triples of these named graphs; "": of none


@dataclass(frozen=True, kw_only=True)
class Existing:
    """What the graph has that an import adds to, so that a mapping need not define it."""

    interactions: Interactions
    types: tuple[str, ...]
    tables: tuple[str, ...] = ()  # node types that tables have defined


@dataclass(frozen=True, kw_only=True)
class Exported:
    """`[exported]`: a whole graph as `isthmus export` writes it as RDF."""

    file: str
    format: RdfFormatName | None = None  # default: from the file name


@dataclass(frozen=True, kw_only=True)
class GraphMapping:
    """A whole mapping file. `folder` is what its paths are relative to."""

    interactions: Interactions = Interactions()
    nodes: tuple[NodeFile, ...] = ()
    edges: tuple[EdgeFile, ...] = ()
    crosswalk: tuple[CrosswalkFile, ...] = ()
    rdf: tuple[RdfFile, ...] = ()
    links: tuple[LinkRule, ...] = ()
    exported: Exported | None = None
    pseudonymise: Pseudonymise | None = None
    scrub: dict[str, tuple[str, ...]] = field(default_factory=dict)  # facts, by node type
    folder: Path = Path()
    existing: Existing | None = None

    def __post_init__(self) -> None:
        if self.exported is not None:
            others = (self.nodes, self.edges, self.crosswalk, self.rdf, self.links, self.scrub)
            if any(others) or self.pseudonymise or self.interactions != Interactions():
                raise ValueError("[exported] is a whole graph: it takes no other section beside it")
            return
        if self.existing is None and not self.nodes and not self.rdf:
            raise ValueError("no nodes: add at least one [[nodes]] or [[rdf]]")
        if self.existing is None and not self.edges and not self.rdf:
            raise ValueError("no edges: add at least one [[edges]] or [[rdf]]")
        hidden = () if self.pseudonymise is None else self.pseudonymise.types
        self._check_types(hidden)
        self._check_repeats()
        self._check_hidden(hidden)

    def _check_types(self, hidden: tuple[str, ...]) -> None:
        """Refuse node types that nothing defines."""
        existing = () if self.existing is None else self.existing.types
        known = sorted({*self._defined_types(), *existing})
        wanted = [(self.interactions.item, "interactions.item")]
        for i, edge in enumerate(self.edges):
            wanted += [(edge.src.type, f"edges[{i}].src"), (edge.dst.type, f"edges[{i}].dst")]
        wanted.append((self.interactions.user, "interactions.user"))
        for i, link in enumerate(self.links):
            wanted += [(link.source, f"links[{i}].source"), (link.target, f"links[{i}].target")]
        wanted += [(name, "pseudonymise.types") for name in hidden]
        wanted += [(name, "scrub") for name in self.scrub]
        for name, where in wanted:
            if name not in known:
                hint = nearest(name, known)
                raise ValueError(
                    f"{where}: node type {name!r} is never defined{hint}; "
                    f"the mapping defines {', '.join(known)}"
                )

    def known_to_rdf(self) -> tuple[str, ...]:
        """Return the node types of the graph that is added to which no table defines."""
        known = () if self.existing is None else self.existing.types
        return tuple(kind for kind in known if kind not in self.table_types())

    def _check_hidden(self, hidden: tuple[str, ...]) -> None:
        """Refuse what would show who a pseudonym is."""
        for i, rdf in enumerate(self.rdf):
            for rule in rdf.nodes:
                if rule.type in hidden and rule.otherwise not in (None, *hidden):
                    raise ValueError(
                        f"rdf[{i}].nodes: {rule.otherwise!r} would show ids of {rule.type!r}, "
                        "which are pseudonymised; pseudonymise both, or leave `otherwise` out"
                    )
        for i, link in enumerate(self.links):
            if (link.source in hidden) != (link.target in hidden):
                raise ValueError(
                    f"links[{i}]: a link between {link.source!r} and {link.target!r} would show "
                    "who a pseudonym is; pseudonymise both, or leave the link out"
                )

    def _check_repeats(self) -> None:
        rules: dict[tuple[str, str, str], str] = {}
        for i, edge in enumerate(self.edges):
            name = (edge.src.type, edge.relation, edge.dst.type)
            if rules.setdefault(name, edge.repeats) != edge.repeats:
                raise ValueError(
                    f"edges[{i}].repeats = {edge.repeats!r}, but an earlier section says "
                    f"{rules[name]!r} of the same edges {' '.join(name)!r}"
                )

    def own_types(self) -> set[str]:
        """Return every node type that a file of the mapping may name an id of."""
        ends = {end.type for edge in self.edges for end in (edge.src, edge.dst)}
        return {*self._defined_types(), *ends}

    def table_types(self) -> frozenset[str]:
        """Return the node types that tables define, here or for the graph that is added to."""
        known = () if self.existing is None else self.existing.tables
        return frozenset({*known, *(nodes.type for nodes in self.nodes)})

    def _defined_types(self) -> Iterator[str]:
        yield from (nodes.type for nodes in self.nodes)
        for edge in self.edges:
            yield from (end.type for end in (edge.src, edge.dst) if end.create)
        for rdf in self.rdf:
            yield rdf.default_type
            yield from (rule.type for rule in rdf.types.values())
            for prefix in rdf.nodes:
                yield prefix.type
                if prefix.otherwise is not None:
                    yield prefix.otherwise


def read_mapping(path: Path, existing: Existing | None = None) -> GraphMapping:
    """Read a mapping file; its paths are relative to the folder that it is in.

    Args:
        path: a TOML.
        existing: what is in the graph that its files are added to.

    Raises:
        ConfigError: missing, not TOML, or a key is wrong; names the nearest key.
    """
    data = read_toml(path)
    try:
        for name in ("folder", "existing"):
            if name in data:
                raise ConfigError(f"unknown key {name!r}: it follows from the files")
        if existing is not None:
            known = asdict(existing)
            data = {"interactions": known["interactions"], **data, "existing": known}
        return replace(build(GraphMapping, data), folder=path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
