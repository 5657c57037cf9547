"""Hours of random actions in the voxel world: nothing raises, nothing is NaN, nothing is made or lost but by the rules.

Every step: the observation's place and life are finite and the player's body is in no block. Every EVERY steps, all of
the observation and of the entities is looked at, and the items of the whole world are compared with its ledger. A run
with a folder goes on where it was stopped: the world is saved there with its place in the list of actions.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.measure.world_child import actions
from veclink.envs.contract import ACTION_SIZES, Slot
from veclink.envs.errors import InputError

EVERY = 50  # steps between two looks at everything
CHUNK = 4_000  # steps between two saves
DEPTH = 0.02  # blocks by which a body may lie in a block: rounding
KEPT = 20  # faults of a seed that are written down; all are counted
GIVEN = (("diamond_pickaxe", 1), ("planks", 64), ("bucket", 3), ("sand", 32), ("wheat_seeds", 9), ("coal", 16),
         ("iron_ingot", 20), ("crafting_table", 2), ("furnace", 2), ("tnt", 4), ("flint_and_steel", 1), ("bread", 32),
         ("chest", 3), ("torch", 20), ("iron_chestplate", 1), ("water_bucket", 1), ("lava_bucket", 1), ("egg", 8))
Progress = Callable[[str, int, int], None]


def drawn(seed: int, chunk: int, number: int) -> np.ndarray:
    """(number, 8) actions of one chunk of a run: half by `actions`, half drawn evenly from all that there are."""
    rng = np.random.default_rng([seed, chunk, 1])
    made = actions(seed * 1_000_003 + chunk, number)
    wild = np.stack([rng.integers(0, size, number) for size in ACTION_SIZES], 1)
    wild[:, Slot.PITCH] = np.where(rng.random(number) < 0.9, 12, wild[:, Slot.PITCH])  # most looks stay on the ground
    return np.where(rng.random(number)[:, None] < 0.5, made, wild)


def audit(seeds: int = 20, steps: int = 72_000, folder: Path | None = None,
          progress: Progress = lambda part, done, of: None) -> dict[str, Any]:
    """Play `steps` random actions in each of the worlds 0 to seeds - 1.

    Args:
        folder: where to keep what is done, so that another call goes on; None: nowhere.
        progress: called with the seed, the steps done and their number.

    Returns:
        "passed", and by seed "steps", "ticks", "deaths", "seconds", "ended" (by an exception) and "faults": {kind: how
        often}, with the first ones in "examples". Kinds: "exception", "not finite", "items", "in a block".
    """
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"a folder to write to at {folder}", f"{type(error).__name__}: {error.strerror}",
                             "choose another --out") from error
    rows = {str(seed): Seed(seed, folder).played(steps, progress) for seed in range(seeds)}
    return summed("world audit", rows, steps)


def summed(suite: str, rows: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """The document of an audit from what was found in each seed's world."""
    totals: Counter[str] = Counter()
    for row in rows.values():
        totals.update(row["faults"])
    return {"suite": suite, "passed": not totals, "seeds": len(rows), "steps": steps, "faults": dict(totals),
            "all_steps": sum(row["steps"] for row in rows.values()), "worlds": dict(rows)}


class Seed:
    """One seed's run.

    Args:
        seed: of the world and the actions. folder: as of `audit`.

    Attributes:
        row: what was found so far.
    """

    def __init__(self, seed: int, folder: Path | None) -> None:
        from veclink.envs.registry import make

        self.seed, self.folder = seed, folder
        self.row: dict[str, Any] = {"steps": 0, "ticks": 0, "deaths": 0, "seconds": 0.0, "ended": False,
                                    "faults": {}, "examples": []}
        given = [{"name": name, "quantity": count} for name, count in GIVEN]
        self.world: Any = make("open-ended", image_size=(16, 16), seed=seed, pictures=False, respawns=True,
                               initial_inventory=given)
        self._wrong: dict[str, int] = {}  # items too many, as last found: each loss is told of once

    def played(self, steps: int, progress: Progress) -> dict[str, Any]:
        """Go on to so many steps."""
        self._begin()
        while self.row["steps"] < steps and not self.row["ended"]:
            chunk, at = divmod(self.row["steps"], CHUNK)
            began = time.perf_counter()
            todo = drawn(self.seed, chunk, CHUNK)[at : at + steps - self.row["steps"]]
            self.row["ended"] = not self._chunk(todo)
            self.row["seconds"] = round(self.row["seconds"] + time.perf_counter() - began, 2)
            self.row |= {"ticks": self.world.ticks, "deaths": self.world.stats.deaths}
            self._keep()
            progress(f"seed {self.seed}", self.row["steps"], steps)
        return self.row

    def _begin(self) -> None:
        from veclink.envs.voxel.inventory import audit as compared

        self.world.reset()
        if self.folder is not None and self._file("json").is_file():
            try:
                self.row = json.loads(self._file("json").read_text("utf8"))
            except ValueError as error:
                raise InputError("an audit that can go on", f"{self._file('json').name}: {error}",
                                 "remove the file to begin anew") from error
            if not self.row["ended"]:
                self.world.load(self._file("world"))
                self.row["steps"] = self.world.steps  # killed between the two files, the world is ahead
        self._wrong = {kind: there - due for kind, (there, due) in compared(self.world).items()}

    def _chunk(self, acts: np.ndarray) -> bool:
        """Do the actions; False where the world raised an error and cannot go on."""
        world = self.world
        for action in acts:
            self.row["steps"] += 1
            try:
                observation, reward, *_ = world.step(action)
            except Exception as error:  # whatever a world raises is what is looked for
                self._fault("exception", f"{type(error).__name__}: {error} at {action.tolist()}")
                return False
            spot = (world.player.pos, world.player.vel, observation["life_stats"]["life"], reward)
            if not all(np.isfinite(value).all() for value in spot):
                self._fault("not finite", f"{[np.asarray(value).tolist() for value in spot]}")
            if self._stuck():
                self._fault("in a block", self._where())
            if self.row["steps"] % EVERY == 0:
                self._look(observation)
        return True

    def _stuck(self) -> bool:
        from veclink.envs.voxel.physics import overlaps

        grid, player = self.world.grid, self.world.player
        return player.alive and overlaps(grid.blocks, grid.meta, grid.bounds, player.pos, 0.6, player.height, DEPTH)

    def _where(self) -> str:
        from veclink.envs.facts import BLOCKS

        x, y, z = (int(np.floor(value)) for value in self.world.player.pos)
        column = [BLOCKS.names[self.world.grid.get(x, y + i, z)] for i in range(2)]
        return f"at {self.world.player.pos.round(3).tolist()}, in {column[0]} and {column[1]}"

    def _look(self, observation: Mapping[str, Any]) -> None:
        """At everything."""
        from veclink.envs.voxel.inventory import audit as compared

        world = self.world
        for path, value in leaves(observation):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                self._fault("not finite", path)
        for name in ("mobs", "drops", "shots"):
            records = getattr(world, name).records
            records = records[records["alive"]]
            for field in records.dtype.names:
                if records[field].dtype.kind == "f" and not np.isfinite(records[field]).all():
                    self._fault("not finite", f"{name}.{field}")
        wrong = {kind: there - due for kind, (there, due) in compared(world).items()}
        news = {kind: more for kind, more in wrong.items() if self._wrong.get(kind, 0) != more}
        if news:
            self._fault("items", ", ".join(f"{more:+} {kind}" for kind, more in news.items()))
        self._wrong = wrong

    def _fault(self, kind: str, what: str) -> None:
        faults = self.row["faults"]
        faults[kind] = faults.get(kind, 0) + 1
        if len(self.row["examples"]) < KEPT:
            self.row["examples"].append(f"step {self.row['steps']}: {kind}: {what}")

    def _keep(self) -> None:
        """Write the world (first) and what was found, where there is a folder."""
        if self.folder is None:
            return
        if not self.row["ended"]:
            self.world.save(self._file("world"))
        made = self._file("json.new")
        made.write_text(json.dumps(self.row, indent=1), "utf8")
        made.replace(self._file("json"))

    def _file(self, kind: str) -> Path:
        assert self.folder is not None
        return self.folder / f"audit-{self.seed}.{kind}"


def leaves(tree: Mapping[str, Any], path: str = "") -> list[tuple[str, np.ndarray]]:
    """(path, array) of everything in a nested dictionary."""
    found: list[tuple[str, np.ndarray]] = []
    for key, value in tree.items():
        inner = f"{path}/{key}" if path else key
        found += leaves(value, inner) if isinstance(value, Mapping) else [(inner, np.asarray(value))]
    return found
