"""Items on the ground: they fall, slide, float, burn, merge, are picked up and at last vanish."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import ITEMS
from veclink.envs.voxel.entities import DROP, DROP_SLOTS
from veclink.envs.voxel.inventory import Ledger
from veclink.envs.voxel.physics import (
    FULL,
    GROUND,
    IN_FIRE,
    IN_LAVA,
    IN_WATER,
    SLIP,
    WATER,
    at,
    flow,
    inside,
    loaded,
    move_box,
)

SIDE = 0.25  # of a drop's box, in blocks
GRAVITY, DRAG = 0.04, 0.98
FLOAT = 0.06  # blocks a tick upwards in water, at most
FLOW = 0.014  # push of flowing water
LASTS = 6000  # ticks
DELAY, THROWN_DELAY = 10, 40  # ticks until it can be picked up
MERGE_EVERY, MERGE_WITHIN = 25, 0.5
REACH, REACH_UP = 1.0, 0.5  # blocks round the player's box
THROW, TOSS = 0.3, 0.02  # speed of a throw, and how much it is off
STACK = np.array(ITEMS.stack, np.int64)
NOTHING, NEAR, OLD, BURNT = range(4)


@njit(cache=True)
def fall_all(blocks, meta, bounds, drops, who, found, pos, vel, flags):
    """One tick of all drops.

    Args:
        drops: DROP records.
        who: (4,) float64: x, y, z of the player's feet and the height of its box (0: nobody picks up).
        found: (n,) int64, filled with what Python has to do: NOTHING, NEAR (pick it up), OLD, BURNT.
        pos, vel, flags: scratch.
    """
    found[:] = NOTHING
    for i in range(drops.shape[0]):
        d = drops[i]
        if not d.alive or not loaded(bounds, d.x, d.z):
            continue
        d.age += 1
        if d.delay > 0:
            d.delay -= 1
        if d.age >= LASTS or d.y < -16.0:
            found[i] = OLD
            continue
        _fall(blocks, meta, bounds, d, found, i, pos, vel, flags)
        if d.age % MERGE_EVERY == 0 and found[i] == NOTHING:
            _merge(drops, found, i)
        reach = 0.3 + REACH + SIDE / 2
        if (d.alive and d.delay == 0 and found[i] == NOTHING and who[3] > 0.0 and abs(d.x - who[0]) < reach
                and abs(d.z - who[2]) < reach and -REACH_UP - SIDE < d.y - who[1] < who[3] + REACH_UP):
            found[i] = NEAR


@njit(cache=True)
def _fall(blocks, meta, bounds, d, found, i, pos, vel, flags):
    """Move one drop by what pulls and pushes it."""
    pos[0], pos[1], pos[2] = d.x, d.y, d.z
    vel[0], vel[1], vel[2] = d.vx, d.vy, d.vz
    bits = inside(blocks, meta, bounds, pos, SIDE, SIDE, SIDE / 2)
    x, y, z = np.int64(math.floor(d.x)), np.int64(math.floor(d.y + SIDE / 2)), np.int64(math.floor(d.z))
    if bits & (IN_LAVA | IN_FIRE):
        found[i] = BURNT
        return
    if FULL[at(blocks, bounds, x, y, z)]:
        _push_out(blocks, bounds, x, y, z, vel)
    elif bits & IN_WATER:
        push_x, push_z = flow(blocks, meta, bounds, x, y, z, WATER)
        vel[0], vel[2] = vel[0] + FLOW * push_x, vel[2] + FLOW * push_z
        vel[1] = min(vel[1] + GRAVITY, FLOAT)
    else:
        vel[1] -= GRAVITY
    move_box(blocks, meta, bounds, pos, vel, SIDE, SIDE, 0.0, flags)
    drag = DRAG
    if flags[GROUND]:
        drag *= SLIP[at(blocks, bounds, x, np.int64(math.floor(pos[1])) - 1, z)]
    elif bits & IN_WATER:
        drag = 0.9
    d.on_ground = flags[GROUND] != 0
    d.x, d.y, d.z = pos[0], pos[1], pos[2]
    d.vx, d.vy, d.vz = vel[0] * drag, vel[1] * DRAG, vel[2] * drag


@njit(cache=True)
def _push_out(blocks, bounds, x, y, z, vel):
    """A drop in a full block moves to a side that is open, up before all."""
    vel[0] = vel[1] = vel[2] = 0.0
    if not FULL[at(blocks, bounds, x, y + 1, z)]:
        vel[1] = 0.2
        return
    for side in range(4):
        dx, dz = (side == 0) - (side == 1), (side == 2) - (side == 3)
        if not FULL[at(blocks, bounds, x + dx, y, z + dz)]:
            vel[0], vel[2] = 0.2 * dx, 0.2 * dz
            return


@njit(cache=True)
def _merge(drops, found, i):
    """Others of its kind that lie near are added to a drop, as far as a stack goes; not those whose end has come."""
    d = drops[i]
    most = STACK[d.item]
    if most == 1:
        return
    for j in range(drops.shape[0]):
        o = drops[j]
        if (j == i or not o.alive or found[j] != NOTHING
                or o.item != d.item or o.variant != d.variant or o.durability != d.durability
                or abs(o.x - d.x) > MERGE_WITHIN or abs(o.z - d.z) > MERGE_WITHIN or abs(o.y - d.y) > MERGE_WITHIN):
            continue
        if d.count + o.count <= most:
            d.count += o.count
            d.age, d.delay = min(d.age, o.age), max(d.delay, o.delay)
            o.alive = False


class Drops:
    """All drops near the player.

    Args:
        world: gives `chance` and `ledger`; looked up when they are needed.
        capacity: slots; where all are taken the oldest drop makes room.

    Attributes:
        records: (capacity,) DROP records; a free slot has `alive` False.
        parked: DROP records of chunks that are not loaded, by chunk.
    """

    def __init__(self, world: Any = None, capacity: int = DROP_SLOTS) -> None:
        self.world = world
        self.records = np.zeros(capacity, DROP)
        self.parked: dict[tuple[int, int], np.ndarray] = {}
        self.next_id = 1
        self._found, self._who = np.zeros(capacity, np.int64), np.zeros(4)
        self._pos, self._vel, self._flags = np.zeros(3), np.zeros(3), np.zeros(8, np.uint8)

    @property
    def ledger(self) -> Ledger:
        """The world's."""
        return self.world.ledger

    # -- coming and going ----------------------------------------------------------------------------------------------

    def add(self, x: float, y: float, z: float, item: int, variant: int, count: int, durability: int = 0, *,
            cause: str | None = "dropped", velocity: tuple[float, float, float] | None = None,
            delay: int = DELAY) -> None:
        """Put items on the ground.

        Args:
            x, y, z: of the lower middle.
            item, variant, count: what; more than a stack makes several drops.
            durability: uses left of each; 0: new.
            cause: under which the ledger enters items that are new in the world; None where they were there before,
                as in a chest or in the player's bag.
            velocity: blocks a tick; None: a small hop.
            delay: ticks until it can be picked up.
        """
        if item == ITEMS.air or count <= 0:
            return
        if cause is not None:
            self.ledger.add(cause, item, variant, count)
        durability = durability or int(ITEMS.durability[item])
        for start in range(0, count, int(ITEMS.stack[item])):
            slot = self._free()
            self.records[slot] = np.zeros((), DROP)
            drop = self.records[slot]
            drop["alive"], drop["id"], self.next_id = True, self.next_id, self.next_id + 1
            drop["item"], drop["variant"] = item, variant
            drop["count"], drop["durability"] = min(count - start, int(ITEMS.stack[item])), durability
            drop["x"], drop["y"], drop["z"], drop["delay"] = x, y, z, delay
            drop["vx"], drop["vy"], drop["vz"] = velocity or self._hop()

    def _hop(self) -> tuple[float, float, float]:
        chance = self.world.chance
        return chance.uniform() * 0.2 - 0.1, 0.2, chance.uniform() * 0.2 - 0.1

    def _free(self) -> int:
        """A free slot, made by forgetting the oldest drop where there is none."""
        free = np.flatnonzero(~self.records["alive"])
        if len(free):
            return int(free[0])
        oldest = int(np.argmax(self.records["age"]))
        self._lose(oldest, "despawned")
        return oldest

    def _lose(self, slot: int, cause: str) -> None:
        drop = self.records[slot]
        self.ledger.add(cause, int(drop["item"]), int(drop["variant"]), -int(drop["count"]))
        drop["alive"] = False

    def throw(self, player: Any, slot: int, count: int, scatter: bool = False) -> int:
        """The player throws items out of a slot, ahead or (dying) all about; how many there were to throw."""
        bag, chance = player.inventory, self.world.chance
        item, variant, _, durability = bag.stack(slot)
        count = bag.take(slot, count)
        if not count:
            return 0
        x, y, z = player.eye
        if scatter:
            speed, angle = chance.uniform() * 0.5, chance.uniform() * 2 * math.pi
            velocity = (-math.sin(angle) * speed, 0.2, math.cos(angle) * speed)
        else:
            turn, nod = math.radians(player.yaw), math.radians(player.pitch)
            off, angle = TOSS * chance.uniform(), chance.uniform() * 2 * math.pi
            velocity = (-math.sin(turn) * math.cos(nod) * THROW + math.cos(angle) * off, -math.sin(nod) * THROW + 0.1,
                        math.cos(turn) * math.cos(nod) * THROW + math.sin(angle) * off)
        self.add(x, y - 0.3, z, item, variant, count, durability, cause=None, velocity=velocity, delay=THROWN_DELAY)
        return count

    def park(self, cx: int, cz: int) -> None:
        """Put the drops of a chunk aside before it is left."""
        records = self.records
        here = np.flatnonzero(records["alive"] & (np.floor(records["x"] / 16) == cx)
                              & (np.floor(records["z"] / 16) == cz))
        if len(here):
            kept = self.parked.get((cx, cz))
            new = records[here].copy()
            self.parked[cx, cz] = new if kept is None else np.concatenate([kept, new])
            records["alive"][here] = False

    def unpark(self, cx: int, cz: int) -> None:
        """Take the drops of a chunk up again after it was loaded; what finds no free slot stays parked."""
        waiting = self.parked.pop((cx, cz), None)
        if waiting is None:
            return
        free = np.flatnonzero(~self.records["alive"])[: len(waiting)]
        self.records[free] = waiting[: len(free)]
        if len(free) < len(waiting):
            self.parked[cx, cz] = waiting[len(free):].copy()

    # -- one tick ------------------------------------------------------------------------------------------------------

    def tick(self, world: Any) -> None:
        """All drops move one tick; what lies near the player is picked up."""
        self.world = world
        if not self.records["alive"].any():
            return
        player, grid, who = world.player, world.grid, self._who
        who[0], who[1], who[2] = player.pos
        who[3] = player.height if player.alive else 0.0
        fall_all(grid.blocks, grid.meta, grid.bounds, self.records, who, self._found, self._pos, self._vel,
                 self._flags)
        for slot in np.flatnonzero(self._found):
            what = self._found[slot]
            if what == NEAR:
                self._pick_up(int(slot))
            else:
                self._lose(int(slot), "burnt" if what == BURNT else "despawned")

    def _pick_up(self, slot: int) -> None:
        drop = self.records[slot]
        item, variant, count = int(drop["item"]), int(drop["variant"]), int(drop["count"])
        left = self.world.player.inventory.add(item, variant, count, durability=int(drop["durability"]))
        drop["count"], drop["alive"] = left, left > 0
        if left < count:
            self.world.events.append(("pick_up", {"item": ITEMS.names[item], "variant": variant,
                                                  "count": count - left}))

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        parked = {f"{cx} {cz}": records for (cx, cz), records in sorted(self.parked.items())}
        return {"records": self.records.copy(), "parked": parked, "next_id": self.next_id}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.records[:] = state["records"]
        self.parked = {(int(key.split()[0]), int(key.split()[1])): np.array(records)
                       for key, records in state["parked"].items()}
        self.next_id = state["next_id"]
