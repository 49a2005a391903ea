"""Arrow columns as RDF literals, and back, with their types."""

import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.export.vocabulary import RDF, XSD

JSON = RDF + "JSON"
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"))
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_LIST = re.compile(r"(large_)?list<(?:\w+: )?(.*)>")
_DICTIONARY = re.compile(r"dictionary<values=(.*), indices=(\w+), ordered=([01])>")
_ZONED = re.compile(r"timestamp\[(\w+), tz=(.*)\]")


def escaped(strings: Any) -> Any:
    """Return Arrow strings as they stand between the quotes of N-Triples and Turtle."""
    for plain, escape in _ESCAPES:
        strings = pc.replace_substring(strings, plain, escape)
    if pc.any(pc.match_substring_regex(strings, _CONTROL)).as_py():  # rare: each in turn
        for code in (*range(0x20), 0x7F):
            strings = pc.replace_substring(strings, chr(code), f"\\u{code:04X}")
    return strings


def lexical(column: Any, name: str) -> tuple[Any, str]:
    """Return the values of a column as strings, null where there is none, and their datatype.

    Args:
        column: an Arrow array.
        name: what a message calls it.

    Returns:
        Arrow strings and the IRI of the datatype, `""` for plain strings.

    Raises:
        InputError: values of this type have no form in RDF.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return lexical(column.cast(kind.value_type), name)
    if pa.types.is_nested(kind):
        return _json(column), JSON
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, "UTC"))
        text = column.cast(pa.string())
        return pc.replace_substring(text, " ", "T", max_replacements=1), XSD + "dateTime"
    if pa.types.is_floating(kind):
        text = column.cast(pa.string())
        for arrow, xsd in (("nan", "NaN"), ("inf", "INF")):
            text = pc.replace_substring(text, arrow, xsd)
        return text, XSD + ("double" if kind == pa.float64() else "float")
    for belongs, datatype in (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_date, "date"),
        (pa.types.is_decimal, "decimal"),
    ):
        if belongs(kind):
            return column.cast(pa.string()), XSD + datatype
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string()), ""
    raise InputError(f"{name} has values of type {kind}, which RDF has no form for")


def from_lexical(values: Any, kind: Any) -> Any:
    """Return strings of `lexical`, null where there is none, as a column of an Arrow type."""
    if pa.types.is_dictionary(kind):
        return from_lexical(values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_nested(kind):
        return _from_json(values, kind)
    return values.cast(kind)


def type_named(name: str) -> Any:
    """Return the Arrow type whose `str` is `name`.

    Raises:
        InputError: there is none, or it is none that `lexical` writes.
    """
    if found := _LIST.fullmatch(name):
        make = pa.large_list if found[1] else pa.list_
        return make(type_named(found[2]))
    if found := _DICTIONARY.fullmatch(name):
        return pa.dictionary(type_named(found[2]), type_named(found[1]), ordered=found[3] == "1")
    if found := _ZONED.fullmatch(name):
        return pa.timestamp(found[1], found[2])
    try:
        return pa.type_for_alias(name)
    except ValueError:
        raise InputError(f"unknown column type {name!r}") from None


def _of_numbers(kind: Any) -> bool:
    if not pa.types.is_list(kind):
        return False
    within = kind.value_type
    return bool(pa.types.is_floating(within) or pa.types.is_integer(within))


def _from_json(values: Any, kind: Any) -> Any:
    if _of_numbers(kind) and not pc.any(pc.match_substring_regex(values, r"^\[\]$|null")).as_py():
        numbers = pc.replace_substring(pc.utf8_trim(values, "[]"), "Infinity", "inf")
        return pc.split_pattern(numbers, ", ").cast(kind)
    # a number that JSON writes like a whole one may be too large for Arrow to take it as another
    whole = float if _of_numbers(kind) and pa.types.is_floating(kind.value_type) else int
    found = [None if v is None else json.loads(v, parse_int=whole) for v in values.to_pylist()]
    return pa.array(found, kind)


def _json(column: Any) -> Any:
    kind = column.type
    if _of_numbers(kind) and not column.flatten().null_count:
        numbers = lexical(column.flatten(), "")[0]
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        ends = pc.cumulative_sum(lengths).cast(pa.int32())
        starts = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        joined = pc.binary_join(pa.ListArray.from_arrays(starts, numbers), ", ")
        text = pc.binary_join_element_wise("[", joined, "]", "")
        text = pc.replace_substring(text, "INF", "Infinity")  # as Python's json reads it
        return pc.if_else(column.is_valid(), text, pa.scalar(None, pa.string()))
    texts = [None if v is None else json.dumps(v, ensure_ascii=False) for v in column.to_pylist()]
    return pa.array(texts, pa.string())
