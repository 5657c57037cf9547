"""Going somewhere: along a found way, step by step, digging and climbing as it says, and finding another when lost."""

from __future__ import annotations

import math
from collections.abc import Callable

from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.path import AT, DEADLY, DEEPEST, FREE, LEVEL, NEAR, WATER, Move, Path, Step, find_path
from veclink.agent.embodied.skills.dig import clear, place_under
from veclink.agent.embodied.terms import kinds, name_of, terms_with

CLOSE = 0.3  # blocks from the middle of a cell that count as there
ICE = ("ice", "packed_ice", "frosted_ice")  # on which one slides past the middle
PATIENCE = 40  # ticks for one step that digs nothing
SPRY = 14.0  # food above which it sprints
TRIES = 12  # ways that are looked for before giving up
HELD, BESIDE = 6, 0.2  # ticks without getting nearer after which an edge is in the way; how far off the middle one fits


def go_to(body: Body, goal: tuple[float, ...], kind: int = AT, reach: float = 3.5, most_ticks: int = 1200,
          dig: bool = True, stop: Callable[[], bool] | None = None) -> None:
    """Bring the body to a goal.

    Args:
        goal: x, y, z: a cell for AT, a point for NEAR, its y for LEVEL.
        reach: for NEAR, how near the eye must come.
        stop: asked after every tick of walking; where it says so, the rest of the way is left.

    Raises:
        SkillFailed: "no way", "time" or "lost".
    """
    end = body.steps + most_ticks
    nearest = math.inf
    for _ in range(TRIES):
        path = find_path(body.known, terms_with(body.items, dig), body.cell, goal, kind, reach)
        if not path.steps:
            if path.arrives:
                return
            raise SkillFailed("no way", f"to {tuple(round(v, 1) for v in goal)}")
        if not path.arrives and path.cost >= nearest:
            raise SkillFailed("no way", f"to {tuple(round(v, 1) for v in goal)}")
        nearest = math.inf if path.arrives else path.cost
        if (follow(body, path, end, stop=stop) and path.arrives) or (stop and stop()):
            return
        if body.steps >= end:
            raise SkillFailed("time", f"after {most_ticks} ticks on the way")
    raise SkillFailed("lost", f"{TRIES} ways to {tuple(round(v, 1) for v in goal)} led elsewhere")


def follow(body: Body, path: Path, end: int, hurry: bool = False, stop: Callable[[], bool] | None = None) -> bool:
    """Take a way's steps; False where the body is off it (another way must be found), time is up or `stop` says so.

    Args:
        hurry: sprint where two steps lead straight on.
        stop: asked after every tick of walking.
    """
    before = body.cell
    for step, after in zip(path.steps, (*path.steps[1:], None), strict=False):
        straight = hurry and after is not None and step.move == after.move == Move.WALK and (
            step.x - before[0], step.z - before[2]) == (after.x - step.x, after.z - step.z)
        if body.steps >= end or not take(body, before, step, straight and body.food > SPRY, stop):
            return False
        before = (step.x, step.y, step.z)
    return True


def take(body: Body, before: tuple[int, int, int], step: Step, sprint: bool = False,
         stop: Callable[[], bool] | None = None) -> bool:
    """One step; whether the body is where it should be."""
    if step.move == Move.PILLAR:
        return pillar(body, step)
    if not clear(body, cells_to_clear(before, step)):
        return False
    if not footing(body, step):
        return False
    if step.move == Move.DIG_DOWN:
        return settle(body, step)
    return walk_into(body, step, sprint, stop)


def footing(body: Body, step: Step) -> bool:
    """Whether something to stand or swim on is where a step leads: what was not yet seen when the way was found was
    taken for rock, and may be the roof of a cave over lava."""
    column = (kinds()[body.block(step.x, step.y - down, step.z)] for down in range(DEEPEST + 2))
    return next((kind for kind in column if kind != FREE), DEADLY) != DEADLY


def cells_to_clear(before: tuple[int, int, int], step: Step) -> list[tuple[int, int, int]]:
    """What must be free before a step, from the top down."""
    x, y, z = step.x, step.y, step.z
    if step.move == Move.UP:
        return [(before[0], before[1] + 2, before[2]), (x, y + 1, z), (x, y, z)]
    if step.move == Move.DOWN:
        return [(x, before[1] + 1, z), (x, before[1], z)]
    if step.move == Move.DIG_DOWN:
        return [(x, before[1] - 1, z)]
    if step.move == Move.SWIM_UP:
        return [(x, y + 1, z)]
    return [(x, y + 1, z), (x, y, z)]


def walk_into(body: Body, step: Step, sprint: bool = False, stop: Callable[[], bool] | None = None) -> bool:
    """Walk, jump or swim into the next cell."""
    x, z = step.x + 0.5, step.z + 0.5
    slides = name_of(body.block(step.x, step.y - 1, step.z)) in ICE
    low = kinds()[body.block(step.x, step.y + 2, step.z)] not in (FREE, WATER)  # no room to float above the floor
    nearest, held = math.inf, 0
    for tick in range(PATIENCE):
        px, py, pz = (float(v) for v in body.pos)
        away = math.hypot(x - px, z - pz)
        wet = kinds()[body.block(*body.cell)] == WATER
        over = body.cell[::2] == (step.x, step.z) if slides else away < CLOSE
        if over and (body.cell[1] == step.y or (step.move == Move.DOWN and py < step.y + 1.2)):
            return True
        if py < step.y - (0.9 if step.move == Move.WALK and not wet else 1.5) and step.move != Move.DOWN:
            return False  # fell, or was thrown off a ledge
        nearest, held = (away, 0) if away < nearest - 0.01 else (nearest, held + 1)
        aim = _past_edge(x - px, z - pz) if held >= HELD else (x - px, z - pz)
        yaw = math.degrees(math.atan2(-aim[0], aim[1])) if away > 0.05 else body.yaw
        jump = step.move in (Move.UP, Move.SWIM_UP) or (
            wet and py < step.y + (0.0 if low else 0.4)) or (tick > PATIENCE // 2 and not (wet and low))
        level = 15.0 if abs(body.pitch) > 45 else body.pitch
        body.act(forward=1 if away > 0.12 else 0, jump=jump, sprint=sprint and not jump, view=(yaw, level))
        if stop is not None and stop():
            break
    return body.cell == (step.x, step.y, step.z)


def _past_edge(dx: float, dz: float) -> tuple[float, float]:
    """Where to turn to when held up on the way to the middle of a cell (dx, dz blocks off): across first, as an edge
    holds one who is not in line with it, and water drives one there again and again."""
    if min(abs(dx), abs(dz)) <= BESIDE:
        return dx, dz
    return (0.0, dz) if abs(dx) > abs(dz) else (dx, 0.0)


def settle(body: Body, step: Step) -> bool:
    """Fall into the hole below, kept to its middle."""
    for _ in range(PATIENCE):
        if body.cell[1] <= step.y:
            return body.cell == (step.x, step.y, step.z)
        px, _, pz = (float(v) for v in body.pos)
        x, z = step.x + 0.5 - px, step.z + 0.5 - pz
        if math.hypot(x, z) > 0.15:
            body.act(forward=1, sneak=False, view=(math.degrees(math.atan2(-x, z)), body.pitch))
        else:
            body.act()
    return False


def pillar(body: Body, step: Step) -> bool:
    """Jump and put a block under the feet."""
    if not clear(body, [(step.x, step.y + 1, step.z)]):
        return False
    return place_under(body) and body.cell == (step.x, step.y, step.z)


def go_near(body: Body, place: tuple[int, int, int], reach: float = 3.5, most_ticks: int = 1200) -> None:
    """Come so near a block that hands reach it."""
    go_to(body, (place[0] + 0.5, place[1] + 0.5, place[2] + 0.5), NEAR, reach, most_ticks)


def go_level(body: Body, y: int, most_ticks: int = 2400) -> None:
    """Dig down or climb up to a height."""
    while abs(body.cell[1] - y) > 0:
        part = max(body.cell[1] - 24, min(body.cell[1] + 24, y))
        go_to(body, (body.cell[0], part, body.cell[2]), LEVEL, most_ticks=most_ticks)
