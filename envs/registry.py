"""The registry of worlds: names and where their classes live; nothing is imported before it is asked for.

Built in are "voxel", "minedojo" and "minecraft"; other distributions add theirs through the entry-point group
`veclink.worlds`; a running program adds one with `register`. A world's class is called as
`Class(spec, image_size, seed, **options)`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from veclink.envs.contract import IMAGE_SIZE, World, checked_image_size
from veclink.envs.errors import InputError, MissingExtra, UnknownName, VeclinkError

GROUP = "veclink.worlds"
_BUILT_IN = {
    "voxel": "veclink.envs.voxel.world:VoxelWorld",
    "minedojo": "veclink.envs.minedojo:MineDojoWorld",
    "minecraft": "veclink.envs.minecraft.world:MinecraftWorld",
}
_added: dict[str, str | type[World]] = {}


class WorldError(VeclinkError):
    """A world that cannot be imported or keeps no contract."""


def register(name: str, target: str | type[World]) -> None:
    """Add a world under `name`: its class, or "package.module:Class", imported when the world is first made."""
    if isinstance(target, str) and target.count(":") != 1:
        raise InputError('"package.module:Class"', repr(target), "name the module and the class")
    _added[name] = target


def unregister(name: str) -> None:
    """Take back what `register` added."""
    _added.pop(name, None)


def worlds() -> list[str]:
    """The names of all worlds that can be asked for, sorted."""
    return sorted(_targets())


def load(name: str) -> type[World]:
    """The class of the world of that name.

    Raises:
        UnknownName: with the nearest name.
        WorldError: its module cannot be imported, or what is there is not a World.
    """
    targets = _targets()
    if name not in targets:
        raise UnknownName.of("world", name, targets)
    target = targets[name]
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        try:
            target = getattr(importlib.import_module(module), attribute)
        except MissingExtra:
            raise
        except Exception as error:  # a stranger's module may fail in any way
            got = f"{type(error).__name__}: {error}"
            raise WorldError(f"the world {name} at {target}", got, "mend or uninstall what brings it") from error
    if not (isinstance(target, type) and issubclass(target, World)):
        raise WorldError(f"a World class for {name!r}", repr(target), "derive it from veclink.envs.contract.World")
    return target


def make(
    task_id: str = "open-ended",
    *,
    image_size: Any = IMAGE_SIZE,
    seed: int | None = None,
    world: str = "voxel",
    **options: Any,
) -> World:
    """A world with a task.

    Args:
        task_id: a name of `veclink.envs.tasks`, MineDojo's among them.
        image_size: (height, width) in pixels, each 16 to 4096; one number is a square.
        seed: of the world and all its chances; None: drawn anew.
        world: a name of `worlds()`.
        options: the world's own; for "voxel" see `veclink.envs.voxel.world.VoxelWorld`.

    Raises:
        UnknownName: an unknown world or task, with the nearest name.
        ImageSizeError: a size that no picture can have.
    """
    size = checked_image_size(image_size)
    kind = load(world)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise InputError("a seed that is a whole number or None", repr(seed), "give for example seed=0")
    from veclink.envs.tasks import spec  # late: the task files are large and not every user of the registry needs them

    maker: Any = kind  # a world's constructor is its own, beside the three arguments above
    made: World = maker(spec(task_id), size, seed, **options)
    made.world_name = world
    return made


def _targets() -> dict[str, str | type[World]]:
    found: dict[str, str | type[World]] = dict(_BUILT_IN)
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return {**found, **_added}
