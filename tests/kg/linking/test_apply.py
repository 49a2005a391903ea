from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from kg.errors import ConfigError
from kg.graph import KnowledgeGraph
from kg.importer import import_graph
from kg.linking.apply import apply_links
from kg.linking.look import save_links
from kg.linking.rules import LinkRule
from kg.mapping import read_mapping
from kg.rejects import Account, RejectLog
from kg.store import load_imported, save_graph

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "shop"
text = "title"
attributes = ["year", "code"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }

[[rdf]]
file = "facts.ttl"
attributes = ["ex:year", "ex:isbn"]
[rdf.prefixes]
ex = "http://e.org/"
[rdf.types]
"ex:Writer" = { type = "person" }
"ex:Director" = { type = "person" }
"""
ITEMS = """\
id,title,shop,year,code
b1,Emma,books,1815,111
b2,Persuasion,books,1817,222
b3,Sandition,books,,
f1,The Emma,films,1996,
"""
LIKES = "user,item\nann,b1\nann,f1\nbob,b2\nbob,b3\n"
FACTS = """\
@prefix ex: <http://e.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
ex:Emma_1 rdfs:label "Emma" ; ex:by ex:Jane ; ex:year "1815" ; ex:isbn "111" .
ex:Emma_2 rdfs:label "Emma" ; ex:by ex:Doug ; ex:year "1996" .
ex:Persuasion ex:by ex:Jane .
ex:Sandition_1 rdfs:label "Sandition" ; ex:by ex:Jane .
ex:Sandition_2 rdfs:label "Sandition" ; ex:by ex:Jane2 .
ex:Jane a ex:Writer ; rdfs:label "Jane Austen" .
ex:Jane2 a ex:Writer ; rdfs:label "J. Austen" ; owl:sameAs ex:Jane .
ex:Doug a ex:Director ; rdfs:label "Doug" .
"""


@dataclass
class Result:
    graph: KnowledgeGraph
    links: Any
    accounts: list[Account]
    rejects: list[dict[str, Any]]


@pytest.fixture
def linked(write, tmp_path):
    """Import the example, then apply `[[links]]` sections."""
    write("items.csv", ITEMS)
    write("likes.csv", LIKES)
    write("facts.ttl", FACTS)
    write("more.nt", "<http://e.org/Persuasion> <http://e.org/isbnPage> <http://i.org/b/222/> .\n")

    def apply(links, encode=None):
        mapping = read_mapping(write("mapping.toml", MAPPING + links))
        log = RejectLog()
        found = apply_links(
            import_graph(replace(mapping, links=())).graph,
            mapping.links,
            folder=tmp_path,
            log=log,
            encode=encode,
        )
        accounts = [tally.account() for tally in found.tallies]
        return Result(found.graph, found.links, accounts, log.table().to_pylist())

    return apply


def rows(imported):
    return [
        (row["source"], row["target"], row["method"], row["status"])
        for row in imported.links.to_pylist()
    ]


def test_without_rules_there_are_no_links(linked):
    imported = linked("")
    assert imported.links.num_rows == 0
    assert len(imported.graph.nodes["entity"]) == 5


def test_items_become_one_with_their_entities(linked):
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "entity"\n'
        'year = { source = "year", target = "year" }\n'
    )
    assert rows(imported) == [
        ("b1", "ex:Emma_1", "exact", "linked"),
        ("b2", "ex:Persuasion", "exact", "linked"),
        ("b3", "ex:Sandition_1", "exact", "ambiguous"),
        ("b3", "ex:Sandition_2", "exact", "ambiguous"),
        ("f1", "ex:Emma_2", "normalised", "linked"),
    ]
    graph = imported.graph
    assert graph.nodes["entity"].vocab.ids.to_pylist() == ["ex:Sandition_1", "ex:Sandition_2"]
    by = graph.edges["item", "by", "person"]
    ids = graph.items.vocab.to_ids(by.src), graph.nodes["person"].vocab.to_ids(by.dst)
    assert list(zip(*ids, strict=True)) == [
        ("b1", "ex:Jane"),
        ("b2", "ex:Jane"),
        ("f1", "ex:Doug"),
    ]
    assert graph.items.attributes["isbn"].to_pylist()[0] in ("111", 111)


def test_an_item_stays_an_item(linked):
    imported = linked('[[links]]\nsource = "entity"\ntarget = "item"\nmethods = "exact"\n')
    assert ("ex:Persuasion", "b2", "exact", "linked") in rows(imported)
    assert imported.graph.items.vocab.ids.to_pylist() == ["b1", "b2", "b3", "f1"]
    assert "ex:Persuasion" not in imported.graph.nodes["entity"].vocab


def test_links_may_be_edges(linked):
    imported = linked('[[links]]\nsource = "item"\ntarget = "entity"\naction = "edge"\n')
    same = imported.graph.edges["item", "same as", "entity"]
    assert imported.graph.nodes["entity"].vocab.to_ids(same.dst) == ["ex:Persuasion"]
    assert len(imported.graph.nodes["entity"]) == 5


def test_statements_of_the_graph_make_clusters(linked):
    imported = linked(
        '[[links]]\nsource = "person"\ntarget = "person"\nmethods = "same_as"\none_to_one = false\n'
    )
    assert rows(imported) == [("ex:Jane", "ex:Jane2", "same_as", "linked")]
    assert imported.graph.nodes["person"].vocab.ids.to_pylist() == ["ex:Doug", "ex:Jane"]
    assert ("person", "sameAs", "person") not in imported.graph.edges
    assert len(imported.graph.edges["entity", "by", "person"]) == 5


def test_a_statement_counts_in_either_direction(linked, write):
    same = "<http://www.w3.org/2002/07/owl#sameAs>"
    write("more.nt", f"<http://e.org/Doug> {same} <http://e.org/Emma_2> .\n")
    section = '[[rdf]]\nfile = "more.nt"\n[[links]]\nmethods = "same_as"\n'
    for source, target in (("person", "entity"), ("entity", "person")):
        ends = f'source = "{source}"\ntarget = "{target}"\n'
        imported = linked(section + ends)
        assert imported.links["status"].to_pylist() == ["linked"]
        assert len(imported.graph.nodes[target]) == {"entity": 4, "person": 2}[target]


def test_identifiers(linked):
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "entity"\nmethods = "ids"\n'
        'ids = { source = "code", target = "isbn" }\n'
    )
    assert rows(imported) == [("b1", "ex:Emma_1", "ids", "linked")]


def test_an_identifier_may_be_what_a_relation_leads_to(linked):
    imported = linked(
        '[[rdf]]\nfile = "more.nt"\n'
        '[[links]]\nsource = "item"\ntarget = "entity"\nmethods = "ids"\n'
        'ids = { source = "code", target = "isbnPage" }\n'
    )
    assert rows(imported) == [("b2", "ex:Persuasion", "ids", "linked")]


def test_a_cluster_that_is_too_large_is_not_merged(linked, write):
    write("pairs.csv", "source,target\nb1,ex:Emma_1\nb1,ex:Emma_2\nb2,ex:Persuasion\n")
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "entity"\nmethods = "pairs"\npairs = "pairs.csv"\n'
        "one_to_one = false\nmax_cluster = 2\n"
    )
    assert rows(imported) == [
        ("b1", "ex:Emma_1", "pairs", "cluster too large"),
        ("b1", "ex:Emma_2", "pairs", "cluster too large"),
        ("b2", "ex:Persuasion", "pairs", "linked"),
    ]
    assert "ex:Emma_1" in imported.graph.nodes["entity"].vocab


def test_reviewed_links(linked, write):
    review = (
        "source_type,source,target_type,target,status,note\n"
        "item,b3,entity,ex:Sandition_2,linked,looked up\n"
        "item,b2,entity,ex:Persuasion,refused,\n"
        "item,b1,entity,ex:Emma_1,ambiguous,\n"
        "item,b9,entity,ex:Emma_1,linked,\n"
        "item,b1,entity,ex:Emma_1,yes,\n"
        "person,x,person,y,linked,\n"
    )
    write("links.csv", review)
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "entity"\nreviewed = "links.csv"\n'
        'methods = ["reviewed", "exact"]\n'
    )
    assert ("b3", "ex:Sandition_2", "reviewed", "linked") in rows(imported)
    assert not [row for row in rows(imported) if row[0] == "b2"]
    (account,) = [a for a in imported.accounts if a.file == "links.csv"]
    assert (account.rows, account.loaded, account.ignored, account.rejected) == (6, 4, 2, 2)
    reasons = [row["reason"] for row in imported.rejects if row["file"] == "links.csv"]
    assert sorted(r.split(" of ")[0] for r in reasons) == ["status is none", "unknown item"]


def test_a_review_survives_any_name(linked, tmp_path):
    rule = '[[links]]\nsource = "item"\ntarget = "entity"\nmethods = "normalised"\n'
    found = linked(rule).links
    odd = ['a "quoted", name', "two\nlines", "", "é;\t'", "=", "ü", "-"]
    save_links(found.set_column(2, "source_name", [odd]), tmp_path / "links.csv")
    again = linked(rule.replace("normalised", "reviewed") + 'reviewed = "links.csv"\n')
    assert [row[:2] for row in rows(again)] == [
        row[:2] for row in rows(linked(rule)) if row[3] == "linked"
    ]
    assert again.rejects == []


def test_a_table_of_pairs(linked, write):
    write("pairs.csv", "shop,wiki\nb3,ex:Sandition_2\nf1,ex:nobody\n")
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "entity"\npairs = "pairs.csv"\nmethods = "pairs"\n'
        'pair_columns = { source = "shop", target = "wiki" }\n'
    )
    assert rows(imported) == [("b3", "ex:Sandition_2", "pairs", "linked")]
    assert imported.graph.items.vocab.ids.to_pylist() == ["b1", "b2", "b3", "f1"]
    reasons = [row["reason"] for row in imported.rejects]
    assert reasons == ["unknown entity"]


def test_only_what_the_graph_describes(linked):
    imported = linked(
        '[[links]]\nsource = "item"\ntarget = "item"\nsource_domain = "books"\n'
        'target_domain = "films"\nmethods = "normalised"\n'
    )
    assert rows(imported) == [("b1", "f1", "normalised", "linked")]
    assert imported.graph.items.domains.tolist()[0] == [True, True]
    imported = linked('[[links]]\nsource = "item"\ntarget = "entity"\nhaving = ["by"]\n')
    assert ("b2", "ex:Persuasion", "exact", "linked") in rows(imported)
    imported = linked('[[links]]\nsource = "item"\ntarget = "person"\nhaving = "*"\n')
    assert rows(imported) == []


def test_vectors_come_from_outside(linked):
    def encode(encoder, texts):
        assert encoder == "mine"
        return np.array([[text.startswith("J"), 0.1] for text in texts], dtype=np.float32)

    imported = linked(
        '[[links]]\nsource = "person"\ntarget = "person"\nencoder = "mine"\nmethods = "nearest"\n',
        encode,
    )
    assert rows(imported) == [("ex:Jane", "ex:Jane2", "nearest", "linked")]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ('source = "item"\ntarget = "entitty"', 'did you mean "entity"'),
        ('source = "item"\ntarget = "entity"\nhaving = "buy"', r"links\[0\].*'buy'.*by"),
        (
            'source = "item"\ntarget = "entity"\nyear = { source = "yeer", target = "year" }',
            'did you mean "year"',
        ),
        (
            'source = "item"\ntarget = "entity"\nmethods = "ids"\n'
            'ids = { source = "codes", target = "isbn" }',
            'did you mean "code"',
        ),
        ('source = "item"\ntarget = "entity"\nmethods = "nearest"', "needs an encoder"),
    ],
)
def test_what_is_not_there_is_named(linked, links, message):
    with pytest.raises(ConfigError, match=message):
        linked(f"[[links]]\n{links}\n")


def test_an_import_applies_links_and_a_folder_keeps_them(linked, write, run, tmp_path):
    links = '[[links]]\nsource = "item"\ntarget = "entity"\n'
    by_hand = linked(links)
    imported = run(MAPPING + links)
    assert imported.graph.fingerprint == by_hand.graph.fingerprint
    save_graph(imported, tmp_path / "graph")
    loaded = load_imported(tmp_path / "graph")
    assert loaded.links.equals(imported.links)
    assert rows(loaded) == rows(by_hand) != []


def test_nothing_is_added_to_nodes_that_became_one(linked, write, run):
    imported = linked("") and run(MAPPING + '[[links]]\nsource = "item"\ntarget = "entity"\n')
    with pytest.raises(ConfigError, match="import all files anew"):
        import_graph(read_mapping(write("mapping.toml", MAPPING)), into=imported)
    edges = '[[links]]\nsource = "item"\ntarget = "entity"\naction = "edge"\n'
    before = run(MAPPING + edges)
    after = import_graph(read_mapping(write("mapping.toml", MAPPING + edges)), into=before)
    assert after.graph.fingerprint == before.graph.fingerprint
    assert sorted(rows(after)) == sorted(rows(before))


def test_ids_of_tables_are_renamed_as_those_of_the_graph(linked, write, tmp_path):
    mapping = read_mapping(write("mapping.toml", MAPPING)) if linked("") else None
    graph = import_graph(mapping).graph
    write("pairs.csv", "source,target\nxann,xbob\n")
    rule = LinkRule(source="user", target="user", methods=("pairs",), pairs=("pairs.csv",))
    found = apply_links(
        graph,
        [rule],
        folder=tmp_path,
        log=RejectLog(),
        renames={"user": lambda ids: pc.utf8_slice_codeunits(ids, 1)},
    )
    assert found.graph.users.vocab.ids.to_pylist() == ["ann"]


def test_a_link_may_not_show_who_a_pseudonym_is(write):
    hidden = '[pseudonymise]\ntypes = "item"\nkey_file = "key"\n'
    links = '[[links]]\nsource = "item"\ntarget = "entity"\n'
    with pytest.raises(ConfigError, match="who a pseudonym is"):
        read_mapping(write("mapping.toml", MAPPING + hidden + links))
