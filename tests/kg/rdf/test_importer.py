import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import ConfigError
from kg.importer import import_graph

PREFIX = "@prefix ex: <http://e/> .\n@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
CATALOGUE = (
    PREFIX
    + """
ex:emma a ex:Book ; rdfs:label "Emma"@en , "Emma (roman)"@fr ; rdfs:comment "A novel."@en-GB ;
    ex:year 1815 ; ex:author ex:austen ; ex:isbn "x" .
ex:clueless a ex:Film ; rdfs:label "Clueless" ; ex:based_on ex:emma ; ex:genre ex:comedy .
ex:austen a ex:Person ; rdfs:label "Jane Austen"@fr .
"""
)
LIKES = "user,item\nann,ex:emma\nann,ex:clueless\nbob,ex:nothing\n"
MAPPING = """
[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }

[[rdf]]
file = "catalogue.ttl"
attributes = ["ex:year"]
[rdf.prefixes]
ex = "http://e/"
[rdf.types]
"ex:Book" = { type = "item", domain = "books" }
"ex:Film" = { type = "item", domain = "films" }
"ex:Person" = { type = "person" }
"""


@pytest.fixture
def example(write, run):
    def make(mapping=MAPPING, likes=LIKES, **files):
        write("likes.csv", likes)
        for name, content in {"catalogue_ttl": CATALOGUE, **files}.items():
            write(name.replace("_", "."), content)
        return run(mapping)

    return make


def ends(graph, edge_type):
    edges = graph.edges[edge_type]
    src, dst = graph.nodes[edge_type[0]].vocab, graph.nodes[edge_type[2]].vocab
    return list(zip(src.to_ids(edges.src), dst.to_ids(edges.dst), strict=True))


def facts(nodes):
    columns = (nodes.vocab.ids, nodes.title, nodes.text)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def test_triples_become_nodes_facts_and_edges(example):
    imported = example()
    graph = imported.graph

    assert graph.domains == ("books", "films")
    assert facts(graph.items) == [
        ("ex:clueless", "Clueless", "Clueless"),
        ("ex:emma", "Emma", "Emma. A novel."),
    ]
    assert graph.items.domains.tolist() == [[False, True], [True, False]]
    assert graph.items.attributes.to_pydict() == {"year": [None, 1815]}
    assert facts(graph.nodes["person"]) == [("ex:austen", "Jane Austen", "Jane Austen")]
    assert facts(graph.nodes["entity"]) == [("ex:comedy", "", "")]
    assert set(graph.edges) == {
        ("user", "interacts", "item"),
        ("item", "author", "person"),
        ("item", "based_on", "item"),
        ("item", "genre", "entity"),
    }
    assert ends(graph, ("item", "based_on", "item")) == [("ex:clueless", "ex:emma")]
    (rdf,) = [account for account in imported.accounts if account.file == "catalogue.ttl"]
    assert (rdf.rows, rdf.loaded, rdf.ignored, rdf.rejected) == (13, 13, 1, 0)  # ex:isbn
    assert [row["reason"] for row in imported.rejects.to_pylist()] == ["unknown item"]


def test_attributes_are_what_their_datatypes_say_or_the_mapping(example):
    more = """
ex:emma ex:pages 474 , 475 ; ex:code "0012" ; ex:out "1815-12-23"^^xsd:date ; ex:weight "300" .
ex:clueless ex:pages "many"^^xsd:integer ; ex:out "1995"^^xsd:gYear ; ex:weight "light" .
"""
    xsd = "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
    names = '["ex:pages", "ex:code", "ex:out", "ex:weight"]'
    imported = example(MAPPING.replace('["ex:year"]', names), catalogue_ttl=xsd + CATALOGUE + more)
    assert imported.graph.items.attributes.to_pydict() == {
        "code": [None, "0012"],
        "out": ["1995", "1815-12-23"],
        "pages": [None, 474],
        "weight": ["light", "300"],
    }
    reasons = set(imported.rejects["reason"].to_pylist())
    assert reasons == {"is not a finite number", "unknown item"}
    names = (
        '{ "ex:code" = "number", "ex:weight" = "number", "ex:out" = "date", "ex:year" = "text" }'
    )
    imported = example(MAPPING.replace('["ex:year"]', names), catalogue_ttl=xsd + CATALOGUE + more)
    assert imported.graph.items.attributes.to_pydict() == {
        "code": [None, 12],
        "out": ["1995", "1815-12-23"],
        "weight": [None, 300],
        "year": [None, "1815"],
    }
    (rdf,) = [account for account in imported.accounts if account.file == "catalogue.ttl"]
    assert rdf.rejected == 1


def test_language_preference(example):
    graph = example(MAPPING.replace("attributes", 'language = "fr"\nattributes')).graph
    assert graph.items.title.to_pylist() == ["Clueless", "Emma (roman)"]


def test_predicates_are_ignored_selected_and_renamed(example):
    ignoring = example(MAPPING.replace("attributes", 'ignore = ["ex:genre"]\nattributes'))
    assert ("item", "genre", "entity") not in ignoring.graph.edges
    assert "entity" not in ignoring.graph.nodes  # what only an ignored triple names is no node
    assert {a.file: a.ignored for a in ignoring.accounts}["catalogue.ttl"] == 2
    only = example(MAPPING.replace("attributes", 'relations = ["ex:author"]\nattributes')).graph
    assert [name for _, name, _ in only.edges] == ["author", "interacts"]
    toml = MAPPING.replace("attributes", 'relations = { "ex:author" = "made_by" }\nattributes')
    assert [name for _, name, _ in example(toml).graph.edges] == ["made_by", "interacts"]


def test_predicates_with_one_local_name_stay_apart(example):
    more = PREFIX + "ex:emma <http://other/author> ex:someone ."
    toml = MAPPING.replace('"catalogue.ttl"', '["catalogue.ttl", "more.ttl"]')
    graph = example(toml, more_ttl=more).graph
    assert {name for _, name, _ in graph.edges} == {
        "ex:author",
        "http://other/author",
        "based_on",
        "genre",
        "interacts",
    }


def test_an_unmapped_class_is_an_edge_and_a_mapped_one_is_not(example):
    graph = example(catalogue_ttl=CATALOGUE + "ex:emma a ex:Classic .").graph
    assert ends(graph, ("item", "type", "entity")) == [("ex:emma", "ex:Classic")]
    assert "ex:Book" not in graph.nodes["entity"].vocab


def test_a_node_of_two_classes_is_in_both_domains(example):
    graph = example(catalogue_ttl=CATALOGUE + "ex:emma a ex:Film .").graph
    assert graph.items.domains[graph.items.vocab.index(["ex:emma"])[0]].tolist() == [True, True]


def test_of_two_node_types_the_first_in_the_mapping_counts(example):
    graph = example(catalogue_ttl=CATALOGUE + "ex:austen a ex:Book .").graph
    assert "ex:austen" in graph.items.vocab


TWO_FILES = """
[[nodes]]
file = "items.csv"
type = "item"
id = "asin"
domain = "beauty"
text = "text"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }

[[rdf]]
file = "facts.nt"
[[rdf.nodes]]
prefix = "http://shop/dp/"
type = "item"
otherwise = "product"
"""
ITEMS = "asin,text\nA1,soap\nA2,\n"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
FACTS = f"""\
<http://shop/dp/A1> <http://e/also> <http://shop/dp/A2> .
<http://shop/dp/A1> <http://e/also> <http://shop/dp/A2> .
<http://shop/dp/A1> <http://e/also> <http://shop/dp/Z9> .
<http://shop/dp/Z9> {LABEL} "Brush" .
<http://shop/dp/A1> {LABEL} "Soap" .
<http://shop/dp/A2> {LABEL} "Comb" .
<http://shop/dp/A1> <http://e/brand> <http://e/Acme> .
broken
"""
SHOP_LIKES = "user,item\nann,A1\n"


def shop(example, mapping=TWO_FILES, **files):
    files = {"items_csv": ITEMS, "facts_nt": FACTS, **files}
    return example(mapping, SHOP_LIKES, **files)


def test_iris_by_prefix_are_the_nodes_of_the_catalogue(example):
    imported = shop(example)
    graph = imported.graph
    assert facts(graph.items) == [("A1", "soap", "soap"), ("A2", "Comb", "Comb")]  # tables first
    assert facts(graph.nodes["product"]) == [("Z9", "Brush", "Brush")]
    assert ends(graph, ("item", "also", "item")) == [("A1", "A2")]
    assert ends(graph, ("item", "also", "product")) == [("A1", "Z9")]
    assert ends(graph, ("item", "brand", "entity")) == [("A1", "http://e/Acme")]
    (rdf,) = [account for account in imported.accounts if account.file == "facts.nt"]
    assert (rdf.rows, rdf.loaded, rdf.rejected, rdf.merged) == (8, 7, 1, 1)


def test_without_otherwise_what_is_not_in_the_catalogue_is_rejected(example):
    imported = shop(example, TWO_FILES.replace('otherwise = "product"\n', ""))
    assert "product" not in imported.graph.nodes
    found = sorted((row["line"], row["reason"]) for row in imported.rejects.to_pylist())
    assert [line for line, _ in found] == [3, 4, 8]
    assert {reason for _, reason in found[:2]} == {"not in the catalogue"}
    (rdf,) = [account for account in imported.accounts if account.file == "facts.nt"]
    assert (rdf.rows, rdf.loaded, rdf.rejected) == (8, 5, 3)


def test_a_prefix_may_stay_part_of_the_id(example):
    items = "asin,text\nhttp://shop/dp/A1,soap\n"
    toml = TWO_FILES.replace('otherwise = "product"', "strip = false\notherwise = 'product'")
    graph = example(
        toml, "user,item\nann,http://shop/dp/A1\n", items_csv=items, facts_nt=FACTS
    ).graph
    assert graph.items.vocab.ids.to_pylist() == ["http://shop/dp/A1"]
    assert len(graph.nodes["product"]) == 2


def test_the_longest_prefix_counts_and_needs_no_table(example):
    rules = """
[[rdf.nodes]]
prefix = "http://e/"
type = "thing"
[[rdf.nodes]]
prefix = "http://e/brand/"
type = "brand"
domain = "toys"
"""
    data = "".join(f"<http://shop/dp/A1> <http://e/p> <http://e/{i}> .\n" for i in ("brand/x", "y"))
    graph = shop(example, TWO_FILES + rules, facts_nt=data).graph
    assert ends(graph, ("item", "p", "brand")) == [("A1", "x")]
    assert ends(graph, ("item", "p", "thing")) == [("A1", "y")]
    assert graph.nodes["brand"].domains.tolist() == [[False, True]]


def test_a_file_domain_is_for_nodes_that_nothing_else_places(example):
    toml = TWO_FILES.replace('file = "facts.nt"', 'file = "facts.nt"\ndomain = "toys"')
    graph = shop(example, toml).graph
    assert graph.domains == ("beauty", "toys")
    assert graph.items.domains.tolist() == [[True, False], [True, False]]
    assert graph.nodes["product"].domains.tolist() == [[False, True]]
    assert graph.nodes["entity"].domains.tolist() == [[False, True]]


def test_names_may_come_from_iris(example):
    toml = TWO_FILES.replace('file = "facts.nt"', 'file = "facts.nt"\nname_from_iri = true')
    graph = shop(example, toml).graph
    assert facts(graph.nodes["entity"]) == [("http://e/Acme", "Acme", "Acme")]
    assert facts(graph.items)[0] == ("A1", "soap", "soap")


def test_two_files_share_their_iris_and_not_their_blank_nodes(example):
    more = PREFIX + "ex:austen ex:wrote [ ex:in ex:emma ] ."
    toml = MAPPING.replace('"catalogue.ttl"', '["catalogue.ttl", "more.ttl", "again.ttl"]')
    graph = example(toml, more_ttl=more, again_ttl=more + " ").graph
    blank = [node for _, node in ends(graph, ("person", "wrote", "entity"))]
    assert len(set(blank)) == 2
    assert all(re.fullmatch(r"_:[0-9a-f]{12}\.1", node) for node in blank)
    assert len(graph.nodes["person"]) == 1


def test_blank_nodes_of_the_same_content_are_the_same_whatever_else_is_read(example):
    more = PREFIX + "ex:austen ex:wrote [ ex:in ex:emma ] ."
    both = MAPPING.replace('"catalogue.ttl"', '["catalogue.ttl", "more.ttl", "again.ttl"]')
    turned = MAPPING.replace('"catalogue.ttl"', '["again.ttl", "catalogue.ttl"]')
    wrote = ("person", "wrote", "entity")
    found = ends(example(both, more_ttl=more, again_ttl=more).graph, wrote)
    assert found == ends(example(turned, again_ttl=more).graph, wrote)
    assert len(found) == 1


def test_a_class_is_what_its_superclass_is(example):
    more = """
ex:Novel rdfs:subClassOf ex:Fiction . ex:Fiction rdfs:subClassOf ex:Book .
ex:persuasion a ex:Novel ; ex:author ex:austen . ex:Odd rdfs:subClassOf ex:Odder . ex:x a ex:Odd .
"""
    graph = example(catalogue_ttl=CATALOGUE + more).graph
    assert "ex:persuasion" in graph.items.vocab
    assert graph.items.domains[graph.items.vocab.index(["ex:persuasion"])[0]].tolist() == [
        True,
        False,
    ]
    assert ends(graph, ("entity", "type", "entity")) == [("ex:x", "ex:Odd")]
    assert ("ex:Novel", "ex:Fiction") in ends(graph, ("entity", "subClassOf", "entity"))
    hidden = MAPPING.replace("attributes", 'ignore = ["rdfs:subClassOf"]\nattributes')
    graph = example(hidden, catalogue_ttl=CATALOGUE + more).graph
    assert "ex:persuasion" in graph.items.vocab
    assert "ex:Fiction" not in graph.nodes["entity"].vocab


def test_graphs_are_chosen(example):
    data = "{ ex:emma ex:in ex:a } ex:g { ex:emma ex:in ex:b } ex:h { ex:emma ex:in ex:c }"
    section = '[[rdf]]\nfile = "more.trig"\ngraphs = ["", "ex:h"]\n'
    imported = example(MAPPING + section, more_trig=PREFIX + data)
    assert ends(imported.graph, ("item", "in", "entity")) == [
        ("ex:emma", "ex:a"),
        ("ex:emma", "ex:c"),
    ]
    assert imported.accounts[1].ignored == 1


def test_a_base_may_have_a_prefix(example):
    section = '[[rdf]]\nfile = "more.ttl"\nbase = "ex:deep/"\n'
    graph = example(MAPPING + section, more_ttl=PREFIX + "ex:emma ex:in <here> .").graph
    assert ends(graph, ("item", "in", "entity")) == [("ex:emma", "ex:deep/here")]


def test_a_folder_of_files(example):
    toml = MAPPING.replace('"catalogue.ttl"', '["catalogue.ttl", "more"]')
    graph = example(toml, **{"more/a_ttl": PREFIX + "ex:emma ex:set_in ex:highbury ."}).graph
    assert ("item", "set_in", "entity") in graph.edges


def test_sections_share_their_placing_rules(example):
    section = '[[rdf]]\nfile = "more.ttl"\ndefault_type = "thing"\n'
    more = PREFIX + "ex:emma ex:set_in ex:highbury . ex:box a ex:Film ."
    graph = example(MAPPING + section, more_ttl=more).graph
    assert ends(graph, ("item", "set_in", "thing")) == [("ex:emma", "ex:highbury")]
    assert "ex:box" in graph.items.vocab


def test_sections_that_contradict_each_other_are_an_error(example):
    section = '[[rdf]]\nfile = "more.ttl"\n[rdf.types]\n"ex:Book" = { type = "person" }\n'
    with pytest.raises(ConfigError, match="'ex:Book' is given two meanings"):
        example(MAPPING + section, more_ttl=PREFIX)


def test_interactions_may_come_from_rdf(example):
    likes = PREFIX + "ex:ann a ex:User ; ex:likes ex:emma , ex:clueless ."
    toml = (
        MAPPING[MAPPING.index("[[rdf]]") :]
        .replace('"catalogue.ttl"', '["catalogue.ttl", "likes.ttl"]')
        .replace("[rdf.types]", '[rdf.types]\n"ex:User" = { type = "user" }')
    )
    graph = example('[interactions]\nrelation = "likes"\n' + toml, likes_ttl=likes).graph
    assert ends(graph, graph.interactions) == [("ex:ann", "ex:clueless"), ("ex:ann", "ex:emma")]
    assert graph.user_mask("films").tolist() == [True]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(st.sampled_from([*FACTS.splitlines(), "", "# note", '"', "<a> <b> <c> ."])))
@pytest.mark.parametrize("otherwise", [True, False])
def test_lines_in_are_triples_loaded_plus_rejected(tmp_path, otherwise, lines):
    toml = TWO_FILES if otherwise else TWO_FILES.replace('otherwise = "product"\n', "")
    files = {"m.toml": toml, "items.csv": ITEMS, "likes.csv": SHOP_LIKES}
    for name, content in {**files, "facts.nt": "\n".join(lines)}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")

    imported = import_graph(tmp_path / "m.toml")

    (rdf,) = [account for account in imported.accounts if account.file == "facts.nt"]
    assert rdf.rows == sum(bool(line) and not line.startswith("#") for line in lines)
    assert rdf.rows == rdf.loaded + rdf.rejected
    assert rdf.rejected == imported.rejects.num_rows
    edges = sum(
        len(edges) for name, edges in imported.graph.edges.items() if name[1] != "interacts"
    )
    literals = sum('"' in line and line != '"' for line in lines) if otherwise else 0
    if otherwise:
        assert edges + literals == rdf.loaded - rdf.merged


@pytest.mark.parametrize("key", ["title", "text", "attributes", "ignore", "relations", "base"])
def test_a_name_without_its_prefix_says_in_which_key_it_is(run, write, key):
    write("facts.nt", "")
    ends = '[interactions]\nuser = "entity"\nitem = "entity"\n'
    with pytest.raises(ConfigError, match=rf"rdf\.{key}: 'exx:a' is neither .* declare it in"):
        run(f'[[rdf]]\nfile = "facts.nt"\n{key} = "exx:a"\n{ends}')
