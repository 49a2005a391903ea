"""Commands about texts: encode them, tune their encoder, look after the cache of encodings."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import Job, Settings, console


def encode(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH", help="Graph folder.")],
    out: Annotated[Path, typer.Option(help="Features folder to write.")] = Path("features"),
    model: Annotated[str, typer.Option(help="minilm, lsa, hashing, a name or a path.")] = "minilm",
) -> None:
    """Turn the texts of a graph into vectors."""
    from encoders.channels.features import encode_graph, save_features
    from encoders.load import encoder_of
    from encoders.settings import EncoderConfig
    from kg.store import load_graph

    encoder = encoder_of(EncoderConfig(model=model))
    save_features(encode_graph(load_graph(graph), encoder), out)
    typer.echo(f"Features: {out}")


def finetune(
    job: Job,
    out: Annotated[Path | None, typer.Option(help="Model folder; models/<job name>.")] = None,
    settings: Settings = None,
) -> None:
    """Tune a job's text encoder on what the job may learn from; resumes."""
    from training.config import load_job
    from training.jobs import finetune_step

    config = load_job(job, settings or ())
    typer.echo(f"Encoder: {finetune_step(config, out or Path('models') / config.name)}")


def cache(
    folder: Annotated[Path | None, typer.Option(help="Cache; the one that jobs use.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Make few files of many.")] = False,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Remove what was not used for so long.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Remove the longest unused, down to this size.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Remove by start of fingerprint.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Remove all.")] = False,
) -> None:
    """Show what the cache of encodings holds, and make room in it."""
    from encoders.cache.folder import list_cache, prune
    from encoders.cache.merge import merge as merge_files
    from encoders.cache.show import cache_table
    from encoders.settings import EncoderConfig

    where = (folder or EncoderConfig().cache).expanduser()
    if merge:
        typer.echo(f"{merge_files(where)} files fewer")
    if everything or (older_than, max_bytes, encoder) != (None, None, None):
        removed = prune(
            where,
            older_than_days=older_than,
            max_bytes=max_bytes,
            fingerprint=encoder,
            everything=everything,
        )
        typer.echo(f"removed: {', '.join(e.fingerprint[:12] for e in removed) or 'nothing'}")
    console().print(cache_table(list_cache(where)))


COMMANDS = (encode, finetune, cache)
