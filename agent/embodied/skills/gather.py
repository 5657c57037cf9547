"""Getting things: dig blocks of a kind wherever they are known, pick up what falls, and look for more when none is."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import AT, NEAR, WATER
from veclink.agent.embodied.skills.dig import dig, unsafe
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.walk import go_near, go_to
from veclink.agent.embodied.terms import kinds
from veclink.envs.facts import BLOCKS

ARM, BESIDE = 3.8, 2.0  # blocks from the eye to the middle of what one digs: as far as hands reach, and close to it
ROUND_CORNER = 60  # ticks to come to a block's other side
NEAR_ENOUGH = 1.2
HIGH = 3.0  # blocks above the feet from which on what lies there (in a treetop, say) is not fetched
PICK_UP = 12  # ticks until a thing that has just fallen can be picked up
LEG = 500  # steps of one walk in search of more
Done = Callable[[Body], bool]


def flags(names: Collection[str]) -> np.ndarray:
    """(256,) bool of block names."""
    table = np.zeros(256, bool)
    for name in names:
        table[BLOCKS.id(name)] = True
    return table


def gather(body: Body, blocks: Collection[str], done: Done, roamer: Roamer, level: tuple[int, int] | None = None,
           most_ticks: int = 4000, tool: str | None = None, seeks: bool = True) -> None:
    """Dig blocks of some kinds until `done` says so.

    Args:
        blocks: names. level: lowest and highest y where they are worth looking for, None for the surface.
        seeks: whether to look for more where none is known.
        tool: an item to hold, where the fastest will not do (shears for leaves).

    Raises:
        SkillFailed: "not found", "no tool", "no way" or "time".
    """
    wanted = flags(blocks)
    end = body.steps + most_ticks
    given_up: set[tuple[int, int, int]] = set()
    out_of_reach: set[tuple[int, ...]] = set()
    refused = 0
    while not done(body):
        if body.steps >= end:
            raise SkillFailed("time", f"after {most_ticks} ticks for {', '.join(sorted(blocks))}")
        places = [place for place in body.known.find(wanted, body.pos, most=48) if place not in given_up]
        places.sort(key=lambda place: (wet(body, place), undermines(body, place)))  # of equals the nearest first
        if not places:
            if not seeks:
                raise SkillFailed("not found", ", ".join(sorted(blocks)))
            look_for(body, roamer, level, end)
            continue
        place = places[0]
        try:
            take_out(body, place, tool, end)
            refused = 0
        except SkillFailed as failure:
            if failure.reason in ("died", "no tool"):
                raise
            given_up.add(place)
            refused += 1
            if refused > 12:
                raise SkillFailed("no way", f"to {refused} of {', '.join(sorted(blocks))}") from failure
            continue
        collect(body, patience=1 if seeks else PICK_UP, out_of_reach=out_of_reach)


def take_out(body: Body, place: tuple[int, int, int], tool: str | None, end: int) -> None:
    """Dig a block from where hands reach it, and where no view leads to it there, from beside it, on whichever side.

    Raises:
        SkillFailed: what going there and digging raise.
    """
    most = min(1500, max(1, end - body.steps))
    go_near(body, place, ARM, most)
    if not seen_or_dug_to(body, place) and not unsafe(body, place):
        go_near(body, place, BESIDE, most)
        for i, k in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if seen_or_dug_to(body, place):
                break
            with unless_dead():  # round a corner, where all views run along its edges
                go_to(body, (place[0] + i, place[1], place[2] + k), AT, most_ticks=ROUND_CORNER)
    before = body.block(*place)
    dig(body, place, tool=tool)
    if body.block(*place) == before:
        raise SkillFailed("time", "it stays")


def seen_or_dug_to(body: Body, place: tuple[int, int, int]) -> bool:
    """Whether some view meets a block, or would if what hides it were dug away."""
    looks = body.eye, body.yaw, body.pitch, place
    return bool(body.eyes.views(*looks)) or body.eyes.in_the_way(*looks) is not None


def wet(body: Body, place: tuple[int, int, int]) -> bool:
    """Whether water would come in, or stands in front of it."""
    x, y, z = place
    return any(kinds()[body.block(x + i, y + j, z + k)] == WATER
               for i, j, k in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)))


def undermines(body: Body, place: tuple[int, int, int]) -> bool:
    """Whether the body stands on it."""
    x, y, z = body.cell
    return place[1] < y and place[0] == x and place[2] == z


def look_for(body: Body, roamer: Roamer, level: tuple[int, int] | None, end: int) -> None:
    """Go where more can be seen: along a level under ground, or over land."""
    from veclink.agent.embodied.skills.walk import go_level

    if level is not None and not level[0] <= body.cell[1] <= level[1]:
        go_level(body, (level[0] + level[1]) // 2, most_ticks=max(1, end - body.steps))
        return
    roamer.leg(body, max(1, min(LEG, end - body.steps)), dig=level is not None)


def collect(body: Body, reach: float = 6.0, most_ticks: int = 120, patience: int = 1,
            out_of_reach: set[tuple[int, ...]] | None = None, stop: Callable[[], bool] | None = None) -> None:
    """Pick up what lies near; what cannot be reached is left.

    Args:
        patience: ticks to stand beside a thing; a new one can be picked up after half a second.
        out_of_reach: cells that took too long to get to before; those of now are added.
        stop: whether to leave it at that, asked in every tick.
    """
    hopeless = set() if out_of_reach is None else out_of_reach
    waited_at: set[tuple[int, ...]] = set()
    place: tuple[int, ...] = ()
    end = body.steps + most_ticks
    body.act()  # a drop appears the tick after
    while body.steps < end:
        near = [drop for drop in body.drops() if drop["distance"] <= reach
                and drop["position"][1] < float(body.pos[1]) + HIGH
                and tuple(int(v) for v in drop["position"]) not in hopeless | waited_at]
        if not near or (stop and stop()):
            return
        x, y, z = near[0]["position"]
        place, began = (int(x), int(y), int(z)), body.steps
        try:
            if near[0]["distance"] > NEAR_ENOUGH:
                go_to(body, (int(np.floor(x)), int(np.floor(y + 0.1)), int(np.floor(z))), AT, most_ticks=60,
                      stop=stop)
            if body.steps == began:  # one is there; it may still be falling
                for _ in range(patience):
                    body.act()
                    if not body.drops():
                        return
                waited_at.add(place)
        except SkillFailed as failure:
            if failure.reason == "died":
                raise
            hopeless.add(place)
    hopeless.add(place)  # the time was spent on the way to it


def approach(body: Body, place: tuple[int, int, int], most_ticks: int = 1500) -> None:
    """Come within hand's reach of a block."""
    go_to(body, (place[0] + 0.5, place[1] + 0.5, place[2] + 0.5), NEAR, ARM, most_ticks)
