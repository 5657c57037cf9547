"""The player: a body that walks and looks, a life, a bag, and what the eight-slot action does with them.

`act` takes an action, `tick` lets a tick pass; the world calls both, in this order, once a tick.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from veclink.envs.errors import InputError
from veclink.envs.voxel import health, motion
from veclink.envs.voxel.actions import Actions
from veclink.envs.voxel.grid import HEIGHT
from veclink.envs.voxel.health import HEALTH_FIELDS, Health
from veclink.envs.voxel.inventory import SIZE, Inventory, Ledger
from veclink.envs.voxel.physics import HEAD_IN_WATER, IN_WATER, TINY, overlaps

KNOCK = 0.4  # blocks a tick
HUNGRY = 6  # food points up to which one cannot sprint
SLEEPS = 100  # ticks in bed before it is morning
BODY_FIELDS = ("yaw", "pitch", "held", "sneaking", "sprinting", "sleeping", "asleep", "fuel", "respawns", "break_speed",
               "buried", "portal_ticks", "portal_seen")


class Player(Health):
    """The player of a world.

    Args:
        x, y, z: of the feet; also where one comes back to life.
        ledger: the world's.
        difficulty: "peaceful", "easy", "normal" or "hard".
        respawns: whether one who died comes back on the next tick.
        break_speed: factor on the speed of breaking blocks.

    Attributes:
        pos, vel: (3,) float64, of the feet, in blocks and blocks a tick.
        yaw, pitch: degrees, -180..180 and -90..90.
        inventory: what is carried. held: the slot that the main hand holds.
        sneaking, sprinting, sleeping: bool.
        fuel: ticks that are left over from smelting by action.
        home, bed: (x, y, z) where one comes back to life; the bed's may be None.
        portal_ticks, portal_seen: ticks in the portal one stands in; the world's tick of the last of them.
        actions: what lasts from action to action: breaking, eating, drawing a bow, fishing.
        and those of `Health`: life, food, saturation, air, fire, xp, alive, effects, damage, ...
    """

    def __init__(self, x: float, y: float, z: float, ledger: Ledger | None = None, difficulty: str = "normal",
                 respawns: bool = False, break_speed: float = 1.0) -> None:
        self.inventory = Inventory(ledger)
        self.pos, self.vel = np.array([x, y, z], np.float64), np.zeros(3)
        self.body = np.zeros(motion.BODY)
        self.body[motion.TALL] = motion.HEIGHT
        self._flags = np.zeros(8, np.uint8)
        self.yaw, self.pitch, self.held, self.fuel = 0.0, 0.0, 0, 0
        self.sneaking = self.sprinting = self.sleeping = self.buried = False
        self.asleep = self.portal_ticks = 0
        self.portal_seen = -2
        self.home: tuple[float, float, float] = (float(x), float(y), float(z))
        self.bed: tuple[int, int, int] | None = None
        self.respawns, self.break_speed = respawns, break_speed
        self.actions = Actions()
        super().__init__(difficulty)

    # -- where it is ---------------------------------------------------------------------------------------------------

    @property
    def eye(self) -> tuple[float, float, float]:
        """Where the eyes are."""
        up = motion.SNEAK_EYE if self.sneaking else motion.EYE
        return float(self.pos[0]), float(self.pos[1]) + up, float(self.pos[2])

    @property
    def look(self) -> tuple[float, float, float]:
        """Where it looks, a unit vector."""
        turn, nod = math.radians(self.yaw), math.radians(self.pitch)
        flat = math.cos(nod)
        return -math.sin(turn) * flat, -math.sin(nod), math.cos(turn) * flat

    @property
    def height(self) -> float:
        """Of the body's box, in blocks."""
        return float(self.body[motion.TALL])

    @property
    def on_ground(self) -> bool:
        """Whether it stands on something."""
        return bool(self.body[motion.ON_GROUND])

    @property
    def bits(self) -> int:
        """`physics.inside` of the body after the last tick."""
        return int(self.body[motion.BITS])

    def turn(self, pitch: float, yaw: float) -> None:
        """Turn the head by so many degrees (down and to the right where positive)."""
        self.pitch = max(-90.0, min(90.0, self.pitch + pitch))
        self.yaw = (self.yaw + yaw + 180.0) % 360.0 - 180.0

    def move_to(self, x: float, y: float, z: float) -> None:
        """Stand somewhere else, without speed."""
        self.pos[:] = x, y, z
        self.vel[:] = 0.0
        self.body[motion.FALL] = 0.0

    # -- a tick --------------------------------------------------------------------------------------------------------

    def act(self, world: Any, action: Sequence[int] | np.ndarray) -> None:
        """Do one eight-slot action (MineDojo's); the dead and the sleeping do nothing."""
        if self.alive:
            self.actions.apply(world, action)

    def wish(self, ahead: int, left: int, jump: bool, sneak: bool, sprint: bool, slowed: bool) -> None:
        """What the legs should do in the next tick.

        Args:
            ahead, left: -1, 0 or 1.
            sprint: begins a sprint; it lasts while one goes ahead.
            slowed: whether the hands are busy, as with eating.
        """
        body = self.body
        runs = (sprint or self.sprinting) and ahead > 0 and not sneak and not slowed
        self.sprinting = runs and self.food > HUNGRY and not body[motion.BUMPED]
        self.sneaking = sneak
        body[:7] = self.yaw, left, ahead, jump, sneak, self.sprinting, slowed

    def tick(self, world: Any) -> None:
        """The body moves and the life goes on for one tick."""
        if not self.alive:
            self._bury(world)
            return
        body, grid = self.body, world.grid
        if self.sleeping:
            self._sleep(world)
            body[:7] = 0.0
        motion.walk(grid.blocks, grid.meta, grid.bounds, self.pos, self.vel, body, self._flags)
        landed, went = body[motion.LANDED], body[motion.WENT]
        bits = int(body[motion.BITS])
        if landed > 0:
            if landed > health.SAFE_FALL:
                self.fell(landed)
            if landed > 0.5:
                x, y, z = self.pos.tolist()
                world.events.append(("landed", {"x": math.floor(x), "y": math.floor(y - 0.2), "z": math.floor(z),
                                                "distance": float(landed)}))
        if bits & (IN_WATER | HEAD_IN_WATER):
            self.tire(health.SWIMS * went)
        elif self.sprinting and body[motion.ON_GROUND]:
            self.tire(health.SPRINTS * went)
        if body[motion.JUMPED]:
            self.tire(health.SPRINT_JUMPS if self.sprinting else health.JUMPS)
        self.live(bits, float(self.pos[1]), self.fire > 0 and self._rained_on(world))
        self.actions.pass_time()
        if not self.alive:
            self._bury(world)

    def _rained_on(self, world: Any) -> bool:
        x, y, z = (math.floor(v) for v in self.eye)
        return world.sky.weather > 0 and world.grid.sky(x, y, z) == 15

    def knocked(self, source: Any) -> None:
        """A blow from a place pushes the body away from it."""
        dx, dz = float(self.pos[0]) - float(source[0]), float(self.pos[2]) - float(source[2])
        away = math.hypot(dx, dz)
        if away < 1e-6:
            return
        self.vel[0], self.vel[2] = self.vel[0] / 2 + dx / away * KNOCK, self.vel[2] / 2 + dz / away * KNOCK
        if self.on_ground:
            self.vel[1] = min(KNOCK, self.vel[1] / 2 + KNOCK)
        self.wake()

    # -- sleep, death --------------------------------------------------------------------------------------------------

    def lie_down(self, x: int, y: int, z: int) -> None:
        """Go to sleep in a bed; it becomes the place where one comes back to life."""
        self.sleeping, self.asleep, self.bed = True, 0, (x, y, z)
        self.vel[:] = 0.0

    def wake(self) -> None:
        """Get up."""
        self.sleeping, self.asleep = False, 0

    def _sleep(self, world: Any) -> None:
        self.asleep += 1
        if not world.sky.dark:
            self.wake()
        elif self.asleep >= SLEEPS:
            world.sky.morning()
            self.wake()

    def _bury(self, world: Any) -> None:
        """Once after death everything carried falls to the ground; then, where the world has it so, a new life."""
        if not self.buried:
            self.buried = True
            self.wake()
            self.actions.stop()
            world.events.append(("death", {"cause": (self.damage or {}).get("cause", "generic")}))
            for slot in range(SIZE):
                world.drops.throw(self, slot, int(self.inventory.count[slot]), scatter=True)
            return
        if self.respawns:
            self.respawn(world)

    def respawn(self, world: Any) -> None:
        """Come back to life, at the bed where it still stands, else at home, with nothing."""
        self.xp, self.buried = 0, False
        self.revive()
        self.sprinting = self.sneaking = False
        self.go_home(world)
        world.events.append(("respawn", {}))

    def go_home(self, world: Any) -> None:
        """To the bed where it still stands, else to where it began."""
        place = self.home if self.bed is None else (self.bed[0] + 0.5, self.bed[1] + 0.6, self.bed[2] + 0.5)
        self.move_to(*place)
        grid = world.grid
        grid.follow(place[0], place[2])
        while self.pos[1] < HEIGHT and overlaps(grid.blocks, grid.meta, grid.bounds, self.pos, motion.WIDTH,
                                                self.height, TINY):
            self.pos[1] += 1  # something was built there meanwhile

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        fields = {name: getattr(self, name) for name in (*HEALTH_FIELDS, *BODY_FIELDS)}
        return {"fields": fields, "pos": self.pos.copy(), "vel": self.vel.copy(), "body": self.body.copy(),
                "home": list(self.home), "bed": None if self.bed is None else list(self.bed),
                "effects": {name: list(value) for name, value in self.effects.items()},
                "damage": self.damage, "inventory": self.inventory.state(), "actions": self.actions.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        unknown = sorted(set(state["fields"]) - {*HEALTH_FIELDS, *BODY_FIELDS})
        if unknown:
            raise InputError("a player as `state` gives it", f"the field {unknown[0]!r}", "save the world again")
        for name, value in state["fields"].items():
            setattr(self, name, value)
        self.pos[:], self.vel[:], self.body[:] = state["pos"], state["vel"], state["body"]
        x, y, z = state["home"]
        self.home = (float(x), float(y), float(z))
        self.bed = None if state["bed"] is None else (state["bed"][0], state["bed"][1], state["bed"][2])
        self.effects = {name: list(value) for name, value in state["effects"].items()}
        self.damage = state["damage"]
        self.inventory.restore(state["inventory"])
        self.actions.restore(state["actions"])
