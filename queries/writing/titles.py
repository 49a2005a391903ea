"""Titles as they stand in prose."""

import re

from queries.llm.untrusted import clean_title

LONG = 60  # characters; titles of goods go on with sizes and colours
_FEWEST = 15  # characters that are left
_BREAK = re.compile(r"\s*[,;(\[|]|\s+[-\u2013\u2014]\s+")


def prose_title(title: str) -> str:
    """Return a title as plain words; of a long one what stands before its first break."""
    title = clean_title(title)
    if len(title) <= LONG:
        return title
    ends = (match.start() for match in _BREAK.finditer(title) if match.start() >= _FEWEST)
    return title[: next(ends, len(title))]
