"""What a memory is good for: the same seeded episodes without one, and with one that other episodes have filled.

Three rounds, all resumable: some episodes on other seeds fill a memory; then the episodes that count are run without it
and with a copy of it that is only read, so that they do not depend on their order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from veclink.agent.measure.embodied import check_ready, mean, processes_of, run_all, run_case, summed_up
from veclink.agent.measure.embodied_cases import Tasks, cases_of, place_suffix

TEACHERS = 5  # episodes a goal that fill the memory
TEACHING_SEED = 10_000  # from which they count, far from those that are measured


def measure_memory(
    episodes: int = 10,
    *,
    steps: int = 12_000,
    protocol: str = "voxels",
    first_seed: int = 0,
    out: Path | None = None,
    processes: int | None = None,
    tasks: Tasks = None,
    place: Mapping[str, Any] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, part: None,
) -> dict[str, Any]:
    """Run the suite "memory"; the arguments are those of `veclink.agent.measure.embodied.measure`.

    Returns:
        the document with "without" and "with" (steps and success each), and "difference": of the episodes that
        succeeded both times, the steps with memory less those without, and how many only one of them reached.
    """
    check_ready(protocol, place)
    lessons = cases_of("memory", min(TEACHERS, episodes), TEACHING_SEED + first_seed, tasks)
    cases, at_once = cases_of("memory", episodes, first_seed, tasks), processes_of(processes)
    with tempfile.TemporaryDirectory() as scratch:
        root = out or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        memory = str(root / f"memory{place_suffix(place)}.sqlite")
        teach = partial(run_case, steps=steps, protocol=protocol, root=str(root / "teaching"), memory=memory,
                        place=place)
        taught = run_all(lessons, teach, 1, progress)  # one after the other: each learns of the last
        rounds = {}
        for name, options in (("without", {}), ("with", {"memory": memory, "learns": False})):
            work = partial(run_case, steps=steps, protocol=protocol, root=str(root / name), place=place,
                           **options)
            rounds[name] = run_all(cases, work, at_once, progress)
    settings = {"episodes": episodes, "steps": steps, "protocol": protocol, "first_seed": first_seed,
                "processes": at_once, "tasks": tasks, "place": dict(place or {})}
    parts = {name: summed_up("memory", rows, **settings) for name, rows in rounds.items()}
    return {**parts["with"], "memory": True, "taught_by": len(taught), "teaching_seed": TEACHING_SEED + first_seed,
            "rounds": {name: {key: part[key] for key in ("success", "steps_to_success", "deaths", "by_goal")
                              if key in part} for name, part in parts.items()},
            "difference": difference(rounds["without"], rounds["with"])}


def difference(without: Sequence[Mapping[str, Any]], with_it: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the memory changed, episode by episode; by goal too."""
    pairs = [(a, b) for a, b in zip(without, with_it, strict=True) if a["success"] and b["success"]]
    goals = sorted({str(row["case"]) for row in without})

    def steps(some: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
        return mean([float(b["steps"]) - float(a["steps"]) for a, b in some])

    return {
        "steps": steps(pairs), "steps_without": mean([float(a["steps"]) for a, _ in pairs]),
        "by_goal": {goal: steps([pair for pair in pairs if pair[0]["case"] == goal]) for goal in goals},
        "only_without": sum(a["success"] and not b["success"] for a, b in zip(without, with_it, strict=True)),
        "only_with": sum(b["success"] and not a["success"] for a, b in zip(without, with_it, strict=True)),
    }
