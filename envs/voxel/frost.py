"""Rain, snow and ice by Minecraft 1.11's rules: where it rains, where snow settles and water freezes, what melts.

Snow and ice melt beside lamps only; rain fills no cauldrons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.biomes import RAINFALL, SNOW_BELOW, TEMPERATURE
from veclink.envs.voxel.chance import below
from veclink.envs.voxel.grid import HEIGHT, MASK

THAWS = 11  # light of blocks above which snow and ice melt, ice by three less for what it swallows
DARK_ENOUGH = 10  # light of blocks below which they form
COOLER, COOL_ABOVE = 0.05 / 30, 64  # temperature a block of height takes, above this height
CHUNK_AREA, EVERY = 256, 16  # each chunk has its turn in one of so many ticks, with one of its columns
WATER, ICE, SNOW = (BLOCKS.id(name) for name in ("water", "ice", "snow_layer"))


def warmth(world: Any, x: int, y: int, z: int) -> float:
    """Temperature: of the biome, less high up."""
    return float(TEMPERATURE[world.grid.biome_at(x, z)]) - max(0, y - COOL_ABOVE) * COOLER


def rains_on(world: Any, x: int, y: int, z: int) -> bool:
    """Whether rain (no snow) falls on a place now."""
    return (world.sky.weather > 0 and world.realm == "overworld" and world.grid.sky(x, y, z) == 15
            and bool(RAINFALL[world.grid.biome_at(x, z)] > 0) and warmth(world, x, y, z) >= SNOW_BELOW)


@njit(cache=True)
def frosted(blocks, meta, light, biome, bounds, stops, liquid, filled, warm, falling, still, state, out):
    """Columns on which ice or snow forms in a tick: (n, 4) x, y, z, 0 ice or 1 snow; how many.

    Args:
        stops, liquid, filled, warm: by block or biome: stops bodies, is a liquid, bears snow, temperature.
        falling: whether it rains or snows. still: the id of water. state: of the draws.
    """
    count = 0
    wide, deep = bounds[1] - bounds[0], bounds[3] - bounds[2]
    for _ in range(wide * deep // (CHUNK_AREA * EVERY)):
        word = below(state, wide * deep)
        x, z = bounds[0] + word % wide, bounds[2] + word // wide
        i, k = x & MASK, z & MASK
        mild = warm[biome[i, k]]
        if mild - (HEIGHT - COOL_ABOVE) * COOLER >= SNOW_BELOW:
            continue
        y = HEIGHT - 1
        while y >= 0 and not stops[blocks[i, y, k]] and liquid[blocks[i, y, k]] == 0:
            y -= 1
        if y < 0 or y >= HEIGHT - 1 or mild - max(0, y + 1 - COOL_ABOVE) * COOLER >= SNOW_BELOW:
            continue
        ground, over = blocks[i, y, k], blocks[i, y + 1, k]
        if ground == still and meta[i, y, k] == 0 and light[i, y, k] & 15 < DARK_ENOUGH:
            if x - 1 < bounds[0] or x + 1 >= bounds[1] or z - 1 < bounds[2] or z + 1 >= bounds[3]:
                continue
            if (liquid[blocks[(x - 1) & MASK, y, k]] == 1 and liquid[blocks[(x + 1) & MASK, y, k]] == 1
                    and liquid[blocks[i, y, (z - 1) & MASK]] == 1 and liquid[blocks[i, y, (z + 1) & MASK]] == 1):
                continue
            out[count, 0], out[count, 1], out[count, 2], out[count, 3] = x, y, z, 0
            count += 1
        elif falling and filled[ground] and over == 0 and light[i, y + 1, k] & 15 < DARK_ENOUGH:
            out[count, 0], out[count, 1], out[count, 2], out[count, 3] = x, y + 1, z, 1
            count += 1
    return count


BEARS_SNOW = BLOCKS.full & BLOCKS.blocks_movement & (BLOCKS.filter > 0)
for _name in ("ice", "packed_ice", "barrier", "glass", "stained_glass"):
    BEARS_SNOW[BLOCKS.id(_name)] = False
_COLUMNS = np.zeros((64, 4), np.int64)


def weather(world: Any) -> None:
    """A tick of snow and ice: one column in every sixteenth chunk. Snow gets no higher than one layer, as in 1.11."""
    if world.realm != "overworld":
        return
    grid = world.grid
    count = frosted(grid.blocks, grid.meta, grid.light, grid.biome, grid.bounds, BLOCKS.blocks_movement, BLOCKS.liquid,
                    BEARS_SNOW, TEMPERATURE, world.sky.weather > 0, WATER, world.chance.state, _COLUMNS)
    for x, y, z, snow in _COLUMNS[:count].tolist():
        grid.set(x, y, z, SNOW if snow else ICE)


def thaw(world: Any, x: int, y: int, z: int) -> None:
    """Snow and ice beside a lamp melt."""
    grid = world.grid
    ice = grid.get(x, y, z) == ICE
    if grid.glow(x, y, z) > THAWS - (int(BLOCKS.filter[ICE]) if ice else 0):
        grid.set(x, y, z, WATER if ice and world.realm == "overworld" else 0)
