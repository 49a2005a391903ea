"""The settings that a baseline is tuned over."""

import itertools
from typing import Any

Grid = tuple[dict[str, Any], ...]


def combinations(**values: tuple[Any, ...]) -> Grid:
    """Return every combination of the values of each setting, the last setting moving fastest."""
    return tuple(
        dict(zip(values, combined, strict=True)) for combined in itertools.product(*values.values())
    )
