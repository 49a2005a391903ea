"""What the mapping says of persons, done: ids replaced, facts left out, texts scrubbed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import ConfigError, InputError, IsthmusError, nearest
from kg.graph import KnowledgeGraph, Nodes
from kg.mapping import GraphMapping
from kg.nodes import NodeSet
from kg.privacy.crosswalk import Crosswalk
from kg.privacy.pseudonyms import Pseudonymiser, key_check
from kg.privacy.scrub import scrub
from kg.tables.values import flat, mask_of

FACTS = ("title", "text")  # that every node has, beside its attributes
# what a message may hold of a file that was taken for one with a header
_REPEATED = re.compile(r"has column .* more than once", re.DOTALL)
_OF_HEADER = re.compile(r', did you mean "[^"]*"\?|\s\(columns: .*\)', re.DOTALL)


@dataclass(frozen=True, kw_only=True, repr=False)
class Privacy:
    """The `[pseudonymise]` and `[scrub]` sections of a mapping, at work.

    Attributes:
        renames: by node type, what replaces its ids.
        checks: by node type, what tells its key from another.
        keep: facts of these node types that stay.
        scrub: by node type, facts without addresses and numbers.
        crosswalk: where ids and pseudonyms are kept, aside from the graph.
    """

    renames: Mapping[str, Pseudonymiser]
    checks: Mapping[str, str]
    keep: frozenset[str]
    scrub: Mapping[str, tuple[str, ...]]
    crosswalk: Crosswalk | None

    @classmethod
    def of(cls, mapping: GraphMapping) -> "Privacy":
        """Read the keys that a mapping names.

        Raises:
            InputError: a key is missing, too short or too long.
        """
        wanted = mapping.pseudonymise
        renames, checks, path = {}, {}, None
        if wanted is not None:
            key, path = wanted.key(mapping.folder), wanted.crosswalk_path(mapping.folder)
            for kind in wanted.types:
                renames[kind] = Pseudonymiser(kind, key, remember=path is not None)
                checks[kind] = key_check(kind, key)
        return cls(
            renames=renames,
            checks=checks,
            keep=frozenset(wanted.keep if wanted is not None else ()),
            scrub=mapping.scrub,
            crosswalk=None if path is None else Crosswalk(path, renames),
        )

    @property
    def withholds(self) -> bool:
        """Whether the text of rejected rows is kept back: it may hold what is to be hidden."""
        return bool(self.renames or self.scrub)

    def sets(self) -> dict[str, NodeSet]:
        """Return the node sets whose ids are replaced, empty."""
        return {kind: NodeSet(kind, rename) for kind, rename in self.renames.items()}

    def protect(self, graph: KnowledgeGraph) -> KnowledgeGraph:
        """Return the graph without the facts that are not kept, and with scrubbed texts.

        Of nodes with pseudonyms nothing stays but `keep`, scrubbed, and nothing that is the id.

        Raises:
            ConfigError: a fact to scrub is none of its node type, or one to keep none of any.
        """
        nodes = dict(graph.nodes)
        self._check_keep(nodes)
        for kind in {*self.renames, *self.scrub} & set(nodes):
            nodes[kind] = self._protected(kind, nodes[kind])
        return replace(graph, nodes=nodes)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Take out of the errors of a block what they may quote of a file."""
        try:
            yield
        except InputError as error:
            if not self.withholds or isinstance(error, ConfigError):
                raise
            raise type(error)(_without_quotes(error)) from None

    def _check_keep(self, nodes: Mapping[str, Nodes]) -> None:
        """Refuse a name to keep that is no fact of any node with a pseudonym."""
        hidden = [nodes[kind].attributes.column_names for kind in self.renames if kind in nodes]
        known = [*FACTS, *dict.fromkeys(name for names in hidden for name in names)]
        for name in sorted(self.keep):
            if name not in known:
                raise ConfigError(
                    f"pseudonymise.keep: no fact {name!r}{nearest(name, known)} "
                    f"(there are {', '.join(known)})"
                )

    def _protected(self, kind: str, nodes: Nodes) -> Nodes:
        rename = self.renames.get(kind)
        facts: dict[str, Any] = {"title": nodes.title, "text": nodes.text}
        attributes = {name: nodes.attributes.column(name) for name in nodes.attributes.column_names}
        known = [*facts, *attributes]
        for name in self.scrub.get(kind, ()):
            if name not in known:
                raise ConfigError(f"scrub.{kind}: no fact {name!r} (there are {', '.join(known)})")
        if rename is not None:
            attributes = {name: attributes[name] for name in attributes if name in self.keep}
            empty = pa.array([""] * len(nodes), pa.string())
            facts = {name: facts[name] if name in self.keep else empty for name in facts}
        scrubbed = [*facts, *attributes] if rename is not None else self.scrub[kind]
        for columns in (facts, attributes):
            for name in columns:
                if name in scrubbed and pa.types.is_string(columns[name].type):
                    columns[name] = _scrubbed(columns[name], nodes.vocab.ids, rename)
        return replace(nodes, **facts, attributes=pa.table(attributes))


def _scrubbed(column: Any, ids: Any, rename: Pseudonymiser | None) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays([*column.chunks, pa.array([], pa.string())])
    clean = scrub(column)
    if rename is None or not len(clean):
        return clean
    told = mask_of(pc.equal(rename.names(flat(column)), ids))
    return pc.if_else(pa.array(told), pa.scalar("", pa.string()), clean)


def _without_quotes(error: InputError) -> str:
    text, cause = _OF_HEADER.sub("", str(error)), error.__context__
    text = _REPEATED.sub("names a column more than once", text)
    if cause is None or isinstance(cause, IsthmusError | OSError | UnicodeError):
        return text
    said = str(getattr(cause, "msg", cause))
    quoted = next((part for part in (said, said.split(": ", 1)[-1]) if part and part in text), "")
    if not quoted:
        return "a file cannot be read; the reason is withheld, since it may quote an id"
    return text.replace(quoted, "the reason is withheld, since it may quote an id")
