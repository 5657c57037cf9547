"""Explosions, by Minecraft 1.11's rules: rays that eat blocks, bodies hurt by how much of them is exposed, lit TNT.

Lit TNT stays where it is, as a block with the metadata LIT, until its fuse is over: it does not hop or fall. An
explosion sets nothing alight (in 1.11 those of fireballs and beds do).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, drops_of
from veclink.envs.voxel.chance import uniform
from veclink.envs.voxel.kinds import KINDS
from veclink.envs.voxel.physics import at, loaded, ray
from veclink.envs.voxel.support import TOOL_FOR

RAYS = 16  # on each edge of the cube through whose surface the rays go
STRIDE = 0.3  # blocks between two looks along a ray
FADES = 0.225  # strength that a stride through air takes
LOWEST, SPREAD = 0.7, 0.6  # a ray's strength: power x (0.7 .. 1.3)
REACH = 24  # blocks that no ray leaves: enough up to power 13
FUSE, SHORT_FUSE = 80, (10, 29)  # ticks: of TNT that was lit; of TNT that an explosion lit, least and most
POWER = 4.0  # of TNT
LIT = 1  # metadata of TNT whose fuse burns
FIRMNESS = 5.0  # damage that a drop bears, less than this
TNT = BLOCKS.id("tnt")

# Resistance where it is not the hardness, as 1.11 has it; blocks that cannot be broken resist everything.
ROCK, FORGED, PLANK, VAULT = 6.0, 6.0, 3.0, 1200.0
RESISTS = {
    **dict.fromkeys(("stone", "cobblestone", "mossy_cobblestone", "stonebrick", "brick_block", "cobblestone_wall",
                     "stone_slab", "stone_slab2", "double_stone_slab", "double_stone_slab2", "stone_stairs",
                     "stone_brick_stairs", "brick_stairs", "nether_brick", "nether_brick_fence", "nether_brick_stairs",
                     "red_nether_brick", "purpur_block", "purpur_pillar", "purpur_stairs", "purpur_slab",
                     "purpur_double_slab", "jukebox", "prismarine"), ROCK),
    **dict.fromkeys(("iron_block", "gold_block", "diamond_block", "emerald_block", "coal_block", "redstone_block",
                     "iron_bars"), FORGED),
    **dict.fromkeys(("planks", "wooden_slab", "double_wooden_slab"), PLANK),
    **dict.fromkeys((name for name in BLOCKS.names if name.endswith(("_fence", "fence_gate", "_stairs"))
                     and name.split("_")[0] in ("fence", "oak", "spruce", "birch", "jungle", "acacia", "dark")), PLANK),
    "fence": PLANK, "fence_gate": PLANK, "end_stone": 9.0, "cauldron": 2.0, "hardened_clay": 4.2,
    "stained_hardened_clay": 4.2, "hopper": 4.8, "dragon_egg": 9.0,
    **dict.fromkeys(("obsidian", "anvil", "enchanting_table", "ender_chest"), VAULT),
}  # fmt: skip
NEVER = 3.6e6


def _resistances() -> np.ndarray:
    """(256,) float64 by block id."""
    values = np.where(BLOCKS.hardness < 0, NEVER, BLOCKS.hardness).astype(np.float64)
    for name, value in RESISTS.items():
        values[BLOCKS.id(name)] = value
    values[BLOCKS.id("portal")] = 0.0
    values[0] = 0.0
    return values


RESISTANCE = _resistances()


@njit(cache=True)
def blasted(blocks, bounds, resists, x, y, z, power, state, seen, out):
    """The blocks that an explosion takes away, in the order of their places.

    Args:
        resists: (256,) float64 resistance by block. x, y, z, power: of the explosion. state: of the draws.
        seen: (2 REACH + 1,) * 3 bool scratch. out: (n, 3) int64, filled.

    Returns:
        how many.
    """
    seen[:] = False
    x0, y0, z0 = np.int64(math.floor(x)), np.int64(math.floor(y)), np.int64(math.floor(z))
    last = RAYS - 1
    for i in range(RAYS):
        for j in range(RAYS):
            for k in range(RAYS):
                if not (i == 0 or i == last or j == 0 or j == last or k == 0 or k == last):
                    continue
                dx, dy, dz = 2.0 * i / last - 1.0, 2.0 * j / last - 1.0, 2.0 * k / last - 1.0
                scale = STRIDE / math.sqrt(dx * dx + dy * dy + dz * dz)
                left = power * (LOWEST + SPREAD * uniform(state))
                px, py, pz = x, y, z
                while left > 0.0:
                    a, b, c = np.int64(math.floor(px)), np.int64(math.floor(py)), np.int64(math.floor(pz))
                    u, v, w = a - x0 + REACH, b - y0 + REACH, c - z0 + REACH
                    if min(u, v, w) < 0 or max(u, v, w) > 2 * REACH or not loaded(bounds, float(a), float(c)):
                        break
                    block = at(blocks, bounds, a, b, c)
                    if block != 0:
                        left -= (resists[block] + 0.3) * STRIDE
                        if left > 0.0:
                            seen[u, v, w] = True
                    px, py, pz = px + dx * scale, py + dy * scale, pz + dz * scale
                    left -= FADES
    count = 0
    for u in range(2 * REACH + 1):
        for v in range(2 * REACH + 1):
            for w in range(2 * REACH + 1):
                if seen[u, v, w] and count < len(out):
                    out[count, 0], out[count, 1], out[count, 2] = u - REACH + x0, v - REACH + y0, w - REACH + z0
                    count += 1
    return count


@njit(cache=True)
def exposed(blocks, meta, bounds, x, y, z, px, py, pz, width, height, eye, way):
    """Share (0..1) of a body's box, sampled on a grid, from which nothing hides the place x, y, z.

    Args:
        px, py, pz: of the body's feet. width, height: its box. eye, way: (3,) float64 scratch.
    """
    steps_wide, steps_high = int(2.0 * width) + 1, int(2.0 * height) + 1
    free = total = 0
    for i in range(steps_wide + 1):
        for j in range(steps_high + 1):
            for k in range(steps_wide + 1):
                eye[0] = px + (i / steps_wide - 0.5) * width
                eye[1] = py + j / steps_high * height
                eye[2] = pz + (k / steps_wide - 0.5) * width
                way[0], way[1], way[2] = x - eye[0], y - eye[1], z - eye[2]
                far = math.sqrt(way[0] * way[0] + way[1] * way[1] + way[2] * way[2])
                total += 1
                if far < 1e-6:
                    free += 1
                    continue
                way /= far
                if not ray(blocks, meta, bounds, eye, way, far - 1e-6)[0]:
                    free += 1
    return free / total


_SEEN, _OUT = np.zeros((2 * REACH + 1,) * 3, np.bool_), np.zeros((20_000, 3), np.int64)
_EYE, _WAY = np.zeros(3), np.zeros(3)


def explode(world: Any, x: float, y: float, z: float, power: float) -> None:
    """Blocks, bodies and drops around an explosion.

    Args:
        x, y, z: its middle. power: 3 creeper, 4 TNT, 1 a ghast's fireball, 5 a bed in the nether.
    """
    grid, chance = world.grid, world.chance
    count = blasted(grid.blocks, grid.bounds, RESISTANCE, float(x), float(y), float(z), float(power), chance.state,
                    _SEEN, _OUT)
    places = _OUT[:count].tolist()
    _hurt_all(world, x, y, z, power)
    for place in places:
        _take_away(world, *place, share=1.0 / power)
    world.events.append(("explosion", {"x": float(x), "y": float(y), "z": float(z), "power": float(power)}))


def _take_away(world: Any, x: int, y: int, z: int, share: float) -> None:
    """One block goes, leaving each of its items with a chance; TNT is lit instead."""
    grid, chance = world.grid, world.chance
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if block == TNT:
        prime(world, x, y, z, chance.between(*SHORT_FUSE))
        return
    found = drops_of(block, meta, int(TOOL_FOR[block]), 0, chance)
    grid.set(x, y, z, 0)
    for item, variant, count in found:
        left = sum(chance.uniform() < share for _ in range(count))
        if left:
            world.drops.add(x + 0.5, y + 0.25, z + 0.5, item, variant, left, cause="blasted")


def blow(grid: Any, x: float, y: float, z: float, power: float, body: tuple[float, ...]) -> tuple[float, float]:
    """(damage in half hearts, push 0..1) on a body.

    Args:
        body: x, y, z of its feet, width, height.
    """
    px, py, pz, width, height = body
    far = math.dist((x, y, z), (px, py, pz)) / (2 * power)
    if far > 1:
        return 0.0, 0.0
    push = (1 - far) * exposed(grid.blocks, grid.meta, grid.bounds, float(x), float(y), float(z), px, py, pz, width,
                               height, _EYE, _WAY)
    return (float(int((push * push + push) / 2 * 7 * 2 * power + 1)), push) if push > 0 else (0.0, 0.0)


def _hurt_all(world: Any, x: float, y: float, z: float, power: float) -> None:
    """The player, mobs and drops around."""
    grid, player, mobs, source = world.grid, world.player, world.mobs, (float(x), float(y), float(z))
    if player.alive:
        body = (float(player.pos[0]), float(player.pos[1]), float(player.pos[2]), 0.6, float(player.height))
        damage, push = blow(grid, *source, power, body)
        if damage:
            player.hurt(mobs.scaled(damage), "explosion", source)
            _push(player.vel, source, player.eye, push)
    near = _within(mobs.records, source, 2 * power)
    for slot in near:
        mob = mobs.records[slot]
        kind = mob["kind"]
        scale = (0.5 if mob["baby"] else 1.0) * max(1, int(mob["size"]))
        high = float(KINDS["height"][kind]) * scale
        body = (float(mob["x"]), float(mob["y"]), float(mob["z"]), float(KINDS["width"][kind]) * scale, high)
        damage, push = blow(grid, *source, power, body)
        if damage:
            mobs.hurt(slot, damage, "explosion", knock=0.0, source=source)
        if damage and mob["alive"]:
            speed = np.array([mob["vx"], mob["vy"], mob["vz"]])
            _push(speed, source, (body[0], body[1] + 0.85 * high, body[2]), push)
            mob["vx"], mob["vy"], mob["vz"] = speed
            mob["on_ground"] = False
    _scatter(world, source, power)


def _scatter(world: Any, source: tuple[float, float, float], power: float) -> None:
    """Drops that lie near are destroyed, farther ones are pushed."""
    records = world.drops.records
    for slot in _within(records, source, 2 * power):
        drop = records[slot]
        body = (float(drop["x"]), float(drop["y"]), float(drop["z"]), 0.25, 0.25)
        damage, push = blow(world.grid, *source, power, body)
        if damage >= FIRMNESS:
            world.ledger.add("burnt", int(drop["item"]), int(drop["variant"]), -int(drop["count"]))
            drop["alive"] = False
        elif damage:
            speed = np.array([drop["vx"], drop["vy"], drop["vz"]])
            _push(speed, source, body[:3], push)
            drop["vx"], drop["vy"], drop["vz"] = speed


def _within(records: np.ndarray, source: tuple[float, float, float], far: float) -> list[int]:
    """Slots of what is alive within a distance."""
    gaps = [records[axis] - source[i] for i, axis in enumerate("xyz")]
    near = records["alive"] & (gaps[0] ** 2 + gaps[1] ** 2 + gaps[2] ** 2 <= far * far)
    return np.flatnonzero(near).tolist()


def _push(speed: Any, source: tuple[float, ...], to: Any, push: float) -> None:
    """Add to a speed, in blocks a tick, away from the explosion."""
    gap = [float(to[i]) - source[i] for i in range(3)]
    far = math.hypot(*gap)
    if far > 1e-6:
        for i in range(3):
            speed[i] += gap[i] / far * push


# -- TNT ---------------------------------------------------------------------------------------------------------------


def prime(world: Any, x: int, y: int, z: int, fuse: int = FUSE) -> None:
    """Light TNT; what is lit already goes on as it was."""
    grid = world.grid
    if not grid.get_meta(x, y, z) & LIT:
        grid.set(x, y, z, TNT, LIT)
        world.rules.schedule(x, y, z, fuse)


def go_off(world: Any, x: int, y: int, z: int) -> None:
    """A fuse is over."""
    if world.grid.get_meta(x, y, z) & LIT:
        world.grid.set(x, y, z, 0)
        world.explode(x + 0.5, y + 0.06, z + 0.5, POWER)


def take_up(world: Any, x: int, y: int, z: int) -> None:
    """Lit TNT whose time came while nobody was near burns on; one that waits is left to it."""
    world.rules.schedule(x, y, z, FUSE)


