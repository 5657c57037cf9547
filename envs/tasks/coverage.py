"""Which tasks a world can give: for each of them whether it loads and whether it can be done, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from veclink.envs.errors import UnknownName, VeclinkError
from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.tasks.catalogue import ids, spec
from veclink.envs.tasks.closure import World, _data
from veclink.envs.tasks.model import TaskSpec

PROGRAMMATIC = ("harvest", "combat", "techtree", "survival", "playthrough")


@dataclass(frozen=True)
class Row:
    """One task.

    Attributes:
        id, category: its name and kind. loads: whether there is a spec. achievable: whether it can be done.
        why: reason where it cannot.
    """

    id: str
    category: str
    loads: bool
    achievable: bool
    why: str = ""


@cache
def _world(biome: str | None, kind: str, given: frozenset[tuple[int, int]], mobs: frozenset[str],
           natural: bool) -> World:
    return World(biome, kind, given, mobs, natural)


def world_of(task: TaskSpec) -> World:
    """What is reachable in the voxel world of a task."""
    given = frozenset((ITEMS.id(stack.name), stack.variant) for stack in task.initial_inventory)
    return _world(task.specified_biome, task.generate_world_type, given, frozenset(task.initial_mobs),
                  task.allow_mob_spawn)


def judged(task: TaskSpec) -> Row:
    """Whether the voxel world can give a task."""
    known = set(_data("generated")["overworld"]) | {"nether", None}
    why = ""
    if task.specified_biome not in known:
        why = f"the biome {task.specified_biome} is not made"
    elif task.category == "combat":
        here = world_of(task).mobs
        missing = [name for name in task.targets if name not in here]
        why = f"{', '.join(missing)} does not come here" if missing else ""
    elif task.category in ("harvest", "playthrough", "techtree"):
        world = world_of(task)
        why = next((f"{name}: {reason}" for name in task.targets if (reason := world.why_not(name))), "")
        useless = [name for name in task.targets if name in _data("ways")["used_for_nothing"]]
        if not why and task.category == "techtree" and useless:
            why = f"{useless[0]}: the game counts no use of it (nor does MineDojo's)"
    return Row(task.id, task.category, True, not why, why)


def coverage(world: str = "voxel", names: Iterable[str] | None = None) -> list[Row]:
    """A row for each programmatic task at hand (or those named), in order.

    Raises:
        UnknownName: another world than "voxel": a real game gives all tasks that it loads.
    """
    if world != "voxel":
        raise UnknownName.of("world with a table of tasks", world, ["voxel"])
    wanted = list(names) if names is not None else [name for kind in PROGRAMMATIC for name in _of(kind)]
    rows = []
    for name in wanted:
        try:
            rows.append(judged(spec(name)))
        except VeclinkError as error:
            rows.append(Row(name, "", False, False, str(error)))
    return rows


def _of(kind: str) -> list[str]:
    try:
        return ids(kind)
    except UnknownName:  # no task of that kind is at hand
        return []


def counts(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """{category or "all": {"tasks", "load", "achievable"}}."""
    table: dict[str, Counter[str]] = {}
    for row in rows:
        for key in (row.category or "unknown", "all"):
            table.setdefault(key, Counter()).update(tasks=1, load=int(row.loads), achievable=int(row.achievable))
    order = [key for key in table if key != "all"] + ["all"]
    return {key: {name: table[key][name] for name in ("tasks", "load", "achievable")} for key in order if key in table}


def unused_mobs() -> list[str]:
    """Mobs of MineDojo's lists that do not come by themselves anywhere in the voxel world."""
    world = _world(None, "default", frozenset(), frozenset(), True)
    return [name for name in MOBS.names if name not in world.mobs]


def lacking_items() -> dict[str, str]:
    """{item: why} of MineDojo's items that cannot be had in the voxel world's mixture of biomes and its Nether."""
    world = _world(None, "default", frozenset(), frozenset(), True)
    return {name: why for name in ITEMS.names if name != "air" and (why := world.why_not(name))}
