"""Killed with -9 at any moment of a training, the same command ends as if nothing had happened."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.watching.pace import MEASURES

REPOSITORY = Path(__file__).parents[2]
JOB = """
name = "tiny"
graph.mapping = "graph.toml"
task = { target = "films", protocols = ["user-cold"], valid_fraction = 0.2, test_fraction = 0.2 }
encoder = { model = "hashing", dim = 16, cache = "cache" }
neighbours.k = 3
model.width = 8
ranking.folds = 1
training = { epochs = 3, patience = 9, negatives = 8, device = "cpu", checkpoint_minutes = 1e-9 }
"""
# SIGKILL, which nothing can catch, when `moment` has happened `count` times
COMMAND = """
import os, signal, sys
moment, count, *arguments = sys.argv[1:]
import training.checkpoint, training.fit, training.loop
import isthmus

def dying(module, name, after):
    real, left = getattr(module, name), [int(count)]
    def wrapped(*a, **k):
        left[0] -= 1
        if left[0] < 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*a, **k)
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(module, name, wrapped)

if moment == "step":
    dying(training.loop, "train_step", after=True)
elif moment == "written":  # the tensors of a checkpoint, before it has its name
    dying(training.checkpoint, "save_file", after=True)
elif moment == "judged":
    dying(training.fit, "_score", after=False)
sys.argv = ["isthmus", *arguments]
isthmus.main()
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(write_checkerboard, tmp_path):
    write_checkerboard(tmp_path)
    (tmp_path / "job.toml").write_text(JOB)
    return tmp_path


def train(folder, out, moment="never", count=0):
    arguments = ["train", str(folder / "job.toml"), "--out", str(folder / out)]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, moment, str(count), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode


def outcome(run):
    """Return hashes of all that was learned, and the metrics without what the clock says."""
    task = run / "user-cold"
    files = sorted((task / "model").glob("*.safetensors"))
    lines = [json.loads(line) for line in (task / "metrics.jsonl").read_text().splitlines()]
    return {
        **{file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "metrics": [{k: v for k, v in line.items() if k not in MEASURES} for line in lines],
    }


def test_killed_at_several_moments_it_ends_the_same(folder):
    assert train(folder, "whole") == 0

    # of 54 steps: inside an epoch, at the end of one, and before a checkpoint has its name
    for moment, count in (("step", 5), ("judged", 0), ("written", 9)):
        assert train(folder, "cut", moment, count) == -9, moment
    at = json.loads((folder / "cut" / "user-cold" / "checkpoints" / "progress.json").read_text())
    assert at["epoch"] * at["steps"] + at["step"] == 26  # each kill has lost one step

    assert train(folder, "cut") == 0

    assert outcome(folder / "cut") == outcome(folder / "whole")
    left = [path.name for path in (folder / "cut" / "user-cold").iterdir()]
    assert not [name for name in left if name.startswith(".")]
