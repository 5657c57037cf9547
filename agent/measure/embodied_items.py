"""Every item that the overworld can give, until it was won once: the suite "items".

What an episode carries on its way to something else is won as well and gets no episode of its own, so the dearest items
are tried first. Episodes that are finished already are read before anything runs; a run that was stopped goes on as it
would have gone on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from veclink.agent.embodied.items import Item
from veclink.agent.embodied.knowledge import knowledge
from veclink.agent.measure.embodied import check_ready, processes_of, run_all, run_case, summed_up, was_run
from veclink.agent.measure.embodied_cases import Case, Tasks, cannot, cases_of
from veclink.router.evaluation.routing import share

Row = Mapping[str, Any]


def measure_items(
    episodes: int = 3,
    *,
    steps: int = 72_000,
    protocol: str = "voxels",
    first_seed: int = 0,
    out: Path | None = None,
    processes: int | None = None,
    memory: str | None = None,
    tasks: Tasks = None,
    place: Mapping[str, Any] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, part: None,
) -> dict[str, Any]:
    """Run the suite "items"; the arguments are those of `veclink.agent.measure.embodied.measure`, but that `episodes`
    are the most that an item gets.

    Returns:
        the document with "on_the_way": item -> the episode that carried it first and after how many steps; "not_won";
        "cannot": item -> why; "goals_with_a_success": of all items, those that were won in either way.
    """
    check_ready(protocol, place)
    cases, at_once = dearest_first(cases_of("items", episodes, first_seed, tasks)), processes_of(processes)
    with tempfile.TemporaryDirectory() as scratch:
        root = str(out / "episodes") if out else scratch
        kept = {case.folder for case in cases if was_run(case, steps, protocol, root, place)}
        work = partial(run_case, steps=steps, protocol=protocol, root=root, memory=memory, place=place)
        rows = run_all([case for case in cases if case.folder in kept], work, 1, progress)
        for seed in range(episodes):
            tries = [case for case in cases[seed::episodes] if case.folder not in kept]
            rows += run_all(tries, work, at_once, progress, lambda case, made, before=tuple(rows):
                            case.name in won_by((*before, *made)))
    names = sorted({case.name for case in cases})
    return {**summed_up("items", rows, episodes=episodes, steps=steps, protocol=protocol, first_seed=first_seed,
                        processes=at_once, memory=bool(memory), tasks=tasks, place=dict(place or {})),
            **won_in_all(names, rows)}


def dearest_first(cases: Sequence[Case]) -> list[Case]:
    """The cases by what one of their item costs from nothing; tries of one item stay together, in order."""
    prices = knowledge().prices()
    return sorted(cases, key=lambda case: (-prices.get(Item(case.name), 0.0), case.name))


def won_by(rows: Collection[Row]) -> dict[str, Row]:
    """Item -> the row of an episode that won it: its own where that succeeded, else the one that carried it first."""
    found: dict[str, Row] = {}
    for row in rows:
        for item, step in row["won"].items():
            if item not in found or step < found[item]["won"][item]:
                found[item] = row
    return {**found, **{str(row["case"]): row for row in rows if row["success"]}}


def won_in_all(names: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    """What the document says of all items together."""
    winners = won_by(rows)
    passed = {name: winners[name] for name in names if name in winners and winners[name]["case"] != name}
    return {
        "on_the_way": {name: {"case": row["case"], "seed": row["seed"], "steps": row["won"][name]}
                       for name, row in passed.items()},
        "not_won": [name for name in names if name not in winners],
        "cannot": cannot(),
        "goals_with_a_success": share([name in winners for name in names]),
    }
