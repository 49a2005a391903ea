"""Whatever a catalogue says to a language model, nothing of it gets out."""

import html
import importlib.util
import unicodedata
from pathlib import Path

import pytest

from queries.llm.endpoint import EndpointModel
from queries.llm.untrusted import clean, clean_title, gives_orders
from queries.writing.page import page_of
from queries.writing.write import write

_SPEC = importlib.util.spec_from_file_location("attacks", Path(__file__).with_name("attacks.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_attacks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_attacks)
ALL = _attacks.ATTACKS | _attacks.UNKNOWN


def flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def held(payload: str, written) -> bool:
    """Whether a payload is in what somebody would be shown, as text or on the page."""
    page = html.unescape(page_of(written).split("<main>")[1].split("<footer>")[0])
    return flat(payload) in flat(written.text) + flat(page)


def obey(payload: str, *, around: str) -> str:
    return around.format(payload=payload)


AROUND = (
    "{payload}",
    "You know “The Hobbit”, so here is “An Unexpected Journey”. {payload}",
    "“An Unexpected Journey” is based on “The Hobbit”. {payload} “Clueless” is close to “Dune”.",
)


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_obeys_is_not_shown(name, attacked, endpoint):
    text, payload = ALL[name]
    recommender = attacked({"f1": text, "f2": text, "f3": text})
    model = EndpointModel(endpoint.url, "obedient", tries=1)
    for around in AROUND:
        endpoint.answer = lambda body, around=around: obey(payload, around=around)
        written = write(recommender, "ada", domain="films", k=2, model=model)
        assert written.how == "template"
        assert not held(payload, written)
        assert len(written.refused) == 2


@pytest.mark.parametrize("name", _attacks.ATTACKS)
def test_an_attack_does_not_reach_the_model(name, attacked, endpoint):
    text, _ = ALL[name]
    recommender = attacked({"f1": text, "f2": text, "f3": text})
    write(recommender, "ada", domain="films", model=EndpointModel(endpoint.url, "m", tries=1))
    words = [word for word in flat(clean(text)).split() if len(word) > 5]
    asked = flat(endpoint.bodies[0].rsplit("<facts>", 1)[1])
    if gives_orders(text):
        assert not any(word in asked for word in words[:5] if word not in ("facts",))
    else:  # the order itself is found by nobody, or is beyond what is read of a text
        assert name == "long"


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_repeats_what_it_reads_is_not_shown_to_obey(name, attacked, endpoint):
    """The endpoint says all that it was told, the facts as they are, and its instructions."""
    text, payload = ALL[name]
    recommender = attacked({"f1": text, "f2": text, "f3": text})
    endpoint.answer = lambda body: " ".join(turn["content"] for turn in body["messages"])
    model = EndpointModel(endpoint.url, "parrot", tries=1)
    written = write(recommender, "ada", domain="films", model=model)
    assert written.how == "template"
    assert not held(payload, written)


@pytest.mark.parametrize("name", _attacks.TITLES)
def test_an_item_whose_title_gives_orders_is_left_out(name, attacked):
    recommender = attacked(titles={"f2": _attacks.TITLES[name]})
    written = write(recommender, "ada", domain="films", k=3)
    assert written.brief.left_out == ("f2",)
    assert "f2" not in [item.id for item in written.brief.items]
    assert flat(_attacks.TITLES[name]) not in flat(written.text)


def test_a_known_title_that_gives_orders_is_no_reason(attacked):
    recommender = attacked(titles={"b1": _attacks.TITLES["order"], "b3": "Dune"})
    written = write(recommender, "ada", domain="films", k=3)
    assert "HACKED" not in written.text + page_of(written)


def test_a_tiny_random_model_is_not_shown(attacked, tiny_model):
    text, payload = ALL["plain"]
    written = write(attacked({"f1": text}), "ada", domain="films", model=tiny_model)
    assert written.how == "template"
    assert not held(payload, written)
    assert written.cost.requests == 2
    assert written.cost.completion_tokens > 0


@pytest.mark.parametrize(
    "title",
    [
        "The Assistant",
        "Say Anything",
        "You Are Here",
        "Ignore Me",
        "System Crasher",
        "Call Me by Your Name",
        "A.I. Artificial Intelligence",
        "Her",
    ],
)
def test_ordinary_titles_are_no_orders(title):
    assert not gives_orders(title, title=True)


def test_titles_lose_markup_and_what_is_not_seen():
    title = clean_title('The "Big" <b>Sleep</b>\u200b\n\x00 http://x.example/y')
    assert title == "The \u2019Big\u2019 Sleep"
    assert len(clean_title("word " * 1000)) <= 121
    assert clean("a [gift](http://evil.example) for <i>you</i>") == "a gift for you"
