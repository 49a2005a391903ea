import json
from dataclasses import asdict

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import ConfigError, InputError
from kg.importer import import_graph
from kg.privacy.pseudonyms import pseudonyms
from kg.store import load_imported, save_graph
from kg.update import brings_news

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = ["title", "about"]
attributes = ["year", "size"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"
time = "when"
"""
ITEMS = """\
id,domain,title,about,year,size
b1,books,Emma,A novel,1815,
b2,books,Dune,,1965,"1, 2"
f1,films,Clueless,Clueless,1995,"3, 4"
"""
LIKES = """\
user,item,stars,when
ann,b1,4,3
ann,f1,5,4
bob,b2,2.5,1
"""


EDGES_BESIDE = """
[[edges]]
file = "items.csv"
relation = "interacts"
src = { type = "user", column = "domain", create = true }
dst = { type = "item", column = "id" }
weight = "year"
time = "year"
repeats = "REPEATS"
"""


@pytest.fixture
def add(write, tmp_path):
    """Import tables, into the graph folder if it is there, and return what was imported."""

    def run(items=ITEMS, likes=LIKES, mapping=MAPPING, check=False):
        write("items.csv", items)
        write("likes.csv", likes)
        folder = tmp_path / "graph"
        before = load_imported(folder) if folder.exists() else None
        imported = import_graph(write("mapping.toml", mapping), into=before)
        if not check and (before is None or brings_news(before, imported)):
            save_graph(imported, folder)
        return imported

    return run


def content(graph):
    """Return everything that is in a graph, as something that can be compared."""
    return {
        "domains": graph.domains,
        "interactions": graph.interactions,
        **{
            kind: (
                nodes.vocab.ids.to_pylist(),
                nodes.title.to_pylist(),
                nodes.text.to_pylist(),
                nodes.domains.tolist(),
                nodes.attributes.schema,
                nodes.attributes.to_pydict(),
            )
            for kind, nodes in graph.nodes.items()
        },
        **{
            kind: (
                edges.src.tolist(),
                edges.dst.tolist(),
                edges.weight.tolist(),
                None if edges.time is None else edges.time.tolist(),
            )
            for kind, edges in graph.edges.items()
        },
    }


def changes(imported, number=2):
    return {
        (change.of, change.what): change.count
        for change in imported.changes
        if change.import_number == number
    }


def stamps(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*")}


def test_the_same_again_changes_nothing_and_rewrites_nothing(add, tmp_path):
    first = add(likes=LIKES + "cid,nowhere,1,1\n")
    before = stamps(tmp_path / "graph")
    again = add(likes=LIKES + "cid,nowhere,1,1\n")
    assert content(again.graph) == content(first.graph)
    assert again.graph.fingerprint == first.graph.fingerprint
    assert again.changes == ()
    assert stamps(tmp_path / "graph") == before


def test_new_rows_are_added_and_old_ids_stay(add):
    add()
    items = "id,domain,title,about,year,size\na0,films,Alien,,1979,\n"
    grown = add(items, "user,item,stars,when\nann,a0,1,9\naaa,b1,3,2\n").graph
    assert grown.items.vocab.ids.to_pylist() == ["a0", "b1", "b2", "f1"]
    assert grown.items.title.to_pylist() == ["Alien", "Emma", "Dune", "Clueless"]
    assert grown.users.vocab.ids.to_pylist() == ["aaa", "ann", "bob"]
    edges = grown.interaction_edges
    pairs = zip(
        grown.users.vocab.to_ids(edges.src),
        grown.items.vocab.to_ids(edges.dst),
        edges.weight.tolist(),
        edges.time.tolist(),
        strict=True,
    )
    assert list(pairs) == [
        ("aaa", "b1", 3, 2),
        ("ann", "a0", 1, 9),
        ("ann", "b1", 4, 3),
        ("ann", "f1", 5, 4),
        ("bob", "b2", 2.5, 1),
    ]


def test_what_is_said_otherwise_is_an_update_and_is_reported(add, tmp_path):
    add()
    items = (
        "id,domain,title,about,year,size\n"
        "b1,films,Emma,A film,1996,\n"  # another text, year and a further domain
        "b2,,,,,\n"  # silent: what is known stays
    )
    imported = add(items, "user,item,stars,when\nann,b1,5,2\n")
    graph = imported.graph
    assert graph.items.text.to_pylist() == ["Emma. A film", "Dune", "Clueless"]
    assert graph.items.domains.tolist() == [[True, True], [True, False], [False, True]]
    assert graph.items.attributes.to_pydict()["year"] == [1996, 1965, 1995]
    assert changes(imported) == {
        ("item", "text"): 1,
        ("item", "domains"): 1,
        ("item", "year"): 1,
        ("user interacts item", "weight"): 1,
    }
    told = json.loads((tmp_path / "graph" / "changes.json").read_text())
    assert told == json.loads(json.dumps([asdict(change) for change in imported.changes]))
    examples = {row["what"]: row["examples"] for row in told}
    assert examples["text"] == [["b1", "Emma. A novel", "Emma. A film"]]
    assert examples["domains"] == [["b1", "books", "books, films"]]
    assert examples["year"] == [["b1", "1815", "1996"]]
    assert examples["weight"] == [["ann b1", "4", "5"]]
    assert load_imported(tmp_path / "graph").changes == imported.changes


def test_accounts_and_rejects_of_all_imports_are_kept(add, tmp_path):
    add(likes=LIKES + "cid,nowhere,1,1\n")
    add(likes=LIKES + "cid,nobody,1,1\ncid,b1,x,1\n")
    add(likes=LIKES + "dan,b1,1,1\n")
    found = load_imported(tmp_path / "graph")
    accounts = [
        (a.import_number, a.file, a.rows, a.loaded, a.rejected, a.merged) for a in found.accounts
    ]
    assert accounts == [
        (1, "items.csv", 3, 3, 0, 0),
        (1, "likes.csv", 4, 3, 1, 0),
        (2, "items.csv", 3, 3, 0, 0),
        (2, "likes.csv", 5, 3, 2, 3),
        (3, "items.csv", 3, 3, 0, 0),
        (3, "likes.csv", 4, 4, 0, 3),
    ]
    rejects = pq.read_table(tmp_path / "graph" / "rejects.parquet").to_pylist()
    assert [(row["import"], row["raw"]) for row in rejects] == [
        (1, "cid,nowhere,1,1"),
        (2, "cid,nobody,1,1"),
        (2, "cid,b1,x,1"),
    ]
    assert found.number == 3


def test_only_items_or_only_edges_may_come(add, write, tmp_path):
    add()
    edges_only = MAPPING[MAPPING.index("[[edges]]") :].replace(", create = true", "")
    grown = add(likes="user,item,stars,when\nbob,f1,1,1\ncid,f1,1,1\n", mapping=edges_only)
    assert len(grown.graph.interaction_edges) == 4
    assert grown.rejects["reason"].to_pylist() == ["unknown user"]
    nodes_only = MAPPING[: MAPPING.index("[[edges]]")]
    grown = add(items=ITEMS + "z9,films,Zelig,,1983,\n", mapping=nodes_only)
    assert grown.graph.items.vocab.ids.to_pylist() == ["b1", "b2", "f1", "z9"]
    assert grown.number == 3


def test_numbers_that_meet_words_become_words_as_in_one_import(add, write):
    add()
    grown = add(ITEMS + "b3,books,Ulysses,,unknown,5\n").graph
    assert (
        content(grown)["item"]
        == content(joint(write, ITEMS + "b3,books,Ulysses,,unknown,5\n"))["item"]
    )
    assert grown.items.attributes.to_pydict() == {
        "year": ["1815", "1965", "unknown", "1995"],
        "size": [None, "1, 2", "5", "3, 4"],
    }


def joint(write, items=ITEMS, likes=LIKES):
    write("joint/items.csv", items)
    write("joint/likes.csv", likes)
    return import_graph(write("joint/mapping.toml", MAPPING)).graph


def test_other_interactions_are_refused(add):
    add()
    with pytest.raises(ConfigError, match="the graph predicts 'user interacts item'; leave"):
        add(mapping="[interactions]\nrelation = 'likes'\n" + MAPPING.replace("interacts", "likes"))


def test_interactions_need_not_be_said_again(add):
    named = MAPPING.replace("interacts", "likes")
    add(mapping="[interactions]\nrelation = 'likes'\n" + named)
    assert add(mapping=named).graph.interactions == ("user", "likes", "item")


def test_a_graph_of_an_earlier_version_can_be_added_to(add, tmp_path):
    add()
    folder = tmp_path / "graph"
    (folder / "changes.json").unlink()
    for name, keys in (("schema.json", ("pseudonyms", "tables")), ("manifest.json", ())):
        told = json.loads((folder / name).read_text())
        for key in keys:
            del told[key]
        told.get("files", {}).pop("changes.json", None)
        told.get("files", {}).pop("schema.json", None)
        (folder / name).write_text(json.dumps(told))
    accounts = json.loads((folder / "accounts.json").read_text())
    for account in accounts:
        del account["import_number"]
    (folder / "accounts.json").write_text(json.dumps(accounts))
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["accounts.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert changes(add(likes=LIKES + "cid,b1,1,1\n"), 2) == {
        ("user", "new"): 1,
        ("user interacts item", "new"): 1,
    }


HIDDEN = '[pseudonymise]\ntypes = "user"\nkey_env = "SOME_KEY"\n'


def test_pseudonyms_stay_the_same_and_the_crosswalk_grows(add, monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_KEY", "k" * 32)
    hidden = HIDDEN + 'crosswalk = "users.csv"\n' + MAPPING
    add(mapping=hidden)
    grown = add(likes="user,item,stars,when\nann,b2,1,9\ncid,b1,3,2\n", mapping=hidden).graph
    named = pseudonyms(["ann", "bob", "cid"], "user", b"k" * 32)
    assert grown.users.vocab.ids.to_pylist() == sorted(named)
    rows = (tmp_path / "users.csv").read_text().splitlines()[1:]
    assert rows == [
        f'"user","{i}","{n}"' for i, n in zip(["ann", "bob", "cid"], named, strict=True)
    ]
    assert (tmp_path / "users.csv").stat().st_mode & 0o777 == 0o600


def test_another_key_or_none_is_refused(add, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "k" * 32)
    add(mapping=HIDDEN + MAPPING)
    with pytest.raises(ConfigError, match="the mapping needs the same \\[pseudonymise\\]"):
        add()
    items_only = MAPPING[: MAPPING.index("[[edges]]")]
    assert add(ITEMS + "z,films,Zelig,,,\n", mapping=items_only).pseudonyms.keys() == {"user"}
    monkeypatch.setenv("SOME_KEY", "x" * 32)
    with pytest.raises(ConfigError, match="everybody would be there twice"):
        add(mapping=HIDDEN + MAPPING)


def test_raw_ids_that_are_there_cannot_be_hidden_later(add, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "k" * 32)
    add()
    with pytest.raises(ConfigError, match="the graph has raw ids of 'user'; import all files anew"):
        add(mapping=HIDDEN + MAPPING)


def test_scrubbed_texts_are_no_changes(add):
    scrub = "[scrub]\nitem = 'text'\n" + MAPPING
    items = ITEMS.replace("A novel", "ask ann@example.org")
    add(items, mapping=scrub)
    again = add(items, mapping=scrub)
    assert again.graph.items.text[0].as_py() == "Emma. ask [e-mail]"
    assert again.changes == ()


@pytest.mark.parametrize(("repeats", "weights"), [("sum", [8, 5, 3]), ("count", [2, 1, 1])])
def test_a_file_that_is_added_up_counts_once(add, write, repeats, weights, tmp_path):
    mapping = MAPPING.replace('weight = "stars"', f'weight = "stars"\nrepeats = "{repeats}"')
    likes = "user,item,stars,when\nann,b1,4,3\nann,b1,4,3\nann,f1,5,4\nbob,b2,3,1\n"
    first = add(likes=likes, mapping=mapping)
    assert first.graph.interaction_edges.weight.tolist() == weights
    before = stamps(tmp_path / "graph")
    again = add(likes=likes, mapping=mapping)
    assert again.graph.interaction_edges.weight.tolist() == weights
    assert again.accounts[-1].merged == again.accounts[-1].loaded == 4
    assert stamps(tmp_path / "graph") == before
    grown = add(likes="user,item,stars,when\nann,b1,1,9\ncid,b1,7,9\n", mapping=mapping)
    more = [9, 5, 3, 7] if repeats == "sum" else [3, 1, 1, 1]
    assert grown.graph.interaction_edges.weight.tolist() == more


@pytest.mark.parametrize("repeats", ["sum", "count"])
def test_a_file_that_has_grown_is_not_added_up_again(add, repeats):
    mapping = MAPPING.replace('weight = "stars"', f'weight = "stars"\nrepeats = "{repeats}"')
    empty = mapping + EDGES_BESIDE.replace("REPEATS", repeats)
    add(likes="user,item,stars,when\n", mapping=empty)  # may grow: nothing was added up
    first = add(mapping=mapping)
    with pytest.raises(InputError, match=r"likes\.csv has grown: the rows in its first 56 bytes"):
        add(likes=LIKES + "cid,b1,1,9\n", mapping=mapping)
    assert add(mapping=mapping).graph.fingerprint == first.graph.fingerprint


def test_the_last_row_may_take_an_edge_of_the_graph_back(add):
    last = 'weight = "stars"\nrepeats = "last"\nat_least = 2'
    mapping = MAPPING.replace('weight = "stars"', last)
    add(mapping=mapping)
    imported = add(likes="user,item,stars,when\nann,b1,1,9\nann,f1,3,9\n", mapping=mapping)
    assert imported.graph.interaction_edges.weight.tolist() == [3, 2.5]
    edges = "user interacts item"
    assert changes(imported) == {(edges, "gone"): 1, (edges, "weight"): 1, (edges, "time"): 1}


def test_declared_texts_stay_texts(add):
    items = ITEMS.replace("1815", "007").replace("1965", "008").replace("1995", "009")
    declared = 'attributes = { year = "text", size = "text" }'
    add(items, mapping=MAPPING.replace('attributes = ["year", "size"]', declared))
    grown = add(mapping=MAPPING[MAPPING.index("[[edges]]") :], likes=LIKES + "cid,b1,1,1\n")
    assert grown.graph.items.attributes.to_pydict()["year"] == ["007", "008", "009"]
    assert set(changes(grown)) == {("user", "new"), ("user interacts item", "new")}


RDF = """
[[rdf]]
file = "a.ttl"
default_type = "entity"
prefixes = { ex = "http://e/" }
nodes = [{ prefix = "http://shop/", type = "item" }]
types = { "ex:Person" = { type = "person" } }
"""
TURTLE = """\
@prefix ex: <http://e/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix shop: <http://shop/> .
"""
FIRST = (
    TURTLE
    + """
ex:austen a ex:Person ; rdfs:label "Jane Austen" ; ex:lives [ ex:in ex:bath ] .
ex:bath rdfs:label "Bath" ; rdfs:comment "A city." .
shop:b1 ex:author ex:austen ; rdfs:comment "What RDF says of it." .
shop:b2 rdfs:comment "What RDF says of it." .
"""
)


@pytest.fixture
def add_rdf(add, write):
    def run(content):
        write("a.ttl", content)
        return add(mapping=MAPPING + RDF)

    return run


def test_the_same_rdf_again_changes_nothing(add_rdf, tmp_path):
    first = add_rdf(FIRST)
    before = stamps(tmp_path / "graph")
    again = add_rdf(FIRST)
    assert content(again.graph) == content(first.graph)
    assert stamps(tmp_path / "graph") == before
    assert (
        sum(node.startswith("_:") for node in first.graph.nodes["entity"].vocab.ids.to_pylist())
        == 1
    )


def test_rdf_finds_the_nodes_of_the_graph(add_rdf):
    add_rdf(FIRST)
    grown = add_rdf(TURTLE + "shop:f1 ex:author ex:austen . shop:z9 ex:author ex:austen .")
    edges = grown.graph.edges["item", "author", "person"]  # though its class is not said again
    assert grown.graph.items.vocab.to_ids(edges.src) == ["b1", "f1"]
    assert "ex:austen" not in grown.graph.nodes["entity"].vocab
    assert grown.rejects["reason"].to_pylist() == ["not in the catalogue"]


def test_rdf_adds_to_texts_and_a_new_title_changes_them(add_rdf):
    add_rdf(FIRST)
    later = """
    ex:austen rdfs:comment "A writer." .
    ex:bath rdfs:label "Bath, Somerset" .
    shop:b1 rdfs:label "Never read: tables come first" ; rdfs:comment "Nor this." .
    """
    grown = add_rdf(TURTLE + later)
    entities = grown.graph.nodes["entity"]
    bath = entities.vocab.index(["ex:bath"])[0]
    assert entities.title[bath].as_py() == entities.text[bath].as_py() == "Bath, Somerset"
    assert grown.graph.nodes["person"].text.to_pylist() == ["Jane Austen. A writer."]
    assert grown.graph.items.title[0].as_py() == "Emma"
    assert grown.graph.items.text[0].as_py() == "Emma. A novel"
    assert {key: count for key, count in changes(grown).items() if key[0] != "item"} == {
        ("entity", "title"): 1,
        ("entity", "text"): 1,
        ("person", "text"): 1,
    }
    assert add_rdf(TURTLE + later).changes == grown.changes


def test_blank_nodes_of_another_file_are_other_nodes(add_rdf):
    add_rdf(FIRST)
    grown = add_rdf(FIRST + " ")
    blank = [node for node in grown.graph.nodes["entity"].vocab.ids.to_pylist() if node[0] == "_"]
    assert len(blank) == 2


def test_names_from_iris_do_not_replace_what_is_known(add, write):
    write("a.ttl", FIRST)
    add(mapping=MAPPING + RDF)
    write("a.ttl", TURTLE + "shop:b2 ex:set_in ex:bath, ex:Lyme_Regis .")
    named = RDF.replace("[[rdf]]", "[[rdf]]\nname_from_iri = true")
    entities = add(mapping=MAPPING + named).graph.nodes["entity"]
    titles = dict(zip(entities.vocab.ids.to_pylist(), entities.title.to_pylist(), strict=True))
    assert titles["ex:bath"] == "Bath"
    assert titles["ex:Lyme_Regis"] == "Lyme Regis"


LINKS = """
[[links]]
source = "item"
target = "entity"
methods = ["exact"]
action = "edge"
relation = "about"
"""


def test_links_again_change_nothing(add, write, tmp_path):
    write("a.ttl", TURTLE + "ex:dune rdfs:label 'Dune' ; ex:by ex:herbert .")
    first = add(mapping=MAPPING + RDF + LINKS)
    assert len(first.graph.edges["item", "about", "entity"]) == 1
    before = stamps(tmp_path / "graph")
    again = add(mapping=MAPPING + RDF + LINKS)
    assert content(again.graph) == content(first.graph)
    assert stamps(tmp_path / "graph") == before
    write("a.ttl", TURTLE + "ex:emma rdfs:label 'Emma' .")
    grown = add(mapping=MAPPING + RDF + LINKS)
    assert len(grown.graph.edges["item", "about", "entity"]) == grown.links.num_rows == 2


names = st.sampled_from(["a", "b", "c", "d", "e", "é", "z z"])
rows_of_items = st.lists(st.tuples(names, st.booleans(), st.booleans()), max_size=8)
rows_of_likes = st.lists(
    st.tuples(names, st.sampled_from("abc"), st.integers(-3, 9), st.integers(0, 5)), max_size=8
)
CORE = [("a", True, True), ("b", False, True), ("c", True, False)]  # so that edges find items


def tables(items, likes):
    """Return tables whose rows never contradict each other."""
    table = ["id,domain,title,about,year,size"]
    for name, in_books, told in items:
        year = f"19{ord(name[0]) % 100:02}" if told else ""
        domain = "books" if in_books else "films"
        texts = f"Title of {name},About it" if told else ","
        table.append(f"{name},{domain},{texts},{year},")
    edges = [f"{user},{item},{stars / 2},{when}" for user, item, stars, when in likes]
    return "\n".join(table) + "\n", "\n".join(["user,item,stars,when", *edges]) + "\n"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows_of_items, rows_of_items, rows_of_likes, rows_of_likes)
def test_one_import_of_both_is_one_import_after_the_other(write, one, more, likes, more_likes):
    like = [("a", "a", 1, 1)]
    first = tables(CORE + one, like + likes)
    both = tables(CORE + one + more, like + likes + more_likes)
    write("items.csv", first[0])
    write("likes.csv", first[1])
    mapping = write("mapping.toml", MAPPING)
    before = import_graph(mapping)
    items, edges = tables(more, more_likes)
    write("items.csv", items)
    write("likes.csv", edges)
    after = import_graph(mapping, into=before)
    assert content(after.graph) == content(joint(write, *both))
    again = import_graph(mapping, into=after)
    assert content(again.graph) == content(after.graph)
    assert not brings_news(after, again)
