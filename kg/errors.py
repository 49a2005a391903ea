"""Errors that a user can act on: what was expected, what came, and where."""

import difflib
from collections.abc import Iterable
from itertools import islice

_MOST = 10_000  # names that are compared: it takes a while
_LONGEST = 100  # characters of a name that a message shows


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
