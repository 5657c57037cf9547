"""What grows: crops, trees, reeds, cactus, mushrooms, vines, grass; farmland; bone meal.

Odds are Minecraft 1.11's. Light is that of the moment. Mobs do not trample farmland.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import trees
from veclink.envs.voxel.chance import below
from veclink.envs.voxel.frost import rains_on, thaw, weather
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.placing import SOIL, STEP, firm_side, stands

BRIGHT, DIM = 9, 4  # light that crops and spreading grass need; below which grass dies, above which it may come
SHADE = 2  # light lost in a block, more than which kills the grass under it
RIPE = {"wheat": 7, "carrots": 7, "potatoes": 7, "beetroots": 3, "melon_stem": 7, "pumpkin_stem": 7}
FRUIT = {"melon_stem": BLOCKS.id("melon_block"), "pumpkin_stem": BLOCKS.id("pumpkin")}
WET, WATER_WITHIN = 7, 4  # farmland's most moisture; blocks to the side from which water reaches it
TALLEST, AGES = 3, 15  # of reeds and cactus: blocks; random ticks for one more
READY = 8  # bit of a sapling that grows into a tree next time
NAMES = BLOCKS.names
(GRASS, DIRT, FARMLAND, WATER, FLOWING, VINE, SAPLING, TALLGRASS, TALL) = (
    BLOCKS.id(name) for name in ("grass", "dirt", "farmland", "water", "flowing_water", "vine", "sapling",
                                 "tallgrass", "double_plant"))
MUSHROOMS = tuple(BLOCKS.id(name) for name in ("brown_mushroom", "red_mushroom"))
YELLOW, RED = BLOCKS.id("yellow_flower"), BLOCKS.id("red_flower")
CROPS = frozenset(BLOCKS.id(name) for name in RIPE)
SOILS = frozenset(BLOCKS.id(name) for name in SOIL)
LOGS = frozenset(BLOCKS.id(name) for name in ("log", "log2", "red_mushroom_block", "brown_mushroom_block"))
# sapling -> the kinds of tree of one sapling, and of four
SMALL = ({"oak": 9, "big_oak": 1}, {"spruce": 1}, {"birch": 1}, {"jungle": 1}, {"acacia": 1}, {})
LARGE = ({}, {"mega_pine": 1, "mega_spruce": 1}, {}, {"mega_jungle": 1}, {}, {"dark_oak": 1})
KEPT = frozenset(("leaves", "leaves2", "vine", "cocoa"))  # parts of a tree that take the place of air only


# -- what the place is like --------------------------------------------------------------------------------------------


def light_at(world: Any, x: int, y: int, z: int) -> int:
    """Light now, of the sky and of blocks, 0..15."""
    grid = world.grid
    return max(grid.sky(x, y, z) - world.sky.darkness, grid.glow(x, y, z))


def _age(world: Any, x: int, y: int, z: int, meta: int) -> None:
    """New metadata of what stays the same block and that no neighbour minds."""
    world.grid.meta[x & MASK, y, z & MASK] = meta
    world.grid.touch(x, y, z)


# -- farmland and what is sown on it -----------------------------------------------------------------------------------


@njit(cache=True)
def fertility(blocks, meta, x, y, z, block, farmland):
    """1.11's measure of how well a crop at a place grows: wet farmland about it helps, its own kind beside it not.

    The place lies a block or more within the loaded part, or what is past its edge counts as it last was.
    """
    points = 1.0
    for i in range(-1, 2):
        for k in range(-1, 2):
            a, c = (x + i) & MASK, (z + k) & MASK
            if blocks[a, y - 1, c] == farmland:
                share = 3.0 if meta[a, y - 1, c] > 0 else 1.0
                points += share if i == 0 and k == 0 else share / 4.0
    along_x = blocks[(x - 1) & MASK, y, z & MASK] == block or blocks[(x + 1) & MASK, y, z & MASK] == block
    along_z = blocks[x & MASK, y, (z - 1) & MASK] == block or blocks[x & MASK, y, (z + 1) & MASK] == block
    across = False
    for i in (-1, 1):
        for k in (-1, 1):
            across |= blocks[(x + i) & MASK, y, (z + k) & MASK] == block
    return points / 2.0 if (along_x and along_z) or across else points


def ripen(world: Any, x: int, y: int, z: int) -> None:
    """A crop or stem may get older; an old stem may bear beside it."""
    grid, chance = world.grid, world.chance
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    name = NAMES[block]
    if light_at(world, x, y + 1, z) < BRIGHT or (name == "beetroots" and chance.below(3) == 0):
        return
    if meta >= RIPE[name] and name not in FRUIT:
        return
    points = float(fertility(grid.blocks, grid.meta, x, y, z, block, FARMLAND))
    if chance.below(int(25 / points) + 1):
        return
    if meta < RIPE[name]:
        _age(world, x, y, z, meta + 1)
    else:
        _bear(world, x, y, z, FRUIT[name])


def _bear(world: Any, x: int, y: int, z: int, fruit: int) -> None:
    """A fruit beside a stem that has none."""
    grid = world.grid
    if any(grid.get(x + dx, y, z + dz) == fruit for dx, dz in STEP):
        return
    dx, dz = STEP[world.chance.below(4)]
    if grid.get(x + dx, y, z + dz) == 0 and grid.get(x + dx, y - 1, z + dz) in SOILS:
        grid.set(x + dx, y, z + dz, fruit)


@njit(cache=True)
def near_water(blocks, bounds, x, y, z, water, flowing):
    """Whether water lies within four blocks to the side, at the same height or one above."""
    for a in range(max(x - WATER_WITHIN, bounds[0]), min(x + WATER_WITHIN + 1, bounds[1])):
        for c in range(max(z - WATER_WITHIN, bounds[2]), min(z + WATER_WITHIN + 1, bounds[3])):
            for b in range(y, min(y + 2, HEIGHT)):
                block = blocks[a & MASK, b, c & MASK]
                if block in (water, flowing):
                    return True
    return False


def dry(world: Any, x: int, y: int, z: int) -> None:
    """Farmland gets wet or dry; dry with nothing on it, it becomes dirt."""
    grid = world.grid
    meta = grid.get_meta(x, y, z)
    if near_water(grid.blocks, grid.bounds, x, y, z, WATER, FLOWING) or rains_on(world, x, y + 1, z):
        if meta < WET:
            _age(world, x, y, z, WET)
    elif meta > 0:
        _age(world, x, y, z, meta - 1)
    elif grid.get(x, y + 1, z) not in CROPS:
        grid.set(x, y, z, DIRT)


def bury(world: Any, x: int, y: int, z: int) -> None:
    """Farmland and paths under something solid become dirt."""
    if BLOCKS.material_solid[world.grid.get(x, y + 1, z)]:
        world.grid.set(x, y, z, DIRT)


def trample(world: Any, x: int, y: int, z: int, distance: float) -> None:
    """Feet fell on a block from so many blocks above: farmland may be ruined."""
    if world.grid.get(x, y, z) == FARMLAND and world.chance.uniform() < distance - 0.5:
        world.grid.set(x, y, z, DIRT)


# -- grass -------------------------------------------------------------------------------------------------------------


@njit(cache=True)
def _lit(blocks, light, x, y, z, darkness):
    """Light now above a block."""
    if y + 1 >= HEIGHT:
        return 15 - darkness
    both = light[x & MASK, y + 1, z & MASK]
    return max(np.int64(both >> 4) - darkness, np.int64(both & 15))


@njit(cache=True)
def creep(blocks, meta, light, bounds, loss, x, y, z, dirt, darkness, state, out):
    """A random tick of grass or mycelium: -1 where it dies, else how many places of dirt it comes to, in `out` (4, 3).

    Args:
        loss: (256,) uint8, light lost in each block. darkness: light that the sky lacks now.
    """
    over = blocks[x & MASK, min(y + 1, HEIGHT - 1), z & MASK]
    bright = _lit(blocks, light, x, y, z, darkness)
    if bright < DIM and loss[over] > SHADE:
        return -1
    if bright < BRIGHT:
        return 0
    count = 0
    for _ in range(4):
        word = below(state, 45)
        a, b, c = x + word % 3 - 1, y + word // 9 - 3, z + word // 3 % 3 - 1
        if not (0 <= b < HEIGHT - 1 and bounds[0] <= a < bounds[1] and bounds[2] <= c < bounds[3]):
            continue
        i, k = a & MASK, c & MASK
        if (blocks[i, b, k] == dirt and meta[i, b, k] == 0 and loss[blocks[i, b + 1, k]] <= SHADE
                and _lit(blocks, light, a, b, c, darkness) >= DIM):
            out[count, 0], out[count, 1], out[count, 2] = a, b, c
            count += 1
    return count


_PLACES = np.zeros((4, 3), np.int64)


def spread(world: Any, x: int, y: int, z: int) -> None:
    """Grass and mycelium die in the dark and come to dirt in the light."""
    grid = world.grid
    count = creep(grid.blocks, grid.meta, grid.light, grid.bounds, BLOCKS.filter, x, y, z, DIRT, world.sky.darkness,
                  world.chance.state, _PLACES)
    if count < 0:
        grid.set(x, y, z, DIRT)
    elif count:
        block = grid.get(x, y, z)
        for place in _PLACES[:count].tolist():
            grid.set(*place, block)


# -- trees -------------------------------------------------------------------------------------------------------------


def sprout(world: Any, x: int, y: int, z: int) -> None:
    """A sapling's random tick."""
    if light_at(world, x, y + 1, z) >= BRIGHT and world.chance.below(7) == 0:
        _shoot_up(world, x, y, z)


def _shoot_up(world: Any, x: int, y: int, z: int) -> None:
    """First the sapling gets ready, then it becomes a tree where there is room for one."""
    grid = world.grid
    meta = grid.get_meta(x, y, z)
    if not meta & READY:
        _age(world, x, y, z, meta | READY)
        return
    kind = min(meta & 7, len(SMALL) - 1)
    corner = next(((x + i, z + k) for i in (0, -1) for k in (0, -1) if _four(grid, x + i, y, z + k, kind)), None)
    if LARGE[kind] and corner is not None:
        grow_tree(world, _drawn(world, LARGE[kind]), corner[0], y, corner[1], 2)
    elif SMALL[kind]:
        grow_tree(world, _drawn(world, SMALL[kind]), x, y, z, 1)


def _four(grid: Any, x: int, y: int, z: int, kind: int) -> bool:
    return all(grid.get(x + i, y, z + k) == SAPLING and grid.get_meta(x + i, y, z + k) & 7 == kind
               for i in (0, 1) for k in (0, 1))


def _drawn(world: Any, shares: dict[str, int]) -> str:
    """One of the kinds, by their shares."""
    mark = world.chance.below(sum(shares.values()))
    for kind, share in shares.items():
        mark -= share
        if mark < 0:
            return kind
    raise AssertionError("shares add up")


def grow_tree(world: Any, kind: str, x: int, y: int, z: int, width: int = 1) -> bool:
    """A tree or huge mushroom where its sapling stands, if its trunk finds room; whether it grew.

    Args:
        kind: of `trees.KINDS`. x, y, z: of the lowest log, the one with the least x and z where there are four.
        width: 1, or 2 for trunks of 2 x 2.
    """
    grid = world.grid
    edge = trees.REACH
    if not (grid.loaded(x - edge, z - edge) and grid.loaded(x + edge + 1, z + edge + 1)):
        return False
    blocks = trees.plan(kind, x, y, z, world.chance.uniform())
    if any(block in LOGS and not trees.YIELDS[grid.get(a, b, c)] for a, b, c, block, _ in blocks):
        return False
    if max(b for _, b, _, _, _ in blocks) >= HEIGHT - 1:
        return False
    for i in range(width):
        for k in range(width):
            grid.set(x + i, y, z + k, 0)
            if grid.get(x + i, y - 1, z + k) in (GRASS, FARMLAND):
                grid.set(x + i, y - 1, z + k, DIRT)
    for a, b, c, block, meta in blocks:
        old = grid.get(a, b, c)
        if old == 0 or (block in LOGS and trees.YIELDS[old]) or (NAMES[block] not in KEPT and BLOCKS.replaceable[old]):
            grid.set(a, b, c, block, meta)
    return True


# -- reeds, cactus, wart, cocoa, mushrooms, vines ----------------------------------------------------------------------


def stretch(world: Any, x: int, y: int, z: int) -> None:
    """Reeds and cactus get a block higher in sixteen random ticks, up to three."""
    grid = world.grid
    block = grid.get(x, y, z)
    if grid.get(x, y + 1, z) or y + 1 >= HEIGHT or all(grid.get(x, y - down, z) == block for down in range(1, TALLEST)):
        return
    age = grid.get_meta(x, y, z)
    _age(world, x, y, z, 0 if age >= AGES else age + 1)
    if age >= AGES:
        grid.set(x, y + 1, z, block)


def swell(world: Any, x: int, y: int, z: int) -> None:
    """Nether wart."""
    meta = world.grid.get_meta(x, y, z)
    if meta < 3 and world.chance.below(10) == 0:
        _age(world, x, y, z, meta + 1)


def ripen_pod(world: Any, x: int, y: int, z: int) -> None:
    """Cocoa; its age is in bits 4 and 8."""
    meta = world.grid.get_meta(x, y, z)
    if meta < 8 and world.chance.below(5) == 0:
        _age(world, x, y, z, meta + 4)


@njit(cache=True)
def count_near(blocks, bounds, x, y, z, block):
    """How many of a block are within 4 blocks to the sides and 1 up and down."""
    count = 0
    for a in range(max(x - 4, bounds[0]), min(x + 5, bounds[1])):
        for b in range(max(y - 1, 0), min(y + 2, HEIGHT)):
            for c in range(max(z - 4, bounds[2]), min(z + 5, bounds[3])):
                count += blocks[a & MASK, b, c & MASK] == block
    return count


def seed_mushroom(world: Any, x: int, y: int, z: int) -> None:
    """A mushroom comes up near another, where there are fewer than five and it is dark."""
    grid, chance = world.grid, world.chance
    if chance.below(25):
        return
    block = grid.get(x, y, z)
    if count_near(grid.blocks, grid.bounds, x, y, z, block) >= 5:
        return
    i, j, k = x, y, z
    for _ in range(5):
        a, b, c = i + chance.between(-1, 1), j + chance.below(2) - chance.below(2), k + chance.between(-1, 1)
        if grid.get(a, b, c) == 0 and 0 <= b < HEIGHT and stands(grid, a, b, c, block, 0):
            i, j, k = a, b, c
    if (i, j, k) != (x, y, z):
        grid.set(i, j, k, block)


def climb(world: Any, x: int, y: int, z: int) -> None:
    """A vine spreads down, up or along a wall; a shorter rule than 1.11's: it turns no corners outwards."""
    grid, chance = world.grid, world.chance
    if chance.below(4):
        return
    meta, way = grid.get_meta(x, y, z), chance.below(6)
    if way == 0:
        bits = meta & chance.below(16)
        under = grid.get(x, y - 1, z)
        if bits and y > 0 and (under == 0 or under == VINE):
            grid.set(x, y - 1, z, VINE, bits | (grid.get_meta(x, y - 1, z) if under == VINE else 0))
        return
    if count_near(grid.blocks, grid.bounds, x, y, z, VINE) >= 5:
        return
    if way == 1:
        bits = meta & chance.below(16) & _walls(grid, x, y + 1, z)
        if bits and y + 1 < HEIGHT and grid.get(x, y + 1, z) == 0:
            grid.set(x, y + 1, z, VINE, bits)
        return
    quarter = way - 2
    dx, dz = STEP[quarter]
    if firm_side(grid, x + dx, y, z + dz):
        if not meta >> quarter & 1:
            grid.set(x, y, z, VINE, meta | 1 << quarter)
    elif grid.get(x + dx, y, z + dz) == 0:
        bits = meta & _walls(grid, x + dx, y, z + dz)
        if bits:
            grid.set(x + dx, y, z + dz, VINE, bits)


def _walls(grid: Any, x: int, y: int, z: int) -> int:
    """Bits of the sides on which a vine at a place would have a wall."""
    return sum(1 << quarter for quarter, (dx, dz) in enumerate(STEP) if firm_side(grid, x + dx, y, z + dz))


# -- bone meal ---------------------------------------------------------------------------------------------------------


def bonemeal(world: Any, x: int, y: int, z: int) -> bool:
    """Bone meal on a block; whether it was used up, which it is even where nothing came of it."""
    grid, chance = world.grid, world.chance
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    name = NAMES[block]
    if name in RIPE:
        if meta >= RIPE[name]:
            return False
        more = chance.between(2, 5)
        grid.set(x, y, z, block, min(RIPE[name], meta + (more // 3 if name == "beetroots" else more)))
    elif block == SAPLING:
        if chance.uniform() < 0.45:
            _shoot_up(world, x, y, z)
    elif block in MUSHROOMS:
        if chance.uniform() < 0.4:
            grow_tree(world, name, x, y, z)
    elif name == "cocoa" and meta < 8:
        grid.set(x, y, z, block, meta + 4)
    elif block == GRASS and grid.get(x, y + 1, z) == 0:
        _meadow(world, x, y + 1, z)
    elif block == TALLGRASS and meta in (1, 2) and grid.get(x, y + 1, z) == 0 and y + 1 < HEIGHT:
        grid.set(x, y, z, TALL, meta + 1)
        grid.set(x, y + 1, z, TALL, READY)
    elif block == TALL:
        kind = grid.get_meta(x, y - 1, z) if meta & READY else meta
        if kind in (2, 3):
            return False
        world.drops.add(x + 0.5, y + 0.5, z + 0.5, ITEMS.id("double_plant"), kind, 1, cause="grown")
    else:
        return False
    return True


def _meadow(world: Any, x: int, y: int, z: int) -> None:
    """Grass and flowers come up about a place."""
    grid, chance = world.grid, world.chance
    for i in range(128):
        a, b, c = x, y, z
        for _ in range(i // 16):
            a, c = a + chance.between(-1, 1), c + chance.between(-1, 1)
            b += chance.between(-1, 1) * chance.below(3) // 2
            if grid.get(a, b - 1, c) != GRASS or BLOCKS.full[grid.get(a, b, c)]:
                break
        else:
            if grid.get(a, b, c) == 0 and grid.get(a, b - 1, c) == GRASS:
                flower = chance.below(8) == 0
                kind = (YELLOW if chance.below(3) else RED) if flower else TALLGRASS
                grid.set(a, b, c, kind, 0 if flower else 1)


RANDOM = {
    **dict.fromkeys(RIPE, ripen), "farmland": dry, "grass": spread, "mycelium": spread, "sapling": sprout,
    "reeds": stretch, "cactus": stretch, "nether_wart": swell, "cocoa": ripen_pod, "brown_mushroom": seed_mushroom,
    "red_mushroom": seed_mushroom, "vine": climb, "ice": thaw, "snow_layer": thaw,
}  # fmt: skip
REACT = {"farmland": bury, "grass_path": bury}

__all__ = ["RANDOM", "REACT", "bonemeal", "grow_tree", "light_at", "trample", "weather"]
