"""Commands that ask the model of a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.cluster import Engine, NumWorkers, RayAddress, WorkerCpus, answering, cluster_of
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
from commands.newcomers import (
    Described,
    Likes,
    NewEdges,
    NewNodes,
    Said,
    joined_by,
    somebody,
)
from commands.options import AsJson, Device, Number, Protocol, Run, SkipUnknown, console
from commands.rerank import (
    RERANKED,
    Rerank,
    RerankEndpoint,
    RerankKey,
    RerankWeight,
    reranked,
)
from kg.errors import InputError


def recommend(
    run: Run,
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    likes: Likes = None,
    text: Said = None,
    users: Annotated[Path | None, typer.Option(help="File of users, with --out.")] = None,
    all_users: Annotated[bool, typer.Option("--all-users", help="With --out.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help=".parquet, .csv, .tsv, .jsonl, or RDF: .nq, .ttl or .nt to write."),
    ] = None,
    k: Number = 10,
    new_nodes: NewNodes = None,
    new_edges: NewEdges = None,
    include_seen: IncludeSeen = False,
    exclude: Exclude = None,
    allow: Allow = None,
    where: Where = None,
    min_probability: MinProbability = None,
    diversity: Diversity = 0.0,
    popularity_weight: PopularityWeight = 0.0,
    rerank: Rerank = None,
    rerank_endpoint: RerankEndpoint = None,
    rerank_key: RerankKey = "",
    rerank_weight: RerankWeight = 0.3,
    skip_unknown: SkipUnknown = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what an interrupted run has answered.")
    ] = False,
    protocol: Protocol = None,
    device: Device = None,
    mapping: MappingFile = None,
    as_json: AsJson = False,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    workers: NumWorkers = None,
    worker_cpus: WorkerCpus = None,
) -> None:
    """Recommend items of a domain to one user, to a file of users, or to all."""
    cluster = cluster_of(engine, ray_address, workers, worker_cpus)
    new = likes is not None or text is not None
    one = user is not None or new
    if [user is not None, new, users is not None, all_users].count(True) != 1 or (
        one != (out is None)
    ):
        raise InputError(
            "give one of --user ID, --likes ID,ID and --text TEXT, --users FILE --out FILE, "
            "--all-users --out FILE"
        )
    if rerank is not None and not one:
        raise InputError("--rerank asks a language model for one user: give --user ID")
    if rerank is None and (rerank_endpoint is not None or rerank_key):
        raise InputError("--rerank-endpoint and --rerank-key need --rerank, the model's name")
    if cluster is not None and (one or new_nodes is not None):
        raise InputError(
            "--engine ray answers many users of what a run holds: give --users or --all-users, "
            "without --new-nodes"
        )
    from queries.recommender import Recommender
    from queries.show import print_answers, recommended_rows

    recommender = Recommender.open(run, protocol, device=device)
    recommender = joined_by(recommender, new_nodes, new_edges)
    if new:
        recommender, user = somebody(recommender, likes, text)
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
        fetched = k if rerank is None else max(k, RERANKED)
        found = recommender.recommend_table(user or "", domain=domain, k=fetched, filters=filters)
        if rerank is not None:
            found = reranked(
                recommender,
                user or "",
                found,
                k=k,
                model=rerank,
                endpoint=rerank_endpoint,
                endpoint_key=rerank_key,
                weight=rerank_weight,
                device=device,
            )
        print_answers(console(), recommended_rows(found), as_json=as_json)
        return
    from queries.batch import recommend_file

    asked: dict[str, Any] = {"domain": domain, "k": k, "filters": filters}
    try:
        with answering(recommender, cluster, asked) as answer:
            summary = recommend_file(
                recommender,
                users,
                out,
                **asked,
                skip_unknown=skip_unknown,
                naming=naming_of(mapping),
                fresh=fresh,
                answer=answer,
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
    node_id: Annotated[str | None, typer.Option("--id", help="Id of a node.")] = None,
    text: Described = None,
    node_type: Annotated[str | None, typer.Option("--type", help="Its type; items.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    k: Number = 10,
    new_nodes: NewNodes = None,
    new_edges: NewEdges = None,
    protocol: Protocol = None,
    as_json: AsJson = False,
) -> None:
    """Show the nearest nodes, across domains."""
    if (node_id is None) == (text is None):
        raise InputError("give either --id ID or --text TEXT")
    from queries.newcomers.one import with_item
    from queries.recommender import Recommender
    from queries.show import answer_rows, print_answers

    recommender = joined_by(Recommender.open(run, protocol), new_nodes, new_edges)
    if text is not None:
        if node_type not in (None, recommender.graph.item_type):
            raise InputError("--text describes an item: leave --type away")
        recommender, node_id = with_item(recommender, text, domain)
    assert node_id is not None
    ids, cosines = recommender.similar(node_id, node_type=node_type, domain=domain, k=k)
    rows = answer_rows(recommender, ids.tolist(), cosines.tolist(), node_type)
    print_answers(console(), rows, as_json=as_json)


COMMANDS = (recommend, score, similar)
