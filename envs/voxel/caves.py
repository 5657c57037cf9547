"""Caves and ravines: winding tunnels, as Minecraft 1.11 digs them, cut into chunks.

A tunnel begins in one chunk and runs on through others. The tunnels of a region of 8 x 8 chunks are walked once and
kept as rows of ellipsoids; a chunk takes what reaches into it from its own region and the eight around.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import below, hashed, uniform

REGION = 8  # chunks; no tunnel is longer than a region is wide
SYSTEMS, RAVINES = 7, 50  # one chunk in so many has cave mouths, a ravine
LONGEST = 112  # blocks
LAVA_LEVEL = 10  # below the blocks of this y, dug space fills with lava
SALT = 7200
CAVE, GORGE = 0.0, 1.0  # kinds of ellipsoids

DUG = np.zeros(256, np.bool_)
for _name in ("stone", "dirt", "grass", "sand", "sandstone", "red_sandstone", "gravel", "hardened_clay", "snow",
              "stained_hardened_clay", "mycelium", "netherrack", "soul_sand", "clay", "snow_layer"):
    DUG[BLOCKS.id(_name)] = True
STONE, DIRT, GRASS, LAVA = (np.uint8(BLOCKS.id(name)) for name in ("stone", "dirt", "grass", "lava"))
MYCELIUM = np.uint8(BLOCKS.id("mycelium"))


@njit(cache=True)
def _walk(state, x, y, z, yaw, pitch, width, start, length, tall, kind, out, n, pending, waiting):
    """Follow one tunnel, writing an ellipsoid a step (x, y, z, radius, height, kind); branches go to `pending`."""
    fork = below(state, length // 2) + length // 4
    steep = below(state, 6) == 0
    turn, tilt = 0.0, 0.0
    for step in range(start, length):
        radius = 1.5 + math.sin(step * math.pi / length) * width
        height = radius * tall
        if kind == GORGE:
            radius *= 0.75 + 0.25 * uniform(state)
            height *= 0.75 + 0.25 * uniform(state)
        flat = math.cos(pitch)
        x += math.cos(yaw) * flat
        y += math.sin(pitch)
        z += math.sin(yaw) * flat
        pitch = pitch * (0.92 if steep else 0.7) + tilt * 0.1
        yaw += turn * 0.1
        tilt = tilt * (0.8 if kind == GORGE else 0.9)
        turn = turn * (0.5 if kind == GORGE else 0.75)
        tilt += (uniform(state) - uniform(state)) * uniform(state) * 2.0
        turn += (uniform(state) - uniform(state)) * uniform(state) * 4.0
        if kind == CAVE and step == fork and width > 1.0 and waiting + 2 <= pending.shape[0]:
            for side in (-1.0, 1.0):
                pending[waiting] = (x, y, z, yaw + side * math.pi / 2, pitch / 3.0, uniform(state) * 0.5 + 0.5,
                                    float(step), float(length))
                waiting += 1
            return n, waiting
        if below(state, 4) == 0 or n >= out.shape[0]:
            continue
        out[n] = (x, y, z, radius, height, kind)
        n += 1
    return n, waiting


@njit(cache=True)
def _caves(state, cx, cz, out, n, pending):
    """The caves that begin in one chunk."""
    count = below(state, below(state, below(state, 15) + 1) + 1)
    if below(state, SYSTEMS) != 0:
        return n
    for _ in range(count):
        x, y, z = cx * 16.0 + below(state, 16), float(below(state, below(state, 120) + 8)), cz * 16.0 + below(state, 16)
        tunnels = 1
        if below(state, 4) == 0:
            room = 1.5 + 1.0 + uniform(state) * 6.0
            if n < out.shape[0]:
                out[n] = (x, y, z, room, room * 0.5, CAVE)
                n += 1
            tunnels += below(state, 4)
        for _ in range(tunnels):
            width = uniform(state) * 2.0 + uniform(state)
            if below(state, 10) == 0:
                width *= uniform(state) * uniform(state) * 3.0 + 1.0
            pending[0] = (x, y, z, uniform(state) * 2 * math.pi, (uniform(state) - 0.5) / 4.0, width, 0.0,
                          float(LONGEST - below(state, LONGEST // 4)))
            waiting = 1
            while waiting > 0:
                waiting -= 1
                p = pending[waiting]
                n, waiting = _walk(state, p[0], p[1], p[2], p[3], p[4], p[5], int(p[6]), int(p[7]), 1.0, CAVE,
                                   out, n, pending, waiting)
    return n


@njit(cache=True)
def region_tunnels(seed, rx, rz):
    """All tunnels that begin in a region of chunks.

    Returns:
        (n, 6) float64: x, y, z, radius, height of the ellipsoids, and their kind.
    """
    out = np.empty((24_000, 6), np.float64)
    pending = np.empty((64, 8), np.float64)
    state = np.zeros(1, np.uint64)
    n = 0
    for cx in range(rx * REGION, (rx + 1) * REGION):
        for cz in range(rz * REGION, (rz + 1) * REGION):
            state[0] = np.uint64(hashed(seed, cx, 0, cz, SALT) * 9007199254740992.0)
            n = _caves(state, cx, cz, out, n, pending)
            if below(state, RAVINES) == 0:
                x, z = cx * 16.0 + below(state, 16), cz * 16.0 + below(state, 16)
                y = float(below(state, below(state, 40) + 8) + 20)
                yaw, pitch = uniform(state) * 2 * math.pi, (uniform(state) - 0.5) / 4.0
                width = (uniform(state) * 2.0 + uniform(state)) * 2.0
                n, _ = _walk(state, x, y, z, yaw, pitch, width, 0, LONGEST - below(state, LONGEST // 4), 3.0, GORGE,
                             out, n, pending, 0)
    return out[:n].copy()


@njit(cache=True)
def _inside(seed, dx, dy, dz, y, kind):
    """Whether a place, in radii from the centre, is dug out. The ground is left flat; ravines have ledges."""
    if kind == CAVE:
        return dy > -0.7 and dx * dx + dy * dy + dz * dz < 1.0
    ledge = 1.0 + 2.0 * hashed(seed, 0, y // 3, 0, SALT + 1)
    return (dx * dx + dz * dz) * ledge + dy * dy / 6.0 < 1.0


@njit(cache=True)
def carve(seed, blocks, meta, cx, cz, tunnels, roof):
    """Dig the tunnels into a chunk.

    Args:
        blocks, meta: (16, 128, 16) uint8, changed.
        tunnels: (n, 6) of `region_tunnels`.
        roof: (16, 16) int64: nothing is dug from this y on in a column (beside water), 128 where all may be.
    """
    x0, z0 = cx * 16.0, cz * 16.0
    for t in range(tunnels.shape[0]):
        x, y, z = tunnels[t, 0] - x0, tunnels[t, 1], tunnels[t, 2] - z0
        radius, height, kind = tunnels[t, 3], tunnels[t, 4], tunnels[t, 5]
        if x < -radius or x > 16 + radius or z < -radius or z > 16 + radius:
            continue
        for i in range(max(0, int(x - radius)), min(16, int(x + radius) + 2)):
            dx = (i + 0.5 - x) / radius
            for k in range(max(0, int(z - radius)), min(16, int(z + radius) + 2)):
                dz = (k + 0.5 - z) / radius
                if dx * dx + dz * dz >= 1.0:
                    continue
                for j in range(min(int(y + height) + 1, roof[i, k] - 1, 120), max(1, int(y - height)) - 1, -1):
                    if _inside(seed, dx, (j + 0.5 - y) / height, dz, j, kind):
                        _dig(blocks, meta, i, j, k)


@njit(cache=True)
def _dig(blocks, meta, i, j, k):
    """Take one block away, unless it is of a kind that stays or holds water up; turf moves down."""
    block = blocks[i, j, k]
    if not DUG[block]:
        return
    if (block in (GRASS, MYCELIUM)) and blocks[i, j - 1, k] == DIRT:
        blocks[i, j - 1, k] = block
        meta[i, j - 1, k] = 0
    blocks[i, j, k] = LAVA if j <= LAVA_LEVEL else 0
    meta[i, j, k] = 0
