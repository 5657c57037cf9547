"""The world as it was before anybody touched it: chunks as a pure function of the seed.

A chunk is made in two stages. The bare one has land, caves, ores and pools and needs nothing of its neighbours. The
finished one adds what crosses borders, trees and villages, and what grows on top; it looks at the bare chunks around.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel import biomes, caves, ground, nether, ores, plants, pools, structures, trees
from veclink.envs.voxel.biomes import NAMES as BIOMES
from veclink.envs.voxel.noise import tables

__all__ = ["BIOMES", "KINDS", "Bare", "Mark", "Terrain"]

CHUNK, HEIGHT = 16, 128
KINDS = ("default", "flat", "nether")
CACHED_CHUNKS, CACHED_REGIONS = 192, 32
FLAT = ("bedrock", "dirt", "dirt", "grass")  # the flat world's layers, from y = 0 on
SEARCH = 64  # places that `spawn` looks at, on a widening square
SEARCH_STEP = 48  # blocks between them
DRY = tuple(BLOCKS.id(name) for name in ("grass", "sand", "mycelium", "end_stone", "dirt", "snow", "stone"))
OPEN_NETHER = tuple(BLOCKS.id(name) for name in ("netherrack", "soul_sand", "gravel", "nether_brick"))
SNOW_LAYER = BLOCKS.id("snow_layer")
LAKE = {biomes.OCEAN, biomes.DEEP_OCEAN, biomes.RIVER, biomes.FROZEN_RIVER, biomes.IDS["frozen_ocean"]}

Mark = tuple[str, int, int, int]


class Bare(NamedTuple):
    """A chunk without what grows on it.

    Attributes:
        blocks, meta: (16, 128, 16) uint8.
        biome: (16, 16) int64.
        height, ground: (16, 16) int64: y and id of the highest block that is not air.
        marks: of what lies below ground.
    """

    blocks: np.ndarray
    meta: np.ndarray
    biome: np.ndarray
    height: np.ndarray
    ground: np.ndarray
    marks: list[Mark]


class Terrain:
    """The overworld (or another world) of a seed.

    Args:
        seed: any integer.
        biome: a name or id among `BIOMES` for the same biome everywhere, None for Minecraft's mixture. "nether" gives
            the Nether, "the_end" land covered with end stone.
        kind: "default", "flat" (bedrock, two of dirt, grass) or "nether".
    """

    def __init__(self, seed: int, biome: int | str | None = None, kind: str = "default") -> None:
        if kind not in KINDS:
            raise UnknownName.of("kind of terrain", kind, KINDS)
        self.seed = seed & ((1 << 62) - 1)
        self.fixed = -1 if biome is None else biomes.biome_id(biome)
        self.kind = "nether" if self.fixed == biomes.IDS["nether"] and kind == "default" else kind
        self.rows = tables(self.seed)
        self._bare: OrderedDict[tuple[int, int], Bare] = OrderedDict()
        self._tunnels: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._villages: OrderedDict[tuple[int, int], structures.Village | None] = OrderedDict()

    # -- what others ask for -------------------------------------------------------------------------------------------

    def chunk(self, cx: int, cz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Blocks (16, 128, 16), metadata (16, 128, 16), biome (16, 16), all uint8, of the chunk from (16 cx, 16 cz)."""
        bare = self.bare(cx, cz)
        blocks, meta = bare.blocks.copy(), bare.meta.copy()
        if self.kind == "default":
            self._finish(cx, cz, blocks, meta)
        return blocks, meta, bare.biome.astype(np.uint8)

    def marks(self, cx: int, cz: int) -> list[Mark]:
        """What is to be put into a chunk once: ("chest" | "villager" | "spawner" | "blaze", x, y, z).

        Chests and spawners are there as blocks ("blaze" is a spawner of blazes); villagers stand at the place.
        """
        found = list(self.bare(cx, cz).marks)
        for village in self._villages_near(cx, cz):
            found += structures.marks(village, cx, cz, self._ground)
        return found

    def bare(self, cx: int, cz: int) -> Bare:
        """The chunk's first stage, kept for a while."""
        found = self._bare.get((cx, cz))
        if found is None:
            make = {"default": self._land, "flat": self._flat, "nether": self._nether}[self.kind]
            found = self._bare[cx, cz] = make(cx, cz)
            if len(self._bare) > CACHED_CHUNKS:
                self._bare.popitem(last=False)
        return found

    def spawn(self) -> tuple[int, int, int]:
        """A dry, open place near (0, 0), its feet's block; on the water where no land is found."""
        for x, z in self._places():
            if self.kind == "default" and self.fixed < 0 and self._biome(x, z) in LAKE:
                continue
            y = self._standing(x, z)
            if y:
                return x, y, z
        return (8, ground.SEA_LEVEL, 8) if self.kind == "default" else (8, int(self.bare(0, 0).height[8, 8]) + 1, 8)

    # -- stages --------------------------------------------------------------------------------------------------------

    def _land(self, cx: int, cz: int) -> Bare:
        blocks, meta, biome, height, top = _empty()
        tops, roof = np.empty((CHUNK + 2, CHUNK + 2), np.int64), np.empty((CHUNK, CHUNK), np.int64)
        biomes.biomes_of(self.rows, self.seed, self.fixed, cx * CHUNK, cz * CHUNK, 1, biome)
        ground.shape(self.rows, self.seed, self.fixed, cx, cz, blocks, tops)
        ground.soil(self.rows, self.seed, cx, cz, biome, tops, blocks, meta)
        ground.roofs(tops, roof)
        caves.carve(self.seed, blocks, meta, cx, cz, self._tunnels_near(cx, cz), roof)
        middle = biome[CHUNK // 2, CHUNK // 2]
        wet = biomes.RAINFALL[middle] > 0
        village = bool(self._villages_near(cx, cz))
        pools.pools(self.seed, cx, cz, bool(wet), not village, blocks, meta)
        found = np.empty((4, 4), np.int64)
        n = pools.dungeon(self.seed, cx, cz, blocks, meta, found)
        ores.lay(self.seed, blocks, meta, cx, cz, bool(biomes.ROCKY[middle]), bool(ground.STYLE[middle] == ground.MESA))
        ground.surface(blocks, height, top)
        marks = [("spawner" if kind == pools.SPAWNER_MARK else "chest", cx * CHUNK + i, y, cz * CHUNK + k)
                 for kind, i, y, k in found[:n].tolist()]
        return Bare(blocks, meta, biome, height, top, marks)

    def _flat(self, cx: int, cz: int) -> Bare:
        blocks, meta, biome, height, top = _empty()
        biome[:] = self.fixed if self.fixed >= 0 else biomes.IDS["plains"]
        for y, name in enumerate(FLAT):
            blocks[:, y] = BLOCKS.id(name)
        ground.surface(blocks, height, top)
        return Bare(blocks, meta, biome, height, top, [])

    def _nether(self, cx: int, cz: int) -> Bare:
        blocks, meta, biome, height, top = _empty()
        biome[:] = biomes.IDS["nether"]
        nether.land(self.rows, self.seed, cx, cz, blocks, meta)
        marks = nether.fortress(self.seed, cx, cz, blocks, meta)
        ground.surface(blocks, height, top)
        return Bare(blocks, meta, biome, height, top, marks)

    def _finish(self, cx: int, cz: int, blocks: np.ndarray, meta: np.ndarray) -> None:
        around = [[self.bare(cx + dx, cz + dz) for dz in (-1, 0, 1)] for dx in (-1, 0, 1)]
        biome = np.block([[chunk.biome for chunk in row] for row in around])
        height = np.block([[chunk.height for chunk in row] for row in around])
        top = np.block([[chunk.ground for chunk in row] for row in around])
        built = np.zeros((3 * CHUNK, 3 * CHUNK), np.bool_)
        villages = self._villages_near(cx, cz)
        for village in villages:
            structures.cover(village, (cx - 1) * CHUNK, (cz - 1) * CHUNK, built)
        trees.woods(self.seed, cx, cz, biome, height, top, built, blocks, meta)
        for village in villages:
            structures.build(village, cx, cz, self._ground, blocks, meta)
        plants.grow(self.rows, self.seed, cx, cz, biome, height, top, blocks, meta)

    # -- what the stages look at ---------------------------------------------------------------------------------------

    def _tunnels_near(self, cx: int, cz: int) -> np.ndarray:
        rx, rz = cx // caves.REGION, cz // caves.REGION
        return np.concatenate([self._tunnels_of(rx + dx, rz + dz) for dx in (-1, 0, 1) for dz in (-1, 0, 1)])

    def _tunnels_of(self, rx: int, rz: int) -> np.ndarray:
        found = self._tunnels.get((rx, rz))
        if found is None:
            found = self._tunnels[rx, rz] = caves.region_tunnels(self.seed, rx, rz)
            if len(self._tunnels) > CACHED_REGIONS:
                self._tunnels.popitem(last=False)
        return found

    def _villages_near(self, cx: int, cz: int) -> list[structures.Village]:
        """The villages that may reach into the chunk or the ones beside it."""
        if self.kind != "default":
            return []
        reach, side = structures.SPAN + 1, structures.SPACING
        found = []
        for rx in range((cx - reach) // side, (cx + reach) // side + 1):
            for rz in range((cz - reach) // side, (cz + reach) // side + 1):
                if (rx, rz) not in self._villages:
                    self._villages[rx, rz] = structures.village_of(self.rows, self.seed, self.fixed, rx, rz)
                    if len(self._villages) > CACHED_REGIONS:
                        self._villages.popitem(last=False)
                village = self._villages[rx, rz]
                if village is not None and village.near(cx, cz):
                    found.append(village)
        return found

    def _ground(self, x: int, z: int) -> tuple[int, int]:
        """Height and ground of one column."""
        bare = self.bare(x // CHUNK, z // CHUNK)
        return int(bare.height[x % CHUNK, z % CHUNK]), int(bare.ground[x % CHUNK, z % CHUNK])

    def _biome(self, x: int, z: int) -> int:
        return self.fixed if self.fixed >= 0 else int(biomes.biome_at(self.rows, self.seed, x, z))

    @staticmethod
    def _places() -> list[tuple[int, int]]:
        """Columns on a widening square about (8, 8)."""
        side = range(-SEARCH // 8, SEARCH // 8 + 1)
        around = sorted((max(abs(i), abs(k)), i, k) for i in side for k in side)
        return [(8 + SEARCH_STEP * i, 8 + SEARCH_STEP * k) for _, i, k in around]

    def _standing(self, x: int, z: int) -> int:
        """y of the feet on a dry, open spot of the column, 0 for none."""
        if self.kind == "default":
            height, top = self._ground(x, z)
            if height < ground.SEA_LEVEL - 1 or top not in DRY:
                return 0
        blocks, _, _ = self.chunk(x // CHUNK, z // CHUNK)
        column = blocks[x % CHUNK, :, z % CHUNK]
        wanted = OPEN_NETHER if self.kind == "nether" else DRY
        for y in range(100, 0, -1):
            if column[y - 1] in wanted and column[y] in (0, SNOW_LAYER) and not column[y + 1 : y + 3].any():
                if self.kind != "nether" and BLOCKS.opaque[column[y + 3 :]].any():
                    return 0  # a cave under the ground that one would stand on
                return y
        return 0


def _empty() -> tuple[np.ndarray, ...]:
    """Blocks and metadata (16, 128, 16), biome, height and ground (16, 16)."""
    blocks = np.zeros((CHUNK, HEIGHT, CHUNK), np.uint8)
    columns = [np.zeros((CHUNK, CHUNK), np.int64) for _ in range(3)]
    return blocks, np.zeros_like(blocks), *columns
