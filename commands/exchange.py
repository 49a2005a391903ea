"""Commands that hand graphs to other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import console, graph_folder
from kg.errors import ArtefactError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kg.export.naming import Naming
    from kg.graph import KnowledgeGraph
    from kg.sparql import Answers

Graph = Annotated[Path, typer.Argument(metavar="GRAPH_OR_RUN", help="Graph or run folder.")]
MappingFile = Annotated[
    Path | None,
    typer.Option(help="The graph's mapping: its prefixes give nodes back their IRIs."),
]


def export(
    folder: Graph,
    to: Annotated[Path, typer.Option(help="File or folder to write.")],
    format: Annotated[
        str | None,
        typer.Option(
            help="ntriples, nquads, turtle, graphml, or a folder: parquet, neo4j, pyg; "
            "by default from the name (.nt, .nq, .ttl, .graphml, perhaps compressed)."
        ),
    ] = None,
    mapping: MappingFile = None,
) -> None:
    """Write a graph for other tools: RDF that import reads back, GraphML, CSV, tensors."""
    from kg.export.write import export_graph

    graph = _open(folder)
    if format == "pyg":
        _export_pyg(folder, graph, to)
        written: tuple[Path, ...] = (to,)
    else:
        written = export_graph(graph, to, format=format, naming=naming_of(mapping))
    typer.echo(f"Written: {', '.join(map(str, written))}")


def sparql(
    folder: Graph,
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="A SPARQL query.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the query instead.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help=".csv, .tsv, .json or .parquet to write; .nt or .ttl for CONSTRUCT."),
    ] = None,
    mapping: MappingFile = None,
    keep: Annotated[
        bool,
        typer.Option("--keep/--no-keep", help="Keep what the graph is read into for next time."),
    ] = True,
) -> None:
    """Ask a graph in SPARQL; prefixes of the vocabulary need no declaration."""
    if (query is None) == (file is None):
        raise InputError("give either a query or --file FILE")
    from kg.sparql import SparqlGraph, save
    from kg.triple_store import folder_of

    if file is not None and not file.is_file():
        raise InputError(f"no such file: {file}")
    text = query if file is None else file.read_text(encoding="utf-8", errors="replace")
    naming = naming_of(mapping)
    if keep:
        asked = SparqlGraph.open(graph_folder(folder), naming)
    else:
        asked = SparqlGraph.of(_open(folder), naming)
    try:
        answers = asked.ask(text or "")
        if out is None:
            _print_answers(answers, asked.prefixes)
        else:
            save(answers, out)
            typer.echo(f"Written: {out}")
    except RuntimeError as error:  # a block of what is kept does not match its checksum
        raise ArtefactError(f"{folder_of(graph_folder(folder))}: delete it ({error})") from None


def neighbourhood(
    dump: Annotated[list[Path], typer.Argument(metavar="DUMP...", help="RDF files of one dump.")],
    seeds: Annotated[Path, typer.Option(help="IRIs of the catalogue: one a line, or a table.")],
    out: Annotated[Path, typer.Option(help=".nt to write, perhaps compressed.")],
    column: Annotated[str | None, typer.Option(help="Column of the table of seeds.")] = None,
    beginning: Annotated[str, typer.Option(help="What seeds lack of being IRIs.")] = "",
    hops: Annotated[
        int, typer.Option(help="Edges between a node and the nearest seed.", min=0)
    ] = 2,
    predicate: Annotated[
        list[str] | None, typer.Option(help="Follow these alone; all but rdf:type.")
    ] = None,
    max_degree: Annotated[
        int,
        typer.Option(
            help="Leave no node by a predicate that it has more triples of; 0: any.", min=0
        ),
    ] = 1_000,
    literal: Annotated[
        list[str] | None, typer.Option(help="Keep literals of these predicates alone; all.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Keep literals in these languages alone; all.")
    ] = None,
    mapping: MappingFile = None,
) -> None:
    """Keep of a large RDF dump what lies within a few hops of a catalogue."""
    from kg.neighbourhood.search import Near, keep_near, read_seeds
    from kg.neighbourhood.show import render
    from kg.rdf.prefixes import expand
    from kg.sources import source_files

    prefixes = naming_of(mapping).prefixes

    def iris(names: list[str] | None) -> tuple[str, ...] | None:
        return tuple(expand(name, prefixes) for name in names) if names else None

    near = Near(
        hops=hops,
        predicates=iris(predicate),
        max_degree=max_degree or None,
        literals=iris(literal),
        languages=tuple(language) if language else None,
    )
    files = source_files([str(path) for path in dump], Path())
    kept = keep_near(files, read_seeds(seeds, column, beginning), near, out)
    console().print(render(kept, prefixes))
    typer.echo(f"Written: {out}")


def _print_answers(answers: "Answers", prefixes: "Mapping[str, str]") -> None:
    from pyoxigraph import QueryBoolean
    from rich.markup import escape
    from rich.table import Table

    from kg.sparql import columns, rows

    if isinstance(answers, QueryBoolean):
        typer.echo("yes" if answers else "no")
        return
    table = Table()
    for name in columns(answers):
        table.add_column(escape(name), overflow="fold")
    for row in rows(answers, prefixes):
        table.add_row(*map(escape, row))
    console().print(table)
    typer.echo(f"{table.row_count:,} rows")


def _open(folder: Path) -> "KnowledgeGraph":
    from kg.store import load_graph

    return load_graph(graph_folder(folder))


def naming_of(mapping: Path | None) -> "Naming":
    """Return how nodes are named: as a mapping has them, or by their ids alone."""
    from kg.export.naming import Naming
    from kg.mapping import read_mapping

    return Naming() if mapping is None else Naming.of(read_mapping(mapping))


def _export_pyg(folder: Path, graph: "KnowledgeGraph", to: Path) -> None:
    from encoders.channels.features import load_features
    from gnn.exchange import save_pyg, to_pyg
    from training.run_folder import RunFolder

    features = RunFolder(folder).features  # a run that has encoded has vectors too
    channels = load_features(features, graph).channels if features.is_dir() else None
    save_pyg(to_pyg(graph, channels), to, graph.fingerprint)


COMMANDS = (export, sparql, neighbourhood)
