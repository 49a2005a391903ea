"""Answers made ahead, for all users, in one folder of the run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kg.errors import InputError
from kg.files import MANIFEST, check_folder, read_json, write_folder
from kg.progress import progress
from kg.vocab import IntArray
from queries.engine import Engine
from queries.opened import open_run
from queries.parts import Parts
from queries.prepared import ITEMS, KIND, LIKELY, SCORES, stamp
from training.run_folder import RunFolder, TaskFolder

_BLOCK_USERS = 1_024


@dataclass(frozen=True)
class Preparing:
    """What was done: users with answers, answers of each, users that were there already."""

    users: int
    k: int
    resumed: int


def prepare(
    run: Path, protocol: str | None = None, *, k: int = 200, fresh: bool = False
) -> Preparing:
    """Write the k best items of the target of every user, beside the model.

    What is done is kept in `answers.parts` until all is; the same call after an interruption goes
    on from there. Answers that the model has already are left as they are.

    Args:
        run: run folder.
        protocol: which of its models; the first one by default.
        k: items of a user. What a question excludes takes places away, so that questions for fewer
            are answered from here.
        fresh: make them again.

    Raises:
        InputError: `k` is not positive, or the model has no second stage: it answers at once.
        ArtefactError: no such run or model, or something else in the place of answers.
    """
    if k < 1:
        raise InputError(f"k = {k}: expected at least 1")
    opened = open_run(run, protocol)
    split = opened.split
    if split is None or opened.bundle.second_stage is None:
        raise InputError(f"{run} has no second stage whose answers take time: nothing to prepare")
    task = RunFolder(run).task(protocol or RunFolder(run).protocols()[0])
    candidates = int(opened.graph.item_mask(split.target).sum())
    users, width = len(opened.graph.users), min(k, candidates)
    about = {"model": stamp(task), "k": k, "candidates": candidates}
    check_folder(task.answers, KIND)
    if not fresh and _there(task, about):
        return Preparing(users, width, users)
    parts = _parts(task.answers, about, fresh)
    engine = Engine(opened.graph, opened.bundle, split, None)
    blocks = [slice(first, first + _BLOCK_USERS) for first in range(0, users, _BLOCK_USERS)]
    resumed = 0
    with progress("Preparing answers", total=users) as bar:
        for number, block in enumerate(blocks):
            asked = np.arange(users)[block]
            if number in parts:
                resumed += len(asked)
            else:
                parts.add(number, _answers(engine, asked, split.target, width))
            bar.advance(len(asked))
    with write_folder(task.answers, KIND, **about) as aside:
        write = {
            name: _writer(aside / file, (users, width), dtype)
            for name, file, dtype in (
                ("items", ITEMS, np.int32),
                ("scores", SCORES, np.float32),
                ("likely", LIKELY, np.float64),
            )
            if name != "likely" or engine.calibrated
        }
        for block, table in zip(blocks, parts.tables(len(blocks)), strict=True):
            for name, put in write.items():
                put(block, table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False))
    parts.remove()
    return Preparing(users, width, resumed)


def _answers(engine: Engine, users: IntArray, target: str, k: int) -> pa.Table:
    """Return a row of lists for each user."""
    if engine.ranking is None:
        raise InputError("the model has no second stage: nothing to prepare")
    rows, scores = engine.ranking.top(users, engine.graph.item_mask(target), k=k)
    found: dict[str, Any] = {"items": rows.astype(np.int32), "scores": scores}
    if engine.calibrated:
        found["likely"] = engine.likely(users, rows)
    return pa.table(
        {
            name: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), k)
            for name, values in found.items()
        }
    )


def _there(task: TaskFolder, about: dict[str, Any]) -> bool:
    if not (task.answers / MANIFEST).is_file():
        return False
    made = read_json(task.answers / MANIFEST)
    return all(made.get(name) == value for name, value in about.items())


def _parts(target: Path, about: dict[str, Any], fresh: bool) -> Parts:
    try:
        return Parts(target, about, fresh=fresh)
    except InputError:  # of another model or k: of no use any more
        return Parts(target, about, fresh=True)


def _writer(
    path: Path, shape: tuple[int, int], dtype: Any
) -> Callable[[slice, np.ndarray[Any, Any]], None]:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)

    def put(block: slice, values: np.ndarray[Any, Any]) -> None:
        array[block] = values.reshape(-1, shape[1])
        array.flush()

    return put
