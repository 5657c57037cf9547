"""Fights with what explodes: strike it before it lights, close in on a lit one only to kill it in time, else get clear.

Minecraft 1.11: the fuse lights within 3 blocks, burns on within 7 while one is in view, and explodes after 30 ticks;
farther off it goes out again. Meanwhile the mob stands still.
"""

from __future__ import annotations

import math
from typing import Any

from veclink.agent.embodied.aim import nearest_view
from veclink.agent.embodied.body import Body
from veclink.agent.embodied.skills.blows import (
    SPRINTS,
    STILL,
    aim_at,
    back_is_free,
    close_in,
    find,
    meets,
    way_off,
)
from veclink.agent.embodied.skills.walk import follow
from veclink.envs.facts import MOBS

LIGHTS, BURNS_ON, SWELL = 3.0, 7.0, 30  # blocks, blocks and ticks of the fuse
CLEAR = 7.3  # blocks from which a lit one is harmless
LATE = 2  # ticks by which a blow may come later than reckoned
COMES = 4.2  # blocks within which one lets it come: who runs at it is too near before the arm is ready
KEPT = 3.6  # blocks kept from it while the arm rests
RESTED = 2  # ticks before the next blow from which one lets it come
WAITS = 30  # ticks after which one goes up to what does not come
AT_ARM = 2.4  # blocks within which one only turns to a lit one
THROWN = 0.1  # blocks in a tick by which one tells that a blow met
AWAY, STEPS, AWAY_TICKS = 9, 2, 12  # blocks of a way from it, steps of it that are taken at once, and ticks for them


class Fuse:
    """A fight with one such mob.

    Args:
        mob: as first seen.
        damage: life that a blow takes.
        rest: ticks from one blow of full strength to the next.

    Attributes:
        burnt: ticks that the fuse has burnt, as far as distances tell.
        left: the mob's life, after the blows that met it.
    """

    def __init__(self, body: Body, mob: dict[str, Any], damage: float, rest: int) -> None:
        self.left, self.damage, self.rest = float(MOBS.health[MOBS.id(mob["name"])]), damage, rest
        self.burnt, self.leaving, self.waited, self.at = 0, False, 0, body.steps

    def turn(self, body: Body, mob: dict[str, Any], rests: int, end: int) -> bool:
        """One move against the mob; whether it was a blow.

        Args:
            mob: as seen now.
            rests: ticks until the arm is ready again.
            end: step at which a way is broken off.

        Raises:
            SkillFailed: "no way" to it, or it died.
        """
        self._burn(body, mob)
        away = float(mob["distance"])
        lit = self.burnt > 0
        blows = max(1, math.ceil(self.left / self.damage))
        dies = self.burnt + rests + (blows - 1) * self.rest + LATE <= SWELL
        self.leaving = lit and (not dies if away < CLEAR else self.leaving)
        view = None if self.leaving or rests else meets(body, mob)
        goes_up = away > AT_ARM if lit else rests <= RESTED and (away > COMES or self.waited > WAITS)
        if self.leaving and away < CLEAR:
            leave(body, mob)
        elif self.leaving:
            body.act(view=aim_at(body, mob))
        elif view is not None:
            body.act(view=view, function="attack")
            self.left -= self.damage if met(body, mob) else 0.0
            self.waited = 0
            return True
        elif goes_up:
            close_in(body, mob, end, hurry=True)
        elif not lit and rests > RESTED:
            body.act(view=aim_at(body, mob), forward=-1 if away < KEPT and back_is_free(body, mob) else 0)
        else:
            self.waited += 1
            line_up(body, mob)
        return False

    def _burn(self, body: Body, mob: dict[str, Any]) -> None:
        for _ in range(body.steps - self.at):
            lights = mob["distance"] < LIGHTS or (self.burnt > 0 and mob["distance"] < BURNS_ON)
            self.burnt = self.burnt + 1 if lights else max(0, self.burnt - 1)
        self.at = body.steps


def met(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a blow met a mob that was seen so just before: it is thrown back and up, or dead."""
    now = find(body, (), mob["id"])
    thrown = now is not None and now["position"][1] - mob["position"][1] > THROWN
    return now is None or thrown or bool(now["distance"] - mob["distance"] > THROWN)


def line_up(body: Body, mob: dict[str, Any]) -> None:
    """Turn to a mob, and step aside where the camera's coarse steps would miss it."""
    yaw, pitch = aim_at(body, mob)
    view = nearest_view(body.yaw, body.pitch, yaw, pitch)
    off = (yaw - view[0] + 180) % 360 - 180  # degrees that the mob is to the right of where one looks
    half = math.degrees(math.atan2(float(MOBS.width[MOBS.id(mob["name"])]) / 4, mob["distance"]))
    body.act(view=view, strafe=0 if abs(off) < half else -1 if off > 0 else 1)


def leave(body: Body, mob: dict[str, Any]) -> None:
    """A tick's run straight away from a mob, or some steps of a way from it."""
    yaw, _ = aim_at(body, mob)
    before = body.pos.copy()
    if back_is_free(body, mob):
        body.act(view=(yaw + 180, 0.0), forward=1, sprint=body.food > SPRINTS)
    else:
        x, z = (float(body.pos[i]) - mob["position"][i] for i in (0, 2))
        follow(body, way_off(body, x, z, AWAY, STEPS), body.steps + AWAY_TICKS, hurry=True)
    if abs(body.pos - before).sum() < STILL:
        body.act(forward=1, jump=True)
