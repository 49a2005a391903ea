"""A table that is larger than the memory of the process that imports it."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain = "all"

[[edges]]
file = "FILE"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"
"""
IMPORT = """
import sys
from pathlib import Path
import kg.tables.rows
from kg.importer import import_graph

kg.tables.rows.HELD = 1 << 26
imported = import_graph(Path(sys.argv[1]))
status = Path("/proc/self/status").read_text().split()
print(imported.accounts[-1].rows, int(status[status.index("VmHWM:") + 1]) << 10)
"""
ROWS = 100_000
LAYOUTS = {
    "csv": ("user,item,stars,comment\n", '{user},{item},3,"{comment}"\n'),
    "jsonl": ("", '{{"user":"{user}","item":"{item}","stars":3,"comment":"{comment}"}}\n'),
}


def rows_and_peak(folder: Path, kind: str, times: int) -> tuple[int, int, int]:
    """Import a table of `times` times 100 MB, and return its size, its rows and peak memory."""
    header, row = LAYOUTS[kind]
    block = "".join(
        row.format(user=f"u{i % 977}", item=f"i{i % 89}", comment="so good " * 120)
        for i in range(ROWS)
    )
    path = folder / f"rows.{kind}"
    with path.open("w") as file:
        file.write(header)
        for _ in range(times):
            file.write(block)
    (folder / "mapping.toml").write_text(MAPPING.replace("FILE", path.name))
    (folder / "items.csv").write_text("id\n" + "".join(f"i{i}\n" for i in range(89)))
    command = [sys.executable, "-c", IMPORT, str(folder / "mapping.toml")]
    rows, peak = subprocess.check_output(command, cwd=REPOSITORY, text=True).split()
    return path.stat().st_size, int(rows), int(peak)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory off /proc")
@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_table_may_be_larger_than_memory(kind, tmp_path):
    one, _, before = rows_and_peak(tmp_path, kind, 1)
    size, rows, peak = rows_and_peak(tmp_path, kind, 4)
    assert rows == 4 * ROWS
    assert peak < size
    assert peak - before < (size - one) / 3
