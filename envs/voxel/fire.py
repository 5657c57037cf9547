"""Fire, by Minecraft 1.11's odds: it ages, burns what it touches away, jumps to what can burn, and dies in the rain.

It lasts for ever on netherrack and magma. TNT that burns is lit. Lava sets nothing alight here, nor does lightning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import explosion
from veclink.envs.voxel.biomes import RAINFALL
from veclink.envs.voxel.frost import rains_on
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.mobs import DIFFICULTIES
from veclink.envs.voxel.physics import at
from veclink.envs.voxel.placing import firm_top

FIRE, TNT = BLOCKS.id("fire"), BLOCKS.id("tnt")
ETERNAL = frozenset(BLOCKS.id(name) for name in ("netherrack", "magma"))
WAITS = (30, 39)  # ticks between two looks of a fire, least and most
OLDEST = 15  # age of a fire, its metadata
WET_ODDS, WET_AGING = 0.2, 0.03  # that rain puts a fire out, and how much more with each year of its age
HUMID = 0.85  # rainfall above which everything burns worse
SIDEWAYS, UPWARDS = 300, 250  # of so many chances a neighbour burns away in `burns` of them
DAMP = 50  # chances fewer where it is humid
AROUND = (((1, 0, 0), SIDEWAYS), ((-1, 0, 0), SIDEWAYS), ((0, -1, 0), UPWARDS), ((0, 1, 0), UPWARDS),
          ((0, 0, -1), SIDEWAYS), ((0, 0, 1), SIDEWAYS))  # fmt: skip
LIGHTERS = ("flint_and_steel", "fire_charge")

_WOODEN = ("planks", "double_wooden_slab", "wooden_slab", "fence", "fence_gate", "oak_stairs", *(
    f"{wood}_{part}" for wood in ("spruce", "birch", "jungle", "acacia", "dark_oak")
    for part in ("fence", "fence_gate", "stairs")))
_PLANTS = ("tallgrass", "double_plant", "yellow_flower", "red_flower", "deadbush")
# block -> (how much it draws fire, how easily it burns away)
RATES = {
    **dict.fromkeys(_WOODEN, (5, 20)), **dict.fromkeys(("log", "log2", "coal_block"), (5, 5)),
    **dict.fromkeys(("leaves", "leaves2"), (30, 60)), "bookshelf": (30, 20), "tnt": (15, 100),
    **dict.fromkeys(_PLANTS, (60, 100)), "wool": (30, 60), "vine": (15, 100), "hay_block": (60, 20),
    "carpet": (60, 20),
}  # fmt: skip
DRAWS_FIRE, BURNS = np.zeros(256, np.int64), np.zeros(256, np.int64)
for _name, (_draws, _burns) in RATES.items():
    DRAWS_FIRE[BLOCKS.id(_name)], BURNS[BLOCKS.id(_name)] = _draws, _burns
_CELLS = np.array([(dx, dy, dz) for dx in (-1, 0, 1) for dz in (-1, 0, 1) for dy in range(-1, 5)
                   if (dx, dy, dz) != (0, 0, 0)], np.int64)  # to which a fire may jump, in 1.11's order


@njit(cache=True)
def drawn_to(blocks, bounds, draws_fire, x, y, z):
    """How much the best neighbour of a cell draws fire, 0 where none burns."""
    best = draws_fire[at(blocks, bounds, x, y - 1, z)]
    best = max(best, draws_fire[at(blocks, bounds, x, y + 1, z)])
    best = max(best, draws_fire[at(blocks, bounds, x - 1, y, z)], draws_fire[at(blocks, bounds, x + 1, y, z)])
    return max(best, draws_fire[at(blocks, bounds, x, y, z - 1)], draws_fire[at(blocks, bounds, x, y, z + 1)])


@njit(cache=True)
def open_to_fire(blocks, bounds, draws_fire, cells, x, y, z, out):
    """Air cells about a fire with something beside them that burns: (n, 4) dx, dy, dz, draw; how many."""
    count = 0
    for i in range(len(cells)):
        a, b, c = x + cells[i, 0], y + cells[i, 1], z + cells[i, 2]
        inside = 0 <= b < HEIGHT and bounds[0] <= a < bounds[1] and bounds[2] <= c < bounds[3]
        if not inside or blocks[a & MASK, b, c & MASK] != 0:
            continue
        best = drawn_to(blocks, bounds, draws_fire, a, b, c)
        if best > 0:
            out[count, 0], out[count, 1], out[count, 2], out[count, 3] = a, b, c, best
            count += 1
    return count


_OUT = np.zeros((len(_CELLS), 4), np.int64)


def fed(grid: Any, x: int, y: int, z: int) -> bool:
    """Whether something beside a place burns."""
    return drawn_to(grid.blocks, grid.bounds, DRAWS_FIRE, x, y, z) > 0


def check(world: Any, x: int, y: int, z: int) -> None:
    """A fire, or what is beside it, changed: it goes out where it has neither floor nor food."""
    grid = world.grid
    if not (firm_top(grid, x, y - 1, z) or fed(grid, x, y, z)):
        grid.set(x, y, z, 0)
    else:
        world.rules.schedule(x, y, z, world.chance.between(*WAITS))


def wet(world: Any, x: int, y: int, z: int) -> bool:
    """Whether it rains on a place or on one of the four beside it."""
    return world.sky.weather > 0 and any(rains_on(world, x + dx, y, z + dz)
                                         for dx, dz in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)))


def burn(world: Any, x: int, y: int, z: int) -> None:
    """A fire's turn."""
    grid, chance = world.grid, world.chance
    below = grid.get(x, y - 1, z)
    eternal, floor, food = below in ETERNAL, firm_top(grid, x, y - 1, z), fed(grid, x, y, z)
    age = grid.get_meta(x, y, z)
    rained = not eternal and wet(world, x, y, z) and chance.uniform() < WET_ODDS + age * WET_AGING
    if rained or not (floor or food):
        grid.set(x, y, z, 0)
        return
    older = min(OLDEST, age + chance.below(3) // 2)
    if older != age:
        grid.meta[x & MASK, y, z & MASK] = older
        grid.touch(x, y, z)
    world.rules.schedule(x, y, z, chance.between(*WAITS))
    if not eternal:
        if not food:
            if not floor or older > 3:
                grid.set(x, y, z, 0)
            return
        if not DRAWS_FIRE[below] and older == OLDEST and chance.below(4) == 0:
            grid.set(x, y, z, 0)
            return
    humid = RAINFALL[grid.biome_at(x, z)] > HUMID
    for (dx, dy, dz), chances in AROUND:
        _consume(world, x + dx, y + dy, z + dz, chances - (DAMP if humid else 0), older)
    _jump(world, x, y, z, older, bool(humid))


def _consume(world: Any, x: int, y: int, z: int, chances: int, age: int) -> None:
    """A neighbour may burn away, and fire take its place."""
    grid, chance = world.grid, world.chance
    block = grid.get(x, y, z)
    if not BURNS[block] or chance.below(chances) >= BURNS[block]:
        return
    if block == TNT:
        explosion.prime(world, x, y, z)
    elif chance.below(age + 10) < 5 and not rains_on(world, x, y, z):
        grid.set(x, y, z, FIRE, min(OLDEST, age + chance.below(5) // 4))
    else:
        grid.set(x, y, z, 0)


def _jump(world: Any, x: int, y: int, z: int, age: int, humid: bool) -> None:
    """Fire comes to air beside something that burns, one block about and up to four above."""
    grid, chance = world.grid, world.chance
    hard = DIFFICULTIES.index(world.mobs.difficulty)
    count = open_to_fire(grid.blocks, grid.bounds, DRAWS_FIRE, _CELLS, x, y, z, _OUT)
    for a, b, c, draw in _OUT[:count].tolist():
        odds = (draw + 40 + hard * 7) // (age + 30)
        if humid:
            odds //= 2
        chances = 100 + (b - y - 1) * 100 if b - y > 1 else 100
        if odds > 0 and chance.below(chances) <= odds and not wet(world, a, b, c):
            grid.set(a, b, c, FIRE, min(OLDEST, age + chance.below(5) // 4))


def light(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """The player's hand on TNT: flint and steel or a fire charge lights it."""
    bag, held = world.player.inventory, world.player.held
    name = ITEMS.names[bag.item[held]] if bag.count[held] else "air"
    if name not in LIGHTERS:
        return False
    explosion.prime(world, x, y, z)
    if name == "fire_charge":
        bag.take(held, 1, "burnt")
    else:
        bag.wear(held)
    return True


REACT = {"fire": check}
DUE = {"fire": burn, "tnt": explosion.go_off}
RANDOM = {"fire": check, "tnt": explosion.take_up}  # those whose turn was lost while they were not loaded
ONLY_WITH = {"tnt": explosion.LIT}
USE = {"tnt": light}
