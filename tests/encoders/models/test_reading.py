from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.load import packaged_minilm
from encoders.models.reading import CHARACTERS_PER_TOKEN, beginning, clean, tokenize
from kg.errors import InputError


@pytest.fixture(scope="module")
def tokenizer() -> object:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(packaged_minilm(), local_files_only=True)


def test_what_is_no_character_is_replaced() -> None:
    assert clean([" a\n", "", "\ud800b", "pair \U0001f600", "\x00"]) == [
        "a",
        "",
        "\ufffdb",
        "pair \U0001f600",
        "\x00",
    ]


def test_what_is_no_text_is_refused_by_position() -> None:
    with pytest.raises(InputError, match=r"texts\[1\] is None"):
        clean(["a", None])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"texts\[0\] is nan"):
        clean([float("nan")])  # type: ignore[list-item]


def test_beginning() -> None:
    assert beginning("a\nb") == r"'a\nb'"
    assert len(beginning("x" * 1000)) < 50


def _whole(tokenizer, texts: Sequence[str], max_length: int) -> list[list[int]]:
    return tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]


@given(
    words=st.lists(
        st.sampled_from(["a", "knife", "Pfanne", "東京", "🤖", "ship" * 30, " ", "-"]),
        min_size=1,
        max_size=60,
    ),
    times=st.integers(1, 40),
)
def test_tokens_are_those_of_the_whole_text(tokenizer, words: list[str], times: int) -> None:
    for text in (" ".join(words * times), "".join(words * times)):
        found = tokenize(tokenizer, ["first", text], max_length=4)
        expected = _whole(tokenizer, ["first", text], 4)
        assert [tokens["input_ids"] for tokens in found] == expected


def test_a_megabyte_is_not_tokenized(tokenizer) -> None:
    read = []

    def watched(texts, **settings):
        read.extend(texts)
        return tokenizer(texts, **settings)

    text = "a cast iron pan and its lid " * 40_000
    (found,) = tokenize(watched, [text], max_length=16, prompt="query: ")
    assert max(map(len, read)) <= 16 * CHARACTERS_PER_TOKEN + len("query: ")
    assert found["input_ids"] == _whole(tokenizer, ["query: " + text], 16)[0]


def test_few_tokens_of_many_characters_are_read_to_the_end(tokenizer) -> None:
    text = "x" * 10_000 + " and more"  # a word that is too long is one unknown token
    (found,) = tokenize(tokenizer, [text], max_length=8)
    assert found["input_ids"] == _whole(tokenizer, [text], 8)[0]
    assert len(found["input_ids"]) == 5
