"""How a task's episode begins on a Minecraft server: by admin requests on ours, by commands where they are allowed."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from veclink.envs.errors import InputError
from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.minecraft import names
from veclink.envs.minecraft.deeds import STILL, WINDOW
from veclink.envs.voxel.start import put_mob

SETTLE = 60  # ticks in which the player comes to stand
NOT_MOVING = 1e-9
HAND = 36


def world_biome(biome: str | None) -> str | None:
    """The server's name of a biome that a task asks for (MineDojo's name), None where none is asked for.

    Raises:
        InputError: a biome that is not known.
    """
    if biome is None:
        return None
    served = json.loads((files("veclink.envs.minecraft") / "data" / "terrain.json").read_text("utf8"))["biomes"]
    wanted = names.table()["biomes"].get(names.plain(biome))
    rows = [name for name in served if names.biome_of(name) == wanted]
    if not rows:
        raise InputError(f"a biome of {', '.join(served)}", repr(biome), "choose one that is like it")
    return rows[0]


def begin_task(world: Any) -> None:
    """Set up what the task asks for: place, life, inventory, mobs, time and weather."""
    if world.server is not None:
        _admin(world)
    elif world.commands:
        _commands(world)
    world.ask_bot("aim", yaw=_angle(world, "yaw"), pitch=_angle(world, "pitch"))
    _settle(world)
    spec = world.task
    for name in spec.initial_mobs:
        put_mob(world, name, spec.initial_mob_spawn_range_low, spec.initial_mob_spawn_range_high)
    if world.server is not None:
        world.server.ask("time", set=spec.start_time or 0)
    _wait(world, 1)


def _angle(world: Any, name: str) -> float:
    return float((world.task.start_position or {}).get(name, 0.0))


def _admin(world: Any) -> None:
    spec, server, player = world.task, world.server, world.player_name
    server.ask("gamerule", name="doDaylightCycle", value=spec.allow_time_passage)
    server.ask("time", set=spec.start_time or 0)
    weather = {"rain": "rain", "thunder": "thunder"}.get(spec.initial_weather or "", "clear")
    server.ask("weather", set=weather)
    server.ask("life", player=player, health=spec.start_health, food=spec.start_food)
    if spec.start_position:
        at = spec.start_position
        server.ask("teleport", player=player, x=float(at["x"]), y=float(at["y"]), z=float(at["z"]),
                   yaw=_angle(world, "yaw"), pitch=_angle(world, "pitch"))
    for stack in spec.initial_inventory:
        name = version_name(stack.name, stack.variant)
        if name:
            server.ask("give", player=player, item=name, count=stack.quantity, slot=window_slot(stack.slot))


def _commands(world: Any) -> None:
    """As much as the server's commands can do; what it refuses is left as it is."""
    spec, me = world.task, world.player_name
    lines = ["clear", f"time set {spec.start_time or 0}",
             f"gamerule doDaylightCycle {str(spec.allow_time_passage).lower()}",
             f"gamerule doMobSpawning {str(spec.allow_mob_spawn).lower()}",
             f"weather {spec.initial_weather if spec.initial_weather in ('rain', 'thunder') else 'clear'}"]
    if spec.start_position:
        at = spec.start_position
        lines.append(f"tp {me} {float(at['x'])} {float(at['y'])} {float(at['z'])}")
    for stack in spec.initial_inventory:
        if name := version_name(stack.name, stack.variant):
            lines.append(f"give {me} {name} {stack.quantity}")
    for line in lines:
        world.ask_bot("command", text=f"/{line}")
    _wait(world, 20)


def version_name(name: str, variant: int) -> str | None:
    """The version's name of an item, None where it has none."""
    found = names.names_of(ITEMS.id(name), variant) or names.names_of(ITEMS.id(name))
    return found[0] if found else None


def window_slot(slot: int) -> int:
    """The slot of the player's window of one of the contract's."""
    return WINDOW.get(slot, HAND + slot if slot < 9 else slot)


def clear_slot(world: Any, slot: int) -> None:
    """Destroy what lies in a slot of the contract, on the embedded server."""
    world.server.ask("give", player=world.player_name, item=None, slot=window_slot(slot))


def summon(world: Any, kind: str, x: float, y: float, z: float) -> bool:
    """Put a creature (MineDojo's name) into the world; whether it was done."""
    name = names.creature_of(kind)
    MOBS.id(kind)
    if world.server is not None:
        return world.server.try_ask("summon", kind=name, x=x, y=y, z=z, count=1)
    if world.commands:
        world.ask_bot("command", text=f"/summon {name} {x:.2f} {y:.2f} {z:.2f}")
        return True
    return False


def _settle(world: Any) -> None:
    """Wait until the player stands still."""
    for _ in range(SETTLE):
        before = world.player.pos.copy()
        _wait(world, 1)
        if world.player.on_ground and abs(world.player.pos - before).max() < NOT_MOVING:
            return


def _wait(world: Any, ticks: int) -> None:
    world._take(world.ask_bot("step", acts=[STILL] * ticks))
