"""The lie of the land: rock, water and the cover of soil, a chunk at a time.

The form is that of Minecraft 1.11's overworld: the biomes' heights, smoothed over their neighbours, set where a 3-D
noise turns from rock to air; the noise is computed every 4 x 8 x 4 blocks and interpolated.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.biomes import BASE, IDS, ROWS, VARIATION, biomes_of
from veclink.envs.voxel.chance import hashed
from veclink.envs.voxel.noise import noise2, noise3

SEA_LEVEL = 63
SALT = 7400
LAYERS, POINTS = 17, 7  # lattice points: up, and to each side (from 4 blocks before the chunk to 4 behind it)
LOW_FREQUENCY, BLEND_FREQUENCY, BLEND_UP, REGION_FREQUENCY = 684.412 / 32768, 8.55515 / 128, 4.277575 / 128, 200 / 32768
LOW_SIZE, BLEND_SIZE, REGION_SIZE = 64.0, 6.4, 4.096
FIRST_ROW, SECOND_ROW, BLEND_ROW, REGION_ROW, COVER_ROW, PATCH_ROW = 12, 19, 26, 31, 36, 38
CEILING = 13.0  # lattice layer from which on the land thins out, so that it ends below the top of the world

_ID = BLOCKS.id
AIR, STONE, DIRT, GRASS, SAND = (np.uint8(_ID(name)) for name in ("air", "stone", "dirt", "grass", "sand"))
GRAVEL, CLAY, WATER, BEDROCK = (np.uint8(_ID(name)) for name in ("gravel", "clay", "water", "bedrock"))
SANDSTONE, RED_SANDSTONE = np.uint8(_ID("sandstone")), np.uint8(_ID("red_sandstone"))
HARD_CLAY, STAINED_CLAY = np.uint8(_ID("hardened_clay")), np.uint8(_ID("stained_hardened_clay"))
# what covers a biome: top block, its metadata, the block below, its metadata
COVERS = {
    "": ("grass", 0, "dirt", 0), "sand": ("sand", 0, "sand", 0), "stone": ("stone", 0, "stone", 0),
    "gravel": ("gravel", 0, "gravel", 0), "mycelium": ("mycelium", 0, "dirt", 0), "snow": ("snow", 0, "dirt", 0),
    "red_sand": ("sand", 1, "stained_hardened_clay", 1), "netherrack": ("netherrack", 0, "netherrack", 0),
    "end_stone": ("end_stone", 0, "end_stone", 0), "air": ("stone", 0, "stone", 0),
}
COVER = np.zeros((256, 4), np.uint8)
for _row in ROWS:
    _top, _top_meta, _below, _below_meta = COVERS[_row.get("ground", "")]
    COVER[_row["id"]] = (_ID(_top), _top_meta, _ID(_below), _below_meta)
PLAIN_COVER, BARE, STONY, MEGA, DRY, SWAMP, MESA = range(7)  # how a biome's cover varies
STYLE = np.zeros(256, np.uint8)
for _name, _style in (("extreme_hills", BARE), ("mega_", MEGA), ("savanna_m", DRY), ("savanna_plateau_m", DRY),
                      ("swampland", SWAMP), ("mesa", MESA)):
    for _row in ROWS:
        if _row["name"].startswith(_name):
            STYLE[_row["id"]] = STONY if _row["name"] in ("extreme_hills_m", "extreme_hills_plus_m") else _style
RIM = np.zeros(256, np.bool_)  # biomes with patches of sand and clay where they meet water
for _name in IDS:
    RIM[IDS[_name]] = not _name.startswith(("desert", "mesa", "mushroom", "nether", "the_"))


@njit(cache=True)
def _heights(near, i, k):
    """Height and roughness at lattice point (i, k), smoothed over the biomes of 5 x 5 points."""
    height, rough, total = 0.0, 0.0, 0.0
    centre = BASE[near[i + 2, k + 2]]
    for di in range(-2, 3):
        for dk in range(-2, 3):
            biome = near[i + 2 + di, k + 2 + dk]
            weight = 10.0 / math.sqrt(di * di + dk * dk + 0.2) / (BASE[biome] + 2.0)
            if BASE[biome] > centre:
                weight *= 0.5
            height += BASE[biome] * weight
            rough += VARIATION[biome] * weight
            total += weight
    return (height / total * 4.0 - 1.0) / 8.0, rough / total * 0.9 + 0.1


@njit(cache=True)
def _region(rows, x, z):
    """The slow rise and fall of whole regions."""
    value = 0.0
    for octave in range(5):
        scale = 2.0**octave
        value += noise2(rows[REGION_ROW + octave], x * REGION_FREQUENCY * scale,
                        z * REGION_FREQUENCY * scale) * REGION_SIZE / scale
    if value < 0:
        value *= -0.3
    value = value * 3.0 - 2.0
    return max(value / 2.0, -1.0) / 2.8 if value < 0 else min(value, 1.0) / 8.0


@njit(cache=True)
def _octaves(rows, first, x, y, z):
    value = 0.0
    for octave in range(7):
        scale = 2.0**octave
        f = LOW_FREQUENCY * scale
        value += noise3(rows[first + octave], x * f, y * f, z * f) * LOW_SIZE / scale
    return value


@njit(cache=True)
def _rock(rows, x, y, z):
    """The 3-D noise at a lattice point: a blend of two."""
    blend = 0.5
    for octave in range(5):
        scale = 2.0**octave
        blend += noise3(rows[BLEND_ROW + octave], x * BLEND_FREQUENCY * scale, y * BLEND_UP * scale,
                        z * BLEND_FREQUENCY * scale) * BLEND_SIZE / scale
    if blend <= 0.0:
        return _octaves(rows, FIRST_ROW, x, y, z)
    if blend >= 1.0:
        return _octaves(rows, SECOND_ROW, x, y, z)
    low = _octaves(rows, FIRST_ROW, x, y, z)
    return low + (_octaves(rows, SECOND_ROW, x, y, z) - low) * blend


@njit(cache=True)
def _lattice(rows, seed, fixed, cx, cz, dense):
    """Fill `dense` (POINTS, POINTS, LAYERS): above 0 is rock."""
    near = np.empty((POINTS + 4, POINTS + 4), np.int64)
    biomes_of(rows, seed, fixed, cx * 16 - 12, cz * 16 - 12, 4, near)
    for i in range(POINTS):
        for k in range(POINTS):
            x, z = cx * 4.0 + i - 1, cz * 4.0 + k - 1
            height, rough = _heights(near, i, k)
            middle = 8.5 + (height + _region(rows, x, z) * 0.2) * 8.5 / 8.0 * 4.0
            for y in range(LAYERS):
                above = (y - middle) * 6.0 / rough
                if above < 0:
                    above *= 4.0
                value = -above if above > 60.0 or above < -60.0 else _rock(rows, x, float(y), z) - above
                if y > CEILING:
                    part = (y - CEILING) / (LAYERS - 1 - CEILING)
                    value = value * (1.0 - part) - 20.0 * part
                dense[i, k, y] = value


@njit(cache=True)
def _column(dense, i, k, line):
    """The lattice's values over the column i, k blocks from the chunk's corner (-1..16)."""
    a, b = (i + 4) >> 2, (k + 4) >> 2
    u, w = ((i + 4) & 3) / 4.0, ((k + 4) & 3) / 4.0
    for y in range(LAYERS):
        p = dense[a, b, y] + (dense[a + 1, b, y] - dense[a, b, y]) * u
        q = dense[a, b + 1, y] + (dense[a + 1, b + 1, y] - dense[a, b + 1, y]) * u
        line[y] = p + (q - p) * w


@njit(cache=True)
def shape(rows, seed, fixed, cx, cz, blocks, tops):
    """Rock and water of a chunk.

    Args:
        fixed: the biome all have, -1 for none.
        blocks: (16, 128, 16) uint8, written.
        tops: (18, 18) int64, written: y of the highest rock of the columns from one block before the chunk on.
    """
    dense = np.empty((POINTS, POINTS, LAYERS), np.float64)
    line = np.empty(LAYERS, np.float64)
    _lattice(rows, seed, fixed, cx, cz, dense)
    for i in range(-1, 17):
        for k in range(-1, 17):
            _column(dense, i, k, line)
            inside = 0 <= i < 16 and 0 <= k < 16
            top = 0
            for y in range(127, -1, -1):
                low = line[y >> 3]
                rock = low + (line[(y >> 3) + 1] - low) * (y & 7) / 8.0 > 0.0 or y == 0
                if rock and top == 0:
                    top = y
                    if not inside:
                        break
                if inside:
                    blocks[i, y, k] = STONE if rock else WATER if y < SEA_LEVEL else AIR
            tops[i + 1, k + 1] = top


@njit(cache=True)
def _cover(biome, wave, draw, out):
    """Top and lower block of a column's cover, by biome, a noise and a draw."""
    out[:] = COVER[biome]
    style = STYLE[biome]
    if (style == BARE and wave > 0.45) or (style == STONY and wave < -0.45):
        out[0], out[1], out[2], out[3] = STONE, 0, STONE, 0
    elif style == STONY and wave > -0.1:
        out[0], out[1], out[2], out[3] = GRAVEL, 0, GRAVEL, 0
    elif style == MEGA and wave + 0.2 * draw > 0.4:
        out[0], out[1] = DIRT, 1
    elif style == MEGA and wave > -0.15:
        out[0], out[1] = DIRT, 2
    elif style == DRY and wave > 0.4:
        out[0], out[1], out[2], out[3] = STONE, 0, STONE, 0
    elif style == DRY and wave > -0.1:
        out[0], out[1] = DIRT, 1


@njit(cache=True)
def _band(seed, y, wave):
    """The mesa's clay at a height: colour, or -1 for the plain kind."""
    draw = hashed(seed, 0, int(y + wave * 2.0), 0, SALT + 3)
    if draw < 0.52:
        return 1 if draw < 0.22 else -1
    return 4 if draw < 0.64 else 12 if draw < 0.76 else 14 if draw < 0.88 else 8 if draw < 0.94 else 0


@njit(cache=True)
def _rim(rows, x, z, top, under):
    """Patches of sand, clay and gravel on the bottom and by the waterside, 0 for none."""
    patch = noise2(rows[PATCH_ROW], x / 11.0, z / 11.0)
    if patch > 0.12:
        return SAND
    if under and noise2(rows[PATCH_ROW + 1], x / 9.0, z / 9.0) > 0.52 and top > 46:
        return CLAY
    if under and patch < -0.45:
        return GRAVEL
    return AIR


@njit(cache=True)
def _soil(rows, seed, x, z, biome, top, shore, blocks, meta, i, k, cover):
    """Cover one column and lay the bedrock. `shore`: water stands in it or beside it."""
    wave = noise2(rows[COVER_ROW], x / 32.0, z / 32.0) + 0.5 * noise2(rows[COVER_ROW + 1], x / 11.0, z / 11.0)
    draw = hashed(seed, x, 0, z, SALT)
    _cover(biome, wave, draw, cover)
    depth = int(3.0 + wave * 2.0 + draw * 0.25)
    if RIM[biome] and shore and cover[2] == DIRT:
        rim = _rim(rows, x, z, top, top < SEA_LEVEL - 1)
        if rim != AIR:
            cover[0], cover[1], cover[2], cover[3] = rim, 0, rim, 0
    if STYLE[biome] == SWAMP and top == SEA_LEVEL - 1 and wave > 0.05:
        blocks[i, top, k] = WATER
    left = -1
    mesa = STYLE[biome] == MESA
    for y in range(top + 1, 0, -1):
        if blocks[i, y, k] != STONE:
            left = -1
            continue
        if left < 0:
            left = max(depth, 1) if not mesa else 14
            if y >= SEA_LEVEL - 1:
                blocks[i, y, k], meta[i, y, k] = cover[0], cover[1]
                if mesa and y > 66 + 3 * wave:
                    blocks[i, y, k], meta[i, y, k] = STAINED_CLAY, 1
            elif y < SEA_LEVEL - 7 - depth and cover[2] == DIRT:
                blocks[i, y, k], left = GRAVEL, 0
            else:
                blocks[i, y, k], meta[i, y, k] = cover[2], cover[3]
        elif left > 0:
            left -= 1
            colour = _band(seed, y, wave) if mesa else 0
            if mesa:
                blocks[i, y, k], meta[i, y, k] = (STAINED_CLAY, colour) if colour >= 0 else (HARD_CLAY, 0)
            else:
                blocks[i, y, k], meta[i, y, k] = cover[2], cover[3]
            if left == 0 and blocks[i, y, k] == SAND:
                left = int(hashed(seed, x, y, z, SALT + 1) * 4) + 1
                cover[2], cover[3] = SANDSTONE, 0
    for y in range(5):
        if y <= int(hashed(seed, x, y, z, SALT + 2) * 5):
            blocks[i, y, k], meta[i, y, k] = BEDROCK, 0


@njit(cache=True)
def soil(rows, seed, cx, cz, biomes, tops, blocks, meta):
    """Cover a chunk's rock. `biomes` (16, 16) int64; `tops` of `shape`."""
    cover = np.empty(4, np.uint8)
    for i in range(16):
        for k in range(16):
            top = tops[i + 1, k + 1]
            shore = top <= SEA_LEVEL and tops[i : i + 3, k : k + 3].min() < SEA_LEVEL - 1
            _soil(rows, seed, cx * 16 + i, cz * 16 + k, biomes[i, k], top, shore, blocks, meta, i, k, cover)


@njit(cache=True)
def roofs(tops, out):
    """Fill `out` (16, 16): y from which on a column must stay whole, because water stands in it or beside it."""
    for i in range(16):
        for k in range(16):
            low = 999
            for di in range(-1, 2):
                for dk in range(-1, 2):
                    if tops[i + 1 + di, k + 1 + dk] < SEA_LEVEL - 1:
                        low = min(low, tops[i + 1 + di, k + 1 + dk] - 2)
            out[i, k] = min(low, 128)


@njit(cache=True)
def surface(blocks, heights, grounds):
    """Fill `heights`, `grounds` (16, 16): y and kind of the highest block that is not air."""
    for i in range(16):
        for k in range(16):
            y = 127
            while y > 0 and blocks[i, y, k] == AIR:
                y -= 1
            heights[i, k], grounds[i, k] = y, blocks[i, y, k]
