"""Staying alive by sight: find who bites, fight or run, hunt, shut oneself in for the night."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from veclink.agent.embodied.actions import ARCHERS, FEARED
from veclink.agent.embodied.body import SkillFailed, unless_dead
from veclink.agent.embodied.eyes import Sight
from veclink.agent.embodied.pixels import dig, make, walk
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.sense import hostile
from veclink.agent.embodied.skills.blows import rest, weapon
from veclink.agent.embodied.skills.dig import building_block, equip
from veclink.agent.embodied.skills.fight import WEAK
from veclink.envs.facts import ITEMS, MOBS

ARM = 3.0  # blocks
BACK = 0.4  # share of the time between two blows for which one steps back: what is struck comes after one
NEAR = 9.0  # blocks within which a hostile mob matters
RUN = 60  # steps
DUG_IN = 3  # blocks of rock between the body and what it flees from
GONE = 8  # looks in a row without it after which a mob counts as dead or lost
ROUNDS, BLOWS = 5, 3  # looks for what moves, and blows after each
STEADY, STIRS = 2, 0.015  # ticks between two pictures; share of the brightness by which one moves
HURT_LATELY = 20  # steps
BITERS = tuple(name for name in ("zombie", "skeleton", "creeper", "spider", "enderman", "witch", "husk", "stray",
                                 "cave_spider", "slime", "zombie_villager", "silverfish") if name in MOBS)


def threat(body: PixelBody) -> Sight | None:
    """Look round for a hostile mob; the nearest, noted as the body's threat. The view comes back."""
    yaw, pitch = body.yaw, body.pitch
    found = walk.glance(body, BITERS, walk.ROUND, 10.0, ARM)
    body.turn(yaw, pitch)
    close = [(at, sight) for at, sight in found if sight.distance <= NEAR and hostile(sight.name)]
    if not close:
        return None
    at, sight = close[0]
    body.threat = sight.name, body.steps
    body.facing = at + round(sight.bearing / 15) * 15
    return sight


def fight(body: PixelBody, names: Sequence[str], done: Callable[[], bool], limit: int) -> None:
    """Hit a mob of some kinds until it is gone, going after it.

    Raises:
        SkillFailed: "lost", "danger" (life runs low), "time".
    """
    end, missed, blows = body.steps + limit, 0, 0
    best = weapon(body) or body.best("_pickaxe") or body.best("_axe")
    if best and body.held != best:
        equip(body, best)
    pause = int(rest(body.held)) if body.held in ITEMS and body.held != "air" else 10
    while body.steps < end:
        if done():
            return
        if body.life <= WEAK and any(hostile(name) for name in names):
            raise SkillFailed("hurt", names[0])
        sights = body.look(*names, "lava")
        found = sights.of(*names)
        if not found:
            missed += 1
            if missed == 2:
                around = walk.glance(body, names, walk.ROUND, 15.0, NEAR)
                if around:
                    body.turn(around[0][0] + round(around[0][1].bearing / 15) * 15, 15.0)
            if missed > (GONE if not blows else 3):
                if blows:
                    body.kills[names[0]] = body.kills.get(names[0], 0) + 1
                    return
                raise SkillFailed("lost", names[0])
            body.act()
            continue
        missed = 0
        mob = found[0]
        views = sights.views(mob)
        if mob.distance <= ARM + 0.6 and views:
            body.turn(body.yaw + views[0][0], float(views[0][1]), function="attack", forward=1)
            blows += 1
            for tick in range(pause - 1):
                body.act(forward=-int(tick < pause * BACK and mob.distance < ARM))
        else:
            body.turn(body.yaw + round(mob.bearing / 15) * 15, 15.0)
            for _ in range(4):
                body.act(forward=1, jump=True, sprint=False)
    raise SkillFailed("time", names[0])


def strike_unseen(body: PixelBody) -> bool:
    """Something bites that the eyes do not find, in the dark or too near to be known: hit what moves; whether anything
    did. The view comes back."""
    yaw, pitch = body.yaw, body.pitch
    best = weapon(body) or body.best("_pickaxe") or body.best("_axe")
    if best and body.held != best:
        equip(body, best)
    pause = int(rest(body.held)) if body.held in ITEMS and body.held != "air" else 10
    struck = False
    for _ in range(ROUNDS):
        at = stirring(body)
        if at is None:
            break
        struck = True
        for _ in range(BLOWS):
            body.turn(at, 15.0, function="attack", forward=1)
            for tick in range(pause - 1):
                body.act(forward=-int(tick < pause * BACK))
    body.turn(yaw, pitch)
    return struck


def stirring(body: PixelBody) -> float | None:
    """The yaw, along the way one came, in which the picture moves while the body stands still; None where it does not.

    To the sides walls are so near that a push moves their picture more than a mob moves in another.
    """
    moved: list[tuple[float, float]] = []
    for yaw in (body.heading, body.heading + 180):
        body.turn(yaw, 15.0)
        for _ in range(STEADY):
            body.act()
        before = body.picture.astype(np.float32)
        for _ in range(STEADY):
            body.act()
        change = np.abs(body.picture.astype(np.float32) - before).mean() / max(1.0, float(before.mean()))
        moved.append((float(change), yaw))
    most, at = max(moved)
    return at if most > STIRS else None


def flee(body: PixelBody) -> None:
    """Run the way the threat is not; underground into the rock, behind a wall of one's own."""
    if body.underground:
        away = dig.aligned(body.facing + 180)
        with unless_dead():
            for _ in range(DUG_IN):
                dig.dig_step(body, away, dig.LEVEL)
        wall_off(body, away + 180)
        body.turn(away, walk.LEVEL)
        return
    body.turn(body.facing + 180, walk.LEVEL)
    for tick in range(RUN):
        body.act(forward=1, sprint=tick % 6 != 5, jump=tick % 6 == 5)


def wall_off(body: PixelBody, yaw: float) -> bool:
    """Two blocks, one on the other, between the body and a direction of a tunnel; whether they stand."""
    block = building_block(body)
    if block is None:
        return False
    side = dig.aligned(yaw)
    low = make.place(body, block, side, 60.0) or make.place(body, block, side, 45.0)
    high = make.place(body, block, side, 30.0) or make.place(body, block, side, 15.0)
    return low and high


def defend(body: PixelBody) -> None:
    """What is done at once when something bites."""
    mob = threat(body)
    if mob is None:
        return
    shoots = mob.name in ARCHERS and mob.distance > ARM and body.underground
    if mob.name in FEARED or body.life <= WEAK or shoots:
        flee(body)
        return
    body.turn(body.facing, 10.0)
    try:
        fight(body, [mob.name], lambda: False, 160)
    except SkillFailed as failure:
        if failure.reason == "died":
            raise
        if failure.reason == "hurt":
            flee(body)


def hunt(body: PixelBody, mob: str, done: Callable[[], bool], limit: int) -> None:
    """Look for a kind of mob and kill it until it is enough.

    Raises:
        SkillFailed: "not found", "time".
    """
    end = body.steps + limit
    while not done():
        if body.steps >= end:
            raise SkillFailed("time", mob)
        seen = walk.search(body, [mob], end - body.steps)
        body.turn(seen[0] + round(seen[1].bearing / 15) * 15, walk.LEVEL)
        try:
            fight(body, [mob], done, min(400, max(1, end - body.steps)))
        except SkillFailed as failure:
            if failure.reason != "lost":
                raise
        for tick in range(14):
            body.act(forward=int(tick < 8), jump=True)


def burrow(body: PixelBody) -> None:
    """Into the rock by stairs, and shut behind.

    Raises:
        SkillFailed: "no tool", "no material".
    """
    if body.depth < 4:
        dig.stairs(body, body.height - 4, 500)
    block = building_block(body)
    if block is None:
        raise SkillFailed("no material", "blocks to shut oneself in with")
    back = dig.aligned(body.yaw + 180)
    for pitch in (45.0, 30.0):
        make.place(body, block, back, pitch)
    make.place(body, block, back, -90.0)
    wall_off(body, body.yaw + 180)
