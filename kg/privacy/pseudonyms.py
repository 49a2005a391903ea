"""Ids of persons replaced on their way in, by a keyed hash that only the key's owner can repeat."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from kg.errors import ConfigError, InputError
from kg.settings import substitute

SHORTEST, LONGEST = 16, 64  # bytes of a key; BLAKE2b takes no longer one
PSEUDONYM = "^[0-9a-f]{32}$"
_CHECK = b"isthmus check"  # a salt, so that no id has the check of a key as its pseudonym


@dataclass(frozen=True, kw_only=True)
class Pseudonymise:
    """`[pseudonymise]`: whose ids are replaced, and what may still be known of them.

    Attributes:
        types: node types.
        key_file: file with the key, of 16 to 64 bytes; relative to the mapping.
        key_env: or the environment variable that holds it.
        keep: facts of these nodes that stay (`title`, `text`, attributes); others are left out.
        crosswalk: CSV file to write ids and pseudonyms to; none by default.
    """

    types: tuple[str, ...]
    key_file: str | None = None
    key_env: str | None = None
    keep: tuple[str, ...] = ()
    crosswalk: str | None = None

    def __post_init__(self) -> None:
        if not self.types:
            raise ValueError("types is empty: name the node types whose ids are replaced")
        if (self.key_file is None) == (self.key_env is None):
            raise ValueError("give either key_file or key_env")

    def key(self, folder: Path) -> bytes:
        """Return the key; `folder` is what `key_file` is relative to."""
        if self.key_env is not None:
            return key_of_environment(self.key_env)
        return key_of_file(folder / Path(substitute(str(self.key_file))).expanduser())

    def crosswalk_path(self, folder: Path) -> Path | None:
        """Return where the crosswalk goes; `folder` is what it is relative to."""
        if self.crosswalk is None:
            return None
        return folder / Path(substitute(self.crosswalk)).expanduser()


def key_of_file(path: Path) -> bytes:
    """Read a key; a line break at its end is no part of it.

    Raises:
        InputError: the file is missing, or the key too short or too long.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the key {path} cannot be read: {error.strerror}") from None
    return _checked(data.rstrip(b"\r\n"), str(path))


def key_of_environment(name: str) -> bytes:
    """Return the key that an environment variable holds.

    Raises:
        ConfigError: it is not set.
        InputError: the key is too short or too long.
    """
    if name not in os.environ:
        raise ConfigError(f"the key is missing: set the environment variable {name}")
    return _checked(os.environb[os.fsencode(name)], name)


def pseudonyms(ids: Iterable[str], node_type: str, key: bytes) -> list[str]:
    """Return the pseudonym of each id of a node type: 32 hexadecimal digits.

    Keyed BLAKE2b of 16 bytes; the hash of the type is its personalisation, so that the same id in
    two types has two pseudonyms that nobody without the key can link. An empty id stays empty.

    Source: RFC 7693, and `hashlib.blake2b(id, digest_size=16, key=key, person=hash of the type)`.
    """
    start = hashlib.blake2b(digest_size=16, key=key, person=_person(node_type))
    found = []
    for node_id in ids:
        if not node_id:
            found.append("")
            continue
        digest = start.copy()
        digest.update(node_id.encode("utf-8", "surrogatepass"))
        found.append(digest.hexdigest())
    return found


def key_check(node_type: str, key: bytes) -> str:
    """Return what tells, beside a graph, whether its ids were replaced with this key."""
    person = _person(node_type)
    return hashlib.blake2b(digest_size=8, key=key, person=person, salt=_CHECK).hexdigest()


class Pseudonymiser:
    """Replaces the ids of one node type, column by column."""

    def __init__(self, node_type: str, key: bytes, *, remember: bool = False) -> None:
        self._type = node_type
        self._key = key
        self._remember = remember
        self._seen: list[Any] = []  # distinct ids of each column

    def __call__(self, ids: Any) -> Any:
        """Return the pseudonyms of an Arrow array of ids."""
        encoded = ids.dictionary_encode()
        if self._remember:
            self._seen.append(encoded.dictionary)
        return self.names(encoded.dictionary).take(encoded.indices)

    def pairs(self) -> tuple[Any, Any]:
        """Return all distinct ids that came through, sorted, and their pseudonyms."""
        ids = pa.concat_arrays([*self._seen, pa.array([], pa.string())]).unique().sort()
        return ids, self.names(ids)

    def names(self, ids: Any) -> Any:
        """Return the pseudonyms of an Arrow array of ids; they are not remembered."""
        return pa.array(pseudonyms(ids.to_pylist(), self._type, self._key), pa.string())


def _person(node_type: str) -> bytes:
    return hashlib.blake2b(node_type.encode(), digest_size=16).digest()


def _checked(key: bytes, where: str) -> bytes:
    if not SHORTEST <= len(key) <= LONGEST:
        raise InputError(
            f"the key in {where} has {len(key)} bytes, not {SHORTEST} to {LONGEST}; "
            "`openssl rand -hex 32` makes one"
        )
    return key
