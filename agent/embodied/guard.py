"""What interrupts an action: a mob that attacks, drowning, hunger, nightfall, an animal that is of use. The loop then
plans anew."""

from __future__ import annotations

from typing import Any

from veclink.agent.embodied.body import Body
from veclink.agent.embodied.caution import peckish
from veclink.agent.embodied.knowledge import SEA
from veclink.agent.embodied.sense import biome, night, realm, threats
from veclink.agent.embodied.skills.survive import burns, food_at_hand, under_water
from veclink.agent.embodied.sources import meat

OWN_BUSINESS = frozenset({"attack", "flee", "sleep", "eat", "build"})  # actions that deal with such things themselves
SEEN = 2400  # steps for which an animal that was met is not stopped for again
QUIET = 160  # steps for which a mob that could not be dealt with is left alone
STARVING = 6.0  # food at which an action is broken off, once
SHORT_OF_AIR = 120.0  # of 300
CHECK_EVERY = 4  # steps between two looks


class Alarm(Exception):  # it is no error: the action must wait
    """Something cannot wait.

    Attributes:
        kind: "air", "lava", "mob", "hungry", "game" or "night".
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind, self.detail = kind, detail
        super().__init__(f"{kind}: {detail}")


def dangerous(body: Body) -> bool:
    """Whether it is night, and not at sea, nor where there is no day."""
    return night(body) and biome(body) not in SEA and realm(body) == "overworld"


class Guard:
    """Watches over a body while it acts.

    Attributes:
        action: the name of the action that is done. shy: whether nightfall (at sea, the next land) breaks it off.
        hunts: whether it looks for an animal that can be eaten.
        quiet: mob id -> step until which it is left alone.
    """

    def __init__(self) -> None:
        self.action, self.shy, self.hunts = "", False, False
        self.quiet: dict[int, int] = {}
        self.was_dark = self.was_starving = False

    def begin(self, body: Body, action: str, shy: bool, hunts: bool = False) -> None:
        """An action begins."""
        self.action, self.shy, self.hunts = action, shy, hunts
        self.was_dark, self.was_starving = dangerous(body), body.food <= STARVING

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
        if self.action in OWN_BUSINESS and not body.roams:
            return
        if body.info.get("mobs") and (body.steps % CHECK_EVERY == 0 or body.hurt):
            for mob in self.dangers(body):
                raise Alarm("mob", mob["name"])
        if body.food <= STARVING and not self.was_starving:
            raise Alarm("hungry", f"food {body.food:.0f}")
        if self.shy and not self.was_dark and dangerous(body):
            raise Alarm("night")
        if self.shy and not body.dark and self.action == "explore" and body.steps % CHECK_EVERY == 0:
            self._pass_by(body)

    def _pass_by(self, body: Body) -> None:
        """Stop for sheep where there is no bed, and for meat where one is hungry with nothing to eat, or looks
        for any; once for each.

        Raises:
            Alarm: an animal is near that is of use.
        """
        near = [mob for mob in body.mobs() if self.quiet.get(mob["id"], 0) <= body.steps]
        hungry = self.hunts or (peckish(body.life, body.food) and food_at_hand(body) is None)
        useful = [mob for mob in near if (mob["name"] == "sheep" and not body.items["bed"])
                  or (hungry and meat(mob["name"]))]
        if useful:
            self.quiet |= {mob["id"]: body.steps + SEEN for mob in useful}
            raise Alarm("game", useful[0]["name"])

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
