"""What grows on the ground of a finished chunk: grass, flowers, crops of the wild, cactus, cane; snow and ice."""

from __future__ import annotations

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.biomes import IDS, ROWS, SNOWY, TEMPERATURE, column
from veclink.envs.voxel.chance import hashed
from veclink.envs.voxel.ground import SEA_LEVEL
from veclink.envs.voxel.noise import noise2

SALT = 7600
PATCH_ROW, KIND_ROW = 40, 41
COOLER = 0.00166667  # degrees of Minecraft's scale a block above sea level
SNOW_BELOW = 0.15

_ID = BLOCKS.id
AIR, GRASS, DIRT, SAND = (np.uint8(_ID(name)) for name in ("air", "grass", "dirt", "sand"))
MYCELIUM, WATER, LAVA, ICE = (np.uint8(_ID(name)) for name in ("mycelium", "water", "lava", "ice"))
SNOW_LAYER, TALL_GRASS, DOUBLE = (np.uint8(_ID(name)) for name in ("snow_layer", "tallgrass", "double_plant"))
YELLOW, RED, DEAD_BUSH = (np.uint8(_ID(name)) for name in ("yellow_flower", "red_flower", "deadbush"))
BROWN_SHROOM, RED_SHROOM = np.uint8(_ID("brown_mushroom")), np.uint8(_ID("red_mushroom"))
CACTUS, REEDS, LILY, PUMPKIN = (np.uint8(_ID(name)) for name in ("cactus", "reeds", "waterlily", "pumpkin"))
MELON, LEAVES, LEAVES2 = (np.uint8(_ID(name)) for name in ("melon_block", "leaves", "leaves2"))
CLAY_SOIL = np.uint8(_ID("stained_hardened_clay"))
PACKED_ICE, MOSSY = np.uint8(_ID("packed_ice")), np.uint8(_ID("mossy_cobblestone"))
POWDER = BLOCKS.full | BLOCKS.opaque  # what snow lies on
for _name in ("leaves", "leaves2"):
    POWDER[_ID(_name)] = True
for _name in ("ice", "packed_ice", "cactus", "grass_path", "farmland", "chest"):
    POWDER[_ID(_name)] = False

GRASSES, FLOWERS = column("grass", 0.0), column("flowers", 0.0)
SHROOMS, BUSHES = column("mushrooms", 0.0), column("dead_bushes", 0.0)
REED_TRIES, CACTI, LILIES = column("reeds", 0.0), column("cactus", 0.0), column("lilies", 0.0)
ORDINARY, FERNS, FLOWER_FOREST, SUNNY, MARSH, FIELDS, WOODS, HOT_WET, DRY_GRASS, MOSS, SPIKES = range(11)
MEADOW = np.zeros(256, np.uint8)  # which flowers and tall plants a biome has
for _start, _kind in (("taiga", FERNS), ("cold_taiga", FERNS), ("mega_", MOSS), ("flower_forest", FLOWER_FOREST),
                      ("sunflower_plains", SUNNY), ("swampland", MARSH), ("plains", FIELDS), ("forest", WOODS),
                      ("birch_forest", WOODS), ("roofed_forest", WOODS), ("jungle", HOT_WET), ("savanna", DRY_GRASS),
                      ("ice_plains_spikes", SPIKES)):
    for _row in ROWS:
        if _row["name"].startswith(_start):
            MEADOW[_row["id"]] = _kind
BARE_SEA = np.zeros(256, np.bool_)
for _name in ("mushroom_island", "mushroom_island_shore", "nether", "the_end"):
    BARE_SEA[IDS[_name]] = True
SUNFLOWER, LILAC, TALL, FERN, ROSE_BUSH, PEONY, UPPER = 0, 1, 2, 3, 4, 5, 8  # metadata of double plants


@njit(cache=True)
def _flower(rows, meadow, x, z, draw):
    """Block and metadata of the flower that a place would bear."""
    if meadow == FLOWER_FOREST:
        tone = noise2(rows[KIND_ROW], x / 24.0, z / 24.0) * 0.75 + 0.5
        kind = min(8, max(0, int(tone * 9.5)))
        return (YELLOW, 0) if kind == 2 else (RED, kind)
    if meadow == MARSH:
        return RED, 1
    if meadow in (FIELDS, SUNNY):
        if noise2(rows[KIND_ROW], x / 50.0, z / 50.0) < -0.3:
            return RED, 4 + int(draw * 4)
        if draw < 0.67:
            return RED, (0 if draw < 0.22 else 3 if draw < 0.45 else 8)
        return YELLOW, 0
    return (YELLOW, 0) if draw < 0.67 else (RED, 0)


@njit(cache=True)
def _tall(meadow, draw):
    """The double plant that a place would bear: metadata, -1 for none. `draw` is uniform in [0, 1)."""
    if meadow == FERNS:
        return FERN if draw < 0.012 else -1
    if meadow == MOSS:
        return FERN if draw < 0.05 else -1
    if meadow == SUNNY:
        return SUNFLOWER if draw < 0.05 else TALL if draw < 0.06 else -1
    if meadow == FIELDS:
        return TALL if draw < 0.012 else -1
    if meadow == DRY_GRASS:
        return TALL if draw < 0.06 else -1
    if meadow == FLOWER_FOREST:
        return (LILAC, ROSE_BUSH, PEONY)[int(draw * 60) % 3] if draw < 0.04 else -1
    if meadow == WOODS:
        return (LILAC, ROSE_BUSH, PEONY)[int(draw * 900) % 3] if draw < 0.006 else -1
    return -1


@njit(cache=True)
def _meadow(rows, seed, biome, x, y, z, blocks, meta, i, k):
    """Grass, ferns, flowers and mushrooms on one column of turf."""
    meadow = MEADOW[biome]
    patch = noise2(rows[PATCH_ROW], x / 7.0, z / 7.0)
    draw, other = hashed(seed, x, 1, z, SALT), hashed(seed, x, 2, z, SALT)
    cell = hashed(seed, (x + int(3 * patch)) >> 3, 3, (z + int(3 * patch)) >> 3, SALT)
    tall = _tall(meadow, draw)
    if tall >= 0 and y < 126 and blocks[i, y + 2, k] == AIR and patch > -0.3:
        blocks[i, y + 1, k], meta[i, y + 1, k] = DOUBLE, tall
        blocks[i, y + 2, k], meta[i, y + 2, k] = DOUBLE, UPPER
        return
    if cell < min(0.04 * FLOWERS[biome], 0.75) and other < 0.12:
        blocks[i, y + 1, k], meta[i, y + 1, k] = _flower(rows, meadow, x, z, hashed(seed, x, 4, z, SALT))
        return
    if draw < min(0.75, 0.045 * GRASSES[biome]) * min(1.0, max(0.15, 0.8 + patch)):
        fern = other < (0.8 if meadow in (FERNS, MOSS) else 0.25 if meadow == HOT_WET else 0.0)
        blocks[i, y + 1, k], meta[i, y + 1, k] = TALL_GRASS, 2 if fern else 1


@njit(cache=True)
def _shroom(seed, biome, x, y, z, blocks, meta, i, k):
    """Mushrooms: anywhere, though rarely; often in damp biomes and under dark oaks."""
    draw = hashed(seed, x, 5, z, SALT)
    if draw < 0.0008 + 0.004 * SHROOMS[biome]:
        kind = BROWN_SHROOM if hashed(seed, x, 6, z, SALT) < 0.67 else RED_SHROOM
        blocks[i, y + 1, k], meta[i, y + 1, k] = kind, 0


@njit(cache=True)
def _by_water(heights, grounds, i, k, y):
    """Whether water lies beside the ground block at y; i, k within the 48 x 48 around the chunk."""
    for side in range(4):
        a, b = i + (1, -1, 0, 0)[side], k + (0, 0, 1, -1)[side]
        if grounds[a, b] == WATER and heights[a, b] == y:
            return True
    return False


@njit(cache=True)
def _stack(blocks, meta, i, y, k, block, height):
    for step in range(height):
        if y + step < 127 and blocks[i, y + step, k] == AIR:
            blocks[i, y + step, k], meta[i, y + step, k] = block, 0
        else:
            return


@njit(cache=True)
def _on_sand(seed, biome, x, y, z, blocks, meta, i, k):
    """Cactus, with nothing beside it, and dead bushes."""
    draw = hashed(seed, x, 7, z, SALT)
    if draw < 0.0012 * CACTI[biome] and blocks[i, y, k] == SAND and 0 < i < 15 and 0 < k < 15:
        height = 1 + int(3 * hashed(seed, x, 8, z, SALT) * hashed(seed, x, 9, z, SALT) * 1.4)
        for step in range(1, height + 1):
            for side in range(4):
                if blocks[i + (1, -1, 0, 0)[side], y + step, k + (0, 0, 1, -1)[side]] != AIR:
                    return
        _stack(blocks, meta, i, y + 1, k, CACTUS, height)
    elif draw > 1.0 - 0.0032 * BUSHES[biome]:
        blocks[i, y + 1, k], meta[i, y + 1, k] = DEAD_BUSH, 0


@njit(cache=True)
def _fruit(seed, cx, cz, biomes, floor, blocks, meta):
    """Pumpkins in one chunk of 32, melons in a jungle's chunks."""
    jungle = MEADOW[biomes[24, 24]] == HOT_WET
    rare = hashed(seed, cx, 10, cz, SALT)
    if not jungle and rare > 1 / 32.0:
        return
    x, z = int(16 * hashed(seed, cx, 11, cz, SALT)), int(16 * hashed(seed, cx, 12, cz, SALT))
    for number in range(10 if not jungle else 4):
        i = x + int(7 * (hashed(seed, cx, 20 + number, cz, SALT) - hashed(seed, cx, 40 + number, cz, SALT)))
        k = z + int(7 * (hashed(seed, cx, 60 + number, cz, SALT) - hashed(seed, cx, 80 + number, cz, SALT)))
        if 0 <= i < 16 and 0 <= k < 16:
            y = floor[i, k]
            free = blocks[i, y + 1, k] == AIR or blocks[i, y + 1, k] == TALL_GRASS
            if blocks[i, y, k] == GRASS and free:
                blocks[i, y + 1, k] = MELON if jungle and rare > 1 / 32.0 else PUMPKIN
                meta[i, y + 1, k] = 0 if jungle else number & 3


@njit(cache=True)
def _spike(seed, x, y, z, blocks, i, k):
    """A needle of packed ice, kept within its chunk."""
    tall, thick = 7 + int(8 * hashed(seed, x, 13, z, SALT)), 2.2
    if hashed(seed, x, 14, z, SALT) < 0.05:
        tall += 15
    for j in range(tall):
        radius = thick * (1.0 - j / tall)
        for a in range(max(0, i - 2), min(16, i + 3)):
            for b in range(max(0, k - 2), min(16, k + 3)):
                if (a - i) ** 2 + (b - k) ** 2 <= radius * radius and y + j < 120:
                    blocks[a, y + j, b] = PACKED_ICE


@njit(cache=True)
def _boulder(seed, x, y, z, blocks, i, k):
    """A mossy boulder, kept within its chunk."""
    size = 1.2 + hashed(seed, x, 15, z, SALT)
    for a in range(max(0, i - 2), min(16, i + 3)):
        for b in range(max(0, k - 2), min(16, k + 3)):
            for j in range(-1, 3):
                block = blocks[a, y + j, b]
                solid = (a - i) ** 2 + (b - k) ** 2 + j * j <= size * size
                if solid and (block in (AIR, GRASS, DIRT, TALL_GRASS)):
                    blocks[a, y + j, b] = MOSSY


@njit(cache=True)
def _frost(biome, x, z, blocks, meta, i, k):
    """Ice on still water and snow on what is open to the sky."""
    y = 127
    while y > 0 and blocks[i, y, k] == AIR:
        y -= 1
    cold = SNOWY[biome] or TEMPERATURE[biome] - max(0, y - SEA_LEVEL - 1) * COOLER < SNOW_BELOW
    if not cold or y >= 127:
        return
    block = blocks[i, y, k]
    if block == WATER and meta[i, y, k] == 0:
        blocks[i, y, k] = ICE
    elif POWDER[block]:
        blocks[i, y + 1, k], meta[i, y + 1, k] = SNOW_LAYER, 0


@njit(cache=True)
def _floor(blocks, i, k):
    """y of the highest block that is neither air nor part of a tree's crown."""
    y = 127
    while y > 0 and (blocks[i, y, k] == AIR or blocks[i, y, k] == LEAVES or blocks[i, y, k] == LEAVES2):
        y -= 1
    return y


@njit(cache=True)
def _reeds(seed, biome, x, z):
    """Whether sugar cane stands at a place by the water: in clumps of a few."""
    if BARE_SEA[biome] or SNOWY[biome]:
        return False
    clump = hashed(seed, x >> 2, 17, z >> 2, SALT) < 0.06 + 0.012 * REED_TRIES[biome]
    return clump and hashed(seed, x, 17, z, SALT) < 0.6


@njit(cache=True)
def _column(rows, seed, cx, cz, biome, heights, grounds, blocks, meta, i, k, y):
    """What grows on one column, its ground at y."""
    x, z, block = cx * 16 + i, cz * 16 + k, blocks[i, y, k]
    if y >= 125 or blocks[i, y + 1, k] != AIR:
        return
    if block == WATER:
        if y == SEA_LEVEL - 1 and hashed(seed, x, 16, z, SALT) < 0.015 * LILIES[biome]:
            blocks[i, y + 1, k], meta[i, y + 1, k] = LILY, 0
        return
    soil = block in (GRASS, DIRT, SAND)
    if soil and _by_water(heights, grounds, i + 16, k + 16, y) and _reeds(seed, biome, x, z):
        _stack(blocks, meta, i, y + 1, k, REEDS, 2 + int(3 * hashed(seed, x, 18, z, SALT) ** 2))
        return
    if block in (SAND, CLAY_SOIL):
        _on_sand(seed, biome, x, y, z, blocks, meta, i, k)
    elif block in (GRASS, DIRT, MYCELIUM):
        _shroom(seed, biome, x, y, z, blocks, meta, i, k)
        if block != MYCELIUM and blocks[i, y + 1, k] == AIR:
            if block == GRASS or meta[i, y, k] == 2:
                _meadow(rows, seed, biome, x, y, z, blocks, meta, i, k)
            if blocks[i, y + 1, k] == AIR:
                _on_sand(seed, biome, x, y, z, blocks, meta, i, k)


@njit(cache=True)
def grow(rows, seed, cx, cz, biomes, heights, grounds, blocks, meta):
    """Put plants, snow and ice into a chunk that has its trees.

    Args:
        biomes, heights, grounds: (48, 48) int64 of the bare chunks around, the chunk in the middle.
        blocks, meta: (16, 128, 16) uint8, changed.
    """
    floor = np.empty((16, 16), np.int64)
    for i in range(16):
        for k in range(16):
            floor[i, k] = _floor(blocks, i, k)
            biome, y = biomes[16 + i, 16 + k], floor[i, k]
            draw = hashed(seed, cx * 16 + i, 19, cz * 16 + k, SALT)
            if MEADOW[biome] == SPIKES and draw < 0.012 and y > SEA_LEVEL:
                _spike(seed, cx * 16 + i, y, cz * 16 + k, blocks, i, k)
            elif MEADOW[biome] == MOSS and draw < 0.0015 and blocks[i, y, k] != WATER and y < 120:
                _boulder(seed, cx * 16 + i, y, cz * 16 + k, blocks, i, k)
    for i in range(16):
        for k in range(16):
            _column(rows, seed, cx, cz, biomes[16 + i, 16 + k], heights, grounds, blocks, meta, i, k,
                    _floor(blocks, i, k))
    _fruit(seed, cx, cz, biomes, floor, blocks, meta)
    for i in range(16):
        for k in range(16):
            _frost(biomes[16 + i, 16 + k], cx * 16 + i, cz * 16 + k, blocks, meta, i, k)
