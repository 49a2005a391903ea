"""Links of graph folders and tables, to be looked at before they are taken."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kg.errors import InputError
from kg.files import write_file
from kg.linking.apply import links_of
from kg.linking.find import find_links, link_table
from kg.linking.nearest import Encode
from kg.linking.rules import STATED, LinkRule
from kg.linking.sides import Side, graph_side, table_side
from kg.rejects import RejectLimit, RejectLog
from kg.tables.read import read_section
from kg.tables.sections import TableFile
from kg.tables.values import flat


def look(
    source: Path, target: Path | None, rule: LinkRule, encode: Encode | None = None
) -> pa.Table:
    """Return the links that a rule finds, as a table of `LINK_SCHEMA`.

    Args:
        source: a graph folder, or a table; then the rule's source names its columns of id, name
            and perhaps year, with commas between them.
        target: the same for the target; None for nodes of the same graph.
        rule: how to link.
        encode: makes vectors, for the method "nearest".

    Raises:
        InputError: a table is damaged or lacks a column, or the rule needs one graph.
        ConfigError: a graph lacks what the rule names.
    """
    if target is None and source.is_dir():
        from kg.store import load_graph

        log = RejectLog(limit=RejectLimit.none())
        return links_of(load_graph(source), rule, folder=Path(), log=log, encode=encode)
    within = [method for method in rule.methods if method in STATED]
    if within:
        raise InputError(f'the method "{within[0]}" links nodes of one graph: name that alone')
    mine = _side(source, rule.source, rule, theirs=False)
    other = mine if target is None else _side(target, rule.target, rule, theirs=True)
    return link_table(find_links(mine, other, rule, encode=encode), mine, other, rule)


def check_name(path: Path) -> None:
    """Refuse a name that tells no format.

    Raises:
        InputError: it ends neither in `.csv` nor in `.parquet`.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: expected a name in .csv or .parquet")


def save_links(links: pa.Table, path: Path) -> None:
    """Write links in one step, as CSV or Parquet.

    Raises:
        InputError: the name ends otherwise.
    """
    check_name(path)
    with write_file(path) as aside:
        if path.suffix == ".parquet":
            pq.write_table(links, aside)
        else:
            pa_csv.write_csv(links, aside)


def _side(path: Path, what: str, rule: LinkRule, *, theirs: bool) -> Side:
    if not path.is_dir():
        return _table_side(path, what.split(","))
    from kg.store import load_graph

    return graph_side(
        load_graph(path),
        what,
        domain=rule.target_domain if theirs else rule.source_domain,
        having=rule.having if theirs else (),
        year=None if rule.year is None else (rule.year.target if theirs else rule.year.source),
        read=rule.read,
    )


def _table_side(path: Path, columns: list[str]) -> Side:
    if not path.exists():
        raise InputError(f"no such graph folder or table: {path}")
    if len(columns) not in (2, 3):
        raise InputError(f"{path}: name its columns of id, name and perhaps year, as in id,title")
    log = RejectLog(limit=RejectLimit.none())
    parts: dict[str, list[Any]] = {name: [pa.array([], pa.string())] for name in columns}
    file = TableFile(file=(str(path),))
    for _, batches in read_section(file, "links", Path(), columns, log):
        for rows in batches:
            for name in columns:
                parts[name].append(flat(rows.columns[name]))
    ids, names, *years = (pa.concat_arrays(parts[name]) for name in columns)
    named = pc.not_equal(ids, "")
    return table_side(
        path.name.split(".")[0],
        ids.filter(named),
        names.filter(named),
        years[0].filter(named) if years else None,
    )
