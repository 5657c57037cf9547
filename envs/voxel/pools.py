"""Small things dug into one chunk: pools of water and lava, and dungeons with a spawner and chests."""

from __future__ import annotations

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import below, hashed, uniform
from veclink.envs.voxel.ground import SEA_LEVEL

SALT = 7700
WATER_POOLS, LAVA_POOLS = 4, 8  # one chunk in so many is tried for one
DUNGEON_TRIES = 8
SIDE, DEPTH, WATER_LINE = 16, 8, 4  # the box a pool fits into; liquid stands below this layer, air above
SPAWNER_MARK, CHEST_MARK = 0, 1

_ID = BLOCKS.id
AIR, STONE, DIRT, GRASS, WATER, LAVA = (np.uint8(_ID(n)) for n in ("air", "stone", "dirt", "grass", "water", "lava"))
COBBLE, MOSSY = np.uint8(_ID("cobblestone")), np.uint8(_ID("mossy_cobblestone"))
SPAWNER, CHEST, BEDROCK = np.uint8(_ID("mob_spawner")), np.uint8(_ID("chest")), np.uint8(_ID("bedrock"))
SOLID, LIQUID = BLOCKS.solid, BLOCKS.liquid


@njit(cache=True)
def _hollow(state, hole):
    """Fill `hole` (16, 8, 16) bool with a few ellipsoids run together."""
    hole[:] = False
    for _ in range(4 + below(state, 4)):
        a, b, c = uniform(state) * 6 + 3, uniform(state) * 4 + 2, uniform(state) * 6 + 3
        x = uniform(state) * (SIDE - a - 2) + 1 + a / 2
        y = uniform(state) * (DEPTH - b - 4) + 2 + b / 2
        z = uniform(state) * (SIDE - c - 2) + 1 + c / 2
        for i in range(1, SIDE - 1):
            for j in range(1, DEPTH - 1):
                for k in range(1, SIDE - 1):
                    u, v, w = 2 * (i - x) / a, 2 * (j - y) / b, 2 * (k - z) / c
                    if u * u + v * v + w * w < 1.0:
                        hole[i, j, k] = True


@njit(cache=True)
def _rim(hole, i, j, k):
    """Whether a cell is no part of the hollow but touches it."""
    if hole[i, j, k]:
        return False
    return ((i > 0 and hole[i - 1, j, k]) or (i < SIDE - 1 and hole[i + 1, j, k]) or (j > 0 and hole[i, j - 1, k])
            or (j < DEPTH - 1 and hole[i, j + 1, k]) or (k > 0 and hole[i, j, k - 1])
            or (k < SIDE - 1 and hole[i, j, k + 1]))


@njit(cache=True)
def _holds(blocks, hole, y, liquid):
    """Whether the rim is tight below the water line and dry above it."""
    for i in range(SIDE):
        for j in range(DEPTH):
            for k in range(SIDE):
                block = blocks[i, y + j, k]
                if block == BEDROCK and hole[i, j, k]:
                    return False
                if not _rim(hole, i, j, k):
                    continue
                if j >= WATER_LINE and LIQUID[block] > 0:
                    return False
                if j < WATER_LINE and not SOLID[block] and block != liquid:
                    return False
    return True


@njit(cache=True)
def _pool(state, blocks, meta, y, liquid):
    """Sink a pool into the ground below y, if it would hold."""
    hole = np.empty((SIDE, DEPTH, SIDE), np.bool_)
    while y > 5 and blocks[8, y, 8] == AIR:
        y -= 1
    y -= WATER_LINE
    if y <= 4 or y > 110:
        return
    _hollow(state, hole)
    if not _holds(blocks, hole, y, liquid):
        return
    for i in range(SIDE):
        for j in range(DEPTH):
            for k in range(SIDE):
                if hole[i, j, k]:
                    blocks[i, y + j, k] = AIR if j >= WATER_LINE else liquid
                    meta[i, y + j, k] = 0
                    if j == WATER_LINE and blocks[i, y + j - 1, k] == DIRT and y + j >= SEA_LEVEL - 2:
                        blocks[i, y + j - 1, k] = GRASS
                elif (liquid == LAVA and _rim(hole, i, j, k) and SOLID[blocks[i, y + j, k]]
                      and blocks[i, y + j, k] != BEDROCK and (j < WATER_LINE or below(state, 2) == 0)):
                    blocks[i, y + j, k], meta[i, y + j, k] = STONE, 0


@njit(cache=True)
def pools(seed, cx, cz, wet, free, blocks, meta):
    """Sink a chunk's pools. `wet`: its biome has water. `free`: no village is near."""
    state = np.zeros(1, np.uint64)
    state[0] = np.uint64(hashed(seed, cx, 0, cz, SALT) * 9007199254740992.0)
    if below(state, WATER_POOLS) == 0 and wet and free:
        _pool(state, blocks, meta, min(127, below(state, 256)), WATER)
    if below(state, LAVA_POOLS) == 0:
        y = below(state, below(state, 248) + 8)
        if y < SEA_LEVEL or (below(state, 10) == 0 and free):
            _pool(state, blocks, meta, min(127, y), LAVA)


@njit(cache=True)
def _room(blocks, x, y, z, a, c):
    """Whether a room about (x, y, z) has floor and ceiling, and one to five ways in."""
    ways = 0
    for i in range(x - a - 1, x + a + 2):
        for k in range(z - c - 1, z + c + 2):
            if not SOLID[blocks[i, y - 1, k]] or not SOLID[blocks[i, y + 4, k]]:
                return False
            wall = abs(i - x) == a + 1 or abs(k - z) == c + 1
            if wall and blocks[i, y, k] == AIR and blocks[i, y + 1, k] == AIR:
                ways += 1
    return 1 <= ways <= 5


@njit(cache=True)
def _build(state, blocks, meta, x, y, z, a, c):
    """Walls, floor and emptiness of a dungeon."""
    for i in range(x - a - 1, x + a + 2):
        for k in range(z - c - 1, z + c + 2):
            for j in range(y + 3, y - 2, -1):
                inside = abs(i - x) <= a and abs(k - z) <= c and j >= y
                if inside:
                    blocks[i, j, k], meta[i, j, k] = AIR, 0
                elif SOLID[blocks[i, j, k]]:
                    blocks[i, j, k], meta[i, j, k] = (MOSSY if j < y and below(state, 4) > 0 else COBBLE), 0
    blocks[x, y, z] = SPAWNER


@njit(cache=True)
def dungeon(seed, cx, cz, blocks, meta, out):
    """Build at most one dungeon into a chunk.

    Args:
        out: (4, 4) int64, written: what it holds (SPAWNER_MARK, CHEST_MARK), and x, y, z within the chunk.

    Returns:
        The number of rows written.
    """
    state = np.zeros(1, np.uint64)
    state[0] = np.uint64(hashed(seed, cx, 1, cz, SALT) * 9007199254740992.0)
    for _ in range(DUNGEON_TRIES):
        x, z, y = 5 + below(state, 6), 5 + below(state, 6), 8 + below(state, 110)
        a, c = 2 + below(state, 2), 2 + below(state, 2)
        if not _room(blocks, x, y, z, a, c):
            continue
        _build(state, blocks, meta, x, y, z, a, c)
        out[0] = (SPAWNER_MARK, x, y, z)
        n = 1
        for _ in range(2):
            side = below(state, 4)
            i = x + (a, -a, 0, 0)[side]
            k = z + (0, 0, c, -c)[side]
            if blocks[i, y, k] == AIR:
                blocks[i, y, k], meta[i, y, k] = CHEST, (4, 5, 2, 3)[side]
                out[n] = (CHEST_MARK, i, y, k)
                n += 1
        return n
    return 0
