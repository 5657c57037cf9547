"""The scripted player: walks about, looks round, and fells the trees that it comes upon. It sees the blocks near by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from veclink.agent.play.players import Player
from veclink.envs.contract import CAMERA_NOOP, CAMERA_STEP, Function, Slot, World, noop

BOX = {"xmin": -7, "xmax": 7, "ymin": -4, "ymax": 6, "zmin": -7, "zmax": 7}  # blocks seen round the player's
EYE = 1.62
ARM = 3.8  # blocks from the eye to a block's middle: any nearer one is met by a view in steps of 15 degrees
LOW, HIGH = -1, 4  # a trunk's blocks that can be reached, from the player's feet
MOST_TURN = 2  # camera steps in one step of the world
PATIENCE = 130  # steps for one block
FETCH = 60  # steps for what lies about
AVOID = 600  # steps for which a block that was not got is left alone
STUCK = 24  # steps in which one should have come a block farther
STRAY, LOOK_EVERY = 50, 120  # steps between changes of direction; between looks round
GLANCE = (1, 1, 1, -1, -1, -1, -1, -1, -1, 1, 1, 1)  # camera steps of a look round
DEEP = 3  # blocks that one would not jump down
TRUNKS = ("log", "log2")
UP, EYES = np.array([0, 1, 0]), np.array([0.0, EYE, 0.0])
LOWEST = np.array([BOX["xmin"], BOX["ymin"], BOX["zmin"]])
LEAVES = ("leaves", "leaves2")
Place = tuple[int, int, int]


class Near:
    """The blocks near the player, as an observation has them."""

    def __init__(self, observation: Mapping[str, Any]) -> None:
        voxels, location = observation["voxels"], observation["location_stats"]
        self.names, self.hard, self.wet = voxels["block_name"], voxels["blocks_movement"], voxels["is_liquid"]
        self.pos = np.asarray(location["pos"], np.float64)
        self.base = np.floor(self.pos + 1e-3 * UP).astype(int)  # feet stand on a block, not a hair inside it
        self.eye = self.pos + EYES
        self.yaw, self.pitch = float(location["yaw"][0]), float(location["pitch"][0])

        self.swims = self.is_wet(self.base) or self.is_wet(self.base + UP)

    def _at(self, place: Any) -> Place | None:
        index = tuple(int(p) - int(b) - BOX[f"{axis}min"] for p, b, axis in zip(place, self.base, "xyz", strict=True))
        inside = all(0 <= i < n for i, n in zip(index, self.names.shape, strict=True))
        return index if inside else None  # type: ignore[return-value]  (three numbers)

    def name(self, place: Any) -> str:
        """Of a block, "" outside of what is seen."""
        at = self._at(place)
        return "" if at is None else str(self.names[at])

    def is_hard(self, place: Any) -> bool:
        """Whether it stops a body."""
        at = self._at(place)
        return at is not None and bool(self.hard[at])

    def is_wet(self, place: Any) -> bool:
        """Whether it is water or lava."""
        at = self._at(place)
        return at is not None and bool(self.wet[at])

    def trunks(self) -> list[Place]:
        """Logs within reach of somebody who stands as high as the player does now."""
        found = np.argwhere(np.isin(self.names, TRUNKS)) + LOWEST + self.base
        return [(int(x), int(y), int(z)) for x, y, z in found if LOW <= y - self.base[1] <= HIGH]


def turn(have: float, want: float) -> int:
    """Camera steps from one angle to the nearest to another, the short way."""
    return round(((want - have + 180) % 360 - 180) / CAMERA_STEP)


class ScriptedPlayer(Player):
    """Fells trees: no plan, no memory beyond what it did in the last steps."""

    protocol = "voxels"
    wants: Mapping[str, Any] = {"use_voxel": True, "voxel_size": BOX}

    def __init__(self) -> None:
        self._forget(0)

    def _forget(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.number = 0
        self.target: Place | None = None
        self.since = 0  # when the target was chosen
        self.avoided: dict[Place, int] = {}
        self.heading: float | None = None
        self.marked = (0, np.zeros(3))  # when and where one last was a block farther
        self.glance: list[int] = []
        self.fallen: tuple[int, Place] | None = None  # when and where the last log broke

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Start anew; directions are drawn from this seed."""
        self._forget(seed)

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """Fell, collect, or walk on."""
        near = Near(observation)
        self.number += 1
        if self.heading is None:
            self.heading = near.yaw
        if self.target is not None and near.name(self.target) not in TRUNKS:
            self.fallen, self.target = (self.number, self.target), None
        self._give_up()
        goods = self._goods(near, info) if self.target is None else None
        if goods is not None:
            self.note = "picking it up"
            return self._walk(near, goods)
        self._choose(near)
        return self._stroll(near) if self.target is None else self._fell(near, self.target)

    # -- trees ---------------------------------------------------------------------------------------------------------

    def _give_up(self) -> None:
        """Leave a log that takes too long."""
        if self.target is not None and self.number - self.since > PATIENCE:
            self.avoided[self.target], self.target = self.number + AVOID, None

    def _choose(self, near: Near) -> None:
        """Keep the target, or take the nearest log."""
        if self.target is not None:
            return
        free = [place for place in near.trunks() if self.avoided.get(place, 0) <= self.number]
        if free:
            gaps = [float(np.linalg.norm(np.array(place) + 0.5 - near.eye)) for place in free]
            self.target, self.since = free[int(np.argmin(gaps))], self.number
            self.marked, self.glance = (self.number, near.pos), []

    def _fell(self, near: Near, target: Place) -> np.ndarray:
        middle = np.array(target) + 0.5
        if np.linalg.norm(middle - near.eye) > ARM:
            self.note = "going to a tree"
            return self._walk(near, middle)
        self.note = "felling a tree"
        made, aimed = self._turned(near, *self._angles(near, middle))
        if aimed:
            made[Slot.FUNCTION] = Function.ATTACK
        return made

    def _goods(self, near: Near, info: Mapping[str, Any]) -> np.ndarray | None:
        """Where something lies that may be picked up: as the world tells, else where a log broke just now."""
        for drop in info.get("drops", ()):
            place = np.array(drop["position"])
            if drop["distance"] < 6 and -3 < place[1] - near.pos[1] < 1.5 and self._wanted(tuple(np.floor(place))):
                return place
        if "drops" not in info and self.fallen is not None and self.number - self.fallen[0] < STUCK:
            return np.array(self.fallen[1]) + 0.5
        return None

    def _wanted(self, place: tuple[Any, ...]) -> bool:
        """Whether one should still try to get there; after FETCH steps no more."""
        spot = (int(place[0]), int(place[1]), int(place[2]))
        until = self.avoided.setdefault(spot, -(self.number + FETCH))  # negative: give up then
        if until < 0 and self.number > -until:
            self.avoided[spot] = until = self.number + AVOID
        return until < 0 or until <= self.number

    # -- moving --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _angles(near: Near, place: np.ndarray) -> tuple[float, float]:
        """Yaw and pitch in degrees from the eye to a place."""
        x, y, z = place - near.eye
        return math.degrees(math.atan2(-x, z)), -math.degrees(math.atan2(y, math.hypot(x, z)))

    @staticmethod
    def _turned(near: Near, yaw: float, pitch: float) -> tuple[np.ndarray, bool]:
        """An action that turns there, and whether it looks there with it."""
        made = noop()
        right, down = turn(near.yaw, yaw), turn(near.pitch, pitch)
        made[Slot.YAW] = CAMERA_NOOP + max(-MOST_TURN, min(MOST_TURN, right))
        made[Slot.PITCH] = CAMERA_NOOP + max(-MOST_TURN, min(MOST_TURN, down))
        return made, abs(right) <= MOST_TURN and abs(down) <= MOST_TURN

    def _walk(self, near: Near, place: np.ndarray) -> np.ndarray:
        """A step towards a place."""
        yaw, _ = self._angles(near, place)
        gap = math.hypot(*(place - near.pos)[[0, 2]])
        if gap < 0.5:  # above or below: nothing to walk to
            yaw = near.yaw
        if self._is_stuck(near):
            if self.target is not None:
                self.avoided[self.target], self.target = self.number + AVOID, None
            self.heading = near.yaw + float(self.rng.choice((-90, 90, 180)))
            yaw = self.heading
        return self._ahead(near, yaw, sprint=False)

    def _stroll(self, near: Near) -> np.ndarray:
        """Wander; from time to time stop and look round."""
        assert self.heading is not None
        if self.glance and not near.swims:
            made, self.note = noop(), "looking round"
            made[Slot.YAW] = CAMERA_NOOP + self.glance.pop(0)
            self.marked = (self.number, near.pos)
            return made
        self.note = "looking for trees"
        if self.number % LOOK_EVERY == 0:
            self.glance = list(GLANCE)
        if self.number % STRAY == 0:
            self.heading += float(self.rng.choice((-30, 0, 0, 30)))
        if self._is_stuck(near) or self._is_dangerous(near, self.heading):
            ways = [self.heading + float(change) for change in self.rng.permutation((-90, -60, -30, 30, 60, 90, 180))]
            self.heading = next((way for way in ways if not self._is_dangerous(near, way)), ways[0])
            self.marked = (self.number, near.pos)
        return self._ahead(near, self.heading, sprint=self.number % LOOK_EVERY > LOOK_EVERY // 2)

    def _ahead(self, near: Near, yaw: float, sprint: bool) -> np.ndarray:
        """Turn and go forward, up a block or through leaves where it must be."""
        made, _ = self._turned(near, yaw, 0.0)
        if near.swims:
            made[Slot.BODY] = 1
        if abs(turn(near.yaw, yaw)) > MOST_TURN:
            return made
        made[Slot.MOVE], made[Slot.BODY] = 1, 1 if near.swims else 3 if sprint else 0
        feet = self._before(near, yaw, 0.8)
        head = feet + UP
        if near.name(head) in LEAVES or near.name(feet) in LEAVES:
            made[Slot.FUNCTION] = Function.ATTACK
            if near.name(head) not in LEAVES:
                made[Slot.PITCH] = CAMERA_NOOP + max(-MOST_TURN, min(MOST_TURN, turn(near.pitch, 45.0)))
        elif near.is_hard(feet):
            made[Slot.BODY] = 1
        return made

    @staticmethod
    def _before(near: Near, yaw: float, far: float) -> np.ndarray:
        """The block so far ahead at the height of the feet."""
        x, z = -math.sin(math.radians(yaw)) * far, math.cos(math.radians(yaw)) * far
        place = np.floor(near.pos + np.array([x, 0, z])).astype(int)
        place[1] = near.base[1]
        return place

    def _is_stuck(self, near: Near) -> bool:
        when, where = self.marked
        if np.linalg.norm((near.pos - where)[[0, 2]]) > 1.0:
            self.marked = (self.number, near.pos)
            return False
        if self.number - when <= STUCK:
            return False
        self.marked = (self.number, near.pos)
        return True

    def _is_dangerous(self, near: Near, yaw: float) -> bool:
        """A wall too high to jump, a deep hole, water or lava ahead; one who is in water already goes on."""
        for far in (0.8, 1.6):
            feet = self._before(near, yaw, far)
            column = [feet - deep * UP for deep in range(DEEP + 1)]
            if any("lava" in near.name(place) for place in column):
                return True
            if near.is_hard(feet) and near.is_hard(feet + UP) and "leaves" not in near.name(feet + UP):
                return True
            if not near.swims and not any(near.is_hard(place) for place in column):
                return True
        return False
