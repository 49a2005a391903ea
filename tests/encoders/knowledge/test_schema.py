from typing import Any

import pytest

from encoders.knowledge.schema import check
from kg.errors import InputError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "names": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "kind": {"type": "string", "enum": ["tea", "mug"]},
        "size": {"type": "number"},
    },
    "required": ["names"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("value", [{"names": []}, {"names": ["a"], "kind": "tea", "size": 1}])
def test_accepts(value: object) -> None:
    check(value, SCHEMA)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "answer: expected object, got list"),
        ({}, "answer: 'names' is missing"),
        ({"names": ["a", 1]}, r"answer\.names\[1\]: expected string, got int"),
        ({"names": ["a"] * 3}, r"answer\.names: more than 2"),
        ({"names": [], "more": 1}, "answer: unexpected key 'more'"),
        ({"names": [], "kind": "pot"}, r"answer\.kind: expected one of"),
        ({"names": [], "size": True}, r"answer\.size: expected number, got bool"),
        ({"names": None}, r"answer\.names: expected array"),
    ],
)
def test_refuses(value: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check(value, SCHEMA)
