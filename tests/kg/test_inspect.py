import io

import numpy as np
import pytest
from rich.console import Console

from kg.inspect import QUANTILES, describe
from kg.rejects import Account, RejectLog
from kg.show import render


@pytest.fixture
def graph(make_graph):
    return make_graph(
        [("ann", "b1"), ("ann", "b2"), ("ann", "f1"), ("bob", "b1"), ("cyd", "f1")],
        {"b1": "books", "b2": ("books", "films"), "f1": "films", "f2": "films"},
        texts={"b1": "Emma", "f1": "Dune"},
        entities={"person": ["[bold]x"]},
        relations={("item", "author", "person"): [("b1", "[bold]x")]},
    )


def rejects():
    log = RejectLog()
    for line in (3, 4):
        log.add("likes.csv", line, "x", "unknown item")
    log.add("items.csv", 9, "y", "id is empty")
    return log.table()


ACCOUNT = Account(file="likes.csv", section="edges[0]", rows=7, loaded=5, rejected=2)


def test_counts_overlap_degrees_text_and_rejects(graph):
    found = describe(graph, rejects(), [ACCOUNT])

    nodes = {summary.type: summary for summary in found.nodes}
    assert (nodes["item"].count, nodes["item"].with_text) == (4, 2)
    assert nodes["item"].text_coverage == 0.5
    assert nodes["item"].by_domain == (2, 3)
    assert nodes["user"].by_domain == (2, 2)
    domains = [(d.name, d.items, d.users, d.interactions) for d in found.domains]
    assert domains == [("books", 2, 2, 3), ("films", 3, 2, 3)]
    assert found.user_overlap == ((2, 1), (1, 2))
    assert found.item_overlap == ((2, 1), (1, 3))
    edges = {summary.type[1]: summary for summary in found.edges}
    assert edges["likes"].count == 5
    assert edges["likes"].weight == (1, 1)
    assert edges["likes"].out_degree == tuple(np.quantile([3, 1, 1], QUANTILES))
    assert edges["likes"].in_degree == tuple(np.quantile([2, 1, 2], QUANTILES))
    assert found.rejects == (("likes.csv", "unknown item", 2), ("items.csv", "id is empty", 1))
    assert found.accounts == (ACCOUNT,)


def test_one_domain_and_none(make_graph):
    one = describe(make_graph([("u", "i")], {"i": "a"}))
    assert one.user_overlap == ((1,),)
    none = describe(make_graph([("u", "i")], {"i": ()}))
    assert (none.domains, none.user_overlap, none.item_overlap) == ((), (), ())
    Console(quiet=True).print(render(one), render(none))


def test_rendering_shows_every_part(graph):
    console = Console(width=140, file=io.StringIO())
    console.print(render(describe(graph, rejects(), [ACCOUNT])))
    text = console.file.getvalue()
    for expected in (
        "likes (predicted)",
        "50.0%",
        "users in both",
        "unknown item",
        "likes.csv",
        "edges[0]",
        "author → person",
    ):
        assert expected in text
