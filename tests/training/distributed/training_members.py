"""Trains as one of several workers, and says what it saw; run by the tests in this folder."""

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import torch

from kg.interruption import Interrupted
from training import loop
from training.config import load_job
from training.distributed.workers import workers_of_environment
from training.encoding import encode_histories
from training.evaluation.split import make_split
from training.fit import fit, take_part
from training.jobs import encode_step, import_step
from training.prepare import prepare
from training.run_folder import RunFolder
from training.seed import generator

CPU = torch.device("cpu")


def digest(tensors):
    """Return what tells tensors from others."""
    made = hashlib.sha256()
    for tensor in tensors:
        made.update(tensor.detach().contiguous().numpy().tobytes())
    return made.hexdigest()


class Seen:
    """What a worker sees of each step; asks itself to stop where a test wants it."""

    def __init__(self, stop_at=None):
        self.worlds, self.rows, self.weights, self.stop_at = [], [], [], stop_at
        self._step = loop.train_step

    def __call__(self, objective, optimizer, world, batch, draws, workers):
        if len(self.weights) == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        self.worlds.append(digest([world.hidden]))
        before = objective._draw

        def draw(*arguments):
            drawn = before(*arguments)
            self.rows.append(torch.stack([drawn.users, drawn.items]).tolist())
            return drawn

        objective._draw = draw
        losses = self._step(objective, optimizer, world, batch, draws, workers)
        objective._draw = before
        self.weights.append(digest(objective.state_dict().values()))
        return losses


def train(job, split, features, folder, workers, stop_at=None):
    """Train, and return what was seen, and whether somebody asked to stop."""
    objective = prepare(job, split, features, CPU, workers=workers)
    where = {
        "checkpoints": folder / "checkpoints",
        "metrics": folder / "metrics.jsonl",
        "fingerprint": "this job",
        "workers": workers,
    }
    before, seen, stopped = loop.train_step, Seen(stop_at), False
    loop.train_step = seen
    try:
        if workers.is_first:
            fit(job, split, objective, **where)
        else:
            take_part(job, objective, **where)
    except Interrupted:
        stopped = True
    finally:
        loop.train_step = before
    return seen, stopped


def union(job, split, features, workers):
    """Gradients of half a batch, averaged, beside those of the whole batch."""
    objective = prepare(job, split, features, CPU)
    world = objective.simulate(generator(1, "world"))
    whole = objective._draw(world, 40, generator(1, "batch"))
    mine = slice(20 * workers.rank, 20 * (workers.rank + 1))
    contests = [type(c)(chosen=c.chosen[mine], negatives=c.negatives) for c in whole.contests]
    half = type(whole)(
        users=whole.users[mine], items=whole.items[mine], contests=contests, aligned={}, triples=[]
    )
    found = []
    for drawn in (half, whole):
        objective._draw = lambda *_, drawn=drawn: drawn
        objective.zero_grad(set_to_none=True)
        objective(world, 40, generator(1, "unused"))["loss"].backward()
        if drawn is half:
            workers.average_gradients(objective.parameters())
        found.append({n: p.grad for n, p in objective.named_parameters() if p.grad is not None})
    ours, expected = found
    assert set(ours) == set(expected)
    scale = max(float(value.abs().max()) for value in expected.values())
    furthest = max(float((ours[name] - expected[name]).abs().max()) for name in ours)
    return {"largest": scale, "difference": furthest}


def main():
    """Write what this worker saw."""
    out, job_file, folder = (Path(argument) for argument in sys.argv[1:])
    job = load_job(job_file, ["training.alignment=none", "training.epochs=1"])
    run = RunFolder(folder / "run")
    with workers_of_environment("cpu") as workers:
        graph = workers.in_turn(lambda: import_step(job, run))
        features = workers.in_turn(lambda: encode_step(job, run))
        split = make_split(graph, job.task, "user-cold", job.seed)
        assert encode_histories(job, split, run) == {}
        whole, _ = train(job, split, features, folder / "whole", workers)
        stop_at = 7 if workers.rank == 1 else None
        cut, stopped = train(job, split, features, folder / "cut", workers, stop_at)
        kept = (folder / "cut" / "checkpoints").is_dir()
        rest, _ = train(job, split, features, folder / "cut", workers)
        found = {
            "worlds": whole.worlds,
            "rows": whole.rows,
            "weights": whole.weights,
            "cut": cut.weights,
            "stopped": stopped,
            "kept": kept,
            "rest": rest.weights,
            "union": union(job, split, features, workers),
        }
    out.write_text(json.dumps(found))


main()
