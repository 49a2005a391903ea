import random

import numpy as np
import pyarrow as pa
import pytest

from kg.errors import InputError, UnknownIdError
from kg.vocab import APART, MANY, Vocab, sorted_order

IDS = ["b", "a", "ü", "10", "9"]


def test_the_order_of_ids_changes_no_index():
    shuffled = IDS * 2
    random.Random(1).shuffle(shuffled)
    one, two = Vocab.from_values(IDS), Vocab.from_values(pa.chunked_array([shuffled]))
    assert one.ids.to_pylist() == two.ids.to_pylist() == ["10", "9", "a", "b", "ü"]
    assert one.fingerprint() == two.fingerprint()


def test_ids_and_indices_are_inverse():
    vocab = Vocab.from_values(IDS)
    assert vocab.to_ids(vocab.index(IDS)) == IDS
    assert [vocab.id(i) for i in range(len(vocab))] == vocab.ids.to_pylist()
    assert vocab.lookup(pa.chunked_array([["a"], ["x"]])).tolist() == [2, -1]
    assert "a" in vocab
    assert "x" not in vocab
    assert 2 not in vocab


def test_an_unknown_id_names_the_nearest_and_counts_the_rest():
    vocab = Vocab.from_values(["emma", "dune"], "item")
    with pytest.raises(
        UnknownIdError, match=r"unknown item id 'ema' .and 1 more., did you mean \"emma\""
    ):
        vocab.index(["dune", "ema", "x"])


@pytest.mark.parametrize("ids", [["b", "a"], ["a", "a"]])
def test_ids_must_be_sorted_and_unique(ids):
    with pytest.raises(InputError, match="sorted and unique"):
        Vocab(pa.array(ids))


def test_the_fingerprint_knows_where_ids_end():
    assert (
        Vocab.from_values(["ab", "c"]).fingerprint() != Vocab.from_values(["a", "bc"]).fingerprint()
    )
    assert len(Vocab.from_values([])) == 0


@pytest.mark.parametrize("more", [[], ["a", "a\0", ""], ["123456789", "123456780"]])
@pytest.mark.parametrize("text", ["{}", "u{:07d}", "user {:08d}", "é{}"])
def test_many_ids_are_sorted_as_few_are(text, more):
    ids = [text.format(i) for i in range(MANY)] + more
    random.Random(1).shuffle(ids)
    array = pa.array(["before", *ids])[1:]
    expected = sorted(ids, key=str.encode)
    assert array.take(pa.array(sorted_order(array))).to_pylist() == expected


def test_an_id_of_megabytes_is_cut_in_the_message():
    vocab = Vocab.from_values(["ada"], "user")
    with pytest.raises(UnknownIdError) as caught:
        vocab.index(["a\x1b[2J" + "b" * 10**7])
    assert str(caught.value).startswith("unknown user id 'a\\x1b[2Jbbb")
    assert "(10,000,005 characters)" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_half_a_surrogate_pair_is_unknown():
    vocab = Vocab.from_values(["ada"], "user")
    assert vocab.lookup(["ada", "\udcff"]).tolist() == [0, -1]
    with pytest.raises(UnknownIdError, match=r"unknown user id '\\udcff'"):
        vocab.index(["\udcff"])


@pytest.mark.parametrize("text", ["{}", "\ue000{}", "\U0001f41f{}", "é {:>5}"])
def test_few_of_many_are_found_as_all_are(text):
    ids = [text.format(i) for i in range(3 * APART)] + ["", "\uffff", "\U00010000", "z"]
    vocab = Vocab.from_values(ids)
    asked = [*ids, "\0", "a", "\ud800", "\udcff", "\uffff\uffff", "\U0010ffff", text.format("x")]
    expected = vocab.lookup(asked)
    assert (expected >= 0).sum() == len(ids)
    for few in (1, 2, 3):
        parts = [vocab.lookup(asked[at : at + few]) for at in range(0, len(asked), few)]
        assert np.concatenate(parts).tolist() == expected.tolist()
    assert vocab.lookup([]).tolist() == []
    assert vocab.lookup([]).dtype == np.int64
    assert vocab.lookup([None]).tolist() == [-1]
    with pytest.raises(UnknownIdError, match="unknown node id 'a'"):
        vocab.index(("a",))
