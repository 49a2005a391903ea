"""Steps of a process under a stopwatch, and its memory, read from outside."""

import functools
import importlib
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
EVERY = 0.05  # seconds between two looks at memory


class Look(NamedTuple):
    """Bytes of a process at a time: all that are resident, and those that are no pages of files."""

    time: float
    resident: int
    own: int


class Stopwatch:
    """When each step began and ended, and the processor time it took."""

    def __init__(self) -> None:
        self.steps: dict[str, list[tuple[float, float, float]]] = {}

    def wrap(self, path: str) -> None:
        """Put a function, or a method of a class, under the stopwatch wherever it is used."""
        owner_path, _, name = path.rpartition(".")
        try:
            owner: Any = importlib.import_module(owner_path)
        except ModuleNotFoundError:
            module, _, class_name = owner_path.rpartition(".")
            owner = getattr(importlib.import_module(module), class_name)
        original = getattr(owner, name)
        timed = self._timed(name, original)
        setattr(owner, name, timed)
        for module in list(sys.modules.values()):  # those that imported it by name
            if getattr(module, name, None) is original:
                setattr(module, name, timed)

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began, cpu = time.monotonic(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                taken = (began, time.monotonic(), time.process_time() - cpu)
                self.steps.setdefault(name, []).append(taken)

        return timed


def taken(call: Callable[[], T]) -> tuple[T, float, float]:
    """Return what a call gives, and its seconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    given = call()
    return given, time.perf_counter() - wall, time.process_time() - cpu


def looked_at(child: subprocess.Popen[bytes]) -> list[Look]:
    """Wait for a process to end; return its memory at all times."""
    looks = []
    while child.poll() is None:
        look = _look(child.pid)
        if look is not None:
            looks.append(look)
        time.sleep(EVERY)
    return looks


def _look(pid: int) -> Look | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = dict(line.split(":", 1) for line in lines)
    if "VmRSS" not in found:  # it is ending
        return None
    resident, own = (int(found[name].split()[0]) << 10 for name in ("VmRSS", "RssAnon"))
    return Look(time.monotonic(), resident, own)


def summed(calls: list[list[float]], looks: list[Look]) -> dict[str, Any]:
    """Return calls of a step together: how many, seconds, and the highest memory in any."""
    times, resident, own = [look.time for look in looks], 0, 0
    for began, ended, _ in calls:
        # the looks on either side too, so that a short step has some
        inside = looks[max(bisect_left(times, began) - 1, 0) : bisect_right(times, ended) + 1]
        resident = max([resident, *(look.resident for look in inside)])
        own = max([own, *(look.own for look in inside)])
    return {
        "calls": len(calls),
        "seconds": round(sum(ended - began for began, ended, _ in calls), 2),
        "cpu_seconds": round(sum(cpu for _, _, cpu in calls), 2),
        "peak_bytes": resident,
        "peak_own_bytes": own,
    }


def table(steps: Mapping[str, Mapping[str, Any]], edges: int) -> str:
    """Return what `summed` gave of steps as lines, with the time for each of so many edges."""
    head = f"{'step':24}{'calls':>7}{'wall s':>10}{'cpu s':>10}{'µs/edge':>10}{'GB':>8}{'own':>8}"
    return "\n".join(
        [head]
        + [
            f"{name:24}{step['calls']:7}{step['seconds']:10.1f}{step['cpu_seconds']:10.1f}"
            f"{1e6 * step['cpu_seconds'] / edges:10.2f}"
            f"{step['peak_bytes'] / 1e9:8.2f}{step['peak_own_bytes'] / 1e9:8.2f}"
            for name, step in steps.items()
        ]
    )
