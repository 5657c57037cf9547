"""The Nether: caverns of netherrack over a sea of lava, with soul sand, glowstone, quartz and fortresses."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import below, hashed
from veclink.envs.voxel.noise import noise2, noise3
from veclink.envs.voxel.ores import vein

LAVA_LEVEL = 31  # y of the sea's highest block
SALT = 7900
ROCK_ROW, SOIL_ROW = 12, 20
SPACING = 16  # chunks: side of a region with one fortress
FLOOR = 64  # y of a fortress's floor
ARM = 44  # blocks from its middle to the end of each bridge
ROOM = 7  # half the width of its hall

_ID = BLOCKS.id
AIR, NETHERRACK, LAVA = (np.uint8(_ID(name)) for name in ("air", "netherrack", "lava"))
BEDROCK, SOUL_SAND, GRAVEL = (np.uint8(_ID(name)) for name in ("bedrock", "soul_sand", "gravel"))
GLOWSTONE, QUARTZ, MAGMA, FIRE = (np.uint8(_ID(name)) for name in ("glowstone", "quartz_ore", "magma", "fire"))
BROWN_SHROOM, RED_SHROOM = np.uint8(_ID("brown_mushroom")), np.uint8(_ID("red_mushroom"))
BRICK, RAIL, WART, SPAWNER, CHEST = (
    _ID(name) for name in ("nether_brick", "nether_brick_fence", "nether_wart", "mob_spawner", "chest"))


@njit(cache=True)
def _lattice(rows, cx, cz, dense):
    """Fill `dense` (5, 5, 17), every 4 x 8 x 4 blocks: above 0 is rock."""
    for i in range(5):
        for k in range(5):
            x, z = cx * 4.0 + i, cz * 4.0 + k
            for y in range(17):
                value = 0.0
                for octave in range(4):
                    scale = 2.0**octave
                    value += noise3(rows[ROCK_ROW + octave], x * 0.085 * scale, y * 0.17 * scale,
                                    z * 0.085 * scale) / scale
                edge = min(y, 16 - y)
                value += 0.10 * math.cos(y * math.pi * 6.0 / 17.0) - 0.06
                if edge < 4:
                    value += (4 - edge) ** 3 * 0.035 if y > 8 else (4 - edge) ** 3 * 0.012
                dense[i, k, y] = value


@njit(cache=True)
def _rock(dense, blocks):
    for i in range(16):
        for k in range(16):
            a, c, u, w = i >> 2, k >> 2, (i & 3) / 4.0, (k & 3) / 4.0
            for y in range(128):
                b, v = y >> 3, (y & 7) / 8.0
                value = 0.0
                for da in range(2):
                    for db in range(2):
                        for dc in range(2):
                            weight = (u if da else 1 - u) * (v if db else 1 - v) * (w if dc else 1 - w)
                            value += weight * dense[a + da, c + dc, b + db]
                blocks[i, y, k] = NETHERRACK if value > 0 else LAVA if y <= LAVA_LEVEL else AIR


@njit(cache=True)
def _soil(rows, seed, cx, cz, blocks):
    """Bedrock above and below, soul sand and gravel on the shores, fire and mushrooms on the ground."""
    for i in range(16):
        for k in range(16):
            x, z = cx * 16 + i, cz * 16 + k
            sand = noise2(rows[SOIL_ROW], x / 24.0, z / 24.0) > 0.12
            stones = noise2(rows[SOIL_ROW + 1], x / 18.0, z / 18.0) > 0.25
            for y in range(1, 124):
                if blocks[i, y, k] != NETHERRACK or blocks[i, y + 1, k] != AIR:
                    continue
                draw = hashed(seed, x, y, z, SALT)
                if 28 < y < 68 and (sand or stones):
                    for depth in range(y, y - 3, -1):
                        if blocks[i, depth, k] == NETHERRACK:
                            blocks[i, depth, k] = SOUL_SAND if sand else GRAVEL
                elif draw < 0.006:
                    blocks[i, y + 1, k] = FIRE
                elif draw < 0.008:
                    blocks[i, y + 1, k] = BROWN_SHROOM if draw < 0.007 else RED_SHROOM
            for y in range(5):
                if y <= int(5 * hashed(seed, x, y, z, SALT + 1)):
                    blocks[i, y, k] = BEDROCK
                if y <= int(5 * hashed(seed, x, 200 + y, z, SALT + 1)):
                    blocks[i, 127 - y, k] = BEDROCK


@njit(cache=True)
def _clusters(seed, cx, cz, blocks, meta):
    """Quartz and magma in the rock, glowstone hanging from it."""
    state = np.zeros(1, np.uint64)
    state[0] = np.uint64(hashed(seed, cx, 2, cz, SALT) * 9007199254740992.0)
    for _ in range(16):
        x, y, z = 1.0 * below(state, 16), 10.0 + below(state, 107), 1.0 * below(state, 16)
        vein(state, blocks, meta, x, y, z, QUARTZ, 0, 14, NETHERRACK)
    for _ in range(4):
        x, y, z = 1.0 * below(state, 16), 27.0 + below(state, 10), 1.0 * below(state, 16)
        vein(state, blocks, meta, x, y, z, MAGMA, 0, 33, NETHERRACK)
    for _ in range(14):
        i, y, k = 2 + below(state, 12), 40 + below(state, 80), 2 + below(state, 12)
        while y < 122 and blocks[i, y, k] == AIR:
            y += 1
        if blocks[i, y, k] != NETHERRACK or blocks[i, y - 1, k] != AIR:
            continue
        blocks[i, y - 1, k] = GLOWSTONE
        for _ in range(160):
            a, c = i + below(state, 3) - below(state, 3), k + below(state, 3) - below(state, 3)
            b = y - 1 - below(state, 6)
            if blocks[a, b, c] == AIR and _touching(blocks, a, b, c) == 1:
                blocks[a, b, c] = GLOWSTONE


@njit(cache=True)
def _touching(blocks, i, y, k):
    """How many of a cell's neighbours within the chunk are glowstone."""
    count = 0
    for a, b, c in ((i - 1, y, k), (i + 1, y, k), (i, y - 1, k), (i, y + 1, k), (i, y, k - 1), (i, y, k + 1)):
        if 0 <= a < 16 and 0 <= c < 16 and blocks[a, b, c] == GLOWSTONE:
            count += 1
    return count


@njit(cache=True)
def land(rows, seed, cx, cz, blocks, meta):
    """Fill a chunk: `blocks`, `meta` (16, 128, 16) uint8."""
    dense = np.empty((5, 5, 17), np.float64)
    _lattice(rows, cx, cz, dense)
    _rock(dense, blocks)
    _soil(rows, seed, cx, cz, blocks)
    _clusters(seed, cx, cz, blocks, meta)


# -- fortresses --------------------------------------------------------------------------------------------------------


def fortress(seed: int, cx: int, cz: int, blocks: np.ndarray, meta: np.ndarray) -> list[tuple[str, int, int, int]]:
    """Put the parts of fortresses into a chunk; returns its marks ("blaze" | "chest", x, y, z)."""
    marks: list[tuple[str, int, int, int]] = []
    for rx in {(16 * cx - ARM - 16) // (16 * SPACING), (16 * cx + 31 + ARM) // (16 * SPACING)}:
        for rz in {(16 * cz - ARM - 16) // (16 * SPACING), (16 * cz + 31 + ARM) // (16 * SPACING)}:
            x = 16 * (rx * SPACING + 4 + int(8 * hashed(seed, rx, 3, rz, SALT))) + 8
            z = 16 * (rz * SPACING + 4 + int(8 * hashed(seed, rx, 4, rz, SALT))) + 8
            if abs(x - 16 * cx - 8) <= ARM + 16 and abs(z - 16 * cz - 8) <= ARM + 16:
                marks += _draw(Corner(x - 16 * cx, z - 16 * cz, blocks, meta))
    return sorted((kind, 16 * cx + i, y, 16 * cz + k) for kind, i, y, k in marks)


class Corner:
    """A fortress as one chunk sees it: boxes about its middle, cut to the chunk."""

    def __init__(self, x: int, z: int, blocks: np.ndarray, meta: np.ndarray) -> None:
        self.x, self.z, self.blocks, self.meta = x, z, blocks, meta

    def fill(self, x0: int, y0: int, z0: int, x1: int, y1: int, z1: int, block: int | np.integer,
             variant: int = 0) -> bool:
        """A box, both ends included, in numbers from the middle; whether any of it lies in the chunk."""
        a0, a1 = max(0, self.x + x0), min(15, self.x + x1)
        c0, c1 = max(0, self.z + z0), min(15, self.z + z1)
        if a0 > a1 or c0 > c1:
            return False
        self.blocks[a0 : a1 + 1, y0 : y1 + 1, c0 : c1 + 1] = block
        self.meta[a0 : a1 + 1, y0 : y1 + 1, c0 : c1 + 1] = variant
        return True


def _draw(corner: Corner) -> list[tuple[str, int, int, int]]:
    marks = []
    for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        _bridge(corner, dx, dz)
    _hall(corner)
    for dx, dz in ((1, 0), (0, -1)):  # two of the bridges end in a platform with blazes
        x, z = dx * ARM, dz * ARM
        corner.fill(x - 3, FLOOR, z - 3, x + 3, FLOOR, z + 3, BRICK)
        corner.fill(x - 3, FLOOR + 1, z - 3, x + 3, FLOOR + 5, z + 3, AIR)
        for side in (-3, 3):
            corner.fill(x + side, FLOOR + 1, z - 3, x + side, FLOOR + 1, z + 3, RAIL)
            corner.fill(x - 3, FLOOR + 1, z + side, x + 3, FLOOR + 1, z + side, RAIL)
        corner.fill(x - 1 - 2 * dx, FLOOR + 1, z - 1 - 2 * dz, x + 1 - 2 * dx, FLOOR + 1, z + 1 - 2 * dz, AIR)
        if corner.fill(x, FLOOR + 1, z, x, FLOOR + 1, z, SPAWNER):
            marks.append(("blaze", corner.x + x, FLOOR + 1, corner.z + z))
    if corner.fill(ROOM - 1, FLOOR + 1, ROOM - 1, ROOM - 1, FLOOR + 1, ROOM - 1, CHEST, 2):
        marks.append(("chest", corner.x + ROOM - 1, FLOOR + 1, corner.z + ROOM - 1))
    return marks


def _bridge(corner: Corner, dx: int, dz: int) -> None:
    """From the hall outwards: a floor five wide with parapets, on pillars."""
    for along in range(ROOM, ARM):
        x, z, px, pz = dx * along, dz * along, abs(dz), abs(dx)
        corner.fill(x - 2 * px, FLOOR - 1, z - 2 * pz, x + 2 * px, FLOOR, z + 2 * pz, BRICK)
        corner.fill(x - 2 * px, FLOOR + 1, z - 2 * pz, x + 2 * px, FLOOR + 4, z + 2 * pz, AIR)
        for side in (-2, 2):
            corner.fill(x + side * px, FLOOR + 1, z + side * pz, x + side * px, FLOOR + 1, z + side * pz, BRICK)
        if along % 12 < 2:
            for side in (-2, 2):
                corner.fill(x + side * px, 8, z + side * pz, x + side * px, FLOOR - 2, z + side * pz, BRICK)


def _hall(corner: Corner) -> None:
    """The middle: a roofed room with beds of nether wart on both sides of the way through."""
    r = ROOM
    corner.fill(-r, FLOOR - 2, -r, r, FLOOR, r, BRICK)
    corner.fill(-r, FLOOR + 1, -r, r, FLOOR + 6, r, BRICK)
    corner.fill(1 - r, FLOOR + 1, 1 - r, r - 1, FLOOR + 5, r - 1, AIR)
    for side in (-r, r):
        corner.fill(side, FLOOR + 1, -1, side, FLOOR + 3, 1, AIR)
        corner.fill(-1, FLOOR + 1, side, 1, FLOOR + 3, side, AIR)
        for low in (-5, 3):
            corner.fill(side, FLOOR + 3, low, side, FLOOR + 4, low + 2, RAIL)
    for x in (-5, 3):
        corner.fill(x, FLOOR, -5, x + 2, FLOOR, -3, _ID("soul_sand"))
        corner.fill(x, FLOOR + 1, -5, x + 2, FLOOR + 1, -3, WART, 3)
    corner.fill(-r, 8, -r, 1 - r, FLOOR - 3, 1 - r, BRICK)
    corner.fill(r - 1, 8, r - 1, r, FLOOR - 3, r, BRICK)
