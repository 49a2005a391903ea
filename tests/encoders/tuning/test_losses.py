import math

import pytest
import torch
from torch.nn.functional import normalize

from encoders.tuning.losses import IGNORED, both_ways, distance, info_nce, listwise, next_or_masked

SIMILARITIES = torch.tensor([[0.9, 0.1, 0.4], [0.2, 0.8, 0.6]])
OWN = torch.tensor([0, 1])
NOTHING = torch.zeros(2, 3, dtype=torch.bool)


def closed(row: list[float], positive: int) -> float:
    return -row[positive] + math.log(sum(math.exp(value) for value in row))


def test_info_nce_is_the_closed_form():
    loss = info_nce(SIMILARITIES, OWN, NOTHING, temperature=0.5)
    expected = (closed([1.8, 0.2, 0.8], 0) + closed([0.4, 1.6, 1.2], 1)) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_known_candidates_are_no_negatives_but_the_positive_stays():
    known = torch.tensor([[True, False, True], [False, False, False]])
    loss = info_nce(SIMILARITIES, OWN, known, temperature=0.5)
    expected = (closed([1.8, 0.2], 0) + closed([0.4, 1.6, 1.2], 1)) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_popularity_is_taken_off():
    log_popularity = torch.tensor([-1.0, -3.0, -2.0])
    loss = info_nce(SIMILARITIES, OWN, NOTHING, temperature=1, log_popularity=log_popularity)
    expected = (closed([1.9, 3.1, 2.4], 0) + closed([1.2, 3.8, 2.6], 1)) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("extreme", [1e9, -1e9])
def test_extremes_stay_finite(extreme):
    similarities = torch.full((2, 2), extreme, requires_grad=True)
    known = torch.tensor([[False, True], [True, False]])
    alone = info_nce(similarities, OWN, known, temperature=0.05)
    assert alone.item() == 0
    ranked = listwise(similarities, torch.eye(2) + 0.5, temperature=0.05)
    (alone + ranked).backward()
    assert ranked.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(similarities.grad).all()
    far = info_nce(torch.tensor([[extreme, -extreme]]), OWN[:1], NOTHING[:1, :2], temperature=1.0)
    assert float(far) == pytest.approx(max(0.0, -2 * extreme))


def test_both_ways_asks_for_further_negatives_on_the_way_there_only():
    anchors = normalize(torch.tensor([[1.0, 0.2], [0.1, 1.0]]), dim=1)
    candidates = normalize(torch.tensor([[1.0, 0.0], [0.3, 1.0], [0.5, 0.5]]), dim=1)
    there = info_nce(anchors @ candidates.T, OWN, NOTHING, temperature=0.3)
    back = info_nce(candidates[:2] @ anchors.T, OWN, NOTHING[:, :2], temperature=0.3)
    loss = both_ways(anchors, candidates, NOTHING, temperature=0.3)
    assert float(loss) == pytest.approx(float(there + back) / 2, rel=1e-6)


def test_known_is_turned_on_the_way_back():
    anchors = normalize(torch.tensor([[1.0, 0.2], [0.1, 1.0]]), dim=1)
    candidates = normalize(torch.tensor([[1.0, 0.0], [0.7, 1.0]]), dim=1)
    known = torch.tensor([[False, True], [False, False]])  # anchor 0 knows candidate 1
    cosines = (anchors @ candidates.T / 0.5).tolist()
    there = closed(cosines[1], 1) / 2  # anchor 0 has nothing to be told from
    back = closed([cosines[0][0], cosines[1][0]], 0) / 2  # nor has candidate 1
    loss = both_ways(anchors, candidates, known, temperature=0.5)
    assert float(loss) == pytest.approx((there + back) / 2, rel=1e-5)


def test_listwise_is_the_closed_form():
    similarities = torch.tensor([[1.0, 0.7, 0.1], [0.7, 1.0, 0.2], [0.1, 0.2, 1.0]])
    targets = torch.tensor([[1.0, 0.6, 0.2], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    loss = listwise(similarities, targets, temperature=0.5)
    expected = 0.0
    for s, p in (((1.4, 0.2), (0.75, 0.25)), ((1.4, 0.4), (1.0, 0.0))):  # the third says nothing
        q = [math.exp(value) / sum(map(math.exp, s)) for value in s]
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_listwise_of_rows_that_are_like_no_other_is_zero():
    similarities = torch.rand(3, 3, requires_grad=True)
    loss = listwise(similarities, torch.eye(3), temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert not similarities.grad.any()


def test_words_that_are_not_asked_for_do_not_count():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [5.0, -5.0]]])
    labels = torch.tensor([[0, 0, IGNORED]])
    expected = (closed([2.0, 0.0], 0) + closed([0.0, 1.0], 0)) / 2
    assert float(next_or_masked(logits, labels)) == pytest.approx(expected, rel=1e-6)
    assert float(next_or_masked(logits, torch.full_like(labels, IGNORED))) == 0


def test_distance_of_one_length_is_half_the_squared_distance():
    a, b = normalize(torch.rand(5, 4), dim=1), normalize(torch.rand(5, 4), dim=1)
    expected = (a - b).square().sum(dim=1).mean() / 2
    assert float(distance(a, b)) == pytest.approx(float(expected), rel=1e-5)


def test_distance_of_two_lengths_compares_cosines():
    a = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    b = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert float(distance(a, b)) == pytest.approx(0.36)
    assert float(distance(a[:1], b[:1])) == 0
