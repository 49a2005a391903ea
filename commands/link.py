"""The command that looks for links between nodes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.options import Settings, console


def link(
    source: Annotated[Path, typer.Argument(metavar="GRAPH_OR_TABLE", help="Whose nodes to link.")],
    target: Annotated[
        Path | None,
        typer.Argument(metavar="[GRAPH_OR_TABLE]", help="To whose nodes; the same graph's."),
    ] = None,
    from_: Annotated[
        str, typer.Option("--source", help="Node type; of a table its columns, as in id,title.")
    ] = "item",
    to: Annotated[str, typer.Option("--target", help="The same of what they link to.")] = "entity",
    method: Annotated[
        list[str] | None,
        typer.Option(help="reviewed, pairs, same_as, ids, exact, normalised, first_named, nearest"),
    ] = None,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="CSV or Parquet to write.")] = None,
) -> None:
    """Find which nodes name one thing; nothing is changed.

    --set takes the keys of [[links]], as in --set one_to_one=false.
    """
    from encoders.names import encode_names
    from kg.linking.look import check_name, look, save_links
    from kg.linking.rules import LinkRule
    from kg.linking.show import render
    from kg.settings import build
    from training.config import apply_override

    data: dict[str, Any] = {"source": from_, "target": to}
    if method:
        data["methods"] = method
    for setting in settings or ():
        apply_override(data, setting)
    if out is not None:
        check_name(out)
    links = look(source, target, build(LinkRule, data), encode_names)
    console().print(render(links))
    if out is not None:
        save_links(links, out)
        typer.echo(f"Links: {out}")
