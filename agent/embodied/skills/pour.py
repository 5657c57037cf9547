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
    end, used = body.steps + most_ticks, set[Cell]()
    while len(used) < TRIED and body.steps < end and not done(body):
        ground = next((cell for cell in shores(body) if cell not in used), None)
        if ground is None:  # lava that rock encloses is known far more often
            roamer.leg(body, max(1, min(LEG, end - body.steps)), dig=True)
            continue
        used.add(ground)
        with unless_dead():
            over = ground[0], ground[1] + 1, ground[2]
            go_to(body, over, AT, most_ticks=max(1, min(600, end - body.steps)))
            if not pour(body, ground):
                continue
            for _ in range(FLOWS):
                body.act()
            fill(body, source=over)  # what runs would sweep one away from what one digs
            gather(body, ("obsidian",), done, roamer, None, max(1, end - body.steps), seeks=False)
    if not done(body):
        raise SkillFailed("no way", "to obsidian from this lava") if used else SkillFailed("not found", "open lava")


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
