"""What a file is: its format, by its name or else by how it begins."""

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kg.errors import InputError
from kg.rdf.stream import FORMATS as RDF_FORMATS
from kg.streams import open_bytes, plain_suffix
from kg.tables.read import DELIMITERS
from kg.tables.read import FORMATS as TABLE_FORMATS

BEGINNING = 1 << 16  # bytes
_TRIPLE = re.compile(rb"^(<[^<>\s]*>|_:\S+)\s+<[^<>\s]*>\s+(<[^<>\s]*>|_:\S+|\").*\.\s*$")


@dataclass(frozen=True, kw_only=True)
class SeenFile:
    """A file, and how to read it.

    Attributes:
        path: the file.
        format: what the mapping calls its format; None if it is none that import reads.
        rdf: whether it is RDF and no table.
        named: whether the format follows from the file's name.
        delimiter: between the fields of CSV and TSV.
        quote: whether `"` quotes fields.
        problem: why it cannot be read, if so.
    """

    path: Path
    format: str | None
    rdf: bool = False
    named: bool = True
    delimiter: str | None = None
    quote: bool = False
    problem: str = ""


def look_at(path: Path) -> SeenFile:
    """Find out what a file is.

    Raises:
        InputError: it is missing, no file, or compressed and damaged.
    """
    if not path.is_file():
        kind = "a folder; name its files" if path.is_dir() else "missing"
        raise InputError(f"{path} is {kind}")
    with open_bytes(path) as stream:
        start = stream.read(BEGINNING)
    suffix = plain_suffix(path)
    if not start.strip():
        return SeenFile(path=path, format=None, problem="it is empty")
    if suffix in RDF_FORMATS:
        return SeenFile(path=path, format=RDF_FORMATS[suffix], rdf=True)
    named = suffix in TABLE_FORMATS
    format = TABLE_FORMATS.get(suffix) or _guess(start)
    if format in RDF_FORMATS.values():
        return SeenFile(path=path, format=format, rdf=True, named=False)
    if format not in ("csv", "tsv"):
        problem = "" if format in ("jsonl", "parquet") else "its format is none that import reads"
        problem = "a database: name its tables by hand" if format == "sqlite" else problem
        return SeenFile(path=path, format=format, named=named, problem=problem)
    return _delimited(path, str(format), start, named)


def stem(path: Path) -> str:
    """Return the name of a file without its suffixes: `items` of `items.tsv.gz`."""
    name = path.name
    while Path(name).suffix and len(Path(name).suffix) <= 8:
        name = Path(name).stem
    return name


def _guess(start: bytes) -> str | None:
    if start.startswith(b"PAR1"):
        return "parquet"
    if b"\0" in start:
        return None
    lines = [line.strip() for line in start.removeprefix(b"\xef\xbb\xbf").splitlines()]
    lines = [line for line in lines if line and not line.startswith(b"#")] or [b""]
    first = lines[0]
    if _TRIPLE.match(first):
        objects = re.sub(rb"\"(?:[^\"\\]|\\.)*\"\S*", b'"', first).split()
        return "nquads" if len(objects) == 5 else "ntriples"
    if re.match(rb"(?i)@?(prefix|base)\s", first):
        return "turtle"
    if first.startswith(b"<?xml") or b"<rdf:RDF" in start:
        return "rdfxml" if b"rdf:RDF" in start else None
    if first.startswith((b"{", b"[")):
        return _guess_json(first, start)
    counts = {sign: start.count(sign) for sign in (b"\t", b",", b";", b"|")}
    if not any(counts.values()):
        return None
    return "tsv" if max(counts, key=lambda sign: counts[sign]) == b"\t" else "csv"


def _guess_json(first: bytes, start: bytes) -> str | None:
    try:
        if isinstance(json.loads(first), dict):
            return "jsonl"
    except (ValueError, RecursionError):
        pass
    return "jsonld" if b'"@' in start else None


def _delimited(path: Path, format: str, start: bytes, named: bool) -> SeenFile:
    text = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line][:100]
    if len(lines) > 1 and len(start) == BEGINNING:
        lines.pop()  # it may be cut
    usual = DELIMITERS[format]
    # a quote in TSV is an ordinary character, unless fields are wrapped in it
    wrapped = sum(line.startswith('"') or f'{usual}"' in line for line in lines)
    quote = '"' in text if format == "csv" else wrapped > len(lines) / 2
    delimiter = max((usual, "\t", ",", ";", "|"), key=lambda sign: _agreement(lines, sign, quote))
    return SeenFile(
        path=path, format=format, named=named, delimiter=delimiter, quote=quote or format == "csv"
    )


def _agreement(lines: list[str], delimiter: str, quote: bool) -> tuple[float, int]:
    """Return how well the lines agree on the number of fields, and that number; one is no table."""
    if quote:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            return 0.0, 0
    else:
        widths = [line.count(delimiter) + 1 for line in lines]
    width, number = Counter(widths).most_common(1)[0] if widths else (1, 0)
    return (0.0, 0) if width == 1 else (round(number / len(widths), 1), 0)
