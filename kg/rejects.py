"""What did not load: every rejected row with file, line and reason, and the sum per file."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa

from kg.errors import ConfigError, InputError

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
        ignored: loaded triples and rows that the mapping leaves out on purpose.
        import_number: which import into the graph it belongs to, from 1.
        filtered: loaded rows whose interactions are not in the k-core that the mapping asks for.
    """

    file: str
    section: str
    rows: int
    loaded: int
    rejected: int
    merged: int = 0
    ignored: int = 0
    import_number: int = 1
    filtered: int = 0

    def __post_init__(self) -> None:
        if self.rows != self.loaded + self.rejected:
            raise RuntimeError(f"rows of {self.file} went missing: {self}")


@dataclass(frozen=True, kw_only=True)
class RejectLimit:
    """How many rejected rows an import bears.

    Attributes:
        count: at most so many in all.
        share: at most this share of the rows of each file.
    """

    count: int | None = None
    share: float | None = None

    @classmethod
    def none(cls) -> Self:
        """Return the limit under which the first rejected row is an error."""
        return cls(count=0)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `100` or `5%`.

        Raises:
            ConfigError: it is neither.
        """
        try:
            number = float(text.removesuffix("%"))
            if text.endswith("%") and 0 <= number <= 100:
                return cls(share=number / 100)
            if number >= 0 and number.is_integer() and not text.endswith("%"):
                return cls(count=int(number))
        except ValueError:
            pass
        raise ConfigError(f"--max-rejects {text}: expected a number of rows, or a share such as 5%")

    def check(self, file: str, rejected: int, rows: int) -> None:
        """Refuse a file of which too great a share was rejected.

        Raises:
            InputError: names the file and both numbers.
        """
        if self.share is not None and rejected > self.share * rows:
            raise InputError(
                f"{file}: {rejected:,} of {rows:,} rows were rejected, more than "
                f"{100 * self.share:g}%; import without --max-rejects to see which"
            )


@dataclass
class RejectLog:
    """Collects rejected rows during an import.

    Attributes:
        withhold: whether to leave out the text of rows, and what reasons quote of it.
        limit: how many there may be.
    """

    withhold: bool = False
    limit: RejectLimit | None = None
    _rows: list[tuple[str, int | None, str, str]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, int | None, str, str]]:
        return iter(self._rows)

    def add(self, file: str, line: int | None, raw: str, reason: str) -> None:
        """Keep one rejected row.

        Raises:
            InputError: the limit allows no more.
        """
        if self.withhold:
            raw, reason = WITHHELD, reason.partition(": ")[0]
        # a byte that is no UTF-8 comes as a surrogate and is kept as \\xff
        raw = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self._rows.append((file, line, raw, reason))
        most = None if self.limit is None else self.limit.count
        if most is not None and len(self._rows) > most:
            where = file if line is None else f"{file}, line {line}"
            many = f"more than {most:,} rows were rejected; the last: " if most else ""
            raise InputError(f"{many}{where}: {reason}: {raw[:200]}")

    def table(self) -> Any:
        """Return all rejects as an Arrow table: file, line (null if unknown), raw, reason."""
        columns = zip(*self._rows, strict=True) if self._rows else [[]] * len(REJECT_SCHEMA)
        arrays = [
            pa.array(list(column), kind)
            for column, kind in zip(columns, REJECT_SCHEMA.types, strict=True)
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
    filtered: int = 0

    def reject(self, line: int | None, raw: str, reason: str) -> None:
        """Count and keep one rejected row."""
        self.rejected += 1
        self.log.add(self.file, line, raw, reason)

    def hand_over(self) -> "Tally":
        """Return what was counted and rejected so far, and begin anew."""
        done = replace(self)
        self.log, self.rows, self.rejected = RejectLog(), 0, 0
        return done

    def take_over(self, part: "Tally") -> None:
        """Add what a reader has counted and rejected."""
        self.rows += part.rows
        for _, line, raw, reason in part.log:
            self.reject(line, raw, reason)

    def check(self) -> None:
        """Refuse a file of which too many rows were rejected.

        Raises:
            InputError: the log's limit allows no such share.
        """
        if self.log.limit is not None:
            self.log.limit.check(self.file, self.rejected, self.rows)

    def account(self) -> Account:
        """Return the final counts.

        Raises:
            InputError: the log's limit allows no such share of rejects.
        """
        self.check()
        return Account(
            file=self.file,
            section=self.section,
            rows=self.rows,
            loaded=self.loaded,
            rejected=self.rejected,
            merged=self.merged,
            ignored=self.ignored,
            filtered=self.filtered,
        )
