import json

import numpy as np
import pytest

from encoders.tuning.config import TuningConfig
from kg.errors import InputError, LeakError
from training.config import TaskConfig
from training.evaluation.split import make_split
from training.tuning_guard import (
    allowed_splits,
    check_tuned,
    interactions_fingerprint,
    shared_train,
)

TASK = TaskConfig(target="films", protocols=("user-cold", "item-cold", "warm"))


@pytest.fixture
def graph(two_domain_checkerboard):
    return two_domain_checkerboard()


@pytest.fixture
def splits(graph):
    return [make_split(graph, TASK, protocol, seed=0) for protocol in TASK.protocols]


def pairs(graph):
    return set(zip(graph.interaction_edges.src, graph.interaction_edges.dst, strict=True))


def claim(folder, splits):
    (folder / "isthmus.json").write_text(json.dumps({"splits": splits}))
    return folder


def test_what_any_split_holds_out_is_not_shared(graph, splits):
    shared = pairs(shared_train(graph, splits))
    assert shared == set.intersection(*(pairs(split.train) for split in splits))
    for split in splits:
        for part in (split.valid, split.test):
            assert not shared & set(zip(part.users, part.items, strict=True))
        assert not shared & set(zip(*split.unranked, strict=True))


def test_nothing_shared_is_refused(graph, splits):
    nothing = shared_train(graph, splits[:1])
    edges = nothing.interaction_edges
    empty = graph.with_edges({graph.interactions: edges.take(np.zeros(len(edges), dtype=bool))})
    with pytest.raises(InputError, match="no interaction"):
        shared_train(empty, splits)


def test_an_encoder_is_refused_where_what_it_saw_is_held_out(tmp_path, splits):
    folder = claim(tmp_path, [interactions_fingerprint(splits[0].train)])
    check_tuned(folder, splits[0])
    for other in splits[1:]:
        with pytest.raises(LeakError, match=f"not tuned for this {other.protocol} split"):
            check_tuned(str(folder), other)


def test_an_encoder_without_interactions_is_free(tmp_path, splits):
    check_tuned("minilm", splits[0])
    check_tuned(tmp_path, splits[0])
    check_tuned(claim(tmp_path, None), splits[0])


def test_the_fingerprint_is_of_interactions_alone(graph, make_graph):
    before = interactions_fingerprint(graph)
    texts = {item: "other words" for item in graph.items.vocab.ids.to_pylist()}
    items = {item: item.split("-")[0] for item in texts}
    edges = graph.interaction_edges
    users = graph.users.vocab.to_ids(edges.src)
    ids = list(zip(users, graph.items.vocab.to_ids(edges.dst), strict=True))
    again = make_graph(
        ids[::-1],
        items,
        texts=texts,
        entities={"g": ["x"]},
        relations={("item", "has", "g"): [("books-00", "x")]},
    )
    assert interactions_fingerprint(again) == before
    assert interactions_fingerprint(make_graph(ids[1:], items)) != before


def test_the_result_may_be_used_with_the_splits_of_the_job_or_of_its_parents(tmp_path, splits):
    prints = sorted(interactions_fingerprint(split.train) for split in splits)
    assert list(allowed_splits(splits, TuningConfig(), tmp_path)) == prints
    texts_only = TuningConfig(objective="masked")
    assert allowed_splits(splits, texts_only, tmp_path) is None
    assert allowed_splits(splits, texts_only, claim(tmp_path, ["one"])) == ("one",)
    student = tmp_path / "student"
    student.mkdir()
    taught = TuningConfig(objective="distil", student=claim(student, ["one", "two"]))
    assert allowed_splits(splits, taught, tmp_path) == ("one",)
