import json
from dataclasses import asdict

from training.standing import Standing


def test_lines_of_steps_and_of_epochs():
    at = Standing(steps=3, best=0.1)
    for loss in (4.0, 2.0):
        at.add({"loss": loss})
        at.step += 1
    at.record(2, 0.01, {"seconds": 1.0})
    at.add({"loss": 0.0})
    at.step += 1

    better = at.end_epoch(0.2, 0.02, {"seconds": 2.0})

    first, last = at.records
    assert first == {"epoch": 1, "step": 2, "loss": 3.0, "learning_rate": 0.01, "seconds": 1.0}
    assert last == {
        **{"epoch": 1, "step": 3, "loss": 2.0, "learning_rate": 0.02, "seconds": 2.0},
        "valid": {"NDCG@10": 0.2},
    }
    assert at.history == [last]
    assert better
    assert (at.epoch, at.step, at.done, at.best, at.best_epoch) == (1, 0, 3, 0.2, 1)
    assert (at.sums, at.recent, at.seconds) == ({}, {}, 0.0)


def test_an_equal_score_is_no_better():
    at = Standing(steps=1, best=0.2)
    at.step = 1

    assert not at.end_epoch(0.2, 0.0, {})
    assert at.best_epoch == 0


def test_json_loses_nothing():
    at = Standing(steps=7, step=3, best=0.1 + 0.2, sums={"loss": 1 / 3})

    assert Standing(**json.loads(json.dumps(asdict(at)))) == at
