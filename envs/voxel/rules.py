"""What blocks do by themselves: react to changes beside them, act when their time has come, and by chance.

Each kind of behaviour is a module with tables, block name -> function(world, x, y, z): REACT for a block that changed
or whose neighbour did, DUE for a tick that was scheduled, RANDOM for random ticks; USE, function(world, x, y, z, face)
-> bool, for the player's hand. This module only decides when they are called.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel import (
    containers,
    doors,
    explosion,
    falling,
    fire,
    fluids,
    furnaces,
    growth,
    portal,
    support,
)  # fmt: skip
from veclink.envs.voxel.chance import below
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.physics import IN_PORTAL

MODULES = (fluids, falling, support, growth, doors, fire, portal)
NEAR = ((0, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1), (-1, 0, 0), (1, 0, 0))
DRAWS = 3  # random ticks a section of 16 x 16 x 16 and tick
SECTION = 16
MOST_REACTIONS = 20_000  # a tick; what is left waits for the next one
MOST_HITS = 512  # random ticks that find something to do, a tick

Act = Callable[[Any, int, int, int], None]


def merged(table: str) -> list[tuple[Act, ...]]:
    """By block id, the functions of all modules' tables of one name, in the order of the modules."""
    found: list[list[Act]] = [[] for _ in range(256)]
    for module in MODULES:
        for name, act in getattr(module, table, {}).items():
            found[BLOCKS.id(name)].append(act)
    return [tuple(acts) for acts in found]


def flagged(acts: list[tuple[Act, ...]]) -> np.ndarray:
    """(256,) bool: which blocks have any."""
    return np.array([bool(each) for each in acts])


def bits() -> np.ndarray:
    """(256,) uint8: metadata bits without which a block's random tick does nothing; 0 where it always may."""
    found = np.zeros(256, np.uint8)
    for module in MODULES:
        for name, needed in getattr(module, "ONLY_WITH", {}).items():
            found[BLOCKS.id(name)] = needed
    return found


REACT, DUE, RANDOM, USE = (merged(table) for table in ("REACT", "DUE", "RANDOM", "USE"))
REACTS, RANDOMLY, NEEDED = flagged(REACT), flagged(RANDOM), bits()


@njit(cache=True)
def drawn(blocks, meta, top, bounds, randomly, needed, state, found):
    """Random ticks of all loaded sections: positions (n, 3) of blocks that do something by chance; how many.

    Sections above a chunk's highest block are passed over: there is only air.
    """
    count = 0
    for x0 in range(bounds[0], bounds[1], SECTION):
        for z0 in range(bounds[2], bounds[3], SECTION):
            highest = 0
            for i in range(0, SECTION, 5):
                for k in range(0, SECTION, 5):
                    highest = max(highest, top[(x0 + i) & MASK, (z0 + k) & MASK])
            for y0 in range(0, min(highest + SECTION, HEIGHT), SECTION):
                words = below(state, 1 << (12 * DRAWS))
                for draw in range(DRAWS):
                    word = words >> (12 * draw) & (SECTION * SECTION * SECTION - 1)
                    x, y, z = x0 + (word & 15), y0 + (word >> 8), z0 + ((word >> 4) & 15)
                    block = blocks[x & MASK, y, z & MASK]
                    if not randomly[block] or count == len(found):
                        continue
                    if needed[block] == 0 or meta[x & MASK, y, z & MASK] & needed[block]:
                        found[count, 0], found[count, 1], found[count, 2] = x, y, z
                        count += 1
    return count


class Rules:
    """The block rules of a world.

    Attributes:
        now: ticks since the start, the clock of what is scheduled.
    """

    def __init__(self, world: Any) -> None:
        self.now = 0
        self._due: list[tuple[int, int, int, int, int]] = []  # heap of (tick, order, x, y, z)
        self._waiting: set[tuple[int, int, int]] = set()
        self._order = 0
        self._found = np.zeros((MOST_HITS, 3), np.int64)
        self._heard = 0

    # -- time ----------------------------------------------------------------------------------------------------------

    def schedule(self, x: int, y: int, z: int, delay: int) -> None:
        """Have DUE called for a place after so many ticks; a place waits for one such call at a time."""
        if (x, y, z) in self._waiting:
            return
        self._waiting.add((x, y, z))
        self._order += 1
        heapq.heappush(self._due, (self.now + max(1, delay), self._order, x, y, z))

    def tick(self, world: Any) -> None:
        """One tick: reactions, what is due, random ticks, furnaces, weather on the ground."""
        self.now += 1
        if world.grid.woken:
            self._react(world)
        while self._due and self._due[0][0] <= self.now:
            _, _, x, y, z = heapq.heappop(self._due)
            self._waiting.discard((x, y, z))
            for act in DUE[world.grid.get(x, y, z)]:
                act(world, x, y, z)
        grid = world.grid
        count = drawn(grid.blocks, grid.meta, grid.top, grid.bounds, RANDOMLY, NEEDED, world.chance.state, self._found)
        for x, y, z in self._found[:count].tolist():
            for act in RANDOM[grid.get(x, y, z)]:
                act(world, x, y, z)
        if grid.contents:
            furnaces.tick(world)
        growth.weather(world)
        self._listen(world)

    def _react(self, world: Any) -> None:
        """Every block that changed, and its six neighbours, in order; what they set wakes others in the next tick."""
        grid = world.grid
        woken = grid.woken[:MOST_REACTIONS]
        del grid.woken[:MOST_REACTIONS]
        done: set[tuple[int, int, int]] = set()
        for x, y, z in woken:
            if (x, y, z) in grid.contents and grid.get(x, y, z) not in containers.KINDS:
                containers.spill(world, x, y, z)
            for dx, dy, dz in NEAR:
                place = (x + dx, y + dy, z + dz)
                if place in done:
                    continue
                done.add(place)
                block = grid.get(*place)
                if REACTS[block]:
                    for act in REACT[block]:
                        act(world, *place)

    def _listen(self, world: Any) -> None:
        """Feet on farmland, and standing in a portal."""
        events = world.events
        for kind, what in events[self._heard :]:
            if kind == "landed":
                growth.trample(world, what["x"], what["y"], what["z"], what["distance"])
        self._heard = len(events)
        if world.player.bits & IN_PORTAL:
            portal.stand(world)

    # -- what others call ----------------------------------------------------------------------------------------------

    def use(self, world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
        """The player's hand on a block; whether that did something."""
        acts: Any = USE[world.grid.get(x, y, z)]
        return any(act(world, x, y, z, face) for act in acts)

    def bonemeal(self, world: Any, x: int, y: int, z: int) -> bool:
        """Bone meal on a block; whether it had an effect."""
        return growth.bonemeal(world, x, y, z)

    def light_portal(self, world: Any, x: int, y: int, z: int) -> bool:
        """Fire inside a frame of obsidian; whether it made a portal."""
        return portal.light(world, x, y, z)

    def explode(self, world: Any, x: float, y: float, z: float, power: float) -> None:
        """Blocks, bodies and drops around an explosion."""
        explosion.explode(world, x, y, z, power)

    def container_at(self, world: Any, x: int, y: int, z: int) -> containers.Container:
        """What a chest or furnace holds."""
        return containers.at(world, x, y, z)

    def settle(self, world: Any, cx: int, cz: int) -> None:
        """A chunk came: chests that the terrain placed there are filled, once."""
        for kind, x, y, z, *_ in world.terrain.marks(cx, cz):
            if kind == "chest" and (cx, cz) not in world.spawning.seen:
                containers.found_chest(world, x, y, z)

    def begin_step(self) -> None:
        """The list of events was emptied."""
        self._heard = 0

    # -- saving --------------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Another realm: nothing is scheduled there."""
        self._due.clear()
        self._waiting.clear()

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"now": self.now, "order": self._order, "due": [list(entry) for entry in sorted(self._due)]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.now, self._order = state["now"], state["order"]
        self._due = [(t, order, x, y, z) for t, order, x, y, z in state["due"]]
        heapq.heapify(self._due)
        self._waiting = {(x, y, z) for _, _, x, y, z in self._due}
        self._heard = 0
