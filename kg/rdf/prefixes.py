"""Prefixed names to IRIs."""

from collections.abc import Mapping
from types import MappingProxyType

from kg.errors import ConfigError, nearest
from kg.mapping import GraphMapping

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


def expand(name: str, prefixes: Mapping[str, str], where: str = "") -> str:
    """Return the IRI that a prefixed name, a bare IRI or an `<IRI>` means.

    Raises:
        ConfigError: the prefix is not declared; begins with `where`, the path to the key.
    """
    if name.startswith("<") and name.endswith(">"):
        return name[1:-1]
    prefix, colon, rest = name.partition(":")
    if colon and prefix in prefixes:
        return prefixes[prefix] + rest
    if colon and (rest.startswith("//") or prefix in ("urn", "mailto", "tag")):
        return name
    hint = nearest(prefix, prefixes)
    raise ConfigError(
        f"{where}{where and ': '}{name!r} is neither an IRI nor a name with a declared prefix"
        f"{hint}; declare it in [rdf.prefixes]"
    )
