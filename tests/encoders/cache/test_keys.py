import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from encoders.cache.keys import Wanted, first_of_each, keys_of

SOME_TEXTS = st.lists(st.sampled_from(["", " ", "a", " a ", "b", "c\n", "\x00", "\ud800"]))


def test_key_is_the_digest_of_the_stripped_text() -> None:
    keys = keys_of([" whale\n", "\ud800"])
    assert keys.tobytes() == (
        hashlib.sha256(b"whale").digest() + hashlib.sha256(b"\xed\xa0\x80").digest()
    )


def test_keys_that_end_in_nul_are_told_apart() -> None:
    ends = [bytes([1, *([0] * 31)]), bytes([1, 0, 1, *([0] * 29)]), bytes(32)]
    keys = np.frombuffer(b"".join([*ends, ends[0]]), "S32")
    assert first_of_each(keys).tolist() == [True, True, True, False]


@given(SOME_TEXTS)
def test_rows_are_where_texts_stand_first(texts: list[str]) -> None:
    stripped = [text.strip() for text in texts]
    wanted = Wanted(texts)
    assert wanted.open_rows().tolist() == sorted(
        stripped.index(text) for text in set(stripped) if text
    )
    rows, firsts = wanted.repeats()
    assert dict(zip(rows.tolist(), firsts.tolist(), strict=True)) == {
        row: stripped.index(text) for row, text in enumerate(stripped) if stripped.index(text) < row
    }


def test_only_what_is_open_is_found() -> None:
    wanted = Wanted(["a", "b", "", "a"])
    which, places = wanted.places(keys_of(["x", "b", "", "a"]))
    assert which.tolist() == [1, 3]
    assert wanted.rows(places).tolist() == [1, 0]
    wanted.close(places[:1])
    assert wanted.open_rows().tolist() == [0]
    wanted.close(places)
    assert not wanted.any_open
    wanted.reopen(places[:1])
    assert wanted.open_rows().tolist() == [1]
