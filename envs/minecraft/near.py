"""What the bot told of the world round it, in the shape that the observer of the built-in world reads.

Blocks lie in rings as in `veclink.envs.voxel.grid`; mobs and drops in its records; so that observation, masks and what
tasks are judged by are made by the very same code.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.minecraft import names
from veclink.envs.voxel.entities import DROP, DROP_SLOTS, MOB, MOB_SLOTS
from veclink.envs.voxel.inventory import ARMOUR, SIZE, Inventory

SIDE, HEIGHT, CHUNK = 128, 128, 16
MASK = SIDE - 1
CHUNKS = SIDE // CHUNK
REACH = 3  # chunks on each side of the player's that may be known
FULL = 15
NOWHERE = np.iinfo(np.int64).min
PLAYER_SLOTS = [*range(36, 45), *range(9, 36), 8, 7, 6, 5, 45]  # the window's slot of each of our 41


@njit(cache=True)
def fill(blocks, meta, sx, sy, sz, states, ids, metas):
    """Put a section's 4096 states (y, z, x) into the rings."""
    for i in range(4096):
        x, y, z = 16 * sx + (i & 15), 16 * sy + (i >> 8), 16 * sz + ((i >> 4) & 15)
        blocks[x & MASK, y, z & MASK] = ids[states[i]]
        meta[x & MASK, y, z & MASK] = metas[states[i]]


def warm_up() -> None:
    """Load what `fill` compiled to and the table of names, so that no step has to wait for them."""
    small = Blocks()
    fill(small.blocks, small.meta, 0, 0, 0, np.frombuffer(bytes(2 * 4096), np.uint16), small.ids, small.metas)


class Blocks:
    """The blocks that were told, as rings.

    Attributes:
        asked: puts a block of that name into the world, where somebody can.
        blocks, meta: (128, 128, 128) uint8; what was not told is air.
        bounds: (4,) int64 x0, x1, z0, z1 of what may be known. version: grows with every change.
    """

    def __init__(self) -> None:
        self.blocks = np.zeros((SIDE, HEIGHT, SIDE), np.uint8)
        self.meta = np.zeros_like(self.blocks)
        self.bounds = np.zeros(4, np.int64)
        self.owners = np.full((CHUNKS, CHUNKS, 2), NOWHERE, np.int64)
        self.version = 0
        self.ids, self.metas = names.state_tables(())
        self.light, self.biome = (0, FULL), 1
        self.asked: Callable[[int, int, int, str], bool] | None = None

    def learn(self, blocks: Sequence[Sequence[Any]], flattened: bool) -> None:
        """The version's blocks."""
        self.ids, self.metas = names.state_tables(blocks, flattened)

    def clear(self) -> None:
        """Nothing is known."""
        self.blocks[:], self.meta[:], self.owners[:] = 0, 0, NOWHERE
        self.version += 1

    def take(self, seen: Mapping[str, Any]) -> None:
        """What an answer told of blocks, light and biome."""
        if seen.get("reset"):
            self.clear()
        cx, cz = (int(np.floor(seen["pos"][axis])) >> 4 for axis in (0, 2))
        bounds = (16 * (cx - REACH), 16 * (cx + REACH + 1), 16 * (cz - REACH), 16 * (cz + REACH + 1))
        if tuple(self.bounds) != bounds:
            self.bounds[:] = bounds
            self._forget(cx, cz)
            self.version += 1
        for sx, sy, sz, states in seen["sections"]:
            self._section(sx, sy, sz, states)
        for x, y, z, state in seen["blocks"]:
            self.blocks[x & MASK, y, z & MASK] = self.ids[state]
            self.meta[x & MASK, y, z & MASK] = self.metas[state]
        if seen["sections"] or seen["blocks"]:
            self.version += 1
        glow, sky, is_open = seen["light"]
        self.light = int(glow), FULL if is_open else min(int(sky), FULL - 1)
        self.biome = names.biome_of(seen["biome"])

    def _forget(self, cx: int, cz: int) -> None:
        """Columns of the ring that belong to places out of bounds are emptied."""
        far = (np.abs(self.owners - (cx, cz)) > REACH).any(-1) & (self.owners[..., 0] != NOWHERE)
        for i, k in np.argwhere(far):
            self._empty(int(i), int(k))

    def _empty(self, i: int, k: int) -> None:
        for ring in (self.blocks, self.meta):
            ring[16 * i : 16 * i + 16, :, 16 * k : 16 * k + 16] = 0
        self.owners[i, k] = NOWHERE

    def _section(self, sx: int, sy: int, sz: int, states: int | str) -> None:
        i, k = sx & CHUNKS - 1, sz & CHUNKS - 1
        if tuple(self.owners[i, k]) != (sx, sz):
            self._empty(i, k)
            self.owners[i, k] = sx, sz
        if isinstance(states, str):
            fill(self.blocks, self.meta, sx, sy, sz, np.frombuffer(base64.b64decode(states), np.uint16), self.ids,
                 self.metas)
            return
        for ring, values in ((self.blocks, self.ids), (self.meta, self.metas)):
            ring[16 * i : 16 * i + 16, 16 * sy : 16 * sy + 16, 16 * k : 16 * k + 16] = values[states]

    # what the observer asks of a grid

    def get(self, x: int, y: int, z: int) -> int:
        """A block's id; air where nothing was told."""
        return int(self.blocks[x & MASK, y, z & MASK]) if self._known(x, y, z) else 0

    def get_meta(self, x: int, y: int, z: int) -> int:
        """A block's metadata."""
        return int(self.meta[x & MASK, y, z & MASK]) if self._known(x, y, z) else 0

    def set(self, x: int, y: int, z: int, block: int, meta: int = 0) -> bool:
        """Ask for a block; whether somebody puts it there."""
        return self.asked is not None and self.asked(x, y, z, BLOCKS.names[block])

    def _known(self, x: int, y: int, z: int) -> bool:
        x0, x1, z0, z1 = self.bounds
        return bool(0 <= y < HEIGHT and x0 <= x < x1 and z0 <= z < z1)

    def sky(self, x: int, y: int, z: int) -> int:
        """Sky light at the player's eyes, wherever is asked for."""
        return self.light[1]

    def glow(self, x: int, y: int, z: int) -> int:
        """Light of blocks at the player's eyes, wherever is asked for."""
        return self.light[0]

    def biome_at(self, x: int, z: int) -> int:
        """The biome that the player is in."""
        return self.biome


class Person:
    """The player as it was last told; its attributes are those of the built-in world's player."""

    def __init__(self) -> None:
        self.pos = np.zeros(3)
        self.eye = (0.0, 1.62, 0.0)
        self.yaw = self.pitch = 0.0
        self.inventory, self.held, self.fuel = Inventory(), 0, 0
        self.life = self.food = 20.0
        self.saturation, self.air, self.xp = 5.0, 300.0, 0.0
        self.sleeping, self.on_ground, self.alive = False, True, True
        self.damage: dict[str, Any] | None = None
        self.others: dict[str, int] = {}  # what is carried and has no name of MineDojo's
        self.told: Sequence[Any] = ()  # the window's 46 slots, 0 or [name, count, wear, metadata]

    @property
    def armor(self) -> float:
        """0..20."""
        bag = self.inventory
        points = ITEMS.armor[bag.item[ARMOUR]] * (bag.count[ARMOUR] > 0)
        return float(min(20, points.sum()))

    def take(self, seen: Mapping[str, Any]) -> None:
        """What an answer told of the player."""
        x, y, z = (float(part) for part in seen["pos"])
        self.pos = np.array((x, y, z))
        self.eye = (x, y + float(seen["eye"]), z)
        self.yaw, self.pitch = (float(seen["yaw"]) + 180) % 360 - 180, float(seen["pitch"])
        self.life, self.food = max(0.0, float(seen["life"] or 0)), float(seen["food"] or 0)
        self.saturation = min(20.0, float(seen["full"] or 0))
        self.air, self.xp = float(np.clip(seen["air"], -20, 300)), float(max(0, seen["xp"]))
        self.sleeping, self.on_ground = bool(seen["asleep"]), bool(seen["ground"])
        self.alive = self.life > 0
        if "slots" in seen:
            self._carry(seen["slots"])

    def _carry(self, slots: Sequence[Any]) -> None:
        bag = self.inventory
        self.others, self.told = {}, slots
        for ours, theirs in enumerate(PLAYER_SLOTS):
            row = slots[theirs] if theirs < len(slots) else 0
            kind = names.item_of(row[0], int(row[3])) if row else None
            if row and kind is None:
                self.others[row[0]] = self.others.get(row[0], 0) + int(row[1])
            if not row or kind is None:
                bag.item[ours], bag.variant[ours], bag.count[ours], bag.durability[ours] = ITEMS.air, 0, 0, 0
                continue
            full = int(ITEMS.durability[kind[0]])
            bag.item[ours], bag.variant[ours] = kind if not full else (kind[0], 0)
            bag.count[ours] = min(64, int(row[1]))
            bag.durability[ours] = max(1, full - int(row[2])) if full else 0
        bag.version += 1


def mob_records(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """(96,) MOB records of what was told of creatures; those that MineDojo does not have are left out."""
    records = np.zeros(MOB_SLOTS, MOB)
    found = 0
    for number, name, x, y, z, health, baby, yaw in rows:
        mob = names.mob_of(str(name))
        if mob is None or found == MOB_SLOTS:
            continue
        kind = MOBS.id(mob)
        row = records[found]
        row["alive"], row["kind"], row["id"], row["size"], row["baby"] = True, kind, number, 1, bool(baby)
        row["x"], row["y"], row["z"] = x, y, z
        row["yaw"] = row["head_yaw"] = (360 - math.degrees(yaw)) % 360 - 180  # mineflayer's are radians from the north
        row["health"] = MOBS.health[kind] if health is None else health
        found += 1
    return records


def drop_records(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """(256,) DROP records of what was told of items on the ground."""
    records = np.zeros(DROP_SLOTS, DROP)
    found = 0
    for number, name, count, x, y, z, metadata in rows:
        kind = names.item_of(str(name), int(metadata))
        if kind is None or found == DROP_SLOTS:
            continue
        row = records[found]
        row["alive"], row["id"], row["item"], row["variant"], row["count"] = True, number, *kind, count
        row["x"], row["y"], row["z"] = x, y, z
        found += 1
    return records


assert len(PLAYER_SLOTS) == SIZE and BLOCKS.names[0] == "air"
