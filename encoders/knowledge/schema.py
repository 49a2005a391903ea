"""A JSON value against a schema: the part of JSON Schema that strict answers use."""

from typing import Any

from kg.errors import InputError

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def check(value: Any, schema: dict[str, Any], where: str = "answer") -> None:
    """Check `value`: types, enumerations, required and additional keys, lengths.

    Raises:
        InputError: it is not of the schema; says where.
    """
    expected = schema.get("type")
    if expected is not None and not _is(value, expected):
        raise InputError(f"{where}: expected {expected}, got {type(value).__name__}")
    if "enum" in schema and value not in schema["enum"]:
        raise InputError(f"{where}: expected one of {schema['enum']}")
    if isinstance(value, dict):
        _check_object(value, schema, where)
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            raise InputError(f"{where}: more than {schema['maxItems']} items")
        for number, inner in enumerate(value):
            check(inner, schema.get("items", {}), f"{where}[{number}]")


def _check_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> None:
    properties: dict[str, Any] = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            raise InputError(f"{where}: {key!r} is missing")
    for key, inner in value.items():
        if key in properties:
            check(inner, properties[key], f"{where}.{key}")
        elif schema.get("additionalProperties") is False:
            raise InputError(f"{where}: unexpected key {str(key)[:40]!r}")


def _is(value: Any, expected: str) -> bool:
    if isinstance(value, bool):  # an int to Python, not to JSON
        return expected == "boolean"
    return isinstance(value, TYPES[expected])
