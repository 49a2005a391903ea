import subprocess
import sys

import pytest

from kg.errors import ConfigError
from training.watching import tensorboard
from training.watching.tensorboard import Board, check_tensorboard

LINES = [
    {"epoch": 0, "valid": {"NDCG@10": 0.1}},
    {"epoch": 1, "step": 100, "loss": 4.0, "loss_alignment": 0.5, "learning_rate": 0.01},
    {"epoch": 1, "step": 180, "loss": 3.0, "valid": {"NDCG@10": 0.2}, "memory_bytes": 7, "x": 1},
]


def read(folder):
    """Return tag -> pairs of step and value, as TensorBoard reads them."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(folder)).Reload()
    return {
        tag: [(e.step, round(e.value, 6)) for e in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_lines_are_scalars(tmp_path):
    board = Board(tmp_path / "tb", LINES[:1], done=0)
    for line in LINES[1:]:
        board.record(line)
    board.close()

    assert read(tmp_path / "tb") == {
        "loss/loss": [(100, 4.0), (180, 3.0)],
        "loss/alignment": [(100, 0.5)],
        "learning_rate": [(100, 0.01)],
        "valid/NDCG@10": [(0, 0.1), (180, 0.2)],
        "machine/memory_bytes": [(180, 7.0)],
    }


def test_what_a_killed_process_wrote_too_much_is_taken_back(tmp_path):
    board = Board(tmp_path / "tb", LINES[:1], done=0)
    for line in LINES[1:]:
        board.record(line)
    board.close()

    again = Board(tmp_path / "tb", LINES[:2], done=100)  # the checkpoint is of step 100
    again.record({**LINES[2], "loss": 2.5})
    again.close()

    assert read(tmp_path / "tb")["loss/loss"] == [(100, 4.0), (180, 2.5)]


def test_asked_for_later_it_has_everything(tmp_path):
    board = Board(tmp_path / "tb", LINES, done=180)
    board.close()

    assert read(tmp_path / "tb")["loss/loss"] == [(100, 4.0), (180, 3.0)]


def test_without_the_extra_it_is_one_line(monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"pip install 'isthmus\[watch\]'"):
        check_tensorboard()


def test_it_is_imported_only_where_it_is_asked_for():
    code = "import sys, training.watching.tensorboard; sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
