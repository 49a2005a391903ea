"""Who is behind a pseudonym: a table beside the graph, for its owner alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from kg.errors import ConfigError, InputError
from kg.files import write_file
from kg.graph import KnowledgeGraph
from kg.privacy.pseudonyms import Pseudonymiser

COLUMNS = ("type", "id", "pseudonym")


class Crosswalk:
    """Ids and pseudonyms of an import, and the CSV file that they go to."""

    def __init__(self, path: Path, renames: Mapping[str, Pseudonymiser]) -> None:
        self.path = path
        self._renames = renames

    def check(self, graph_folder: Path) -> None:
        """Refuse to lie in the graph folder.

        Raises:
            ConfigError: it does; the graph may be passed on, the crosswalk may not.
        """
        if self.path.resolve().is_relative_to(graph_folder.resolve()):
            raise ConfigError(f"pseudonymise.crosswalk: {self.path} is in the graph folder")

    def save(self, graph: KnowledgeGraph, *, add: bool) -> None:
        """Write `type,id,pseudonym` of all nodes that have one, sorted; mode 0600.

        Args:
            graph: ids that are not in it were rejected, and are left out.
            add: whether rows of the file stay, when the import was one into another graph.
        """
        tables = [_rows(kind, rename, graph) for kind, rename in self._renames.items()]
        if add and self.path.exists():
            tables.append(read_crosswalk(self.path))
        table = pa.concat_tables(tables).group_by(list(COLUMNS)).aggregate([])
        table = table.sort_by([(name, "ascending") for name in COLUMNS])
        with write_file(self.path, mode=0o600) as aside:
            pa.csv.write_csv(table, aside)


def read_crosswalk(path: Path) -> Any:
    """Read a crosswalk as an Arrow table of `type`, `id` and `pseudonym`.

    Raises:
        InputError: it is not one.
    """
    strings = {name: pa.string() for name in COLUMNS}
    try:
        table = pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=strings, strings_can_be_null=False),
        )
    except pa.ArrowException:
        raise InputError(f"{path} is no crosswalk: it is not CSV") from None
    if tuple(table.column_names) != COLUMNS:
        raise InputError(f"{path} is no crosswalk: its columns are not {', '.join(COLUMNS)}")
    return table


def _rows(kind: str, rename: Pseudonymiser, graph: KnowledgeGraph) -> Any:
    ids, names = rename.pairs()
    loaded = pa.array(graph.nodes[kind].vocab.lookup(names) >= 0)
    ids, names = ids.filter(loaded), names.filter(loaded)
    return pa.table(
        {"type": pa.array([kind] * len(ids), pa.string()), "id": ids, "pseudonym": names}
    )
