"""Cold nodes named by a table, so that a split can be shared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from kg.errors import InputError, UnknownIdError
from kg.vocab import IntArray, Vocab

_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")


def read_cold_file(path: Path, vocab: Vocab) -> tuple[IntArray, IntArray]:
    """Read which nodes are cold in valid and which in test.

    Args:
        path: a table with a header; its first column holds ids whatever its name, the column `part`
            says `valid` or `test`. CSV, TSV (unquoted), both plain or gzip, or Parquet.
        vocab: of the nodes.

    Returns:
        Sorted distinct rows of the valid and of the test nodes.

    Raises:
        InputError: not such a table, an unknown id or part, or a node in both parts.
    """
    table = _read_table(path)
    if table.num_columns < 2 or "part" not in table.column_names[1:]:
        raise InputError(
            f"{path}: expected an id column and a column 'part', got {table.column_names}"
        )
    ids = table.column(0).cast(pa.string()).combine_chunks()
    parts = table.column(table.column_names.index("part", 1)).cast(pa.string()).combine_chunks()
    if ids.null_count or parts.null_count:
        raise InputError(f"{path}: some ids or parts are empty")
    other = pc.filter(parts, pc.invert(pc.is_in(parts, pa.array(["valid", "test"]))))
    if len(other):
        raise InputError(f"{path}: unknown part {other[0].as_py()!r} (parts: valid, test)")
    try:
        rows = vocab.index(ids)
    except UnknownIdError as error:
        raise UnknownIdError(f"{path}: {error}") from None
    in_test = pc.equal(parts, "test").to_numpy(zero_copy_only=False)
    valid, test = np.unique(rows[~in_test]), np.unique(rows[in_test])
    both = np.intersect1d(valid, test)
    if len(both):
        raise InputError(f"{path}: {vocab.id(int(both[0]))!r} is in both valid and test")
    return valid, test


def _read_table(path: Path) -> pa.Table:
    if not path.name.endswith(_SUFFIXES):
        raise InputError(f"{path}: expected a table ({', '.join(_SUFFIXES)})")
    try:
        if path.suffix == ".parquet":
            return pyarrow.parquet.read_table(path)
        is_csv = path.name.endswith((".csv", ".csv.gz"))
        # ids are text, even where they look like numbers ("0735308365"), so no type is inferred
        names = [f"f{column}" for column in range(64)]
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter="," if is_csv else "\t", quote_char='"' if is_csv else False
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        header = [str(column[0].as_py()) for column in table.columns]
        return table.slice(1).rename_columns(header)
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}".splitlines()[0]) from None
