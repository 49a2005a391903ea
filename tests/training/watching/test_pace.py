import torch

from training.watching.pace import MEASURES, Pace


def test_speed_memory_and_time_left():
    pace = Pace(torch.device("cpu"), interactions=500, total=100)
    assert set(pace.measures(1.0, 0)) == {"seconds", "memory_bytes"}  # nothing is known yet
    pace.count(2, 4.0)

    found = pace.measures(seconds=4.567, done=90)

    assert found["seconds"] == 4.57
    assert found["edges_per_second"] == 250
    assert found["seconds_left"] == 20.0
    assert 10**7 < found["memory_bytes"] < 10**12
    assert set(found) <= set(MEASURES)


def test_a_change_of_speed_comes_through_bit_by_bit():
    pace = Pace(torch.device("cpu"), interactions=1, total=1)
    pace.count(1, 1.0)
    pace.count(0, 5.0)  # nothing was looked at
    pace.count(1, 2.0)

    assert pace.seconds_per_step == 1.1

    for _ in range(100):
        pace.count(1, 2.0)
    assert abs(pace.seconds_per_step - 2.0) < 1e-4
