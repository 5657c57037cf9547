"""A field: crops in rows by the water, and a shelter beside it in which one waits until they are ripe.

Rows with bare farmland between them, wet and lit, ripen fastest (1.11's rules of growth: a chance of a third at each
random tick; crops on all sides halve it).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from veclink.agent.embodied.body import RADIUS, Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import FREE, SOLID, WATER
from veclink.agent.embodied.sense import night
from veclink.agent.embodied.skills import shelter
from veclink.agent.embodied.skills.dig import dig, equip, place
from veclink.agent.embodied.skills.gather import PICK_UP, collect, flags
from veclink.agent.embodied.skills.walk import go_near, go_to
from veclink.agent.embodied.terms import kinds, name_of

RIPE = {"wheat": 7, "carrots": 7, "potatoes": 7, "beetroots": 3}  # metadata of what is ripe
WETS, REACH = 4, 3.0  # blocks within which water wets the ground, and from which one tills
NEARER = (REACH, 2.2, 1.6)  # as views turn by 15 degrees, not every place has one of the ground
SEEN, SHORES = 48, 60  # blocks in which water is known, and places by it that are looked at
OPEN = 7  # blocks up to which nothing may be above it
EARTH = ("grass", "dirt", "farmland")
MOST, LEAST = 12, 2  # plants of a field
SPOTS = 3  # places that are tried for a torch
APART = (4.0, 8.0)  # blocks from its middle to where one waits
STEPS, HIDEOUTS = (0, 1, 2, -1), 6  # heights over the field's at which one waits, and places that are tried
LOOKS = 20  # ticks between two looks at it
Cell = tuple[int, int, int]


def grow(body: Body, crop: str, seed: str, missing: Callable[[], int], end: int) -> None:
    """Raise a crop until nothing is missing; what was sown before and is in sight is gone on with.

    Args:
        missing: how many of what it gives are still wanted.

    Raises:
        SkillFailed: "not found" without earth by water, "no material" without seed, "no tool" without a hoe,
            "time" where it is not ripe when time is up, "no way" where nothing could be harvested, or what walking
            raises.
    """
    while (before := missing()) > 0:
        plants = standing(body, crop)
        if not plants:
            plants = sow(body, crop, seed)
        wait(body, plants, crop, before, end)
        for plant in ripe(body, plants, crop):
            with unless_dead():
                go_near(body, plant, REACH, 300)
                dig(body, plant, collect=False)
        collect(body, patience=PICK_UP)
        if missing() >= before:  # nothing came of it, and nothing may come of it again and again
            late = body.steps >= end
            raise SkillFailed("time" if late else "no way", f"{crop} is not ripe" if late else f"to harvest {crop}")


def standing(body: Body, crop: str) -> list[Cell]:
    """Known plants of a crop on the nearest field, so near one another that all are in sight from beside it."""
    known = body.known.find(flags((crop,)), body.pos, SEEN)
    return [cell for cell in known if math.dist(cell, known[0]) < RADIUS - 1]


def ripe(body: Body, plants: list[Cell], crop: str) -> list[Cell]:
    """Those that are ripe, as far as they are in sight."""
    voxels = body.observation["voxels"]
    corner = [math.floor(float(v)) - RADIUS for v in body.pos]
    found = []
    for plant in plants:
        i, j, k = (a - b for a, b in zip(plant, corner, strict=True))
        seen = all(0 <= each <= 2 * RADIUS for each in (i, j, k))
        if seen and voxels["block_name"][i, j, k] == crop and voxels["block_meta"][i, j, k] >= RIPE[crop]:
            found.append(plant)
    return found


def sow(body: Body, crop: str, seed: str) -> list[Cell]:
    """Till a field by the nearest water and sow every second row; where the plants stand."""
    if not body.items[seed]:
        raise SkillFailed("no material", seed)
    hoe = next((name for name in body.items if name.endswith("_hoe")), None)
    if hoe is None:
        raise SkillFailed("no tool", "hoe")
    wanted = min(MOST, body.items[seed])
    rows, between = site(body, wanted)
    for ground in (*rows, *between):
        with unless_dead():
            bare(body, ground)
    for ground, item, becomes in (*((each, hoe, "farmland") for each in (*rows, *between)),
                                  *((each, seed, crop) for each in rows)) * 2:  # twice, as feet ruin some of it
        if body.items[item]:
            with unless_dead():
                work(body, ground, item, becomes)
    plants = [(x, y + 1, z) for x, y, z in rows if name_of(body.block(x, y + 1, z)) == crop]
    if not plants:
        raise SkillFailed("no view", "of ground to sow")
    light(body, plants)
    return plants


def site(body: Body, wanted: int) -> tuple[list[Cell], list[Cell]]:
    """Earth at the height of water: the cells to sow, and those of the rows between them, where most of it lies."""
    best: tuple[list[Cell], list[Cell]] = [], []
    most = 0
    for x, y, z in body.known.find(flags(("water",)), body.pos, SEEN)[::3][:SHORES]:
        if kinds()[body.block(x, y + 1, z)] != FREE:
            continue
        cells = {(x + i, y, z + k) for i in range(-WETS, WETS + 1) for k in range(-WETS, WETS + 1)
                 if arable(body, (x + i, y, z + k))}
        for odd in (0, 1):
            worth = {cell: len(cells & set(_around(cell))) for cell in cells if cell[0] % 2 == odd}
            rows = sorted(worth, key=lambda cell: (-worth[cell], cell))[:wanted]
            if (total := sum(worth[cell] + 1 for cell in rows)) > most:
                between = {near for cell in rows for near in _around(cell)} & cells
                best, most = (rows, sorted(cell for cell in between if cell[0] % 2 != odd)), total
    if len(best[0]) < min(LEAST, wanted):
        raise SkillFailed("not found", "earth by water")
    return best


def _around(cell: Cell) -> list[Cell]:
    x, y, z = cell
    return [(x + i, y, z + k) for i in (-1, 0, 1) for k in (-1, 0, 1) if (i, k) != (0, 0)]


def arable(body: Body, cell: Cell) -> bool:
    """Whether a cell can be tilled and lies open to the sky, at most one block of earth being taken off it."""
    x, y, z = cell
    above = [body.block(x, y + up, z) for up in range(1, OPEN)]
    covered = kinds()[above[0]] != FREE and name_of(above[0]) not in EARTH
    return name_of(body.block(x, y, z)) in EARTH and not covered and all(kinds()[each] == FREE for each in above[1:])


def bare(body: Body, ground: Cell) -> None:
    """Take off what stands or lies on the ground: earth and plants, which are in the way of hands and eyes."""
    x, y, z = ground
    if body.block(x, y + 1, z) != 0:
        go_near(body, (x, y + 1, z), REACH, 300)
        dig(body, (x, y + 1, z), collect=False)


def work(body: Body, ground: Cell, item: str, becomes: str) -> None:
    """Use a hoe or seed on the top of the ground until it, or what is above it, is what it should be."""
    x, y, z = ground
    result = (x, y + 1, z) if becomes in RIPE else ground
    if name_of(body.block(*result)) == becomes:
        return
    for reach in NEARER:
        go_near(body, (x, y + 1, z), reach, 300)
        for view in body.eyes.views(body.eye, body.yaw, body.pitch, ground, (0, 1, 0))[:2]:
            equip(body, item)
            body.act(view=(view.yaw, view.pitch))
            body.act(function="use")
            body.act()
            if name_of(body.block(*result)) == becomes:
                return


def light(body: Body, plants: list[Cell]) -> None:
    """Torches, where some are carried, by the first and the last plant: then they grow at night too."""
    for x, y, z in (plants[0], plants[-1]):
        cells = [(x + i, y, z + k) for i in (-1, 1, -2, 2, 0) for k in (0, -1, 1, -2, 2)]
        dry = [cell for cell in cells if name_of(body.block(cell[0], y - 1, cell[2])) in ("grass", "dirt", "sand")]
        before = body.items["torch"]
        for cell, reach in itertools.product(dry[:SPOTS], NEARER if before else ()):
            with unless_dead():
                go_near(body, cell, reach, 200)
                place(body, "torch", [cell])
            if body.items["torch"] < before:
                break


def wait(body: Body, plants: list[Cell], crop: str, number: int, end: int) -> None:
    """Dig in beside the field until so many plants are ripe, or all that still stand, and it is day."""
    if len(ripe(body, plants, crop)) >= min(number, len(plants)):
        return
    hide(body, plants)
    while body.steps < end:
        if body.steps % LOOKS == 0:
            there = [plant for plant in plants if name_of(body.block(*plant)) == crop]
            if not there or (len(ripe(body, there, crop)) >= min(number, len(there)) and not night(body)):
                return
        body.act()


def hide(body: Body, plants: list[Cell]) -> None:
    """Dig in where the field is in sight and is not dug up.

    Raises:
        SkillFailed: "no way": nowhere here.
    """
    for spot in hideouts(body, plants[len(plants) // 2])[::4][:HIDEOUTS]:  # neighbours are alike
        with unless_dead():
            go_to(body, spot, most_ticks=300)
            shelter.burrow(body)
            return
    if kinds()[body.block(*body.cell)] != WATER:
        with unless_dead():
            shelter.burrow(body)
            return
    raise SkillFailed("no way", "to dig in beside the field")


def hideouts(body: Body, middle: Cell) -> list[Cell]:
    """Free cells on rock or earth three deep and three wide, at some distance from a field's middle; nearest first."""
    x, y, z = middle
    far = range(-math.floor(APART[1]), math.floor(APART[1]) + 1)
    ring = [(x + i, z + k) for i in far for k in far if APART[0] <= math.hypot(i, k) <= APART[1]]
    spots = [(i, y + up, k) for i, k in ring for up in STEPS]
    below = [(i, -down, k) for i in (-1, 0, 1) for k in (-1, 0, 1) for down in (1, 2, 3)]

    def fit(spot: Cell) -> bool:
        ground = [body.block(spot[0] + i, spot[1] + j, spot[2] + k) for i, j, k in below]
        return kinds()[body.block(*spot)] == FREE and all(
            kinds()[block] == SOLID and name_of(block) != "farmland" for block in ground)

    return sorted(filter(fit, spots), key=lambda spot: math.dist(spot, [float(v) for v in body.pos]))
