"""How fast the voxel world is, measured in processes beside this one, kept to one core where one core is claimed.

Rounds are interleaved (one round of every figure, then the next), so that a busy machine slows all of them alike.
"Per second" is wall time; `per_cpu_second` beside it is by the processor's time, which other programs do not eat.
Beginning a new episode is timed by itself (`creation`), not among the steps.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from veclink.agent.measure.figures import spread
from veclink.agent.measure.world_child import WARM, Child
from veclink.envs.vector import cores

SIZE, SMALL = (160, 256), (64, 64)
STEPPERS: dict[str, dict[str, Any]] = {
    "160x256": {"image_size": SIZE, "options": {}},
    "64x64": {"image_size": SMALL, "options": {}},
    "without_pictures": {"image_size": SIZE, "options": {"pictures": False}},
    "all_labels_160x256": {"image_size": SIZE, "options": {"labels": ("all",)}},
}
FLOORS = {"160x256": 150.0, "64x64": 600.0, "without_pictures": 5_000.0, "all_labels_160x256": 100.0,
          "two_over_one": 1.7}
CEILINGS = {"creation": 0.5, "world": 200.0}
WORLDS = 4  # of the two processes and of the one
FURTHER = 3  # worlds by which the memory of one is found
Progress = Callable[[str, int, int], None]


def measure(rounds: int = 5, seconds: float = 3.0, seed: int = 0, quick: bool = False,
            progress: Progress = lambda part, done, of: None) -> dict[str, Any]:
    """All figures; each is {"value" (median), "low", "high", "cases"} over the rounds, with its floor or ceiling.

    Args:
        rounds, seconds: how often and how long each figure is taken.
        seed: of the worlds and the actions.
        quick: tiny pictures, short rounds, few worlds, one process for all: shows that it runs, its figures mean
            little, and two processes over one are left out.
        progress: called with what is measured, the rounds done and their number.

    Returns:
        "steps_per_second", "ratios", "creation_seconds", "megabytes" by name; "cores", "load" and "crafter" (whether
        it is installed).
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    core = allowed[-1:] if allowed else None
    if quick:
        rounds, seconds = min(rounds, 2), min(seconds, 0.2)
    settings = {name: {**row, "image_size": (16, 16) if quick else row["image_size"]}
                for name, row in STEPPERS.items()}
    has_crafter = importlib.util.find_spec("crafter") is not None
    with Child(core) as child:
        speeds = _speeds(child, settings, rounds, seconds, seed, has_crafter, progress)
        if quick:
            made = child.do("creation", image_size=SMALL, seeds=[seed, seed + 1])
            held = child.do("memory", image_size=(16, 16), worlds=1, steps=WARM)
    if not quick:
        made, held = _beginnings(core, seed, progress)
    ratios = {} if quick else _two_over_one(allowed, rounds, seconds, seed, progress)
    if has_crafter:
        pairs = zip(speeds["64x64"], speeds["crafter_64x64"], strict=True)
        ratios["64x64_over_crafter"] = spread([_rate(ours) / _rate(theirs) for ours, theirs in pairs])
    return {
        "suite": "world", "quick": quick, "rounds": rounds, "seconds_a_round": seconds, "seed": seed,
        "cores": cores(), "pinned": core is not None, "load": [round(x, 2) for x in os.getloadavg()],
        "crafter": has_crafter,
        "steps_per_second": {name: _speed(name, found) for name, found in speeds.items()},
        "ratios": ratios,
        "creation_seconds": {"creation": _bounded("creation", _created(made[1:])),
                             "first_in_a_process": _created(made[:1])},
        "megabytes": {"world": _bounded("world", spread([held["world"]])),
                      "process_with_one_world": _bounded("world", spread([held["process"]]))},
    }


def _speeds(child: Child, settings: Mapping[str, Mapping[str, Any]], rounds: int, seconds: float, seed: int,
            has_crafter: bool, progress: Progress) -> dict[str, list[dict[str, float]]]:
    """The runs of one world for each setting, by turns."""
    names = list(settings)
    for name, row in settings.items():
        child.do("stepper", name, seed=seed, **row)
    if has_crafter:
        names.append("crafter_64x64")
        child.do("crafter", names[-1], seed=seed)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for done in range(1, rounds + 1):
        for name in names:
            found[name].append(child.run(name, seconds=seconds))
        progress("steps", done, rounds)
    return found


def _beginnings(core: Sequence[int] | None, seed: int, progress: Progress) -> tuple[list[Any], dict[str, float]]:
    """Seconds of making worlds, and megabytes, each in a fresh process."""
    progress("creation", 0, 1)
    with Child(core) as child:
        made = child.do("creation", image_size=SMALL, seeds=[seed + i for i in range(6)])
    progress("memory", 0, 1)
    with Child(core) as child:
        held = child.do("memory", image_size=SIZE, worlds=FURTHER, steps=400)
    return made, held


def _two_over_one(allowed: Sequence[int] | None, rounds: int, seconds: float, seed: int,
                  progress: Progress) -> dict[str, dict[str, Any]]:
    """"two_over_one": steps of the same number of worlds in two processes on two cores over those in one on one core.

    The parent that calls them keeps to the same cores as its workers. `if_cores_were_free` is twice the processor's
    time of a step in one over that in two: the ratio that two idle cores would give if the work were split evenly.
    Nothing where there is one core only.
    """
    if allowed is not None and len(allowed) < 2:
        return {}
    one, two = (allowed[-1:], allowed[-2:]) if allowed else (None, None)
    found, free = [], []
    with Child(one) as single, Child(two) as double:
        for child, workers in ((single, 1), (double, 2)):
            child.do("several", n=WORLDS, workers=workers, image_size=SIZE, seed=seed)
        for done in range(1, rounds + 1):
            order = (single, double) if done % 2 else (double, single)
            runs = {id(child): child.run(seconds=seconds) for child in order}
            ours, theirs = runs[id(double)], runs[id(single)]
            found.append(_rate(ours) / _rate(theirs))
            free.append(2 * (theirs["cpu"] / theirs["steps"]) / max(ours["cpu"] / ours["steps"], 1e-9))
            progress("two processes", done, rounds)
    return {"two_over_one": {**_bounded("two_over_one", spread(found)), "best": round(max(found), 4),
                             "if_cores_were_free": spread(free)["value"]}}


def _rate(run: Mapping[str, float]) -> float:
    return run["steps"] / run["seconds"]


def _speed(name: str, runs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Steps a second of one setting, and beside them by the processor's time and as ticks of the world."""
    by_cpu = spread([run["steps"] / max(run["cpu"], 1e-9) for run in runs])
    ticks = spread([run["ticks"] / run["seconds"] for run in runs])
    return {**_bounded(name, spread([_rate(run) for run in runs])), "per_cpu_second": by_cpu["value"],
            "ticks_per_second": ticks["value"], "steps": int(sum(run["steps"] for run in runs))}


def _created(found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Seconds of making worlds."""
    return {**spread([wall for wall, _ in found]), "cpu_seconds": spread([cpu for _, cpu in found])["value"]}


def _bounded(name: str, figure: dict[str, Any]) -> dict[str, Any]:
    """The figure with its floor or ceiling and whether it is met."""
    if name in FLOORS:
        figure |= {"floor": FLOORS[name], "met": figure["value"] >= FLOORS[name]}
    if name in CEILINGS:
        figure |= {"ceiling": CEILINGS[name], "met": figure["value"] <= CEILINGS[name]}
    return figure


