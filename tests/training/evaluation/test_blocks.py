import numpy as np
import pytest

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
