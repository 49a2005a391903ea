"""IRIs to short names: ids of nodes, names of relations and attributes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


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

    def many(self, iris: Any) -> Any:
        """Return the ids of many IRIs; Arrow strings in and out."""
        looks_prefixed = rf"^({'|'.join(re.escape(prefix) for prefix in self._prefixes)}):"
        odd = pc.match_substring_regex(iris, looks_prefixed)
        opening, closing, nothing, colon = (
            pa.scalar(text, iris.type) for text in ("<", ">", "", ":")
        )
        ids = iris
        if pc.any(odd).as_py():
            quoted = pc.binary_join_element_wise(opening, iris.filter(odd), closing, nothing)
            ids = pc.replace_with_mask(iris, odd, quoted)
        todo = np.ones(len(iris), dtype=np.bool_)
        for namespace, prefix in self._namespaces:
            fits = pc.starts_with(iris, namespace).to_numpy(zero_copy_only=False) & todo
            if fits.any():
                todo &= ~fits
                rest = pc.utf8_slice_codeunits(iris.filter(pa.array(fits)), len(namespace))
                short = pc.binary_join_element_wise(pa.scalar(prefix, rest.type), rest, colon)
                ids = pc.replace_with_mask(ids, pa.array(fits), short)
        return ids


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


def readable_names(iris: Any) -> Any:
    """Return the readable name of many IRIs; Arrow strings in and out."""
    local = pc.replace_substring_regex(iris, r"^.*[#/]([^#/]+)[#/]*$", r"\1")
    quoted = pc.match_substring(local, "%")
    unquoted = [unquote(text) for text in local.filter(quoted).to_pylist()]
    local = pc.replace_with_mask(local, quoted, pa.array(unquoted, local.type))
    return pc.utf8_trim_whitespace(pc.replace_substring(local, "_", " "))


def short_names(iris: Iterable[str], compact: Compactor) -> dict[str, str]:
    """Name every IRI by its local name, or by its prefixed name where two share a local name."""
    distinct = sorted(set(iris))
    users: dict[str, int] = {}
    for iri in distinct:
        users[local_name(iri)] = users.get(local_name(iri), 0) + 1
    return {
        iri: local_name(iri) if users[local_name(iri)] == 1 else compact(iri) for iri in distinct
    }
