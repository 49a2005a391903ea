import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from encoders.texts.templates import Template, TextConfig, clean, cut, matching_language, num_words
from kg.errors import ConfigError
from kg.settings import build

BOOK = "{title}[ by {author}][. {genre}]"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("Emma", "Austen", "novel"), "Emma by Austen. novel"),
        (("Emma", "", "novel"), "Emma. novel"),
        (("Emma", "", ""), "Emma"),
        (("", "Austen", ""), "by Austen"),
    ],
)
def test_parts_in_brackets_vanish(values, text):
    assert Template(BOOK).fill(dict(zip(("title", "author", "genre"), values, strict=True))) == text


def test_doubled_brackets_and_braces_are_themselves():
    assert Template("[[{{{a}}}]][ [[{b}]]]").fill({"a": "x", "b": "y"}) == "[{x}] [y]"


def test_one_of_two_empty_placeholders_is_enough_to_vanish():
    template = Template("{a}[ ({b}, {c})]")
    assert template.fill({"a": "x", "b": "y", "c": ""}) == "x"
    assert template.fill({"a": "x", "b": "y", "c": "z"}) == "x (y, z)"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no placeholder"),
        ("a book", "no placeholder"),
        ("{title}[ a book]", "in brackets"),
        ("{title}[ by {author}", "other half"),
        ("{title} by {author}]", "other half"),
        ("{title}[ by [{author}] ]", "other half"),
        ("{title", "brace"),
        ("title}", "brace"),
        ("{title} {}", "brace"),
        ("{title} { }", "brace"),
        ("{title[{a}]}", "brace"),
    ],
)
def test_what_is_no_template(text, says):
    with pytest.raises(ValueError, match=says) as error:
        TextConfig(templates={"item": text})
    assert "templates.item" in str(error.value)


@given(st.text())
@example("{a}[{b}]]")
@example("[[[{a}]]]")
def test_any_text_is_a_template_or_says_why_not(text):
    try:
        template = Template(text)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - any text may come, and only some of it fails
        return
    template.fill(dict.fromkeys(template.placeholders, "x"))


@given(st.text(), st.text())
@example("{b}", "[{a}]")
@example("\x00\x1b[31m\r\n", "]] {a} [[")
def test_values_are_inert(one, other):
    one, other = clean(one), clean(other)
    filled = Template("<{a}|{b}>").fill({"a": one, "b": other})
    assert filled == clean(f"<{one}|{other}>")
    assert not any(unicodedata.category(char) == "Cc" for char in filled)


def test_clean_makes_one_line():
    assert clean("  a\tb\r\n\x00c\x85d\x1be ") == "a b c d e"
    assert clean(None) == ""


def by_hand(text, words):
    """Return the first words, found by walking through the text."""
    count, run = 0, 0
    for place, char in enumerate(text):
        alone = bool(re.match("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff]", char))
        alone = alone or "\uf900" <= char <= "\ufaff" or "\U00020000" <= char <= "\U0003ffff"
        if re.match(r"\s", char):
            run = 0
            continue
        if alone or run % 20 == 0:
            if count == words:
                return text[:place].rstrip()
            count += 1
        run = 0 if alone else run + 1
    return text


TEXTS = st.text(st.sampled_from("ab c,\n東京ก\U00020001é"), max_size=80) | st.text()


@given(TEXTS, st.integers(1, 30))
@example("x" * 61, 3)
@example("東京 " * 9, 4)
def test_cut_keeps_the_first_words(text, words):
    text = text.strip()
    assert cut(text, words).rstrip() == by_hand(text, words).rstrip()
    assert num_words(cut(text, words)) == min(words, num_words(text))
    assert text.startswith(cut(text, words))


def test_cutting_a_long_text_is_quick():
    assert num_words(cut("x" * 1_000_000, 1_000)) == 1_000
    assert num_words(cut("a " * 999 + "b" * 100_000, 100_000)) == 999 + 5_000


@pytest.mark.parametrize(
    ("language", "found"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de_AT", "de"),
        ("de-AT-1996", "de"),
        ("pt-BR", "pt-br"),
        ("pt", None),
        (" en ", "EN"),
        ("den", None),
        ("", None),
    ],
)
def test_a_variety_of_a_language_is_that_language(language, found):
    assert matching_language(language, {"de": 1, "EN": 1, "pt-br": 1}) == found


def test_a_language_goes_before_all_languages():
    config = TextConfig(
        templates={"item": "{title}", "genre": "{text}"},
        languages={"de": {"item": "Titel {title}"}},
    )

    def filled(kind, language):
        return config.template(kind, language).fill({"title": "A", "text": "B"})

    assert filled("item", "de-AT") == "Titel A"
    assert filled("item", "") == filled("item", "fr") == "A"
    assert filled("genre", "de") == "B"
    assert config.template("person", "de") is None


def test_settings_come_from_a_table():
    table = {"templates": {"item": "{title}"}, "languages": {"de": {"item": "{titel}"}}}
    config = build(TextConfig, table | {"language": "de", "words": 20}, "texts")
    assert config.template("item", "").placeholders == ("titel",)
    assert config.template("item", "en").placeholders == ("title",)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"neighbours": 0}, "texts: neighbours"),
        ({"history_words": 0}, "texts: history_words"),
        ({"language": "ge", "languages": {"de": {}}}, "texts: language 'ge'"),
        ({"templates": {"history": "{item}"}}, 'texts: .*did you mean "items"'),
        ({"languages": {"de": {"history": "In {domain}"}}}, "texts: languages.de.history: a hist"),
        ({"template": {}}, 'did you mean "templates"'),
    ],
)
def test_what_is_no_setting(table, says):
    with pytest.raises(ConfigError, match=says):
        build(TextConfig, table, "texts")
