"""Seeing more of the world: over land to places never seen, or through rock along a level."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.known import UNKNOWN
from veclink.agent.embodied.path import COLUMN, WATER, Path, find_path
from veclink.agent.embodied.sense import realm
from veclink.agent.embodied.skills.land import Land
from veclink.agent.embodied.skills.walk import follow, go_level, go_near
from veclink.agent.embodied.terms import kinds, name_of, terms_with
from veclink.envs.facts import BLOCKS

STRIDE, BOX = 24, 64  # blocks that one leg of a walk covers, and on each side of where a way is looked for
HEADINGS, REACHES = 16, (16, 32, 48)  # directions, and blocks along each that are looked at
ROOF = 16  # blocks above the head that are looked at for a roof
TREES = ("log", "log2", "leaves", "leaves2")
STRANGE = 10.0  # 16ths of a turn that land unlike what is wanted counts as
AT_HOME = 16.0  # blocks from land that one goes back to within which one looks about
SIGN_NEAR = 3.0  # blocks from the eye to a sign that was gone to: from there the next one is seen
OUTWARD, SLANT = 3.0, 2.0  # how much being led back, and going on a slant, weighs beside a 16th of a turn
SEA = 9.0  # 16ths of a turn that one rather makes than swim, or than stay ashore where what one is after swims
EASY, SLOW = 9.0, 4.0  # ticks a block of an easy way over land, and ticks more that count as a 16th of a turn
DIG_IN = 20.0  # 16ths of a turn from which on one rather digs: out of a treetop, say
SHORTEST = 4  # steps of a way that is worth going


class Roamer:
    """Chooses where to look next: keeps its heading while it leads to new land, and turns where it does not.

    Attributes:
        been: middles of the places it has seen, in cells of 16 blocks.
        seen: mob -> where one was seen last by one who is after it.
        land: the biomes it has walked on, and those in which it looks now.
    """

    def __init__(self, heading: float = 0.0) -> None:
        self.heading = heading
        self.been: dict[tuple[int, int], int] = {}
        self.seen: dict[str, tuple[float, float, float]] = {}
        self.land = Land()

    def begin_anew(self) -> None:
        """Another realm: nothing was seen of it."""
        self.been, self.seen, self.land = {}, {}, Land()

    def leg(self, body: Body, most_ticks: int = 500, dig: bool = False) -> None:
        """Go one leg; over land `dig` is False, through rock True.

        Raises:
            SkillFailed: "no way": not a step is possible in any direction.
        """
        self._note(body)
        before = body.pos.copy()
        if not dig:
            come_out(body, most_ticks)
            if self._to_sign(body, most_ticks):
                return
        ways: list[tuple[float, int, Path | None]] = [(cost, heading, None) for cost, heading in self._headings(body)]
        may_dig = not dig
        while ways:  # what a way costs is known once it was looked for; until then it is taken to be easy
            if may_dig and ways[0][0] >= DIG_IN:
                may_dig = False
                if self._through(body, most_ticks):
                    return
            cost, heading, path = heapq.heappop(ways)
            if path is None:
                path = self._way(body, heading, dig)
                trouble = self._trouble(body, path, dig)
                if trouble < math.inf:
                    heapq.heappush(ways, (cost + trouble, heading, path))
            elif self._gone(body, heading, path, before, most_ticks, dig):
                return
        if may_dig and self._through(body, most_ticks):
            return
        raise SkillFailed("no way", "anywhere from here")

    def around(self, body: Body) -> tuple[str, ...]:
        """Biomes that are known a short way off."""
        return self.land.around(body.cell[0], body.cell[2])

    def _to_sign(self, body: Body, most_ticks: int) -> bool:
        """Go to the next sign of what is looked for, if there is one; whether that led anywhere."""
        sign, before = self.land.sign(body), body.pos.copy()
        if sign is None:
            return False
        with unless_dead():
            go_near(body, sign, SIGN_NEAR, most_ticks)
        self._note(body)
        return bool(np.abs(body.pos - before).sum() > 1)

    def _through(self, body: Body, most_ticks: int) -> bool:
        """Dig one leg; whether that led anywhere."""
        try:
            self.leg(body, most_ticks, dig=True)
        except SkillFailed as failure:
            if failure.reason != "no way":
                raise
            return False
        return True

    def _way(self, body: Body, heading: int, dig: bool) -> Path:
        angle = heading * 2 * math.pi / HEADINGS
        x, y, z = body.cell
        goal = (x + round(STRIDE * math.cos(angle)), y, z + round(STRIDE * math.sin(angle)))
        return find_path(body.known, terms_with(body.items, dig), body.cell, goal, COLUMN, 3.0, 20_000, BOX)

    def _trouble(self, body: Body, path: Path, dig: bool) -> float:
        """What a way costs beside its direction, in 16ths of a turn: the sea, long ways round, having been where it
        ends; infinite for none."""
        if len(path.steps) < SHORTEST:
            return math.inf
        if dig:
            return 0.0
        (x, y, z), end = body.cell, path.steps[-1]
        if end.y < y - 3 and roofed(body, (end.x, end.y, end.z)):
            return math.inf  # into a cave
        stale = self.been.get((end.x // 16, end.z // 16), 0)
        wet = kinds()[body.block(end.x, end.y, end.z)] == WATER
        sea = SEA if wet != self.land.swims else 0.0
        pace = path.cost / max(1, abs(end.x - x) + abs(end.z - z))
        return stale + sea + max(0.0, pace - EASY) / SLOW

    def _gone(self, body: Body, heading: float, path: Path, before: np.ndarray, most_ticks: int, dig: bool) -> bool:
        """Go a way; whether that led anywhere."""
        follow(body, path, body.steps + most_ticks, hurry=not dig)
        if np.abs(body.pos - before).sum() <= 3:
            return False
        self.heading = heading
        self._note(body)
        return True

    def _note(self, body: Body) -> None:
        x, _, z = body.cell
        place = x // 16, z // 16
        self.been[place] = self.been.get(place, 0) + 1
        self.land.note(body)

    def state(self) -> dict[str, Any]:
        """To be saved, as JSON can hold it."""
        return {"heading": self.heading, "been": [[*place, number] for place, number in self.been.items()],
                "seen": {name: list(place) for name, place in self.seen.items()}, "land": self.land.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.heading, self.been = state["heading"], {(x, z): number for x, z, number in state["been"]}
        self.seen = {name: tuple(place) for name, place in state.get("seen", {}).items()}
        self.land.restore(state.get("land", {}))

    def _headings(self, body: Body) -> list[tuple[float, int]]:
        """What each direction costs, in 16ths of a turn, and its number: the way to new land, away from all that was
        seen, with little turning, costs least.

        Straight ahead along an axis one sprints; on a slant one zigzags at half the speed.
        """
        x, _, z = body.cell
        number = max(1, len(self.been))
        away_x = x / 16 - sum(place[0] + 0.5 for place in self.been) / number
        away_z = z / 16 - sum(place[1] + 0.5 for place in self.been) / number
        far = math.hypot(away_x, away_z)
        strange = self._strange(x, z)
        place = self.land.back_to(x, z)
        if place is not None and math.dist(place, (x, z)) > AT_HOME:
            ahead = math.atan2(place[1] - z, place[0] - x) * HEADINGS / (2 * math.pi)
            return sorted((abs((number - ahead + HEADINGS / 2) % HEADINGS - HEADINGS / 2), number)
                          for number in range(HEADINGS))

        def cost(number: int) -> tuple[float, int]:
            angle = number * 2 * math.pi / HEADINGS
            old = sum(
                self.been.get((int(x + reach * math.cos(angle)) // 16, int(z + reach * math.sin(angle)) // 16), 0)
                for reach in REACHES
            )
            turn = abs((number - self.heading + HEADINGS / 2) % HEADINGS - HEADINGS / 2)
            back = 1 - (away_x * math.cos(angle) + away_z * math.sin(angle)) / far if far > 1 else 0.0
            slant = SLANT if number % 4 else 0.0
            return 3.0 * old + turn + OUTWARD * back + slant + STRANGE * strange[number], number

        return sorted(cost(number) for number in range(HEADINGS))

    def _strange(self, x: int, z: int) -> list[float]:
        """How much less like the wanted land it seems to be in each direction than in the best one."""
        if not self.land.wanted:
            return [0.0] * HEADINGS
        here, found = (x // 16, z // 16), []
        for number in range(HEADINGS):
            angle = number * 2 * math.pi / HEADINGS
            found.append(sum(self.land.strangeness(x + reach * math.cos(angle), z + reach * math.sin(angle), here)
                             for reach in REACHES) / len(REACHES))
        least = min(found)
        return [each - least for each in found]


def roofed(body: Body, cell: tuple[int, int, int]) -> bool:
    """Whether rock or earth is known above a cell."""
    x, y, z = cell
    return any(BLOCKS.full[block] and name_of(block) not in TREES
               for block in (body.block(x, y + up, z) for up in range(2, ROOF)) if block != UNKNOWN)


def come_out(body: Body, most_ticks: int) -> None:
    """Out of a cave into the open, by digging where need be; what stops it is left to the next leg."""
    end = body.steps + most_ticks
    if realm(body) != "overworld":
        return  # there is no open sky
    while roofed(body, body.cell) and not bool(body.observation["location_stats"]["can_see_sky"]):
        before = body.cell
        with unless_dead():
            go_level(body, body.cell[1] + 5, max(1, end - body.steps))
        if body.cell[1] <= before[1] or body.steps >= end:
            return
