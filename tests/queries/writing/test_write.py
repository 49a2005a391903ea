import json
import re

import pytest
from typer.testing import CliRunner

import isthmus
from kg.errors import ConfigError, InputError, UnknownIdError
from queries.llm.endpoint import EndpointModel
from queries.recommender import Recommender
from queries.writing.brief import Brief, ItemFacts, brief_of
from queries.writing.judge import Rules
from queries.writing.languages import OWN
from queries.writing.names import NO_OTHERS
from queries.writing.page import page_of
from queries.writing.phrases import TONES
from queries.writing.reasons import Reason
from queries.writing.write import write, write_brief

GOOD = "You know “The Hobbit”, so here is “An Unexpected Journey”, which is close to it. Enjoy!"


@pytest.fixture
def recommender(graph, bundle):
    return Recommender(graph, bundle)


def item(title, *reasons, about=""):
    return ItemFacts(id=title, title=title, about=about, reasons=reasons)


def template(language, tone, *items, history=True):
    brief = Brief(domain="films", items=items, history=history)
    written = write_brief(
        brief, Rules(language=language), tone=tone, model=None, catalogue=NO_OTHERS
    )
    assert [check for check in written.checks if not check.passed] == []
    return written.text


@pytest.mark.parametrize("language", OWN)
@pytest.mark.parametrize("tone", TONES)
def test_every_reason_can_be_told_of_one_and_of_many_and_passes_the_judge(language, tone):
    assert OWN["en"].reasons.keys() == OWN["de"].reasons.keys()
    for kind in OWN[language].reasons:
        seed = "" if kind in ("popular", "plain") else "Emma"
        reason = Reason(kind=kind, seed=seed, seed_domains=("books",), middle="Jane Austen")
        for titles in (["Clueless"], ["Clueless", "Persuasion", "Sanditon"]):
            text = template(language, tone, *(item(title, reason) for title in titles))
            assert all(title in text for title in titles)
            assert "{" not in text
            assert re.search(r"  |\.\.|\n\n\n", text) is None


def test_plurals_are_right():
    same = Reason(kind="genre", seed="Emma", middle="comedy")
    one = template("en", "factual", item("Clueless", same))
    two = template("en", "factual", item("Clueless", same), item("Tampopo", same))
    assert "one suggestion from" in one
    assert "two suggestions from" in two
    assert re.search(r"“Clueless” (shares|belongs)", one)
    assert re.search(r"“Clueless” and “Tampopo” (share|belong) ", two)
    eins = template("de", "formal", item("Clueless", same))
    drei = template("de", "friendly", *(item(title, same) for title in ("A", "B", "C")))
    assert re.search(r"eine Empfehlung", eins)
    assert re.search(r"Sie\b", eins)
    assert "drei Empfehlungen" in drei
    assert re.search(r"„A“, „B“ und „C“ (gehören|teilen)", drei)
    assert re.search(r"\b[Dd](u|ich|ir)\b", drei)


def test_the_same_items_give_the_same_text_and_others_another(recommender):
    texts = {
        user: write(recommender, user, domain="films").text for user in ("ada", "bob", "ada", "cyd")
    }
    assert write(recommender, "ada", domain="films").text == texts["ada"]
    assert len(set(texts.values())) == len(texts)


def test_a_user_of_whom_nothing_is_known_gets_what_is_popular(recommender):
    written = write(recommender, "dan", domain="films", k=2)
    assert "popular" in written.text or "many choose" in written.text
    assert "You know" not in written.text


def test_people_on_a_path_have_no_name(recommender):
    brief = brief_of(recommender, "ada", domain="films", k=3)
    reasons = [reason for one in brief.items for reason in one.reasons]
    assert any(reason.kind == "people" for reason in reasons) or reasons
    shown = str(brief) + write(recommender, "ada", domain="films").text
    assert "Bob" not in shown
    assert "cyd" not in shown


def test_a_good_text_of_a_model_is_shown_with_its_cost(recommender, endpoint):
    endpoint.answer = lambda body: GOOD
    model = EndpointModel(endpoint.url, "m", tries=1)
    written = write(recommender, "ada", domain="films", k=3, model=model)
    assert (written.how, written.text, written.refused) == ("model", GOOD, ())
    assert (written.cost.prompt_tokens, written.cost.completion_tokens) == (7, 5)
    assert written.to_json()["cost"]["requests"] == 1
    assert json.loads(json.dumps(written.to_json()))["how"] == "model"


def test_a_refused_text_is_asked_for_once_more_with_the_reasons(recommender, endpoint):
    endpoint.answer = lambda body: GOOD if len(body["messages"]) > 2 else f"{GOOD} See evil.com."
    model = EndpointModel(endpoint.url, "m", tries=1)
    written = write(recommender, "ada", domain="films", k=3, model=model)
    assert written.how == "model"
    assert "links" in [check.name for check in written.refused[0].failed]
    assert written.cost.requests == 2
    assert "No links" in endpoint.bodies[1]
    assert "evil.com" not in endpoint.bodies[1]


def test_no_id_of_anybody_leaves_the_machine(recommender, endpoint, monkeypatch):
    monkeypatch.setenv("WRITE_KEY", "sk-secret")
    model = EndpointModel(endpoint.url, "m", key="WRITE_KEY", tries=1)
    for user in ("ada", "bob", "cyd", "dan"):
        write(recommender, user, domain="films", k=3, model=model)
    sent = " ".join(endpoint.bodies)
    assert "An Unexpected Journey" in sent
    everybody = [*recommender.graph.users.vocab.ids.to_pylist(), "Ada", "Bob", "Dan"]
    ids = recommender.graph.items.vocab.ids.to_pylist()
    assert [one for one in everybody + ids if re.search(rf"\b{one}\b", sent)] == []
    assert sent.count("sk-secret") == sent.count("Authorization: Bearer sk-secret")


def test_a_language_that_we_do_not_write_needs_a_model(recommender, endpoint):
    with pytest.raises(InputError, match="needs --model"):
        write(recommender, "ada", domain="films", language="fr")
    with pytest.raises(InputError, match="expected a code"):
        write(recommender, "ada", domain="films", language="Klingon")
    model = EndpointModel(endpoint.url, "m", tries=1)
    written = write(recommender, "ada", domain="films", language="fr", model=model)
    assert (written.how, written.language) == ("template", "en")
    assert "in French" in endpoint.bodies[0]


def test_banned_words_are_nowhere(recommender):
    written = write(recommender, "ada", domain="films", k=3, banned=["journey", "hobbit"])
    assert "Journey" not in written.text + page_of(written).split("<main>")[1]
    assert "Hobbit" not in written.text
    assert len(written.brief.left_out) == 1
    with pytest.raises(InputError, match="without what is banned: films"):
        write(recommender, "ada", domain="films", banned=["films"])


def test_wrong_questions_are_one_line(recommender):
    with pytest.raises(UnknownIdError):
        write(recommender, "nobody", domain="films")
    with pytest.raises(InputError, match="expected 1 to 20"):
        write(recommender, "ada", domain="films", k=0)
    with pytest.raises(InputError, match="tone"):
        write(recommender, "ada", domain="films", tone="rude")
    with pytest.raises(ConfigError):
        EndpointModel("nowhere", "m")


def test_a_page_escapes_everything_and_loads_nothing(attacked):
    title = "Tom & Jerry < Dune > Emma's"
    written = write(attacked({"f1": f"{title} 5 < 6 & 7"}, {"f1": title}), "ada", domain="films")
    page = page_of(written)
    assert "Tom &amp; Jerry" in page
    assert "< Dune" not in page
    assert re.search(r"(src|href)=|url\(|<script|@import", page) is None
    assert "prefers-color-scheme: dark" in page
    assert page.startswith("<!doctype html>")


def test_the_command_writes_text_page_and_json(run, tmp_path):
    invoke = CliRunner().invoke
    asked = ["write", str(run), "--user", "ada", "--domain", "films"]
    plain = invoke(isthmus.app, asked)
    assert plain.exit_code == 0
    assert "“An Unexpected Journey”" in plain.stdout
    assert "made by: template" in plain.stderr
    page = tmp_path / "page.html"
    banned = tmp_path / "banned.txt"
    banned.write_text("clueless\n", encoding="utf-8")
    rest = ["--language", "de", "--page", str(page), "--banned", str(banned), "--json"]
    told = json.loads(invoke(isthmus.app, [*asked, *rest]).stdout)
    assert told["how"] == "template"
    assert "Clueless" not in told["text"]
    assert 'lang="de"' in page.read_text(encoding="utf-8")
    for wrong in (["--tone", "rude"], ["--endpoint", "http://x/v1"], ["--endpoint-key", "KEY"]):
        result = invoke(isthmus.app, [*asked, *wrong])
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
