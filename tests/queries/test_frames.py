from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kg.errors import InputError
from kg.importer import import_graph
from queries.frames import graph_of_frames

ITEMS = pd.DataFrame(
    {
        "id": ["b1", "f1", "f2"],
        "domain": ["books", "films", "films"],
        "title": ["Emma", "Clueless", None],
        "text": ["A novel.", None, "A film."],
        "year": [1815, 1995, np.nan],
        "genre": ["romance", "comedy", None],
    },
    index=[7, 8, 9],
)
LIKES = pd.DataFrame(
    {"user": ["ann", "ann", "bob"], "item": ["b1", "f1", "f2"], "weight": [1.0, 5.0, 3.0]}
)
MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
title = "title"
text = ["title", "text"]
attributes = ["year", "genre"]

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "weight"
"""


def test_frames_are_the_graph_of_the_same_tables(tmp_path):
    ITEMS.to_csv(tmp_path / "items.csv", index=False)
    LIKES.to_csv(tmp_path / "likes.csv", index=False)
    (tmp_path / "graph.toml").write_text(MAPPING)
    expected = import_graph(tmp_path / "graph.toml").graph
    graph = graph_of_frames(LIKES, ITEMS, folder=tmp_path / "frames")
    assert graph.fingerprint == expected.fingerprint
    assert graph.domains == ("books", "films")
    assert graph.items.title.to_pylist() == ["Emma", "Clueless", ""]
    assert graph.items.attributes["year"].to_pylist() == [1815, 1995, None]


def test_users_times_and_other_kinds_of_tables(tmp_path):
    times = [datetime(2024, 1, day) for day in (1, 2, 3)]
    likes = pa.table(
        {"user": [1, 1, 2], "item": ["b1", "f1", "f2"], "time": times, "note": [0] * 3}
    )
    users = pd.DataFrame({"id": [1, 2, 3], "text": ["reads", "", ""], "age": [30, 40, 50]})
    graph = graph_of_frames(pa.table(likes), ITEMS, users, folder=tmp_path)
    assert graph.users.vocab.ids.to_pylist() == ["1", "2", "3"]
    assert graph.users.text.to_pylist() == ["reads", "", ""]
    assert graph.users.attributes["age"].to_pylist() == [30, 40, 50]
    assert graph.interaction_edges.time.tolist() == [time.timestamp() for time in times]


@pytest.mark.parametrize(
    ("likes", "items", "message"),
    [
        (LIKES.drop(columns="user"), ITEMS, r"interactions has no column 'user' \(columns: item"),
        (LIKES, ITEMS.drop(columns="domain"), r"items has no column 'domain' \(columns: id, title"),
        (LIKES.assign(item="f9"), ITEMS, "interactions, line 1: unknown item: .*f9"),
        (LIKES.assign(weight="much"), ITEMS, "interactions, line 1: weight is not a finite number"),
        (LIKES, 7, "items is no table that Arrow reads"),
        (LIKES, ITEMS.assign(year=[1, "x", 2.0]), "items is no table that Arrow reads"),
    ],
)
def test_bad_frames(tmp_path, likes, items, message):
    with pytest.raises(InputError, match=message) as caught:
        graph_of_frames(likes, items, folder=tmp_path)
    assert str(tmp_path) not in str(caught.value)
