import numpy as np
import pytest

from training.evaluation import blocks
from training.evaluation.blocks import BYTES_PER_SCORE, score_blocks


class Sum:
    name = "sum"

    def score(self, users, items):
        return (users[:, None] * 100 + items).astype(np.float32)


@pytest.mark.parametrize(("room", "blocks"), [(2, [2, 2, 1]), (0, [1] * 5), (9, [5])])
def test_blocks_are_as_large_as_the_setting_allows(checkerboard_split, room, blocks):
    split = checkerboard_split()
    users, candidates = np.arange(5), split.test.candidates
    size = room * len(candidates) * BYTES_PER_SCORE
    found = list(score_blocks(Sum(), split, users, candidates, block_bytes=size))
    assert [block.last - block.first for block in found] == blocks
    assert found[-1].last == 5


def test_training_items_are_left_out(checkerboard_split):
    split = checkerboard_split()
    users, candidates = np.array([0, 4]), split.test.candidates
    (block,) = score_blocks(Sum(), split, users, candidates, block_bytes=10**6)
    assert not np.isnan(block.negated[0]).any()  # cold
    even = np.array([int(i[-2:]) % 2 == 0 for i in split.train.items.vocab.to_ids(candidates)])
    assert np.array_equal(np.isnan(block.negated[1]), even)
    assert np.array_equal(block.negated[1][~even], -(400.0 + candidates[~even]))


def test_what_candidates_need_is_made_once(checkerboard_split):
    split = checkerboard_split()
    users, candidates = np.arange(5), split.test.candidates
    asked = []

    class Gathering(Sum):
        def among(self, items):
            asked.append(items)
            return lambda users: Sum.score(self, users, items) + 1

    size = 2 * len(candidates) * BYTES_PER_SCORE
    found = score_blocks(Gathering(), split, users, candidates, block_bytes=size)
    first = [block.negated[0, 0] for block in found]
    assert [len(items) for items in asked] == [len(candidates)]
    expected = [-(user * 100.0 + candidates[0] + 1) for user in (0, 2, 4)]
    assert all(np.isnan(own) or own == one for own, one in zip(first, expected, strict=True))


def test_many_scored_at_once_are_yielded_a_few_at_a_time(checkerboard_split, monkeypatch):
    split = checkerboard_split()
    users, candidates = np.arange(5), split.test.candidates
    (whole,) = score_blocks(Sum(), split, users, candidates, block_bytes=10**6)
    monkeypatch.setattr(blocks, "CACHED_SCORES", 2 * len(candidates))
    asked = []

    class Asked(Sum):
        def score(self, users, items):
            asked.append(len(users))
            return super().score(users, items)

    found = score_blocks(Asked(), split, users, candidates, block_bytes=10**6)
    parts = [(block.first, block.last, block.negated.copy()) for block in found]
    assert asked == [5]
    assert [part[:2] for part in parts] == [(0, 2), (2, 4), (4, 5)]
    together = np.concatenate([part[2] for part in parts])
    assert np.array_equal(together, whole.negated, equal_nan=True)
