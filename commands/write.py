"""The command that writes to a user about what is recommended."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import AsJson, Device, Protocol, Run
from kg.errors import InputError

if TYPE_CHECKING:
    from queries.llm.base import LanguageModel


def write(
    run: Run,
    user: Annotated[str, typer.Option(help="Id of a user.")],
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    k: Annotated[int, typer.Option("-k", help="How many items.", min=1, max=20)] = 3,
    language: Annotated[str, typer.Option(help="Such as en or de.")] = "en",
    tone: Annotated[str, typer.Option(help="friendly, factual or formal.")] = "friendly",
    model: Annotated[
        str | None, typer.Option(help="A causal language model: name or folder; else a template.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="URL of a chat endpoint that has --model, up to /v1.")
    ] = None,
    endpoint_key: Annotated[
        str, typer.Option(metavar="NAME", help="Environment variable with the endpoint's key.")
    ] = "",
    entailment: Annotated[
        str | None, typer.Option(help="Model that judges what is claimed: name or folder.")
    ] = None,
    banned: Annotated[
        Path | None, typer.Option(help="File of words that must not be used, one a line.")
    ] = None,
    max_words: Annotated[int | None, typer.Option(help="Greatest length.", min=20)] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page to write.")] = None,
    protocol: Protocol = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Write a short text to a user about what is recommended, and why."""
    from queries.recommender import Recommender
    from queries.writing.phrases import TONES
    from queries.writing.write import write as write_text

    known = next((one for one in TONES if one == tone), None)
    if known is None:
        raise InputError(f"tone {tone!r}: expected {', '.join(TONES)}")
    words = () if banned is None else _lines(banned)
    judge = None
    if entailment is not None:
        from queries.writing.entailment import EntailmentModel

        judge = EntailmentModel(entailment, device=device or "auto")
    writer = language_model(model, endpoint, endpoint_key, device)
    recommender = Recommender.open(run, protocol, device=device)
    written = write_text(
        recommender,
        user,
        domain=domain,
        k=k,
        language=language,
        tone=known,
        model=writer,
        banned=words,
        max_words=max_words,
        entailment=judge,
    )
    if page is not None:
        from kg.files import write_file
        from queries.writing.page import page_of

        with write_file(page) as aside:
            aside.write_text(page_of(written), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(written.to_json(), ensure_ascii=False))
        return
    typer.echo(written.text)
    typer.echo(f"\n{written.summary()}", err=True)
    if page is not None:
        typer.echo(f"Page: {page}", err=True)


def language_model(
    model: str | None, endpoint: str | None, endpoint_key: str, device: str | None
) -> "LanguageModel | None":
    """Return the model that options name; None where they name none.

    Raises:
        InputError: an endpoint without a model, or a key without an endpoint.
    """
    if endpoint is None and endpoint_key:
        raise InputError("--endpoint-key needs --endpoint, the server that the key is for")
    if model is None:
        if endpoint is not None:
            raise InputError("--endpoint needs the name that it gives its model")
        return None
    if endpoint is not None:
        from queries.llm.endpoint import EndpointModel

        return EndpointModel(endpoint, model, key=endpoint_key)
    from queries.llm.local import LocalModel

    return LocalModel(model, device=device or "auto")


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError:
        raise InputError(f"{path}: expected text in UTF-8, one word or phrase a line") from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())


COMMANDS = (write,)
