"""Indexes of a model on disk: built once, opened with it, refused beside another."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from kg.errors import ArtefactError
from kg.files import MANIFEST, read_json, read_manifest, sha256, write_folder, write_json
from kg.vocab import IntArray
from queries.index.approximate import Approximate
from queries.index.measured import Measured

KIND = "index"
SCORES, COSINES = "scores", "cosines"
_ABOUT, _ROWS = "index.json", "rows.safetensors"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What an index answers.

    Attributes:
        what: `scores` of items for users, or `cosines` of nodes with each other.
        node_type: of the answers.
        domain: of the answers; `""` for all.
    """

    what: str
    node_type: str
    domain: str = ""


class Indexes:
    """The indexes of a model, each read when it is first asked for.

    Args:
        path: the folder.
        entries: what there is, and the number of its file.
    """

    def __init__(self, path: Path, entries: Mapping[Asked, Mapping[str, Any]]) -> None:
        self._path, self.entries = path, entries
        self._opened: dict[Asked, Approximate] = {}

    def of(self, asked: Asked) -> Approximate | None:
        """Return the index that answers something; None if there is none."""
        if asked not in self.entries:
            return None
        if asked not in self._opened:
            entry = self.entries[asked]
            name = str(entry["file"])
            rows = self._rows[name]
            kind, effort = str(entry["kind"]), int(entry["measured"]["effort"])
            self._opened[asked] = Approximate.read(self._path / name, rows, kind, effort)
        return self._opened[asked]

    @cached_property
    def _rows(self) -> Mapping[str, IntArray]:
        read_manifest(self._path, KIND)  # once for all: a damaged file must not reach faiss
        rows: dict[str, IntArray] = load_file(self._path / _ROWS)
        return rows


def save_indexes(
    path: Path, model: Path, found: Sequence[tuple[Asked, Approximate, Measured]]
) -> None:
    """Write indexes of a model, in one step.

    Args:
        path: the folder.
        model: folder of the model that they were made of.
        found: what each answers, itself, and what was measured of it.
    """
    with write_folder(path, KIND, model=_fingerprint(model)) as aside:
        entries, rows = [], {}
        for number, (asked, index, measured) in enumerate(found):
            name = f"{number}.faiss"
            index.write(aside / name)
            rows[name] = index.rows
            about: dict[str, Any] = {
                "what": asked.what,
                "node_type": asked.node_type,
                "domain": asked.domain,
            }
            about |= {"file": name, "kind": index.kind, "measured": measured.to_json()}
            entries.append(about)
        save_file(rows, aside / _ROWS)
        write_json(aside / _ABOUT, entries)


def open_indexes(path: Path, model: Path) -> Indexes | None:
    """Open the indexes of a model; None where there are none, or none that can be used.

    Raises:
        ArtefactError: the folder is damaged.
    """
    if not (path / MANIFEST).is_file():
        return None
    manifest = read_manifest(path, KIND, verify=False)
    if manifest.get("model") != _fingerprint(model):
        _log.warning("%s is of another model: search is exact until isthmus index is run", path)
        return None
    if find_spec("faiss") is None:
        _log.warning("%s is not used without faiss: pip install 'isthmus[faiss]'", path)
        return None
    try:
        entries = {
            Asked(entry["what"], entry["node_type"], entry["domain"]): entry
            for entry in read_json(path / _ABOUT)
        }
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: {_ABOUT} lacks {error}") from None
    return Indexes(path, entries)


def _fingerprint(model: Path) -> str:
    return sha256(model / MANIFEST)  # it has the checksum of every file
