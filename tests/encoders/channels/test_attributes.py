import json
import logging

import numpy as np
import pyarrow as pa
import pytest

from encoders.channels.attributes import AttributeTransform, ChannelConfig, check_names, is_left_out
from kg.errors import ConfigError

PLAIN = ChannelConfig()
N = 20
TABLE = pa.table(
    {
        "year": pa.array(np.arange(N, dtype=float)),
        "pages": pa.array(np.arange(N) % 7),
        "new": pa.array(np.arange(N) % 2 == 0),
        "genre": pa.array(["drama", "comedy"] * 10).dictionary_encode(),
        "tags": pa.array([["a", "b"], ["a"]] * 10),
        "out": pa.array([f"2000-{1 + n % 12:02d}-01" for n in range(N)]),
        "taste": pa.array([[1.0, float(n)] for n in range(N)]),
        "review": pa.array([f"text number {n}" for n in range(N)]),
        "same": pa.array([3.0] * N),
    }
)


def fit(table=TABLE, config=PLAIN, rows=None):
    rows = np.arange(len(table)) if rows is None else rows
    return AttributeTransform.fit(table, rows, config, "item")


def test_the_kind_of_a_column_follows_from_its_type_and_its_values() -> None:
    kinds = {column.name: column.kind for column in fit().columns}
    assert kinds == {
        "year": "numeric",
        "pages": "numeric",
        "new": "numeric",
        "genre": "categorical",
        "tags": "categorical",
        "out": "date",
        "taste": "vectors",
    }


def test_columns_of_one_kind_are_one_channel_but_each_vector_is_its_own() -> None:
    channels = fit().apply(TABLE, N)
    assert {name: x.shape for name, x in channels.items()} == {
        "numeric": (N, 6),
        "categorical": (N, 3),  # "a" is a tag of all
        "date": (N, 4),
        "vectors:taste": (N, 2),
    }
    assert all(x.dtype == np.float32 for x in channels.values())


def test_what_is_left_out_is_said_in_the_log(caplog) -> None:
    with caplog.at_level(logging.INFO, logger="encoders.channels.attributes"):
        fit()
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == [
        "item.review",
        "item.same",
    ]


def test_kinds_may_be_given() -> None:
    table = pa.table(
        {
            "year": [1990.0, 2000.0, 2010.0] * 5,
            "city": ["x"] * 5 + [f"only {n}" for n in range(10)],
            "code": pa.array(["1", "2", "3"] * 5),
        }
    )
    config = ChannelConfig(kinds={"year": "date", "city": "categorical", "code": "numeric"})
    kinds = {column.name: column.kind for column in fit(table, config).columns}
    assert kinds == {"year": "date", "city": "categorical", "code": "numeric"}
    none = ChannelConfig(kinds=dict.fromkeys(table.column_names, "none"))
    assert fit(table, none).apply(table, 15) == {}


def test_a_kind_that_a_column_cannot_be_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"channels.kinds.year = 'vectors': the column holds"):
        fit(config=ChannelConfig(kinds={"year": "vectors"}))


def test_the_column_of_image_files_is_no_category() -> None:
    table = pa.table({"poster": ["a.png", "b.png"] * 10})
    assert [column.name for column in fit(table).columns] == ["poster"]
    assert fit(table, ChannelConfig(images="poster", image_model="clip")).columns == ()


def test_permuting_nodes_permutes_channels() -> None:
    order = np.random.default_rng(0).permutation(N)
    fitted = fit()
    table = TABLE.take(pa.array(order))
    for name, x in fitted.apply(TABLE, N).items():
        np.testing.assert_array_equal(fitted.apply(table, N)[name], x[order])


def test_a_node_that_was_not_there_is_put_through_the_same() -> None:
    fitted = fit()
    new = fitted.apply(TABLE.slice(3, 1), 1)
    for name, x in fitted.apply(TABLE, N).items():
        np.testing.assert_array_equal(new[name], x[3:4])
    nothing = fitted.apply(pa.table({}), 2)
    assert {name: x.shape[0] for name, x in nothing.items()} == dict.fromkeys(new, 2)
    assert not any(x.any() for x in nothing.values())


def test_json_holds_all_of_it() -> None:
    fitted = fit()
    again = AttributeTransform.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted


def test_a_column_of_no_known_kind_is_left_out() -> None:
    table = pa.table({"odd": [{"a": 1}] * N, "raw": [b"x"] * N, "deep": [[["x"]]] * N})
    assert fit(table).columns == ()


def test_a_table_without_rows() -> None:
    assert fit(TABLE.slice(0, 0)).columns == ()


def test_channels_are_named_alone_or_by_kind() -> None:
    assert is_left_out("history:books", ["history"])
    assert is_left_out("history:books", ["history:books"])
    assert not is_left_out("history:books", ["history:films", "books"])
    assert is_left_out("text", ["text"])


def test_a_name_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no channel 'imag', did you mean \"image\""):
        check_names(ChannelConfig(leave_out=("imag",)), ["text", "image"], [])
    with pytest.raises(ConfigError, match="no column 'yaer', did you mean \"year\""):
        check_names(ChannelConfig(kinds={"yaer": "date"}), [], ["year"])
    check_names(ChannelConfig(leave_out=("vectors", "text")), ["text", "vectors:a"], [])


@pytest.mark.parametrize(
    "wrong", [{"images": "poster"}, {"image_model": "clip"}, {"project": -1}, {"whiten": 1.5}]
)
def test_settings_are_checked(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChannelConfig(**wrong)
