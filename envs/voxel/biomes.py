"""Biomes: their figures, read from facts/biomes.json, and which one a place has.

Climate comes from two slow noises, temperature and rainfall. The land is cut into bent cells of some 200 blocks; a
cell's climate picks its biome with Minecraft 1.11's shares. Seas, beaches, rivers and hills come from noises of
their own, so that they run across cells.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from veclink.envs.errors import UnknownName
from veclink.envs.facts.tables import table
from veclink.envs.voxel.chance import hashed
from veclink.envs.voxel.noise import SPREAD_2, noise2

SALT = 7100  # of this module's position draws
CELL = 190.0  # blocks
BEND, BEND_SCALE, RAGGED, RAGGED_SCALE = 34.0, 1 / 96.0, 5.0, 1 / 13.0
SEA_SCALE, SEA, DEEP, SHORE = 1 / 620.0, -0.16, -0.32, 0.024  # thresholds of the continents' noise
CLIMATE_SCALE = 1 / 900.0
RIVER_SCALE, RIVER_WIDTH = 1 / 420.0, 0.021
HILL_SCALE, HILL = 1 / 110.0, 0.30
RARE, ISLAND = 0.04, 0.03  # share of cells with the rare kind of their biome, of deep sea cells with an island
ISLAND_RADIUS, ISLAND_SHORE = 48.0, 57.0
ICY, COOL, TEMPERATE = 0.13, 0.33, 0.67  # shares of the land, cold to warm, as ends of intervals
SNOW_BELOW = 0.15  # temperature at sea level below which it snows and water freezes


FACTS = table("biomes")
ROWS: list[dict[str, Any]] = FACTS["biomes"]
IDS: dict[str, int] = {row["name"]: row["id"] for row in ROWS}
NAMES: dict[int, str] = {row["id"]: row["name"] for row in ROWS}


class Biome(NamedTuple):
    """A biome: MineDojo's id and name, Minecraft's temperature (below 0.15 it snows) and rainfall (0 none)."""

    id: int
    name: str
    temperature: float
    rainfall: float


BIOMES: dict[int, Biome] = {
    row["id"]: Biome(row["id"], row["name"], float(row["temperature"]), float(row["rainfall"])) for row in ROWS
}


def biome_id(biome: int | str) -> int:
    """MineDojo's id of a biome given by name or id."""
    if isinstance(biome, str) and biome in IDS:
        return IDS[biome]
    if not isinstance(biome, str) and int(biome) in NAMES:
        return int(biome)
    raise UnknownName.of("biome", str(biome), IDS)


def column(key: str, default: float, dtype: type = np.float64) -> np.ndarray:
    """(256,) one figure of every biome, by id."""
    values = np.full(256, default, dtype)
    for row in ROWS:
        values[row["id"]] = row.get(key, default)
    values.flags.writeable = False
    return values


def _others(key: str) -> np.ndarray:
    """(256,) int64: the biome that stands for each biome on hills or in rare cells; itself where there is none."""
    values = np.arange(256, dtype=np.int64)
    for row in ROWS:
        if key in row:
            values[row["id"]] = IDS[row[key]]
    return values


def _climates() -> tuple[np.ndarray, np.ndarray]:
    """Ids (4, 8) and cumulated shares (4, 8) of the biomes of the four climates."""
    ids, ends = np.zeros((4, 8), np.int64), np.full((4, 8), 2.0)
    for i, climate in enumerate(("icy", "cool", "temperate", "warm")):
        total = 0.0
        shares = FACTS["climates"][climate]
        for j, (name, share) in enumerate(shares):
            total += share
            ids[i, j], ends[i, j] = IDS[name], total
        ends[i, len(shares) - 1] = 2.0
    return ids, ends


def _group(*names: str) -> np.ndarray:
    """(256,) bool: the biomes whose name begins with one of these."""
    values = np.zeros(256, np.bool_)
    for row in ROWS:
        values[row["id"]] = row["name"].startswith(names)
    return values


TEMPERATURE, RAINFALL = column("temperature", 0.5), column("rainfall", 0.5)
BASE, VARIATION = column("base", 0.1), column("variation", 0.2)
SNOWY = TEMPERATURE < SNOW_BELOW
HILLS, RARES = _others("hills"), _others("rare")
CLIMATE_IDS, CLIMATE_ENDS = _climates()
ROCKY = _group("extreme_hills")
NO_RIVER, NO_BEACH = _group("mesa"), _group("mesa", "swampland", "savanna_plateau")
OCEAN, DEEP_OCEAN, RIVER, FROZEN_RIVER = IDS["ocean"], IDS["deep_ocean"], IDS["river"], IDS["frozen_river"]
BEACH, COLD_BEACH, STONE_BEACH = IDS["beach"], IDS["cold_beach"], IDS["stone_beach"]
MUSHROOM, MUSHROOM_SHORE = IDS["mushroom_island"], IDS["mushroom_island_shore"]


@njit(cache=True)
def _share(value, spread):
    """Where a value of a noise lies among all its values, 0..1, taking them as normal."""
    return 1.0 / (1.0 + math.exp(-1.702 * value / spread))


@njit(cache=True)
def _cell(seed, x, z):
    """The cell of a place: its two numbers, and the place's distance from its centre."""
    i, k = math.floor(x / CELL), math.floor(z / CELL)
    best, best_i, best_k = 1e18, 0, 0
    for ci in range(i - 1, i + 2):
        for ck in range(k - 1, k + 2):
            dx = (ci + 0.15 + 0.7 * hashed(seed, ci, 0, ck, SALT)) * CELL - x
            dz = (ck + 0.15 + 0.7 * hashed(seed, ci, 1, ck, SALT)) * CELL - z
            if dx * dx + dz * dz < best:
                best, best_i, best_k = dx * dx + dz * dz, ci, ck
    return best_i, best_k, math.sqrt(best)


@njit(cache=True)
def _land(rows, seed, ci, ck):
    """The biome of a cell, by its climate."""
    x, z = (ci + 0.5) * CELL * CLIMATE_SCALE, (ck + 0.5) * CELL * CLIMATE_SCALE
    heat = noise2(rows[0], x, z) + 0.12 * (hashed(seed, ci, 2, ck, SALT) - 0.5)
    wet = noise2(rows[1], 1.7 * x, 1.7 * z) + 1.6 * (hashed(seed, ci, 3, ck, SALT) - 0.5)
    warmth = _share(heat, math.sqrt(SPREAD_2**2 + 0.12**2 / 12))
    climate = 0 if warmth < ICY else 1 if warmth < COOL else 2 if warmth < TEMPERATE else 3
    share = _share(wet, math.sqrt(SPREAD_2**2 + 1.6**2 / 12))
    j = 0
    while share > CLIMATE_ENDS[climate, j]:
        j += 1
    biome = CLIMATE_IDS[climate, j]
    return RARES[biome] if hashed(seed, ci, 4, ck, SALT) < RARE else biome


@njit(cache=True)
def biome_at(rows, seed, x, z):
    """The biome's id of column (x, z). `rows` are `noise.tables(seed)`."""
    x, z = float(x), float(z)
    bent_x = x + BEND * noise2(rows[2], x * BEND_SCALE, z * BEND_SCALE)
    bent_z = z + BEND * noise2(rows[3], x * BEND_SCALE, z * BEND_SCALE)
    bent_x += RAGGED * noise2(rows[4], x * RAGGED_SCALE, z * RAGGED_SCALE)
    bent_z += RAGGED * noise2(rows[5], x * RAGGED_SCALE, z * RAGGED_SCALE)
    u, w = bent_x * SEA_SCALE, bent_z * SEA_SCALE
    sea = noise2(rows[6], u, w) + 0.5 * noise2(rows[7], 2 * u, 2 * w) + 0.25 * noise2(rows[8], 4 * u, 4 * w)
    ci, ck, distance = _cell(seed, bent_x, bent_z)
    if sea < SEA:
        if sea < DEEP and distance < ISLAND_SHORE and hashed(seed, ci, 5, ck, SALT) < ISLAND:
            return MUSHROOM if distance < ISLAND_RADIUS else MUSHROOM_SHORE
        return DEEP_OCEAN if sea < DEEP else OCEAN
    biome = _land(rows, seed, ci, ck)
    if sea < SEA + SHORE and not NO_BEACH[biome]:
        return COLD_BEACH if SNOWY[biome] else STONE_BEACH if ROCKY[biome] else BEACH
    u, w = bent_x * RIVER_SCALE, bent_z * RIVER_SCALE
    stream = noise2(rows[9], u, w) + 0.35 * noise2(rows[10], 2.3 * u, 2.3 * w)
    if abs(stream) < RIVER_WIDTH and not NO_RIVER[biome]:
        return FROZEN_RIVER if SNOWY[biome] else RIVER
    if noise2(rows[11], bent_x * HILL_SCALE, bent_z * HILL_SCALE) > HILL:
        return HILLS[biome]
    return biome


@njit(cache=True)
def biomes_of(rows, seed, fixed, x0, z0, step, out):
    """Fill `out` (n, m) int64 with the biomes of the columns from (x0, z0) on, `step` blocks apart.

    `fixed` is the biome that all have, -1 for none.
    """
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = fixed if fixed >= 0 else biome_at(rows, seed, x0 + step * i, z0 + step * k)
