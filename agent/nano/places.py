"""Places of the voxel world to look at: terrain of every climate with patches of rarer blocks put down, and caves."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from veclink.agent.nano.book import SPLITS, check_split
from veclink.agent.nano.caves import dig_burrows, dig_cave
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.terrain import Terrain

BIOMES = ("plains", "forest", "desert", "taiga", "swampland", "savanna", "extreme_hills", "birch_forest", "ice_plains",
          "mesa", "flower_forest", "jungle_edge", "cold_taiga", "beach", "sunflower_plains", "mushroom_island")
REACH = 26  # blocks from the middle of a place in which patches lie and eyes may stand
CAVES = 0.16  # share of places under ground
# what is put down, and how: "heap" on the ground, "pool" in its place
HEAPS = ("sand", "gravel", "cobblestone", "log", "leaves", "snow", "ice", "cactus", "pumpkin", "melon_block", "planks",
         "brick_block", "hay_block", "bookshelf", "gold_block", "diamond_block", "obsidian", "glowstone", "sandstone",
         "tnt", "crafting_table", "furnace", "coal_ore", "iron_ore", "diamond_ore", "stained_hardened_clay",
         "hardened_clay", "stone", "dirt")
POOLS = ("water", "water", "lava", "ice", "sand", "gravel")
PLANTS = ("red_flower", "yellow_flower", "tallgrass")
NO_GROUND = frozenset(BLOCKS.id(name) for name in ("log", "leaves", "cactus", "brown_mushroom_block",
                                                   "red_mushroom_block", "lava", "flowing_lava", "fence"))


@dataclass(frozen=True, eq=False)
class Place:
    """A loaded part of a world.

    Attributes:
        number: of the place; no two have the same. grid: what is there. x, z: its middle.
        floor: of a cave, column -> y of the feet; None under the open sky.
        narrow: whether it is tunnels, in which a wall is always near.
    """

    number: int
    grid: Grid
    x: int
    z: int
    floor: Mapping[tuple[int, int], int] | None = None
    narrow: bool = False

    def ground(self, x: int, z: int) -> int:
        """y of the feet of somebody who stands on the column's ground, 0 where nobody can; on water its surface."""
        if self.floor is not None:
            return self.floor.get((x, z), 0)
        if not self.grid.loaded(x, z):
            return 0
        y = int(self.grid.top[x & 127, z & 127])
        if not 2 < y < 124 or self.grid.get(x, y - 1, z) in NO_GROUND:
            return 0
        if BLOCKS.solid[self.grid.get(x, y, z)] or BLOCKS.solid[self.grid.get(x, y + 1, z)]:
            return 0
        return y

    def is_water(self, x: int, z: int) -> bool:
        """Whether the column's surface is water."""
        if self.floor is not None:
            return False
        y = int(self.grid.top[x & 127, z & 127])
        return bool(BLOCKS.liquid[self.grid.get(x, y - 1, z)] == 1)


def place(split: str, seed: int, number: int, burrows: float = 0.0) -> Place:
    """The place of this number: a pure function of what is given. Splits share no terrain.

    Args:
        burrows: share of places with unlit tunnels of one's own height under ground.
    """
    rng = random.Random(f"place/{check_split(split)}/{seed}/{number}")
    world = (seed * 1_000_003 + number) * len(SPLITS) + SPLITS.index(split)
    terrain = Terrain(world, BIOMES[number % len(BIOMES)])
    middle = None
    for _ in range(6):
        x, z = rng.randrange(-400, 400), rng.randrange(-400, 400)
        bare = terrain.bare(x // 16, z // 16)
        if int(bare.height[x % 16, z % 16]) >= 62 or middle is None:
            middle = (x, z)
        if int(bare.height[x % 16, z % 16]) >= 62:
            break
    assert middle is not None
    grid = Grid(terrain, *middle)
    dug = random.Random(f"burrow/{split}/{seed}/{number}")
    if burrows and dug.random() < burrows:
        floor = dig_burrows(grid, middle[0], middle[1], REACH, dug)
        grid.woken.clear()
        return Place(number, grid, *middle, floor, narrow=True)
    under = random.Random(f"cave/{split}/{seed}/{number}")
    if under.random() < CAVES:
        floor = dig_cave(grid, middle[0], middle[1], REACH, under)
        grid.woken.clear()
        return Place(number, grid, *middle, floor)
    made = Place(number, grid, *middle)
    for _ in range(rng.randint(10, 16)):
        _patch(made, rng)
    made.grid.woken.clear()
    return made


def _patch(made: Place, rng: random.Random) -> None:
    """Put a patch of one kind of block down."""
    angle, far = rng.uniform(0, 2 * math.pi), REACH * math.sqrt(rng.random())
    x, z = int(made.x + far * math.cos(angle)), int(made.z + far * math.sin(angle))
    how = rng.random()
    if how < 0.3:
        _pool(made, x, z, BLOCKS.id(rng.choice(POOLS)), rng.uniform(1.5, 3.8))
    elif how < 0.42:
        _plants(made, x, z, BLOCKS.id(rng.choice(PLANTS)), rng)
    else:
        _heap(made, x, z, BLOCKS.id(rng.choice(HEAPS)), rng)


def _pool(made: Place, x: int, z: int, block: int, radius: float) -> None:
    level = made.ground(x, z)
    reach = int(radius) + 1
    for i in range(-reach, reach + 1):
        for k in range(-reach, reach + 1):
            if level and math.hypot(i, k) <= radius and made.ground(x + i, z + k) == level:
                made.grid.set(x + i, level - 1, z + k, block)
                if made.grid.get(x + i, level, z + k):
                    made.grid.set(x + i, level, z + k, 0)


def _heap(made: Place, x: int, z: int, block: int, rng: random.Random) -> None:
    """A wall, a column or a loose heap of two to twelve blocks."""
    meta = rng.randrange(16) if block == BLOCKS.id("stained_hardened_clay") else 1 if block == BLOCKS.id("tallgrass") \
        else 0
    along, step = rng.random() < 0.5, rng.randint(1, 4)
    for n in range(step):
        i, k = (x + n, z) if along else (x, z + n)
        y = made.ground(i, k)
        for rise in range(rng.randint(1, 3) if y else 0):
            made.grid.set(i, y + rise, k, block, meta)


def _plants(made: Place, x: int, z: int, block: int, rng: random.Random) -> None:
    meta = 1 if block == BLOCKS.id("tallgrass") else 0
    grass = BLOCKS.id("grass")
    for _ in range(rng.randint(4, 14)):
        i, k = x + rng.randint(-3, 3), z + rng.randint(-3, 3)
        y = made.ground(i, k)
        if y and made.grid.get(i, y - 1, k) == grass and not made.grid.get(i, y, k):
            made.grid.set(i, y, k, block, meta)


def free_sight(made: Place, eye: tuple[float, float, float], yaw: float, far: float = 14.0) -> float:
    """Blocks that one can look ahead, level and a little down, before something solid comes."""
    steps = np.arange(0.5, far, 0.5)
    best = far
    for dip in (0.0, 0.08):
        x = np.floor(eye[0] - math.sin(math.radians(yaw)) * steps).astype(int)
        y = np.clip(np.floor(eye[1] - dip * steps).astype(int), 0, 127)
        z = np.floor(eye[2] + math.cos(math.radians(yaw)) * steps).astype(int)
        hit = np.flatnonzero(BLOCKS.solid[made.grid.blocks[x & 127, y, z & 127]])
        if len(hit):
            best = min(best, float(steps[hit[0]]))
    return best
