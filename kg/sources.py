"""Names of files in a mapping to the files themselves: globs and environment variables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.errors import InputError, nearest
from kg.settings import substitute


@dataclass(frozen=True)
class SourceFile:
    """A file to read, and the name that messages and rejects call it by."""

    path: Path
    label: str


def source_files(names: Sequence[str], folder: Path) -> list[SourceFile]:
    """Return the files that `names` mean: paths or globs, with `${NAME}` from the environment.

    Raises:
        ConfigError: an environment variable is not set.
        InputError: a file is missing, or a glob matches nothing.
    """
    found = []
    for name in names:
        path = folder / Path(substitute(name)).expanduser()
        if path.is_file():
            found.append(SourceFile(path, name))
        elif any(sign in path.name or sign in name for sign in "*?["):
            matches = sorted(match for match in _glob(path) if match.is_file())
            if not matches:
                raise InputError(f"no file matches {name!r} (looked for {path})")
            found += [SourceFile(match, _label(match, folder)) for match in matches]
        elif path.is_dir():
            raise InputError(f"{path} is a folder; name its files, for example '{name}/*'")
        else:
            hint = nearest(path.name, _names_in(path.parent))
            raise InputError(f"no such file: {path}{hint}")
    return found


def _glob(path: Path) -> Iterator[Path]:
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    return anchor.glob(str(path.relative_to(anchor)))


def _label(path: Path, folder: Path) -> str:
    inside = path.is_relative_to(folder)
    return (path.relative_to(folder) if inside else Path(path.name)).as_posix()


def _names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()] if folder.is_dir() else []
