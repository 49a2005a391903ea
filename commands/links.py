"""Commands about links of any relation, and about searching very many nodes."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import AsJson, Device, Number, Protocol, Run, SkipUnknown, console
from kg.errors import InputError


def predict(
    run: Run,
    relation: Annotated[str, typer.Option(help="Name of a relation of the graph.")],
    head: Annotated[str | None, typer.Option(help="Id of a head: which tails?")] = None,
    tail: Annotated[str | None, typer.Option(help="Id of a tail: which heads?")] = None,
    heads: Annotated[Path | None, typer.Option(help="File of heads, with --out.")] = None,
    tails: Annotated[Path | None, typer.Option(help="File of tails, with --out.")] = None,
    out: Annotated[
        Path | None, typer.Option(help=".parquet, .csv, .tsv or .jsonl to write.")
    ] = None,
    k: Number = 10,
    node_type: Annotated[str | None, typer.Option("--type", help="Of the answers.")] = None,
    domain: Annotated[str | None, typer.Option(help="Of the answers.")] = None,
    include_known: Annotated[
        bool, typer.Option("--include-known", help="Show what the graph knows too.")
    ] = False,
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Predict links of a relation: tails of a head, heads of a tail, or the score of both."""
    file = heads or tails
    if file is None:
        wrong = (head is None and tail is None) or out is not None
    else:
        wrong = (
            out is None
            or (heads is not None and tails is not None)
            or head is not None
            or tail is not None
        )
    if wrong:
        raise InputError(
            "give --head ID, --tail ID or both; or --heads FILE or --tails FILE, with --out FILE"
        )
    from queries.links.predictor import LinkPredictor

    predictor = LinkPredictor.open(run, protocol, device=device)
    if file is not None and out is not None:
        from queries.links.files import predict_file

        summary = predict_file(
            predictor,
            file,
            out,
            relation,
            tails=heads is not None,
            k=k,
            node_type=node_type,
            domain=domain,
            include_known=include_known,
            skip_unknown=skip_unknown,
        )
        typer.echo(f"{summary.asked} asked, {summary.skipped} unknown: {out}")
        return
    from queries.links.show import print_links, print_triple

    if head is not None and tail is not None:
        print_triple(console(), predictor, (head, relation, tail), as_json=as_json)
        return
    ids = [head if head is not None else tail or ""]
    side = predictor.side(relation, ids, tails=head is not None, node_type=node_type)
    table = predictor.table(side, ids, k, domain=domain, include_known=include_known)
    print_links(console(), table, tails=side.tails, as_json=as_json)


def index(
    run: Run,
    least: Annotated[
        int, typer.Option(help="Nodes that are worth an index; exact search of fewer is quick.")
    ] = 200_000,
    recall: Annotated[
        float, typer.Option(help="Share of the exact 100 best to find.", min=0, max=1)
    ] = 0.98,
    kind: Annotated[
        str, typer.Option(help="ivf-sq8, ivf-pq (the least memory) or hnsw (the most).")
    ] = "ivf-sq8",
    protocol: Protocol = None,
) -> None:
    """Build indexes of very many nodes, which recommend and similar then use."""
    from queries.index.building import build
    from queries.index.files import save_indexes
    from queries.recommender import Recommender
    from training.run_folder import RunFolder

    folder = RunFolder(run)
    for name in [protocol] if protocol else folder.protocols():
        task = folder.task(name)
        typer.echo(f"{name}:")
        engine = Recommender.open(run, name).engine
        found = build(engine, least=least, recall=recall, kind=kind, say=typer.echo)
        if found:
            save_indexes(task.index, task.model, found)
            typer.echo(f"Index: {task.index}")
    if not folder.protocols():
        Recommender.open(run)  # says what is missing


COMMANDS = (predict, index)
