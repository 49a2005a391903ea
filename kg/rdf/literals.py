"""Literals to titles, texts and attributes: the best language of each, in file order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Ranked = tuple[tuple[int, str], str]  # rank and name of the language, value


@dataclass
class LiteralIndex:
    """The literals of some subjects, by predicate.

    Attributes:
        language: the preferred languages, best first; `""` is no language tag. Other languages
            count after them, in alphabetical order.
    """

    language: Sequence[str]
    _values: dict[int, dict[int, list[Ranked]]] = field(default_factory=dict)

    def add(self, subject: int, predicate: int, value: str, language: str) -> None:
        """Keep one literal; an empty one says nothing."""
        value = value.strip()
        if value:
            by_predicate = self._values.setdefault(subject, {})
            by_predicate.setdefault(predicate, []).append((self._rank(language), value))

    def subjects(self) -> list[int]:
        """Return all subjects with a literal."""
        return list(self._values)

    def first(self, subject: int, predicates: Sequence[int]) -> str:
        """Return the first value of the first predicate that has any, `""` if none has."""
        for predicate in predicates:
            for value in self._best(subject, predicate):
                return value
        return ""

    def joined(self, subject: int, predicates: Sequence[int]) -> str:
        """Return all values of all predicates joined with `". "`, repeats once."""
        values = [value for p in predicates for value in self._best(subject, p)]
        return ". ".join(dict.fromkeys(values))

    def _best(self, subject: int, predicate: int) -> list[str]:
        none: Mapping[int, list[Ranked]] = {}
        ranked = self._values.get(subject, none).get(predicate, [])
        if not ranked:
            return []
        best = min(rank for rank, _ in ranked)
        return [value for rank, value in ranked if rank == best]

    def _rank(self, language: str) -> tuple[int, str]:
        for i, wanted in enumerate(self.language):
            if language == wanted.lower() or (wanted and language.startswith(wanted.lower() + "-")):
                return (i, "")
        return (len(self.language), language)
