"""The loop of training: steps, epochs, what is kept of them, and how it goes on from there."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from signal import SIGTERM
from typing import Any

from torch import Tensor

from kg.errors import ArtefactError
from kg.files import check_folder, write_json_lines
from kg.interruption import Interrupted, StopRequest
from training.checkpoint import copy_weights, load_checkpoint, remove_leftovers, save_checkpoint
from training.config import JobConfig
from training.distributed.workers import ALONE, Workers
from training.evaluation.valid import MONITOR
from training.objective import Objective
from training.seed import generator
from training.simulation import Draw
from training.standing import Standing
from training.step import GRADIENT, check_finite, make_optimizer, rate_at, read_losses, train_step
from training.watching.pace import Pace
from training.watching.watch import Watch

MIN_STEPS = 20  # an epoch of a small data set
RECORD_STEPS = 100  # of an epoch, to a line in metrics.jsonl
UNREAD_STEPS = 10  # whose losses stay on a GPU before somebody looks at them
NOBODY = Watch()


class Loop:
    """Epochs of steps, each judged on valid, with checkpoints that it goes on from.

    Args:
        job: settings.
        objective: what is minimised.
        score: judges it on valid; higher is better.
        checkpoints: folder.
        metrics: JSON lines.
        fingerprint: of the job and its data.
        workers: who train with this process; the first of them judges and writes.
    """

    def __init__(
        self,
        job: JobConfig,
        objective: Objective,
        score: Callable[[], float],
        *,
        checkpoints: Path,
        metrics: Path,
        fingerprint: str,
        workers: Workers = ALONE,
    ) -> None:
        self.workers, self._seed = workers, job.seed
        objective.share = slice(workers.rank, None, workers.size)
        self.config, self.objective, self._score = job.training, objective, score
        self.checkpoints, self.metrics, self.fingerprint = checkpoints, metrics, fingerprint
        self.optimizer = make_optimizer(objective, self.config)
        self.draws = generator(job.seed, "training", objective.device.type)
        interactions = objective.num_interactions
        self.batch = min(self.config.batch_size, -(-interactions // MIN_STEPS))
        self.at = Standing(steps=-(-interactions // self.batch))
        self.total = self.config.epochs * self.at.steps
        self.pace = Pace(objective.device, self.batch, self.total)
        self.best: dict[str, Tensor] = {}
        self._world: Draw | None = None  # in force, and the state of `draws` that it was drawn from
        self._before_world = self.draws.get_state()
        self._unread: list[dict[str, Tensor]] = []  # losses of the last steps
        self._busy = 0.0  # seconds of the steps in `_unread`
        self._saved = self._looked = time.monotonic()

    def run(self, stop: StopRequest, watch: Watch) -> Standing:
        """Train from where the last checkpoint stands to the end."""
        self._begin()
        at = self.at
        watch.begin(at)
        while at.epoch < self.config.epochs and at.epoch - at.best_epoch < self.config.patience:
            while at.step < at.steps:
                self._leave_if(stop)
                self._step()
                if self._wants_a_look():
                    losses = self._look()
                    watch.steps(at, losses, self.pace)
                if at.step % RECORD_STEPS == 0 and at.step < at.steps:
                    at.record(RECORD_STEPS, self._rate(), self._measures())
                    self._write_metrics(watch)
                if self._checkpoint_is_due():
                    self.save()
            self._leave_if(stop)
            self._end_epoch()
            self._write_metrics(watch)
            if at.epoch % self.config.checkpoint_every == 0:
                self.save()
        self._leave_if(stop)
        return at

    def _begin(self) -> None:
        """Go on from the last checkpoint, or judge the start."""
        if self.workers.is_first:
            remove_leftovers(self.checkpoints, self.metrics)
            check_folder(self.checkpoints, "checkpoint")
        self.workers.start_alike(self.objective)
        if self.workers.first_says(self.checkpoints.is_dir()):
            last = load_checkpoint(
                self.checkpoints,
                modules=self.objective,
                optimizer=self.optimizer,
                fingerprint=self.fingerprint,
            )
            self.at, self.best = Standing(**last.progress), last.best
            self._before_world = last.random["world"]
            if self.at.step % self.objective.world_steps:  # in the middle of a simulated world
                self.draws.set_state(self._before_world)
                self._world = self.objective.simulate(self.draws)
            self.draws.set_state(last.random["draws"])
        else:
            self.at.best = self._judged()
            self.at.records = [{"epoch": 0, "valid": {MONITOR: self.at.best}}]
            self.best = copy_weights(self.objective.model)
        self._write_metrics()
        self._looked = time.monotonic()

    def _step(self) -> None:
        """Take a step; its losses are looked at later."""
        at, began = self.at, time.monotonic()
        if self._world is None or at.step % self.objective.world_steps == 0:
            self._before_world = self.draws.get_state()
            self._world = self.objective.simulate(self.draws)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_at(at.done, self.total)
        self.objective.progress = at.done / self.total
        batch = -(-self.batch // self.workers.size)
        draws = self.workers.draws(self.draws, self._seed, at.done)
        losses = train_step(self.objective, self.optimizer, self._world, batch, draws, self.workers)
        self._unread.append(losses)
        at.step += 1
        self._busy += time.monotonic() - began

    def _wants_a_look(self) -> bool:
        """Return whether to wait for the device, which is the CPU at the end of every step."""
        due = self.at.step % UNREAD_STEPS == 0 or self.at.step == self.at.steps
        return due or self.objective.device.type == "cpu"

    def _look(self) -> list[dict[str, float]]:
        """Count the losses of the last steps, and stop training where they are no numbers."""
        began = time.monotonic()
        read = read_losses(self._unread)
        self.pace.count(len(read), self._busy + time.monotonic() - began)
        self._busy = 0.0
        first = self.at.step - len(read) + 1
        self._unread = []
        for step, losses in enumerate(read, first):
            kept = "no checkpoint is there"
            if self.checkpoints.is_dir():
                kept = f"the checkpoint in {self.checkpoints} is from before it and stays"
            check_finite(losses, f"step {step} of epoch {self.at.epoch + 1}", kept)
            self.at.add({name: value for name, value in losses.items() if name != GRADIENT})
        now = time.monotonic()
        self.at.seconds += now - self._looked
        self._looked = now
        return read

    def _end_epoch(self) -> None:
        """Judge the epoch, and keep it if it is the best."""
        score = self._judged()
        self._look()
        if self.at.end_epoch(score, self._rate(), self._measures()):
            self.best = copy_weights(self.objective.model)

    def _judged(self) -> float:
        """Return the valid score of the weights as they are."""
        return float(self.workers.first_says(self._score() if self.workers.is_first else 0.0))

    def save(self) -> None:
        """Write a checkpoint of the steps so far, in place of the last."""
        self._look()
        if self.workers.is_first:
            save_checkpoint(
                self.checkpoints,
                modules=self.objective,
                optimizer=self.optimizer,
                random={"draws": self.draws.get_state(), "world": self._before_world},
                best=self.best,
                progress=asdict(self.at),
                fingerprint=self.fingerprint,
            )
        self._saved = time.monotonic()

    def _checkpoint_is_due(self) -> bool:
        minutes = self.config.checkpoint_minutes
        return bool(minutes) and time.monotonic() - self._saved >= 60 * minutes

    def _leave_if(self, stop: StopRequest) -> None:
        """Save and leave where somebody has asked for it."""
        if self.workers.any(stop.signum is not None):
            self.save()
            self.workers.barrier()  # until it is written: whoever leaves ends the others
            where = f"step {self.at.step} of epoch {self.at.epoch + 1}"
            raise Interrupted(stop.signum or SIGTERM, f"{where} is in {self.checkpoints}")

    def _rate(self) -> float:
        return self.config.learning_rate * rate_at(self.at.done - 1, self.total)

    def _measures(self) -> dict[str, Any]:
        return self.pace.measures(self.at.seconds, self.at.done)

    def _write_metrics(self, watch: Watch = NOBODY) -> None:
        if not self.workers.is_first:
            return
        watch.record(self.at.records[-1])
        try:
            write_json_lines(self.metrics, self.at.records)
        except OSError as error:
            raise ArtefactError(
                f"{self.metrics.parent}: metrics.jsonl cannot be written ({error.strerror}): "
                "make room, and the same command goes on"
            ) from None
