"""Commands that ask the model of a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.exchange import MappingFile, naming_of
from commands.options import AsJson, Device, Number, Protocol, Run, SkipUnknown, console
from kg.errors import InputError


def recommend(
    run: Run,
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    users: Annotated[Path | None, typer.Option(help="File of users, with --out.")] = None,
    out: Annotated[
        Path | None, typer.Option(help=".parquet, .csv, .tsv, or RDF: .nq, .ttl or .nt to write.")
    ] = None,
    k: Number = 10,
    include_seen: Annotated[bool, typer.Option("--include-seen")] = False,
    min_probability: Annotated[
        float | None,
        typer.Option(help="Leave out what is less likely, or of unknown likelihood.", min=0, max=1),
    ] = None,
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
    device: Device = None,
    mapping: MappingFile = None,
    as_json: AsJson = False,
) -> None:
    """Recommend items of a domain to one user, or to a file of users."""
    if (user is None) == (users is None) or (users is None) != (out is None):
        raise InputError("give either --user ID, or --users FILE and --out FILE")
    from queries.filters import Filters
    from queries.recommender import Recommender
    from queries.show import print_answers

    wanted: dict[str, Any] = {
        "domain": domain,
        "k": k,
        "filters": Filters(exclude_seen=not include_seen, min_probability=min_probability),
    }
    recommender = Recommender.open(run, protocol, device=device)
    if users is not None and out is not None:
        from queries.batch import recommend_file

        summary = recommend_file(
            recommender, users, out, skip_unknown=skip_unknown, naming=naming_of(mapping), **wanted
        )
        typer.echo(f"{summary.asked} users, {summary.skipped} unknown: {out}")
        return
    ids, scores = recommender.recommend(user or "", **wanted)
    print_answers(console(), recommender, ids, scores, as_json=as_json)


def score(
    run: Run,
    pairs: Annotated[Path, typer.Option(help="Table with columns user and item.")],
    out: Annotated[Path, typer.Option(help=".parquet, .csv or .tsv to write.")],
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
) -> None:
    """Add a score to each pair of a table."""
    from queries.batch import score_file
    from queries.recommender import Recommender

    summary = score_file(Recommender.open(run, protocol), pairs, out, skip_unknown=skip_unknown)
    typer.echo(f"{summary.asked} pairs, {summary.skipped} unknown: {out}")


def similar(
    run: Run,
    node_id: Annotated[str, typer.Option("--id", help="Id of a node.")],
    node_type: Annotated[str | None, typer.Option("--type", help="Its type; items.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    k: Number = 10,
    protocol: Protocol = None,
    as_json: AsJson = False,
) -> None:
    """Show the nearest nodes, across domains."""
    from queries.recommender import Recommender
    from queries.show import print_answers

    recommender = Recommender.open(run, protocol)
    ids, cosines = recommender.similar(node_id, node_type=node_type, domain=domain, k=k)
    print_answers(console(), recommender, ids, cosines, node_type, as_json=as_json)


COMMANDS = (recommend, score, similar)
