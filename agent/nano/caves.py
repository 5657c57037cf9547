"""Rooms and corridors under ground, with ores in their walls and torches on their floors; and tunnels in the dark."""

from __future__ import annotations

import random

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.grid import Grid

Floor = dict[tuple[int, int], int]  # column -> y of the feet
ORES = ("coal_ore", "iron_ore", "gold_ore", "redstone_ore", "lapis_ore", "diamond_ore")
LOOSE = ("gravel", "dirt", "cobblestone", "obsidian", "planks", "stone")
LIGHT_EVERY = 9  # columns of floor to a torch
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
VEINS, RICH = (18, 36), (80, 120)  # of a cave, and of tunnels, in which one sees little of the walls at a time
BURROWS, LENGTH = (4, 7), (10, 30)  # how many tunnels, and of how many blocks


def dig_cave(grid: Grid, x: int, z: int, reach: int, rng: random.Random) -> Floor:
    """Dig rooms joined by corridors round a column; its level is drawn.

    Args:
        reach: blocks from the column within which they lie.
    """
    level, floor = rng.randint(8, 48), {}
    at = (x, z)
    for _ in range(rng.randint(4, 7)):
        to = (x + rng.randint(-reach + 9, reach - 9), z + rng.randint(-reach + 9, reach - 9))
        _corridor(grid, floor, (at, to), level, rng)
        _room(grid, floor, to, level, rng)
        at = to
    _ores(grid, floor, rng)
    columns = sorted(floor)
    torch = BLOCKS.id("torch")
    for i, k in rng.sample(columns, max(1, len(columns) // LIGHT_EVERY)):
        if not grid.get(i, floor[i, k], k):
            grid.set(i, floor[i, k], k, torch, 5)
    return floor


def dig_burrows(grid: Grid, x: int, z: int, reach: int, rng: random.Random) -> Floor:
    """Dig tunnels one block wide and two high near a column, as a miner does who looks for ore; none is lit."""
    floor: Floor = {}
    for _ in range(rng.randint(*BURROWS)):
        i, k = x + rng.randint(6 - reach, reach - 6), z + rng.randint(6 - reach, reach - 6)
        level, (a, b) = rng.randint(6, 48), rng.choice(SIDES)
        for _ in range(rng.randint(*LENGTH)):
            if (i, k) not in floor and max(abs(i - x), abs(k - z)) < reach:
                _open(grid, floor, i, k, level, 2)
            i, k = i + a, k + b
    _ores(grid, floor, rng, RICH)
    return floor


def _open(grid: Grid, floor: Floor, i: int, k: int, level: int, height: int) -> None:
    """Make a column of air with stone under and over it."""
    stone = BLOCKS.id("stone")
    for y in (level - 1, level + height):
        if not BLOCKS.full[grid.get(i, y, k)]:
            grid.set(i, y, k, stone)
    for y in range(level, level + height):
        if grid.get(i, y, k):
            grid.set(i, y, k, 0)
    floor[i, k] = level


def _walled(grid: Grid, i: int, k: int, level: int, height: int, floor: Floor) -> None:
    """Stone where a natural cave, water or lava would open into a dug one."""
    for a, b in SIDES:
        if (i + a, k + b) in floor:
            continue
        for y in range(level, level + height):
            if not BLOCKS.full[grid.get(i + a, y, k + b)]:
                grid.set(i + a, y, k + b, BLOCKS.id("stone"))


def _room(grid: Grid, floor: Floor, at: tuple[int, int], level: int, rng: random.Random) -> None:
    wide, deep, height = rng.randint(3, 7), rng.randint(3, 7), rng.randint(3, 5)
    columns = [(at[0] + i, at[1] + k) for i in range(-wide, wide + 1) for k in range(-deep, deep + 1)
               if abs(i) / (wide + 0.6) + abs(k) / (deep + 0.6) < 1.45 or rng.random() < 0.4]
    for i, k in columns:
        _open(grid, floor, i, k, level, height)
    for i, k in columns:
        _walled(grid, i, k, level, height, floor)
    for _ in range(rng.randint(0, 3)):  # something that lies or stands about
        i, k = rng.choice(columns)
        block = BLOCKS.id(rng.choice(LOOSE))
        for y in range(level, level + rng.randint(1, 2)):
            grid.set(i, y, k, block)
        floor.pop((i, k), None)
    if rng.random() < 0.25:
        i, k = rng.choice(columns)
        for a in range(2):
            for b in range(2):
                if (i + a, k + b) in floor:
                    grid.set(i + a, level - 1, k + b, BLOCKS.id(rng.choice(("water", "lava"))))
                    floor.pop((i + a, k + b))


def _corridor(grid: Grid, floor: Floor, ends: tuple[tuple[int, int], tuple[int, int]], level: int, rng: random.Random
              ) -> None:
    """Along one axis, then along the other."""
    (i, k), end = ends
    height, wide = rng.randint(2, 3), rng.randint(1, 2)
    dug = []
    while (i, k) != end:
        if i != end[0]:
            i += 1 if end[0] > i else -1
        else:
            k += 1 if end[1] > k else -1
        dug += [(i + a, k + b) for a in range(wide) for b in range(wide)]
    for column in dug:
        if column not in floor:
            _open(grid, floor, column[0], column[1], level, height)
    for column in dug:
        _walled(grid, column[0], column[1], level, height, floor)


def _ores(grid: Grid, floor: Floor, rng: random.Random, veins: tuple[int, int] = VEINS) -> None:
    """Veins of one to six blocks in walls, floors and ceilings."""
    stone, columns = BLOCKS.id("stone"), sorted(floor)
    for _ in range(rng.randint(*veins)):
        ore = BLOCKS.id(rng.choice(ORES))
        i, k = rng.choice(columns)
        a, b = rng.choice(SIDES)
        while (i, k) in floor:
            i, k = i + a, k + b
        y = floor[i - a, k - b] + rng.randint(-1, 2)
        for _ in range(rng.randint(1, 6)):
            if grid.get(i, y, k) == stone:
                grid.set(i, y, k, ore)
            side = rng.choice(SIDES)
            i, y, k = (i + side[0], y, k + side[1]) if rng.random() < 0.6 else (i, y + rng.choice((-1, 1)), k)
            if (i, k) in floor and y >= floor[i, k]:
                break
