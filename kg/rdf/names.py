"""IRIs to short names: ids of nodes, names of relations and attributes."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote


class Compactor:
    """Turns IRIs into ids: the prefixed name where a prefix matches, else the IRI itself.

    Two IRIs never get one id: the longest matching namespace is used, and an IRI that already
    looks like a prefixed name is put in angle brackets.
    """

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        by_namespace: dict[str, str] = {}
        for prefix, namespace in sorted(prefixes.items()):
            by_namespace.setdefault(namespace, prefix)
        self._namespaces = sorted(by_namespace.items(), key=lambda pair: -len(pair[0]))
        self._prefixes = set(prefixes)

    def __call__(self, iri: str) -> str:
        """Return the id of an IRI."""
        for namespace, prefix in self._namespaces:
            if iri.startswith(namespace):
                return f"{prefix}:{iri[len(namespace) :]}"
        return f"<{iri}>" if iri.partition(":")[0] in self._prefixes else iri


def local_name(iri: str) -> str:
    """Return what follows the last `#` or `/`; the whole IRI where nothing does.

    >>> local_name("http://example.org/terms#based_on")
    'based_on'
    """
    trimmed = iri.rstrip("#/")
    return trimmed[max(trimmed.rfind("#"), trimmed.rfind("/")) + 1 :] or iri


def readable_name(iri: str) -> str:
    """Return a local name as people would write it.

    >>> readable_name("http://dbpedia.org/resource/Biohazard_(band)")
    'Biohazard (band)'
    """
    return unquote(local_name(iri)).replace("_", " ").strip()


def short_names(iris: Iterable[str], compact: Compactor) -> dict[str, str]:
    """Name every IRI by its local name, or by its prefixed name where two share a local name."""
    distinct = sorted(set(iris))
    users: dict[str, int] = {}
    for iri in distinct:
        users[local_name(iri)] = users.get(local_name(iri), 0) + 1
    return {
        iri: local_name(iri) if users[local_name(iri)] == 1 else compact(iri) for iri in distinct
    }
