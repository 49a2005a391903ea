"""Newcomers that do not fit are refused in one line, with their place."""

import pyarrow as pa
import pytest

from kg.errors import InputError, UnknownIdError
from kg.vocab import Vocab
from queries.newcomers import Newcomers
from queries.newcomers.grown import GrownVocab, grow
from queries.newcomers.placing import place

TITLES = {"b1": "The Hobbit", "f1": "An Unexpected Journey", "tolkien": "J. R. R. Tolkien"}


@pytest.fixture
def graph(make_graph):
    return make_graph(
        [("ada", "b1"), ("bob", "b1"), ("bob", "f1")],
        {"b1": "books", "f1": "films"},
        texts=TITLES,
        entities={"person": ["tolkien", "austen"], "genre": ["fantasy", "austen"]},
        relations={
            ("item", "about", "person"): [("b1", "tolkien")],
            ("item", "about", "genre"): [("b1", "fantasy")],
            ("item", "based_on", "item"): [("f1", "b1")],
        },
    )


def files(tmp_path, nodes, edges=None):
    (tmp_path / "nodes.csv").write_text(nodes, encoding="utf-8")
    if edges is not None:
        (tmp_path / "edges.csv").write_text(edges, encoding="utf-8")
    return Newcomers.from_files(
        tmp_path / "nodes.csv", None if edges is None else tmp_path / "edges.csv"
    )


def test_new_nodes_have_the_last_rows(graph, tmp_path):
    new = files(
        tmp_path,
        "id,type,title,text,domain\na0,item,First,,films|books\nf0,item,,Second,films\nzed,,,,\n",
        "src,relation,dst,weight\nzed,likes,a0,2.5\na0,about,tolkien,\nf0,based_on,b1,\n",
    )
    larger = grow(graph, place(graph, new))
    assert larger.items.vocab.to_ids([2, 3]) == ["a0", "f0"]
    assert larger.items.vocab.index(["b1", "f0", "a0"]).tolist() == [0, 3, 2]
    assert larger.items.title.to_pylist()[2:] == ["First", ""]
    assert larger.items.text.to_pylist()[2:] == ["", "Second"]
    assert larger.items.domains[2:].tolist() == [[True, True], [False, True]]
    assert larger.users.domains[-1].tolist() == [True, True]
    edges = larger.interaction_edges
    assert (edges.src[-1], edges.dst[-1], edges.weight[-1]) == (2, 2, 2.5)
    assert len(larger.edges["item", "about", "person"]) == 2
    assert larger.items.vocab.kind == "item"
    assert larger.fingerprint != graph.fingerprint


def test_times_and_attributes_go_on(make_graph, tmp_path):
    from dataclasses import replace

    import pyarrow as pa

    graph = make_graph([("ada", "b1")], {"b1": "books"}, times=[7.0])
    years = pa.table({"year": pa.array([1937.0])})
    graph = replace(graph, nodes={**graph.nodes, "item": replace(graph.items, attributes=years)})
    new = files(tmp_path, "id,type,domain,year\nb2,item,books,1950\nb3,item,books,\n")
    new += Newcomers.likes(["b1", "b2"])
    larger = grow(graph, place(graph, new))
    assert larger.items.attributes["year"].to_pylist() == [1937.0, 1950.0, None]
    assert larger.interaction_edges.time.tolist() == [7.0, 7.0, 7.0]
    wrong = files(tmp_path, "id,type,domain,year\nb2,item,books,soon\n")
    with pytest.raises(InputError, match="attribute 'year' of item holds double"):
        grow(graph, place(graph, wrong))
    unknown = files(tmp_path, "id,type,domain,yeer\nb2,item,books,1950\n")
    with pytest.raises(InputError, match=r"nodes.csv, line 2: .*'yeer', did you mean \"year\""):
        place(graph, unknown)


WRONG_NODES = [
    ("id,type\nb1,item\n", "line 2: item 'b1' is in the graph already"),
    ("id,type\nb2,item\nb2,item\n", "line 3: item 'b2' is new twice"),
    ("id,type\nb2,itm\n", "line 2: unknown node type 'itm', did you mean \"item\"?"),
    ("id,type,domain\nb2,item,book\n", "line 2: unknown domain 'book', did you mean"),
    ("id,type,domain\nzed,user,books\n", "line 2: the domains of user 'zed' follow from"),
    ("id,type\n,item\n", "line 2: a new node without an id"),
    ("name,type\nzed,user\n", "has no column 'id'"),
]
WRONG_EDGES = [
    ("relation,src,dst\nlikes,new,b9\n", UnknownIdError, "line 2: unknown item id 'b9'"),
    ("relation,src,dst\nlike,new,b1\n", InputError, "line 2: unknown relation 'like', did you"),
    ("relation,src,dst\nlikes,ada,f1\n", InputError, "'ada' and 'f1' are in the graph: 'likes' n"),
    ("relation,src,dst\nlikes,new,b1\nlikes,new,b1\n", InputError, "line 3: 'likes' from 'new' to"),
    ("src,dst,weight\nnew,b1,-1\n", InputError, "line 2: a weight must be a number from 0 on"),
    ("src,dst,weight\nnew,b1,much\n", InputError, "line 2: weight 'much' is not a number"),
    ("src,dst,wieght\nnew,b1,1\n", InputError, "has a column 'wieght', did you mean \"weight\"?"),
    ("src,to\nnew,b1\n", InputError, "has no column 'dst'"),
    ("relation,src,dst\nabout,b2,austen\n", InputError, "line 2: 'b2' and 'austen' are nodes of s"),
    ("relation,src,dst,dst_type\nabout,b2,austen,persn\n", InputError, "no dst of type 'persn', d"),
    ("relation,src,dst\nabout,b2,new\n", UnknownIdError, "line 2: unknown genre id 'new'"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_NODES)
def test_wrong_nodes(graph, tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        place(graph, files(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "nodes.csv" in str(caught.value)


@pytest.mark.parametrize(("text", "error", "message"), WRONG_EDGES)
def test_wrong_edges(graph, tmp_path, text, error, message):
    nodes = "id,type,domain\nnew,,\nb2,item,books\n"
    with pytest.raises(error) as caught:
        place(graph, files(tmp_path, nodes, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "edges.csv" in str(caught.value)


def test_types_tell_nodes_of_one_id_apart(graph, tmp_path):
    text = "relation,src,dst,dst_type\nabout,b2,austen,genre\n"
    placed = place(graph, files(tmp_path, "id,type\nb2,item\n", text))
    assert list(placed.edges) == [("item", "about", "genre")]


def test_likes_name_no_file(graph):
    with pytest.raises(UnknownIdError, match=r"^unknown item id 'b9'"):
        place(graph, Newcomers.likes(["b9"]))
    with pytest.raises(InputError, match=r"^user 'ada' is in the graph already"):
        place(graph, Newcomers.likes(["b1"], "ada"))
    assert len(Newcomers.people({"x": ["b1", "b1"], "y": []})) == 2
    assert len(place(graph, Newcomers.likes(["b1", "b1"])).edges[graph.interactions]) == 1


@pytest.mark.parametrize("new", [["b-new"], ["zz", "a", "m"]])
def test_one_of_many_ids_is_found_whatever_the_order(new):
    old = Vocab.from_values([f"user-{row:04d}" for row in range(2_000)], "user")
    grown = GrownVocab(GrownVocab(old, pa.array(new)), pa.array(["b", "zzz"]))
    for row, node_id in enumerate([*old.ids.to_pylist()[::500], *new, "b", "zzz"]):
        place = row * 500 if row < 4 else len(old) + row - 4
        assert grown.lookup([node_id]).tolist() == [place]
    assert grown.lookup(["nobody"]).tolist() == [-1]
