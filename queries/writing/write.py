"""A text for a user: written by a model and judged, or by a template."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from kg.errors import InputError
from queries.llm.base import Cost, LanguageModel
from queries.recommender import Recommender
from queries.writing.brief import Brief, brief_of
from queries.writing.claims import Entailment
from queries.writing.judge import Check, Rules, judge
from queries.writing.languages import OWN, name_of, own_words
from queries.writing.names import NO_OTHERS, Catalogue, catalogue_of
from queries.writing.phrases import TONES, Tone
from queries.writing.prompt import again, messages_for
from queries.writing.template import template_text

How = Literal["model", "template"]

ASKED = 2  # times, before the template is taken
TOKENS_PER_WORD = 2


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A text that a model wrote and that was refused: what it failed by, not the text."""

    failed: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Written:
    """A text that may be shown, and how it came about.

    Attributes:
        text: paragraphs, with an empty line between them; plain text.
        how: `model`, or `template` where none was asked, or where what it wrote was refused.
        model: which one was asked; empty for none.
        language: of the text. A template has English where we have no words of another language.
        tone: of the text.
        brief: what it is about.
        checks: what it was judged by; all have passed.
        refused: what the model wrote before and was not shown.
        cost: of everything that the model was asked.
    """

    text: str
    how: How
    model: str
    language: str
    tone: Tone
    brief: Brief
    checks: tuple[Check, ...]
    refused: tuple[Attempt, ...]
    cost: Cost

    def summary(self) -> str:
        """Return how the text was made, for people, a thing a line."""
        parts = [f"made by: {self.how}" + (f" {self.model}" if self.how == "model" else "")]
        for attempt in self.refused:
            why = "; ".join(f"{check.name}: {check.note}" for check in attempt.failed)
            parts.append(f"refused what {self.model} wrote ({why})")
        scores = ", ".join(f"{check.name} {check.score:.2f}" for check in self.checks)
        parts.append(f"checks: {scores}")
        if self.cost.requests:
            parts.append(
                f"cost: {self.cost.prompt_tokens} + {self.cost.completion_tokens} tokens in "
                f"{self.cost.requests} requests, {self.cost.seconds:.1f} s"
            )
        return "\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return everything as values of JSON."""
        return {
            "text": self.text,
            "how": self.how,
            "model": self.model or None,
            "language": self.language,
            "tone": self.tone,
            "domain": self.brief.domain,
            "items": [{"id": item.id, "title": item.title} for item in self.brief.items],
            "left_out": list(self.brief.left_out),
            "checks": [asdict(check) for check in self.checks],
            "refused": [[asdict(check) for check in attempt.failed] for attempt in self.refused],
            "cost": {**asdict(self.cost), "seconds": round(self.cost.seconds, 3)},
        }


def write(
    recommender: Recommender,
    user_id: str,
    *,
    domain: str,
    k: int = 3,
    language: str = "en",
    tone: Tone = "friendly",
    model: LanguageModel | None = None,
    banned: Sequence[str] = (),
    max_words: int | None = None,
    entailment: Entailment | None = None,
    catalogue: Catalogue | None = None,
) -> Written:
    """Write a short text for a user about what is recommended, and why.

    Args:
        recommender: of a trained run.
        user_id: whom it is for; a model is not told.
        domain: where items are taken from.
        k: how many.
        language: a code such as `de`. Without a model, English and German.
        tone: `friendly`, `factual` or `formal`.
        model: writes; None for the template.
        banned: words and phrases that must not stand in it.
        max_words: its greatest length.
        entailment: judges whether the facts entail what a model says; None counts words, which
            works where the facts are in the language of the text.
        catalogue: of the graph, from `catalogue_of`, where many texts are written; None makes it.

    Raises:
        UnknownIdError: no such user.
        InputError: unknown domain, language or tone, nothing to recommend, or banned words that
            the template cannot do without.
        EndpointError: the endpoint cannot be reached, or refuses.
    """
    if tone not in TONES:
        raise InputError(f"tone {tone!r}: expected {', '.join(TONES)}")
    name_of(language)
    if model is None and language not in OWN:
        raise InputError(
            f"without a model, texts are in {' and '.join(OWN)}: {language!r} needs --model"
        )
    brief = brief_of(recommender, user_id, domain=domain, k=k, banned=banned)
    rules = Rules(language=language, banned=tuple(banned), entailment=entailment)
    if max_words is not None:
        rules = replace(rules, max_words=max_words)
    return write_brief(
        brief,
        rules,
        tone=tone,
        model=model,
        catalogue=catalogue or catalogue_of(recommender.graph),
    )


def write_brief(
    brief: Brief, rules: Rules, *, tone: Tone, model: LanguageModel | None, catalogue: Catalogue
) -> Written:
    """Write a text about a brief: ask the model, once more if it is refused, else the template."""
    refused: list[Attempt] = []
    cost = Cost()

    def written(how: How, text: str, language: str, checks: Sequence[Check]) -> Written:
        return Written(
            text=text,
            how=how,
            model="" if model is None else model.name,
            language=language,
            tone=tone,
            brief=brief,
            checks=tuple(checks),
            refused=tuple(refused),
            cost=cost,
        )

    if model is not None:
        messages = messages_for(brief, rules, tone)
        for _ in range(ASKED):
            answer = model.complete(messages, max_tokens=TOKENS_PER_WORD * rules.max_words)
            cost += answer.cost
            text = tidy(answer.text)
            began = time.perf_counter()
            checks = judge(text, brief, rules, catalogue)
            cost += Cost(seconds=time.perf_counter() - began)
            failed = tuple(check for check in checks if not check.passed)
            if not failed:
                return written("model", text, rules.language, checks)
            refused.append(Attempt(failed=failed))
            messages = again(messages_for(brief, rules, tone), text, failed)
    language = rules.language if rules.language in OWN else "en"
    text = template_text(brief, own_words(language), tone)
    # Its sentences are ours: no model need say that they follow from the facts, and it may be as
    # long as the items ask for.
    own = replace(rules, language=language, entailment=None, min_words=1, max_words=2_000)
    checks = judge(text, brief, own, NO_OTHERS)  # it has no titles but those of the brief
    stopped = next((check for check in checks if check.name == "banned" and not check.passed), None)
    if stopped is not None:
        raise InputError(f"nothing can be written without what is {stopped.note}")
    return written("template", text, language, checks)


def tidy(text: str) -> str:
    """Return a model's text with single spaces, and an empty line between its paragraphs."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]
    return "\n\n".join(part for part in paragraphs if part)
