"""Where mobs come from: packs of animals when a chunk is seen first, monsters in the dark, bats and squid, spawners.

Minecraft 1.11's rules, on the loaded chunks instead of 17 x 17 of them: the most of each class is scaled to the area.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, MOBS
from veclink.envs.facts.mobs import Spawn
from veclink.envs.voxel.biomes import NAMES
from veclink.envs.voxel.chance import Chance, below, hashed
from veclink.envs.voxel.kinds import BEHAVIOUR, HOP, HOSTILE, KINDS, SHADY
from veclink.envs.voxel.paths import LIQUID, SOLID, WATER, at, can_stand

MOST = {"monster": 70, "creature": 10, "ambient": 15, "water": 5}  # in the area of 1.11
FULL_AREA = 17 * 17  # chunks of that area
FIRST_PACKS = 0.1  # chance of a pack (and of one more) in a new chunk
PACK_TRIES = 4
NO_NEARER = 24.0  # blocks from the player, and from where the player began
FULL_CUBE, HEIGHT = np.array(BLOCKS.full), 128
GRASS, MYCELIUM = BLOCKS.id("grass"), BLOCKS.id("mycelium")
SAND, SNOW_LAYER = BLOCKS.id("sand"), BLOCKS.id("snow_layer")
GROUNDS = {"mooshroom": (MYCELIUM,), "rabbit": (GRASS, SAND, SNOW_LAYER, BLOCKS.id("snow")),
           "polar_bear": (GRASS, SNOW_LAYER, BLOCKS.id("snow"), BLOCKS.id("ice"))}
SLIME_CHUNKS, SLIME_SALT, PACK_SALT = 0.1, 987, 2311
SWAMP_Y, CAVE_Y, BATS_Y, SEA = (50, 70), 40, 63, 63
SPAWNER, SPAWNER_NEAR, SPAWNER_MOST, SPAWNER_DELAY = BLOCKS.id("mob_spawner"), 16.0, 6, (200, 799)
SPAWNER_KINDS = ("zombie", "zombie", "skeleton", "spider")
ANIMALS_EVERY, OTHERS_EVERY = 400, 20  # ticks
ROOM_LEFT = 8  # slots that natural spawning leaves free, for offspring and what tasks ask for


def _ways(group: str) -> dict[int, tuple[tuple[str, Spawn], ...]]:
    """For every biome by id: (kind's name, way of appearing) of one group. What is bound to a fortress comes by
    spawners only; slimes' places are looked at in `_suits`."""
    return {number: tuple((MOBS.names[kind], spawn) for kind, spawn in MOBS.spawn_table(name, group)
                          if spawn.place != "fortress") for number, name in NAMES.items()}


CREATURES, MONSTERS, AMBIENT, WATERS = (_ways(group) for group in ("creature", "monster", "ambient", "water"))


@njit(cache=True)
def dark_packs(blocks, light, bounds, top, darkness, x, y, z, home_x, home_y, home_z, state, found):
    """Look for a place for a pack of monsters: one draw a chunk; stop at the first chunk that has room.

    Args:
        blocks, light, bounds, top: the grid's.
        darkness: what is taken off the sky's light now.
        x, y, z: the player's; home_x, home_y, home_z: where the world begins.
        state: the world's draws.
        found: (12, 4) int64: number of the pack (0..2), x, y, z of each place; written.

    Returns:
        how many places were found.
    """
    n = 0
    for chunk_x in range(bounds[0], bounds[1], 16):
        for chunk_z in range(bounds[2], bounds[3], 16):
            from_x, from_z = chunk_x + below(state, 16), chunk_z + below(state, 16)
            from_y = below(state, np.int64(top[from_x & 127, from_z & 127]) + 2)
            if FULL_CUBE[at(blocks, bounds, from_x, from_y, from_z)]:
                continue
            for pack in range(3):
                to_x, to_z = from_x, from_z
                for _ in range(1 + below(state, 4)):
                    to_x += below(state, 6) - below(state, 6)
                    to_z += below(state, 6) - below(state, 6)
                    px, py, pz = to_x + 0.5 - x, from_y - y, to_z + 0.5 - z
                    hx, hy, hz = to_x + 0.5 - home_x, from_y - home_y, to_z + 0.5 - home_z
                    if (px * px + py * py + pz * pz < NO_NEARER * NO_NEARER
                            or hx * hx + hy * hy + hz * hz < NO_NEARER * NO_NEARER):
                        continue
                    if is_dark(blocks, light, bounds, darkness, to_x, from_y, to_z, state):
                        found[n, 0], found[n, 1], found[n, 2], found[n, 3] = pack, to_x, from_y, to_z
                        n += 1
            if n > 0:
                return n
    return n


@njit(cache=True)
def is_dark(blocks, light, bounds, darkness, x, y, z, state):
    """Whether a monster two blocks high has ground, room and, by chance as in 1.11, darkness enough."""
    if y < 1 or y > 126 or not FULL_CUBE[at(blocks, bounds, x, y - 1, z)]:
        return False
    if not can_stand(blocks, bounds, x, y, z, 2, False) or SOLID[at(blocks, bounds, x, y, z)]:
        return False
    both = light[x & 127, y, z & 127]
    sky, glow = np.int64(both >> 4), np.int64(both & 15)
    return sky <= below(state, 32) and max(sky - darkness, glow) <= below(state, 8)


class Spawning:
    """Natural spawning.

    Args:
        seed: of the world: decides which animals a chunk has and where slimes live.
        terrain: gives `marks(cx, cz)`, places of villagers and spawners; None for none.
        allowed: whether anything comes by itself.
        home: (3,) where the world begins; no monsters appear near it.

    Attributes:
        seen: chunks that had their first animals.
        spawners: kind and ticks to the next try, by position.
    """

    def __init__(self, seed: int = 0, terrain: Any = None, allowed: bool = True,
                 home: tuple[float, float, float] = (0.0, 64.0, 0.0)) -> None:
        self.seed, self.terrain, self.allowed, self.home = seed, terrain, allowed, home
        self.seen: set[tuple[int, int]] = set()
        self.spawners: dict[tuple[int, int, int], list[Any]] = {}
        self.ticks = 0
        self._found = np.zeros((12, 4), np.int64)

    # -- first animals -------------------------------------------------------------------------------------------------

    def settle(self, world: Any, cx: int, cz: int) -> None:
        """Call after a chunk was loaded: the first time it gets its animals, its villagers and its spawners."""
        if (cx, cz) in self.seen:
            return
        self.seen.add((cx, cz))
        world.mobs.world = world
        self._marks(world, cx, cz)
        if not self.allowed:
            return
        # The chunk's own draws: the same animals, whichever way the player came.
        draws = Chance(int(hashed(self.seed, cx, PACK_SALT, cz, PACK_SALT) * 2**52))
        ways = CREATURES.get(world.grid.biome_at(16 * cx + 8, 16 * cz + 8), ())
        while ways and draws.uniform() < FIRST_PACKS:
            name, way = _drawn(ways, draws)
            low, high = way.pack
            x, z = 16 * cx + draws.below(16), 16 * cz + draws.below(16)
            for _ in range(draws.between(low, high)):
                for _ in range(PACK_TRIES):
                    near_x = min(16 * cx + 15, max(16 * cx, x + draws.below(5) - draws.below(5)))
                    near_z = min(16 * cz + 15, max(16 * cz, z + draws.below(5) - draws.below(5)))
                    if self._animal(world, name, near_x, near_z, draws) >= 0:
                        x, z = near_x, near_z
                        break

    def _marks(self, world: Any, cx: int, cz: int) -> None:
        if self.terrain is None:
            return
        for kind, x, y, z, *more in self.terrain.marks(cx, cz):
            if kind == "villager" and self.allowed:
                world.mobs.add("villager", x + 0.5, y, z + 0.5)
            elif kind in ("spawner", "blaze"):
                name = "blaze" if kind == "blaze" else SPAWNER_KINDS[
                    int(hashed(self.seed, x, y, z, PACK_SALT) * len(SPAWNER_KINDS))]
                if more and more[0] in MOBS.names:
                    name = more[0]
                self.spawners[x, y, z] = [name, SPAWNER_DELAY[0]]

    def _animal(self, world: Any, name: str, x: int, z: int, draws: Chance) -> int:
        """Put an animal on top of a column; its slot or -1."""
        grid = world.grid
        if not grid.loaded(x, z) or not self._room(world):
            return -1
        y = int(grid.top[x & 127, z & 127])
        ground = SNOW_LAYER if grid.get(x, y, z) == SNOW_LAYER else grid.get(x, y - 1, z)
        if ground not in GROUNDS.get(name, (GRASS,)):
            return -1
        if not can_stand(grid.blocks, grid.bounds, x, y, z, math.ceil(float(KINDS["height"][MOBS.id(name)])), False):
            return -1
        baby = draws.uniform() < BEHAVIOUR[name]["baby"]
        return world.mobs.add(name, x + 0.5, float(y), z + 0.5, baby=baby)

    # -- every tick ----------------------------------------------------------------------------------------------------

    def tick(self, world: Any) -> None:
        """One tick: monsters, now and then animals, bats and squid; spawners always."""
        self.ticks += 1
        world.mobs.world = world
        mobs = world.mobs
        if mobs.difficulty == "peaceful" and self.ticks % OTHERS_EVERY == 1:
            moods = KINDS["mood"][mobs.records["kind"]]
            mobs.records["alive"] &= (moods != HOSTILE) & (moods != SHADY)
        if self.spawners:
            self._spawners(world)
        if not self.allowed:
            return
        if mobs.difficulty != "peaceful":
            self._monsters(world)
        if self.ticks % OTHERS_EVERY == 0:
            self._ambient(world)
        if self.ticks % ANIMALS_EVERY == 0 and self._count(world, "creature") < self._most(world, "creature"):
            self._stray_animals(world)

    def _monsters(self, world: Any) -> None:
        if self._count(world, "monster") >= self._most(world, "monster") or not self._room(world):
            return
        grid = world.grid
        x, y, z = (float(part) for part in world.player.pos)
        darkness = 10 if world.sky.weather == 2 else int(world.sky.darkness)
        n = dark_packs(grid.blocks, grid.light, grid.bounds, grid.top, darkness, x, y, z, *self.home,
                       world.chance.state, self._found)
        chosen: dict[int, tuple[str, Spawn]] = {}
        for pack, to_x, to_y, to_z in self._found[:n].tolist():
            ways = MONSTERS.get(grid.biome_at(to_x, to_z), ())
            if not ways:
                return
            if pack not in chosen:
                chosen[pack] = _drawn(ways, world.chance)
            name = chosen[pack][0]
            if self._suits(world, name, to_x, to_y, to_z):
                baby = world.chance.uniform() < BEHAVIOUR[name]["baby"]
                world.mobs.add(name, to_x + 0.5, float(to_y), to_z + 0.5, baby=baby)

    def _suits(self, world: Any, name: str, x: int, y: int, z: int) -> bool:
        """What a kind asks of a place beyond darkness: room for tall and wide ones, slimes' own places."""
        grid, known = world.grid, KINDS[MOBS.id(name)]
        if not self._room(world):
            return False
        if name == "slime":
            swamp = NAMES.get(grid.biome_at(x, z), "").startswith("swampland")
            if swamp and SWAMP_Y[0] < y < SWAMP_Y[1]:
                return world.chance.uniform() < 0.5
            return y < CAVE_Y and self.slimes_live_in(x >> 4, z >> 4) and world.chance.below(10) == 0
        half = 1 if known["width"] > 1 and known["moves"] != HOP else 0
        tall = math.ceil(float(known["height"]) - 0.05)
        for near_x in range(x - half, x + half + 1):
            for near_z in range(z - half, z + half + 1):
                for up in range(tall):
                    if SOLID[grid.get(near_x, y + up, near_z)]:
                        return False
        return True

    def slimes_live_in(self, cx: int, cz: int) -> bool:
        """Whether a chunk is one of the tenth in which slimes spawn deep down."""
        return bool(hashed(self.seed, cx, SLIME_SALT, cz, SLIME_SALT) < SLIME_CHUNKS)

    def _ambient(self, world: Any) -> None:
        """One try for a bat and one for a squid."""
        grid, chance = world.grid, world.chance
        x0, x1, z0, z1 = (int(part) for part in grid.bounds)
        x, z, y = chance.between(x0, x1 - 1), chance.between(z0, z1 - 1), chance.between(1, BATS_Y - 1)
        px, py, pz = (float(part) for part in world.player.pos)
        if math.dist((x, y, z), (px, py, pz)) < NO_NEARER or not self._room(world):
            return
        here = grid.get(x, y, z)
        if LIQUID[here] == WATER and y > SEA - 18 and LIQUID[grid.get(x, y - 1, z)] == WATER:
            if WATERS.get(grid.biome_at(x, z)) and self._count(world, "water") < self._most(world, "water"):
                for number in range(chance.between(1, 4)):
                    world.mobs.add("squid", x + 0.5 + 0.1 * number, float(y), z + 0.5)
        elif here == 0 and AMBIENT.get(grid.biome_at(x, z)) and grid.sky(x, y, z) == 0 and (
                grid.glow(x, y, z) <= chance.below(4) and self._count(world, "ambient") < self._most(world, "ambient")):
            world.mobs.add("bat", x + 0.5, float(y), z + 0.5)

    def _stray_animals(self, world: Any) -> None:
        grid, chance = world.grid, world.chance
        x0, x1, z0, z1 = (int(part) for part in grid.bounds)
        x, z = chance.between(x0, x1 - 1), chance.between(z0, z1 - 1)
        ways = CREATURES.get(grid.biome_at(x, z), ())
        px, _, pz = (float(part) for part in world.player.pos)
        if not ways or math.hypot(x - px, z - pz) < NO_NEARER or grid.sky(x, int(grid.top[x & 127, z & 127]), z) < 9:
            return
        name = _drawn(ways, chance)[0]
        for _ in range(4):
            self._animal(world, name, x + chance.below(6) - chance.below(6), z + chance.below(6) - chance.below(6),
                         chance)

    def _spawners(self, world: Any) -> None:
        px, py, pz = (float(part) for part in world.player.pos)
        for (x, y, z), wait in sorted(self.spawners.items()):
            if math.dist((x + 0.5, y + 0.5, z + 0.5), (px, py, pz)) > SPAWNER_NEAR:
                continue
            if world.grid.get(x, y, z) != SPAWNER:
                del self.spawners[x, y, z]
                continue
            wait[1] -= 1
            if wait[1] <= 0:
                wait[1] = world.chance.between(*SPAWNER_DELAY)
                self._out_of(world, wait[0], x, y, z)

    def _out_of(self, world: Any, name: str, x: int, y: int, z: int) -> None:
        """A spawner's turn: up to four, where it is dark (blazes: anywhere), while fewer than six are near."""
        grid, chance, records = world.grid, world.chance, world.mobs.records
        if world.mobs.difficulty == "peaceful":
            return
        near = records["alive"] & (records["kind"] == MOBS.id(name)) & (np.abs(records["x"] - x) < 8) & (
            np.abs(records["z"] - z) < 8) & (np.abs(records["y"] - y) < 8)
        for _ in range(min(4, SPAWNER_MOST - int(near.sum()))):
            to_x, to_z = x + chance.below(5) - chance.below(5), z + chance.below(5) - chance.below(5)
            to_y = y + chance.below(3) - 1
            if not grid.loaded(to_x, to_z) or not self._room(world):
                continue
            clear = not SOLID[grid.get(to_x, to_y, to_z)] and not SOLID[grid.get(to_x, to_y + 1, to_z)]
            light = max(grid.sky(to_x, to_y, to_z) - int(world.sky.darkness), grid.glow(to_x, to_y, to_z))
            if clear and (name == "blaze" or light <= chance.below(8)):
                world.mobs.add(name, to_x + 0.5, float(to_y), to_z + 0.5)

    # -- how many ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _room(world: Any) -> bool:
        return int(np.count_nonzero(world.mobs.records["alive"])) < len(world.mobs.records) - ROOM_LEFT

    @staticmethod
    def _count(world: Any, what: str) -> int:
        records = world.mobs.records
        return int(np.count_nonzero(CLASS[what][records["kind"]] & records["alive"]))

    @staticmethod
    def _most(world: Any, what: str) -> float:
        x0, x1, z0, z1 = world.grid.bounds
        return MOST[what] * (x1 - x0) * (z1 - z0) / 256 / FULL_AREA

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"seen": [list(chunk) for chunk in sorted(self.seen)], "ticks": self.ticks, "allowed": self.allowed,
                "spawners": [[*place, *wait] for place, wait in sorted(self.spawners.items())]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.seen = {(int(cx), int(cz)) for cx, cz in state["seen"]}
        self.spawners = {(x, y, z): [name, left] for x, y, z, name, left in state["spawners"]}
        self.ticks, self.allowed = state["ticks"], state["allowed"]


def _drawn(ways: tuple[tuple[str, Spawn], ...], chance: Chance) -> tuple[str, Spawn]:
    """One of the ways, by weight."""
    left = chance.uniform() * sum(way.weight for _, way in ways)
    for name, way in ways:
        left -= way.weight
        if left < 0:
            return name, way
    return ways[-1]


def _members(ways: dict[int, tuple[tuple[str, Spawn], ...]]) -> np.ndarray:
    """(kinds,) bool: which kinds belong to a group."""
    mask = np.zeros(len(MOBS.names), bool)
    mask[[MOBS.id(name) for row in ways.values() for name, _ in row]] = True
    return mask


CLASS = {"monster": _members(MONSTERS) | np.isin(KINDS["mood"], (HOSTILE, SHADY)), "creature": _members(CREATURES),
         "ambient": _members(AMBIENT), "water": _members(WATERS)}
