"""Getting blocks by sight: fell trees and dig what stands about, pick up what fell; under ground as `ore` has it."""

from __future__ import annotations

from collections.abc import Callable

from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.eyes import Sight
from veclink.agent.embodied.pixels import dig, ore, walk
from veclink.agent.embodied.pixels.body import PACE, PixelBody

ARM, SURE_ARM = 4.0, 2.8  # blocks from the eye that are in reach: mostly, and almost always
CLOSE = 2.2  # blocks to walk up to
ARM_TRIES = 12  # blocks struck from one place
NEARER = 10  # steps towards what could not be reached
OUT = 36  # ticks at each block of the way out of a hole
Done = Callable[[], bool]


def gather(body: PixelBody, block: str, done: Done, limit: int, underground: bool) -> None:
    """Get blocks of a kind until it is enough.

    Raises:
        SkillFailed: "not found", "no way", "no tool", "time".
    """
    end = body.steps + limit
    if block == "stone":
        ore.quarry(body, done, limit)
        return
    if underground:
        ore.prospect(body, block, done, limit)
        return
    failures = 0
    while not done():
        if body.steps >= end:
            raise SkillFailed("time", block)
        try:
            seen = walk.search(body, [block], end - body.steps)
            approach(body, block, seen, min(400, end - body.steps))
            if body.afloat:
                walk.ashore(body)
            if not harvest(body, block, done, end):
                raise SkillFailed("no view", block)
            failures = 0
        except SkillFailed as failure:
            if failure.reason in ("died", "not found") or failures >= 3:
                raise
            failures += 1
            body.turn(body.yaw + 105, walk.LEVEL)
            if failures > 1:
                break_out(body)
            walk.stride(body, walk.LEG * 2)


def approach(body: PixelBody, block: str, seen: tuple[float, Sight], limit: int) -> None:
    """Up to what is seen, as near as one gets: from an arm's length half of the blows meet nothing.

    Raises:
        SkillFailed: "lost", "no way", "time": and it is not within an arm's length either.
    """
    try:
        walk.go(body, block, CLOSE, limit, seen, SURE_ARM)
    except SkillFailed as failure:
        if failure.reason not in ("no way", "time"):
            raise
        sights = body.look(block)
        if not any(sight.distance <= ARM and sights.views(sight) for sight in sights.of(block)):
            raise


def break_out(body: PixelBody) -> None:
    """Out of a hole: dig ahead and above, then jump."""
    yaw = dig.aligned(body.yaw)
    for pitch in (0.0, -45.0, -75.0):
        dig.strike(body, yaw, pitch, OUT)
    for _ in range(OUT // 3):
        body.act(forward=1, jump=True)
    body.turn(yaw, walk.LEVEL)


def harvest(body: PixelBody, block: str, done: Done, end: int) -> bool:
    """Dig all of a kind within reach from here, from below as well; whether anything came of it."""
    had, barren = dig.stone_in(body), 0
    for _ in range(ARM_TRIES):
        if done() or body.steps >= end or barren >= 3:
            break
        struck = _strike_seen(body, block)
        if struck is None:
            if not _step_in(body, block):
                break
            barren += 1
            continue
        before = dig.stone_in(body)
        _pick_up(body, struck)
        barren = 0 if dig.stone_in(body) > before else barren + 1
    return dig.stone_in(body) > had


def _strike_seen(body: PixelBody, block: str) -> Sight | None:
    """Dig the first block of a kind that can be aimed at, looking level, up and down; what was dug, None also where one
    was struck in vain, as it is farther than it looks."""
    yaw = body.yaw
    for pitch in (body.pitch, 0.0, -45.0, 30.0, -75.0):
        body.turn(yaw, pitch)
        sights, began = body.look(block), body.steps
        struck = dig.strike_sight(body, sights, block)
        if struck is not None or body.steps - began > dig.FIRST_LOOK:
            return struck
    return None


def _step_in(body: PixelBody, block: str) -> bool:
    """A little nearer to, or aside of, what is seen but cannot be aimed at; whether anything is seen."""
    found = walk.glance(body, [block], (0, 60, -60, 120, -120, 180), -15.0, 5.0)
    if not found or found[0][1].distance > dig.REACH * 1.5:
        return False
    yaw, sight = found[0]
    body.turn(yaw + round(sight.bearing / 15) * 15, 0.0)
    for _ in range(NEARER):
        body.act(forward=1, jump=True)
    return True


def _pick_up(body: PixelBody, sight: Sight) -> None:
    """Walk to where a thing fell and back into the view."""
    had, steps = dig.stone_in(body), int(max(2.0, sight.distance) / PACE) + 2
    pitch = body.pitch
    body.turn(body.yaw, 15.0)
    for tick in range(min(18, steps)):
        body.act(forward=1, jump=tick > 6)
        if dig.stone_in(body) > had:
            break
    for _ in range(6):
        if dig.stone_in(body) > had:
            break
        body.act()
    body.turn(body.yaw, pitch)
