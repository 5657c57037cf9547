"""Gradient noise in two and three dimensions, from shuffled tables that follow from the seed.

Perlin's improved noise (SIGGRAPH 2002): smooth, about -1..1, zero at whole numbers, period 256. Octaves use different
rows of the table, so that they do not line up.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.voxel.chance import Chance, below

ROWS = 48
SPREAD_2 = 0.30  # standard deviation of one octave of `noise2`, measured


def tables(seed: int) -> np.ndarray:
    """(ROWS, 512) int32: a shuffled 0..255 in every row, twice over."""
    rows = np.empty((ROWS, 512), np.int32)
    _shuffle(Chance(seed).state, rows)
    return rows


@njit(cache=True)
def _shuffle(state, rows):
    for row in rows:
        for i in range(256):
            row[i] = i
        for i in range(255, 0, -1):
            other = below(state, i + 1)
            row[i], row[other] = row[other], row[i]
        row[256:] = row[:256]


@njit(cache=True)
def _fade(t):
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)


@njit(cache=True)
def _slope3(word, x, y, z):
    """The dot product with one of twelve directions to the edges of a cube."""
    h = word & 15
    u = x if h < 8 else y
    v = y if h < 4 else (x if h == 12 or h == 14 else z)
    return (u if h & 1 == 0 else -u) + (v if h & 2 == 0 else -v)


@njit(cache=True)
def noise3(row, x, y, z):
    """One octave at a point."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx) & 255, int(fy) & 255, int(fz) & 255
    x, y, z = x - fx, y - fy, z - fz
    u, v, w = _fade(x), _fade(y), _fade(z)
    a, b = row[i] + j, row[i + 1] + j
    aa, ab, ba, bb = row[a & 255] + k, row[(a + 1) & 255] + k, row[b & 255] + k, row[(b + 1) & 255] + k
    p = _slope3(row[aa], x, y, z)
    p += u * (_slope3(row[ba], x - 1, y, z) - p)
    q = _slope3(row[ab], x, y - 1, z)
    q += u * (_slope3(row[bb], x - 1, y - 1, z) - q)
    p += v * (q - p)
    r = _slope3(row[aa + 1], x, y, z - 1)
    r += u * (_slope3(row[ba + 1], x - 1, y, z - 1) - r)
    s = _slope3(row[ab + 1], x, y - 1, z - 1)
    s += u * (_slope3(row[bb + 1], x - 1, y - 1, z - 1) - s)
    r += v * (s - r)
    return p + w * (r - p)


@njit(cache=True)
def _slope2(word, x, z):
    """The dot product with one of eight directions."""
    h = word & 7
    if h < 4:
        return (x if h & 1 == 0 else -x) + (z if h & 2 == 0 else -z)
    if h < 6:
        return 1.4142135623730951 * (x if h == 4 else -x)
    return 1.4142135623730951 * (z if h == 6 else -z)


@njit(cache=True)
def noise2(row, x, z):
    """One octave at a point of the plane."""
    fx, fz = math.floor(x), math.floor(z)
    i, k = int(fx) & 255, int(fz) & 255
    x, z = x - fx, z - fz
    u, w = _fade(x), _fade(z)
    a, b = row[i] + k, row[i + 1] + k
    p = _slope2(row[a], x, z)
    p += u * (_slope2(row[b], x - 1, z) - p)
    q = _slope2(row[a + 1], x, z - 1)
    q += u * (_slope2(row[b + 1], x - 1, z - 1) - q)
    return p + w * (q - p)
