"""User 17 of one shop and user 17 of another: one person or two."""

import random

import pytest

from kg.importer import import_graph


def catalogue(kind):
    return f"{kind}_id,title\n" + "".join(
        f"{kind[0]}{i},A {kind} of number {i}\n" for i in range(60)
    )


def used(kind, users, seed):
    draw = random.Random(seed)
    rows = [f"{user},{kind[0]}{item}" for user in users for item in draw.sample(range(60), 5)]
    return f"user_id,{kind}_id,stars\n" + "".join(
        f"{row},{1 + n % 5}\n" for n, row in enumerate(rows)
    )


@pytest.fixture
def shops(put):
    def write(books, films):
        return [
            put("books.csv", catalogue("book")),
            put("films.csv", catalogue("film")),
            put("ratings_books.csv", used("book", books, 1)),
            put("ratings_films.csv", used("film", films, 2)),
        ]

    return write


def spaces(found):
    return [edges.src.space for edges in found.plan.edges]


@pytest.mark.parametrize("begins", ["", "u", "user-"])
def test_two_that_count_their_users_have_other_users(begin, shops, begins):
    found, imported = begin(
        *shops([f"{begins}{i}" for i in range(1, 90)], [f"{begins}{i}" for i in range(1, 60)])
    )
    assert sorted(spaces(found)) == ["books", "films"]
    assert len(imported.graph.users) == 89 + 59
    assert imported.rejects.num_rows == 0
    text = " ".join(found.mapping.replace("\n# ", " ").split())
    assert "user ids are small numbers: 59 seen are in ratings_films.csv" in text
    assert "delete each `space`" in text


def test_without_the_spaces_they_are_the_same(begin, shops, tmp_path):
    found, _ = begin(*shops(range(1, 90), range(1, 60)))
    mapping = tmp_path / "joined.toml"
    text = found.mapping.replace(', space = "books"', "").replace(', space = "films"', "")
    mapping.write_text(text)
    assert len(import_graph(mapping).graph.users) == 89


@pytest.mark.parametrize(
    "name",
    ["A{:013X}", "ann{}@example.org", "{:032x}", "https://example.org/people/{}"],
)
def test_ids_that_are_global_stay_joined(begin, shops, name):
    draw = random.Random(0)
    people = [name.format(draw.randrange(10**12, 10**13)) for _ in range(120)]
    found, imported = begin(*shops(people[:80], people[40:]))
    assert spaces(found) == [None, None]
    assert len(imported.graph.users) == 120
    assert "40 user ids seen are in ratings_books.csv and ratings_films.csv" in found.mapping


def test_more_equal_numbers_than_by_chance_are_the_same_people(begin, shops):
    draw = random.Random(0)
    people = draw.sample(range(1, 1_000_000), 120)
    found, imported = begin(*shops(people[:80], people[40:]))
    assert spaces(found) == [None, None]
    assert len(imported.graph.users) == 120
    assert "taken for the same people" in found.mapping


def test_other_ids_need_no_space(begin, shops):
    found, _ = begin(*shops(range(1, 90), range(1000, 1090)))
    assert spaces(found) == [None, None]
    assert "people" not in found.mapping


def test_parts_of_one_table_are_of_one_shop(begin, put):
    events = used("book", range(1, 90), 1)
    found, imported = begin(
        put("books.csv", catalogue("book")),
        put("train.csv", events),
        put("test.csv", used("book", range(1, 90), 2)),
    )
    assert spaces(found) == [None]
    assert len(imported.graph.users) == 89


def test_parts_of_two_shops(begin, put, shops):
    more = put("test_books.csv", used("book", range(1, 90), 5))
    found, imported = begin(*shops(range(1, 90), range(1, 60)), more)
    assert sorted(spaces(found)) == ["books", "films"]
    assert len(imported.graph.users) == 89 + 59


def test_each_shop_has_a_table_of_users(begin, put, shops):
    people = "user_id,age\n" + "".join(f"{i},{20 + i % 50}\n" for i in range(1, 100))
    found, imported = begin(
        *shops(range(1, 90), range(1, 60)),
        put("users_books.csv", people),
        put("users_films.csv", people),
    )
    users = [nodes.space for nodes in found.plan.nodes if nodes.type == "user"]
    assert users == ["books", "films"]
    assert len(imported.graph.users) == 198
    assert imported.rejects.num_rows == 0


def test_one_table_of_users_is_one_space(begin, put, shops):
    people = "user_id,age\n" + "".join(f"{i},{20 + i % 50}\n" for i in range(1, 100))
    found, imported = begin(*shops(range(1, 90), range(1, 60)), put("users.csv", people))
    assert spaces(found) == [None, None]
    assert "since users.csv has them all" in " ".join(found.mapping.replace("\n# ", " ").split())
    assert len(imported.graph.users) == 99


def test_files_of_one_name_are_called_by_their_folders(begin, put, tmp_path):
    paths = []
    for kind in ("book", "film"):
        (tmp_path / f"{kind}shop").mkdir()
        paths.append(put(f"{kind}shop/{kind}s.csv", catalogue(kind)))
        paths.append(put(f"{kind}shop/ratings.csv", used(kind, range(1, 90), 3)))
    found, _ = begin(*paths)
    assert sorted(spaces(found)) == ["bookshop-ratings", "filmshop-ratings"]
