import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import isthmus
from kg.errors import InputError
from kg.mapping import read_mapping
from kg.start.look import start
from kg.start.rdf_sample import RDF_TYPE
from training.config import load_job

ITEMS = "id,title,shop,pages\n" + "".join(
    f"{'fb'[i % 2]}{i},A title of number {i},{('films', 'books')[i % 2]},{i * 7 % 300}\n"
    for i in range(60)
)


def ratings(items, *, users=30, seed=0, header="user,item,stars,day\n"):
    draw = random.Random(seed)
    return header + "".join(
        f"u{draw.randrange(users)},{draw.choice(items)},{1 + i % 5},2024-03-0{1 + i % 9}\n"
        for i in range(300)
    )


def ids(text):
    return [line.split(",")[0] for line in text.splitlines()[1:]]


@pytest.fixture
def shop(put):
    return put("items.csv", ITEMS), put("ratings.csv", ratings(ids(ITEMS)))


def test_two_tables(begin, shop):
    found, imported = begin(*shop)
    mapping = found.mapping
    assert 'domain_column = "shop"' in mapping
    assert 'text = "title"' in mapping
    assert 'attributes = "pages"' in mapping
    assert 'weight = "stars"' in mapping
    assert 'time = "day"' in mapping
    assert imported.graph.domains == ("books", "films")
    assert imported.rejects.num_rows == 0
    assert len(imported.graph.items) == 60


def test_the_order_of_files_and_their_names_do_not_matter(begin, put):
    items = put("x1.csv", ITEMS)
    found, imported = begin(put("x2.csv", ratings(ids(ITEMS))), items)
    assert len(imported.graph.items) == 60
    assert len(found.plan.edges) == 1


def test_the_job_names_a_target_that_the_graph_has(begin, shop, tmp_path):
    _, imported = begin(*shop)
    job = load_job(tmp_path / "job.toml", ())
    assert {job.task.target, *job.task.sources} == set(imported.graph.domains)


def test_nothing_is_overwritten_unless_it_is_said(shop, tmp_path):
    (tmp_path / "job.toml").write_text("mine")
    with pytest.raises(InputError, match=r"job.toml exists: --force"):
        start(shop, tmp_path)
    assert not (tmp_path / "mapping.toml").exists()
    start(shop, tmp_path, force=True)
    assert "mine" not in (tmp_path / "job.toml").read_text()


def test_a_folder_elsewhere_names_the_files_by_their_paths(shop, tmp_path):
    start(shop, tmp_path / "one" / "two")
    assert read_mapping(tmp_path / "one" / "two" / "mapping.toml").nodes[0].file == (
        str(tmp_path / "items.csv"),
    )
    start(shop, tmp_path / "one")
    assert read_mapping(tmp_path / "one" / "mapping.toml").nodes[0].file == ("../items.csv",)


def test_splits_are_no_part_of_the_graph(begin, shop, put):
    cold = put("cold-users-in-films.tsv", "user\tpart\nu1\tvalid\nu2\ttest\nu3\ttest\n")
    items = put("cold-items-in-films.tsv", "item\tpart\nf0\tvalid\nf2\ttest\nf4\ttest\n")
    found, imported = begin(*shop, cold, items)
    assert {left.path for left in found.plan.left_out} == {cold, items}
    assert len(imported.accounts) == 2
    assert 'cold_users = "cold-users-in-films.tsv"' in found.job
    assert 'cold_items = "cold-items-in-films.tsv"' in found.job
    assert 'target = "films"' in found.job


def test_parts_of_one_table_are_read_together(begin, put):
    items = put("items.csv", ITEMS)
    train = put("train.csv", ratings(ids(ITEMS), seed=1))
    test = put("test.csv", ratings(ids(ITEMS), seed=2))
    found, imported = begin(items, train, test)
    assert [len(edges.tables) for edges in found.plan.edges] == [2]
    assert len(imported.accounts) == 3


def test_a_catalogue_and_a_table_of_each_domain(begin, put):
    books = "book_id,title\n" + "".join(f"b{i},Book number {i} of many\n" for i in range(40))
    films = "film_id,title\n" + "".join(f"f{i},Film number {i} of many\n" for i in range(40))
    paths = [put("books.csv", books), put("films.csv", films)]
    paths.append(
        put("ratings_books.csv", ratings(ids(books), header="user_id,book_id,stars,day\n"))
    )
    paths.append(
        put("ratings_films.csv", ratings(ids(films), header="user_id,film_id,stars,day\n"))
    )
    _, imported = begin(*paths)
    assert imported.graph.domains == ("books", "films")
    assert imported.rejects.num_rows == 0
    assert len(imported.graph.items) == 80


def test_numbers_as_ids_are_told_apart_by_names(begin, put):
    movies = "movieId,title,genres\n" + "".join(
        f"{i},Movie of number {i} (1999),{'Drama' if i % 3 else 'Comedy'}\n" for i in range(1, 200)
    )
    people = "userId,age\n" + "".join(f"{i},{20 + i % 50}\n" for i in range(1, 100))
    draw = random.Random(0)
    events = "userId,movieId,rating,timestamp\n" + "".join(
        f"{draw.randrange(1, 100)},{draw.randrange(1, 200)},{1 + i % 9 / 2},{964982703 + i}\n"
        for i in range(2000)
    )
    found, imported = begin(
        put("movies.csv", movies), put("users.csv", people), put("ratings.csv", events)
    )
    edges = found.plan.edges[0]
    assert (edges.src.column, edges.dst.column) == ("userId", "movieId")
    assert (edges.weight, edges.time) == ("rating", "timestamp")
    assert {nodes.type: nodes.id for nodes in found.plan.nodes} == {
        "item": "movieId",
        "user": "userId",
    }
    assert imported.rejects.num_rows == 0


def test_without_a_table_of_items_the_interactions_name_them(begin, put):
    events = "user\titem\tdomain\n" + "".join(
        f"u{i % 23}\t{'b' if i % 2 else 'f'}{i % 34}\t{'books' if i % 2 else 'films'}\n"
        for i in range(400)
    )
    found, imported = begin(put("interactions.tsv", events))
    assert imported.graph.domains == ("books", "films")
    assert "no table has these items" in found.mapping
    assert len(imported.graph.items) == 34


def test_tables_that_say_more_of_items(begin, shop, put):
    texts = "id,description\n" + "".join(f"{i},Long words about {i} here\n" for i in ids(ITEMS))
    people = "code,name\n" + "".join(f"a{i},Author {i}\n" for i in range(9))
    wrote = "item,author\n" + "".join(
        f"{item},a{n % 9}\n" for n, item in enumerate(ids(ITEMS)) for _ in (0, 1)
    )
    found, imported = begin(
        *shop, put("texts.csv", texts), put("authors.csv", people), put("wrote.csv", wrote)
    )
    graph = imported.graph
    described = graph.items.attributes["description"].to_pylist()
    assert sorted(described)[0] == "Long words about b1 here"
    assert "A title of number 1" in graph.items.text.to_pylist()
    assert len(graph.nodes["author"]) == 9
    assert len(graph.edges["item", "author", "author"]) == 60
    assert found.plan.left_out == []


def test_what_nothing_links_is_left_out_with_a_reason(begin, shop, put):
    found, _ = begin(
        *shop,
        put("weather.csv", "station,celsius\nnorth,3.5\nsouth,9.25\n"),
        put("empty.csv", ""),
        put("blob.bin", "\0\1\2"),
        put("numbers.csv", "1,2\n3,4\n"),
    )
    why = {left.path.name: left.why for left in found.plan.left_out}
    assert "nothing links it" in why["weather.csv"]
    assert why["empty.csv"] == "it is empty"
    assert "none that import reads" in why["blob.bin"]
    assert "no header" in why["numbers.csv"]


def test_every_format_of_tables(begin, put, tmp_path):
    header, *rows = (line.split(",") for line in ITEMS.splitlines())
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(header)})
    pq.write_table(table, tmp_path / "items.parquet")
    lines = ratings(ids(ITEMS)).splitlines()
    names = lines[0].split(",")
    events = "".join(
        json.dumps(dict(zip(names, r.split(","), strict=True))) + "\n" for r in lines[1:]
    )
    _, imported = begin(tmp_path / "items.parquet", put("events.jsonl.gz", events))
    assert len(imported.graph.items) == 60
    assert imported.rejects.num_rows == 0


def test_another_delimiter_and_a_name_that_says_nothing(begin, put):
    items = put("items.csv", ITEMS.replace(",", ";"))
    found, imported = begin(items, put("u.data", ratings(ids(ITEMS)).replace(",", "\t")))
    assert 'delimiter = ";"' in found.mapping
    assert 'format = "tsv"' in found.mapping
    assert imported.rejects.num_rows == 0


def test_rdf_about_items_of_tables(begin, shop, put):
    triples = "".join(
        f"<https://shop.example/dp/{item}> <http://ex.org/v#by> <http://ex.org/maker/{n % 5}> .\n"
        for n, item in enumerate([*ids(ITEMS), "x1", "x2", "x3"])
    )
    triples += "".join(
        f'<http://ex.org/maker/{n}> <http://www.w3.org/2000/01/rdf-schema#label> "Maker {n}" .\n'
        f"<http://ex.org/maker/{n}> <{RDF_TYPE}> <http://ex.org/v#Maker> .\n"
        for n in range(5)
    )
    found, imported = begin(*shop, put("facts.nt", triples))
    graph = imported.graph
    assert 'prefix = "https://shop.example/dp/"' in found.mapping
    assert {kind: len(nodes) for kind, nodes in graph.nodes.items()} == {
        "item": 60,
        "user": 30,
        "maker": 5,
        "entity": 3,
    }
    assert graph.nodes["maker"].title.to_pylist()[0].startswith("Maker")
    assert len(graph.edges["item", "by", "maker"]) == 60


def test_items_that_only_rdf_describes(begin, put):
    turtle = (
        "@prefix ex: <http://ex.org/> .\n@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    )
    turtle += "".join(
        f'ex:{kind}{i} a ex:{kind} ; rdfs:label "{kind} {i}" ; ex:year {i} ; ex:by ex:p{i % 3} .\n'
        for kind in ("Book", "Film")
        for i in range(20)
    )
    turtle += "".join(f'ex:p{i} a ex:Person ; rdfs:label "Person {i}" .\n' for i in range(3))
    draw = random.Random(0)
    works = [f"ex:{kind}{i}" for kind in ("Book", "Film") for i in range(18)]
    events = ratings(works, header="person,work,stars,day\n", seed=draw.randrange(9))
    found, imported = begin(put("works.ttl", turtle), put("events.csv", events))
    assert imported.graph.domains == ("book", "film")
    assert {kind: len(nodes) for kind, nodes in imported.graph.nodes.items()} == {
        "item": 40,
        "person": 3,
        "user": 30,
    }
    assert 'attributes = "ex:year"' in found.mapping
    assert imported.rejects.num_rows == 0


def test_whole_iris_in_interactions(begin, put):
    dbr = "http://dbpedia.org/resource/"
    triples = "".join(
        f"<{dbr}Band_{i}> <http://dbpedia.org/ontology/genre> <{dbr}G{i % 4}> .\n"
        for i in range(50)
    )
    events = ratings(
        [f"{dbr}Band_{i}" for i in range(45)],
        header="user,artist,plays,day\n",
    )
    found, imported = begin(put("facts.nt", triples), put("listens.csv", events))
    assert "strip = false" in found.mapping
    assert "name_from_iri = true" in found.mapping
    assert len(imported.graph.items) == 45
    assert "Band 1" in imported.graph.items.title.to_pylist()


def test_what_is_missing_is_said(put, tmp_path):
    found = start([put("items.csv", ITEMS)], tmp_path)
    assert "no file says who used what" in found.plan.missing
    assert "# NOT COMPLETE" in (tmp_path / "mapping.toml").read_text()
    with pytest.raises(InputError, match="no file that can be imported"):
        start([put("nothing.csv", "")], tmp_path, force=True)
    with pytest.raises(InputError, match="is missing"):
        start([tmp_path / "no.csv"], tmp_path, force=True)


def test_odd_names_are_written_as_toml(begin, put):
    items = put('it "em"s.csv', ITEMS.replace("title", 'ti"tle\\').replace("shop", "shop #1 \x7f"))
    _, imported = begin(items, put("ratings.csv", ratings(ids(ITEMS))))
    assert imported.graph.domains == ("books", "films")


def test_damaged_rdf_is_left_out(begin, shop, put):
    found, _ = begin(
        *shop, put("bad.ttl", "@prefix ex: <http://ex.org/> .\nex:a ex:b ex:c .\nex:a ex:b [ .\n")
    )
    assert [left.path.name for left in found.plan.left_out] == ["bad.ttl"]


def test_the_command_says_what_each_file_was_taken_for(shop, put, tmp_path):
    weather = put("weather.csv", "station,celsius\nnorth,3.5\nsouth,9.25\n")
    arguments = ["init", *map(str, (*shop, weather)), "--out", str(tmp_path)]
    result = CliRunner().invoke(isthmus.app, arguments)
    assert result.exit_code == 0, result.output
    assert "items.csv" in result.output
    assert "left out" in result.output
    assert f"isthmus import {tmp_path / 'mapping.toml'} --check" in result.output
    again = CliRunner().invoke(isthmus.app, arguments)
    assert again.exit_code == 1
    assert "--force" in again.output
