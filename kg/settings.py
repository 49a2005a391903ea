"""TOML to frozen dataclasses: an unknown key is an error that names the nearest known one."""

import dataclasses
import os
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from kg.errors import ConfigError, nearest

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: it is missing or is not TOML; names the line.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder: name a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def build(cls: type[T], data: Any, where: str = "") -> T:
    """Build the frozen dataclass `cls` from parsed TOML, checking every key and type.

    Fields may be str, int, float, bool, Path, Literal, Optional, tuple[X, ...], dict[str, X], or
    another such dataclass. A single value is accepted where a tuple is expected.

    Args:
        cls: the dataclass.
        data: a table as `tomllib` gives it.
        where: path to this table, for messages.

    Raises:
        ConfigError: unknown, missing or mistyped key; the message has its path.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{f'{where}: ' if where else ''}expected a table, got {data!r}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    values = {}
    for key, value in data.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in fields:
            known = ", ".join(fields)
            raise ConfigError(f"unknown key {path!r}{nearest(key, fields)} (known: {known})")
        values[key] = _convert(hints[key], value, path)
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise ConfigError(f"missing key {f'{where}.{name}' if where else name!r}")
    try:
        return cls(**values)
    except ConfigError:
        raise
    except ValueError as error:  # raised by the dataclass's own __post_init__
        raise ConfigError(f"{where}: {error}" if where else str(error)) from None


def substitute(text: str) -> str:
    """Replace `${NAME}` by environment variables.

    Raises:
        ConfigError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in os.environ:
            hint = nearest(variable, os.environ)
            raise ConfigError(f"{text!r} needs the environment variable {variable}{hint}")
        return os.environ[variable]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            allowed = ", ".join(repr(choice) for choice in arguments)
            hint_text = nearest(str(value), [str(choice) for choice in arguments])
            raise ConfigError(f"{where} = {value!r}{hint_text}: must be one of {allowed}")
        return value
    if origin is tuple:
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(values))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, got {value!r}")
        return {
            str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    return _convert_scalar(hint, value, where)


def _convert_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in choices:
        return None
    error: ConfigError | None = None
    for choice in choices:
        if choice is not type(None):
            try:
                return _convert(choice, value, where)
            except ConfigError as failed:
                error = error or failed
    raise error or ConfigError(f"{where}: unexpected {value!r}")


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        isinstance(hint, type)
        and isinstance(value, hint)
        and not (hint is int and isinstance(value, bool))
    ):
        return value
    expected = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{where} = {value!r}: expected {expected}, got {type(value).__name__}")
