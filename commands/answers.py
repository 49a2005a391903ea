"""Commands that ask the model of a run."""

from pathlib import Path
from typing import Annotated

import typer

from commands.exchange import MappingFile, naming_of
from commands.filters import (
    Allow,
    Diversity,
    Exclude,
    IncludeSeen,
    MinProbability,
    PopularityWeight,
    Where,
    filters_of,
)
from commands.options import AsJson, Device, Number, Protocol, Run, SkipUnknown, console
from kg.errors import InputError


def recommend(
    run: Run,
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    users: Annotated[Path | None, typer.Option(help="File of users, with --out.")] = None,
    all_users: Annotated[bool, typer.Option("--all-users", help="With --out.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help=".parquet, .csv, .tsv, .jsonl, or RDF: .nq, .ttl or .nt to write."),
    ] = None,
    k: Number = 10,
    include_seen: IncludeSeen = False,
    exclude: Exclude = None,
    allow: Allow = None,
    where: Where = None,
    min_probability: MinProbability = None,
    diversity: Diversity = 0.0,
    popularity_weight: PopularityWeight = 0.0,
    skip_unknown: SkipUnknown = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what an interrupted run has answered.")
    ] = False,
    protocol: Protocol = None,
    device: Device = None,
    mapping: MappingFile = None,
    as_json: AsJson = False,
) -> None:
    """Recommend items of a domain to one user, to a file of users, or to all."""
    if [user is not None, users is not None, all_users].count(True) != 1 or (
        (user is None) != (out is not None)
    ):
        raise InputError("give one of --user ID, --users FILE --out FILE, --all-users --out FILE")
    from queries.recommender import Recommender
    from queries.show import print_answers, recommended_rows

    recommender = Recommender.open(run, protocol, device=device)
    filters = filters_of(
        recommender.graph,
        include_seen=include_seen,
        exclude=exclude,
        allow=allow,
        where=where,
        min_probability=min_probability,
        diversity=diversity,
        popularity_weight=popularity_weight,
        skip_unknown=skip_unknown,
    )
    if out is None:
        found = recommender.recommend_table(user or "", domain=domain, k=k, filters=filters)
        print_answers(console(), recommended_rows(found), as_json=as_json)
        return
    from queries.batch import recommend_file

    try:
        summary = recommend_file(
            recommender,
            users,
            out,
            domain=domain,
            k=k,
            filters=filters,
            skip_unknown=skip_unknown,
            naming=naming_of(mapping),
            fresh=fresh,
        )
    except KeyboardInterrupt:
        typer.echo("the same command, without --fresh, goes on from here", err=True)
        raise
    earlier = f", {summary.resumed} answered before" if summary.resumed else ""
    typer.echo(f"{summary.asked} users, {summary.skipped} unknown{earlier}: {out}")


def score(
    run: Run,
    pairs: Annotated[Path, typer.Option(help="Table with columns user and item.")],
    out: Annotated[Path, typer.Option(help=".parquet, .csv, .tsv or .jsonl to write.")],
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
) -> None:
    """Add a score to each pair of a table, and a probability where there is one."""
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
    from queries.show import answer_rows, print_answers

    recommender = Recommender.open(run, protocol)
    ids, cosines = recommender.similar(node_id, node_type=node_type, domain=domain, k=k)
    rows = answer_rows(recommender, ids.tolist(), cosines.tolist(), node_type)
    print_answers(console(), rows, as_json=as_json)


COMMANDS = (recommend, score, similar)
