"""Which tasks a world can give: for each of them whether it loads and whether it can be done, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from veclink.envs.errors import UnknownName, VeclinkError
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.tasks.catalogue import ids, is_ours, spec
from veclink.envs.tasks.closure import World, own_table
from veclink.envs.tasks.model import TaskSpec

PROGRAMMATIC = ("harvest", "combat", "techtree", "survival", "playthrough")


@dataclass(frozen=True)
class Row:
    """One task.

    Attributes:
        id, category: its name and kind. origin: "veclink" or "MineDojo". loads: whether there is a spec.
        achievable: whether it can be done. why: reason where it cannot.
    """

    id: str
    category: str
    origin: str
    loads: bool
    achievable: bool
    why: str = ""


@cache
def _world(biome: str | None, kind: str, given: frozenset[tuple[int, int]], mobs: frozenset[str],
           natural: bool, put: frozenset[str]) -> World:
    return World(biome, kind, given, mobs, natural, put)


def world_of(task: TaskSpec) -> World:
    """What is reachable in the voxel world of a task."""
    given = frozenset((ITEMS.id(stack.name), stack.variant) for stack in task.initial_inventory)
    more = [name for name, rate in task.spawn_rate.items() if rate > 0]
    return _world(task.specified_biome, task.generate_world_type, given,
                  frozenset({*task.initial_mobs, *(name for name in more if name in MOBS)}), task.allow_mob_spawn,
                  frozenset(name for name in more if name in BLOCKS and name not in MOBS))


def mixture() -> World:
    """What is reachable in the usual world: all biomes of the overworld, and the Nether where it can be entered."""
    return _world(None, "default", frozenset(), frozenset(), True, frozenset())


def judged(task: TaskSpec) -> Row:
    """Whether the voxel world can give a task."""
    known = set(own_table("generated")["overworld"]) | {"nether", None}
    why = ""
    if task.specified_biome not in known:
        why = f"the biome {task.specified_biome} is not made"
    elif task.category == "combat":
        missing = set(task.targets) - set(task.initial_mobs)
        missing -= world_of(task).mobs if missing else set()
        why = f"{', '.join(sorted(missing))} does not come here" if missing else ""
    elif task.category in ("harvest", "playthrough", "techtree"):
        world = world_of(task)
        why = next((f"{name}: {reason}" for name in task.targets if (reason := world.why_not(name))), "")
        useless = [name for name in task.targets if name in own_table("ways")["used_for_nothing"]]
        if not why and task.category == "techtree" and useless:
            why = f"{useless[0]}: the game counts no use of it (nor does MineDojo's)"
    return Row(task.id, task.category, "veclink" if is_ours(task.id) else "MineDojo", True, not why, why)


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
            rows.append(Row(name, "unknown", "MineDojo", False, False, str(error)))
    return rows


def _of(kind: str) -> list[str]:
    try:
        return ids(kind)
    except UnknownName:  # no task of that kind is at hand
        return []


def counts(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """{category, in order, and "all": {"tasks", "load", "achievable"}}."""
    table: dict[str, Counter[str]] = {}
    for row in rows:
        for key in (row.category, "all"):
            table.setdefault(key, Counter()).update(tasks=1, load=int(row.loads), achievable=int(row.achievable))
    order = [*(key for key in table if key != "all"), "all"]
    return {key: {name: table[key][name] for name in ("tasks", "load", "achievable")} for key in order if key in table}


def absent_mobs() -> list[str]:
    """Mobs of MineDojo's lists that come nowhere in the voxel world unless a task puts them down."""
    here = mixture().mobs
    return [name for name in MOBS.names if name not in here]


def items() -> dict[str, tuple[bool, str]]:
    """{item: (whether it can be had in the usual world, how or why not)} of MineDojo's items."""
    world = mixture()
    found: dict[str, tuple[bool, str]] = {}
    for name in ITEMS.names:
        if name != "air":
            why = world.why_not(name)
            found[name] = (not why, why or world.how[ITEMS.id(name)])
    return found
