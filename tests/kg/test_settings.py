from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from kg.errors import ConfigError
from kg.settings import build, read_toml


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 1

    def __post_init__(self):
        if self.size < 0:
            raise ValueError("size must not be negative")


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    rate: float = 0.5
    on: bool = False
    path: Path | None = None
    kind: Literal["a", "b"] = "a"
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    words: tuple[str, ...] = ()
    table: dict[str, int] = field(default_factory=dict)
    either: dict[str, str] | tuple[str, ...] | None = None
    anything: Any = None


def test_toml_becomes_dataclasses():
    built = build(
        Outer,
        {
            "name": "n",
            "rate": 1,
            "path": "p",
            "inner": {"size": 2},
            "many": [{"size": 3}, {}],
            "words": "one",
            "table": {"k": 1},
            "either": ["x"],
            "anything": [1],
        },
    )
    assert built == Outer(
        name="n",
        rate=1.0,
        path=Path("p"),
        inner=Inner(size=2),
        many=(Inner(size=3), Inner()),
        words=("one",),
        table={"k": 1},
        either=("x",),
        anything=[1],
    )
    assert isinstance(built.rate, float)
    assert build(Outer, {"name": "n", "either": {"a": "b"}}).either == {"a": "b"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "n", "rtae": 1}, "unknown key 'rtae', did you mean \"rate\""),
        (
            {"name": "n", "many": [{}, {"sise": 1}]},
            r"unknown key 'many\[1\]\.sise', did you mean \"s",
        ),
        ({}, "missing key 'name'"),
        ({"name": 1}, "name = 1: expected str, got int"),
        ({"name": "n", "on": 1}, "on = 1: expected bool"),
        ({"name": "n", "inner": {"size": True}}, r"inner\.size = True: expected int"),
        ({"name": "n", "inner": {"size": -1}}, "inner: size must not be negative"),
        ({"name": "n", "kind": "c"}, "kind = 'c': must be one of 'a', 'b'"),
        ({"name": "n", "inner": 3}, "inner: expected a table"),
        ({"name": "n", "table": {"k": "v"}}, r"table\.k = 'v': expected int"),
        ({"name": "n", "path": 3}, "path = 3: expected Path"),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_path(data, message):
    with pytest.raises(ConfigError, match=message):
        build(Outer, data)


def test_toml_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.toml").write_text("a = \n")
    with pytest.raises(ConfigError, match=r"a\.toml is not valid TOML: .*line 1"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=r"no such file: .*b\.toml"):
        read_toml(tmp_path / "b.toml")
