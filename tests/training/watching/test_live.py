import io
import time

import pytest
from rich.console import Console

from training.standing import Standing
from training.watching import live
from training.watching.live import SHARE, Lines, Picture
from training.watching.sight import Sight


@pytest.fixture
def sight():
    return Sight(
        at=Standing(steps=20, step=7, records=[{"epoch": 0, "valid": {"NDCG@10": 0.1}}], best=0.1),
        epochs=2,
        losses={"loss": 4.0, "loss_interaction": 3.5},
        measures={"edges_per_second": 100, "seconds_left": 9.0, "memory_bytes": 1e9},
    )


@pytest.fixture
def picture():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    made = Picture(console, "films, user-cold", "sampled")
    yield made
    made.close()


def test_the_picture_has_everything(picture, sight):
    for loss in (5.0, 4.5, 4.0):
        picture.note(loss)

    picture.show(sight)

    shown = picture._live.console.file.getvalue()
    for told in (
        "films, user-cold",
        "epoch 1 of 2, step 7 of 20",
        "4.000",
        "█▅▁",
        "interaction 3.500",
        "NDCG@10 0.1000, the best",
        "100 edges a second",
        "1.00 GB",
        "9 seconds left at most",
        "sampled",
    ):
        assert told in shown, told


def test_drawing_costs_a_bounded_share_of_the_time(picture, sight, monkeypatch):
    now, drawn = [0.0], []
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])

    def slow(*_, **__):
        now[0] += 0.1
        drawn.append(now[0])

    monkeypatch.setattr(picture._live, "update", slow)
    picture._next = 0.0
    while now[0] < 1_000:
        if picture.is_due():
            picture.show(sight)
        now[0] += 0.02  # a step

    assert len(drawn) > 10
    assert 0.1 * len(drawn) <= 1.1 * SHARE * 1_000


def test_a_picture_is_quick(picture, sight):
    picture.show(sight)
    began = time.process_time()
    for _ in range(20):
        picture.show(sight)

    assert (time.process_time() - began) / 20 < 0.05


def test_a_log_has_a_line_a_minute_and_a_short_training_none(sight, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    file = io.StringIO()
    lines = Lines(Console(file=file, width=40), "films, user-cold")
    for second in range(200):
        now[0] = float(second)
        lines.note(4.0)
        if lines.is_due():
            lines.show(sight)

    written = file.getvalue().splitlines()

    assert len(written) == 3
    assert written[0] == (
        "films, user-cold: epoch 1 of 2, step 7 of 20; loss 4.000; valid NDCG@10 0.1000, the best; "
        "100 edges a second; 1.00 GB; 9 seconds left at most"
    )
