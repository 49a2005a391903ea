"""What a command that is interrupted says, and with which code it leaves."""

import os
import signal

import pytest
from typer.testing import CliRunner

from isthmus import app
from kg.interruption import Interrupted
from training import jobs

JOB = """
name = "tiny"
graph.folder = "graph"
task.target = "films"
"""


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Return the factory: a run in whose import something happens."""
    (tmp_path / "job.toml").write_text(JOB)

    def factory(what):
        monkeypatch.setattr(jobs, "import_step", lambda *_: what())
        arguments = ["run", str(tmp_path / "job.toml"), "--out", str(tmp_path / "run")]
        return CliRunner().invoke(app, arguments)

    return factory


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_outside_of_training_is_one_line(interrupted, signum, code):
    before = signal.getsignal(signal.SIGTERM)

    done = interrupted(lambda: os.kill(os.getpid(), signum))

    assert done.exit_code == code
    assert done.output == "interrupted; the same command, without --fresh, goes on from here\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_training_says_what_it_has_kept(interrupted):
    def leave():
        raise Interrupted(signal.SIGTERM, "step 7 of epoch 2 is in run/user-cold/checkpoints")

    done = interrupted(leave)

    assert done.exit_code == 143
    assert done.output == (
        "interrupted: step 7 of epoch 2 is in run/user-cold/checkpoints; "
        "the same command, without --fresh, goes on from here\n"
    )
