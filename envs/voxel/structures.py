"""Villages: where they are, how their roads and houses lie, and the parts of them that fall into a chunk.

As in Minecraft 1.11 there is at most one in every 32 x 32 chunks, where its middle is plains, savanna, taiga or
desert. The plan follows from the seed alone; a house stands at the height of the ground under it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel import houses
from veclink.envs.voxel.biomes import DEEP_OCEAN, NAMES, OCEAN, biome_at
from veclink.envs.voxel.chance import Chance, hashed
from veclink.envs.voxel.houses import Building, Style

SPACING, APART = 32, 8  # chunks: side of a region, least distance of the villages of two regions
SPAN = 5  # chunks to each side that a village may reach
SALT = 7800
HEADROOM = 7  # blocks cleared above a building's ground
DEEPEST = 20  # blocks that a foundation goes down
GROWN = ("plains", "savanna", "taiga", "desert")
STEP = ((0, -1), (1, 0), (0, 1), (-1, 0))  # north, east, south, west

AIR, WATER, PLANKS, PATH = (BLOCKS.id(name) for name in ("air", "water", "planks", "grass_path"))
DIRT, SANDSTONE, GRASS = BLOCKS.id("dirt"), BLOCKS.id("sandstone"), BLOCKS.id("grass")
PAVED = {BLOCKS.id(name) for name in ("grass", "dirt", "sand", "gravel", "stone")}

Column = Callable[[int, int], tuple[int, int]]


class Piece:
    """One building in its place.

    Attributes:
        x, z, width, depth: its ground as it lies.
        y: height of its ground, None before anybody asked; `gone` where there turned out to be water.
    """

    def __init__(self, building: Building, x: int, z: int, turn: int) -> None:
        self.building, self.x, self.z, self.turn = building, x, z, turn
        self.width, self.depth = ((building.width, building.depth), (building.depth, building.width))[turn % 2]
        self.y: int | None = None
        self.gone = False

    def touches(self, x0: int, z0: int, x1: int, z1: int) -> bool:
        """Whether it has a part in x0..x1, z0..z1 (ends excluded)."""
        return self.x < x1 and x0 < self.x + self.width and self.z < z1 and z0 < self.z + self.depth

    def settle(self, column: Column) -> None:
        """Find its height: the middle one of the ground under it."""
        if self.y is None:
            found = [column(x, z) for x in range(self.x, self.x + self.width)
                     for z in range(self.z, self.z + self.depth)]
            self.y = sorted(height for height, _ in found)[len(found) // 2]
            self.gone = 3 * sum(ground == WATER for _, ground in found) > len(found)

    def world(self, x: int, z: int) -> tuple[int, int]:
        """Where a column of the building lies in the world."""
        a, c = self.building.spot(x, z, self.turn)
        return self.x + a, self.z + c


class Village(NamedTuple):
    """A village's plan: its buildings, the columns of its roads, whether it stands on sand, and x0, x1, z0, z1."""

    pieces: list[Piece]
    roads: set[tuple[int, int]]
    sandy: bool
    box: tuple[int, int, int, int]

    def near(self, cx: int, cz: int) -> bool:
        """Whether it may have a part in a chunk or in one beside it."""
        x0, x1, z0, z1 = self.box
        return x0 < 16 * cx + 32 and 16 * cx - 16 < x1 and z0 < 16 * cz + 32 and 16 * cz - 16 < z1


def village_of(rows: np.ndarray, seed: int, fixed: int, rx: int, rz: int) -> Village | None:
    """The village of a region of chunks, None where it has none."""
    room = SPACING - APART
    cx = rx * SPACING + int(room * hashed(seed, rx, 0, rz, SALT))
    cz = rz * SPACING + int(room * hashed(seed, rx, 1, rz, SALT))
    x, z = 16 * cx + 5, 16 * cz + 5
    name = NAMES[_biome(rows, seed, fixed, x, z)]
    if name not in GROWN:
        return None
    for dx, dz in STEP:
        if _biome(rows, seed, fixed, x + 40 * dx, z + 40 * dz) in (OCEAN, DEEP_OCEAN):
            return None
    return _plan(houses.STYLES[name], Chance(int(hashed(seed, rx, 2, rz, SALT) * 2**53)), x, z, name == "desert")


def _biome(rows: np.ndarray, seed: int, fixed: int, x: int, z: int) -> int:
    return fixed if fixed >= 0 else int(biome_at(rows, seed, x, z))


def _plan(style: Style, chance: Chance, x: int, z: int, sandy: bool) -> Village:
    pieces = [Piece(houses.well(style), x, z, 0)]
    roads: set[tuple[int, int]] = set()
    for way in range(4):
        dx, dz = STEP[way]
        start_x, start_z = x + 2 + 4 * dx, z + 2 + 4 * dz
        length = chance.between(22, 46)
        _road(roads, start_x, start_z, way, length)
        if chance.below(3) > 0:
            fork, side = chance.between(14, length), (way + 1 + 2 * chance.below(2)) % 4
            _road(roads, start_x + dx * fork, start_z + dz * fork, side, chance.between(12, 24))
    for way in range(4):
        dx, dz = STEP[way]
        for side in (1, 3):
            _row(style, chance, pieces, roads, x + 2 + 4 * dx, z + 2 + 4 * dz, way, (way + side) % 4)
    ends_x = [piece.x for piece in pieces] + [piece.x + piece.width for piece in pieces] + [i for i, _ in roads]
    ends_z = [piece.z for piece in pieces] + [piece.z + piece.depth for piece in pieces] + [k for _, k in roads]
    return Village(pieces, roads, sandy, (min(ends_x), max(ends_x) + 1, min(ends_z), max(ends_z) + 1))


def _road(roads: set[tuple[int, int]], x: int, z: int, way: int, length: int) -> None:
    """Three blocks wide, from a place on."""
    dx, dz = STEP[way]
    for along in range(length):
        for across in (-1, 0, 1):
            roads.add((x + dx * along + abs(dz) * across, z + dz * along + abs(dx) * across))


def _row(style: Style, chance: Chance, pieces: list[Piece], roads: set[tuple[int, int]], x: int, z: int, way: int,
         side: int) -> None:
    """Buildings along one side of a road, their fronts to it."""
    dx, dz = STEP[way]
    out_x, out_z = STEP[side]
    along = chance.between(3, 6)
    while along < 46:
        building = _building(style, chance)
        turn = (side + 2) % 4  # the front looks back to the road
        width, depth = ((building.width, building.depth), (building.depth, building.width))[turn % 2]
        middle_x = x + dx * (along + building.width // 2) + out_x * (3 + building.depth // 2)
        middle_z = z + dz * (along + building.width // 2) + out_z * (3 + building.depth // 2)
        piece = Piece(building, middle_x - width // 2, middle_z - depth // 2, turn)
        if (x + dx * along, z + dz * along) in roads and _free(piece, pieces, roads):
            pieces.append(piece)
            along += building.width + chance.between(1, 4)
        else:
            along += 2


def _building(style: Style, chance: Chance) -> Building:
    draw = chance.below(20)
    if draw < 4:
        return houses.hut(style, chance)
    if draw < 8:
        return houses.cottage(style, chance)
    if draw < 10:
        return houses.library(style, chance)
    if draw < 12:
        return houses.smithy(style, chance)
    if draw < 13:
        return houses.church(style, chance)
    if draw < 15:
        return houses.lamp(style)
    return houses.farm(style, chance, 1 + chance.below(3))


def _free(piece: Piece, pieces: list[Piece], roads: set[tuple[int, int]]) -> bool:
    x0, z0, x1, z1 = piece.x - 1, piece.z - 1, piece.x + piece.width + 1, piece.z + piece.depth + 1
    if any(other.touches(x0, z0, x1, z1) for other in pieces):
        return False
    return not any((x, z) in roads for x in range(piece.x, piece.x + piece.width)
                   for z in range(piece.z, piece.z + piece.depth))


def cover(village: Village, x0: int, z0: int, built: np.ndarray, margin: int = 3) -> None:
    """Mark in `built` (n, n) bool, which begins at (x0, z0), where no tree may stand."""
    n = built.shape[0]
    for piece in village.pieces:
        i, k = piece.x - x0, piece.z - z0
        built[max(0, i - margin) : max(0, i + piece.width + margin),
              max(0, k - margin) : max(0, k + piece.depth + margin)] = True
    for x, z in village.roads:
        if 0 <= x - x0 < n and 0 <= z - z0 < n:
            built[x - x0, z - z0] = True


def build(village: Village, cx: int, cz: int, column: Column, blocks: np.ndarray, meta: np.ndarray) -> None:
    """Put the village's parts into a chunk: `blocks`, `meta` (16, 128, 16). `column` gives height and ground."""
    x0, z0 = 16 * cx, 16 * cz
    for i in range(16):
        for k in range(16):
            if (x0 + i, z0 + k) in village.roads:
                _pave(village, column(x0 + i, z0 + k), blocks[i, :, k], meta[i, :, k])
    for piece in village.pieces:
        if piece.touches(x0, z0, x0 + 16, z0 + 16):
            piece.settle(column)
            if not piece.gone:
                _erect(piece, village.sandy, x0, z0, blocks, meta)


def _pave(village: Village, ground: tuple[int, int], blocks: np.ndarray, meta: np.ndarray) -> None:
    """One column of a road: a path, or a bridge over water."""
    y, block = ground
    if block == WATER:
        blocks[y], meta[y] = PLANKS, 0
    elif block in PAVED:
        blocks[y], meta[y] = (SANDSTONE if village.sandy else PATH), 0
    blocks[y + 1 : y + 4], meta[y + 1 : y + 4] = AIR, 0


def _erect(piece: Piece, sandy: bool, x0: int, z0: int, blocks: np.ndarray, meta: np.ndarray) -> None:
    y = piece.y or 0
    for i in range(max(0, piece.x - x0), min(16, piece.x + piece.width - x0)):
        for k in range(max(0, piece.z - z0), min(16, piece.z + piece.depth - z0)):
            blocks[i, y + 1 : y + 1 + HEADROOM, k], meta[i, y + 1 : y + 1 + HEADROOM, k] = AIR, 0
            for depth in range(y, max(1, y - DEEPEST), -1):
                if BLOCKS.solid[blocks[i, depth, k]]:
                    break
                blocks[i, depth, k], meta[i, depth, k] = (SANDSTONE if sandy else DIRT), 0
    for a, b, c, block, variant in piece.building.turned(piece.turn):
        i, k = piece.x + a - x0, piece.z + c - z0
        if 0 <= i < 16 and 0 <= k < 16 and 0 < y + b < 128:
            blocks[i, y + b, k], meta[i, y + b, k] = block, variant


def marks(village: Village, cx: int, cz: int, column: Column) -> list[tuple[str, int, int, int]]:
    """The village's people and chests in a chunk: ("villager" | "chest", x, y, z)."""
    found = []
    for piece in village.pieces:
        if not piece.touches(16 * cx, 16 * cz, 16 * cx + 16, 16 * cz + 16):
            continue
        piece.settle(column)
        for kind, places in (("villager", piece.building.people), ("chest", piece.building.chests)):
            for x, y, z in places:
                a, c = piece.world(x, z)
                if not piece.gone and a >> 4 == cx and c >> 4 == cz:
                    found.append((kind, a, (piece.y or 0) + y, c))
    return found
