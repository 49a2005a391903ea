"""The command that serves a run over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import Protocol, Run


def serve(
    run: Run,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; each holds the model.", min=1)] = 1,
    threads: Annotated[int, typer.Option(help="Threads of each that compute.", min=1)] = 2,
    queue: Annotated[int, typer.Option(help="Questions that may wait; more get 429.", min=1)] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds until a question is given up.")] = 10.0,
    max_body: Annotated[int, typer.Option(help="Bytes of a request.", min=1)] = 2**20,
    api_key_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable with the key to ask for."),
    ] = None,
    no_api_key: Annotated[
        bool, typer.Option("--no-api-key", help="Let everybody ask who reaches the address.")
    ] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name that requests may use; repeat it.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Other web pages that may ask (CORS); repeat it.")
    ] = None,
    watch: Annotated[
        float, typer.Option(help="Seconds between looks for a new model; 0: never.", min=0)
    ] = 2.0,
    added: Annotated[
        Path | None, typer.Option(help="File that keeps nodes added while serving.")
    ] = None,
    warm: Annotated[
        bool, typer.Option("--warm/--no-warm", help="Read the text encoder before it is needed.")
    ] = True,
    protocol: Protocol = None,
) -> None:
    """Answer over HTTP: an API, and a page to try it."""
    from queries.serving.settings import ServeSettings
    from queries.serving.start import serve as start

    settings = ServeSettings(
        run=run,
        protocol=protocol,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        queue=queue,
        timeout=timeout,
        max_body=max_body,
        api_key_env=api_key_env,
        allowed_hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        watch=watch,
        added=added,
        warm=warm,
    )
    start(settings, open_to_all=no_api_key)


COMMANDS = (serve,)
