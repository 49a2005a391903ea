"""Steps under a stopwatch, and the memory of a process as it is seen from outside."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "stopwatch.py"


@pytest.fixture(scope="module")
def stopwatch():
    spec = importlib.util.spec_from_file_location("stopwatch", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_calls_are_timed_wherever_a_function_was_imported(stopwatch, monkeypatch):
    import kg.files
    import kg.store

    monkeypatch.setattr(kg.files, "read_json", kg.files.read_json)  # put back afterwards
    monkeypatch.setattr(kg.store, "read_json", kg.store.read_json)
    watch = stopwatch.Stopwatch()
    watch.wrap("kg.files.read_json")
    with pytest.raises(Exception, match="is missing"):
        kg.store.read_json(Path("nowhere"))
    ((began, ended, cpu),) = watch.steps["read_json"]
    assert began <= ended
    assert cpu >= 0


def test_methods_are_timed(stopwatch, monkeypatch):
    from kg.vocab import Vocab

    monkeypatch.setattr(Vocab, "lookup", Vocab.lookup)
    watch = stopwatch.Stopwatch()
    watch.wrap("kg.vocab.Vocab.lookup")
    assert "a" in Vocab.from_values(["a"])
    assert len(watch.steps["lookup"]) == 1


def test_a_call_is_timed_and_gives_what_it_gives(stopwatch):
    given, wall, cpu = stopwatch.taken(lambda: [time.sleep(0.05), "done"][1])
    assert given == "done"
    assert 0.05 <= wall < 5
    assert 0 <= cpu < wall


def test_memory_of_a_step_is_the_highest_while_it_lasted(stopwatch):
    looks = [stopwatch.Look(time, 10 * time, time) for time in range(10)]
    found = stopwatch.summed([[2.5, 3.5, 0.25], [4.5, 5.5, 0.5]], looks)
    assert (found["calls"], found["seconds"], found["cpu_seconds"]) == (2, 2.0, 0.75)
    assert (found["peak_bytes"], found["peak_own_bytes"]) == (60, 6)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory off /proc")
def test_memory_is_read_until_a_process_ends(stopwatch):
    code = "import time; held = bytearray(b'x' * 50_000_000); time.sleep(0.3)"
    with subprocess.Popen([sys.executable, "-c", code]) as child:
        looks = stopwatch.looked_at(child)
    assert max(look.own for look in looks) > 50_000_000
