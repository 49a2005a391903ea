"""What the cache of encodings holds, as a table for the terminal."""

from collections.abc import Sequence

from rich.filesize import decimal
from rich.table import Table

from encoders.cache.folder import CacheEntry


def cache_table(entries: Sequence[CacheEntry]) -> Table:
    """Return one row per encoder and precision, and their sum."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=len(entries) > 1)
    table.add_column("encoder", footer="all")
    table.add_column("fingerprint", style="dim")
    table.add_column("stored as")
    table.add_column("texts", justify="right", footer=f"{sum(e.texts for e in entries):,}")
    table.add_column("size", justify="right", footer=decimal(sum(e.bytes for e in entries)))
    table.add_column("last used")
    for entry in entries:
        table.add_row(
            entry.encoder,
            entry.fingerprint[:12],
            entry.storage,
            f"{entry.texts:,}",
            decimal(entry.bytes),
            f"{entry.last_used.astimezone():%Y-%m-%d %H:%M}",
        )
    return table
