"""What falls off when the block that held it is gone, and leaves that wither away from their tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS, drops_of, harvests
from veclink.envs.facts.blocks import TOOLS
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.placing import STEP, stands

DOORS = tuple(name for name in BLOCKS.names if name.endswith("_door"))
UPPER = 8  # bit of the upper half of doors and tall plants, and of a bed's head
HEADING = ((0, 1), (-1, 0), (0, -1), (1, 0))  # of a bed by its metadata: dx, dz from foot to head
KEPT_BY_HAND = 4  # bit of leaves that somebody placed: they do not wither
LOOSE = 8  # bit of leaves that may have lost their log: only these are looked at, as in 1.11
ALIVE = 4  # steps through leaves from a log
LOG, LOG2, LEAVES, LEAVES2 = (BLOCKS.id(name) for name in ("log", "log2", "leaves", "leaves2"))
BED, VINE = BLOCKS.id("bed"), BLOCKS.id("vine")
JUNGLE = 3  # of logs


def _tools() -> np.ndarray:
    """(256,) item ids by block: a tool with which it leaves its drops; snow leaves some to a shovel in a hand only."""
    found = np.full(256, ITEMS.air, np.int64)
    for block, name in enumerate(BLOCKS.names):
        if not harvests(block, ITEMS.air) and name != "snow_layer":
            tool = TOOLS[BLOCKS.tool[block]]
            found[block] = ITEMS.id("diamond_" + ("sword" if tool == "shears" else tool))
    return found


TOOL_FOR = _tools()


def fall_off(world: Any, x: int, y: int, z: int, cause: str = "fallen") -> None:
    """A block gives way: air in its place, its drops on the ground, whatever tool they would ask of a hand."""
    grid = world.grid
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    found = drops_of(block, meta, int(TOOL_FOR[block]), 0, world.chance)
    grid.set(x, y, z, 0)
    for item, variant, count in found:
        world.drops.add(x + 0.5, y + 0.25, z + 0.5, item, variant, count, cause=cause)


def check(world: Any, x: int, y: int, z: int) -> None:
    """Anything that stands or hangs on another block."""
    grid = world.grid
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if not stands(grid, x, y, z, block, meta):
        fall_off(world, x, y, z)


def check_tall(world: Any, x: int, y: int, z: int) -> None:
    """Doors and tall plants: both halves or none; the lower one is what drops."""
    grid = world.grid
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    other = y - 1 if meta & UPPER else y + 1
    whole = grid.get(x, other, z) == block and (grid.get_meta(x, other, z) & UPPER) != (meta & UPPER)
    if not whole or (not meta & UPPER and not stands(grid, x, y, z, block, meta)):
        fall_off(world, x, y, z)


def check_bed(world: Any, x: int, y: int, z: int) -> None:
    """Both halves or none; the foot is what drops."""
    grid, meta = world.grid, world.grid.get_meta(x, y, z)
    dx, dz = HEADING[meta & 3]
    way = -1 if meta & UPPER else 1
    if grid.get(x + way * dx, y, z + way * dz) != BED:
        fall_off(world, x, y, z)


def check_vine(world: Any, x: int, y: int, z: int) -> None:
    """A vine holds on to a wall or hangs from one that does."""
    grid = world.grid
    meta = grid.get_meta(x, y, z)
    hangs = grid.get(x, y + 1, z) == VINE and grid.get_meta(x, y + 1, z) & meta
    if not hangs and not stands(grid, x, y, z, VINE, meta) and not BLOCKS.full[grid.get(x, y + 1, z)]:
        fall_off(world, x, y, z)


def check_pod(world: Any, x: int, y: int, z: int) -> None:
    """Cocoa hangs on jungle wood; its two lowest bits say on which side."""
    grid = world.grid
    dx, dz = STEP[grid.get_meta(x, y, z) & 3]
    if grid.get(x + dx, y, z + dz) != LOG or grid.get_meta(x + dx, y, z + dz) & 3 != JUNGLE:
        fall_off(world, x, y, z)


def check_snow(world: Any, x: int, y: int, z: int) -> None:
    """A layer of snow lies on leaves too."""
    if world.grid.get(x, y - 1, z) not in (LEAVES, LEAVES2):
        check(world, x, y, z)


@njit(cache=True)
def near_log(blocks, bounds, x, y, z, log, log2, leaves, leaves2, queue, seen):
    """Whether a log is within ALIVE steps through leaves. `queue` (1000, 4) and `seen` (9, 9, 9) are scratch."""
    seen[:] = False
    queue[0] = (x, y, z, 0)
    seen[ALIVE, ALIVE, ALIVE] = True
    first, last = 0, 1
    while first < last:
        i, j, k, steps = queue[first]
        first += 1
        if steps == ALIVE:
            continue
        for side in range(6):
            a = i + (side == 0) - (side == 1)
            b = j + (side == 2) - (side == 3)
            c = k + (side == 4) - (side == 5)
            if not (0 <= b < HEIGHT and bounds[0] <= a < bounds[1] and bounds[2] <= c < bounds[3]):
                return True  # nobody knows what is there: keep them
            u, v, w = a - x + ALIVE, b - y + ALIVE, c - z + ALIVE
            if seen[u, v, w]:
                continue
            seen[u, v, w] = True
            block = blocks[a & MASK, b, c & MASK]
            if block in (log, log2):
                return True
            if block in (leaves, leaves2) and last < len(queue):
                queue[last] = (a, b, c, steps + 1)
                last += 1
    return False


@njit(cache=True)
def loosen_near(blocks, meta, bounds, x, y, z, leaves, leaves2):
    """Set the LOOSE bit of all leaves that a log at the place may have held."""
    for i in range(max(x - ALIVE, bounds[0]), min(x + ALIVE + 1, bounds[1])):
        for j in range(max(y - ALIVE, 0), min(y + ALIVE + 1, HEIGHT)):
            for k in range(max(z - ALIVE, bounds[2]), min(z + ALIVE + 1, bounds[3])):
                block = blocks[i & MASK, j, k & MASK]
                if block in (leaves, leaves2):
                    meta[i & MASK, j, k & MASK] |= LOOSE


_QUEUE, _SEEN = np.zeros((1000, 4), np.int64), np.zeros((2 * ALIVE + 1,) * 3, np.bool_)


def loosen(world: Any, x: int, y: int, z: int) -> None:
    """Something beside leaves changed: they and those about have to see whether a log still holds them."""
    grid = world.grid
    if not grid.get_meta(x, y, z) & LOOSE:
        loosen_near(grid.blocks, grid.meta, grid.bounds, x, y, z, LEAVES, LEAVES2)
        grid.touch(x, y, z, ALIVE)


def wither(world: Any, x: int, y: int, z: int) -> None:
    """Leaves too far from any log go, now and then leaving a sapling or an apple."""
    grid = world.grid
    meta = grid.get_meta(x, y, z)
    if meta & KEPT_BY_HAND or not meta & LOOSE:
        return
    if near_log(grid.blocks, grid.bounds, x, y, z, LOG, LOG2, LEAVES, LEAVES2, _QUEUE, _SEEN):
        grid.meta[x & MASK, y, z & MASK] = meta & ~LOOSE
        grid.touch(x, y, z)
    else:
        fall_off(world, x, y, z, "withered")


SPECIAL = {**dict.fromkeys(DOORS, check_tall), "double_plant": check_tall, "bed": check_bed, "vine": check_vine,
           "cocoa": check_pod, "snow_layer": check_snow}
HELD = [name for i, name in enumerate(BLOCKS.names) if (BLOCKS.plant[i] or BLOCKS.hung[i]) and name not in SPECIAL]
REACT = {**dict.fromkeys(HELD, check), **SPECIAL, "leaves": loosen, "leaves2": loosen}
RANDOM = {"leaves": wither, "leaves2": wither}
ONLY_WITH = {"leaves": LOOSE, "leaves2": LOOSE}  # bits without which a random tick does nothing
