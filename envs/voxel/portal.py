"""Portals between the overworld and the nether, by Minecraft 1.11's rules.

A fire inside an upright frame of obsidian (2 x 3 to 21 x 21 cells inside, corners do not matter) fills it with portal
blocks; they go when the frame is broken. Who stands in them for four seconds travels, once a visit. On the other side
is the nearest portal of what is loaded there (48 blocks about at least; 1.11 looks 128 far), or a new one is built on
safe ground. Only the player travels, and no mobs come out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.physics import at

PORTAL, OBSIDIAN, FIRE = (BLOCKS.id(name) for name in ("portal", "obsidian", "fire"))
WAY = {1: (1, 0), 2: (0, 1)}  # metadata -> dx, dz along the portal: it lies east-west, or north-south
NARROWEST, LOWEST, MOST = 2, 3, 21  # cells inside a frame: width and height at least, both at most
WAITS = 80  # ticks in a portal until one travels
REACH = 16  # blocks about the wanted place within which a new one is built
ROOF = 126  # nothing is built above: the nether's roof is there
FLOATS = (70, HEIGHT - 10)  # heights of a portal that finds no ground
SOLID = np.array(BLOCKS.material_solid)


# -- the frame ---------------------------------------------------------------------------------------------------------


def _open(grid: Any, x: int, y: int, z: int) -> bool:
    return grid.get(x, y, z) in (0, FIRE, PORTAL)


def _to_edge(grid: Any, x: int, y: int, z: int, dx: int, dz: int) -> int:
    """Cells along the floor of a frame up to its side; 0 where there is none."""
    for i in range(MOST + 1):
        a, c = x + i * dx, z + i * dz
        if not _open(grid, a, y, c) or grid.get(a, y - 1, c) != OBSIDIAN:
            return i if grid.get(a, y, c) == OBSIDIAN else 0
    return 0


def frame(grid: Any, x: int, y: int, z: int, axis: int) -> list[tuple[int, int, int]]:
    """The cells inside the frame round a cell that lies along an axis (1 east-west, 2 north-south), [] for no frame."""
    dx, dz = WAY[axis]
    lowest = max(y - MOST, 0)
    while y > lowest and _open(grid, x, y - 1, z):
        y -= 1
    back = _to_edge(grid, x, y, z, -dx, -dz)
    if not back:
        return []
    x, z = x - (back - 1) * dx, z - (back - 1) * dz
    width = _to_edge(grid, x, y, z, dx, dz)
    if not NARROWEST <= width <= MOST:
        return []
    cells: list[tuple[int, int, int]] = []
    for tall in range(MOST + 1):
        row = [(x + i * dx, y + tall, z + i * dz) for i in range(width)]
        if all(grid.get(*cell) == OBSIDIAN for cell in row):
            return cells if tall >= LOWEST else []
        sides = (x - dx, y + tall, z - dz), (x + width * dx, y + tall, z + width * dz)
        if not all(_open(grid, *cell) for cell in row) or any(grid.get(*side) != OBSIDIAN for side in sides):
            return []
        cells += row
    return []


def light(world: Any, x: int, y: int, z: int) -> bool:
    """Fill the frame round an open cell with portal blocks; False where there is no frame, or a portal in it."""
    grid = world.grid
    for axis in WAY:
        cells = frame(grid, x, y, z, axis)
        if cells and all(grid.get(*cell) != PORTAL for cell in cells):
            for cell in cells:
                grid.set(*cell, PORTAL, axis)
            return True
    return False


def _beside(x: int, y: int, z: int, axis: int) -> tuple[tuple[int, int, int], ...]:
    """The four cells about one in the portal's plane."""
    dx, dz = WAY.get(axis, (1, 0))
    return (x, y - 1, z), (x, y + 1, z), (x - dx, y, z - dz), (x + dx, y, z + dz)


def _whole(grid: Any, x: int, y: int, z: int, axis: int) -> bool:
    """Whether frame or portal is on all four sides; nobody knows of what is not loaded."""
    return all(not grid.loaded(a, c) or grid.get(a, b, c) == OBSIDIAN
               or (grid.get(a, b, c) == PORTAL and grid.get_meta(a, b, c) == axis)
               for a, b, c in _beside(x, y, z, axis))


def check(world: Any, x: int, y: int, z: int) -> None:
    """A portal block, or what is beside it, changed: with a gap beside it the whole portal goes."""
    grid = world.grid
    axis = grid.get_meta(x, y, z)
    if _whole(grid, x, y, z, axis):
        return
    going = [(x, y, z)]
    grid.set(x, y, z, 0)
    for cell in going:  # grows as it goes
        for near in _beside(*cell, axis):
            if grid.get(*near) == PORTAL and grid.get_meta(*near) == axis:
                grid.set(*near, 0)
                going.append(near)


# -- travelling --------------------------------------------------------------------------------------------------------


def stand(world: Any) -> None:
    """The player stands in a portal in this tick: after a while it travels, by an event ("portal", {})."""
    player = world.player
    if world.ticks - player.portal_seen > 1:
        player.portal_ticks = 0
    player.portal_seen = world.ticks
    player.portal_ticks += 1
    if player.portal_ticks == WAITS and player.alive:
        world.events.append(("portal", {}))


def arrive(world: Any, x: int, z: int) -> tuple[int, int, int]:
    """Where the player comes out near a column, at the height it has: in a portal, an old one or one built for it."""
    y = min(max(math.floor(world.player.pos[1]), 1), ROOF - 4)
    return nearest(world.grid, x, y, z) or build(world, x, y, z)


def nearest(grid: Any, x: int, y: int, z: int) -> tuple[int, int, int] | None:
    """The lowest cell of the nearest portal that is loaded."""
    x0, x1, z0, z1 = grid.bounds.tolist()
    a, b, c = np.nonzero(grid.blocks == PORTAL)
    if not len(a):
        return None
    a, c = x0 + ((a - x0) & MASK), z0 + ((c - z0) & MASK)  # from the ring's places to the world's
    far = np.where((a < x1) & (c < z1), (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2, 1 << 40)
    best = int(np.argmin(far))
    if far[best] == 1 << 40:
        return None
    px, py, pz = int(a[best]), int(b[best]), int(c[best])
    while grid.get(px, py - 1, pz) == PORTAL:
        py -= 1
    return px, py, pz


@njit(cache=True)
def _fits(blocks, bounds, solid, x, y, z, dx, dz, deep):
    """Whether there is solid ground four long and `deep` to each side, and air four high over it."""
    for along in range(-1, 3):
        for off in range(-deep, deep + 1):
            a, c = x + along * dx + off * dz, z + along * dz + off * dx
            if a < bounds[0] or a >= bounds[1] or c < bounds[2] or c >= bounds[3]:
                return False
            if not solid[at(blocks, bounds, a, y - 1, c)]:
                return False
            for up in range(4):
                if at(blocks, bounds, a, y + up, c) != 0:
                    return False
    return True


@njit(cache=True)
def site(blocks, bounds, solid, x, y, z, reach, roof, out):
    """The nearest place for a new portal, with room before and behind it if there is any such, else without.

    Args:
        out: (4,) int64, filled with x, y, z of the first cell inside and the axis, 1 or 2.

    Returns:
        Whether there is one.
    """
    for deep in (1, 0):
        best = np.int64(1 << 40)
        for i in range(x - reach, x + reach + 1):
            for k in range(z - reach, z + reach + 1):
                for j in range(1, roof - 2):
                    far = (i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2
                    if far >= best or at(blocks, bounds, i, j, k) != 0 or not solid[at(blocks, bounds, i, j - 1, k)]:
                        continue
                    for axis in (1, 2):
                        if _fits(blocks, bounds, solid, i, j, k, axis == 1, axis == 2, deep):
                            best = far
                            out[0], out[1], out[2], out[3] = i, j, k, axis
                            break
        if best < 1 << 40:
            return True
    return False


def build(world: Any, x: int, y: int, z: int) -> tuple[int, int, int]:
    """Make a portal near a place, with a floor of its own where there is no ground; its first cell."""
    grid, out = world.grid, np.zeros(4, np.int64)
    axis = 1
    if site(grid.blocks, grid.bounds, SOLID, x, y, z, REACH, ROOF, out):
        x, y, z, axis = out.tolist()
    else:
        y = min(max(y, FLOATS[0]), FLOATS[1])
        for along in (0, 1):
            for off in (-1, 0, 1):
                grid.set(x + along, y - 1, z + off, OBSIDIAN)
                for up in range(3):
                    grid.set(x + along, y + up, z + off, 0)
    dx, dz = WAY[axis]
    for along in range(-1, 3):
        for up in range(-1, 4):
            edge = along in (-1, 2) or up in (-1, 3)
            grid.set(x + along * dx, y + up, z + along * dz, *((OBSIDIAN, 0) if edge else (PORTAL, axis)))
    return x, y, z


REACT = {"portal": check}
