import numpy as np
import pytest

from kg.errors import ArtefactError, FingerprintError, LeakError
from training.config import TaskConfig
from training.evaluation import split_files
from training.evaluation.split import make_split
from training.evaluation.split_files import load_split, save_split


@pytest.fixture
def graph(make_graph):
    rng = np.random.default_rng(5)
    items = {f"{domain}-{n:02d}": domain for domain in ("books", "films") for n in range(30)}
    # item films-29 is liked by one user only, so that an interaction may turn out unranked
    pairs = [
        (f"user-{user:02d}", f"{domain}-{n:02d}")
        for user in range(40)
        for domain in ("books", "films")
        for n in rng.choice(29, size=4, replace=False)
    ]
    pairs += [(f"user-{user:02d}", "films-29") for user in (0,)]
    return make_graph(pairs, items, times=rng.random(len(pairs)))


CASES = [(protocol, TaskConfig(target="films")) for protocol in ("user-cold", "item-cold", "warm")]
CASES.append(("warm", TaskConfig(target="films", by_time=True)))


@pytest.mark.parametrize(("protocol", "config"), CASES)
def test_what_was_saved_is_loaded(graph, tmp_path, protocol, config):
    split = make_split(graph, config, protocol, seed=2)
    save_split(split, tmp_path / "split")
    again = load_split(tmp_path / "split", graph)
    assert (again.protocol, again.sources, again.target) == (protocol, ("books",), "films")
    assert again.train.fingerprint == split.train.fingerprint
    old, new = split.train.interaction_edges, again.train.interaction_edges
    for column in ("src", "dst", "weight", "time"):  # the same order too: training sees it
        assert np.array_equal(getattr(old, column), getattr(new, column))
    for part in ("valid", "test"):
        for column in ("users", "items", "candidates"):
            one, other = (getattr(getattr(s, part), column) for s in (split, again))
            assert np.array_equal(one, other)
            assert other.dtype == np.int64
    for column in ("cold_users", "cold_items", "unranked", "graph_fingerprint"):
        assert np.array_equal(getattr(split, column), getattr(again, column))


def test_unranked_rows_survive(graph, tmp_path):
    table = tmp_path / "cold.csv"
    table.write_text("user,part\nuser-00,test\nuser-01,valid\n")
    split = make_split(graph, TaskConfig(target="films", cold_users=table), "user-cold", seed=0)
    assert split.unranked.shape == (2, 1)
    save_split(split, tmp_path / "split")
    again = load_split(tmp_path / "split", graph)
    assert np.array_equal(again.unranked, split.unranked)
    assert again.train.fingerprint == split.train.fingerprint


def test_another_graph_is_refused(graph, tmp_path, two_domain_checkerboard):
    save_split(make_split(graph, TaskConfig(target="films"), "warm", seed=0), tmp_path / "split")
    with pytest.raises(FingerprintError, match="another graph"):
        load_split(tmp_path / "split", two_domain_checkerboard())
    fewer = graph.with_edges({graph.interactions: graph.interaction_edges.take(np.arange(100))})
    with pytest.raises(FingerprintError):
        load_split(tmp_path / "split", fewer)


def test_a_damaged_folder_is_refused(graph, tmp_path):
    with pytest.raises(ArtefactError):
        load_split(tmp_path / "split", graph)
    save_split(make_split(graph, TaskConfig(target="films"), "warm", seed=0), tmp_path / "split")
    file = tmp_path / "split" / "candidates.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match="damaged"):
        load_split(tmp_path / "split", graph)


def test_loading_looks_for_leaks(graph, tmp_path, monkeypatch):
    save_split(make_split(graph, TaskConfig(target="films"), "warm", seed=0), tmp_path / "split")
    # a defect in here: nothing is taken out of the training graph
    monkeypatch.setattr(split_files, "without_interactions", lambda whole, _: whole)
    with pytest.raises(LeakError):
        load_split(tmp_path / "split", graph)
