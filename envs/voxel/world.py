"""The built-in world behind the contract: one player in a Minecraft-like world, a tick at a time.

A tick runs, in this order: the player's action and body, mobs, shots, drops, block rules, spawning, sky; then what is
loaded follows the player. The same seed and the same actions give the same world, bit for bit, on one machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veclink.envs.contract import (
    ACTION_SIZES,
    EXTRA_NOOPS,
    EXTRA_TICKS,
    IMAGE_SIZE,
    RAYS,
    VOXELS,
    Function,
    Slot,
    World,
    checked_action,
    checked_image_size,
    noop,
)  # fmt: skip
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.tasks import Judge, TaskSpec, may_spawn
from veclink.envs.voxel import places
from veclink.envs.voxel.chance import Chance, hashed
from veclink.envs.voxel.drops import Drops
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.inventory import Ledger
from veclink.envs.voxel.mobs import DIFFICULTIES, Mobs
from veclink.envs.voxel.observe import Observer
from veclink.envs.voxel.player import Player
from veclink.envs.voxel.rules import Rules
from veclink.envs.voxel.save import load, save
from veclink.envs.voxel.shots import Shots
from veclink.envs.voxel.sky import CLEAR, Sky
from veclink.envs.voxel.spawning import Spawning
from veclink.envs.voxel.start import begin_task, draw_more
from veclink.envs.voxel.stats import Stats
from veclink.envs.voxel.terrain import Terrain

NOOP = noop()
WEATHER_OF = {None: CLEAR, "normal": CLEAR, "clear": CLEAR, "rain": 1, "thunder": 2}
EPISODE_SALT = 0x5EED
SAVED_PARTS = ("player", "mobs", "drops", "shots", "rules", "sky", "spawning", "stats", "judge")


class VoxelWorld(World):
    """The voxel world.

    Args:
        spec: the task.
        image_size: (height, width) of the picture in pixels.
        seed: of the world and all its chances; None: drawn anew.
        pictures: whether `rgb` is rendered; without, it is black and a step is many times faster.
        labels: more of the picture in `info["frame"]`: see `veclink.envs.voxel.render`.
        difficulty: "peaceful", "easy", "normal" or "hard".
        respawns: whether a player who dies comes back to life; otherwise the episode ends.
        textures: of the pictures; None: the default set. distance: blocks that one sees. fov: vertical, in degrees.
        changes: other fields of the task: `use_voxel=True`, `start_time=14000`, `specified_biome="desert"`, ...

    Attributes:
        seed: of this episode. ticks: since its beginning.
        grid, player, mobs, drops, shots, rules, sky, spawning: the parts. chance: all draws. ledger: items made, lost.
        events: what happened in the last step: (kind, details).
    """

    realms = (places.OVERWORLD, places.NETHER)

    def __init__(self, spec: TaskSpec, image_size: Any = IMAGE_SIZE, seed: int | None = None, *,
                 pictures: bool = True, labels: Sequence[str] = (), difficulty: str = "normal",
                 respawns: bool = False, textures: Any = None, distance: float = 48.0, fov: float = 70.0,
                 **changes: Any) -> None:
        self.task = spec.changed(**changes) if changes else spec
        if difficulty not in DIFFICULTIES:
            raise UnknownName.of("difficulty", difficulty, DIFFICULTIES)
        self.voxel_size = (self.task.voxel_size or VOXELS) if self.task.use_voxel else None
        self.lidar_rays = (self.task.lidar_rays or RAYS) if self.task.use_lidar else None
        super().__init__(image_size=image_size, voxel_size=self.voxel_size, lidar_rays=self.lidar_rays)
        self.image_size = checked_image_size(image_size)
        self.difficulty, self.respawns = difficulty, respawns
        self.task_id, self.task_prompt, self.task_guidance = self.task.id, self.task.prompt, self.task.guidance
        self.first_seed = int(np.random.SeedSequence().generate_state(1)[0]) % 2**31 if seed is None else int(seed)
        self.seed, self.episode = self.first_seed, -1
        self.observer = Observer(self, pictures, labels, textures, distance, fov)
        self.closed = False

    # -- gymnasium -----------------------------------------------------------------------------------------------------

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None
              ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of its world; None: the next of the world's own.
            options: none are known.
        """
        self._open()
        if seed is not None:
            self.first_seed, self.episode = int(seed), -1
        self.episode += 1
        self.seed = self.first_seed if self.episode == 0 else int(
            hashed(self.first_seed, self.episode, 0, 0, EPISODE_SALT) * 2**31)
        super(World, self).reset(seed=self.seed)
        self._begin()
        begin_task(self)
        observation, info = self.observer.first()
        self.judge.begin(info)
        return observation, info

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One action: one tick, with some functions two more that do nothing."""
        self._open()
        if self.ticks < 0:
            raise InputError("reset() before step()", "step()", "call reset() first")
        chosen = checked_action(action)
        self.events.clear()
        self.stats.begin_step()
        self.rules.begin_step()
        self.observer.before(chosen)
        self.tick(chosen)
        if chosen[Slot.FUNCTION] in EXTRA_NOOPS:
            for _ in range(EXTRA_TICKS):
                self.tick(NOOP)
        self.steps += 1
        draw_more(self)
        observation, info = self.observer.after(chosen)
        reward, done = self.judge.step(info)
        self.is_successful = info["is_successful"] = done
        ended = done or not (self.player.alive or self.respawns)
        cut = self.task.limit is not None and self.steps >= self.task.limit
        return observation, reward, ended, cut, info

    def render(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB of what the player sees now."""
        return self.observer.picture().rgb

    def close(self) -> None:
        """Let go of everything; the world cannot be used afterwards."""
        self.closed = True

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def tick(self, action: np.ndarray = NOOP) -> None:
        """One tick of 1/20 s with an action."""
        self.player.act(self, action)
        self.player.tick(self)
        self.mobs.tick(self)
        self.shots.tick(self)
        self.drops.tick(self)
        self.rules.tick(self)
        self.spawning.tick(self)
        self.sky.tick(self.chance)
        self.stats.tick(self)
        self.ticks += 1
        places.travel(self)
        self.grid.follow(float(self.player.pos[0]), float(self.player.pos[2]))

    def explode(self, x: float, y: float, z: float, power: float) -> None:
        """An explosion: blocks, bodies and drops around it."""
        self.rules.explode(self, x, y, z, power)

    def frame(self, labels: Sequence[str] = (), **changes: Any) -> Any:
        """The picture of now with labels, or of now with changes (time, weather, snow, ...): a paired frame.

        Args:
            labels: of `veclink.envs.voxel.render`. changes: fields of its Scene.
        """
        return self.observer.picture(labels, **changes)

    def _begin(self) -> None:
        """Make all parts anew for the seed."""
        spec = self.task
        self.chance, self.ledger = Chance(self.seed), Ledger()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ticks = self.steps = 0
        self.is_successful = False
        self.realm = places.realm_of(spec.generate_world_type)
        self.left_behind: dict[str, dict[str, Any]] = {}
        self.terrain = Terrain(self.seed, spec.specified_biome, spec.generate_world_type
                               if spec.generate_world_type in ("flat", "nether") else "default")
        x, y, z = self.terrain.spawn()
        self.sky = Sky(spec.start_time or 0, WEATHER_OF[spec.initial_weather], spec.allow_time_passage)
        self.sky.begin(self.chance)
        self.player = Player(x + 0.5, float(y), z + 0.5, self.ledger, self.difficulty, self.respawns,
                             spec.break_speed_multiplier)
        self.mobs, self.shots = Mobs(difficulty=self.difficulty), Shots()
        self.drops, self.rules = Drops(self), Rules(self)
        self.spawning = Spawning(self.seed, self.terrain, spec.allow_mob_spawn, self.player.home)
        self.stats, self.judge = Stats(), Judge(spec)
        self.grid = Grid(self.terrain, x, z)
        self.attach()
        for chunk in self.grid.around():
            self.came(*chunk)

    def attach(self) -> None:
        self.grid.on_load, self.grid.on_unload = self.came, self._goes
        self.mobs.world = self

    def came(self, cx: int, cz: int) -> None:
        self.mobs.unpark(cx, cz)
        self.drops.unpark(cx, cz)
        self.rules.settle(self, cx, cz)
        self.spawning.settle(self, cx, cz)

    def _goes(self, cx: int, cz: int) -> None:
        self.mobs.park(cx, cz)
        self.drops.park(cx, cz)

    def _open(self) -> None:
        if self.closed:
            raise InputError("an open world", "one that was closed", "make a new one")

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that the next ticks depend on; see `veclink.envs.voxel.save`."""
        return {
            "task": self.task.id, "seed": self.seed, "first_seed": self.first_seed, "episode": self.episode,
            "ticks": self.ticks, "steps": self.steps, "chance": self.chance.state.copy(),
            "ledger": self.ledger.state(), "realm": self.realm, "left_behind": self.left_behind,
            "grid": places.packed(self.grid), "observer": self.observer.state(),
            **{name: getattr(self, name).state() for name in SAVED_PARTS},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state()` was taken; the task must be the same."""
        if state["task"] != self.task.id:
            raise InputError(f"a save of the task {self.task.id!r}", repr(state["task"]), "make that task's world")
        self._open()
        self.seed, self.first_seed, self.episode = state["seed"], state["first_seed"], state["episode"]
        self._begin()
        self.chance.state[:] = state["chance"]
        self.ledger.restore(state["ledger"])
        self.ticks, self.steps = state["ticks"], state["steps"]
        self.left_behind = dict(state["left_behind"])
        places.enter(self, state["realm"])
        self.grid.on_load = None  # what lives in the chunks comes from the save
        places.unpacked(self.grid, state["grid"])
        for name in SAVED_PARTS:
            getattr(self, name).restore(state[name])
        self.is_successful = self.judge.is_successful
        self.attach()
        self.observer.restore(state["observer"])

    def save(self, path: str | Path) -> Path:
        """Write the world to a file; a save that is killed leaves the file that was there."""
        return save(path, self.state())

    def load(self, path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Go on from a file; (observation, info) of that moment."""
        self.restore(load(path))
        return self.observer.now()


assert len(ACTION_SIZES) == len(NOOP) and Function.NOOP == 0
__all__ = ["VoxelWorld", "may_spawn"]
