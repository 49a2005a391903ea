import pytest

MAPPING = """
[[crosswalk]]
file = "accounts.csv"
type = "user"
{}

[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "shop"

[[edges]]
file = "books.csv"
relation = "interacts"
src = {{ type = "user", column = "user", space = "books", create = true }}
dst = {{ type = "item", column = "item" }}

[[edges]]
file = "films.csv"
relation = "interacts"
src = {{ type = "user", column = "user", space = "films", create = true }}
dst = {{ type = "item", column = "item" }}
"""
SPACES = 'spaces = { books = "book", films = "film" }'


@pytest.fixture
def meet(write, run):
    write("items.csv", "id,shop\nb,books\nf,films\n")
    write("books.csv", "user,item\n1,b\n2,b\n3,b\n")
    write("films.csv", "user,item\n1,f\n2,f\n9,f\n")

    def make(accounts, keys=SPACES):
        write("accounts.csv", accounts)
        imported = run(MAPPING.format(keys))
        users = imported.graph.users
        both = users.domains.all(axis=1).tolist()
        return dict(zip(users.vocab.ids.to_pylist(), both, strict=True)), imported

    return make


def test_the_same_id_in_two_spaces_is_two_users_unless_the_crosswalk_says_so(meet):
    users, imported = meet("book,film\n1,2\n,7\n")
    assert users == {
        "books:1": True,  # films:2 as well
        "books:2": False,
        "books:3": False,
        "films:1": False,
        "films:9": False,
    }
    first = imported.accounts[0]
    assert (first.section, first.rows, first.loaded) == ("crosswalk[0]", 2, 2)


def test_a_person_may_have_several_accounts(meet):
    users, _ = meet("book,film\n1,2\n1,9\n3,9\n")
    assert users == {"books:1": True, "books:2": False, "films:1": False}


def test_a_column_may_name_the_person(meet):
    users, imported = meet("who,book,film\nann,1,2\nbob,1,1\n,2,9\n", SPACES + '\nid = "who"')
    assert users["ann"] is True
    assert set(users) == {"ann", "books:2", "books:3", "films:1", "films:9"}
    assert [(row["line"], row["reason"]) for row in imported.rejects.to_pylist()] == [
        (3, "says that two ids of the graph are the same"),
        (4, "who is empty"),
    ]


def test_rows_without_any_id_are_rejected(meet):
    _, imported = meet("book,film\n , \n")
    assert imported.rejects["reason"].to_pylist() == ["book and film is empty"]
