import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.importer import import_graph
from kg.rejects import RejectLimit

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = ["title", "about"]
attributes = ["year"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"
time = "when"
"""
ITEMS = """\
id,domain,title,about,year
b1,books,Emma,A novel,1815
b2,books,Dune,,1965
f1,films,Clueless,Clueless,1995
"""
LIKES = """\
user,item,stars,when
ann,b1,4,3
ann,f1,5,4
bob,b2,2,1
"""


@pytest.fixture
def example(write, run):
    """Import the example with some of its files replaced."""

    def make(items=ITEMS, likes=LIKES, mapping=MAPPING):
        write("items.csv", items)
        write("likes.csv", likes)
        return run(mapping)

    return make


def rejects(imported, file):
    return [
        (row["line"], row["reason"]) for row in imported.rejects.to_pylist() if row["file"] == file
    ]


def accounts(imported, file):
    (account,) = [account for account in imported.accounts if account.file == file]
    return account


def pairs(graph):
    edges = graph.interaction_edges
    return dict(
        zip(
            zip(
                graph.users.vocab.to_ids(edges.src),
                graph.items.vocab.to_ids(edges.dst),
                strict=True,
            ),
            zip(edges.weight.tolist(), edges.time.tolist(), strict=True),
            strict=True,
        )
    )


def test_tables_become_a_graph(example):
    imported = example()
    graph = imported.graph

    assert graph.domains == ("books", "films")
    assert graph.items.vocab.ids.to_pylist() == ["b1", "b2", "f1"]
    assert graph.items.title.to_pylist() == ["Emma", "Dune", "Clueless"]
    assert graph.items.text.to_pylist() == ["Emma. A novel", "Dune", "Clueless"]
    assert graph.items.domains.tolist() == [[True, False], [True, False], [False, True]]
    assert graph.items.attributes.to_pydict() == {"year": [1815, 1965, 1995]}
    assert graph.users.vocab.ids.to_pylist() == ["ann", "bob"]
    assert graph.users.domains.tolist() == [[True, True], [True, False]]
    assert pairs(graph) == {("ann", "b1"): (4, 3), ("ann", "f1"): (5, 4), ("bob", "b2"): (2, 1)}
    assert imported.rejects.num_rows == 0
    assert [(a.rows, a.loaded) for a in imported.accounts] == [(3, 3), (3, 3)]


def test_the_order_of_rows_changes_nothing(example):
    def shuffled(text):
        header, *rows = text.splitlines()
        random.Random(0).shuffle(rows)
        return "\n".join([header, *rows])

    straight = example().graph.fingerprint
    assert example(shuffled(ITEMS), shuffled(LIKES)).graph.fingerprint == straight


def test_without_a_weight_or_time_column_weights_are_one(example):
    graph = example(mapping=MAPPING.replace('weight = "stars"\ntime = "when"\n', "")).graph
    assert graph.interaction_edges.weight.tolist() == [1, 1, 1]
    assert graph.interaction_edges.time is None


def test_repeated_edges_keep_the_greatest_weight_and_the_latest_time(example):
    imported = example(likes=LIKES + "ann,b1,1,9\nann,b1,2,7\n")
    assert pairs(imported.graph)["ann", "b1"] == (4, 9)
    account = accounts(imported, "likes.csv")
    assert (account.rows, account.loaded, account.merged) == (5, 5, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ann,zz,4,3", "unknown item"),
        ("ann,,4,3", "item is empty"),
        (" ,b1,4,3", "user is empty"),
        ("ann,b1,nan,3", "stars is not a finite number"),
        ("ann,b1,inf,3", "stars is not a finite number"),
        ("ann,b1,1e300,3", "stars is not a finite number"),  # beyond float32
        ("ann,b1,,3", "stars is not a finite number"),
        ("ann,b1,4,soon", "when is neither a finite number nor an ISO date"),
        ("ann,b1,4,", "when is neither a finite number nor an ISO date"),
        ("ann,b1,4", "wrong number of fields"),
        ('ann,"b1,4,3', "malformed CSV: unexpected end of data"),
    ],
)
def test_a_bad_edge_row_is_rejected_with_its_line(example, row, reason):
    imported = example(likes=LIKES + f"new{row}\n".replace("new ", " "))
    assert rejects(imported, "likes.csv") == [(5, reason)]
    assert len(imported.graph.interaction_edges) == 3
    assert len(imported.graph.users) == 2  # a rejected row makes no user
    account = accounts(imported, "likes.csv")
    assert (account.rows, account.loaded, account.rejected) == (4, 3, 1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",books,No id,,", "id is empty"),
        ("b1,books,Emma,Another text,1815", "id is given twice with different content"),
        ("b1,books,Emma,A novel,1816", "id is given twice with different content"),
        ("b9,books", "wrong number of fields"),
    ],
)
def test_a_bad_node_row_is_rejected_with_its_line(example, row, reason):
    imported = example(items=ITEMS + row + "\n")
    assert rejects(imported, "items.csv") == [(5, reason)]
    assert imported.graph.items.text[0].as_py() == "Emma. A novel"  # the first stays
    assert len(imported.graph.items) == 3


def test_a_repeated_node_joins_domains_and_fills_what_was_empty(example):
    more = "b2,films,Dune,,\nb2,,,,\nb1,films,Emma,A novel,\nb3,books,,,\nb3,,Ivanhoe,,1819\n"
    imported = example(items=ITEMS + more)
    graph = imported.graph
    assert rejects(imported, "items.csv") == []
    assert accounts(imported, "items.csv").merged == 4
    assert graph.items.domains.tolist() == [
        [True, True],
        [True, True],
        [True, False],
        [False, True],
    ]
    assert graph.items.title.to_pylist() == ["Emma", "Dune", "Ivanhoe", "Clueless"]
    assert graph.items.attributes["year"].to_pylist() == [1815, 1965, 1819, 1995]


def test_a_rejected_repeat_adds_nothing(example):
    imported = example(
        items="id,domain,title,about,year\nb1,books,A,,\nb1,films,B,x,7\nb2,films,C,,\nf1,,D,,\n"
    )
    graph = imported.graph
    assert rejects(imported, "items.csv") == [(3, "id is given twice with different content")]
    assert graph.items.domains.tolist() == [[True, False], [False, True], [False, False]]
    assert graph.items.attributes["year"].to_pylist() == [None, None, None]


def test_nodes_of_one_type_may_come_from_several_files(example, write):
    write("more.jsonl", '{"id": "b2", "pages": 412}\n{"id": "b7", "pages": 9}\n')
    section = '[[nodes]]\nfile = "more.jsonl"\ntype = "item"\nid = "id"\ndomain = ["books", "x"]\n'
    graph = example(mapping=MAPPING + section + 'attributes = ["pages"]\n').graph
    assert graph.domains == ("books", "films", "x")
    assert graph.items.attributes["pages"].to_pylist() == [None, 412, 9, None]
    assert graph.items.text.to_pylist()[1:3] == ["Dune", ""]
    assert graph.items.domains[1:3].tolist() == [[True, False, True]] * 2


def test_an_attribute_may_be_called_like_a_built_in_column(example):
    graph = example(mapping=MAPPING.replace('["year"]', '["title", "id"]')).graph
    assert graph.items.attributes["title"].to_pylist() == ["Emma", "Dune", "Clueless"]
    assert graph.items.text[0].as_py() == "Emma. A novel"


def test_one_domain_none_and_empty_texts_are_fine(example):
    one = MAPPING.replace('domain_column = "domain"', 'domain = "all"')
    assert example(mapping=one).graph.domains == ("all",)
    none = example(mapping=one.replace('domain = "all"', "").replace('"about"]', '"about"]\n'))
    assert none.graph.domains == ()
    assert none.graph.items.domains.shape == (3, 0)
    empty = example(items="id,domain,title,about,year\nb1,books,,,\nb2,books, ,,\nf1,films,,,\n")
    assert empty.graph.items.text.to_pylist() == ["", "", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"likes.csv"', '"like.csv"'), r'no such file: .*like\.csv, did you mean "likes\.csv"\?'),
        (('weight = "stars"', 'weight = "star"'), r"likes\.csv has no column 'star', did you mean"),
        (('column = "item"', 'column = "itm"'), r"likes\.csv has no column 'itm', did you mean"),
        (('id = "id"', 'id = "ids"'), r"items\.csv has no column 'ids', did you mean \"id\"\?"),
        (('"interacts"', '"likes"'), r"no file has 'user interacts item' edges .*user likes item"),
        (('type = "item", column = "item"', 'type = "user", column = "item"'), "no interactions"),
        (('[[nodes]]\nfile = "items.csv"', '[[nodes]]\nfile = "items.txt"'), "known table format"),
    ],
)
def test_what_cannot_be_imported_is_one_line(example, write, change, message):
    write("items.txt", ITEMS)
    with pytest.raises(InputError, match=message) as error:
        example(mapping=MAPPING.replace(*change))
    assert "\n" not in str(error.value)


def test_a_graph_without_interactions_says_why(example):
    with pytest.raises(InputError, match=r"all rows were rejected .*unknown item, 2 times"):
        example(likes="user,item,stars,when\nann,x,1,1\nann,y,1,1\nann,b1,?,1\n")
    with pytest.raises(InputError, match="their file has no rows"):
        example(likes="user,item,stars,when\n")


def test_times_in_one_file_and_none_in_another_are_an_error(example, write):
    write("more.csv", "user,item\nann,b2\n")
    end = 'src = { type = "user", column = "user" }\ndst = { type = "item", column = "item" }\n'
    section = '[[edges]]\nfile = "more.csv"\nrelation = "interacts"\n'
    with pytest.raises(InputError, match=r"times in likes\.csv but not in more\.csv"):
        example(mapping=MAPPING + section + end)


def test_edges_between_any_types_and_in_several_files(example, write):
    write("by.csv", "book,by\nb1,Austen\nb2,Herbert\nb9,Nobody\n")
    section = (
        '[[edges]]\nfile = "by.csv"\nrelation = "author"\n'
        'src = { type = "item", column = "book" }\n'
        'dst = { type = "person", column = "by", create = true }\n'
    )
    imported = example(mapping=MAPPING + section)
    graph = imported.graph
    assert graph.nodes["person"].vocab.ids.to_pylist() == ["Austen", "Herbert"]
    assert len(graph.edges["item", "author", "person"]) == 2
    assert rejects(imported, "by.csv") == [(4, "unknown item")]


NASTY = st.sampled_from(
    [
        "ann",
        "bob",
        "b1",
        "f1",
        "zz",
        "",
        " ",
        "1",
        "nan",
        "1e999",
        "2020-01-01",
        '"',
        '"x',
        "é",
        ",",
    ]
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    items=st.lists(st.lists(NASTY, min_size=4, max_size=6), max_size=6),
    likes=st.lists(st.lists(NASTY, min_size=3, max_size=5), max_size=8),
)
def test_rows_in_are_rows_loaded_plus_rows_rejected(tmp_path, items, likes):
    for name, head, rows in (("items.csv", ITEMS, items), ("likes.csv", LIKES, likes)):
        body = head + "".join(",".join(row) + "\n" for row in rows)
        (tmp_path / name).write_text(body, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")

    imported = import_graph(tmp_path / "mapping.toml")

    graph, rejected = imported.graph, imported.rejects.to_pylist()
    for account in imported.accounts:
        assert account.rows == account.loaded + account.rejected
        assert account.rejected == sum(row["file"] == account.file for row in rejected)
    loaded = {account.file: account.loaded - account.merged for account in imported.accounts}
    assert len(graph.items) == loaded["items.csv"]
    assert len(graph.interaction_edges) == loaded["likes.csv"]
    assert np.isfinite(graph.interaction_edges.weight).all()
    assert np.isfinite(graph.interaction_edges.time).all()


def test_attribute_types_are_inferred_or_declared(example):
    declared = MAPPING.replace('["year"]', '{ year = "text" }')
    graph = example(mapping=declared).graph
    assert graph.items.attributes["year"].to_pylist() == ["1815", "1965", "1995"]
    imported = example(
        items=ITEMS + "b3,books,Ivanhoe,,soon\n",
        mapping=MAPPING.replace('["year"]', '{ year = "number" }'),
    )
    assert rejects(imported, "items.csv") == [(5, "year is not a finite number")]
    assert imported.graph.items.attributes["year"].to_pylist() == [1815, 1965, 1995]


def test_rejects_beyond_the_limit_stop_the_import(example, tmp_path):
    example(likes=LIKES + "ann,zz,1,1\nann,b1,?,1\n")
    path = tmp_path / "mapping.toml"
    with pytest.raises(InputError, match=r"^likes\.csv, line 5: unknown item: ann,zz,1,1$"):
        import_graph(path, limit=RejectLimit(count=0))
    with pytest.raises(InputError, match=r"likes\.csv: 2 of 5 rows were rejected, more than 39"):
        import_graph(path, limit=RejectLimit(share=0.39))
    assert import_graph(path, limit=RejectLimit(count=2, share=0.4)).rejects.num_rows == 2
