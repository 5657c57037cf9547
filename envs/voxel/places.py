"""The worlds beside the world: what is packed when the player leaves one by a portal, and how the next is entered."""

from __future__ import annotations

from typing import Any

from veclink.envs.voxel import containers
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.portal import arrive
from veclink.envs.voxel.terrain import Terrain

OVERWORLD, NETHER = "overworld", "nether"
SCALE = 8  # blocks of the overworld to one of the nether


def realm_of(world_type: str) -> str:
    """The realm in which a task begins."""
    return NETHER if world_type == "nether" else OVERWORLD


def packed(grid: Grid) -> dict[str, Any]:
    """A grid to be saved: what differs from the terrain, and where it is."""
    return {
        "centre": list(grid.centre),
        "kept": {f"{cx} {cz}": data for (cx, cz), data in sorted(grid.state().items())},
        "contents": containers.packed(grid.contents),
        "woken": [list(place) for place in grid.woken],
    }


def unpacked(grid: Grid, state: dict[str, Any]) -> None:
    """The grid as it was packed."""
    kept = {(int(a), int(b)): data for (a, b), data in ((key.split(), value) for key, value in state["kept"].items())}
    cx, cz = state["centre"]
    grid.contents.clear()
    grid.contents.update(containers.unpacked(state["contents"]))
    grid.restore(kept, (cx, cz))
    grid.woken += [(x, y, z) for x, y, z in state["woken"]]


def travel(world: Any) -> None:
    """Go through a portal where the rules say that the player stood in one long enough; home after a death."""
    home = realm_of(world.task.generate_world_type)
    if world.realm != home and any(kind == "respawn" for kind, _ in world.events):
        leave(world)
        enter(world, home, (float(world.player.pos[0]), float(world.player.pos[2])))
        world.player.go_home(world)
        world.events.append(("travelled", {"to": home}))
    if not any(kind == "portal" for kind, _ in world.events):
        return
    world.events[:] = [event for event in world.events if event[0] != "portal"]
    leave(world)
    to = OVERWORLD if world.realm == NETHER else NETHER
    share = SCALE if to == OVERWORLD else 1 / SCALE
    x, z = float(world.player.pos[0]) * share, float(world.player.pos[2]) * share
    enter(world, to, (x, z))
    px, py, pz = arrive(world, int(x), int(z))
    world.player.move_to(px + 0.5, float(py), pz + 0.5)
    world.events.append(("travelled", {"to": to}))


def leave(world: Any) -> None:
    """Pack the present realm."""
    for chunk in world.grid.around():
        world.mobs.park(*chunk)
        world.drops.park(*chunk)
    world.left_behind[world.realm] = {
        "grid": packed(world.grid), "mobs": world.mobs.state(), "drops": world.drops.state(),
        "rules": world.rules.state(), "spawning": world.spawning.state(),
    }


def enter(world: Any, realm: str, near: tuple[float, float] | None = None) -> None:
    """Make a realm the present one; `near` is where in it, None for its middle."""
    if realm == world.realm and near is None:
        return
    world.realm = realm
    kind = NETHER if realm == NETHER else ("flat" if world.task.generate_world_type == "flat" else "default")
    world.terrain = Terrain(world.seed, world.task.specified_biome if realm == OVERWORLD else None, kind)
    x, z = near or (0.0, 0.0)
    world.grid = Grid(world.terrain, x, z)
    world.spawning.terrain = world.terrain
    before = world.left_behind.pop(realm, None)
    if before is not None:
        unpacked(world.grid, {**before["grid"], "centre": [int(x // 16), int(z // 16)]})
        for part in ("mobs", "drops"):
            getattr(world, part).parked = {}
            _take_parked(getattr(world, part), before[part])
        world.rules.restore(before["rules"])
        world.spawning.restore(before["spawning"])
    else:
        for part in (world.mobs, world.drops):
            part.parked = {}
            part.records["alive"] = False
        world.rules.forget()
        world.spawning.seen, world.spawning.spawners = set(), {}
    world.attach()
    for chunk in world.grid.around():
        world.came(*chunk)


def _take_parked(part: Any, state: dict[str, Any]) -> None:
    next_id = part.next_id
    part.restore(state)
    part.next_id = max(next_id, part.next_id)  # numbers are never given twice
    part.records["alive"] = False
