"""How often, how fast and how far the embodied agent comes: many seeded episodes, resumable, several at once.

Every episode has a folder of its own under OUT/episodes, named after its goal, its seed and its world; one that is
finished there under the same goals, steps and seed is not run again, one that was killed goes on from its last
checkpoint.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.embodied.goals import Goal
from veclink.agent.measure.embodied_cases import LONGEST, Case, Tasks, cases_of, place_suffix
from veclink.envs.errors import VeclinkError
from veclink.envs.registry import load
from veclink.envs.worker import end_with_parent
from veclink.router.evaluation.routing import share

MILESTONES = ("log", "cobblestone", "iron_ingot", "iron_pickaxe", "gold_ingot", "diamond", "redstone", "iron_armour")
SHOWN_AS = {"log": "wood", "cobblestone": "stone", "iron_ingot": "iron", "gold_ingot": "gold", "iron_armour": "armour"}
FLOORS = {"diamond": 0.80, "cobblestone": 0.99, "iron_pickaxe": 0.95}  # of the diamond suite, protocol voxels
WALL_CEILING, PLANNING_CEILING = 60.0, 50.0  # seconds of one episode on one core; milliseconds of one replan
TASKS_FLOOR = 0.70  # of MineDojo's tasks that the world can give
DRAWS = 2000  # of a bootstrap
MOST_BREAKS = 3  # times the pool of processes is made anew


def run_case(case: Case, steps: int, protocol: str, root: str, memory: str | None = None,
             learns: bool = True, place: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One episode: its result, or why there is none. Found finished, it is read; found begun, it is resumed.

    Args:
        root: folder of the episodes' folders. memory: a file, written to where it `learns`.
        place: the world's name under "world", and its options; None: the built-in one.
    """
    from veclink.agent.embodied.episode import make_world, run_episode
    from veclink.agent.embodied.keep import MANIFEST
    from veclink.agent.embodied.memory import Memory

    path, steps = _folder(case, root, place), case.steps or steps
    done = _finished(path / MANIFEST, case, steps, protocol)
    if done is not None:
        return {**done, **_of(case)}
    if case.lacks:
        return _without(case, case.lacks)
    if not case.goals:
        return _without(case, "no goal can be made of the task")
    if steps > LONGEST and steps == case.steps:
        return _without(case, f"it asks for {steps:,} steps, more than {LONGEST:,}")
    kept = world = None
    try:
        kept = Memory(memory) if memory else None
        world = make_world(case.task, case.seed, protocol, **(place or {}))
        result = run_episode(world, [Goal.from_dict(goal) for goal in case.goals],
                             steps=steps, seed=case.seed, protocol=protocol, run_dir=path, resume=True, memory=kept,
                             judged=bool(case.category), learns=learns)
    except VeclinkError as error:
        return _without(case, str(error))
    finally:
        if kept:
            kept.close()
        if world is not None:
            world.close()
    return {**result.to_dict(), **_of(case)}


def was_run(case: Case, steps: int, protocol: str, root: str, place: Mapping[str, Any] | None = None) -> bool:
    """Whether `run_case` would find the episode finished."""
    from veclink.agent.embodied.keep import MANIFEST

    return _finished(_folder(case, root, place) / MANIFEST, case, case.steps or steps, protocol) is not None


def _folder(case: Case, root: str, place: Mapping[str, Any] | None) -> Path:
    return Path(root) / f"{case.folder}{place_suffix(place)}"


def _of(case: Case) -> dict[str, Any]:
    """What a row says of its case."""
    return {"case": case.name, "seed": case.seed, "category": case.category, "given": not case.lacks}


def _finished(manifest: Path, case: Case, steps: int, protocol: str) -> dict[str, Any] | None:
    try:
        document = json.loads(manifest.read_text("utf8"))
    except (OSError, ValueError):
        return None
    asked = json.loads(json.dumps(list(case.goals)))
    same = document.get("goals") == asked and document.get("seed") == case.seed
    same = same and document.get("protocol", {}).get("name") == protocol
    result, limit = document.get("result"), document.get("steps", 0)
    enough = limit == steps or (limit < steps and bool(result) and result["success"])  # more steps change nothing then
    return result if same and enough else None


def _without(case: Case, why: str) -> dict[str, Any]:
    return {**_of(case), "success": False, "reason": "not given" if case.lacks else "none", "detail": why, "steps": 0,
            "deaths": 0, "seconds": 0.0, "won": {}, "failures": {}, "planning_ms": {"mean": 0.0, "most": 0.0},
            "protocol": {"llm_queries": 0}, "replans": 0}


def measure(
    suite: str = "diamond",
    episodes: int = 40,
    *,
    steps: int = 12_000,
    protocol: str = "voxels",
    first_seed: int = 0,
    out: Path | None = None,
    processes: int | None = None,
    memory: str | None = None,
    tasks: Tasks = None,
    place: Mapping[str, Any] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, part: None,
) -> dict[str, Any]:
    """Run a suite and sum it up; "items" and "memory" have modules of their own.

    Args:
        episodes: seeds a goal.
        out: where episodes are kept and resumed from; None: nowhere.
        tasks: only so many of the suite's goals, drawn with a fixed seed, or those with these names.
        processes: at once; None: as many as there are cores.
        memory: file of a memory that all episodes share; None: without memory.
        place: the world's name under "world", and its options; None: the built-in one.
        progress: called with the episodes done, their number and the last one in words.

    Returns:
        the document of `veclink eval embodied --json`.
    """
    check_ready(protocol, place)
    cases = cases_of(suite, episodes, first_seed, tasks)
    at_once = processes_of(processes)
    with tempfile.TemporaryDirectory() as scratch:
        root = str(out / "episodes") if out else scratch
        work = partial(run_case, steps=steps, protocol=protocol, root=root, memory=memory, place=place)
        rows = run_all(cases, work, at_once, progress)
    return summed_up(suite, rows, episodes=episodes, steps=steps, protocol=protocol, first_seed=first_seed,
                     processes=at_once, memory=bool(memory), tasks=tasks, place=dict(place or {}))


def check_ready(protocol: str, place: Mapping[str, Any] | None) -> None:
    """See that the eyes and the world are there, since what is not there is no failure of the agent's.

    Raises:
        VeclinkError: one of them is not.
    """
    if protocol == "pixels":
        from veclink.agent.embodied.eyes import CoreEyes

        CoreEyes().ready()
    if place and "world" in place:
        load(place["world"])


def processes_of(wanted: int | None) -> int:
    """How many episodes run at once."""
    return wanted or os.cpu_count() or 1


def run_all(cases: Sequence[Case], work: Callable[[Case], dict[str, Any]], at_once: int,
            progress: Callable[[int, int, str], None],
            needless: Callable[[Case, Collection[Mapping[str, Any]]], bool] = lambda case, made: False
            ) -> list[dict[str, Any]]:
    """The rows of the cases in order; an episode that takes its process with it is tried once more, then counted as
    lost.

    Args:
        needless: whether a case whose turn it is need not be run any more, given the rows made so far; it has no row.
    """
    rows: dict[str, dict[str, Any]] = {}
    left_out: set[str] = set()

    def note(case: Case, row: dict[str, Any]) -> None:
        rows[case.folder] = row
        progress(len(rows) + len(left_out), len(cases),
                 f"{case.name} {case.seed}: {'reached' if row['success'] else row['reason']}")

    def open_cases() -> Iterator[Case]:
        for case in cases:
            if case.folder in rows or case.folder in left_out:
                continue
            if needless(case, rows.values()):
                left_out.add(case.folder)
            else:
                yield case

    if at_once == 1:
        for case in open_cases():
            note(case, work(case))
    for _ in range(MOST_BREAKS if at_once > 1 else 0):
        coming = open_cases()
        try:
            with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn"), end_with_parent) as pool:
                waiting = {pool.submit(work, case): case for case in islice(coming, at_once)}
                while waiting:
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        note(waiting.pop(future), future.result())
                    waiting |= {pool.submit(work, case): case for case in islice(coming, at_once - len(waiting))}
            break
        except BrokenProcessPool:
            continue
    return [rows.get(case.folder) or _without(case, "its process died") for case in cases
            if case.folder not in left_out]


def summed_up(suite: str, rows: Sequence[Mapping[str, Any]], **settings: Any) -> dict[str, Any]:
    """The figures of a suite: shares with Wilson's 95 % intervals, means with bootstrapped ones."""
    wins, run = [row for row in rows if row["success"]], [row for row in rows if row.get("given", True)]
    document: dict[str, Any] = {
        "suite": f"embodied {suite}", **settings, "seeds": sorted({int(row["seed"]) for row in rows}),
        "llm_queries": sum(int(row["protocol"].get("llm_queries", 0)) for row in rows),
        "eyes": sorted({str(row["protocol"]["eyes"]) for row in rows if row["protocol"].get("eyes")}),
        "success": share([bool(row["success"]) for row in rows]),
        "steps_to_success": mean([float(row["steps"]) for row in wins]),
        "deaths": mean([float(row["deaths"]) for row in run]),
        "wall_seconds": {**mean([float(row["seconds"]) for row in run]), "ceiling": WALL_CEILING,
                         "most": max((float(row["seconds"]) for row in rows), default=0.0)},
        "planning_ms": {**mean([float(row["planning_ms"]["mean"]) for row in run]), "ceiling": PLANNING_CEILING,
                        "most": max((float(row["planning_ms"]["most"]) for row in rows), default=0.0)},
        "failures": dict(sum((Counter(row["failures"]) for row in rows), Counter())),
        "episodes_run": [{key: row.get(key) for key in ("case", "seed", "success", "reason", "steps", "deaths",
                                                        "seconds", "won", "detail", "category")} for row in rows],
    }
    if any(row.get("category") for row in rows):
        document |= _by_category(rows, run)
    names = sorted({str(row["case"]) for row in rows})
    if len(names) > 1:
        document["by_goal"] = {name: share([bool(r["success"]) for r in rows if r["case"] == name]) for name in names}
        document["goals_with_a_success"] = share([any(r["success"] for r in rows if r["case"] == n) for n in names])
    if suite == "diamond":
        document["milestones"] = {name: {**share([bool(_won(row, name)) for row in rows]),
                                         "steps": mean([float(_won(row, name)) for row in rows if _won(row, name)])}
                                  for name in MILESTONES}
        if settings.get("protocol") == "voxels":
            for name, floor in FLOORS.items():
                document["milestones"][name]["floor"] = floor
    return document


def _by_category(rows: Sequence[Mapping[str, Any]], run: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares of the tasks that the world can give, all together and by category, and the list of the others."""
    kinds = sorted({str(row["category"]) for row in rows})
    return {
        "given": {**share([bool(row["success"]) for row in run]), "floor": TASKS_FLOOR},
        "by_category": {kind: {**share([bool(row["success"]) for row in run if row["category"] == kind]),
                               "asked": sum(row["category"] == kind for row in rows)} for kind in kinds},
        "not_given": {str(row["case"]): row.get("detail", "") for row in rows if not row.get("given", True)},
    }


def _won(row: Mapping[str, Any], name: str) -> int:
    """The step at which an item was first carried, 0 for never."""
    won = row["won"]
    if name == "log":
        return min((won[each] for each in ("log", "log2", "planks") if each in won), default=0)
    if name == "iron_armour":
        pieces = [won[f"iron_{piece}"] for piece in ("boots", "leggings", "chestplate", "helmet") if
                  f"iron_{piece}" in won]
        return min(pieces, default=0)
    return int(won.get(name, 0))


def mean(values: Sequence[float]) -> dict[str, Any]:
    """{"value", "low", "high", "cases"}: the mean and its 95 % bootstrap interval; value None without cases."""
    if not values:
        return {"value": None, "low": None, "high": None, "cases": 0}
    array = np.asarray(values, float)
    draws = np.random.default_rng(0).choice(array, (DRAWS, len(array))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"value": round(float(array.mean()), 3), "low": round(float(low), 3), "high": round(float(high), 3),
            "cases": len(array)}
