"""Water and lava, by Minecraft 1.11's rules: they fall, spread to where the ground drops, feed, drain and mix.

A cell's metadata is its level: 0 a source, 1 to 7 ever thinner, 8 and more falling (8 + the level it fell from). One
that still has to look about is `flowing_water` or `flowing_lava`; settled it is `water` or `lava`, which does nothing
until a block beside it changes. So seas and lakes cost nothing. A dry sponge drinks up the water about it.

At the border of what is loaded a liquid waits until more is. Lava sets nothing alight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS, drops_of
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.physics import LAVA, WATER, at, meta_at

STEP = {WATER: 5, LAVA: 30}  # ticks from one cell to the next
HOT_STEP = 10  # of lava in the nether
FALLS = 8  # level from which it falls
LIMIT = 8  # level at which nothing is left
SLOPE, LAVA_SLOPE = 4, 2  # steps from a neighbouring cell within which a drop in the ground draws the flow
SPAN = 2 * (SLOPE + 2) + 1  # side of the square in which drops are looked for
SLOWS = 4  # lava thins out so many times more slowly, three times in four
DRINKS, DRINKS_WITHIN = 64, 6  # cells a sponge takes up at most, and how many steps away
MIXES = 4  # level up to which lava turns to cobblestone beside water
SIDES = ((0, -1), (0, 1), (-1, 0), (1, 0))  # dx, dz: north, south, west, east
FLOWING = {WATER: BLOCKS.id("flowing_water"), LAVA: BLOCKS.id("flowing_lava")}
STILL = {WATER: BLOCKS.id("water"), LAVA: BLOCKS.id("lava")}
STONE, COBBLESTONE, OBSIDIAN = (BLOCKS.id(name) for name in ("stone", "cobblestone", "obsidian"))
WET = 1  # metadata of a sponge that is full

LIQUID = np.array(BLOCKS.liquid)
SOLID = np.array(BLOCKS.material_solid)


def _stopping() -> np.ndarray:
    """(256,) bool by block id: which blocks no liquid enters."""
    stops = np.array(BLOCKS.blocks_movement)
    names = [name for name in BLOCKS.names if name.endswith("_door")]
    for name in (*names, "standing_sign", "ladder", "reeds", "portal", "end_portal", "end_gateway", "structure_void"):
        stops[BLOCKS.id(name)] = True
    for name in ("skull", "flower_pot", "cocoa", "unpowered_repeater", "powered_repeater", "unpowered_comparator",
                 "powered_comparator"):
        stops[BLOCKS.id(name)] = False  # bodies stop at them, but liquids sweep them away
    return stops


STOPS = _stopping()


@njit(cache=True)
def fed(blocks, meta, bounds, liquids, solid, x, y, z, liquid, thins):
    """The level that a cell which is no source gets from those about it, -1 where nothing feeds it."""
    best, sources = -1, 0
    for side in range(4):
        i = x + (side == 3) - (side == 2)
        k = z + (side == 1) - (side == 0)
        if liquids[at(blocks, bounds, i, y, k)] != liquid:
            continue
        level = meta_at(meta, i, y, k)
        sources += level == 0
        level = 0 if level >= FALLS else level
        best = level if best < 0 else min(best, level)
    new = best + thins if best >= 0 and best + thins < LIMIT else -1
    if liquids[at(blocks, bounds, x, y + 1, z)] == liquid:
        above = meta_at(meta, x, y + 1, z)
        new = above if above >= FALLS else above + FALLS
    if liquid == WATER and sources >= 2:
        under = at(blocks, bounds, x, y - 1, z)
        if solid[under] or (liquids[under] == WATER and meta_at(meta, x, y - 1, z) == 0):
            new = 0
    return new


@njit(cache=True)
def passable(blocks, meta, bounds, liquids, stops, x, y, z, liquid):
    """Whether a liquid may run over a cell on its way down: not through what stops it, nor through its own sources."""
    block = at(blocks, bounds, x, y, z)
    return not stops[block] and (liquids[block] != liquid or meta_at(meta, x, y, z) > 0)


@njit(cache=True)
def steps_down(blocks, meta, bounds, liquids, stops, x, y, z, side, liquid, slope):
    """Steps from the neighbour on one side to the nearest cell with none below that stops: 0..slope, 1000 for none."""
    queue = np.zeros((SPAN * SPAN, 3), np.int64)
    seen = np.zeros((SPAN, SPAN), np.bool_)
    middle = SPAN // 2
    seen[middle, middle] = True
    queue[0, 0] = (side == 3) - (side == 2)
    queue[0, 1] = (side == 1) - (side == 0)
    seen[middle + queue[0, 0], middle + queue[0, 1]] = True
    first, last = 0, 1
    while first < last:
        i, k, steps = queue[first, 0], queue[first, 1], queue[first, 2]
        first += 1
        if not stops[at(blocks, bounds, x + i, y - 1, z + k)]:
            return steps
        if steps == slope:
            continue
        for way in range(4):
            a = i + (way == 3) - (way == 2)
            c = k + (way == 1) - (way == 0)
            if seen[middle + a, middle + c]:
                continue
            seen[middle + a, middle + c] = True
            if passable(blocks, meta, bounds, liquids, stops, x + a, y, z + c, liquid):
                queue[last, 0], queue[last, 1], queue[last, 2] = a, c, steps + 1
                last += 1
    return 1000


@njit(cache=True)
def ways(blocks, meta, bounds, liquids, stops, x, y, z, liquid, slope):
    """Bit by bit (north, south, west, east): to which sides a liquid spreads, those from which it is soonest down."""
    best, found = 1000, 0
    for side in range(4):
        i = x + (side == 3) - (side == 2)
        k = z + (side == 1) - (side == 0)
        if not passable(blocks, meta, bounds, liquids, stops, i, y, k, liquid):
            continue
        steps = steps_down(blocks, meta, bounds, liquids, stops, x, y, z, side, liquid, slope)
        if steps < best:
            best, found = steps, 0
        if steps == best:
            found |= 1 << side
    return found


def pace(world: Any, liquid: int) -> int:
    """Ticks that a liquid takes from cell to cell."""
    return HOT_STEP if liquid == LAVA and world.realm == "nether" else STEP[liquid]


def check(world: Any, x: int, y: int, z: int) -> None:
    """A liquid, or what is beside it, changed: lava may harden; otherwise it looks about when its time has come."""
    grid = world.grid
    block = grid.get(x, y, z)
    liquid = int(LIQUID[block])
    if liquid == LAVA and hardened(world, x, y, z):
        return
    if liquid == WATER and world.realm == "nether":
        grid.set(x, y, z, 0)  # it boils away
        return
    if block == STILL[liquid]:
        _become(grid, x, y, z, FLOWING[liquid])
    world.rules.schedule(x, y, z, pace(world, liquid) - 1)  # the change was one tick ago


def _become(grid: Any, x: int, y: int, z: int, block: int) -> None:
    """Settle, or begin to look about: another id of the same liquid, of which the neighbours take no notice."""
    grid.blocks[x & MASK, y, z & MASK] = block
    grid.touch(x, y, z)


def hardened(world: Any, x: int, y: int, z: int) -> bool:
    """Lava with water beside it or on top: a source becomes obsidian, a flow cobblestone; whether it did."""
    grid = world.grid
    level = grid.get_meta(x, y, z)
    if level > MIXES:
        return False
    places = ((x, y + 1, z), *((x + dx, y, z + dz) for dx, dz in SIDES))
    if not any(LIQUID[grid.get(*place)] == WATER for place in places):
        return False
    grid.set(x, y, z, COBBLESTONE if level else OBSIDIAN)
    return True


def move(world: Any, x: int, y: int, z: int) -> None:
    """A moving liquid's turn: take the level that its neighbours give it, then go down, or else to the sides."""
    grid = world.grid
    if not all(grid.loaded(x + dx, z + dz) for dx, dz in SIDES):
        return
    block, level = grid.get(x, y, z), grid.get_meta(x, y, z)
    liquid = int(LIQUID[block])
    thins = 2 if liquid == LAVA and world.realm != "nether" else 1
    new = level
    if level > 0:
        new = int(fed(grid.blocks, grid.meta, grid.bounds, LIQUID, SOLID, x, y, z, liquid, thins))
    if new == level:
        _become(grid, x, y, z, STILL[liquid])
    elif new < 0:
        grid.set(x, y, z, 0)
        return
    else:
        grid.set(x, y, z, FLOWING[liquid], new)
        slow = liquid == LAVA and level < new < FALLS and world.chance.below(SLOWS) != 0
        world.rules.schedule(x, y, z, pace(world, liquid) * (SLOWS if slow else 1))
    _spread(world, x, y, z, liquid, new, thins)


def _spread(world: Any, x: int, y: int, z: int, liquid: int, level: int, thins: int) -> None:
    grid = world.grid
    under = grid.get(x, y - 1, z)
    if y > 0 and enters(under, liquid):
        if liquid == LAVA and LIQUID[under] == WATER:
            grid.set(x, y - 1, z, STONE)
        else:
            _enter(world, x, y - 1, z, liquid, level if level >= FALLS else level + FALLS)
        return
    if level > 0 and y > 0 and not STOPS[under]:
        return
    thinner = 1 if level >= FALLS else level + thins
    if thinner >= LIMIT:
        return
    slope = SLOPE if thins == 1 else LAVA_SLOPE
    sides = ways(grid.blocks, grid.meta, grid.bounds, LIQUID, STOPS, x, y, z, liquid, slope)
    for side, (dx, dz) in enumerate(SIDES):
        if sides >> side & 1:
            _enter(world, x + dx, y, z + dz, liquid, thinner)


def enters(block: int, liquid: int) -> bool:
    """Whether a liquid can take a block's place."""
    return not STOPS[block] and LIQUID[block] not in (liquid, LAVA)


def _enter(world: Any, x: int, y: int, z: int, liquid: int, level: int) -> None:
    """Take a cell; water leaves the items of what it sweeps away, lava burns them."""
    grid = world.grid
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if not enters(block, liquid) or not grid.set(x, y, z, FLOWING[liquid], level):
        return
    if block and liquid == WATER:
        for item, variant, count in drops_of(block, meta, ITEMS.air, 0, world.chance):
            world.drops.add(x + 0.5, y + 0.25, z + 0.5, item, variant, count, cause="washed away")


def revive(world: Any, x: int, y: int, z: int) -> None:
    """A moving liquid whose turn was lost while it was not loaded."""
    world.rules.schedule(x, y, z, 1)


def soak(world: Any, x: int, y: int, z: int) -> None:
    """A dry sponge beside water takes up what is near, and is wet then."""
    grid = world.grid
    if grid.get_meta(x, y, z) & WET:
        return
    queue, seen, drunk = [(x, y, z, 0)], {(x, y, z)}, 0
    for i, j, k, steps in queue:  # grows as it goes
        for dx, dy, dz in ((0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1), (-1, 0, 0), (1, 0, 0)):
            place = (i + dx, j + dy, k + dz)
            if place in seen or not 0 <= place[1] < HEIGHT or LIQUID[grid.get(*place)] != WATER:
                continue
            seen.add(place)
            grid.set(*place, 0)
            drunk += 1
            if steps < DRINKS_WITHIN:
                queue.append((*place, steps + 1))
        if drunk > DRINKS:
            break
    if drunk:
        grid.set(x, y, z, grid.get(x, y, z), WET)


NAMES = ("water", "flowing_water", "lava", "flowing_lava")
REACT = {**dict.fromkeys(NAMES, check), "sponge": soak}
DUE = dict.fromkeys(("flowing_water", "flowing_lava"), move)
RANDOM = dict.fromkeys(("flowing_water", "flowing_lava"), revive)
