"""What is typed of somebody new is what the library is told of them."""

import pytest
from typer.testing import CliRunner

import isthmus
from queries.newcomers import Newcomers
from queries.recommender import Recommender

NODES = "id,type,title,text,domain\nzed,user,,,\nfilm-new,item,Robots,robot war,films\n"
EDGES = "relation,src,dst\ninteracts,zed,book-01\nauthor,film-new,person-1\n"


@pytest.fixture
def run(opened_run):
    return opened_run("user-cold").run


def shown(*arguments):
    result = CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def best(recommender, user):
    return recommender.recommend(user, domain="films", k=3)[0].tolist()


def in_order(text, ids):
    places = [text.find(name) for name in ids]
    return -1 not in places and places == sorted(places)


def test_somebody_new(run):
    known = Recommender.open(run)
    ask = ("recommend", run, "--domain", "films", "-k", "3")
    likes = Newcomers.likes(["book-01", "film-04"])
    expected = best(known.with_newcomers(likes), "you")
    assert in_order(shown(*ask, "--likes", "book-01,film-04"), expected)
    expected = best(known.with_newcomers(Newcomers.text("dark robot war")), "you")
    assert in_order(shown(*ask, "--text", "dark robot war"), expected)


def test_tables(run, tmp_path):
    nodes, edges = tmp_path / "nodes.csv", tmp_path / "edges.csv"
    nodes.write_text(NODES, encoding="utf-8")
    edges.write_text(EDGES, encoding="utf-8")
    larger = Recommender.open(run).with_newcomers(Newcomers.from_files(nodes, edges))
    ask = ("recommend", run, "--domain", "films", "-k", "3", "--user", "zed")
    text = shown(*ask, "--new-nodes", nodes, "--new-edges", edges)
    assert in_order(text, best(larger, "zed"))


def test_a_text_has_similar_items(run):
    item = Newcomers.item("text", "robot war", ["books", "films"], node_type="item")
    expected = Recommender.open(run).with_newcomers(item).similar("text", k=3)[0].tolist()
    assert in_order(shown("similar", run, "--text", "robot war", "-k", "3"), expected)
