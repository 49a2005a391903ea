import hashlib
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import ConfigError, InputError
from kg.privacy.pseudonyms import (
    Pseudonymise,
    Pseudonymiser,
    key_check,
    key_of_environment,
    key_of_file,
    pseudonyms,
)

KEY = b"0123456789abcdef0123456789abcdef"


def test_a_pseudonym_is_a_keyed_hash_of_type_and_id():
    person = hashlib.blake2b(b"user", digest_size=16).digest()
    expected = hashlib.blake2b(b"ann", digest_size=16, key=KEY, person=person).hexdigest()
    assert pseudonyms(["ann", "bob", "ann", ""], "user", KEY)[::2] == [expected, expected]
    assert len(expected) == 32


def test_key_type_and_id_all_count():
    named = {
        (key, kind, node_id): pseudonyms([node_id], kind, key)[0]
        for key in (KEY, KEY[::-1])
        for kind in ("user", "person")
        for node_id in ("ann", "Ann", "ann ")
    }
    assert len(set(named.values())) == len(named)


def test_an_empty_id_stays_empty():
    assert pseudonyms([""], "user", KEY) == [""]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), unique=True))
def test_distinct_ids_have_distinct_pseudonyms_of_hexadecimal_digits(ids):
    named = pseudonyms(ids, "user", KEY)
    assert len(set(named)) == len(ids)
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in named)


def test_another_process_finds_the_same():
    code = "from kg.privacy.pseudonyms import pseudonyms; "
    code += f"print(pseudonyms(['ann'], 'user', {KEY!r})[0])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == pseudonyms(["ann"], "user", KEY)[0]


def test_columns_keep_their_order_and_repeats():
    rename = Pseudonymiser("user", KEY, remember=True)
    ids = ["bob", "ann", "bob", ""]
    assert rename(pa.array(ids)).to_pylist() == pseudonyms(ids, "user", KEY)
    assert rename(pa.array([], pa.string())).to_pylist() == []
    known, named = rename.pairs()
    assert known.to_pylist() == ["", "ann", "bob"]
    assert named.to_pylist() == pseudonyms(["", "ann", "bob"], "user", KEY)


def test_ids_are_forgotten_where_nobody_asks_for_them():
    rename = Pseudonymiser("user", KEY)
    rename(pa.array(["ann"]))
    assert rename.pairs()[0].to_pylist() == []


def test_the_check_of_a_key_is_no_pseudonym_and_differs_by_key():
    assert key_check("user", KEY) != key_check("user", KEY[::-1])
    assert not pseudonyms(["isthmus check"], "user", KEY)[0].startswith(key_check("user", KEY))


def test_keys_come_from_files_and_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "a.key"
    path.write_bytes(KEY + b"\r\n")
    monkeypatch.setenv("SOME_KEY", KEY.decode())
    assert key_of_file(path) == key_of_environment("SOME_KEY") == KEY
    settings = Pseudonymise(types=("user",), key_file="a.key")
    assert settings.key(tmp_path) == KEY
    assert Pseudonymise(types=("user",), key_env="SOME_KEY").key(tmp_path) == KEY


@pytest.mark.parametrize("size", [0, 15, 65])
def test_keys_are_neither_short_nor_long_and_never_shown(tmp_path, size):
    path = tmp_path / "a.key"
    path.write_bytes(b"k" * size)
    with pytest.raises(InputError, match=rf"has {size} bytes, not 16 to 64; `openssl") as caught:
        key_of_file(path)
    assert "kk" not in str(caught.value)


def test_missing_keys_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(ConfigError, match="set the environment variable SOME_KEY"):
        key_of_environment("SOME_KEY")
    with pytest.raises(InputError, match=r"a\.key cannot be read: No such file"):
        key_of_file(tmp_path / "a.key")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"types": (), "key_env": "K"}, "types is empty"),
        ({"types": ("user",)}, "give either key_file or key_env"),
        ({"types": ("user",), "key_file": "a", "key_env": "K"}, "give either"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Pseudonymise(**settings)
