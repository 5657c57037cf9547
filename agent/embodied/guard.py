"""What interrupts an action: a mob that attacks, drowning, hunger, nightfall. The loop then plans anew."""

from __future__ import annotations

from typing import Any

from veclink.agent.embodied.body import Body
from veclink.agent.embodied.sense import threats
from veclink.agent.embodied.skills.survive import burns, under_water

OWN_BUSINESS = frozenset({"attack", "flee", "sleep", "eat", "build"})  # actions that deal with such things themselves
QUIET = 160  # steps for which a mob that could not be dealt with is left alone
STARVING = 6.0  # food at which an action is broken off, once
SHORT_OF_AIR = 120.0  # of 300
CHECK_EVERY = 4  # steps between two looks


class Alarm(Exception):  # it is no error: the action must wait
    """Something cannot wait.

    Attributes:
        kind: "air", "lava", "mob", "hungry" or "night".
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind, self.detail = kind, detail
        super().__init__(f"{kind}: {detail}")


class Guard:
    """Watches over a body while it acts.

    Attributes:
        action: the name of the action that is done. shy: whether nightfall breaks it off.
        quiet: mob id -> step until which it is left alone.
    """

    def __init__(self) -> None:
        self.action, self.shy = "", False
        self.quiet: dict[int, int] = {}
        self.was_dark = self.was_starving = False

    def begin(self, body: Body, action: str, shy: bool) -> None:
        """An action begins."""
        self.action, self.shy = action, shy
        self.was_dark, self.was_starving = body.dark, body.food <= STARVING

    def end(self) -> None:
        """It is over."""
        self.action = ""

    def __call__(self, body: Body) -> None:
        """After a step.

        Raises:
            Alarm: the action must be broken off.
        """
        if not self.action:
            return
        if float(body.observation["life_stats"]["oxygen"][0]) < SHORT_OF_AIR and under_water(body):
            raise Alarm("air")
        if burns(body):
            raise Alarm("lava")
        if self.action in OWN_BUSINESS:
            return
        if body.info.get("mobs") and (body.steps % CHECK_EVERY == 0 or body.hurt):
            for mob in self.dangers(body):
                raise Alarm("mob", mob["name"])
        if body.food <= STARVING and not self.was_starving:
            raise Alarm("hungry", f"food {body.food:.0f}")
        if self.shy and body.dark and not self.was_dark:
            raise Alarm("night")

    def dangers(self, body: Body) -> list[dict[str, Any]]:
        """The mobs that matter now."""
        return [mob for mob in threats(body) if self.quiet.get(mob["id"], 0) <= body.steps]

    def leave_alone(self, body: Body) -> None:
        """What is near now could not be dealt with: go on with other things for a while."""
        for mob in threats(body):
            self.quiet[mob["id"]] = body.steps + QUIET
        if len(self.quiet) > 200:
            self.quiet = {number: until for number, until in self.quiet.items() if until > body.steps}

    def state(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"quiet": [[number, until] for number, until in self.quiet.items()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.quiet = {int(number): int(until) for number, until in state["quiet"]}
