"""Artefacts on disk: written aside, checksummed, renamed; never half there."""

import ctypes
import errno
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.errors import ArtefactError

MANIFEST = "manifest.json"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux: <fcntl.h>, <linux/fs.h>


def sha256(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def write_file(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place if the block succeeds.

    The temporary file is its owner's alone, and gets `mode` before it has its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        _flush(aside)
        aside.chmod(mode)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, in one step."""
    with write_file(path) as aside:
        aside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_json_lines(path: Path, records: Iterable[Any]) -> None:
    """Write one JSON value a line, in one step."""
    with write_file(path) as aside:
        aside.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        ArtefactError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing") from None
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None


def check_folder(path: Path, kind: str) -> None:
    """Refuse a place at which `write_folder` would destroy something.

    Raises:
        ArtefactError: `path` holds something else than a folder of this kind.
    """
    _put_back(path)
    if path.exists() and not (path.is_dir() and _may_replace(path, kind)):
        raise ArtefactError(f"{path} exists and is not a {kind} folder: it is not replaced")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from writing a folder that is there, until the block or the process ends.

    What is locked is the folder itself, so that nothing is left behind. (Where the system has no
    such locks, on other systems than Unix and some network disks, nothing is.)

    Raises:
        ArtefactError: another process has it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    _put_back(path)
    if not path.is_dir():
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(handle), path.stat())
        except (BlockingIOError, FileNotFoundError):
            same = False  # or replaced while it was opened
        except OSError:
            same = True  # a network disk that knows no such locks
        if not same:
            raise ArtefactError(f"{path} is being written by another process: try when it is done")
        yield
    finally:
        os.close(handle)


@contextmanager
def write_folder(path: Path, kind: str, **about: Any) -> Iterator[Path]:
    """Yield an empty folder beside `path`; add a manifest and rename it into place on success.

    The manifest holds `kind`, everything in `about`, and the size and sha256 of every file. A
    folder of the same kind already at `path` is replaced only then, in one step: whenever the
    process is killed, the old folder is there or the new one. (Where the system cannot exchange
    two names, on other systems than Linux or on some network disks, there is a moment between two
    renames at which the old one is called `.NAME.….old`; who next reads or writes puts it back.)

    Raises:
        ArtefactError: `path` holds something else, which replacing would destroy.
    """
    check_folder(path, kind)
    with in_place_of(path) as aside:
        yield aside
        files = {
            str(file.relative_to(aside)): {"bytes": file.stat().st_size, "sha256": sha256(file)}
            for file in sorted(aside.rglob("*"))
            if file.is_file()
        }
        for file in files:
            _flush(aside / file)
        write_json(aside / MANIFEST, {"kind": kind, **about, "files": files})


@contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; give it that name, in one step, if the block succeeds.

    What was there until then is removed. `write_folder` says what a kill may leave behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield aside
        aside.chmod(0o755)
        if not path.exists():
            aside.rename(path)
        elif not _exchange(aside, path):
            old = aside.with_name(aside.name + ".old")
            path.rename(old)
            aside.rename(path)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_manifest(path: Path, kind: str, *, verify: bool = True) -> dict[str, Any]:
    """Return the manifest of a folder made by `write_folder`, after checking its files.

    Raises:
        ArtefactError: not such a folder, another kind, or a file is missing or damaged.
    """
    _put_back(path)
    if not (path / MANIFEST).is_file():
        raise ArtefactError(f"{path} is not a {kind} folder: it has no {MANIFEST}")
    manifest: dict[str, Any] = read_json(path / MANIFEST)
    if manifest.get("kind") != kind:
        raise ArtefactError(f"{path} holds a {manifest.get('kind')!r}, expected a {kind!r}")
    for name, about in manifest["files"].items():
        file = path / name
        if not file.is_file():
            raise ArtefactError(f"{path} is damaged: {name} is missing")
        if verify and sha256(file) != about["sha256"]:
            raise ArtefactError(f"{path} is damaged: {name} does not match its checksum")
    return manifest


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if rename(*names, _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _put_back(path: Path) -> None:
    """Give the folder its name again that a process killed between two renames took away."""
    if path.exists():
        return
    for old in path.parent.glob(f".{glob.escape(path.name)}.*.old"):
        old.rename(path)
        return


def _may_replace(path: Path, kind: str) -> bool:
    if not (path / MANIFEST).is_file():
        return not any(path.iterdir())
    return bool(read_json(path / MANIFEST).get("kind") == kind)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
