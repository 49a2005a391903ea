import pytest

from kg.errors import InputError
from kg.sources import SourceFile
from kg.tables.read import read_table
from kg.tables.sections import TableFile

DUMP = """--
SET client_encoding = 'UTF8';
CREATE TABLE public.likes ("user" text, item text);
COPY public.items (id, "the title") FROM stdin;
1\tone
\\.

COPY public.likes ("user", item) FROM stdin;
ann\tb1
bob\t\\N
a\\tb\\\\\tb\\n2
\\.

COPY public.other (x) FROM stdin;
1
\\.
"""


@pytest.fixture
def read(write, tally):
    def run(content, wanted, name="t.sql", **section):
        source = SourceFile(write(name, content), name)
        section = TableFile(file=(name,), format="postgres", **section)
        rows, lines = [], []
        for part in read_table(source, section, wanted, tally):
            rows += zip(*(part.columns[name].to_pylist() for name in wanted), strict=True)
            lines += part.line.tolist()
        return rows, lines

    return run


def test_what_copy_writes_is_read_with_its_escapes(read):
    rows, lines = read("a\t\\N\n\\\\\t\\x41\\102\n", ["x", "y"], columns=("x", "y"))
    assert rows == [("a", ""), ("\\", "AB")]
    assert lines == [1, 2]


@pytest.mark.parametrize("name", ["t.sql", "t.sql.gz"])
@pytest.mark.parametrize("table", ["likes", "public.likes"])
def test_a_table_is_found_in_a_dump(read, tally, name, table):
    rows, lines = read(DUMP, ["user", "item"], name=name, table=table)
    assert rows == [("ann", "b1"), ("bob", ""), ("a\tb\\", "b\n2")]
    assert lines == [9, 10, 11]
    assert tally.rows == 3


def test_a_table_that_is_not_in_the_dump_is_one_line(read):
    with pytest.raises(InputError, match=r"no rows of table 'like' \(tables: public.items, "):
        read(DUMP, ["user"], table="like")
    with pytest.raises(InputError, match="has no column 'usr', did you mean"):
        read(DUMP, ["usr"], table="likes")


def test_rows_of_another_width_are_rejected(read, tally):
    rows, _ = read("x\ty\n1\t2\n3\n", ["x"])
    assert rows == [("1",)]
    assert [row[1:] for row in tally.log] == [(3, "3", "wrong number of fields")]
