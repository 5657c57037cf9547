"""How a task's episode begins: where the player stands, what it carries, which mobs are there."""

from __future__ import annotations

import math
from typing import Any

from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.tasks import may_spawn
from veclink.envs.voxel.inventory import SIZE

TRIES = 24  # places looked at for one mob


def begin_task(world: Any) -> None:
    """Set up everything that the task asks for beside the world itself."""
    spec, player = world.task, world.player
    if spec.start_position:
        at = spec.start_position
        player.yaw, player.pitch = float(at.get("yaw", 0.0)), float(at.get("pitch", 0.0))
        player.move_to(float(at["x"]), float(at["y"]), float(at["z"]))
        world.grid.follow(float(at["x"]), float(at["z"]))
    player.life, player.food = float(spec.start_health), int(spec.start_food)
    for stack in spec.initial_inventory:
        if stack.slot < SIZE:
            player.inventory.put(stack.slot, ITEMS.id(stack.name), stack.variant, stack.quantity, "given")
    for name in spec.initial_mobs:
        put_mob(world, name, spec.initial_mob_spawn_range_low, spec.initial_mob_spawn_range_high)


def draw_more(world: Any) -> None:
    """The extra mobs and blocks that some tasks put down as time goes by."""
    spec = world.task
    if not spec.spawn_rate:
        return
    info = {"ypos": float(world.player.pos[1]), "light_level": world.observer.light_level()}
    for name, rate in spec.spawn_rate.items():
        if world.chance.uniform() < rate and may_spawn(name, info):
            if name in MOBS:
                put_mob(world, name, spec.spawn_range_low, spec.spawn_range_high)
            elif name in BLOCKS:
                put_block(world, name, spec.spawn_range_low, spec.spawn_range_high)


def drawn_place(world: Any, low: Any, high: Any) -> tuple[float, float, float]:
    """A place at a drawn offset from the player."""
    return tuple(  # type: ignore[return-value]  # three axes in, three out
        float(at) + float(a) + world.chance.uniform() * (float(b) - float(a))
        for at, a, b in zip(world.player.pos, low, high, strict=True)
    )


def put_mob(world: Any, name: str, low: Any, high: Any) -> int:
    """Put a mob near the player, on ground it can stand on; its slot, -1 where no place was found."""
    tall = math.ceil(float(MOBS.height[MOBS.id(name)]))
    for attempt in range(TRIES):
        x, y, z = drawn_place(world, low, high)
        i, k = math.floor(x), math.floor(z)
        for lift in sorted(range(-6, 7), key=abs):
            j = math.floor(y) + lift
            free = all(not BLOCKS.solid[world.grid.get(i, j + h, k)] for h in range(tall))
            wet = BLOCKS.liquid[world.grid.get(i, j, k)]
            if free and (BLOCKS.solid[world.grid.get(i, j - 1, k)] or attempt == TRIES - 1) and not wet:
                return world.mobs.add(name, i + 0.5, float(j), k + 0.5, persistent=True)
    return -1


def put_block(world: Any, name: str, low: Any, high: Any) -> bool:
    """Put a block near the player in the place of air or stone, never into the player."""
    feet = tuple(math.floor(v) for v in world.player.pos)
    for _ in range(TRIES):
        x, y, z = (math.floor(v) for v in drawn_place(world, low, high))
        if (x, z) != (feet[0], feet[2]) and BLOCKS.names[world.grid.get(x, y, z)] in ("air", "stone", "dirt", "grass"):
            return world.grid.set(x, y, z, BLOCKS.id(name))
    return False
