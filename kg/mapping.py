"""The mapping: one TOML that says what every column, predicate and prefix means."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from kg.errors import ConfigError, InputError, nearest
from kg.settings import build, read_toml

TableFormat = Literal["csv", "tsv", "jsonl", "parquet"]
RdfFormatName = Literal["ntriples", "nquads", "turtle", "trig", "rdfxml", "jsonld"]

DEFAULT_PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "schema": "http://schema.org/",
        "dcterms": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dbo": "http://dbpedia.org/ontology/",
        "dbr": "http://dbpedia.org/resource/",
    }
)


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Which edge type is predicted."""

    user: str = "user"
    item: str = "item"
    relation: str = "interacts"


@dataclass(frozen=True, kw_only=True)
class NodeFile:
    """`[[nodes]]`: a table with one node per row."""

    file: tuple[str, ...]
    type: str
    id: str
    domain: tuple[str, ...] = ()  # of every row
    domain_column: str | None = None  # or one domain per row
    title: str | None = None  # default: the first text column
    text: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    format: TableFormat | None = None  # default: from the file name
    quote: bool | None = None  # default: CSV yes, TSV no

    def __post_init__(self) -> None:
        if self.domain and self.domain_column:
            raise ValueError("give either domain or domain_column")


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of an edge: the column that holds the id, and the node type that it is of."""

    type: str
    column: str
    create: bool = False  # an unknown id becomes a node; otherwise its row is rejected


@dataclass(frozen=True, kw_only=True)
class EdgeFile:
    """`[[edges]]`: a table with one edge per row."""

    file: tuple[str, ...]
    relation: str
    src: End
    dst: End
    weight: str | None = None
    time: str | None = None
    format: TableFormat | None = None
    quote: bool | None = None


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
    attributes: tuple[str, ...] = ()
    language: tuple[str, ...] = ("en", "")
    name_from_iri: bool = False  # title and text from the IRI where no literal gives them
    ignore: tuple[str, ...] = ()  # predicates to leave out
    relations: dict[str, str] | tuple[str, ...] | None = None  # only these, perhaps renamed


@dataclass(frozen=True, kw_only=True)
class GraphMapping:
    """A whole mapping file. `folder` is what its paths are relative to."""

    interactions: Interactions = Interactions()
    nodes: tuple[NodeFile, ...] = ()
    edges: tuple[EdgeFile, ...] = ()
    rdf: tuple[RdfFile, ...] = ()
    folder: Path = Path()

    def __post_init__(self) -> None:
        if not self.nodes and not self.rdf:
            raise ValueError("no nodes: add at least one [[nodes]] or [[rdf]]")
        if not self.edges and not self.rdf:
            raise ValueError("no edges: add at least one [[edges]] or [[rdf]]")
        known = sorted(self._node_types())
        wanted = [(self.interactions.item, "interactions.item")]
        for i, edge in enumerate(self.edges):
            wanted += [(edge.src.type, f"edges[{i}].src"), (edge.dst.type, f"edges[{i}].dst")]
        wanted.append((self.interactions.user, "interactions.user"))
        for name, where in wanted:
            if name not in known:
                hint = nearest(name, known)
                raise ValueError(
                    f"{where}: node type {name!r} is never defined{hint}; "
                    f"the mapping defines {', '.join(known)}"
                )

    def _node_types(self) -> Iterator[str]:
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


def read_mapping(path: Path) -> GraphMapping:
    """Read a mapping file; its paths are relative to the folder that it is in.

    Raises:
        ConfigError: missing, not TOML, or a key is wrong; names the nearest key.
    """
    data = read_toml(path)
    data.pop("folder", None)
    try:
        return replace(build(GraphMapping, data), folder=path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


@dataclass(frozen=True)
class SourceFile:
    """A file to read, and the name that messages and rejects call it by."""

    path: Path
    label: str


def source_files(names: Sequence[str], folder: Path) -> list[SourceFile]:
    """Return the files that `names` mean: paths or globs, with `${NAME}` from the environment.

    Raises:
        ConfigError: an environment variable is not set.
        InputError: a file is missing, or a glob matches nothing.
    """
    found = []
    for name in names:
        path = folder / Path(_substitute(name)).expanduser()
        if path.is_file():
            found.append(SourceFile(path, name))
        elif any(sign in path.name or sign in name for sign in "*?["):
            matches = sorted(match for match in _glob(path) if match.is_file())
            if not matches:
                raise InputError(f"no file matches {name!r} (looked for {path})")
            found += [SourceFile(match, _label(match, folder)) for match in matches]
        elif path.is_dir():
            raise InputError(f"{path} is a folder; name its files, for example '{name}/*'")
        else:
            hint = nearest(path.name, _names_in(path.parent))
            raise InputError(f"no such file: {path}{hint}")
    return found


def prefixes_of(mapping: GraphMapping) -> dict[str, str]:
    """Return every prefix of the mapping: the usual ones and those of all `[[rdf]]` sections.

    One table for the whole mapping, since an id made from a prefix must mean the same everywhere.

    Raises:
        ConfigError: two sections give one prefix two meanings.
    """
    own: dict[str, str] = {}
    for rdf in mapping.rdf:
        for prefix, namespace in rdf.prefixes.items():
            if own.setdefault(prefix, namespace) != namespace:
                raise ConfigError(f"prefix {prefix!r} is both {own[prefix]!r} and {namespace!r}")
    return {**DEFAULT_PREFIXES, **own}


def expand(name: str, prefixes: Mapping[str, str]) -> str:
    """Return the IRI that a prefixed name, a bare IRI or an `<IRI>` means.

    Raises:
        ConfigError: the prefix is not declared.
    """
    if name.startswith("<") and name.endswith(">"):
        return name[1:-1]
    prefix, colon, rest = name.partition(":")
    if colon and prefix in prefixes:
        return prefixes[prefix] + rest
    if colon and (rest.startswith("//") or prefix in ("urn", "mailto", "tag")):
        return name
    raise ConfigError(
        f"{name!r} is neither an IRI nor a name with a declared prefix{nearest(prefix, prefixes)}"
    )


def _substitute(name: str) -> str:
    def value(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in os.environ:
            hint = nearest(variable, os.environ)
            raise ConfigError(f"{name!r} needs the environment variable {variable}{hint}")
        return os.environ[variable]

    return re.sub(r"\$\{(\w+)\}", value, name)


def _glob(path: Path) -> Iterator[Path]:
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    return anchor.glob(str(path.relative_to(anchor)))


def _label(path: Path, folder: Path) -> str:
    inside = path.is_relative_to(folder)
    return (path.relative_to(folder) if inside else Path(path.name)).as_posix()


def _names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()] if folder.is_dir() else []
