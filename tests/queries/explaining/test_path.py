from dataclasses import replace

from queries.explaining.path import Hop, Node, Path, render, telling

ADA = Node(type="user", id="ada", title="Ada")
EMMA = Node(type="item", id="b2", title="Emma", domains=("books",))
CLUELESS = Node(type="item", id="f2", title="Clueless", domains=("films",))
JANE = Node(type="person", id="p1", title="Jane Austen")
LIKES = Hop(relation="likes", forward=True)


def path(kind, between, hops, **values):
    values = {"contribution": 1.0, "share": 0.5, "crosses": True, **values}
    nodes = (ADA, EMMA, *between, CLUELESS)
    return Path(kind=kind, nodes=nodes, relations=(LIKES, *hops), **values)


def test_arrows_point_as_edges_are_stored():
    author = [Hop(relation="author", forward=True), Hop(relation="writer", forward=False)]
    assert render(path("entity", [JANE], author)) == (
        'Ada likes "Emma" (books) —author→ Jane Austen ←writer— "Clueless" (films)'
    )
    direct = path("direct", [], [Hop(relation="based_on", forward=False)])
    assert render(direct) == 'Ada likes "Emma" (books) ←based on— "Clueless" (films)'


def test_likeness_has_no_arrow():
    alike = path("text", [], [Hop(relation="alike in text", forward=None)])
    assert render(alike) == 'Ada likes "Emma" (books) ~alike in text~ "Clueless" (films)'


def test_stand_ins_are_counted():
    people = Node(type="user", id="", title="3 people")
    other = replace(CLUELESS, id="f9", title="Sense")
    hops = [Hop(relation="interacts", forward=f) for f in (False, True)]
    text = path(
        "people", [people, other], [*hops, Hop(relation="alike in text", forward=None)], others=4
    )
    assert render(text) == (
        'Ada likes "Emma" (books) ←knows— 3 people —knows→ "Sense" (films) and 4 more '
        '~alike in text~ "Clueless" (films)'
    )


def test_what_takes_from_the_score_is_no_reason():
    good, bad = (path("direct", [], [LIKES], contribution=value) for value in (0.1, -3.0))
    assert telling([bad, good]) == good
    assert telling([bad]) is None
    assert telling([]) is None
