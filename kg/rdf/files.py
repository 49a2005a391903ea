"""The files that an `[[rdf]]` section names: folders and standard input too."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kg.errors import InputError
from kg.rdf.stream import FORMATS
from kg.settings import substitute
from kg.sources import SourceFile, source_files
from kg.streams import plain_suffix

STANDARD_INPUT = "-"


def content_name(path: Path) -> str:
    """Return a name of what is in a file: 12 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=6)).hexdigest()


def rdf_files(names: Sequence[str], folder: Path) -> list[SourceFile]:
    """Return the files that `names` mean.

    `-` is standard input. A folder stands for all files in it and below whose names end as those
    of RDF do, in order of their names; everything else is as in tables.

    Raises:
        ConfigError: an environment variable is not set.
        InputError: a file is missing, or a glob or folder has none.
    """
    found = []
    for name in names:
        path = folder / Path(substitute(name)).expanduser()
        if name == STANDARD_INPUT:
            found.append(SourceFile(Path(name), name))
        elif path.is_dir():
            inside = sorted(
                f for f in path.rglob("*") if f.is_file() and plain_suffix(f) in FORMATS
            )
            if not inside:
                raise InputError(f"{path} has no file in {', '.join(FORMATS)}")
            found += [SourceFile(f, f"{name.rstrip('/')}/{f.relative_to(path)}") for f in inside]
        else:
            found += source_files([name], folder)
    return found
