"""Names in exported RDF: the IRI of every node, relation, type, domain and attribute."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from kg.rdf.prefixes import DEFAULT_PREFIXES

RDF = DEFAULT_PREFIXES["rdf"]
XSD = DEFAULT_PREFIXES["xsd"]
TYPE = RDF + "type"
LABEL = DEFAULT_PREFIXES["rdfs"] + "label"
BASE = "urn:isthmus:"
SPACES = {
    "isthmus": BASE + "vocabulary:",
    "node": BASE + "node:",
    "type": BASE + "type:",
    "relation": BASE + "relation:",
    "attribute": BASE + "attribute:",
    "domain": BASE + "domain:",
    "edges": BASE + "edges:",
    "column": BASE + "column:",
    "run": BASE + "run:",
    "prov": "http://www.w3.org/ns/prov#",
}
PREFIXES: Mapping[str, str] = {**DEFAULT_PREFIXES, **SPACES}
_LOCAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # what needs no escape after a prefix in Turtle


def own(term: str) -> str:
    """Return the IRI of a term of the vocabulary, such as `weight`."""
    return SPACES["isthmus"] + term


def named(space: str, *names: str) -> str:
    """Return the IRI of what is called `names` in one of `SPACES`; `names_of` undoes it.

    >>> named("relation", "written by")
    'urn:isthmus:relation:written%20by'
    """
    return SPACES[space] + ":".join(quote(name, safe="") for name in names)


def names_of(iri: str, space: str) -> tuple[str, ...] | None:
    """Return the names in an IRI of `named`; None where it is of another space."""
    if not iri.startswith(SPACES[space]):
        return None
    return tuple(unquote(part) for part in iri[len(SPACES[space]) :].split(":"))


def in_turtle(iri: str) -> str:
    """Return an IRI as Turtle and SPARQL write it, with a prefix of `PREFIXES` where one fits."""
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace) and _LOCAL.fullmatch(iri[len(namespace) :]):
            return f"{prefix}:{iri[len(namespace) :]}"
    return f"<{iri}>"
