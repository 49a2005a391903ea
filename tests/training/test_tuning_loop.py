import json

import numpy as np
import pytest
import torch
from torch import nn

from encoders.tuning.config import TuningConfig
from kg.errors import FingerprintError, InputError
from training import tuning_loop
from training.tuning_loop import tune


class Line:
    """Finds a slope of 3, with dropout in the way."""

    metric = "nearness"

    def __init__(self, slope: float = 0.0) -> None:
        self.weight = nn.Parameter(torch.tensor([slope]))

    def parameters(self):
        return [self.weight]

    def loss(self, rng):
        x = torch.from_numpy(rng.random(8).astype(np.float32))
        return ((nn.functional.dropout(x, 0.1) * self.weight - 3 * x) ** 2).mean()

    def valid(self):
        return -abs(float(self.weight.detach()) - 3)


@pytest.fixture
def run(tmp_path):
    def start(line, name="run", **settings):
        quick = {"steps": 20, "valid_every": 4, "learning_rate": 0.3, "weight_decay": 0.0}
        config = TuningConfig(**{**quick, **settings})
        folder = tmp_path / name
        return tune(
            line,
            config,
            seed=0,
            checkpoints=folder / "checkpoints",
            metrics=folder / "metrics.jsonl",
            fingerprint=str(config),
        )

    return start


def test_the_best_step_is_kept(run, tmp_path):
    line = Line()
    tuned = run(line)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    history = [json.loads(record) for record in lines]
    assert [record["step"] for record in history] == [0, 4, 8, 12, 16, 20]
    scores = {record["step"]: record["valid"]["nearness"] for record in history}
    assert tuned.before == scores[0] == -3
    assert tuned.after == max(scores.values()) == scores[tuned.best_step]
    assert line.valid() == tuned.after
    assert all("loss" in record for record in history[1:])


def test_the_start_is_kept_where_no_step_is_better(run):
    line = Line(3.0)
    tuned = run(line)
    assert (tuned.best_step, float(line.weight.detach())) == (0, 3)


def test_it_stops_when_nothing_gets_better(run, tmp_path):
    run(Line(3.0), patience=2)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 3


@pytest.mark.parametrize("cut", [2, 4, 13])
def test_a_resumed_run_equals_an_uninterrupted_one(run, monkeypatch, tmp_path, cut):
    whole = Line()
    expected = run(whole, "whole")
    take, taken = tuning_loop._step, []

    def interrupted(*arguments):
        if len(taken) == cut:
            raise KeyboardInterrupt
        taken.append(None)
        return take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tuning_loop, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(Line(), "cut")
    torch.rand(3)
    counted = []
    monkeypatch.setattr(tuning_loop, "_step", lambda *a: counted.append(None) or take(*a))
    resumed = Line()
    assert run(resumed, "cut") == expected
    assert len(counted) == 20 - cut // 4 * 4
    assert torch.equal(resumed.weight, whole.weight)
    metrics = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "cut")]
    assert metrics[0] == metrics[1]


def test_a_step_is_an_adamw_step_at_the_rate_of_the_schedule(run):
    line, by_hand = Line(), Line()
    run(line, steps=2, warmup=0.5, valid_every=1, patience=9)
    optimizer = torch.optim.AdamW(by_hand.parameters(), 0.3, weight_decay=0.0)
    draws = tuning_loop.generator(0, "tuning")
    for rate in (0.3, 0.3):  # one step of warm-up, then the line begins at its top
        optimizer.param_groups[0]["lr"] = rate
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=draws)))
        optimizer.zero_grad()
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**62)))
            by_hand.loss(rng).backward()
        nn.utils.clip_grad_norm_(by_hand.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(line.weight, by_hand.weight)


def test_the_rate_rises_and_falls():
    config = TuningConfig(steps=10, warmup=0.2)
    rates = [tuning_loop._schedule(step, config) for step in range(10)]
    assert rates == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])


def test_a_loss_that_explodes_is_one_line(run):
    with pytest.raises(InputError, match=r"lower tuning\.learning_rate"):
        run(Line(float("nan")))


def test_a_checkpoint_of_another_tuning_is_refused(run):
    run(Line())
    with pytest.raises(FingerprintError):
        run(Line(), weight_decay=0.5)
