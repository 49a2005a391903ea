"""What the `[[rdf]]` sections of a mapping say of classes and prefixes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kg.errors import ConfigError
from kg.mapping import ClassRule, GraphMapping, PrefixRule
from kg.rdf.prefixes import expand


@dataclass(frozen=True)
class Rules:
    """The placing rules of all `[[rdf]]` sections together, so that an IRI is one node in all."""

    classes: dict[str, ClassRule]  # by IRI, in order of precedence
    prefixes: list[PrefixRule]  # longest first
    catalogue_types: frozenset[str]  # node types that tables define

    @classmethod
    def of(cls, mapping: GraphMapping, prefixes: Mapping[str, str]) -> "Rules":
        """Gather the rules of a mapping.

        Raises:
            ConfigError: two sections contradict each other.
        """
        classes: dict[str, ClassRule] = {}
        by_prefix: dict[str, PrefixRule] = {}
        for rdf in mapping.rdf:
            for name, rule in rdf.types.items():
                if classes.setdefault(expand(name, prefixes, "rdf.types"), rule) != rule:
                    raise ConfigError(f"rdf.types: {name!r} is given two meanings")
            for prefix_rule in rdf.nodes:
                beginning = expand(prefix_rule.prefix, prefixes, "rdf.nodes")
                if by_prefix.setdefault(beginning, prefix_rule) != prefix_rule:
                    raise ConfigError(f"rdf.nodes: {beginning!r} is given two meanings")
        longest_first = sorted(by_prefix.items(), key=lambda pair: -len(pair[0]))
        return cls(
            classes=classes,
            prefixes=[replace(rule, prefix=beginning) for beginning, rule in longest_first],
            catalogue_types=mapping.table_types(),
        )
