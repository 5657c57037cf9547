"""Items: MineDojo's 392 names and, for each, stack size, durability, tool, armour, food, fuel, placed block.

A stack is (item, variant, count, durability left). Variants are Minecraft 1.11's: dye 0-15 (3 cocoa, 4 lapis, 15 bone
meal), coal 1 = charcoal, fish 0-3, wood kinds, colours.
"""

from __future__ import annotations

from typing import Any

from veclink.envs.facts.blocks import BLOCKS, TOOLS
from veclink.envs.facts.tables import Names, frozen, table

SLOTS = ("none", "feet", "legs", "chest", "head", "offhand")


class Items(Names):
    """The table of items. Arrays have length 392, index = item id (int16 holds it), and are read-only.

    Attributes:
        names: (392) sorted names with underscores; `air` is the id of "air".
        stack: uint8, most in one slot. durability: int32 uses, 0 none.
        tool: uint8, index of blocks.TOOLS. tier: int8, -1 none, 0 wood or gold, 1 stone, 2 iron, 3 diamond.
        speed: float32, mining multiplier on the blocks its tool is for (shears and swords: `mining_speed` in drops).
        damage: float32, half hearts of a full blow. swing: float32, blows a second.
        armor, toughness: float32 points. slot: uint8, index of SLOTS; 0 the hand.
        food: uint8 points, saturation: float32 points (raw fish and the like differ by variant: `food_of`).
        fuel: int32 ticks. block: uint8, id of the placed block, 0 none.
        placeable: bool, MineDojo's place action takes it. wearable: bool, MineDojo's equip puts it on.
        variants: bool, the variant means something other than wear.
    """

    kind = "item"

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__([row["name"] for row in rows])

        def column(key: str, default: Any) -> list[Any]:
            return [row.get(key, default) for row in rows]

        self.air = self.id("air")
        self.stack = frozen(column("stack", 64), "u1")
        self.durability = frozen(column("durability", 0), "i4")
        self.tool = frozen([TOOLS.index(row.get("tool", "none")) for row in rows], "u1")
        self.tier = frozen(column("tier", -1), "i1")
        self.speed = frozen(column("speed", 1.0), "f4")
        self.damage = frozen(column("damage", 1.0), "f4")
        self.swing = frozen(column("swing", 4.0), "f4")
        self.armor = frozen(column("armor", 0), "f4")
        self.toughness = frozen(column("toughness", 0), "f4")
        self.slot = frozen([SLOTS.index(row.get("slot", "none")) for row in rows], "u1")
        self.food = frozen(column("food", 0), "u1")
        self.saturation = frozen(column("saturation", 0.0), "f4")
        self.fuel = frozen(column("fuel", 0), "i4")
        self.block = frozen([BLOCKS.id(row.get("block", "air")) for row in rows], "u1")
        self.placeable = frozen(column("placeable", False), "?")
        self.wearable = frozen([row.get("slot", "none") != "none" for row in rows], "?")
        self.variants = frozen(column("variants", False), "?")
        self._spoken = tuple(name.replace("_", " ") for name in self.names)
        self._food_by_variant = {
            (item, int(variant)): (food, saturation)
            for item, row in enumerate(rows)
            for variant, (food, saturation) in row.get("food_by_variant", {}).items()
        }

    def spoken(self, item: int) -> str:
        """The name as MineDojo's observations have it: spaces for underscores."""
        return self._spoken[item]

    def food_of(self, item: int, variant: int) -> tuple[float, float]:
        """Food points and saturation of eating one."""
        plain = (float(self.food[item]), float(self.saturation[item]))
        return self._food_by_variant.get((int(item), int(variant)), plain)


ITEMS = Items(table("items")["items"])
