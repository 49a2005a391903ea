"""How quickly a server answers at a steady rate, and whether it loses anything when models change.

    python benchmarks/serving.py RUN
    python benchmarks/serving.py RUN --rate 200 --seconds 30 --out benchmarks/results/serving.json

Starts `isthmus serve RUN` and asks it for the best 20 of one user after the other, at random, each
user once while there are enough. Questions leave at fixed times whether or not earlier ones have
been answered (an open loop), and a latency counts from the time at which its question was due, so
a server that stalls is charged for everybody who would have waited. The generator is our own, over
plain sockets of one process, since `wrk` and `hey` wait for an answer before they ask again; where
`wrk` is installed it says what the server does when asked as fast as it answers.

Then the same again while the model folder is replaced ten times, with a copy whose manifest
differs, and every answer is counted.
"""

import argparse
import asyncio
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
from machine import called, machine

from kg.files import MANIFEST, read_json, write_folder, write_json
from kg.store import load_graph
from queries.prepared import KIND, stamp
from training.run_folder import RunFolder, TaskFolder

CONNECTIONS = 64
PATIENCE = 30.0  # seconds until an answer counts as lost
NICE = -15


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--protocol", help="which of its models; the first")
    parser.add_argument("--rate", type=float, default=200.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--out", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    # Server and generator go first; what else the machine does is no part of either.
    os.setpriority(os.PRIO_PROCESS, 0, NICE if os.geteuid() == 0 else 0)
    about = machine("numpy", "fastapi", "uvicorn", "uvloop", "orjson")
    with tempfile.TemporaryDirectory(prefix="serving-") as folder:
        run, protocol = borrowed(arguments.run, arguments.protocol, Path(folder) / "run")
        users = load_graph(run.graph).users.vocab.ids.to_pylist()
        np.random.default_rng(0).shuffle(users)
        gc.collect()
        gc.freeze()  # a collection here would pass for a pause of the server
        options = ["--protocol", protocol, "--workers", str(arguments.workers), "--watch", "0.5"]
        record: dict[str, Any] = {
            "command": called(),
            "machine": about,
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "protocol": protocol,
            "users": len(users),
            "workers": arguments.workers,
            "k": arguments.k,
        }
        with serving(run.path, options) as (port, pid):
            paths = [f"/recommend?user={quote(user, safe='')}&k={arguments.k}" for user in users]
            load(port, paths, arguments.rate, 3.0)  # warm up
            record["memory_mb"] = memory(pid)
            record["rounds"] = [
                shown("steady", load(port, paths, arguments.rate, arguments.seconds))
                for _ in range(arguments.rounds)
            ]
            record["swapping"] = swapping(port, paths, run, protocol, arguments)
            record["as_fast_as_it_can"] = by_wrk(port, paths[0])
    if arguments.out is not None:
        write_json(arguments.out, record)


def borrowed(given: Path, protocol: str | None, place: Path) -> tuple[RunFolder, str]:
    """Return a run with the same files, whose model can be replaced without harm."""
    source, run = RunFolder(given.resolve()), RunFolder(place)
    protocol = protocol or source.protocols()[0]
    run.task(protocol).path.mkdir(parents=True)
    run.graph.symlink_to(source.graph.resolve())
    for entry in given.resolve().iterdir():
        if not (run.path / entry.name).exists() and entry.is_file():
            (run.path / entry.name).symlink_to(entry)
    task = source.task(protocol)
    run.task(protocol).split.symlink_to(task.split.resolve())
    shutil.copytree(task.model, run.task(protocol).model, copy_function=shutil.copy2)
    if task.answers.is_dir():  # the copy has the manifests, and so the stamp, of the original
        shutil.copytree(task.answers, run.task(protocol).answers)
    return run, protocol


@contextmanager
def serving(run: Path, options: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield port and process id of a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    call = "import isthmus; isthmus.main()"
    command = [sys.executable, "-c", call, "serve", str(run), "--port", str(port), *options]
    with subprocess.Popen(command) as process:
        try:
            wait_for(port, process)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return once the server answers."""
    for _ in range(1_200):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
                reply.read()
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def load(port: int, paths: Sequence[str], rate: float, seconds: float) -> dict[str, Any]:
    """Ask at a steady rate and return what came of it."""
    import uvloop

    before = os.getloadavg()[0]
    began = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        latencies, answers, models = runner.run(asked(port, paths, rate, seconds))
    milliseconds = np.array(latencies) * 1e3
    quantiles = {
        f"p{q:g}_ms": round(float(np.percentile(milliseconds, q)), 2) for q in (50, 95, 99, 99.9)
    }
    return {
        "rate": rate,
        "seconds": seconds,
        "asked": len(latencies),
        "answers": dict(answers),
        "lost": answers.get("lost", 0),
        **quantiles,
        "max_ms": round(float(milliseconds.max()), 2),
        "models": len(models),
        "generator_cpu_seconds": round(time.process_time() - began, 2),
        "load_average": round(before, 2),
    }


async def asked(
    port: int, paths: Sequence[str], rate: float, seconds: float
) -> tuple[list[float], Counter[str], set[str]]:
    """Ask, each question when it is due; return latencies, statuses and models that answered."""
    total = int(rate * seconds)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(Connection(port))
    latencies: list[float] = []
    answers: Counter[str] = Counter()
    models: set[str] = set()
    start = time.perf_counter() + 0.1  # the loop's own clock counts whole milliseconds

    async def one(number: int) -> None:
        due = start + number / rate
        connection = await free.get()
        try:
            status, body = await asyncio.wait_for(
                connection.get(paths[number % len(paths)]), PATIENCE
            )
            answers[str(status)] += 1
            if status == 200:
                value = json.loads(body)
                models.add(value["model"])
                if not value["answers"][0]["items"]:
                    answers["empty"] += 1
        except (OSError, EOFError, TimeoutError, ValueError):
            answers["lost"] += 1
            connection.close()
        latencies.append(time.perf_counter() - due)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as tasks:
        for number in range(total):
            pause = start + number / rate - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            tasks.create_task(one(number))
    while not free.empty():
        free.get_nowait().close()
    return latencies, answers, models


class Connection:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Let go; the next question opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def swapping(
    port: int, paths: Sequence[str], run: RunFolder, protocol: str, arguments: Any
) -> dict[str, Any]:
    """Ask while the model folder is replaced, and count what was lost."""
    model, seconds = run.task(protocol).model, arguments.seconds * 2
    command = [
        sys.executable,
        __file__,
        "--swap",
        str(model),
        str(arguments.swaps),
        str(seconds / (arguments.swaps + 1)),
    ]
    with subprocess.Popen(command) as process:
        found = load(port, paths, arguments.rate, seconds)
        process.wait()
    return shown(f"{arguments.swaps} swaps", found)


def swap(model: Path, times: int, pause: float) -> None:
    """Replace a model and its answers with copies that have another version, again and again."""
    task = TaskFolder(model.parent)
    about, graph = read_json(model / "model.json"), read_json(model / MANIFEST)["graph"]
    for number in range(times):
        time.sleep(pause)
        with write_folder(model, "model", graph=graph) as aside:
            for file in model.iterdir():
                if file.name not in (MANIFEST, "model.json"):
                    os.link(file, aside / file.name)
            write_json(aside / "model.json", {**about, "swap": number})
        if task.answers.is_dir():
            stamped = {**read_json(task.answers / MANIFEST), "model": stamp(task)}
            for name in ("kind", "files"):
                del stamped[name]
            with write_folder(task.answers, KIND, **stamped) as aside:
                for file in task.answers.iterdir():
                    if file.name != MANIFEST:
                        os.link(file, aside / file.name)


def by_wrk(port: int, path: str) -> dict[str, Any] | None:
    """Return what `wrk` says of the server asked as fast as it answers; None without it."""
    if shutil.which("wrk") is None:
        return None
    url = f"http://127.0.0.1:{port}"
    found = {}
    for name, what in (("one user", path), ("health", "/health")):
        command = ["wrk", "-t1", "-c8", "-d5s", "--latency", url + what]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = {line.split()[0]: line.split()[1] for line in said.splitlines() if line.split()}
        found[name] = {"a_second": float(lines["Requests/sec:"]), "p99": lines["99%"]}
        print(f"wrk, {name}: {found[name]}")
    return found


def memory(pid: int) -> int:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 10**6


def shown(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Print a measurement, and return it."""
    print(name, json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--swap"]:
        swap(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
