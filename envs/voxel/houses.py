"""The buildings of villages, as lists of blocks in their own directions: front to the north, at z = 0.

A block is placed by name with metadata, or with a facing (0 north, 1 east, 2 south, 3 west) that turns with the
building.
"""

from __future__ import annotations

from typing import NamedTuple

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import Chance

NORTH, EAST, SOUTH, WEST = range(4)
# metadata of the four facings, north first, in Minecraft 1.11
TURNS = {
    "stairs": (3, 0, 2, 1), "door": (3, 0, 1, 2), "chest": (2, 5, 3, 4), "furnace": (2, 5, 3, 4), "torch": (4, 1, 3, 2),
    "bed": (2, 3, 0, 1), "ladder": (2, 5, 3, 4),
}
CROPS = ("wheat", "wheat", "carrots", "potatoes", "beetroots")


class Style(NamedTuple):
    """What a village builds with: block names and metadata."""

    log: tuple[str, int]
    planks: tuple[str, int]
    stairs: str
    stone: tuple[str, int]
    fence: str
    door: str


STYLES = {
    "plains": Style(("log", 0), ("planks", 0), "oak_stairs", ("cobblestone", 0), "fence", "wooden_door"),
    "savanna": Style(("log2", 0), ("planks", 4), "acacia_stairs", ("cobblestone", 0), "acacia_fence", "acacia_door"),
    "taiga": Style(("log", 1), ("planks", 1), "spruce_stairs", ("cobblestone", 0), "spruce_fence", "spruce_door"),
    "desert": Style(("sandstone", 2), ("sandstone", 0), "sandstone_stairs", ("sandstone", 0), "fence", "wooden_door"),
}


class Building:
    """A building under construction.

    Args:
        width, depth: of its ground, in blocks.

    Attributes:
        cells: block name, metadata and the family whose facing it is (None for plain metadata), by (x, y, z); y = 0
            replaces the ground.
        people, chests: places in the same numbers.
    """

    def __init__(self, width: int, depth: int) -> None:
        self.width, self.depth = width, depth
        self.cells: dict[tuple[int, int, int], tuple[str, int, str | None]] = {}
        self.people: list[tuple[int, int, int]] = []
        self.chests: list[tuple[int, int, int]] = []

    def put(self, x: int, y: int, z: int, block: tuple[str, int] | str, meta: int = 0) -> None:
        """One block."""
        name, meta = (block, meta) if isinstance(block, str) else block
        self.cells[x, y, z] = (name, meta, None)

    def face(self, x: int, y: int, z: int, name: str, facing: int, family: str, extra: int = 0) -> None:
        """One block with a facing; `extra` is added to the metadata."""
        self.cells[x, y, z] = (name, facing | extra << 4, family)

    def fill(self, x0: int, y0: int, z0: int, x1: int, y1: int, z1: int, block: tuple[str, int] | str) -> None:
        """A box of blocks, both ends included."""
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                for z in range(z0, z1 + 1):
                    self.put(x, y, z, block)

    def turned(self, turn: int) -> list[tuple[int, int, int, int, int]]:
        """(x, y, z, block id, metadata) of all blocks, the building turned clockwise that many quarters."""
        out = []
        for (x, y, z), (name, meta, family) in self.cells.items():
            if family is not None:
                meta = TURNS[family][((meta & 15) + turn) % 4] | meta >> 4
            a, c = self.spot(x, z, turn)
            out.append((a, y, c, BLOCKS.id(name), meta))
        return out

    def spot(self, x: int, z: int, turn: int) -> tuple[int, int]:
        """Where a column lies in the turned building."""
        w, d = self.width - 1, self.depth - 1
        return ((x, z), (d - z, x), (w - x, d - z), (z, w - x))[turn]


def house(style: Style, width: int, depth: int, gable: bool, stone: bool) -> Building:
    """Four walls, a floor, windows, a door in the middle of the front, a flat or a gabled roof."""
    b = Building(width, depth)
    w, d, wall = width - 1, depth - 1, style.stone if stone else style.planks
    b.fill(0, 0, 0, w, 0, d, style.stone)
    for x, z in ((0, 0), (w, 0), (0, d), (w, d)):
        b.fill(x, 1, z, x, 3, z, style.log)
    for x in range(1, w):
        b.fill(x, 1, 0, x, 3, 0, wall)
        b.fill(x, 1, d, x, 3, d, wall)
    for z in range(1, d):
        b.fill(0, 1, z, 0, 3, z, wall)
        b.fill(w, 1, z, w, 3, z, wall)
    for z in range(2, d - 1, 2):
        b.put(0, 2, z, "glass_pane")
        b.put(w, 2, z, "glass_pane")
    b.put(w // 2, 2, d, "glass_pane")
    _door(b, style, w // 2)
    if gable:
        _gable(b, style)
    else:
        b.fill(0, 4, 0, w, 4, d, style.log)
        b.fill(1, 4, 1, w - 1, 4, d - 1, style.planks)
    b.face(w // 2, 3, 1, "torch", SOUTH, "torch")
    return b


def _door(b: Building, style: Style, x: int) -> None:
    b.face(x, 1, 0, style.door, SOUTH, "door")
    b.put(x, 2, 0, style.door, 8)


def _gable(b: Building, style: Style) -> None:
    """A roof of stairs that rises from both sides, its ends filled in."""
    w, d = b.width - 1, b.depth - 1
    for step in range((b.depth + 1) // 2):
        low, high = step, d - step
        for x in range(b.width):
            b.face(x, 4 + step, low, style.stairs, SOUTH, "stairs")
            b.face(x, 4 + step, high, style.stairs, NORTH, "stairs")
            if low == high:
                b.put(x, 4 + step, low, style.planks)
        for z in range(low + 1, high):
            b.put(0, 4 + step, z, style.planks)
            b.put(w, 4 + step, z, style.planks)


def hut(style: Style, chance: Chance) -> Building:
    """A small house with a flat roof."""
    b = house(style, 5, 5, False, chance.below(2) == 0)
    b.people.append((2, 1, 2))
    if chance.below(2) == 0:
        b.put(3, 1, 3, style.fence)
        b.put(3, 2, 3, "wooden_pressure_plate")
    return b


def cottage(style: Style, chance: Chance) -> Building:
    """A house with a gabled roof, a bed's room for two."""
    b = house(style, 7 + chance.below(3), 7, True, False)
    b.people += [(2, 1, 3), (4, 1, 3)]
    b.put(1, 1, 5, "crafting_table")
    b.face(5, 1, 4, "bed", SOUTH, "bed")
    b.face(5, 1, 5, "bed", SOUTH, "bed", 8)
    return b


def library(style: Style, chance: Chance) -> Building:
    """A long house with shelves of books."""
    b = house(style, 9, 7, True, False)
    b.fill(1, 3, 5, 7, 3, 5, "bookshelf")
    b.fill(2, 1, 5, 6, 1, 5, (style.planks[0], style.planks[1]))
    b.put(1, 1, 5, "crafting_table")
    b.people += [(3, 1, 3), (5, 1, 3)]
    if chance.below(2) == 0:
        b.put(7, 1, 5, "bookshelf")
    return b


def smithy(style: Style, chance: Chance) -> Building:
    """A stone house with a forge: lava, furnaces, a chest."""
    b = house(style, 9, 7, False, True)
    b.fill(5, 1, 4, 7, 1, 5, style.stone)
    b.put(6, 1, 5, "lava")
    b.put(7, 1, 5, "lava")
    b.fill(6, 2, 4, 7, 2, 4, "iron_bars")
    b.face(5, 1, 5, "furnace", WEST, "furnace")
    b.face(5, 2, 5, "furnace", WEST, "furnace")
    b.face(1, 1, 5, "chest", NORTH, "chest")
    b.chests.append((1, 1, 5))
    b.people.append((3, 1, 3))
    if chance.below(2) == 0:
        b.put(1, 1, 3, "stone_slab")
    return b


def church(style: Style, chance: Chance) -> Building:
    """A stone hall with a tower."""
    b = house(style, 5, 9, False, True)
    b.fill(0, 4, 5, 4, 9, 8, style.stone)
    b.fill(1, 4, 6, 3, 8, 7, "air")
    for y in (6, 7):
        b.put(2, y, 5, "glass_pane")
        b.put(2, y, 8, "glass_pane")
    for x, z in ((0, 5), (4, 5), (0, 8), (4, 8)):
        b.put(x, 10, z, style.stone)
    for y in range(1, 9):
        b.face(1, y, 7, "ladder", NORTH, "ladder")
    b.face(2, 3, 6, "torch", NORTH, "torch")
    b.people.append((2, 1, 3))
    return b


def farm(style: Style, chance: Chance, beds: int) -> Building:
    """Fields in a frame of logs, with water between them."""
    width = 4 * beds - 1 + 2
    b = Building(width, 9)
    b.fill(0, 0, 0, width - 1, 0, 8, style.log)
    for bed in range(beds):
        x0 = 1 + 4 * bed
        crop = CROPS[chance.below(len(CROPS))]
        for x in (x0, x0 + 1, x0 + 2):
            for z in range(1, 8):
                if x == x0 + 1:
                    b.put(x, 0, z, "water")
                else:
                    b.put(x, 0, z, "farmland", 7)
                    b.put(x, 1, z, crop, chance.between(2, 7) if crop != "beetroots" else chance.below(4))
    return b


def well(style: Style) -> Building:
    """The well in the middle of a village."""
    b = Building(6, 6)
    b.fill(0, 0, 0, 5, 0, 5, "gravel" if style.stone[0] == "cobblestone" else style.stone)
    b.fill(1, -9, 1, 4, 1, 4, style.stone)
    b.fill(2, -8, 2, 3, 0, 3, "water")
    b.fill(2, 1, 2, 3, 3, 3, "air")
    for x, z in ((1, 1), (4, 1), (1, 4), (4, 4)):
        b.fill(x, 2, z, x, 3, z, style.fence)
    b.fill(1, 4, 1, 4, 4, 4, style.stone)
    return b


def lamp(style: Style) -> Building:
    """A post with four torches."""
    b = Building(3, 3)
    b.fill(1, 1, 1, 1, 3, 1, style.fence)
    b.put(1, 4, 1, "wool", 15)
    for x, z, facing in ((1, 0, NORTH), (2, 1, EAST), (1, 2, SOUTH), (0, 1, WEST)):
        b.face(x, 4, z, "torch", facing, "torch")
    return b
