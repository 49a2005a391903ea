import pytest

from kg.errors import ConfigError, InputError

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
[[edges]]
file = "likes.csv"
relation = "interacts"
src = {{ type = "user", column = "user", create = true }}
dst = {{ type = "item", column = "item" }}
{}
"""


@pytest.fixture
def weigh(write, run):
    """Import rows; return edges with weight and time, rejects, and the account."""

    def make(likes, keys, head="user,item,stars,when"):
        write("items.csv", "id\na\nb\nc\n")
        write("likes.csv", head + "\n" + likes)
        imported = run(MAPPING.format(keys))
        graph, edges = imported.graph, imported.graph.interaction_edges
        users, items = graph.users.vocab.to_ids(edges.src), graph.items.vocab.to_ids(edges.dst)
        pairs = map("".join, zip(users, items, strict=True))
        times = [None] * len(edges) if edges.time is None else edges.time.tolist()
        found = dict(zip(pairs, zip(edges.weight.tolist(), times, strict=True), strict=True))
        rejects = [(row["line"], row["reason"]) for row in imported.rejects.to_pylist()]
        return found, rejects, imported.accounts[-1], graph

    return make


@pytest.mark.parametrize(
    ("keys", "weight"),
    [("", 4), ('repeats = "last"', 1), ('repeats = "sum"', 8), ('repeats = "count"', 3)],
)
def test_repeats_follow_their_rule(weigh, keys, weight):
    found, *_ = weigh("u,a,4,1\nu,a,1,9\nu,a,3,5\n", f'weight = "stars"\ntime = "when"\n{keys}')
    assert found == {"ua": (weight, 9)}


def test_counts_need_no_weight(weigh):
    assert weigh("u,a,,\nu,a,,\nv,a,,\n", 'repeats = "count"')[0] == {
        "ua": (2, None),
        "va": (1, None),
    }


def test_two_rules_for_the_same_edges_are_refused(weigh):
    again = (
        '[[edges]]\nfile = "likes.csv"\nrelation = "interacts"\nrepeats = "sum"\n'
        'src = { type = "user", column = "user" }\ndst = { type = "item", column = "item" }\n'
    )
    with pytest.raises(ConfigError, match="but an earlier section says 'max'"):
        weigh("u,a,,\n", again)


def test_a_row_below_the_threshold_is_no_edge_and_makes_no_user(weigh):
    found, rejects, account, graph = weigh(
        "u,a,4,\nu,b,3,\nv,a,1,\nu,c,x,\n", 'weight = "stars"\nat_least = 4'
    )
    assert found == {"ua": (4, None)}
    assert graph.users.vocab.ids.to_pylist() == ["u"]
    assert (account.rows, account.loaded, account.ignored, account.rejected) == (4, 3, 2, 1)
    assert rejects == [(5, "stars is not a finite number")]


def test_a_later_low_rating_takes_the_edge_back(weigh):
    keys = 'weight = "stars"\ntime = "when"\nat_least = 4\nrepeats = "last"'
    found, _, account, graph = weigh("u,a,5,1\nu,a,2,2\nv,a,2,1\nv,a,5,2\nw,b,1,1\n", keys)
    assert found == {"va": (5, 2)}
    assert graph.users.vocab.ids.to_pylist() == ["v"]
    assert account.loaded == 5 == account.merged + account.ignored + len(found)


def test_values_may_stand_for_weights(weigh):
    found, rejects, account, _ = weigh(
        "u,a,view,\nu,a,buy,\nu,b,view,\nu,c,hide,\n",
        'weight = "stars"\nweights = { view = 1, buy = 5, hide = 0 }\nat_least = 1',
    )
    assert found == {"ua": (5, None), "ub": (1, None)}
    assert (account.merged, account.ignored) == (1, 1)
    _, rejects, *_ = weigh("u,a,view,\nu,b,Buy,\n", 'weight = "stars"\nweights = { view = 1 }')
    assert rejects == [(3, "stars is none of the values in weights")]


@pytest.mark.parametrize(
    ("format", "text", "seconds"),
    [
        ("s", "86400", 86400),
        ("ms", "86400500", 86400.5),
        ("us", "86400000000", 86400),
        ("%d/%m/%Y %H:%M", "02/01/1970 01:00", 90000),
        ("%Y%m%d", "19700102", 86400),
        ("%d.%m.%Y %z", "02.01.1970 +0100", 82800),
    ],
)
def test_times_are_read_in_their_format(weigh, format, text, seconds):
    found, rejects, *_ = weigh(f"u,a,,{text}\nu,b,,x\n", f'time = "when"\ntime_format = "{format}"')
    assert found == {"ua": (1, seconds)}
    wanted = "not a finite number" if len(format) < 3 else f"not a time as in {format!r}"
    assert rejects == [(3, f"when is {wanted}")]


@pytest.mark.parametrize("key", ["at_least = 1", "weights = { a = 1 }", 'time_format = "s"'])
def test_a_key_without_its_column_is_an_error(weigh, key):
    with pytest.raises(ConfigError, match=f"{key.split()[0]} needs"):
        weigh("u,a,,\n", key)


def test_the_k_core_is_taken_when_asked_for_and_counted(weigh, write, run):
    likes = "u,a,,\nu,b,,\nv,a,,\nv,b,,\nw,b,,\nw,c,,\n"
    core = "[interactions]\nk_core = 2\n"
    found, _, account, graph = weigh(likes, core)
    assert set(found) == {"ua", "ub", "va", "vb"}  # without c, w has one
    assert (account.loaded, account.filtered) == (6, 2)
    assert graph.users.vocab.ids.to_pylist() == ["u", "v"]
    assert graph.items.vocab.ids.to_pylist() == ["a", "b", "c"]  # a table has it: a cold item
    assert len(weigh(likes, "")[0]) == 6
    with pytest.raises(InputError, match="k_core = 3 leaves none of the 6 interactions"):
        weigh(likes, core.replace("2", "3"))


def test_batches_are_one_table(weigh, monkeypatch):
    keys = 'weight = "stars"\ntime = "when"'
    likes = "".join(f"u{i % 7},{'abcd'[i % 4]},{i % 3 or 'x'},{i}\n" for i in range(100))
    whole = weigh(likes, keys)
    monkeypatch.setattr("kg.edge_tables.AT_ONCE", 1)
    monkeypatch.setattr("kg.tables.delimited.BLOCK", 16)
    parts = weigh(likes, keys)
    assert parts[:3] == whole[:3]
    assert parts[3].fingerprint == whole[3].fingerprint
