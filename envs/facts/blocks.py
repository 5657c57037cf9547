"""Blocks: MineDojo's 236 names and, for each, what stops bodies and light, how it breaks and how it is drawn.

Metadata is Minecraft 1.11's: wood kinds 0-5, colours 0-15, liquids 0 source, 1-7 flowing, 8 falling, crops 0-7, ...
"""

from __future__ import annotations

from typing import Any

from veclink.envs.facts.tables import Names, frozen, table

SIZE = 256  # length of every array: a uint8 block id never falls outside
SHAPES = ("none", "cube", "cross", "box", "thin", "liquid")
TOOLS = ("none", "pickaxe", "axe", "shovel", "hoe", "sword", "shears")
DARK = 15  # light lost in an opaque block
NO_SHAPE, CUBE, CROSS, BOX, THIN, LIQUID = range(len(SHAPES))


class Blocks(Names):
    """The table of blocks. Arrays have length 256, index = block id, and are read-only; ids past the last are as air.

    Attributes:
        names: (236) block names; 0 is air, the others sorted.
        solid: bool, stops bodies.
        top: float32, height of the collision box, 0..1.5 (of the outline, where a block is not solid).
        side: float32, half-width of the box around the centre; 0.5 = the whole cell.
        full: bool, the collision box is the whole cell (glass and leaves too).
        opaque: bool, light does not pass (filter 15).
        filter: uint8, light lost in passing, 0..15.
        emission: uint8, light given, 0..15.
        hardness: float32, -1 unbreakable.
        tool: uint8, index of TOOLS: the tool that is fast on it.
        level: int8, tier of that tool needed for drops: -1 none, 0 wood or gold, 1 stone, 2 iron, 3 diamond.
        liquid: uint8, 0 no, 1 water, 2 lava.
        replaceable: bool, a block placed here takes its place.
        climbable, gravity: bool. slip: float32, ground friction.
        plant: bool, a plant that breaks when its ground goes. hung: bool, the same for torches, rails, doors, beds, ...
        shape: uint8, index of SHAPES, for drawing: 1 cube, 2 cross, 3 box (partial cube), 4 thin, 5 liquid.
        keeps: uint8, mask of the metadata that the dropped item keeps as its variant.
        flammable, collidable, no_tool, blocks_movement, blocks_light, material_solid: bool, flags of MineDojo's voxels.
    """

    kind = "block"

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__([row["name"] for row in rows])
        shape = [SHAPES.index(row.get("shape", "cube")) for row in rows]
        solid = [row.get("solid", kind == CUBE) for row, kind in zip(rows, shape, strict=True)]
        filters = [row.get("filter", DARK if kind == CUBE else 0) for row, kind in zip(rows, shape, strict=True)]

        def column(key: str, default: Any) -> list[Any]:
            return [row.get(key, default) for row in rows]

        self.shape = frozen(shape, "u1", SIZE)
        self.solid = frozen(solid, "?", SIZE)
        self.top = frozen(column("top", 1.0), "f4", SIZE)
        self.side = frozen(column("side", 0.5), "f4", SIZE)
        self.filter = frozen(filters, "u1", SIZE)
        self.emission = frozen(column("emission", 0), "u1", SIZE)
        self.hardness = frozen(column("hardness", 0.0), "f4", SIZE)
        self.tool = frozen([TOOLS.index(row.get("tool", "none")) for row in rows], "u1", SIZE)
        self.level = frozen(column("level", -1), "i1", SIZE, fill=-1)
        self.liquid = frozen(column("liquid", 0), "u1", SIZE)
        self.slip = frozen(column("slip", 0.6), "f4", SIZE, fill=0.6)
        self.keeps = frozen(column("keeps", 0), "u1", SIZE)
        self.replaceable = frozen(column("replaceable", False), "?", SIZE)
        self.climbable = frozen(column("climbable", False), "?", SIZE)
        self.gravity = frozen(column("gravity", False), "?", SIZE)
        self.plant = frozen(column("plant", False), "?", SIZE)
        self.hung = frozen(column("hung", False), "?", SIZE)
        self.flammable = frozen(column("flammable", False), "?", SIZE)
        self.collidable = frozen(column("collidable", True), "?", SIZE)
        self.blocks_movement = frozen(
            [row.get("blocks_movement", stops) for row, stops in zip(rows, solid, strict=True)], "?", SIZE
        )
        self.no_tool = frozen(
            [row.get("no_tool", level < 0) for row, level in zip(rows, column("level", -1), strict=True)], "?", SIZE
        )
        self._derive()

    def _derive(self) -> None:
        """Columns that follow from others."""
        whole = (self.shape == CUBE) & self.solid & (self.top == 1) & (self.side == 0.5)
        web = [name == "web" for name in self.names]
        material_solid = self.blocks_movement | frozen(web, "?", SIZE)
        self.full = frozen(whole.tolist(), "?", SIZE)
        self.opaque = frozen((self.filter == DARK).tolist(), "?", SIZE)
        self.material_solid = frozen(material_solid.tolist(), "?", SIZE)
        self.blocks_light = frozen((material_solid | (self.liquid > 0)).tolist(), "?", SIZE)


BLOCKS = Blocks(table("blocks")["blocks"])
