import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.knowledge.phrases import join, key_phrases, stands_in, words

FILLER = [f"filler{'abcdefghij'[i % 10]} word{'klmnopqrst'[i // 10]}" for i in range(100)]
CAST_IRON = ["Cast Iron Skillet", "cast-iron kettle", "Teapot of Cast Iron", "Iron nails"]


def found(texts: list[str], **settings: float) -> list[dict[str, float]]:
    return key_phrases(texts, **{"min_texts": 2, "max_share": 0.5, **settings})


def test_words_that_hold_together_are_one_phrase() -> None:
    phrases = found([*CAST_IRON, *FILLER])[:4]
    assert [set(some) for some in phrases] == [{"cast iron"}] * 3 + [{"iron"}]


def test_words_that_meet_by_chance_are_no_phrase() -> None:
    draw = random.Random(0)
    texts = [
        " ".join(draw.sample(["red", "blue", "tin", "mug", "cup", "jug"], 4)) for _ in range(99)
    ]
    assert {phrase for some in found(texts, max_share=1.0) for phrase in some} == {
        "red", "blue", "tin", "mug", "cup", "jug",
    }  # fmt: skip


def test_numbers_units_and_stop_words_are_left_out() -> None:
    texts = [
        "Honey, 12oz (Pack of 2)",
        "Honey 16 Ounce Jar, Pack of 6",
        "the jar of 8 Ounce, 3/4",
        "Jar with Honey 5 Ounce",
        *FILLER,
    ]
    phrases = found(texts)
    assert {phrase for some in phrases[:4] for phrase in some} == {"honey", "jar"}


def test_stop_words_and_punctuation_part_phrases() -> None:
    texts = ["salt and pepper", "salt, pepper", "salt (pepper)", "salt - pepper", *FILLER]
    assert all(set(some) == {"salt", "pepper"} for some in found(texts)[:4])
    together = ["salt-pepper", "Salt/Pepper", "salt pepper", "salt & pepper", *FILLER]
    assert all(set(some) == {"salt pepper"} for some in found(together)[:4])


def test_a_thing_that_is_a_stop_word_in_english_is_kept() -> None:
    assert all(
        "pepper mill" in some for some in found(["pepper mill", "a Pepper Mill", *FILLER])[:2]
    )


def test_praise_alone_is_no_phrase() -> None:
    texts = ["great tin", "great mug", "premium great quality", "premium quality"]
    assert not {"great", "premium", "quality", "premium quality"} & {
        phrase for some in found([*texts, *FILLER]) for phrase in some
    }


def test_singular_and_plural_are_one_phrase_in_the_more_common_form() -> None:
    texts = ["cookie box", "cookies", "cookies jar", "dish", "dishes", "dish rack", *FILLER]
    some = found(texts)[:6]
    assert all("cookies" in phrases for phrases in some[:3])
    assert all("dish" in phrases for phrases in some[3:])


def test_weight_is_tf_idf() -> None:
    from math import log

    texts = ["tea, tea", "tea", *["water"] * 2]
    tea, again, water, _ = found(texts)
    assert tea == pytest.approx({"tea": (1 + log(2)) * log(2)})
    assert again == pytest.approx({"tea": log(2)})
    assert water == pytest.approx({"water": log(2)})


def test_a_phrase_of_too_many_or_too_few_texts_says_nothing() -> None:
    texts = ["mug, tea", "mug, tea", "mug, tin", "mug", "jug", "jug"]
    phrases = found(texts)
    assert Counter(phrase for some in phrases for phrase in some) == {"tea": 2, "jug": 2}


@pytest.mark.parametrize(
    ("texts", "phrase"),
    [
        (["Чугунная сковорода", "сковорода чугунная", "Сковорода"], "сковорода"),
        (["हिन्दी किताब", "हिन्दी गीत"], "हिन्दी"),
        (["陶瓷茶壶", "白茶壶", "大茶壶"], "茶壶"),
        (["Grüner Tee", "GRÜNER TEE"], "grüner tee"),
        (["\ufb01ne \uff54\uff45\uff41", "fine tea"], "fine tea"),
        (["café crème", "cafe\u0301 cre\u0300me"], "café crème"),
    ],
)
def test_any_script(texts: list[str], phrase: str) -> None:
    assert all(phrase in some for some in found([*texts, *FILLER])[: len(texts)])


def test_a_piece_of_a_longer_name_is_no_phrase() -> None:
    texts = [f"{first} old river rice company" for first in ("a", "the", "from")]
    some = found([*texts, *FILLER], min_texts=3)[0]
    assert not {"old river rice", "river rice company"} & set(some)


def test_a_code_is_no_phrase() -> None:
    assert (
        found(["xl mug", "mug xl", "x mug", "tin x", *FILLER])[:2]
        == [{"mug": pytest.approx(3.5, abs=0.1)}] * 2
    )
    assert all("녹차" in some for some in found(["녹차", "좋은 녹차", *FILLER])[:2])


def test_nothing_in_nothing_out() -> None:
    assert found([]) == []
    assert found(["", "12", "!"]) == [{}, {}, {}]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab c-,.2é陶瓷", max_size=20), max_size=12), st.randoms())
def test_every_phrase_stands_in_its_text_whatever_the_order(
    texts: list[str], draw: random.Random
) -> None:
    phrases = found(texts, max_share=1.0)
    order = list(range(len(texts)))
    draw.shuffle(order)
    again = found([texts[i] for i in order], max_share=1.0)
    assert [again[order.index(i)] for i in range(len(texts))] == phrases
    for text, some in zip(texts, phrases, strict=True):
        assert all(stands_in(words(phrase), words(text)) for phrase in some)
        assert all(join(words(phrase)) == phrase for phrase in some)
