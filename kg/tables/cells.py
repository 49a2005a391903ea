"""Values that are no strings, as JSON, SQLite and nested Parquet columns have them, to cells."""

import json
from typing import Any


def cell(value: Any) -> str:
    """Return a value as a string: `""` for none, lists joined with `", "`, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list) and all(not isinstance(part, dict | list) for part in value):
        return ", ".join(cell(part) for part in value)
    return json.dumps(value, ensure_ascii=False, default=str)
