"""The model that answers now, and the one that takes its place: opened aside, then swapped."""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable
from importlib.metadata import version as installed
from typing import Any

from kg.errors import IsthmusError
from kg.files import MANIFEST, read_json
from queries.prepared import stamp
from queries.recommender import Recommender
from queries.serving.arriving import count, with_added
from queries.serving.bodies import Add
from queries.serving.journal import Journal
from queries.serving.problems import Problem
from queries.serving.served import Served, make_served, versioned, with_requests
from queries.serving.settings import ServeSettings
from training.run_folder import RunFolder, TaskFolder

logger = logging.getLogger("isthmus.serve")
_ATTEMPTS = 3


class Models:
    """Holds the model that answers.

    Args:
        settings: which run.
        journal: what was added.

    Raises:
        IsthmusError: the run cannot be opened.
    """

    def __init__(self, settings: ServeSettings, journal: Journal) -> None:
        self.settings, self.journal = settings, journal
        self._changing = threading.Lock()
        self._refused = ""  # what the run folder looked like when it could not be opened
        self.now = self._open()

    def changed(self) -> bool:
        """Return whether a new model, or something added by another process, is there.

        Where answers were made ahead, a new model without them would be too slow for those who ask
        now: it is not there before its answers are.
        """
        return self._other_files() or len(self.journal) > self.now.requests

    def _other_files(self) -> bool:
        if self._files() in (self.now.files, self._refused):
            return False
        return self.now.prepared is None or self._is_prepared()

    def follow(self) -> Served:
        """Open a new model where there is one, or else add what other processes have added.

        Raises:
            IsthmusError: it cannot be opened; the model that answered goes on.
        """
        if self._other_files():
            return self.reload()
        with self._changing:
            self.now = self._caught_up()
            return self.now

    def reload(self) -> Served:
        """Open what the run folder holds now and let it answer; the old one, where that fails.

        Raises:
            IsthmusError: it cannot be opened; the model that answered goes on.
        """
        with self._changing:
            try:
                self.now = self._open()
            except (IsthmusError, OSError):
                self._refused = self._files()
                raise
            self._refused = ""
            return self.now

    def add(self, request: Add) -> Served:
        """Add nodes, for this model and those to come; other processes follow when they look.

        Raises:
            UnknownIdError: an edge ends at a node that is neither there nor new.
            InputError: something does not fit the graph.
            Problem: too many were added.
        """
        with self._changing, self.journal.alone():
            served = self._caught_up()
            if served.added + len(request.nodes) > self.settings.max_added:
                raise Problem(409, f"{served.added} nodes were added already: train anew")
            served = with_requests(served, [request])
            self.journal.append(request.model_dump(mode="json"))
            self.now = served
            return served

    def _open(self) -> Served:
        """Open the run; again, where it was replaced meanwhile."""
        settings = self.settings
        for attempt in range(1, _ATTEMPTS + 1):
            files = self._files()
            try:
                opened = Recommender.open(settings.run, settings.protocol)
            except (IsthmusError, OSError):
                if attempt == _ATTEMPTS or self._files() == files:
                    raise
                continue
            if self._files() == files or attempt == _ATTEMPTS:
                break
        requests = self._requests()
        first = hashlib.sha256(f"{installed('isthmus')} {files}".encode()).hexdigest()[:16]
        version = versioned(first, requests)
        grown = with_added(opened, requests)
        return make_served(grown, files, version, len(requests), count(opened))

    def _caught_up(self) -> Served:
        """Return the model that answers with what other processes have added since."""
        behind = self._requests(self.now.requests)
        return with_requests(self.now, behind) if behind else self.now

    def _requests(self, first: int = 0) -> list[Add]:
        return [Add.model_validate(request) for request in self.journal.read(first)]

    def _task(self) -> TaskFolder | None:
        run = RunFolder(self.settings.run)
        protocols = [self.settings.protocol] if self.settings.protocol else run.protocols()[:1]
        return run.task(protocols[0]) if protocols else None

    def _is_prepared(self) -> bool:
        """Return whether the answers that were made ahead are those of the model."""
        task = self._task()
        try:
            return task is not None and read_json(task.answers / MANIFEST)["model"] == stamp(task)
        except (OSError, KeyError):
            return False

    def _files(self) -> str:
        """Return what tells one state of the run folder from another."""
        task, digest = self._task(), hashlib.sha256()
        folders = [RunFolder(self.settings.run).graph]
        if task is not None:
            folders += [task.model, task.split, task.answers, task.index]
        for folder in folders:
            manifest = folder / MANIFEST
            try:
                digest.update(manifest.read_bytes())
            except OSError:
                digest.update(b"-")
        return digest.hexdigest()


async def watch(models: Models, seconds: float, reload: Callable[[], Any]) -> None:
    """Call `reload` whenever there is something new, for ever."""
    while True:
        await asyncio.sleep(seconds)
        try:
            if await asyncio.to_thread(models.changed):
                await reload()
        except (IsthmusError, OSError) as error:
            logger.warning("the model is not replaced: %s", error)
