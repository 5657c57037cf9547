"""To the Nether and back: a frame of obsidian set into rock from inside it, lit, and stood in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.knowledge import PORTAL_NEEDS
from veclink.agent.embodied.known import UNKNOWN
from veclink.agent.embodied.path import AT, DEADLY, WATER
from veclink.agent.embodied.sense import realm
from veclink.agent.embodied.skills.dig import clear, equip, place
from veclink.agent.embodied.skills.gather import flags
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.walk import go_level, go_to
from veclink.agent.embodied.terms import kinds, name_of
from veclink.envs.facts import BLOCKS

FAR = 60  # blocks to a portal that is gone back to
TALL = 3  # cells inside a frame, upwards; it is two wide
DEEPER, LOW, TRIES = 4, 12, 8  # blocks down to the next place where a frame may fit; y down to which; places tried
WAIT = 120  # ticks in a portal within which one travels
STRIDE, SHIFT = 20, 60  # ticks of a step into a portal, and from one cell of a frame to the other
STILL = 0.005  # blocks a tick below which it stands
LOOSE = ("sand", "gravel")  # falls into what is dug
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
AROUND = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
Cell = tuple[int, int, int]


@dataclass(frozen=True)
class Frame:
    """A portal to be.

    Attributes:
        feet: its two lowest cells inside. inside: all six. edge: the ten cells of obsidian, each with the one of the
            lowest cells from where it is put.
    """

    feet: tuple[Cell, Cell]
    inside: tuple[Cell, ...]
    edge: tuple[tuple[Cell, Cell], ...]


def cross(body: Body, roamer: Roamer, most_ticks: int) -> None:
    """Go through a portal into the other realm: one that is known, else one that is built here.

    Raises:
        SkillFailed: "no material" or "no way" where none can be built; "time" where one did not travel.
    """
    before, end = realm(body), body.steps + most_ticks
    if not portals(body):
        build(body, roamer, end)
    for _ in range(2):
        enter(body, end)
        for _ in range(WAIT):
            if realm(body) != before:
                return
            body.act()
        step_out(body)  # whoever has just come through it must leave it once
    raise SkillFailed("time", "in the portal")


def portals(body: Body) -> list[Cell]:
    """The lowest cells of the portals that are known, nearest first."""
    found = body.known.find(flags(("portal",)), body.pos, FAR)
    return [(x, y, z) for x, y, z in found if name_of(body.block(x, y - 1, z)) != "portal"]


def enter(body: Body, end: int) -> None:
    """Step into the nearest portal.

    Raises:
        SkillFailed: "no way" to it.
    """
    for beside, (i, k) in thresholds(body):
        if inside(body):
            return
        with unless_dead():
            go_to(body, beside, AT, most_ticks=max(1, end - body.steps))
            yaw = math.degrees(math.atan2(i, -k))
            for _ in range(STRIDE):
                body.act(forward=1, view=(yaw, 0.0))
                if inside(body):
                    break
    if not inside(body):
        raise SkillFailed("no way", "into a portal")


def step_out(body: Body) -> None:
    """Out of the portal in which one stands."""
    for beside, _ in thresholds(body)[:4]:
        with unless_dead():
            go_to(body, beside, AT, most_ticks=SHIFT)
            rest(body)
        if not inside(body):
            return


def thresholds(body: Body) -> list[tuple[Cell, tuple[int, int]]]:
    """The cells before and behind the portals that are known, and to which side of the portal each lies."""
    sides = [((x + i, y, z + k), (i, k)) for x, y, z in portals(body) for i, k in SIDES]
    return [(cell, side) for cell, side in sides if name_of(body.block(*cell)) not in ("portal", "obsidian")]


def inside(body: Body) -> bool:
    """Whether the body stands in a portal."""
    return name_of(body.block(*body.cell)) == "portal"


def build(body: Body, roamer: Roamer, end: int) -> None:
    """Build a portal round the place where one stands, or farther down, or elsewhere, and light it.

    Raises:
        SkillFailed: "no material", or "no way" where no place will do.
    """
    for item, _ in PORTAL_NEEDS:
        if not body.items[item]:
            raise SkillFailed("no material", item)
    for number in range(TRIES):
        for frame in frames(body.cell):
            if body.steps < end and sound(body, frame) and raised(body, frame) and lit(body, frame):
                return
        with unless_dead():
            wet = kinds()[body.block(*body.cell)] == WATER
            if number % 2 or wet or body.cell[1] < LOW:
                roamer.leg(body, max(1, end - body.steps), dig=not wet)
            else:
                go_level(body, body.cell[1] - DEEPER, max(1, end - body.steps))
        if body.steps >= end:
            break
    raise SkillFailed("no way", "to a place for a portal")


def frames(cell: Cell) -> Iterator[Frame]:
    """The four frames that one can build from a cell: to each side of it."""
    x, y, z = cell
    for i, k in SIDES:
        one, other = (x, y, z), (x + i, y, z + k)
        columns = ((one, -i, -k, other), (other, i, k, one))
        low = [((a, y - 1, c), beside) for (a, _, c), _, _, beside in columns]
        sides = [((a + m, y + up, c + n), (a, y, c)) for (a, _, c), m, n, _ in columns for up in range(TALL)]
        top = [((a, y + TALL, c), (a, y, c)) for (a, _, c), _, _, _ in columns]
        cells = tuple((a, y + up, c) for up in reversed(range(TALL)) for a, c in ((x, z), (x + i, z + k)))
        yield Frame((one, other), cells, tuple(low + sides + top))


def sound(body: Body, frame: Frame) -> bool:
    """Whether all of it is known, can be dug and is held by rock, with nothing that would flow or fall in."""
    hollow = set(frame.inside)
    for cell in (*frame.inside, *(edge for edge, _ in frame.edge)):
        block = body.block(*cell)
        near = [(at, body.block(*at)) for at in _around(cell)]
        if block == UNKNOWN or float(BLOCKS.hardness[block]) < 0 or any(
                kinds()[each] in (WATER, DEADLY) or name_of(each) in LOOSE for _, each in near):
            return False
        if cell not in hollow and not any(at not in hollow and BLOCKS.full[each] for at, each in near):
            return False
    return True


def _around(cell: Cell) -> Iterator[Cell]:
    for i, j, k in AROUND:
        yield cell[0] + i, cell[1] + j, cell[2] + k


def raised(body: Body, frame: Frame) -> bool:
    """Put the obsidian where it belongs; whether all of it stands."""
    if not clear(body, list(frame.inside)):
        return False
    try:
        for cell, feet in frame.edge:
            if name_of(body.block(*cell)) == "obsidian":
                continue
            go_to(body, feet, AT, most_ticks=SHIFT)
            if not clear(body, [cell]):
                return False
            rest(body)
            place(body, "obsidian", [cell])
    except SkillFailed as failure:
        if failure.reason in ("died", "no material"):
            raise
        return False
    return True


def rest(body: Body) -> None:
    """Wait until the body no longer slides: what is aimed at on the way is missed, and the block is lost."""
    for _ in range(STRIDE):
        before = body.pos.copy()
        body.act()
        if np.abs(body.pos - before).max() < STILL:
            return


def lit(body: Body, frame: Frame) -> bool:
    """Set fire inside it; whether it became a portal."""
    one, other = frame.feet
    with unless_dead():
        go_to(body, one, AT, most_ticks=SHIFT)
        rest(body)
        equip(body, "flint_and_steel")
        base = other[0], other[1] - 1, other[2]
        for view in body.eyes.views(body.eye, body.yaw, body.pitch, base, (0, 1, 0))[:3]:
            body.act(view=(view.yaw, view.pitch))
            body.act(function="use")
            body.act()
            if name_of(body.block(*other)) == "portal":
                return True
    return False
