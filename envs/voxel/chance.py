"""All of the world's randomness: one saved stream of draws, and stateless draws by position.

splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014) in both cases: one 64-bit
word of state, the same numbers from Python and from compiled code.
"""

from __future__ import annotations

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
X_STEP, Y_STEP, Z_STEP = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)
S11, S27, S30, S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
UNIT = 1.0 / 9007199254740992.0  # 2**-53


@njit(cache=True)
def mixed(z):
    """A 64-bit word well stirred."""
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@njit(cache=True)
def uniform(state):
    """The next draw, float64 in [0, 1). `state` is a uint64 array (1,), advanced in place."""
    state[0] += GOLDEN
    return (mixed(state[0]) >> S11) * UNIT


@njit(cache=True)
def below(state, n):
    """The next draw, int64 in 0..n-1."""
    return np.int64(uniform(state) * n)


@njit(cache=True)
def hashed(seed, x, y, z, salt):
    """A draw that belongs to a place: float64 in [0, 1), the same for the same five integers."""
    word = np.uint64(seed) * GOLDEN + np.uint64(salt) * FIRST
    word = mixed(word ^ (np.uint64(x) * X_STEP))
    word = mixed(word ^ (np.uint64(y) * Y_STEP))
    word = mixed(word ^ (np.uint64(z) * Z_STEP))
    return (word >> S11) * UNIT


class Chance:
    """One stream of draws.

    Args:
        seed: any integer.

    Attributes:
        state: (1,) uint64, advanced by every draw; saving it saves the stream.
    """

    def __init__(self, seed: int) -> None:
        self.state = np.array([(seed * 0x5851F42D4C957F2D + 0x14057B7EF767814F) & 0xFFFFFFFFFFFFFFFF], np.uint64)

    def uniform(self) -> float:
        """In [0, 1)."""
        return float(uniform(self.state))

    def below(self, n: int) -> int:
        """An integer in 0..n-1."""
        return int(below(self.state, n))

    def between(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        return low + int(below(self.state, high - low + 1))
