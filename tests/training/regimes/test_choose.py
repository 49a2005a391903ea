import dataclasses
import json
from collections import namedtuple

import pytest
import torch

from kg.errors import ConfigError
from training.baselines.ease import EASE, MAX_ITEMS
from training.prepare import prepare
from training.regimes import choose
from training.regimes.estimates import Sizes, second_stage

CPU = torch.device("cpu")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def chosen(make_job, split, features, monkeypatch):
    """Return what is chosen where there is so much room, more than some regime needs, or less."""

    def factory(room=10**12, **settings):
        monkeypatch.setattr(choose, "room", lambda *about: room)
        return prepare(make_job(**settings), split, features, CPU).choice

    return factory


def test_what_fits_is_trained_on_the_whole_graph(chosen):
    choice = chosen()

    assert (choice.regime, choice.second_stage) == ("full", True)
    assert choice.line.startswith("training: full, the first that fits (about full 0.")
    assert "decoupled" in choice.line
    assert choice.line.endswith("there are 1,000.0 GB)")


@pytest.fixture
def small_blocks(monkeypatch):
    """Leave out what hides the size of a small graph."""
    monkeypatch.setattr(choose, "LEAST_BLOCK", 1)
    monkeypatch.setattr(choose, "MOST_BLOCK", 1)
    monkeypatch.setattr(choose, "MOST_PATHS", 10**6)
    monkeypatch.setattr(choose.estimates, "SIGNALS", 0)


def test_the_first_that_fits_is_taken(chosen, small_blocks):
    settings = {"batch_size": 1, "negatives": 1, "model": {"layers": 6}}
    needed = chosen(**settings, room=10**6).bytes

    assert needed["decoupled"] < needed["full"]
    assert chosen(room=needed["full"], **settings).regime == "full"
    assert chosen(room=needed["full"] - 1, **settings).regime == "decoupled"
    little = chosen(room=1000, **settings)
    assert little.regime == "sampled"
    assert little.line.startswith("training: sampled, as nothing fits")
    assert set(little.bytes) == {"full", "decoupled", "sampled", "second stage"}


@pytest.mark.parametrize("regime", ["full", "decoupled", "sampled"])
def test_a_job_may_say(chosen, regime):
    choice = chosen(regime=regime, room=10**6)

    assert choice.regime == regime
    assert choice.line.startswith(f"training: {regime}, as the job says")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": {"convolution": "sage"}}, 'model.convolution = "sage" is not linear'),
        ({"spectral_start": False}, "training.spectral_start must be true"),
    ],
)
def test_what_is_not_linear_or_has_no_start_cannot_be_decoupled(chosen, settings, message):
    with pytest.raises(ConfigError, match=f'training.regime = "decoupled": .*{message}'):
        chosen(regime="decoupled", **settings)

    choice = chosen(room=0, **settings)
    assert choice.regime == "sampled"
    assert "decoupled" not in choice.bytes


def test_too_many_metapaths_are_not_carried(chosen, monkeypatch):
    monkeypatch.setattr(choose, "MOST_PATHS", 3)

    with pytest.raises(ConfigError, match=r"the graph has \d+ metapaths, more than 3"):
        chosen(regime="decoupled")


def test_a_disk_without_room_is_no_place_for_terms(chosen, small_blocks, monkeypatch):
    settings = {"batch_size": 1, "negatives": 1, "model": {"layers": 6}}
    room = chosen(**settings).bytes["decoupled"]
    assert chosen(room=room, **settings).regime == "decoupled"
    monkeypatch.setattr(choose.shutil, "disk_usage", lambda folder: Usage(10, 0, 10))

    assert chosen(room=room, **settings).regime == "sampled"
    with pytest.raises(ConfigError, match=r"do not fit on the disk, which has 0\.0 GB"):
        chosen(regime="decoupled")


def test_the_second_stage_is_left_out_where_it_does_not_fit(chosen):
    needed = chosen().bytes["second stage"]

    choice = chosen(room=needed - 1)

    assert not choice.second_stage
    assert "first stage alone, as the second would take about" in choice.line
    assert chosen(room=needed).second_stage


def test_a_signal_of_pairs_of_items_is_counted_as_large_as_it_gets():
    """EASE leaves out all but so many items: what fitted in 5 GB was taken for 34."""
    few = {"nodes": {}, "edges": {}, "light": True}
    few |= {f.name: 1 for f in dataclasses.fields(Sizes) if f.name not in few}
    sizes = dataclasses.replace(Sizes(**few), users=53_061, items=36_298)

    added = second_stage(sizes, 0, dense=True) - second_stage(sizes, 0, dense=False)

    assert added == 3 * 4 * MAX_ITEMS**2
    kept = EASE.__init__.__kwdefaults__["max_items"]
    assert kept == MAX_ITEMS


def test_where_there_is_one_stage_nothing_is_said_of_a_second(make_job, split, features):
    job = make_job()
    job = dataclasses.replace(job, ranking=dataclasses.replace(job.ranking, folds=0))

    choice = prepare(job, split, features, CPU).choice

    assert "stage" not in choice.line
    assert "second stage" not in choice.bytes


def test_a_choice_is_kept_as_json_and_goes_before_the_memory_of_now(
    chosen, make_job, split, features
):
    choice = chosen(room=10**12)
    again = choose.Choice(**json.loads(json.dumps(dataclasses.asdict(choice))))
    assert again == choice

    chosen(room=0)  # from now on there is no memory
    objective = prepare(make_job(), split, features, CPU, choice=again)

    assert objective.regime.name == "full"
