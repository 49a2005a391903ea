import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.additions.add import add_tables
from kg.errors import InputError
from kg.importer import import_graph
from kg.rejects import RejectLimit

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = ["title"]
attributes = ["year", "size", "code"]

[[nodes]]
file = "people.csv"
type = "person"
id = "id"
title = "name"
text = ["name"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"
time = "when"

[[edges]]
file = "authors.csv"
relation = "author"
src = { type = "item", column = "item" }
dst = { type = "person", column = "person" }
"""


@pytest.fixture
def before(write):
    write(
        "items.csv",
        "id,domain,title,year,size,code\n"
        'b1,books,Emma,1815,"1, 2",x\nb2,books,,1965,,\nf1,films,Clueless,1995,"3, 4",y\n',
    )
    write("people.csv", "id,name\np1,Jane\np2,\n")
    write("likes.csv", "user,item,stars,when\nann,b1,4,3\nann,f1,5,4\nbob,b2,2.5,1\n")
    write("authors.csv", "item,person\nb1,p1\n")
    return import_graph(write("mapping.toml", MAPPING))


def rejects(imported):
    return [tuple(row.values()) for row in imported.rejects.to_pylist()]


def test_new_nodes_and_edges_join_the_graph(before, write):
    nodes = write(
        "new.csv",
        "type,id,title,text,domain,year,size\n"
        'item,a0,Persuasion,a novel,books|films,1817,"5, 6"\n,zed,,,,,\nperson,p3,Ang,,,,\n',
    )
    edges = write("edges.csv", "relation,src,dst\n,zed,a0\nauthor,a0,p3\n,ann,b2\n")
    graph = add_tables(before, nodes=[nodes], edges=[edges]).graph
    assert graph.items.vocab.ids.to_pylist() == ["a0", "b1", "b2", "f1"]
    assert graph.items.domains[0].all()
    assert graph.items.title[0].as_py() == "Persuasion"
    assert graph.items.text[0].as_py() == "a novel"
    assert graph.items.attributes["year"].to_pylist() == [1817.0, 1815.0, 1965.0, 1995.0]
    assert graph.items.attributes["size"].to_pylist()[0] == [5.0, 6.0]
    likes = graph.interaction_edges
    ends = graph.users.vocab.to_ids(likes.src), graph.items.vocab.to_ids(likes.dst)
    pairs = set(zip(*ends, strict=True))
    assert pairs == {("ann", "b1"), ("ann", "f1"), ("bob", "b2"), ("zed", "a0"), ("ann", "b2")}
    # without a time an edge is as late as the latest
    new = (likes.src == 0) & (likes.dst == 2)
    assert likes.time[new].tolist() == [4.0]
    assert graph.users.domains[graph.users.vocab.index(["zed"])].all()
    assert len(graph.edges["item", "author", "person"]) == 2


def test_the_same_as_an_import_into_the_graph(before, write, tmp_path):
    write("items.csv", "id,domain,title,year,size,code\nc1,films,Heat,1995,,\nb2,books,Dune,,,z\n")
    write("people.csv", "id,name\n")
    write("likes.csv", "user,item,stars,when\nzed,c1,3,9\nann,b1,5,2\n")
    write("authors.csv", "item,person\nc1,p2\n")
    wanted = import_graph(tmp_path / "mapping.toml", into=before)
    nodes = write(
        "new.csv",
        "type,id,title,text,domain,code\nitem,c1,Heat,Heat,films,\nitem,b2,Dune,Dune,,z\n",
    )
    more = write("years.csv", "type,id,year\nitem,c1,1995\n")
    edges = write(
        "edges.csv",
        "relation,src,dst,weight,time\ninteracts,zed,c1,3,9\n,ann,b1,5,2\nauthor,c1,p2,,\n",
    )
    found = add_tables(before, nodes=[nodes, more], edges=[edges])
    assert found.graph.fingerprint == wanted.graph.fingerprint
    assert found.graph.interaction_edges.time.tolist() == (
        wanted.graph.interaction_edges.time.tolist()
    )
    assert [(c.of, c.what, c.count) for c in found.changes] == [
        (c.of, c.what, c.count) for c in wanted.changes
    ]


NODE_ROWS = [
    ("item,,T,books,1", "id is empty"),
    ("thing,x1,T,books,1", "unknown node type"),
    ("item,x2,T,musik,1", "unknown domain"),
    (",x3,,books,", "the domains of users follow from their edges"),
    ("person,x4,,,7", "person has no attribute year"),
    ("item,x5,T,books,soon", "year is not a finite number"),
]


def test_rows_of_nodes_that_do_not_fit_are_kept_with_line_and_reason(before, write):
    rows = ["type,id,title,domain,year", *(row for row, _ in NODE_ROWS), "item,ok,T,books,1"]
    path = write("new.csv", "\n".join(rows))
    found = add_tables(before, nodes=[path])
    assert rejects(found) == [
        (str(path), line, row, reason, 2) for line, (row, reason) in enumerate(NODE_ROWS, start=2)
    ]
    assert "ok" in found.graph.items.vocab
    assert len(found.graph.items) == len(before.graph.items) + 1
    [account] = [account for account in found.accounts if account.import_number == 2]
    assert (account.rows, account.loaded, account.rejected) == (7, 1, 6)


EDGE_ROWS = [
    ("interacts,ann,,1,,,", "dst is empty"),
    ("interacts,ann,nope,1,,,", "unknown item"),
    ("stars,ann,b1,1,,,", "unknown relation"),
    ("author,b1,nobody,1,,,", "unknown person"),
    ("interacts,ann,b1,-1,,,", "weight is not a number from 0 on"),
    ("interacts,ann,b1,much,,,", "weight is not a number from 0 on"),
    ("interacts,ann,b1,1,,,person", "the relation does not join its ends (it joins user to item)"),
    ("interacts,ann,b2,1,soon,,", "time is neither a finite number nor an ISO date"),
    ("interacts,unborn,nope,1,,,", "unknown item"),
]


def test_rows_of_edges_that_do_not_fit_are_kept_with_line_and_reason(before, write):
    head = "relation,src,dst,weight,time,src_type,dst_type"
    path = write("edges.csv", "\n".join([head, *(row for row, _ in EDGE_ROWS), ",ann,b2,1,9,,"]))
    found = add_tables(before, edges=[path])
    assert [(line, reason) for _, line, _, reason, _ in rejects(found)] == [
        (line, reason) for line, (_, reason) in enumerate(EDGE_ROWS, start=2)
    ]
    assert len(found.graph.interaction_edges) == 4
    assert found.graph.users.vocab.ids.to_pylist() == ["ann", "bob"]  # a reject makes nobody


def test_an_unknown_user_is_new_only_where_no_table_has_users(before, write):
    path = write("edges.csv", "src,dst\nnew,b1\n")
    assert "new" in add_tables(before, edges=[path]).graph.users.vocab
    tabled = dataclasses.replace(before, tables=(*before.tables, "user"))
    found = add_tables(tabled, edges=[path])
    assert [reason for *_, reason, _ in rejects(found)] == ["unknown user"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_tables_of_any_format(before, write, tmp_path, suffix):
    path = tmp_path / f"edges{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table({"src": ["ann"], "dst": ["b2"], "weight": [2.0]}), path)
    elif suffix == ".jsonl":
        path.write_text(json.dumps({"src": "ann", "dst": "b2", "weight": 2.0}) + "\n")
    else:
        sign = "\t" if suffix == ".tsv" else ","
        write(path.name, f"src{sign}dst{sign}weight\nann{sign}b2{sign}2\n")
    edges = add_tables(before, edges=[path]).graph.interaction_edges
    assert edges.weight[(edges.src == 0) & (edges.dst == 1)].tolist() == [2.0]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("nodes", "id,yaer\nx,1\n", "no node has an attribute 'yaer', did you mean \"year\"?"),
        ("nodes", "name\nx\n", "has no column 'id'"),
        ("edges", "src,dst,stars\nann,b1,1\n", "has a column 'stars'"),
        ("edges", "", "it is empty"),
    ],
)
def test_a_wrong_table_is_refused(before, write, kind, text, message):
    with pytest.raises(InputError, match=r"x\.csv") as raised:
        add_tables(before, **{kind: [write("x.csv", text)]})
    assert message in str(raised.value)


def test_a_limit_of_rejects_holds(before, write):
    path = write("edges.csv", "src,dst\nann,nope\n")
    with pytest.raises(InputError, match="line 2: unknown item"):
        add_tables(before, edges=[path], limit=RejectLimit.none())


def test_raw_ids_do_not_join_pseudonyms(before, write):
    hidden = dataclasses.replace(before, pseudonyms={"user": "check"})
    path = write("edges.csv", f"src,dst\nzed,b1\n{'0f' * 16},b1\n")
    found = add_tables(hidden, edges=[path])
    assert len(found.graph.users) == 3
    [(_, line, raw, reason, _)] = rejects(found)
    assert (line, raw) == (2, "(withheld)")
    assert reason.startswith("its id is no pseudonym")


def test_what_is_there_keeps_the_greater_weight(before, write):
    path = write("edges.csv", "src,dst,weight,time\nann,b1,1,9\nann,f1,9,1\n")
    edges = add_tables(before, edges=[path]).graph.interaction_edges
    assert np.allclose(edges.weight, [4, 9, 2.5])
    assert np.allclose(edges.time, [9, 4, 1])
