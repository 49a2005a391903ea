"""The example that ships: its facts hold together, and its people are what the simulator makes."""

import csv
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyoxigraph
import pytest
import rdflib

FOLDER = Path(__file__).parents[2] / "examples" / "books-and-films"
EX = "https://example.org/vocabulary/"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment"
DOMAINS = {f"{EX}Book": "books", f"{EX}Film": "films"}
CLASSES = {
    "author": "Person",
    "director": "Person",
    "screenwriter": "Person",
    "based_on": "Book",
    "genre": "Genre",
    "country": "Country",
    "series": "Series",
    "setting": "Place|Period",
}


@pytest.fixture(scope="module")
def facts():
    """Every subject's predicates and the list of their values."""
    facts = defaultdict(lambda: defaultdict(list))
    for subject, predicate, value, _ in pyoxigraph.parse(path=FOLDER / "catalogue.ttl"):
        facts[subject.value][predicate.value].append(value.value)
    return {subject: dict(fact) for subject, fact in facts.items()}


@pytest.fixture(scope="module")
def works(facts):
    """The same, of books and films only."""
    return {iri: fact for iri, fact in facts.items() if fact[TYPE][0] in DOMAINS}


@pytest.fixture(scope="module")
def rows():
    """The rows of interactions.csv."""
    with (FOLDER / "interactions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def work_id(iri):
    return ":".join(iri.rsplit("/", 2)[1:])


def test_two_parsers_read_the_same_catalogue():
    path = FOLDER / "catalogue.ttl"
    triples = {
        (quad.subject.value, quad.predicate.value, quad.object.value)
        for quad in pyoxigraph.parse(path=path)
    }
    graph = rdflib.Graph().parse(path)
    assert {tuple(map(str, triple)) for triple in graph} == triples


def test_nothing_is_said_twice():
    # a second block for an id would quietly merge two works
    quads = list(pyoxigraph.parse(path=FOLDER / "catalogue.ttl"))
    assert len(quads) == len(set(quads))
    labels = Counter(quad.subject.value for quad in quads if quad.predicate.value == LABEL)
    assert set(labels.values()) == {1}


def test_there_are_200_of_each(works):
    count = Counter(DOMAINS[fact[TYPE][0]] for fact in works.values())
    assert count["books"] >= 200
    assert count["films"] >= 200


def test_every_work_is_complete(works):
    for iri, fact in works.items():
        assert len(fact[TYPE]) == len(fact[LABEL]) == len(fact[COMMENT]) == 1, iri
        assert len(fact[f"{EX}year"]) == 1, iri
        assert 1000 < int(fact[f"{EX}year"][0]) < 2030, iri
        assert 1 <= len(fact[f"{EX}genre"]) <= 3, iri
        maker = "author" if DOMAINS[fact[TYPE][0]] == "books" else "director"
        assert fact[EX + maker], iri
        assert len(fact.get(f"{EX}series", [])) <= 1, iri


def test_no_film_is_older_than_film(works):
    years = [int(fact[f"{EX}year"][0]) for fact in works.values() if f"{EX}director" in fact]
    assert min(years) >= 1895


def test_every_comment_is_one_sentence_of_its_own(works):
    comments = [fact[COMMENT][0] for fact in works.values()]
    assert len(set(comments)) == len(comments)
    for comment in comments:
        assert re.fullmatch(r"[A-Z0-9][^.!?]*\.", comment), comment
        assert 8 <= len(comment.split()) <= 25, comment


def test_every_iri_leads_to_something_described(facts, works):
    wanted = {EX + name: classes.split("|") for name, classes in CLASSES.items()}
    for iri, fact in works.items():
        assert set(fact) <= {TYPE, LABEL, COMMENT, f"{EX}year", *wanted}, iri
        for predicate in wanted.keys() & fact.keys():
            for value in fact[predicate]:
                assert facts[value][TYPE][0].removeprefix(EX) in wanted[predicate], (iri, value)
                assert facts[value][LABEL][0], value


def test_everything_described_is_used(facts, works):
    used = {value for fact in works.values() for values in fact.values() for value in values}
    assert [iri for iri in facts if iri not in works and iri not in used] == []


def test_people_and_other_entities_have_one_name_each(facts, works):
    named = Counter((f[TYPE][0], f[LABEL][0]) for iri, f in facts.items() if iri not in works)
    assert [name for name, count in named.items() if count > 1] == []


def test_films_adapt_books_that_were_there_before(facts, works):
    links = [(iri, book) for iri, fact in works.items() for book in fact.get(f"{EX}based_on", [])]
    assert len(links) >= 70
    for film, book in links:
        assert facts[film][TYPE] == [f"{EX}Film"], film
        assert facts[book][TYPE] == [f"{EX}Book"], book
        assert int(facts[film][f"{EX}year"][0]) >= int(facts[book][f"{EX}year"][0]), film


def test_the_domains_share_people_and_genres(works):
    def used(domain, *names):
        return {
            value
            for fact in works.values()
            if DOMAINS[fact[TYPE][0]] == domain
            for name in names
            for value in fact.get(EX + name, [])
        }

    assert len(used("books", "author") & used("films", "director", "screenwriter")) >= 40
    genres = used("books", "genre"), used("films", "genre")
    assert len(genres[0] & genres[1]) >= 0.9 * len(genres[0] | genres[1])


def test_the_simulator_writes_the_shipped_file(tmp_path):
    out = tmp_path / "interactions.csv"
    subprocess.run([sys.executable, FOLDER / "simulate.py", "--out", out], check=True)
    assert out.read_bytes() == (FOLDER / "interactions.csv").read_bytes()


def test_another_seed_gives_other_people(tmp_path):
    out = tmp_path / "interactions.csv"
    options = ["--seed", "8", "--people", "30", "--out", out]
    subprocess.run([sys.executable, FOLDER / "simulate.py", *options], check=True)
    lines = out.read_text(encoding="utf-8").splitlines()
    shipped = (FOLDER / "interactions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == shipped[0]
    assert not set(lines[1:]) & set(shipped)
    assert len({line.split(",")[0] for line in lines[1:]}) == 30


def test_people_use_known_works_once(works, rows):
    domain = {work_id(iri): DOMAINS[fact[TYPE][0]] for iri, fact in works.items()}
    assert {row["work"] for row in rows} <= domain.keys()
    assert all(domain[row["work"]] == row["domain"] for row in rows)
    pairs = Counter((row["person"], row["work"]) for row in rows)
    assert set(pairs.values()) == {1}


def test_people_are_active_in_one_domain_or_both(rows):
    counts = defaultdict(Counter)
    for row in rows:
        counts[row["person"]][row["domain"]] += 1
    assert len(counts) == 900
    assert 0.35 < sum(len(count) == 2 for count in counts.values()) / len(counts) < 0.55
    assert all(5 <= n <= 25 for count in counts.values() for n in count.values())


def test_ratings_are_mostly_good_and_days_are_in_order(rows):
    ratings = [int(row["rating"]) for row in rows]
    assert set(ratings) <= {1, 2, 3, 4, 5}
    assert sum(rating >= 3 for rating in ratings) / len(ratings) > 0.9
    order = [(int(row["person"].rpartition("-")[2]), int(row["day"])) for row in rows]
    assert order == sorted(order)
    assert all(0 <= day < 730 for _, day in order)


def test_who_loved_a_book_saw_its_film(works, rows):
    book_of = {
        work_id(iri): work_id(fact[f"{EX}based_on"][0])
        for iri, fact in works.items()
        if f"{EX}based_on" in fact
    }
    history = defaultdict(dict)
    for row in rows:
        history[row["person"]][row["work"]] = int(row["day"])
    watchers = {row["person"] for row in rows if row["domain"] == "films"}
    readers = {row["person"] for row in rows if row["domain"] == "books"}
    seen = {True: [], False: []}
    for person in watchers & readers:
        for film, book in book_of.items():
            seen[book in history[person]].append(film in history[person])
            if {film, book} <= history[person].keys():
                assert history[person][book] <= history[person][film]
    assert sum(seen[True]) / len(seen[True]) > 5 * sum(seen[False]) / len(seen[False])


def test_taste_carries_over_from_books_to_films(rows):
    """Readers of the same books tell more about a person's films than popularity does."""
    people = sorted({row["person"] for row in rows})
    works = sorted({row["work"] for row in rows})
    used = np.zeros((len(people), len(works)))
    for row in rows:
        used[people.index(row["person"]), works.index(row["work"])] = 1
    is_book = np.array([work.startswith("book:") for work in works])
    books, films = used[:, is_book], used[:, ~is_book]
    both = np.flatnonzero(books.any(axis=1) & films.any(axis=1))
    cold, known = both[::5], np.setdiff1d(np.arange(len(people)), both[::5])

    profile = books * np.log(len(people) / (1 + books.sum(axis=0)))
    profile /= np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-9)
    neighbours = profile[cold] @ profile[known].T @ films[known]
    popularity = np.tile(films[known].sum(axis=0), (len(cold), 1))

    def hits(score):
        best = np.argsort(-score, axis=1, kind="stable")[:, :10]
        return np.take_along_axis(films[cold], best, axis=1).sum(axis=1).mean()

    assert 1.3 * hits(popularity) < hits(neighbours) < 5


def test_the_mapping_names_every_prefix_and_class_of_the_catalogue(facts):
    mapping = tomllib.loads((FOLDER / "graph.toml").read_text(encoding="utf-8"))["rdf"][0]
    text = (FOLDER / "catalogue.ttl").read_text(encoding="utf-8")
    declared = dict(re.findall(r"^@prefix (\w+): +<(.+)> \.$", text, flags=re.MULTILINE))
    del declared["rdfs"]  # known to every mapping
    assert mapping["prefixes"] == declared
    classes = {"ex:" + fact[TYPE][0].removeprefix(EX) for fact in facts.values()}
    assert mapping["types"].keys() == classes


def test_the_readme_quotes_the_catalogue_and_counts_right(works, rows):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    catalogue = (FOLDER / "catalogue.ttl").read_text(encoding="utf-8")
    quoted = re.search(r"```turtle\n(.*?)```", readme, flags=re.DOTALL)
    assert quoted is not None
    assert all(entry.strip() in catalogue for entry in quoted[1].split("\n\n"))
    count = Counter(DOMAINS[fact[TYPE][0]] for fact in works.values())
    links = sum(f"{EX}based_on" in fact for fact in works.values())
    years = [int(fact[f"{EX}year"][0]) for fact in works.values()]
    countries = {value for fact in works.values() for value in fact.get(f"{EX}country", [])}
    for claim in (
        f"{count['books']} books and {count['films']} films",
        f"{links} links",
        f"{len(rows):,} rows",
        f"{min(years)} to {max(years)}",
        f"{len(countries)} countries",
    ):
        assert claim in readme.replace("\n", " ")
    assert f"{count['books']} books and {count['films']} films" in catalogue
