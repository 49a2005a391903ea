from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from encoders.cache.folder import CacheEntry
from encoders.cache.show import cache_table


def shown(*entries):
    console = Console(width=120, record=True, file=StringIO())
    console.print(cache_table(entries))
    return console.export_text()


def entry(encoder, texts, size):
    return CacheEntry(
        fingerprint="0123456789abcdef" * 4,
        encoder=encoder,
        storage="float16",
        texts=texts,
        bytes=size,
        last_used=datetime(2020, 5, 17, 12, tzinfo=UTC),
        path=Path("x"),
    )


def test_every_entry_is_a_row_and_several_have_a_sum():
    text = shown(entry("minilm", 1_200, 3_000_000), entry("clip", 34, 2_000))
    rows = text.splitlines()
    assert "minilm" in rows[1]
    for part in ("0123456789ab", "float16", "1,200", "3.0 MB", "2020-05-17"):
        assert part in rows[1]
    assert "1,234" in rows[-1]
    assert "all" in rows[-1]


def test_one_entry_has_no_sum():
    assert "all" not in shown(entry("minilm", 5, 10))
