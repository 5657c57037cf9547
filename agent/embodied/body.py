"""The agent's body in a world: what it senses, what it remembers of the blocks around, and single actions.

Everything goes through the contract: eight-slot actions out, MineDojo's observation in. Positions, voxels, mobs and
drops are read only under the `voxels` protocol.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from veclink.agent.embodied.aim import STEP, Eyes, nearest_view
from veclink.agent.embodied.knowledge import biome_names, realm_of
from veclink.agent.embodied.known import KnownMap
from veclink.envs.errors import VeclinkError
from veclink.envs.facts import BLOCKS

FUNCTIONS = ("noop", "use", "drop", "attack", "craft", "equip", "place", "destroy")
EYE = 1.62
RADIUS = 10  # blocks of the voxels protocol, as GITM had
VOXELS = {f"{axis}{end}": sign * RADIUS for axis in "xyz" for end, sign in (("min", -1), ("max", 1))}
IDS = {name.replace("_", " "): number for number, name in enumerate(BLOCKS.names)}


class EpisodeOver(Exception):  # it is no error: the world or the budget ended
    """No further action is possible; says why: "done", "limit" or "world"."""


class SkillFailed(Exception):  # an outcome that the planner reads
    """A skill could not do what it should.

    Attributes:
        reason: a short word that the planner knows: "not found", "no way", "no tool", "no view", "full", "night",
            "time", "died", "lost", "hurt", "no material".
        detail: for people.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


@contextlib.contextmanager
def unless_dead() -> Iterator[None]:
    """What fails is done without; death is not."""
    try:
        yield
    except SkillFailed as failure:
        if failure.reason == "died":
            raise


class Body:
    """One body in one world.

    Args:
        world: behind the contract, made with voxels of radius 10.
        limit: most steps.
        watch: called after every step with this body.

    Attributes:
        guard: called after every step, after `watch`; may raise to break an action off.
        steps: actions done; deaths: how often it died; died_at: where it died last.
        hurt: whether it lost life in the last step.
        roams: whether a hunt only looks for its mob, so that it may be broken off as a walk is.
        known: the blocks it has seen.
    """

    def __init__(self, world: Any, limit: int, watch: Callable[[Body], None] | None = None) -> None:
        self.world, self.limit, self.watch = world, limit, watch
        self.guard: Callable[[Body], None] | None = None
        self.known = KnownMap()
        passes = (BLOCKS.liquid > 0) | (np.arange(256) == 0)
        self.eyes = Eyes(self.known, passes)
        self.steps = self.deaths = 0
        self.reward = 0.0
        self.hurt = self.roams = False
        self.died_at: tuple[float, float, float] | None = None
        self.action: np.ndarray = np.zeros(8, np.int64)
        self.observation: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self._names: np.ndarray | None = None
        self._counts: Counter[str] = Counter()

    def begin(self, seed: int | None = None) -> None:
        """Reset the world and look around."""
        self.observation, self.info = self.world.reset(seed=seed)
        self._sense()

    def take_up(self, seen: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Go on in a world that was restored; `seen` is what it shows now."""
        self.observation, self.info = seen
        self._seen_names = None
        self._sense()

    def look_again(self) -> None:
        """Take in what is seen now although nothing changed: the map was cleared."""
        self._seen_names = None
        self._sense()

    # -- senses --------------------------------------------------------------------------------------------------------

    @property
    def pos(self) -> np.ndarray:
        """(3,) of the feet."""
        return self.observation["location_stats"]["pos"]

    @property
    def cell(self) -> tuple[int, int, int]:
        """The cell of the feet; a body on farmland or a slab counts as standing on it."""
        x, y, z = (float(v) for v in self.pos)
        return math.floor(x), math.floor(y + 0.2), math.floor(z)

    @property
    def eye(self) -> tuple[float, float, float]:
        """Where it looks from."""
        x, y, z = (float(v) for v in self.pos)
        return x, y + EYE, z

    @property
    def yaw(self) -> float:
        """Degrees."""
        return float(self.observation["location_stats"]["yaw"][0])

    @property
    def pitch(self) -> float:
        """Degrees, positive looks down."""
        return float(self.observation["location_stats"]["pitch"][0])

    @property
    def life(self) -> float:
        """Half hearts, 0..20."""
        return float(self.observation["life_stats"]["life"][0])

    @property
    def food(self) -> float:
        """0..20."""
        return float(self.observation["life_stats"]["food"][0])

    @property
    def items(self) -> Counter[str]:
        """What it carries: item name (underscores) -> count."""
        names = self.observation["inventory"]["name"]
        if names is not self._names:
            self._names = names
            self._counts = Counter()
            for name, count in zip(names.tolist(), self.observation["inventory"]["quantity"].tolist(), strict=True):
                if count > 0 and name != "air":
                    self._counts[name.replace(" ", "_")] += int(count)
        return self._counts

    def count(self, item: str) -> int:
        """How many it carries of an item, "planks" of any kind or "planks:2" of one variant."""
        name, _, variant = item.partition(":")
        if not variant:
            return self.items[name]
        bag = self.observation["inventory"]
        fits = (bag["name"] == name.replace("_", " ")) & (bag["variant"] == int(variant))
        return int(bag["quantity"][fits].sum())

    @property
    def held(self) -> str:
        """The item in the hand."""
        return str(self.observation["inventory"]["name"][0]).replace(" ", "_")

    @property
    def dark(self) -> bool:
        """Whether it is night outside."""
        return float(self.observation["location_stats"]["sun_brightness"][0]) < 0.45

    def slot_of(self, item: str, least: int = 0) -> int | None:
        """The first slot of an item, from slot `least` on."""
        names = self.observation["inventory"]["name"]
        places = np.flatnonzero(names == item.replace("_", " "))
        places = places[places >= least]
        return int(places[0]) if len(places) else None

    def mobs(self) -> list[dict[str, Any]]:
        """Mobs within 10 blocks, nearest first."""
        return self.info.get("mobs", [])

    def drops(self) -> list[dict[str, Any]]:
        """Items on the ground within 10 blocks, nearest first."""
        return self.info.get("drops", [])

    def block(self, x: int, y: int, z: int) -> int:
        """The id of a block it knows."""
        return self.known.at(x, y, z)

    # -- actions -------------------------------------------------------------------------------------------------------

    def act(self, *, forward: int = 0, strafe: int = 0, jump: bool = False, sneak: bool = False, sprint: bool = False,
            view: tuple[float, float] | None = None, function: str = "noop", index: int = 0, slot: int = 0) -> None:
        """One action.

        Args:
            forward: 1 ahead, -1 back. strafe: 1 left, -1 right.
            view: (yaw, pitch) to look at from now on; the nearest one that the camera's steps reach.
            function: use, drop, attack, craft, equip, place or destroy.
            index: of craft. slot: of equip, place and destroy.

        Raises:
            EpisodeOver: the world ended, or the steps are used up.
            SkillFailed: it died in this step ("died").
        """
        pitch = yaw = 0
        if view is not None:
            to_yaw, to_pitch = nearest_view(self.yaw, self.pitch, *view)
            yaw, pitch = round((to_yaw - self.yaw) / STEP), round((to_pitch - self.pitch) / STEP)
        stance = 1 if jump else 2 if sneak else 3 if sprint else 0
        self.action = np.array([forward % 3, strafe % 3, stance, 12 + pitch, 12 + yaw, FUNCTIONS.index(function), index,
                                slot], np.int64)
        self._step()

    def _step(self) -> None:
        if self.steps >= self.limit:
            raise EpisodeOver("limit")
        at, life = tuple(float(v) for v in self.pos), self.life
        try:
            self.observation, reward, ended, cut, self.info = self.world.step(self.action)
        except (VeclinkError, EpisodeOver):
            raise
        except Exception as error:  # a world that dies ends the episode with a reason
            raise EpisodeOver(f"world: {type(error).__name__}: {error}"[:200]) from error
        self.steps += 1
        self.hurt = self.life < life
        self.reward += float(reward)
        self._sense()
        if self.watch:
            self.watch(self)
        if ended or cut:
            raise EpisodeOver("done" if getattr(self.world, "is_successful", False) else "world")
        if self.info.get("died"):
            self.deaths += 1
            self.died_at = at  # type: ignore[assignment]
            raise SkillFailed("died", str(self.info.get("died")))
        if self.guard:
            self.guard(self)

    def _sense(self) -> None:
        """Take the voxels into the map; nothing to do while their array is the one of the step before."""
        voxels = self.observation.get("voxels")
        if voxels is None:
            return
        names = voxels["block_name"]
        if names is self._seen_names:
            return
        realm = realm_of(biome_names().get(int(self.observation["location_stats"]["biome_id"]), ""))
        if self._realm not in ("", realm):
            self.known.clear()  # another realm has other blocks at the same places
        self._realm = realm
        self._seen_names = names
        ids = np.fromiter(map(IDS.__getitem__, names.ravel().tolist()), np.uint8, names.size).reshape(names.shape)
        x, y, z = (math.floor(float(v)) for v in self.pos)
        self.known.see((x - RADIUS, y - RADIUS, z - RADIUS), ids)

    _seen_names: Any = None
    _realm: str = ""
