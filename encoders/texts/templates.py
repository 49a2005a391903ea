"""Templates of texts: `"{title}[ by {author}]"`, parsed once and filled for every node."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kg.errors import nearest

HISTORY = "history"
HISTORY_PLACEHOLDERS = ("domain", "items", "liked", "other")

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{[^{}]*\}|[^{}\[\]]+|[{}\[\]]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
# scripts that put no spaces between words: Thai to Burmese, Khmer, Chinese and Japanese
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = rf"(?:[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,20}}+)"
_WORDS = re.compile(_WORD)


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """What the encoder reads of a node. The defaults read its text, or its title.

    Attributes:
        templates: text of each node type; under `history`, that of users' histories.
        languages: the same for each language, before which `templates` are the second choice.
        language: of nodes that do not say theirs; `""` is none.
        language_column: attribute that says the language of a node, such as `de` or `de-AT`.
        neighbours: at most so many for each relation in a text.
        title_words: what is kept of a neighbour's title, and of an item's in a history.
        words: bound of a text made by a template.
        histories: whether what users did becomes texts, one for each domain.
        history_words: bound of such a text.
    """

    templates: dict[str, str] = field(default_factory=dict)
    languages: dict[str, dict[str, str]] = field(default_factory=dict)
    language: str = ""
    language_column: str | None = None
    neighbours: int = 5
    title_words: int = 8
    words: int = 128
    histories: bool = False
    history_words: int = 48

    def __post_init__(self) -> None:
        for name in ("neighbours", "title_words", "words", "history_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.language and matching_language(self.language, self.languages) is None:
            known = ", ".join(self.languages) or "none"
            raise ValueError(
                f"language {self.language!r} has no templates"
                f"{nearest(self.language, self.languages)} (languages: {known})"
            )
        for where, kind, text in self.written():
            template = Template(text, where)
            if kind == HISTORY:
                template.check(HISTORY_PLACEHOLDERS)
                if set(template.placeholders) == {"domain"}:
                    raise ValueError(f"{where}: a history needs {{items}}, {{liked}} or {{other}}")

    def written(self) -> Iterator[tuple[str, str, str]]:
        """Yield (path to the template, node type, template) of each that is given."""
        for kind, text in self.templates.items():
            yield f"templates.{kind}", kind, text
        for language, templates in self.languages.items():
            for kind, text in templates.items():
                yield f"languages.{language}.{kind}", kind, text

    def template(self, kind: str, language: str, default: str | None = None) -> "Template | None":
        """Return the template of a node type in a language, or the one of all languages."""
        text = self.templates.get(kind, default)
        found = matching_language(language or self.language, self.languages)
        if found is not None:
            text = self.languages[found].get(kind, text)
        return None if text is None else Template(text)


class Template:
    """A text with placeholders in braces, and parts in brackets that may vanish.

    A part in brackets is left out where one of its placeholders has no value. `{{`, `}}`, `[[` and
    `]]` are the characters themselves. What is filled in is never read as a template.

    >>> template = Template("{title}[ by {author}]")
    >>> template.fill({"title": "Emma", "author": ""})
    'Emma'

    Raises:
        ValueError: braces or brackets do not match, or there is no placeholder where one must be.
    """

    def __init__(self, text: str, where: str = "template") -> None:
        self.where = where
        # (in brackets, [(literal, placeholder after it or "")]) from left to right
        self._parts: list[tuple[bool, list[tuple[str, str]]]] = [(False, [])]
        inside = False
        for token in _TOKEN.findall(text):
            if token in ("{{", "}}", "[[", "]]"):
                self._parts[-1][1].append((token[0], ""))
            elif token in "[]":
                if inside == (token == "["):
                    raise ValueError(f"{where}: {text!r} has a {token} without its other half")
                if inside and not any(name for _, name in self._parts[-1][1]):
                    raise ValueError(f"{where}: a part in brackets of {text!r} has no placeholder")
                inside = not inside
                self._parts.append((inside, []))
            elif token in "{}" or (token[0] == "{" and not token[1:-1].strip()):
                raise ValueError(f"{where}: {text!r} has a brace without a placeholder")
            elif token[0] == "{":
                self._parts[-1][1].append(("", token[1:-1].strip()))
            else:
                self._parts[-1][1].append((token, ""))
        if inside:
            raise ValueError(f"{where}: {text!r} has a [ without its other half")
        names = [name for _, pieces in self._parts for _, name in pieces if name]
        self.placeholders = tuple(dict.fromkeys(names))
        if not names:
            raise ValueError(f"{where}: {text!r} has no placeholder, such as {{title}}")

    def check(self, known: Sequence[str]) -> None:
        """Make sure that every placeholder is known.

        Raises:
            ValueError: one is not; names the nearest.
        """
        for name in self.placeholders:
            if name not in known:
                more = ", ..." if len(known) > 12 else ""
                raise ValueError(
                    f"{self.where}: unknown placeholder {{{name}}}{nearest(name, known)} "
                    f"(known: {', '.join(known[:12])}{more})"
                )

    @property
    def num_words(self) -> int:
        """How many words the template has beside what is filled in, at most."""
        return sum(num_words(literal) for _, pieces in self._parts for literal, _ in pieces)

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with the values of the placeholders, which must be clean."""
        filled: list[str] = []
        for optional, pieces in self._parts:
            if not (optional and any(name and not values[name] for _, name in pieces)):
                filled += [values[name] if name else literal for literal, name in pieces]
        return clean("".join(filled))


def clean(text: str | None) -> str:
    """Return a text on one line, without control characters and double spaces."""
    text = text or ""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return " ".join(text.split())


def cut(text: str, words: int) -> str:
    """Return the first words of a text.

    Words stand for tokens, of which every encoder has its own. Where a script puts no spaces
    between words, each character is one; more than 20 characters in a row are several.
    """
    found = None if len(text) <= words else _first_words(words).match(text)
    return text[: found.end()] if found else text


@functools.cache
def _first_words(words: int) -> re.Pattern[str]:
    # possessive: a text with fewer words must not be tried again with shorter ones
    return re.compile(rf"(?:\s*+{_WORD}){{{words}}}")


def num_words(text: str) -> int:
    """Return the number of words that `cut` counts in a text."""
    return len(_WORDS.findall(text))


def matching_language(language: str, languages: Mapping[str, object]) -> str | None:
    """Return which of `languages` fits: the same, or the one of which it is a variety.

    >>> matching_language("de-AT", {"en": 1, "de": 2})
    'de'
    """
    by_name = {name.casefold().replace("_", "-"): name for name in languages}
    wanted = language.strip().casefold().replace("_", "-")
    while wanted:
        if wanted in by_name:
            return by_name[wanted]
        wanted = wanted.rpartition("-")[0]
    return None
