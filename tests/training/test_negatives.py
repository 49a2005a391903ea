import numpy as np
import pytest
import torch

from training.negatives import draw

POPULARITY = torch.tensor([0.0, 1.0, 4.0, 9.0, 100.0])
POOL = torch.tensor([0, 2, 3])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_frequencies_follow_popularity_to_a_power(power):
    n = 40_000

    drawn = draw(POOL, POPULARITY, power, n, generator())

    mass = np.maximum(POPULARITY.numpy()[POOL], 1) ** power  # who is not popular can be drawn
    expected = dict(zip(POOL.tolist(), n * mass / mass.sum(), strict=True))
    counts = torch.bincount(drawn.items, minlength=5)
    for item, number in expected.items():
        assert int(counts[item]) == pytest.approx(number, rel=0.05)
    assert set(drawn.items.tolist()) == set(POOL.tolist())


def test_log_expected_is_log_of_n_times_q():
    drawn = draw(POOL, POPULARITY, 0.5, 100, generator())

    q = {0: 1 / 6, 2: 2 / 6, 3: 3 / 6}
    expected = [np.log(100 * q[item]) for item in drawn.items.tolist()]
    np.testing.assert_allclose(drawn.log_expected, expected, rtol=1e-5)


def test_uniform_draws_of_as_many_as_there_are_need_no_correction():
    drawn = draw(POOL, POPULARITY, 0.0, 3, generator())

    np.testing.assert_allclose(drawn.log_expected, 0, atol=1e-6)


def test_one_seed_gives_one_draw_whatever_the_global_generators_did():
    first = draw(POOL, POPULARITY, 0.5, 50, generator(3))
    torch.manual_seed(99)
    torch.rand(7)

    again = draw(POOL, POPULARITY, 0.5, 50, generator(3))
    other = draw(POOL, POPULARITY, 0.5, 50, generator(4))

    assert torch.equal(again.items, first.items)
    assert not torch.equal(other.items, first.items)


def test_a_pool_of_one():
    drawn = draw(torch.tensor([4]), POPULARITY, 1.0, 5, generator())

    assert drawn.items.tolist() == [4] * 5
    np.testing.assert_allclose(drawn.log_expected, np.log(5), rtol=1e-6)
