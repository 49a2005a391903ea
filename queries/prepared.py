"""Answers made ahead: the best items of every user, read from disk instead of scored."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.files import MANIFEST, read_json, read_manifest
from kg.graph import BoolArray, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from training.run_folder import TaskFolder

KIND = "answers"
ITEMS, SCORES, LIKELY = "items.npy", "scores.npy", "probabilities.npy"
_MATCHES = 1 << 22  # places of answers compared at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """The best items of the target of every user, whatever the user knows of them.

    A question is answered from here where enough of them may be answered: what is excluded, seen or
    not allowed takes its places away. The rest is scored as always, to the same numbers.

    Attributes:
        items: rows, best first, -1 where the target has no more; int32 `[num_users, k]`.
        scores: of the second stage, float32 `[num_users, k]`.
        likely: probabilities, float64 `[num_users, k]`, NaN for items without; None where the model
            has none.
        num_items: of the graph that they are chosen from.
        num_candidates: of the target.
    """

    items: npt.NDArray[np.int32]
    scores: FloatArray
    likely: npt.NDArray[np.float64] | None
    num_items: int
    num_candidates: int

    def top(
        self, users: IntArray, allowed: BoolArray, *, k: int, seen: Any = None
    ) -> tuple[IntArray, FloatArray, BoolArray]:
        """Return answers as `queries.second_stage.TargetRanking.top` does, and who has them.

        Args:
            users: rows.
            allowed: items that may be answered, bool `[num_items]`.
            k: how many.
            seen: items to leave out for each user, CSR `[num_users, num_items]`; None for nothing.

        Returns:
            Rows and scores `[num_users, k]`, and which users they are complete of, bool
            `[num_users]`: the others have to be scored.
        """
        rows: IntArray = np.full((len(users), k), -1, dtype=np.int64)
        best: FloatArray = np.full((len(users), k), -np.inf, dtype=np.float32)
        known = users < len(self.items)
        listed = self.items[users[known]].astype(np.int64)
        left = (listed >= 0) & allowed[listed]
        if seen is not None:
            left &= ~_within(listed, seen[np.flatnonzero(known)])
        whole = self.items.shape[1] >= self.num_candidates
        enough = np.full(len(listed), whole) | (left.sum(axis=1) >= k)
        order = np.argsort(~left, axis=1, kind="stable")[:, :k]
        there = np.take_along_axis(left, order, axis=1)
        scores = np.take_along_axis(self.scores[users[known]], order, axis=1)
        rows[known, : order.shape[1]] = np.where(there, np.take_along_axis(listed, order, 1), -1)
        best[known, : order.shape[1]] = np.where(there, scores, -np.inf)
        answered = known.copy()
        answered[known] = enough
        return rows, best, answered

    def probabilities(
        self, users: IntArray, rows: IntArray
    ) -> tuple[npt.NDArray[np.float64], BoolArray]:
        """Return probabilities of answers, and which of them are known here.

        Args:
            users: `[num_users]`.
            rows: items `[num_users, k]`, -1 where there is none.

        Returns:
            float64 and bool `[num_users, k]`.
        """
        found = np.full(rows.shape, np.nan)
        known: BoolArray = np.zeros(rows.shape, dtype=np.bool_)
        if self.likely is None or not rows.size:
            return found, known
        step = max(1, _MATCHES // (rows.shape[1] * self.items.shape[1]))
        for start in range(0, len(users), step):
            part = slice(start, start + step)
            inside = np.flatnonzero(users[part] < len(self.items)) + start
            asked, of = rows[inside], users[inside]
            same = (asked[:, :, None] == self.items[of][:, None, :]) & (asked >= 0)[:, :, None]
            known[inside] = same.any(axis=2)
            values = np.take_along_axis(self.likely[of], same.argmax(axis=2), axis=1)
            found[inside] = np.where(known[inside], values, np.nan)
        return found, known


def stamp(task: TaskFolder) -> str:
    """Return what ties answers to the model and split they were made of."""
    digest = hashlib.sha256()
    for folder in (task.model, task.split):
        digest.update((folder / MANIFEST).read_bytes())
    return digest.hexdigest()


def open_prepared(task: TaskFolder, graph: KnowledgeGraph) -> Prepared | None:
    """Return the answers of a task, mapped into memory; None where there are none of its model.

    Raises:
        ArtefactError: the folder is damaged.
    """
    if not (task.answers / MANIFEST).is_file() or not (task.split / MANIFEST).is_file():
        return None
    about = read_json(task.answers / MANIFEST)
    if about.get("model") != stamp(task):
        return None  # of a model that was there before
    read_manifest(task.answers, KIND, verify=False)
    return Prepared(
        items=_mapped(task.answers / ITEMS),
        scores=_mapped(task.answers / SCORES),
        likely=_mapped(task.answers / LIKELY) if (task.answers / LIKELY).is_file() else None,
        num_items=len(graph.items),
        num_candidates=about["candidates"],
    )


def _mapped(path: Path) -> Any:
    return np.load(path, mmap_mode="r")


def _within(listed: IntArray, rows: Any) -> BoolArray:
    """Return which of the listed items are in the CSR row of their user, bool as `listed`."""
    width = rows.shape[1]
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    keys = np.arange(len(listed))[:, None] * width + np.maximum(listed, 0)
    inside: BoolArray = np.isin(keys, owner * width + rows.indices)
    return inside
