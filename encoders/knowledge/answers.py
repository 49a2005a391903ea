"""Answers of models on disk: a text is asked about once, in any run."""

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from kg.files import write_file
from kg.progress import progress

Phrases = dict[str, float]  # phrase -> weight

BAR_FROM = 64  # texts; fewer show no bar

_log = logging.getLogger(__name__)


def ask_once(
    texts: Sequence[str],
    ask: Callable[[list[str]], list[Phrases | None]],
    *,
    folder: Path | None,
    fingerprint: str,
    at_once: int,
) -> list[Phrases | None]:
    """Return the phrases of each text, asking only about those that `folder` does not hold yet.

    `folder/<fingerprint>/` holds JSON lines of sha256 of text and phrases. Every call adds files
    of its own, one each `at_once` texts, under names that are never used twice: an interruption
    loses one file at most, and processes may share a folder. A line that cannot be read is asked
    for again. None, a text that got no answer, is not kept.

    Args:
        texts: blank ones have no phrases and are not asked about.
        ask: gives an answer, or None, for each text.
        folder: the cache, of any number of models; None for nowhere.
        fingerprint: of what decides an answer.
        at_once: texts given to `ask` at once.
    """
    files = None if folder is None else folder.expanduser() / fingerprint[:32]
    known = {} if files is None else _read(files)
    keys = {text: _key(text) for text in dict.fromkeys(texts) if text.strip()}
    missing = sorted((text for text, key in keys.items() if key not in known), key=_longest_first)
    with progress("read texts", len(missing) if len(missing) >= BAR_FROM else None) as bar:
        for start in range(0, len(missing), at_once):
            some = missing[start : start + at_once]
            answers = zip(some, ask(some), strict=True)
            new = {keys[text]: answer for text, answer in answers if answer is not None}
            known.update(new)
            if files is not None and new:
                _write(files, new)
            bar.advance(len(some))
    return [known.get(keys[text]) if text in keys else {} for text in texts]


def _longest_first(text: str) -> tuple[int, str]:
    return -len(text), text  # batches then hold texts of similar length


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write(files: Path, answers: dict[str, Phrases]) -> None:
    lines = [json.dumps([key, answer], ensure_ascii=False) for key, answer in answers.items()]
    try:
        with write_file(files / f"{uuid.uuid4().hex}.jsonl") as aside:
            aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:  # a full or read-only disk costs time, not the result
        _log.warning("%s: not cached: %s", files, error)


def _read(files: Path) -> dict[str, Phrases]:
    known: dict[str, Phrases] = {}
    for path in sorted(files.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                key, answer = json.loads(line)
                known[str(key)] = {str(phrase): float(value) for phrase, value in answer.items()}
            except (ValueError, TypeError, AttributeError):
                _log.warning("%s has a damaged line, its text is read again", path)
    return known
