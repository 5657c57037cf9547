"""Obsidian from lava: water poured beside it, which is taken up again, and what has become of the lava dug."""

from __future__ import annotations

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import FREE
from veclink.agent.embodied.skills.dig import equip
from veclink.agent.embodied.skills.gather import Done, flags, gather
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.survive import fill
from veclink.agent.embodied.skills.walk import go_near
from veclink.agent.embodied.terms import kinds
from veclink.envs.facts import BLOCKS

WITHIN, TRIED = 32, 6  # blocks to lava that is gone to, and places of it that are tried
ARM = 3.8  # blocks from the eye to the lava beside which one pours
FLOWS = 40  # ticks until water has run over the lava near it
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
Cell = tuple[int, int, int]


def quench(body: Body, done: Done, roamer: Roamer, most_ticks: int) -> None:
    """Turn lava into obsidian and dig it until `done` says so.

    Raises:
        SkillFailed: "no tool" without water, "not found" without lava, "no way" where nothing came of it; and what
            digging raises.
    """
    end = body.steps + most_ticks
    known = body.known.find(flags(("lava",)), body.pos, WITHIN, most=64)
    places = [place for place in known if open_above(body, place)]
    if not places:
        raise SkillFailed("not found", "lava in the open")
    for place in places[:TRIED]:
        with unless_dead():
            go_near(body, place, ARM, max(1, min(600, end - body.steps)))
            if pour(body, place):
                for _ in range(FLOWS):
                    body.act()
                with unless_dead():
                    fill(body)
                gather(body, ("obsidian",), done, roamer, None, max(1, end - body.steps), seeks=False)
        if done(body) or body.steps >= end:
            break
    if not done(body):
        raise SkillFailed("no way", "to obsidian from this lava")


def pour(body: Body, place: Cell) -> bool:
    """Empty the water bucket onto the ground beside lava; whether that was done."""
    x, y, z = place
    equip(body, "water_bucket")
    for i, k in SIDES:
        ground = (x + i, y, z + k)
        if not BLOCKS.full[body.block(*ground)] or not open_above(body, ground):
            continue
        for view in body.eyes.views(body.eye, body.yaw, body.pitch, ground, (0, 1, 0))[:2]:
            body.act(view=(view.yaw, view.pitch))
            body.act(function="use")
            if not body.items["water_bucket"]:
                return True
    return False


def open_above(body: Body, cell: Cell) -> bool:
    """Whether nothing is on top of a cell."""
    return kinds()[body.block(cell[0], cell[1] + 1, cell[2])] == FREE
