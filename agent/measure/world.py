"""How fast the voxel world is, each figure in a process of its own, kept to one core where one core is claimed.

Rounds are interleaved (one round of every figure, then the next), so that a busy machine slows all of them alike.
"Per second" is wall time; `per_cpu_second` beside it is by the processor's time, which other programs do not eat.
Beginning a new episode is timed by itself (`creation`), not among the steps.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
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
FLOORS = {"160x256": 150.0, "64x64": 600.0, "without_pictures": 5_000.0, "all_labels_160x256": 100.0, "two_over_one": 1.7}
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
        quick: small pictures, short rounds and few worlds: shows that it runs, its figures mean little.
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
    speeds = _speeds(settings, core, rounds, seconds, seed, has_crafter, progress)
    ratios = {"two_over_one": _two_over_one(allowed, rounds, seconds, seed, quick, progress)}
    if has_crafter:
        pairs = zip(speeds["64x64"], speeds["crafter_64x64"], strict=True)
        ratios["64x64_over_crafter"] = [_rate(ours) / _rate(theirs) for ours, theirs in pairs]
    progress("creation", 0, 1)
    with Child("creation", core, image_size=SMALL, seeds=[seed + i for i in range(2 if quick else 6)]) as child:
        first, *others = child.result
    progress("memory", 0, 1)
    with Child("memory", core, image_size=SMALL if quick else SIZE, worlds=1 if quick else FURTHER,
               steps=WARM if quick else 400) as child:
        held = child.result
    return {
        "suite": "world", "quick": quick, "rounds": rounds, "seconds_a_round": seconds, "seed": seed,
        "cores": cores(), "pinned": core is not None, "load": [round(x, 2) for x in os.getloadavg()],
        "crafter": has_crafter,
        "steps_per_second": {name: _speed(name, found) for name, found in speeds.items()},
        "ratios": {name: _bounded(name, spread(found)) for name, found in ratios.items() if found},
        "creation_seconds": {"creation": _created(others), "first_in_a_process": _created([first])},
        "megabytes": {"world": _bounded("world", spread([held["world"]])),
                      "process_with_one_world": _bounded("world", spread([held["process"]]))},
    }


def _speeds(settings: Mapping[str, Mapping[str, Any]], core: Sequence[int] | None, rounds: int, seconds: float,
            seed: int, has_crafter: bool, progress: Progress) -> dict[str, list[dict[str, float]]]:
    """One process for each setting, all on the same core, one of them running at a time."""
    with ExitStack() as stack:
        children = {name: stack.enter_context(Child("stepper", core, seed=seed, **row))
                    for name, row in settings.items()}
        if has_crafter:
            children["crafter_64x64"] = stack.enter_context(Child("crafter", core, seed=seed))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in children}
        for done in range(1, rounds + 1):
            for name, child in children.items():
                found[name].append(child.run(seconds=seconds))
            progress("steps", done, rounds)
    return found


def _two_over_one(allowed: Sequence[int] | None, rounds: int, seconds: float, seed: int, quick: bool,
                  progress: Progress) -> list[float]:
    """Steps of the same number of worlds in two processes on two cores over those in one on one core, each round.

    The parent that calls them keeps to the same cores as its workers. Empty where there is one core only.
    """
    if allowed is not None and len(allowed) < 2:
        return []
    one, two = (allowed[-1:], allowed[-2:]) if allowed else (None, None)
    size = (16, 16) if quick else SIZE
    worlds = 2 if quick else WORLDS
    found = []
    with Child("several", one, n=worlds, workers=1, image_size=size, seed=seed) as single, \
            Child("several", two, n=worlds, workers=2, image_size=size, seed=seed) as double:
        for done in range(1, rounds + 1):
            order = (single, double) if done % 2 else (double, single)
            rates = {id(child): _rate(child.run(seconds=seconds)) for child in order}
            found.append(rates[id(double)] / rates[id(single)])
            progress("two processes", done, rounds)
    return found


def _rate(run: Mapping[str, float]) -> float:
    return run["steps"] / run["seconds"]


def _speed(name: str, runs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Steps a second of one setting, and beside them by the processor's time and as ticks of the world."""
    by_cpu = spread([run["steps"] / max(run["cpu"], 1e-9) for run in runs])
    ticks = spread([run["ticks"] / run["seconds"] for run in runs])
    return {**_bounded(name, spread([_rate(run) for run in runs])), "per_cpu_second": by_cpu["value"],
            "ticks_per_second": ticks["value"], "steps": int(sum(run["steps"] for run in runs))}


def _created(found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Seconds of making worlds; only those after the first in a process have a ceiling."""
    figure = {**spread([wall for wall, _ in found]), "cpu_seconds": spread([cpu for _, cpu in found])["value"]}
    return _bounded("creation", figure) if len(found) > 1 else figure


def _bounded(name: str, figure: dict[str, Any]) -> dict[str, Any]:
    """The figure with its floor or ceiling and whether it is met."""
    if name in FLOORS:
        figure |= {"floor": FLOORS[name], "met": figure["value"] >= FLOORS[name]}
    if name in CEILINGS:
        figure |= {"ceiling": CEILINGS[name], "met": figure["value"] <= CEILINGS[name]}
    return figure


