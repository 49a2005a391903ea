import pytest

from training.standing import Standing
from training.watching.sight import BARS, Curve, Sight, duration


def make_sight(**standing):
    return Sight(
        at=Standing(**{"steps": 3_052, "step": 312, "epoch": 1, **standing}),
        epochs=5,
        losses={"loss": 4.12345, "loss_interaction": 4.1, "loss_alignment": 0.036},
        measures={"edges_per_second": 45_210, "seconds_left": 720.0, "memory_bytes": 2.1e9},
    )


def test_everything_is_said_in_words():
    sight = make_sight()

    assert sight.position() == "epoch 2 of 5, step 312 of 3,052"
    assert sight.loss() == "4.123"
    assert sight.parts() == "interaction 4.100, alignment 0.036"
    assert sight.speed() == "45,210 edges a second"
    assert sight.memory() == "2.10 GB"
    assert sight.left() == "12 minutes left at most"


def test_the_best_valid_score_beside_the_latest():
    records = [{"epoch": e, "valid": {"NDCG@10": v}} for e, v in ((0, 0.1), (1, 0.3), (2, 0.2))]
    assert make_sight(records=records[:2], best=0.3, best_epoch=1).valid() == (
        "NDCG@10 0.3000, the best"
    )
    line = {"epoch": 3, "loss": 1.0}  # from inside an epoch: it has no score
    assert make_sight(records=[*records, line], best=0.3, best_epoch=1).valid() == (
        "NDCG@10 0.2000, best 0.3000 in epoch 1"
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "3 seconds"), (600, "10 minutes"), (9_000, "2.5 hours")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_a_curve_stays_small_and_keeps_its_shape():
    curve = Curve(points=8)
    assert curve.sparkline() == ""
    for value in range(1_000):
        curve.add(float(value))

    line = curve.sparkline()

    assert 4 <= len(line) <= 8
    assert list(line) == sorted(line)
    assert line[0] == BARS[0]
    assert line[-1] == BARS[-1]


def test_a_flat_curve_is_flat():
    curve = Curve()
    for _ in range(5):
        curve.add(1.0)

    assert curve.sparkline() == BARS[0] * 5
