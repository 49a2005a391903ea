"""Errors that a user can act on: what was expected, what came, and where."""

import difflib
import re
from collections.abc import Iterable
from itertools import islice

_MOST = 10_000  # names that are compared: it takes a while
_LONGEST = 100  # characters of a name that a message shows
_LINE = 2_000  # characters of a message
# What moves a cursor, colours a terminal, breaks a line, turns the direction of reading, or is half
# a character.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class IsthmusError(Exception):
    """Base of every error that is shown as one line at the command line."""


class InputError(IsthmusError, ValueError):
    """A file, table, id or setting is not what it must be."""


class ConfigError(InputError):
    """A TOML key or value is wrong; the message carries the path to the key."""


class UnknownIdError(InputError, KeyError):
    """An id is not in the graph."""

    __str__ = ValueError.__str__  # KeyError would show the message in quotes


class LeakError(InputError):
    """Held-out facts would reach training."""


class FingerprintError(InputError):
    """A model or feature matrix was opened beside a graph or encoder it was not made with."""


class ArtefactError(IsthmusError, OSError):
    """A folder or file written by the engine is missing, damaged, or half there."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as `, did you mean "batch_size"?`, empty when nothing is near."""
    if len(name) > _LONGEST:  # no typing error, and comparing takes a minute for a megabyte
        return ""
    near = difflib.get_close_matches(name, islice(known, _MOST), n=1, cutoff=0.6)
    return f', did you mean "{near[0]}"?' if near else ""


def shown(name: str) -> str:
    """Return a name in quotes for a message: control characters escaped, the middle of it cut."""
    if len(name) <= _LONGEST:
        return repr(name)
    half = _LONGEST // 2
    return f"{name[:half] + '…' + name[-half:]!r} ({len(name):,} characters)"


def visible(text: str) -> str:
    """Return text for a terminal: control characters are shown escaped."""
    return _HIDDEN.sub(lambda match: repr(match[0])[1:-1], text)


def one_line(error: BaseException) -> str:
    """Return the message of an error as one line that can be read."""
    text = visible(" ".join(str(error).splitlines()))
    half = _LINE // 2
    return text if len(text) <= _LINE else f"{text[:half]} … {text[-half:]}"
