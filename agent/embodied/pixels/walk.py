"""Getting about by sight: look round, search, go to a thing that is seen, get unstuck, get out of water."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.eyes import FARTHEST, Sight, Sights
from veclink.agent.embodied.pixels.body import PACE, PixelBody

ROUND = (0, 90, -90, 180)  # turns that show everything round the body
LEVEL = 15.0  # pitch for walking: the ground ahead and what stands on it
LEG = 14  # steps between two looks on a search
LEGS_ROUND = 5  # legs between two looks all round
HURDLE = 6  # steps walked before one checks whether anything moved
CLIMB, LAND = 9, 4  # steps of a jump over a block, and after it
MOST_TRIES, NEARER = 6, 0.15  # ways round what is in the way; blocks by which each leg must get nearer
TURN = 45  # degrees by which a search turns where it gets no farther
LIQUIDS = ("water", "lava")
IN_WATER = 1.5  # blocks to water straight ahead within which one stands in it: nothing is dug from there
SHORE, FIRE = 3.5, 7.0  # blocks: nearer water and lava straight ahead is walked round
PUNCH = 10  # steps of hitting what is in the way (leaves, grass)
MOST_LEG = 24  # steps towards a thing between two looks
LAND_BLOCKS = ("grass", "sand", "dirt", "stone")
SWIM_LEG = 60  # steps
SWIMS = 6  # stretches of swimming, with a look round before each
AIR = 200.0  # of 300: above this one may do other things than breathe


def glance(body: PixelBody, names: Sequence[str], turns: Sequence[float] = ROUND, pitch: float = LEVEL,
           enough: float = FARTHEST) -> list[tuple[float, Sight]]:
    """Look in several directions; (yaw of the look, sight) of what was found, the nearest first.

    Args:
        enough: blocks within which a sight ends the round.
    """
    start, found = body.yaw, []
    for turn in turns:
        body.turn(start + turn, pitch)
        sights = body.look(*names)
        found += [(body.yaw, sight) for sight in sights.of(*names)]
        if any(sight.distance <= enough for sight in sights.of(*names)):
            break
    return sorted(found, key=lambda each: each[1].distance)


def search(body: PixelBody, names: Sequence[str], limit: int) -> tuple[float, Sight]:
    """Turn and walk until one of some things is seen; where, as (yaw of the look, sight).

    Raises:
        SkillFailed: "not found": not within so many steps.
    """
    end, legs = body.steps + limit, 0
    heading = body.yaw
    while True:
        if legs % LEGS_ROUND == 0:
            found = glance(body, names)
            if found:
                return found[0]
            body.turn(heading, LEVEL)
        if body.steps >= end:
            raise SkillFailed("not found", names[0])
        sights = body.look(*names, *LIQUIDS)
        found_now = sights.of(*names)
        if found_now:
            return body.yaw, found_now[0]
        if barred(sights) and not body.afloat:
            heading = _open(body, heading)
            body.turn(heading, LEVEL)
        if not stride(body, LEG):
            heading += TURN if legs % 2 else -2 * TURN
            body.turn(heading, LEVEL)
        legs += 1


def barred(sights: Sights) -> bool:
    """Whether water or lava lies straight ahead."""
    return sights.ahead("water") < SHORE or sights.ahead("lava") < FIRE


def _open(body: PixelBody, heading: float) -> float:
    """The direction in which water and lava are farthest, the present one first."""
    best, far = heading, -1.0
    for turn in (45, -45, 90, -90, 135, -135, 180):
        body.turn(heading + turn, LEVEL)
        sights = body.look(*LIQUIDS)
        free = min(sights.ahead("water"), sights.ahead("lava") - FIRE)
        if free > far + 1.0:
            best, far = heading + turn, free
        if free > SHORE * 3:
            break
    return best


def stride(body: PixelBody, steps: int) -> bool:
    """Walk ahead so many steps, over single blocks and through water; False where the picture stood still.

    A body that does not move sees the same picture: it jumps, hits what is in the way, then tries to slip round it.
    """
    done = 0
    while done < steps:
        before, part = body.picture, min(HURDLE, steps - done)
        for _ in range(part):
            body.act(forward=1)
        done += part
        if body.still(before, whole=True) and not _hurdle(body, before):
            back = part * PACE  # it was no walk
            body.counted["x"] += back * math.sin(math.radians(body.yaw))
            body.counted["z"] -= back * math.cos(math.radians(body.yaw))
            return False
    return True


def _hurdle(body: PixelBody, before: np.ndarray) -> bool:
    """Over, through or round what is in the way; whether the picture is another afterwards."""
    pitch = body.pitch
    for deed in ("jump", "punch", "slip"):
        if deed == "jump":
            for _ in range(CLIMB):
                body.act(forward=1, jump=True)
        elif deed == "punch":
            for low in (0.0, 45.0):
                body.turn(body.yaw, low)
                for _ in range(PUNCH):
                    body.act(forward=1, function="attack")
        else:
            for side in (1, -1):
                for _ in range(CLIMB):
                    body.act(forward=1, strafe=side, jump=True)
        body.turn(body.yaw, pitch)
        for _ in range(LAND):
            body.act(forward=1)
        if not body.still(before, whole=True):
            return True
    return False


def go(body: PixelBody, name: str, near: float, limit: int, seen: tuple[float, Sight] | None = None,
       arm: float = 0.0) -> Sights:
    """Go up to a thing that is seen; the look from there.

    Args:
        near: blocks from the eye at which it is reached. seen: where it was seen, as `search` gives it.
        arm: blocks from which it will do if the camera can be aimed at it.

    Raises:
        SkillFailed: "lost": it is out of sight; "no way": one gets no nearer; "time".
    """
    end, tries, best = body.steps + limit, 0, FARTHEST
    if seen is not None:
        body.turn(seen[0] + _fifteen(seen[1].bearing), LEVEL)
    while body.steps < end:
        sights = body.look(name, *LIQUIDS)
        found = sights.of(name)
        if not found:
            around = glance(body, [name], (0, 45, -45, 90, -90, 180), -LEVEL if tries % 2 else LEVEL, 8.0)
            tries += 1
            if not around or tries > MOST_TRIES:
                raise SkillFailed("lost", name)
            body.turn(around[0][0] + _fifteen(around[0][1].bearing), LEVEL)
            continue
        nearest = found[0]
        wet = sights.ahead("water") < IN_WATER and tries < MOST_TRIES
        if not wet and (nearest.distance <= near or (nearest.distance <= arm and sights.views(nearest))):
            return sights
        body.turn(body.yaw + _fifteen(nearest.bearing), LEVEL)
        if sights.ahead("lava") < min(FIRE, nearest.distance):
            raise SkillFailed("no way", f"lava before {name}")
        steps = max(2, min(MOST_LEG, int((nearest.distance - near + 0.4) / PACE)))
        moved = stride(body, steps)
        if not moved or nearest.distance > best - NEARER:
            tries += 1
            body.turn(body.yaw + (60 if tries % 2 else -60), LEVEL)
            stride(body, LEG if tries > 2 else LEG // 2)
            if tries > MOST_TRIES:
                raise SkillFailed("no way", name)
        best = min(best, nearest.distance)
    raise SkillFailed("time", f"on the way to {name}")


def ashore(body: PixelBody) -> None:
    """Out of the water: swim towards the land whose lower edge lies lowest in the picture, which is the nearest.

    Raises:
        SkillFailed: "no way".
    """
    for _ in range(SWIMS):
        if not body.afloat:
            return
        best, lowest = body.yaw, 90.0
        for yaw in [body.yaw + turn for turn in ROUND]:
            body.turn(yaw, LEVEL)
            sights = body.look(*LAND_BLOCKS)
            for sight in sights:
                edge = sights.lens.direction((sight.box[0] + sight.box[2]) / 2, sight.box[3], body.pitch)[1]
                if edge < lowest:
                    best, lowest = body.yaw + _fifteen(sight.bearing), edge
        body.turn(best, LEVEL)
        stride(body, SWIM_LEG)
    raise SkillFailed("no way", "out of the water")


def _fifteen(degrees: float) -> float:
    """The nearest turn of the camera."""
    return round(degrees / 15) * 15.0


def breathe(body: PixelBody) -> None:
    """Up to the air: jump until there is breath again, and onwards to the nearest shore."""
    for tick in range(160):
        body.act(jump=True, forward=int(tick > 40))
        if body.oxygen >= AIR and tick > 20:
            return


def back_off(body: PixelBody) -> None:
    """Back from what burns."""
    for _ in range(24):
        body.act(forward=-1, jump=True)
