"""Veins of ore and pockets of other rock, at the depths and in the sizes of Minecraft 1.11."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import below, hashed, uniform

SALT = 7300
# block, metadata, size, veins a chunk, lowest y, highest y (excluded); the order in which they are laid
VEINS = (
    ("dirt", 0, 33, 10, 0, 128), ("gravel", 0, 33, 8, 0, 128),
    ("stone", 1, 33, 10, 0, 80), ("stone", 3, 33, 10, 0, 80), ("stone", 5, 33, 10, 0, 80),  # granite, diorite, andesite
    ("coal_ore", 0, 17, 20, 0, 128), ("iron_ore", 0, 9, 20, 0, 64), ("gold_ore", 0, 9, 2, 0, 32),
    ("redstone_ore", 0, 8, 8, 0, 16), ("diamond_ore", 0, 8, 1, 0, 16),
    ("lapis_ore", 0, 7, 1, -16, 16),  # two draws of 0..15 added: most in the middle, around y 16
)
TABLE = np.array([(BLOCKS.id(name), *rest) for name, *rest in VEINS], np.int64)
MESA_GOLD = np.array([BLOCKS.id("gold_ore"), 0, 9, 20, 32, 80], np.int64)
STONE, EMERALD, EGG = (np.uint8(BLOCKS.id(name)) for name in ("stone", "emerald_ore", "monster_egg"))
FARTHEST = 7  # blocks from its start that a vein reaches


@njit(cache=True)
def vein(state, blocks, meta, x, y, z, block, variant, size, host):
    """One vein about (x, y, z), in the chunk's own numbers; only `host` of variant 0 gives way."""
    angle = uniform(state) * math.pi
    dx, dz = math.sin(angle) * size / 8.0, math.cos(angle) * size / 8.0
    y0, y1 = y + below(state, 3) - 2, y + below(state, 3) - 2
    for step in range(size):
        t = step / size
        cx, cy, cz = x + dx - 2 * dx * t, y0 + (y1 - y0) * t, z + dz - 2 * dz * t
        radius = ((math.sin(math.pi * t) + 1.0) * uniform(state) * size / 16.0 + 1.0) / 2.0
        for i in range(max(0, math.floor(cx - radius)), min(15, math.floor(cx + radius)) + 1):
            u = (i + 0.5 - cx) / radius
            for j in range(max(1, math.floor(cy - radius)), min(127, math.floor(cy + radius)) + 1):
                v = (j + 0.5 - cy) / radius
                for k in range(max(0, math.floor(cz - radius)), min(15, math.floor(cz + radius)) + 1):
                    w = (k + 0.5 - cz) / radius
                    if u * u + v * v + w * w < 1.0 and blocks[i, j, k] == host and meta[i, j, k] == 0:
                        blocks[i, j, k], meta[i, j, k] = block, variant


@njit(cache=True)
def _veins_of(seed, blocks, meta, cx, cz, dx, dz, row, salt):
    """One kind of vein that begins in the chunk (dx, dz) beside chunk (cx, cz), as far as it reaches into this."""
    state = np.zeros(1, np.uint64)
    for number in range(row[3]):
        state[0] = np.uint64(hashed(seed, cx + dx, number, cz + dz, SALT + salt) * 9007199254740992.0)
        x, z = 16.0 * dx + below(state, 16), 16.0 * dz + below(state, 16)
        if x < -FARTHEST or x > 15 + FARTHEST or z < -FARTHEST or z > 15 + FARTHEST:
            continue
        low, high = row[4], row[5]
        y = below(state, high - low) + low if low >= 0 else below(state, high) + below(state, high)
        vein(state, blocks, meta, x, float(y), z, row[0], row[1], row[2], STONE)


@njit(cache=True)
def lay(seed, blocks, meta, cx, cz, rocky, mesa):
    """Put all veins into a chunk.

    Args:
        blocks, meta: (16, 128, 16) uint8, changed.
        rocky: the chunk is of extreme hills: emeralds and silverfish.
        mesa: the chunk is of a mesa: more gold, higher up.
    """
    for kind in range(TABLE.shape[0]):
        for dx in range(-1, 2):
            for dz in range(-1, 2):
                _veins_of(seed, blocks, meta, cx, cz, dx, dz, TABLE[kind], kind)
    if mesa:
        _veins_of(seed, blocks, meta, cx, cz, 0, 0, MESA_GOLD, 20)
    if rocky:
        state = np.zeros(1, np.uint64)
        state[0] = np.uint64(hashed(seed, cx, 0, cz, SALT + 21) * 9007199254740992.0)
        for _ in range(3 + below(state, 6)):
            i, j, k = below(state, 16), 4 + below(state, 28), below(state, 16)
            if blocks[i, j, k] == STONE and meta[i, j, k] == 0:
                blocks[i, j, k] = EMERALD
        for _ in range(7):
            x, y, z = float(below(state, 16)), float(below(state, 64)), float(below(state, 16))
            vein(state, blocks, meta, x, y, z, EGG, 0, 9, STONE)
