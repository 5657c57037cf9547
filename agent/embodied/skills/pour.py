"""Obsidian from lava: water poured beside it, which is taken up again, and what has become of the lava dug."""

from __future__ import annotations

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import AT, FREE
from veclink.agent.embodied.skills.dig import equip
from veclink.agent.embodied.skills.gather import LEG, Done, flags, gather
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.survive import fill
from veclink.agent.embodied.skills.walk import go_to
from veclink.agent.embodied.terms import kinds
from veclink.envs.facts import BLOCKS

WITHIN, TRIED = 32, 6  # blocks to lava that is gone to, and places of it that are tried
MANY = 4096  # blocks of lava that are looked at: a lake's nearest ones may all lie in its depth
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
    while not (grounds := shores(body)):  # lava that rock encloses is known far more often
        if body.steps >= end:
            raise SkillFailed("not found", "lava in the open")
        roamer.leg(body, max(1, min(LEG, end - body.steps)), dig=True)
    for ground in grounds[:TRIED]:
        with unless_dead():
            go_to(body, (ground[0], ground[1] + 1, ground[2]), AT, most_ticks=max(1, min(600, end - body.steps)))
            if not pour(body, ground):
                continue
            for _ in range(FLOWS):
                body.act()
            with unless_dead():  # the water stays meanwhile: it hardens the lava that is laid bare
                gather(body, ("obsidian",), done, roamer, None, max(1, end - body.steps), seeks=False)
            fill(body)
        if done(body) or body.steps >= end or not body.items["water_bucket"]:
            break
    if not done(body):
        raise SkillFailed("no way", "to obsidian from this lava")


def pour(body: Body, ground: Cell) -> bool:
    """Empty the water bucket onto the ground that one stands on; whether that was done."""
    equip(body, "water_bucket")
    for view in body.eyes.views(body.eye, body.yaw, body.pitch, ground, (0, 1, 0))[:2]:
        body.act(view=(view.yaw, view.pitch))
        body.act(function="use")
        if not body.items["water_bucket"]:
            return True
    return False


def shores(body: Body) -> list[Cell]:
    """The ground beside lava onto which one can pour, broad shores before single blocks, then the nearest first."""
    lava = body.known.find(flags(("lava",)), body.pos, WITHIN, most=MANY)
    beside = dict.fromkeys((x + i, y, z + k) for x, y, z in lava if open_above(body, (x, y, z)) for i, k in SIDES)
    grounds = [cell for cell in beside if BLOCKS.full[body.block(*cell)] and open_above(body, cell)]
    return sorted(grounds, key=lambda cell: not broad(body, cell))


def broad(body: Body, ground: Cell) -> bool:
    """Whether one can step off it onto other ground."""
    x, y, z = ground
    return any(BLOCKS.full[body.block(x + i, y, z + k)] for i, k in SIDES)


def open_above(body: Body, cell: Cell) -> bool:
    """Whether nothing is on top of a cell."""
    return kinds()[body.block(cell[0], cell[1] + 1, cell[2])] == FREE
