"""IRIs of nodes: those that they came with where the ids tell, else made of type and id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from kg.export.vocabulary import BASE, SPACES
from kg.graph import KnowledgeGraph
from kg.mapping import GraphMapping
from kg.rdf.prefixes import DEFAULT_PREFIXES, expand, prefixes_of

# strict enough for every parser, IPv6 hosts and private characters left aside
_CHARACTER = r"[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}|[\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}]"
_IRI = rf"^(https?://[A-Za-z0-9.-]+(:[0-9]+)?(/({_CHARACTER})*)?(#({_CHARACTER})*)?|" + (
    rf"urn:[A-Za-z0-9][A-Za-z0-9-]+:({_CHARACTER})+)$"
)
_PLAIN = r"^[A-Za-z0-9_.~-]*$"  # what quoting leaves as it is


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How ids become IRIs.

    Attributes:
        prefixes: namespaces by prefix; an id such as `dbr:Emma` is short for an IRI.
        beginnings: by node type, what ids of that type lack of being IRIs.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: DEFAULT_PREFIXES)
    beginnings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, mapping: GraphMapping) -> "Naming":
        """Undo what a mapping did to the IRIs of its RDF."""
        prefixes = prefixes_of(mapping)
        found: dict[str, set[str]] = {}
        for rdf in mapping.rdf:
            for rule in rdf.nodes:
                for node_type in {rule.type, rule.otherwise} - {None}:
                    beginning = expand(rule.prefix, prefixes) if rule.strip else ""
                    found.setdefault(str(node_type), set()).add(beginning)
        beginnings = {kind: min(b) for kind, b in found.items() if len(b) == 1 and min(b)}
        return cls(prefixes=prefixes, beginnings=beginnings)

    def iris(self, graph: KnowledgeGraph) -> dict[str, pa.StringArray]:
        """Return an IRI for every node, by node type and row; no two nodes share one."""
        wanted = {kind: self._own(nodes.vocab.ids, kind) for kind, nodes in graph.nodes.items()}
        counts = pc.value_counts(pa.chunked_array(wanted.values(), pa.string()).drop_null())
        shared = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        iris = {}
        for kind, own in wanted.items():
            made_up = pc.or_(pc.is_null(own), pc.is_in(own, value_set=shared))
            iris[kind] = pc.if_else(made_up, made(kind, graph.nodes[kind].vocab.ids), own)
        return iris

    def _own(self, ids: pa.StringArray, kind: str) -> pa.StringArray:
        """Return the IRIs that ids stand for, null where they stand for none."""
        none = pa.scalar(None, pa.string())
        if kind in self.beginnings:
            iris = pc.binary_join_element_wise(self.beginnings[kind], ids, "")
        else:
            parts = pc.extract_regex(ids, r"^(?P<prefix>[^:]*):(?P<rest>(?s:.*))$")
            prefix, rest = parts.field("prefix"), parts.field("rest")
            prefix = pc.if_else(parts.is_valid(), prefix, none)
            row = pc.index_in(prefix, value_set=pa.array(list(self.prefixes), pa.string()))
            namespace = pa.array(list(self.prefixes.values()), pa.string()).take(row)
            # an IRI that looks like a prefixed name stands in angle brackets
            bare = pc.replace_substring_regex(ids, r"^<((?s:.*))>$", r"\1")
            long = pc.binary_join_element_wise(namespace, rest, "")
            iris = pc.coalesce(long, bare)
        fits = pc.match_substring_regex(iris, _IRI)
        fits = pc.and_not(fits, pc.starts_with(iris, BASE))
        return pc.if_else(fits, iris, none)


def made(kind: str, ids: pa.StringArray) -> pa.StringArray:
    """Return IRIs made of a node type and ids."""
    odd = pc.invert(pc.match_substring_regex(ids, _PLAIN))
    quoted = pa.array([quote(i, safe="") for i in ids.filter(odd).to_pylist()], pa.string())
    names = pc.replace_with_mask(ids, odd, quoted)
    return pc.binary_join_element_wise(f"{SPACES['node']}{quote(kind, safe='')}:", names, "")
