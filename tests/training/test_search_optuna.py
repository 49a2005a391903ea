import sys

import pytest

from kg.errors import ConfigError
from training.config import GraphConfig, JobConfig, TaskConfig
from training.search_optuna import distributions, import_optuna, importances, mean_ratio, propose
from training.search_space import Parameter

SPACE = {
    "training.learning_rate": Parameter(low=1e-3, high=1, log=True),
    "training.epochs": Parameter(low=1, high=9),
    "neighbours.lexical": Parameter(low=0, high=1),
    "model.width": Parameter(choices=(8, 16)),
}
PRESENT = {
    "training.learning_rate": 0.01,
    "training.epochs": 2,
    "neighbours.lexical": 0.5,
    "model.width": 16,
}


@pytest.fixture
def sampled(tmp_path):
    graph, task = GraphConfig(folder=tmp_path), TaskConfig(target="films")
    return distributions(SPACE, JobConfig(name="shop", graph=graph, task=task))


def trial(number, settings, *ratios, state="complete"):
    tasks = {f"task-{i}": {"ratio": ratio} for i, ratio in enumerate(ratios)}
    made = {"number": number, "state": state, "settings": settings, "tasks": tasks}
    return {**made, "value": mean_ratio(made, list(tasks))} if ratios else made


def searched(sampled, num_trials, value):
    records = []
    for number in range(num_trials):
        settings = propose(SPACE, sampled, records, PRESENT, 0)
        records.append(trial(number, settings, value(settings)))
    return records


def test_the_first_trial_is_what_is_there(sampled):
    assert propose(SPACE, sampled, [], PRESENT, 0) == PRESENT


def test_what_is_there_and_outside_the_space_is_drawn(sampled):
    first = propose(SPACE, sampled, [], {**PRESENT, "training.epochs": 50}, 0)

    assert 1 <= first["training.epochs"] <= 9
    assert first | {"training.epochs": 2} == PRESENT


def test_settings_keep_their_types_and_can_be_written_down(sampled):
    for record in searched(sampled, 4, lambda _: 1.0):
        rate, epochs, lexical, width = record["settings"].values()
        assert isinstance(rate, float)
        assert rate == float(f"{rate:.3g}")
        assert isinstance(epochs, int)
        assert isinstance(lexical, float)  # though the range has whole ends
        assert width in (8, 16)


def test_what_is_proposed_depends_on_the_records_alone(sampled):
    records = searched(sampled, 12, lambda settings: 1 + settings["neighbours.lexical"])

    again = propose(SPACE, sampled, records, PRESENT, 0)
    assert again == propose(SPACE, sampled, records, PRESENT, 0)
    assert again != propose(SPACE, sampled, records, PRESENT, 1)
    for record in records:
        assert record["settings"] == propose(
            SPACE, sampled, records[: record["number"]], PRESENT, 0
        )


def test_trials_move_to_where_the_value_is_high_and_importance_says_what_moved_it(sampled):
    records = searched(sampled, 30, lambda settings: 2 - abs(settings["neighbours.lexical"] - 0.8))

    late = [record["settings"]["neighbours.lexical"] for record in records[-8:]]
    assert sum(0.6 < value <= 1 for value in late) >= 6
    found = importances(sampled, records, 0)
    assert next(iter(found)) == "neighbours.lexical"
    assert found["neighbours.lexical"] > 0.7


def test_trials_that_were_stopped_are_learned_from(sampled):
    records = searched(sampled, 12, lambda settings: 1 + settings["neighbours.lexical"])
    stopped = [trial(12, PRESENT, 0.1, state="pruned"), trial(13, PRESENT, state="pruned")]

    assert set(propose(SPACE, sampled, records + stopped, PRESENT, 0)) == set(SPACE)


def test_too_few_or_equal_trials_say_nothing_of_importance(sampled):
    assert importances(sampled, searched(sampled, 3, lambda s: s["neighbours.lexical"]), 0) == {}
    assert importances(sampled, searched(sampled, 6, lambda _: 1.0), 0) == {}


def test_the_mean_is_geometric():
    assert mean_ratio(trial(0, {}, 2.0, 0.5), ["task-0", "task-1"]) == 1.0
    assert mean_ratio(trial(0, {}, 2.0, 0.5), ["task-0"]) == 2.0
    assert mean_ratio(trial(0, {}, 2.0, 0.0), ["task-0", "task-1"]) == 0.0


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(ConfigError, match=r"pip install 'isthmus\[tune\]'"):
        import_optuna()
