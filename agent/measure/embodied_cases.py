"""Which episodes the suites of `veclink eval embodied` are made of, and which goals the world cannot give and why."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veclink.agent.embodied.goals import DAY, Goal, goals_of_task
from veclink.agent.embodied.knowledge import knowledge
from veclink.envs.errors import InputError, UnknownName, VeclinkError

SUITES = ("diamond", "techtree", "items", "minedojo", "minedojo-techtree", "memory")
MATERIALS = ("wooden", "stone", "iron", "golden", "diamond")
GEAR = ("pickaxe", "axe", "shovel", "hoe", "sword", "boots", "leggings", "chestplate", "helmet")
KINDS = ("harvest", "combat", "techtree", "survival", "playthrough")  # MineDojo's programmatic tasks
BUILT_IN = "voxel"  # the world where none is named
WORLDS = 1000  # seeds that the goals of a suite begin at
SAMPLE, SAMPLE_SEED = 200, 20_230  # MineDojo's tasks of a run, and the seed that chooses them
MORE_THAN_DAYS = 1.1  # times the days that a survival task asks for, in steps
LONGEST = 60_000  # steps of a survival task; one that asks for more is not run and counts as a failure
Tasks = int | Sequence[str] | None  # of a suite: so many of its goals, these ones, or all
LEARNT_FROM = ("stone_pickaxe", "iron_ingot", "iron_pickaxe", "bed", "cooked_beef", "diamond")  # goals of "memory"


@dataclass(frozen=True)
class Case:
    """One episode to run.

    Attributes:
        name: of the goal. task: of the world. goals: as dicts. seed: of the world.
        category: of a MineDojo task, or "". lacks: why the world cannot give it, or "".
        steps: most steps, where it is another number than the suite's.
    """

    name: str
    task: str
    goals: tuple[dict[str, Any], ...]
    seed: int
    category: str = ""
    lacks: str = ""
    steps: int | None = None

    @property
    def folder(self) -> str:
        """Its folder's name."""
        return f"{self.name.replace(':', '-').replace('/', '-')[:80]}-{self.seed}"


def place_suffix(place: Mapping[str, Any] | None) -> str:
    """What names of folders and files end with, so that no world takes what is another's; "" for the built-in world
    without options.

    Args:
        place: the world's name under "world", and its options; None: the built-in one.
    """
    named = {"world": BUILT_IN, **(place or {})}
    if named == {"world": BUILT_IN}:
        return ""
    number = zlib.crc32(json.dumps(named, sort_keys=True, default=str).encode())
    return f"-{re.sub('[^A-Za-z0-9]+', '-', named['world'])[:40]}-{number:08x}"


def cases_of(suite: str, episodes: int, first_seed: int = 0, tasks: Tasks = None) -> list[Case]:
    """The episodes of a suite: so many seeds for each of its goals.

    Where there are many goals each has seeds of its own, so that not all of them are tried in one and the same world.

    Args:
        tasks: only so many of its goals, drawn with a fixed seed (a larger number draws the same ones and more), or
            only those with these names.

    Raises:
        UnknownName: no such suite, or no such goal in it. InputError: MineDojo's files are not here.
    """
    if suite not in SUITES:
        raise UnknownName.of("suite", suite, SUITES)
    if suite in ("minedojo", "minedojo-techtree"):
        chosen = _minedojo(("techtree",) if suite == "minedojo-techtree" else KINDS, tasks)
    else:
        names = drawn(_names(suite), tasks)
        task = "get-diamond" if suite == "diamond" else "open-ended"
        chosen = [Case(name, task, (Goal(name).to_dict(),), 0) for name in names]
    same = suite in ("diamond", "memory")
    own = {case.name: 0 if same else zlib.crc32(case.name.encode()) % WORLDS for case in chosen}
    return [Case(**{**vars(case), "seed": first_seed + own[case.name] + episode})
            for case in chosen for episode in range(episodes)]


def _names(suite: str) -> list[str]:
    """The items that a suite asks for."""
    if suite == "diamond":
        return ["diamond"]
    if suite == "memory":
        return list(LEARNT_FROM)
    known = knowledge().reachable
    if suite == "items":
        return sorted(known)
    return [name for material in MATERIALS for thing in GEAR if (name := f"{material}_{thing}") in known]


def drawn(names: Sequence[str], tasks: Tasks) -> list[str]:
    """So many of some names in their order, drawn with a fixed seed, or those that are asked for; else all of them."""
    if isinstance(tasks, Sequence):
        return _asked(names, tasks)
    if tasks is None or tasks >= len(names):
        return list(names)
    first = np.random.default_rng(SAMPLE_SEED).permutation(len(names))[:tasks]
    return [str(names[i]) for i in sorted(first.tolist())]


def _asked(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The names that are wanted, in the order of the suite.

    Raises:
        UnknownName: one is not among them.
    """
    for name in wanted:
        if name not in names:
            raise UnknownName.of("goal of the suite", name, names)
    return [name for name in names if name in wanted]


def _minedojo(kinds: Sequence[str], tasks: Tasks) -> list[Case]:
    """A sample of MineDojo's tasks, each category with its share of them and with one at least.

    One category alone is taken whole unless a number is given.
    """
    from veclink.envs.tasks import ids
    from veclink.envs.tasks.coverage import coverage

    places: list[tuple[float, str]] = []
    for kind in kinds:
        try:
            names = sorted(name for name in ids(kind) if not _ours(name))
        except UnknownName:
            names = []
        order = np.random.default_rng(SAMPLE_SEED).permutation(len(names)).tolist()
        places += [(place / len(names), names[i]) for place, i in enumerate(order)]
    if not places:
        raise InputError("MineDojo's task files", "none", "veclink doctor --fetch minedojo")
    if isinstance(tasks, Sequence):
        names = _asked([name for _, name in sorted(places)], tasks)
    else:
        wanted = tasks or (SAMPLE if len(kinds) > 1 else len(places))
        names = [name for _, name in sorted(places)[:wanted]]
    return [_task(row.id, row.category, "" if row.achievable else row.why) for row in coverage(names=names)]


def _ours(name: str) -> bool:
    from veclink.envs.tasks.catalogue import is_ours

    return is_ours(name)


def _task(name: str, category: str, lacks: str) -> Case:
    from veclink.envs.tasks import spec

    try:
        task = spec(name)
        goals = tuple(goal.to_dict() for goal in goals_of_task(task))
    except VeclinkError:
        return Case(name, name, (), 0, category, lacks)  # what the agent cannot even understand counts as a failure
    days = (task.target_days or 1) if category == "survival" else 0
    return Case(name, name, goals, 0, category, lacks, int(days * DAY * MORE_THAN_DAYS) or None)


def cannot() -> dict[str, str]:
    """Items that the agent cannot win in the overworld, each with the reason."""
    from veclink.agent.embodied.sources import found
    from veclink.envs.tasks.coverage import items

    own, known = found()["impossible"], knowledge().reachable
    elsewhere = "the way to it leads through the Nether or chests, where the agent does not go"
    return {name: own.get(name) or (elsewhere if given else why)
            for name, (given, why) in items().items() if name not in known}
