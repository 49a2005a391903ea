"""A text and its items as one page that needs nothing but itself."""

from html import escape
from pathlib import Path
from string import Template

from queries.writing.brief import ItemFacts
from queries.writing.languages import own_words
from queries.writing.phrases import Phrases
from queries.writing.template import reason_sentences
from queries.writing.write import Written

HERE = Path(__file__).parent


def page_of(written: Written) -> str:
    """Return the page: the text, a card for each item, how it was made.

    It has no scripts and loads nothing. Everything in it is escaped; texts of the catalogue are
    plain words before that.
    """
    phrases = own_words(written.language)
    made = phrases.made_by_model if written.how == "model" else phrases.made_by_template
    checks = " · ".join(f"{check.name} {check.score:.2f}" for check in written.checks)
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        language=escape(written.language),
        title=escape(phrases.page_title[written.tone]),
        style=(HERE / "page.css").read_text(encoding="utf-8").strip(),
        domain=escape(written.brief.domain),
        paragraphs="\n".join(f"<p>{escape(part)}</p>" for part in written.text.split("\n\n")),
        items="\n".join(_card(item, phrases) for item in written.brief.items),
        made=escape(made),
        checks=escape(checks),
    )


def _card(item: ItemFacts, phrases: Phrases) -> str:
    about = f"<p>{escape(item.about)}</p>" if item.about else ""
    told = [reason_sentences(reason, [item.title], phrases)[0] for reason in item.reasons]
    reasons = "".join(f"<li>{escape(line)}</li>" for line in told)
    why = f'<ul aria-label="{escape(phrases.why)}">{reasons}</ul>' if reasons else ""
    return f"<li><h2>{escape(item.title)}</h2>{about}{why}</li>"
