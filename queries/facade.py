"""The whole engine as one estimator, for data frames: fit, recommend, save, load."""

import json
import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from kg.errors import InputError
from kg.files import read_json, write_json
from kg.settings import build
from kg.store import save_graph
from queries.filters import SEEN_LEFT_OUT, Filters
from queries.frames import graph_of_frames
from queries.recommender import Recommender
from training.claim import claim
from training.config import JobConfig, apply_override
from training.jobs import encode_step, train_step
from training.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

PARAMS = "estimator.json"


class Isthmus(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Recommendations across domains, by the conventions of scikit-learn.

    `fit` does what `isthmus run` does, without judging the result. A tenth of the people who use
    both sides (of the target's items, for `item-cold`) is set aside to tell when to stop and to fit
    probabilities; what they use is left out of their answers all the same.

    Args:
        target: the domain that is recommended.
        sources: domains that knowledge comes from; all others by default.
        protocol: `user-cold` for people who are new to the target, `item-cold` for new items,
            `warm` for neither.
        seed: of every draw.
        settings: settings of the job by key, such as `{"training.epochs": 3}`.

    Attributes:
        recommender_: what answers, after `fit`: scores, probabilities, explanations.
    """

    _run: Path
    _discard: Callable[[], Any]

    def __init__(
        self,
        target: str,
        *,
        sources: Sequence[str] = (),
        protocol: str = "user-cold",
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.sources = sources
        self.protocol = protocol
        self.seed = seed
        self.settings = settings

    def fit(self, interactions: Any, items: Any, users: Any = None) -> Self:
        """Learn from tables, as `queries.frames.graph_of_frames` reads them.

        Raises:
            ConfigError: a setting is wrong.
            InputError: a table is wrong, or there is too little to learn from.
        """
        folder = Path(mkdtemp(prefix="isthmus-"))
        discard = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        run = RunFolder(folder / "run")
        try:
            job = self._job(run)
            graph = graph_of_frames(interactions, items, users, folder=folder / "tables")
            claim(job, run)
            save_graph(graph, run.graph)
            encode_step(job, run)
            [protocol] = job.task.protocols
            train_step(job, run, protocol)
            write_json(run.path / PARAMS, self.get_params())
        except BaseException:
            discard()
            raise
        self._open(run.path, discard)
        return self

    def recommend(
        self,
        users: str | Sequence[str] | None = None,
        k: int = 10,
        *,
        domain: str | None = None,
        filters: Filters = SEEN_LEFT_OUT,
    ) -> "pd.DataFrame":
        """Return the k best items of each user, as `Recommender.recommend_table` has them.

        Args:
            users: ids; all users by default.
            k: how many.
            domain: where items are taken from, the target by default. Other domains have no
                probability.
            filters: what is left out, and what reorders the rest.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: as `Recommender.recommend`.
        """
        check_is_fitted(self, "recommender_")
        if filters.exclude_seen:
            held = self._held_out
            given = held if filters.given is None else pa.concat_tables([held, filters.given])
            filters = replace(filters, given=given)
        if users is None:
            users = self.recommender_.graph.users.vocab.ids.to_pylist()
        table = self.recommender_.recommend_table(
            users, domain=domain or self.target, k=k, filters=filters
        )
        return table.to_pandas()

    def save(self, path: Path | str) -> None:
        """Write a run folder, which commands and `Recommender.open` read too.

        Raises:
            InputError: there is something at `path` already.
        """
        check_is_fitted(self, "recommender_")
        path = Path(path)
        if path.exists():
            raise InputError(f"{path} is there already: remove it, or save somewhere else")
        aside = path.with_name(f".{path.name}.saving")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(self._run, aside)
        aside.rename(path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Open what `save` wrote.

        Raises:
            ArtefactError: no such folder, or it is damaged.
        """
        estimator = cls(**read_json(Path(path) / PARAMS))
        estimator._open(Path(path), lambda: None)
        return estimator

    def _open(self, run: Path, discard: Callable[[], Any]) -> None:
        self.recommender_ = Recommender.open(run, self.protocol)
        if hasattr(self, "_discard"):
            self._discard()
        self._run, self._discard = run, discard
        self.__dict__.pop("_held_out", None)

    def _job(self, run: RunFolder) -> JobConfig:
        data: dict[str, Any] = {}
        given = {
            "name": self.target,
            "seed": self.seed,
            "task.test_fraction": 1e-9,  # one of them: nothing is judged
            **(self.settings or {}),
            "graph.folder": str(run.graph),
            "task.target": self.target,
            "task.sources": list(self.sources),
            "task.protocols": [self.protocol],
        }
        for key, value in given.items():
            apply_override(data, f"{key}={json.dumps(value)}")
        job: JobConfig = build(JobConfig, data)
        return job

    @cached_property
    def _held_out(self) -> pa.Table:
        """Pairs that the model was not trained on, though `fit` was given them."""
        graph, known = self.recommender_.graph, self.recommender_.train.interaction_edges
        edges, width = graph.interaction_edges, len(graph.items)
        there = np.isin(edges.src * width + edges.dst, known.src * width + known.dst)
        return pa.table(
            {
                "user": graph.users.vocab.ids.take(pa.array(edges.src[~there])),
                "item": graph.items.vocab.ids.take(pa.array(edges.dst[~there])),
            }
        )
