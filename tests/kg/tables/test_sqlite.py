import sqlite3
from contextlib import closing

import pytest

from kg.errors import InputError
from kg.sources import SourceFile
from kg.tables.read import read_table
from kg.tables.sections import TableFile


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute('CREATE TABLE likes (user, "the item", stars REAL)')
        rows = [(1, "b1", 4.5), ("x", None, 5), (2**70 / 2**70, b"\xff", None)]
        database.executemany("INSERT INTO likes VALUES (?, ?, ?)", rows)
        database.execute("CREATE TABLE items AS SELECT 1 AS id")
        database.execute("CREATE VIEW many AS SELECT user FROM likes WHERE stars > 4")
        database.commit()
    return path


def read(path, wanted, tally, table=None, **how):
    section = TableFile(file=("shop.db",), table=table)
    parts = list(read_table(SourceFile(path, "shop.db"), section, wanted, tally, **how))
    rows = [
        row
        for part in parts
        for row in zip(*(part.columns[name].to_pylist() for name in wanted), strict=True)
    ]
    return rows, parts


def test_cells_of_any_type_become_strings(shop, tally):
    rows, parts = read(shop, ["user", "the item", "stars"], tally, "likes")
    assert rows == [("1", "b1", "4.5"), ("x", "", "5.0"), ("1.0", "\\xff", "")]
    assert parts[0].line.tolist() == [1, 2, 3]
    assert parts[0].raw(0) == '{"user": "1", "the item": "b1", "stars": "4.5"}'
    assert tally.rows == 3


def test_a_view_is_a_table_and_numbers_may_stay_numbers(shop, tally):
    assert read(shop, ["user"], tally, "many")[0] == [("1",), ("x",)]
    assert read(shop, ["id"], tally, "items", numbers=["id"])[0] == [(1,)]


@pytest.mark.parametrize(
    ("table", "wanted", "message"),
    [
        (None, "user", r"say which table \(tables: items, likes, many\)"),
        ("like", "user", r"no table 'like', did you mean \"likes\"\?"),
        ("likes", "usr", r"has no column 'usr', did you mean \"user\"\?"),
    ],
)
def test_a_missing_table_or_column_is_one_line(shop, tally, table, wanted, message):
    with pytest.raises(InputError, match=message):
        read(shop, [wanted], tally, table)


def test_what_is_no_database_is_one_line(write, tally):
    with pytest.raises(InputError, match=r"no\.db cannot be read as SQLite: file is not"):
        read(write("no.db", "nothing" * 1000), ["x"], tally)
