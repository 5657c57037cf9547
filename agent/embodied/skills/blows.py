"""Blows at mobs: what to strike with, which view meets one, whether the ground allows a step, and the way up to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from veclink.agent.embodied.aim import direction, nearest_view, to_box
from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.path import COLUMN, DEADLY, DEEPEST, FREE, NEAR, SOLID, Path, find_path
from veclink.agent.embodied.skills.walk import follow
from veclink.agent.embodied.terms import kinds as block_kinds
from veclink.agent.embodied.terms import terms_with
from veclink.envs.facts import ITEMS, MOBS

MEETS, INSET = 2.95, 0.05  # blocks from the eye to a body that is met, and how far inside its faces
BESIDES = (0.0, -15.0, 15.0, -30.0, 30.0)  # degrees beside the middle at which a view may meet it
FEELS = 10  # ticks for which a mob feels no other blow
AT_HAND = 2.2  # blocks from the eye to a mob, to which a way to it leads
DROP, LEDGE = 3.0, 1.3  # blocks that one runs down after a mob, and up
STRAIGHT = 6.0  # blocks within which one runs at a mob without looking for a way
STILL = 0.03  # blocks: who gets no farther in a tick stands before something
SPRINTS = 6  # food above which one can sprint
OFF_BY = 2.0  # blocks from the end of a way that is clear enough


def weapon(body: Body) -> str | None:
    """The item at hand that hits hardest."""
    choices = [(float(ITEMS.damage[ITEMS.id(name)]) / rest(name), name) for name in body.items
               if ITEMS.damage[ITEMS.id(name)] > 1]
    best = max(choices, default=(0.0, ""))
    return best[1] if best[0] > 1.0 / FEELS else None


def rest(name: str) -> float:
    """Ticks from one blow of full strength to the next."""
    swing = float(ITEMS.swing[ITEMS.id(name)]) or 4.0
    return max(FEELS, 20.0 / swing)


def aim_at(body: Body, mob: dict[str, Any]) -> tuple[float, float]:
    """(yaw, pitch) towards the middle of a mob."""
    height = float(MOBS.height[MOBS.id(mob["name"])]) * (0.5 if mob["baby"] else 1.0)
    ex, ey, ez = body.eye
    x, y, z = mob["position"]
    dx, dy, dz = x - ex, y + height * 0.6 - ey, z - ez
    return math.degrees(math.atan2(-dx, dz)), -math.degrees(math.atan2(dy, math.hypot(dx, dz)))


def meets(body: Body, mob: dict[str, Any]) -> tuple[float, float] | None:
    """(yaw, pitch) of a view that meets a mob within a hand's reach before any block, as near its middle as can be;
    None where none does: the camera's steps are coarse, and edges and plants stop a blow."""
    i = MOBS.id(mob["name"])
    half, height = float(MOBS.width[i]) / 2 - INSET, float(MOBS.height[i]) - INSET
    if mob["baby"]:
        half, height = half / 2, height / 2
    x, y, z = mob["position"]
    yaw, pitch = aim_at(body, mob)
    views = [nearest_view(body.yaw, body.pitch, yaw + dy, pitch + dp) for dy in BESIDES for dp in BESIDES]
    for view in sorted(views, key=lambda view: abs((view[0] - yaw + 180) % 360 - 180) + abs(view[1] - pitch)):
        far = to_box(body.eye, direction(*view), (x - half, y + INSET, z - half), (x + half, y + height, z + half))
        if far <= MEETS and not body.eyes.blocked(body.eye, view, far):
            return view
    return None


def find(body: Body, kinds: Collection[str], number: int | None = None) -> dict[str, Any] | None:
    """The nearest mob of some kinds, or the one with a number."""
    for mob in body.mobs():
        if (number is None and mob["name"] in kinds) or mob["id"] == number:
            return mob
    return None


def at_edge(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a step towards a mob leads into lava or the like, or farther down than one falls unhurt."""
    dx, dz = (float(mob["position"][i]) - float(body.pos[i]) for i in (0, 2))
    length = math.hypot(dx, dz) or 1.0
    x, z = math.floor(float(body.pos[0]) + dx / length), math.floor(float(body.pos[2]) + dz / length)
    column = (block_kinds()[body.block(x, body.cell[1] - down, z)] for down in range(DEEPEST + 2))
    return next((kind for kind in column if kind != FREE), DEADLY) == DEADLY


def lies_open(body: Body, mob: dict[str, Any]) -> bool:
    """Whether level ground without anything on it lies between the body and a mob."""
    table, y = block_kinds(), body.cell[1]
    for share in np.arange(0.0, 1.0, 0.5 / max(mob["distance"], 0.5)):
        x, z = (math.floor(float(body.pos[i]) * (1 - share) + mob["position"][i] * share) for i in (0, 2))
        if [table[body.block(x, y + up, z)] for up in (-1, 0, 1)] != [SOLID, FREE, FREE]:
            return False
    return True


def back_is_free(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a step away from a mob leads onto ground."""
    away = body.pos - np.asarray(mob["position"])
    length = math.hypot(float(away[0]), float(away[2])) or 1.0
    x, z = (math.floor(float(body.pos[i]) + float(away[i]) / length) for i in (0, 2))
    y, table = body.cell[1], block_kinds()
    room = all(table[body.block(x, y + up, z)] == FREE for up in (0, 1))
    return room and SOLID in (table[body.block(x, y - 1, z)], table[body.block(x, y - 2, z)])


def way_off(body: Body, x: float, z: float, far: int, steps: int) -> Path:
    """The first steps of a way over ground in the direction (x, z), to where it is `far` blocks off."""
    length = math.hypot(x, z) or 1.0
    goal = (body.cell[0] + round(far * x / length), body.cell[1], body.cell[2] + round(far * z / length))
    path = find_path(body.known, terms_with(body.items, dig=False), body.cell, goal, COLUMN, OFF_BY, 8_000)
    return Path(path.steps[:steps], path.cost, path.arrives)


def close_in(body: Body, mob: dict[str, Any], end: int, steps: int = 1, hurry: bool = False,
             stop: Callable[[], bool] | None = None) -> None:
    """A tick's run straight at a mob, or some steps of the way to it.

    Args:
        steps: most of the way's. hurry, stop: as `follow` has them.

    Raises:
        SkillFailed: "no way".
    """
    gap = abs(mob["position"][1] - float(body.pos[1]))
    reach = DROP if mob["position"][1] < float(body.pos[1]) else LEDGE
    if (mob["distance"] < STRAIGHT or lies_open(body, mob)) and gap < reach and not at_edge(body, mob):
        before = body.pos.copy()
        body.act(forward=1, sprint=body.food > SPRINTS, view=aim_at(body, mob))
        if abs(body.pos - before).sum() < STILL:
            body.act(forward=1, jump=True)
        return
    path = find_path(body.known, terms_with(body.items), body.cell, mob["position"], NEAR, AT_HAND, 20_000)
    if not path.steps and path.arrives:  # a step nearer
        body.act(forward=1, jump=True, view=aim_at(body, mob))
    elif not path.steps:
        raise SkillFailed("no way", f"to the {mob['name']}")
    else:
        follow(body, Path(path.steps[:steps], path.cost, path.arrives), end, hurry, stop)
