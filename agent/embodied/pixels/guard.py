"""What interrupts an action where only life, air and the picture tell of it."""

from __future__ import annotations

from typing import Any

from veclink.agent.embodied.body import Body
from veclink.agent.embodied.guard import OWN_BUSINESS, SHORT_OF_AIR, STARVING, Alarm, Guard
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.pixels.live import strike_unseen, threat

BURNS = 3  # losses of life in a row, none of them a mob's
CLOSE_TOGETHER = 14  # steps between two of them
HOT = 2.0  # blocks within which lava, seen when life is lost, is what took it
QUIET = 40  # steps after a look round in which no other is taken


class PixelGuard(Guard):
    """Watches life and air: a loss of life is looked into, shortness of breath and fire are acted upon."""

    def __init__(self) -> None:
        super().__init__()
        self.losses, self.last, self.looked = 0, -1000, -1000

    def __call__(self, body: Body) -> None:
        """After a step.

        Raises:
            Alarm: the action must be broken off.
        """
        assert isinstance(body, PixelBody)
        if not self.action:
            return
        if body.oxygen < SHORT_OF_AIR:
            raise Alarm("air")
        if body.hurt:
            self.losses = self.losses + 1 if body.steps - self.last <= CLOSE_TOGETHER else 1
            self.last = body.steps
            self._hurt(body)
        if body.food <= STARVING and not self.was_starving:
            raise Alarm("hungry", f"food {body.food:.0f}")
        if self.shy and body.dark and not self.was_dark:
            raise Alarm("night")

    def _hurt(self, body: PixelBody) -> None:
        if self.action in OWN_BUSINESS or body.food <= 0 or body.oxygen <= 0:
            return
        if body.look("lava").ahead("lava") < HOT:
            self.losses = 0
            raise Alarm("lava")
        if body.steps - self.looked > QUIET:
            self.looked = body.steps
            guard, body.guard = body.guard, None
            try:
                mob = threat(body)
                if mob is None and body.underground and strike_unseen(body):
                    self.losses = 0
            finally:
                body.guard = guard
            if mob is not None:
                raise Alarm("mob", mob.name)
        if self.losses >= BURNS:
            self.losses = 0
            raise Alarm("lava")

    def dangers(self, body: Body) -> list[dict[str, Any]]:
        """The mob that was seen last, while that is not long ago."""
        assert isinstance(body, PixelBody)
        name, step = body.threat
        return [{"name": name}] if name and body.steps - step < QUIET else []

    def leave_alone(self, body: Body) -> None:
        """What is near now could not be dealt with."""
        assert isinstance(body, PixelBody)
        body.threat = "", -10_000
