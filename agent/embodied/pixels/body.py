"""The body of the `pixels` protocol: it reads frames, inventory, equipment and life, and counts what it did itself.

`Veil` stands before the world and lets nothing else through. Turns, steps, depth and time are counted from the actions;
what is far or behind is remembered as a name and the step at which it was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from veclink.agent.embodied.body import Body
from veclink.agent.embodied.eyes import Eyes, Lens, Sights, alike
from veclink.envs.contract import CAMERA_NOOP, CAMERA_STEP, EXTRA_NOOPS, EXTRA_TICKS, Slot
from veclink.envs.facts import ITEMS

READ = ("rgb", "inventory", "equipment")  # of the observation, whole
LIFE = ("life", "food", "oxygen")  # of its life statistics
GROUND = 65  # height that the ground is taken to have where it begins
PACE = 0.2  # blocks of one step ahead
STATION_REACH = 2.5  # blocks from which a table or furnace that was put down can be used for certain
MORNING, DUSK, DAY, DAWN = 0, 13_000, 24_000, 23_460  # ticks; episodes are taken to begin in the morning
PATCH = 14  # pixels to each side of the crosshair that tell whether a block broke
CHANGED, SHARE = 0.2, 0.05  # levels, and share of the brightness, by which a picture has changed; deep down it is dark
DEEP = 2  # blocks below the ground from where it is underground
MEMORY = 60  # steps for which a mob that was seen counts as near
BREATH, SWIM = 299.0, 30  # air of 300 below which the head is under water; steps for which one swims on after that
NUMBERS = ("yaw", "pitch", "x", "z", "depth", "clock", "settled", "last_hurt", "soaked", "heading")  # in a checkpoint


class Veil:
    """A world of which only what the protocol allows can be read.

    Args:
        world: behind the contract, with pictures or with `render`.
    """

    def __init__(self, world: Any) -> None:
        self._world, self._alive = world, True

    def reset(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin."""
        observation, info = self._world.reset(**options)
        return self._seen(observation), self._told(info)

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One action; the reward is not told."""
        observation, _, ended, cut, info = self._world.step(action)
        return self._seen(observation), 0.0, ended, cut, self._told(info)

    def veiled(self, seen: tuple[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same of what a world shows after it was restored."""
        return self._seen(seen[0]), self._told(seen[1])

    def picture(self, observation: Mapping[str, Any]) -> np.ndarray:
        """(H, W, 3) uint8: the frame of now. A world without pictures draws it when it is looked at."""
        rgb = observation["rgb"]
        return np.ascontiguousarray(rgb.transpose(1, 2, 0)) if rgb.any() else self._world.render()

    @property
    def is_successful(self) -> bool:
        """What the world says of its task; it ends an episode and tells the agent nothing."""
        return bool(getattr(self._world, "is_successful", False))

    @staticmethod
    def _seen(observation: Mapping[str, Any]) -> dict[str, Any]:
        life = observation["life_stats"]
        return {**{key: observation[key] for key in READ}, "life_stats": {key: life[key] for key in LIFE}}

    def _told(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Whether it died in this step: once, however long the world lets it lie."""
        before, self._alive = self._alive, not info.get("died") and info.get("is_alive", True) is not False
        return {"died": "died"} if before and not self._alive else {}


class PixelBody(Body):
    """A body that sees frames only.

    Args:
        world, limit, watch: as for `Body`. eyes: what finds things in a frame.

    Attributes:
        turned, tilted: the view in degrees, counted from the first step (a world begins on an axis, looking level).
        heading: the axis nearest to where it walked last.
        x, z: steps walked, as blocks, along and across the first view: for reckoning how far one got, no position.
        depth: blocks below the ground, by the blocks that were dug. settled: whether bedrock has told the true depth.
        soaked: step until which it swims, as its head was under water.
        clock: ticks since the beginning. sighted: name -> step at which it was seen last.
        stations: "crafting_table" and "furnace" -> (x, z, depth, yaw, pitch) where they were put down.
        threat: the hostile mob that was seen last, and when; facing: the yaw towards it.
        kills: mob -> those that were hit and then gone. used: item -> times used.
    """

    def __init__(self, world: Any, limit: int, watch: Callable[[Body], None] | None, eyes: Eyes) -> None:
        self.veil = Veil(world)
        super().__init__(self.veil, limit, watch)
        self.sight = eyes
        self.counted: dict[str, float] = dict.fromkeys(NUMBERS, 0.0)
        self.sighted: dict[str, int] = {}
        self.stations: dict[str, tuple[float, float, float, float, float]] = {}
        self.threat: tuple[str, int] = ("", -10_000)
        self.facing = 0.0
        self.kills: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.known = _Nothing(self)  # type: ignore[assignment]
        self._shot: tuple[int, np.ndarray] | None = None
        self._dead = False

    # -- senses --------------------------------------------------------------------------------------------------------

    def begin(self, seed: int | None = None) -> None:
        """Reset the world."""
        self.counted = dict.fromkeys(NUMBERS, 0.0)
        super().begin(seed)

    def take_up(self, seen: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Go on in a world that was restored."""
        self.observation, self.info = self.veil.veiled(seen)
        self._shot = None

    @property
    def yaw(self) -> float:
        """Degrees, counted."""
        return self.counted["yaw"]

    @property
    def pitch(self) -> float:
        """Degrees, counted; positive looks down."""
        return self.counted["pitch"]

    @property
    def heading(self) -> float:
        """Degrees, a multiple of 90."""
        return self.counted["heading"]

    @property
    def depth(self) -> int:
        """Blocks below the ground, counted."""
        return int(self.counted["depth"])

    @depth.setter
    def depth(self, value: float) -> None:
        self.counted["depth"] = value

    @property
    def height(self) -> int:
        """The height that it takes itself to be at."""
        return GROUND - self.depth

    @property
    def underground(self) -> bool:
        """Whether it has dug itself in."""
        return self.depth > DEEP

    @property
    def pos(self) -> np.ndarray:
        """(3,) by counting alone, from where the body began."""
        return np.array([self.counted["x"], float(self.height), self.counted["z"]])

    @property
    def time(self) -> int:
        """Of day, by counting ticks from an assumed morning."""
        return int(MORNING + self.counted["clock"]) % DAY

    @property
    def dark(self) -> bool:
        """Whether it is night, by the clock that it counts."""
        return DUSK <= self.time < DAWN

    def mobs(self) -> list[dict[str, Any]]:
        """None are told."""
        return []

    def drops(self) -> list[dict[str, Any]]:
        """None are told."""
        return []

    def block(self, x: int, y: int, z: int) -> int:
        """Nothing is known of any place."""
        return 255

    @property
    def oxygen(self) -> float:
        """0..300."""
        return float(self.observation["life_stats"]["oxygen"][0])

    @property
    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 of now."""
        if self._shot is None or self._shot[0] != self.steps:
            self._shot = self.steps, self.veil.picture(self.observation)
        return self._shot[1]

    def look(self, *names: str) -> Sights:
        """What of some names is in view now; takes no step."""
        wanted = tuple(dict.fromkeys(alike(name)[0] for name in names))
        known = [name for name in wanted if self.sight.knows(name)]
        if not known:
            return Sights(Lens(1, 1), self.pitch)
        sights = self.sight.look(self.picture, self.pitch, known)
        for one in sights:
            self.sighted[one.name] = self.steps
        return sights

    def seen_lately(self, name: str, within: int = MEMORY) -> bool:
        """Whether it was seen in the last steps."""
        return self.steps - self.sighted.get(alike(name)[0], -10_000) <= within

    def at_station(self, name: str) -> bool:
        """Whether a table or furnace was put down here and not left since."""
        if name not in self.stations:
            return False
        x, z, depth, *_ = self.stations[name]
        return math.hypot(x - self.counted["x"], z - self.counted["z"]) <= STATION_REACH and abs(
            depth - self.depth) <= 2

    def best(self, kind: str, least: int = -1) -> str:
        """The best tool of a kind ("_pickaxe", "_axe", ...) that is carried, "" for none."""
        tools = [name for name in self.items if name.endswith(kind) and ITEMS.tier[ITEMS.id(name)] >= least]
        return max(tools, key=lambda name: (float(ITEMS.speed[ITEMS.id(name)]), name), default="")

    # -- actions -------------------------------------------------------------------------------------------------------

    @property
    def afloat(self) -> bool:
        """Whether its head was under water in the last steps."""
        return self.steps < self.counted["soaked"]

    def act(self, *, jump: bool = False, **action: Any) -> None:
        """As `Body.act`; in water it swims up, whatever else it does."""
        self._dead = self.life <= 0
        super().act(jump=jump or self.afloat, **action)

    def turn(self, yaw: float, pitch: float, **action: Any) -> None:
        """Look somewhere (counted degrees) and do something else in the same step; no step where nothing is to do."""
        there = abs((yaw - self.yaw + 180) % 360 - 180) < 1.0 and abs(pitch - self.pitch) < 1.0
        if there and not action and self.steps:
            return
        self.act(view=(yaw, pitch), **action)

    def still(self, before: np.ndarray, whole: bool = False) -> bool:
        """Whether the picture is the one of before: at the crosshair, or in its upper two thirds."""
        now = self.picture
        if whole:
            part = np.s_[: now.shape[0] * 2 // 3]
        else:
            y, x = now.shape[0] // 2, now.shape[1] // 2
            part = np.s_[y - PATCH : y + PATCH, x - PATCH : x + PATCH]
        old, new = before[part].astype(np.float32), now[part].astype(np.float32)
        return float(np.abs(old - new).mean()) < max(CHANGED, SHARE * float(old.mean()))

    def _sense(self) -> None:
        """Count what the action did."""
        self._shot = None
        if not self.steps or self._dead:
            return  # who is dead turns and walks nowhere
        counted, action = self.counted, self.action
        counted["yaw"] = (counted["yaw"] + (int(action[Slot.YAW]) - CAMERA_NOOP) * CAMERA_STEP + 180) % 360 - 180
        tilt = (int(action[Slot.PITCH]) - CAMERA_NOOP) * CAMERA_STEP
        counted["pitch"] = max(-90.0, min(90.0, counted["pitch"] + tilt))
        counted["clock"] += 1 + (EXTRA_TICKS if int(action[Slot.FUNCTION]) in EXTRA_NOOPS else 0)
        if self.oxygen < BREATH:
            counted["soaked"] = self.steps + SWIM
        if self.hurt:
            counted["last_hurt"] = self.steps
        ahead = (0, 1, -1)[int(action[Slot.MOVE])] * PACE
        if ahead:
            counted["heading"] = round(counted["yaw"] / 90) * 90.0
        turn = math.radians(counted["yaw"])
        counted["x"] -= ahead * math.sin(turn)
        counted["z"] += ahead * math.cos(turn)
        if self.info.get("died"):  # it wakes where it began
            counted.update(x=0.0, z=0.0, depth=0.0, settled=0.0, soaked=0.0)
            self.stations.clear()
            self.sighted.clear()


class _Nothing(SimpleNamespace):
    """In the place of the map of known blocks: there is none; the counted numbers go into checkpoints as its state."""

    def __init__(self, body: PixelBody) -> None:
        super().__init__()
        self.body = body

    def state(self) -> dict[str, np.ndarray]:
        """To be saved."""
        body = self.body
        names = sorted(body.sighted)
        places = [[("crafting_table", "furnace").index(name), *at] for name, at in sorted(body.stations.items())]
        return {"counted": np.array([body.counted[key] for key in NUMBERS]),
                "sighted": np.array(names or [""]), "when": np.array([body.sighted[name] for name in names], np.int64),
                "stations": np.array(places, float).reshape(-1, 6)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from `state()`."""
        body = self.body
        body.counted = dict(zip(NUMBERS, (float(v) for v in state["counted"]), strict=True))
        body.sighted = dict(zip((str(n) for n in state["sighted"]), (int(v) for v in state["when"]), strict=False))
        for kind, *at in state["stations"].tolist():
            name = ("crafting_table", "furnace")[int(kind)]
            body.stations[name] = (at[0], at[1], at[2], at[3], at[4])

    def forget(self, middle: Sequence[float], reach: int) -> None:
        """There is nothing to forget."""
