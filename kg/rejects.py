"""What did not load: every rejected row with file, line and reason, and the sum per file."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

REJECT_SCHEMA = pa.schema(
    [("file", pa.string()), ("line", pa.int64()), ("raw", pa.string()), ("reason", pa.string())]
)
WITHHELD = "(withheld)"


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of the rows of one file in one section of the mapping.

    Attributes:
        file: the file, as the mapping names it.
        section: the section that read it, such as `nodes[0]`; a file may be read by several.
        rows: rows in (of RDF: triples and malformed lines). Blank lines are not rows.
        loaded: rows that are in the graph, with those merged and ignored.
        rejected: rows that are kept among the rejects instead.
        merged: loaded rows that repeat an edge or a node which was already there.
        ignored: loaded triples that the mapping leaves out on purpose.
        import_number: which import into the graph it belongs to, from 1.
    """

    file: str
    section: str
    rows: int
    loaded: int
    rejected: int
    merged: int = 0
    ignored: int = 0
    import_number: int = 1

    def __post_init__(self) -> None:
        if self.rows != self.loaded + self.rejected:
            raise RuntimeError(f"rows of {self.file} went missing: {self}")


@dataclass
class RejectLog:
    """Collects rejected rows during an import.

    Attributes:
        withhold: whether to leave out the text of rows, and what reasons quote of it.
    """

    withhold: bool = False
    _file: list[str] = field(default_factory=list)
    _line: list[int | None] = field(default_factory=list)
    _raw: list[str] = field(default_factory=list)
    _reason: list[str] = field(default_factory=list)

    def add(self, file: str, line: int | None, raw: str, reason: str) -> None:
        """Keep one rejected row."""
        if self.withhold:
            raw, reason = WITHHELD, reason.partition(": ")[0]
        self._file.append(file)
        self._line.append(line)
        # a byte that is no UTF-8 comes as a surrogate and is kept as \\xff
        self._raw.append(raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
        self._reason.append(reason)

    def table(self) -> Any:
        """Return all rejects as an Arrow table: file, line (null if unknown), raw, reason."""
        arrays = [
            pa.array(self._file, pa.string()),
            pa.array(self._line, pa.int64()),
            pa.array(self._raw, pa.string()),
            pa.array(self._reason, pa.string()),
        ]
        return pa.table(arrays, schema=REJECT_SCHEMA)


@dataclass
class Tally:
    """Counts the rows of one file while it is imported.

    `rows` is counted where the file is read, `loaded` where rows enter the graph: `account` then
    finds a row that was lost between the two.
    """

    file: str
    section: str
    log: RejectLog
    rows: int = 0
    loaded: int = 0
    rejected: int = 0
    merged: int = 0
    ignored: int = 0

    def reject(self, line: int | None, raw: str, reason: str) -> None:
        """Count and keep one rejected row."""
        self.rejected += 1
        self.log.add(self.file, line, raw, reason)

    def account(self) -> Account:
        """Return the final counts."""
        return Account(
            file=self.file,
            section=self.section,
            rows=self.rows,
            loaded=self.loaded,
            rejected=self.rejected,
            merged=self.merged,
            ignored=self.ignored,
        )
