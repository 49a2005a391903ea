"""The floor of floors: scores that know nothing."""

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import user_blocks


class Random:
    """A uniform score in [0, 1) for every (user, item), drawn by hashing the pair with the seed.

    A generator would make the score depend on which block is asked for first; a hash of the pair
    does not. The hash is two rounds of SplitMix64 (Steele, Lea and Flood, 2014), of which the upper
    24 bits fit a float32.
    """

    def __init__(self, seed: int, name: str = "random") -> None:
        self.name = name
        self._seed = np.array([seed % 2**64], dtype=np.uint64)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        rows = _mix(_mix(self._seed) ^ users.astype(np.uint64))
        columns = items.astype(np.uint64)
        for block in user_blocks(len(users), 24 * len(items)):
            bits = _mix(rows[block, None] ^ columns[None, :])
            scores[block] = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return scores


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the SplitMix64 output for each state; arrays wrap around modulo 2**64 silently."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
