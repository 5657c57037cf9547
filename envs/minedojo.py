"""MineDojo itself behind the contract: the same observations and actions, delegated to the installed `minedojo`.

What it needs: the package `minedojo` 0.1 with `gym` 0.21 (docs/minedojo.md says how they install), a Java 8 JDK, an X
display or xvfb, and, for the first reset, Gradle's downloads. Nothing of it is imported before a world is made.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from veclink.envs.contract import IMAGE_SIZE, RAYS, VOXELS, World, checked_action, checked_image_size
from veclink.envs.errors import MissingExtra, VeclinkError
from veclink.envs.tasks import TaskSpec

JAVA = "8"
YAML_LIMIT = "OMEGACONF_MAX_YAML_EXPANDED_NODES"  # MineDojo's task files are larger than omegaconf's own limit
PATIENCE = 5.0  # seconds for the game to end by itself before it is killed
META = ("open-ended", "harvest", "combat", "techtree", "survival")
HOW = "docs/minedojo.md says how; world='voxel' needs none of it"


class MineDojoError(VeclinkError):
    """MineDojo or what it needs is missing, or it failed."""


def java_version() -> str:
    """The major version of the Java that MineDojo would use ("8", "17"), "" where there is none."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not program or not Path(program).exists():
        return ""
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return found.group(1) if found else ""


def check_java() -> None:
    """Say what is missing before minutes of downloads would.

    Raises:
        MineDojoError: there is no Java 8, or no display.
    """
    version = java_version()
    if version != JAVA:
        raise MineDojoError("Java 8, which MineDojo's Gradle build needs", f"Java {version}" if version else "no Java",
                            f"install a JDK 8 and set JAVA_HOME to it ({HOW})")
    if os.name == "posix" and not (os.environ.get("DISPLAY") or os.environ.get("MINEDOJO_HEADLESS")):
        raise MineDojoError("an X display for the game", "no DISPLAY and no MINEDOJO_HEADLESS",
                            "set MINEDOJO_HEADLESS=1 (with xvfb installed)")


def load() -> Any:
    """The package `minedojo`, imported.

    Raises:
        MissingExtra: it, or the gym it needs, is not installed.
        MineDojoError: it is there and cannot be imported.
    """
    os.environ.setdefault(YAML_LIMIT, "none")
    try:
        return importlib.import_module("minedojo")
    except ModuleNotFoundError as error:
        package = (error.name or "minedojo").split(".")[0]
        if package == "minedojo":
            raise MissingExtra.of("minedojo", "minedojo") from error
        raise MissingExtra(f"the package {package}, which minedojo needs", "no such package",
                           f"pip install {package} ({HOW})") from error
    except Exception as error:  # old gym against new numpy, a half installation, ...
        raise MineDojoError("a minedojo that can be imported", f"{type(error).__name__}: {error}", HOW) from error


def arguments(spec: TaskSpec, image_size: tuple[int, int], seed: int | None) -> tuple[str, dict[str, Any]]:
    """(task id, keyword arguments) of `minedojo.make` for a task.

    MineDojo's own tasks go by their name; this project's by MineDojo's task class with its arguments.
    """
    common: dict[str, Any] = {"image_size": image_size, "seed": seed, "world_seed": None if seed is None else str(seed)}
    if spec.category == "creative":
        number = spec.id.partition(":")[2].strip()
        if number.isdigit():
            return spec.id, common
        return "open-ended", common | _sight(spec) | {"generate_world_type": "default"}
    if _is_theirs(spec.id):
        return spec.id, common
    made = common | _sight(spec) | {"initial_weather": spec.initial_weather, "start_position": spec.start_position,
                                    "break_speed_multiplier": spec.break_speed_multiplier}
    if spec.start_health != 20 or spec.start_food != 20:
        made |= {"start_health": spec.start_health, "start_food": spec.start_food}
    if spec.initial_inventory:
        made["initial_inventory"] = _stacks(spec)
    return spec.category, made | _aims(spec)


def _sight(spec: TaskSpec) -> dict[str, Any]:
    return {"use_voxel": spec.use_voxel, "voxel_size": dict(spec.voxel_size or VOXELS) if spec.use_voxel else None,
            "use_lidar": spec.use_lidar, "lidar_rays": list(spec.lidar_rays or RAYS) if spec.use_lidar else None}


def _stacks(spec: TaskSpec) -> list[Any]:
    stack = importlib.import_module("minedojo.sim").InventoryItem
    return [stack(slot=each.slot, name=each.name, variant=each.variant, quantity=each.quantity)
            for each in spec.initial_inventory]


def _aims(spec: TaskSpec) -> dict[str, Any]:
    """The part of MineDojo's arguments that only one of its task classes takes."""
    if spec.category == "open-ended":
        return {"start_time": spec.start_time, "allow_time_passage": spec.allow_time_passage,
                "allow_mob_spawn": spec.allow_mob_spawn, "generate_world_type": spec.generate_world_type,
                **({"specified_biome": spec.specified_biome} if spec.specified_biome else {})}
    if spec.category == "survival":
        return {"target_days": spec.target_days, "per_day_reward": spec.per_day_reward}
    if spec.category == "techtree":
        return {"tech_item": next(iter(spec.targets))}
    mobs = {"initial_mobs": list(spec.initial_mobs),
            "initial_mob_spawn_range_low": spec.initial_mob_spawn_range_low,
            "initial_mob_spawn_range_high": spec.initial_mob_spawn_range_high} if spec.initial_mobs else {}
    made = {"target_names": list(spec.targets), "target_quantities": dict(spec.targets),
            "reward_weights": dict(spec.reward_weights), "specified_biome": spec.specified_biome, **mobs}
    if spec.category == "combat":
        made |= {"start_at_night": spec.start_time is not None, "always_night": not spec.allow_time_passage,
                 "allow_mob_spawn": spec.allow_mob_spawn}
    else:
        made["start_at_night"] = spec.start_time is not None
    return made


def _is_theirs(task_id: str) -> bool:
    """Whether MineDojo has a task of that name."""
    known = importlib.import_module("minedojo.tasks")
    return task_id in getattr(known, "ALL_TASK_IDS", ()) or task_id == "playthrough"


class MineDojoWorld(World):
    """MineDojo 0.1 as a world.

    Differences that come from MineDojo: a reset takes its time (the first builds the game), time goes on only with
    steps, and the same seed does not give the same game twice.

    Args:
        spec: the task. image_size: (height, width). seed: of the game's world.
        check: whether to look for Java 8 and a display before `reset`.
        options: further arguments of `minedojo.make`.

    Raises:
        MissingExtra: minedojo or the gym it needs is not installed.
        MineDojoError: it cannot be imported, or refuses the task.
    """

    def __init__(self, spec: TaskSpec, image_size: Any = IMAGE_SIZE, seed: int | None = None, *, check: bool = True,
                 **options: Any) -> None:
        size = checked_image_size(image_size)
        super().__init__(image_size=size, voxel_size=(spec.voxel_size or VOXELS) if spec.use_voxel else None,
                         lidar_rays=(spec.lidar_rays or RAYS) if spec.use_lidar else None)
        self.task, self.check = spec, check
        self.task_id, self.task_prompt, self.task_guidance = spec.id, spec.prompt, spec.guidance
        package = load()
        task_id, known = arguments(spec, size, seed)
        self._family = Family()
        try:
            self._game = package.make(task_id, **(known | options))
        except (AssertionError, TypeError, ValueError) as error:
            raise MineDojoError(f"a task that MineDojo makes of {task_id!r}", f"{type(error).__name__}: {error}",
                                "check its arguments") from error
        self._finalizer = weakref.finalize(self, _end, self._game, self._family)
        self._steps, self._limit = 0, spec.limit

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None
              ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; the first one starts the game. A seed reaches MineDojo's own draws only."""
        if self.check:
            check_java()
        if seed is not None:
            with contextlib.suppress(AttributeError):
                self._game.unwrapped.seed(seed)
        try:
            observation = self._game.reset()
        except Exception as error:
            raise MineDojoError("a game that starts", f"{type(error).__name__}: {error}", HOW) from error
        finally:
            self._family.look()
        self._steps = self.ticks = 0
        self.is_successful = False
        info = self._told(getattr(self._game.unwrapped, "prev_info", None) or {})
        return plain(observation), info

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One of MineDojo's steps."""
        chosen = checked_action(action)
        try:
            observation, reward, done, info = self._game.step(chosen)
        except Exception as error:
            raise MineDojoError("a step of the game", f"{type(error).__name__}: {error}",
                                "reset the world; the game may have ended") from error
        self._steps += 1
        self.is_successful = bool(getattr(self._game, "is_successful", False))
        cut = self._limit is not None and self._steps >= self._limit
        return plain(observation), float(reward), bool(done), cut, self._told(info)

    def close(self) -> None:
        """End the game and every process that came of it."""
        self._finalizer()

    def _told(self, info: Mapping[str, Any]) -> dict[str, Any]:
        told = dict(info)
        told.setdefault("stat", {}).setdefault("kill_entity", {})
        told["time_since_death"] = told["stat"].get("time_since_death", 0)
        told["is_alive"] = told.get("is_alive", float(told.get("life", 1)) > 0)
        told["is_successful"] = self.is_successful
        return told


def plain(tree: Any) -> Any:
    """Nested plain dictionaries of arrays; MineDojo gives some values as numbers."""
    if isinstance(tree, Mapping):
        return {key: plain(value) for key, value in tree.items()}
    return np.asarray(tree)


class Family:
    """Processes that appear below this one from now on: the game and its helpers, to be ended with the world."""

    def __init__(self, children: Callable[[], dict[int, float]] | None = None) -> None:
        self._children = children or descendants
        self.before = self._children()
        self.found: dict[int, float] = {}

    def look(self) -> None:
        """Take in what appeared."""
        self.found |= {pid: born for pid, born in self._children().items() if pid not in self.before}

    def end(self, patience: float = PATIENCE) -> None:
        """End them: asked first, then killed, with the process groups that they lead."""
        self.look()
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            now = self._alive()
            for pid in now:
                with contextlib.suppress(OSError):
                    if hasattr(os, "killpg") and os.getpgid(pid) == pid:  # never this program's own group
                        os.killpg(pid, number)
                    else:
                        os.kill(pid, number)
            until = time.monotonic() + patience
            while self._alive() and time.monotonic() < until:
                time.sleep(0.05)
        self.found.clear()

    def _alive(self) -> list[int]:
        """Those that still run: a number given to another process since then does not count."""
        return [pid for pid, born in self.found.items() if _born(pid) == born]


def descendants() -> dict[int, float]:
    """{process id: time of birth} of all processes below this one; {} where /proc is not there."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            if fields[0] not in "ZX":
                parents[int(folder.name)] = int(fields[1])
    below, grown = {os.getpid()}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return {pid: _born(pid) for pid in below - {os.getpid()}}


def _born(pid: int) -> float:
    """Time of birth of a running process in clock ticks, -1.0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return float(fields[19]) if fields[0] not in "ZX" else -1.0
    except (OSError, IndexError, ValueError):
        return -1.0


def _end(game: Any, family: Family) -> None:
    with contextlib.suppress(Exception):
        game.close()
    family.end()


