"""Chests and other boxes: what lies in them, where they stand; worlds keep them in `grid.contents` by position.

Dispensers, droppers and hoppers only hold things here: they move nothing. Brewing stands are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.errors import InputError
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.chance import Chance, hashed

Place = tuple[int, int, int]
AIR = ITEMS.air
SIZES = {"chest": 27, "trapped_chest": 27, "dispenser": 9, "dropper": 9, "hopper": 5, "furnace": 3, "lit_furnace": 3,
         **{name: 27 for name in BLOCKS.names if name.endswith("shulker_box")}}
KINDS = {BLOCKS.id(name): size for name, size in SIZES.items()}
FURNACES = (BLOCKS.id("furnace"), BLOCKS.id("lit_furnace"))
LOOT_SALT = 0xC4E57
LOOT_TRIES = (3, 8)  # stacks in a chest that the terrain placed
# what such a chest may hold: weight, item, variant, least, most; in the manner of 1.11's village chests
LOOT = (
    (15, "bread", 0, 1, 3), (15, "apple", 0, 1, 3), (10, "iron_ingot", 0, 1, 5), (5, "gold_ingot", 0, 1, 3),
    (5, "obsidian", 0, 3, 7), (5, "sapling", 0, 3, 7), (5, "iron_pickaxe", 0, 1, 1), (5, "iron_sword", 0, 1, 1),
    (5, "iron_chestplate", 0, 1, 1), (5, "iron_helmet", 0, 1, 1), (5, "iron_leggings", 0, 1, 1),
    (5, "iron_boots", 0, 1, 1), (3, "diamond", 0, 1, 3), (3, "saddle", 0, 1, 1), (10, "wheat", 0, 1, 4),
    (10, "coal", 0, 1, 4), (10, "gunpowder", 0, 1, 4), (10, "string", 0, 1, 4), (10, "bone", 0, 1, 4),
    (5, "redstone", 0, 1, 4), (5, "melon_seeds", 0, 2, 4), (5, "pumpkin_seeds", 0, 2, 4), (5, "bucket", 0, 1, 1),
    (3, "name_tag", 0, 1, 1), (2, "golden_apple", 0, 1, 1), (2, "record_13", 0, 1, 1), (2, "record_cat", 0, 1, 1),
)  # fmt: skip


class Container:
    """Slots of a box.

    Args:
        size: how many slots.

    Attributes:
        item, variant, count: (size,) int16; durability: (size,) int32, uses left. An empty slot holds air, count 0.
    """

    def __init__(self, size: int) -> None:
        self.item = np.full(size, AIR, np.int16)
        self.variant = np.zeros(size, np.int16)
        self.count = np.zeros(size, np.int16)
        self.durability = np.zeros(size, np.int32)

    def put(self, item: int, variant: int, count: int, durability: int = 0) -> int:
        """Put items where there is room; how many found none."""
        left = int(count)
        for begun in (True, False):  # stacks of its kind before empty slots
            for slot in range(len(self.item)):
                if left and bool(self.count[slot]) == begun:
                    left -= self.put_in(slot, item, variant, left, durability)
        return left

    def put_in(self, slot: int, item: int, variant: int, count: int, durability: int = 0) -> int:
        """Put items into one slot that is empty or holds the same; how many went in."""
        if self.count[slot] and (self.item[slot], self.variant[slot]) != (item, variant):
            return 0
        moved = min(int(count), int(ITEMS.stack[item]) - int(self.count[slot]))
        if moved > 0:
            self.item[slot], self.variant[slot] = item, variant
            self.count[slot] += moved
            self.durability[slot] = durability or int(ITEMS.durability[item])
        return max(0, moved)

    def take(self, slot: int, count: int = 64) -> tuple[int, int, int, int]:
        """(item, variant, count, durability) taken out of a slot, at most so many; count 0 where it is empty."""
        taken = min(int(count), int(self.count[slot]))
        found = int(self.item[slot]), int(self.variant[slot]), taken, int(self.durability[slot])
        self.count[slot] -= taken
        if not self.count[slot]:
            self.item[slot], self.variant[slot], self.durability[slot] = AIR, 0, 0
        return found

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"item": self.item.copy(), "variant": self.variant.copy(), "count": self.count.copy(),
                "durability": self.durability.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.item, self.variant = np.array(state["item"]), np.array(state["variant"])
        self.count, self.durability = np.array(state["count"]), np.array(state["durability"])


class Furnace(Container):
    """A furnace: slot 0 what is smelted, 1 fuel, 2 what comes out.

    Attributes:
        burning: ticks that the fire still lasts. cooked: ticks that the present item has been in.
        xp: experience that the product is worth.
    """

    def __init__(self) -> None:
        super().__init__(3)
        self.burning = self.cooked = 0
        self.xp = 0.0

    def state(self) -> dict[str, Any]:
        return {**super().state(), "burning": self.burning, "cooked": self.cooked, "xp": self.xp}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.burning, self.cooked, self.xp = state["burning"], state["cooked"], state["xp"]


def at(world: Any, x: int, y: int, z: int) -> Container:
    """What the box at a place holds; made when somebody first asks.

    Raises:
        InputError: there is no box.
    """
    block = world.grid.get(x, y, z)
    if block not in KINDS:
        raise InputError("a chest, furnace or other box", f"{BLOCKS.names[block]} at {(x, y, z)}", "look elsewhere")
    place = (int(x), int(y), int(z))
    if place not in world.grid.contents:
        made = Furnace() if block in FURNACES else Container(KINDS[block])
        world.grid.contents[place] = made
    return world.grid.contents[place]


def found_chest(world: Any, x: int, y: int, z: int) -> None:
    """Fill a chest that the terrain placed, once; the same things for the same seed and place."""
    if (x, y, z) in world.grid.contents or world.grid.get(x, y, z) not in KINDS:
        return
    draws = Chance(int(hashed(world.seed, x, y, z, LOOT_SALT) * 2**52))
    box = at(world, x, y, z)
    total = sum(row[0] for row in LOOT)
    for _ in range(draws.between(*LOOT_TRIES)):
        mark = draws.below(total)
        for weight, name, variant, least, most in LOOT:
            mark -= weight
            if mark < 0:
                item, count = ITEMS.id(name), draws.between(least, most)
                slot = draws.below(len(box.item))
                world.ledger.add("found", item, variant, box.put_in(slot, item, variant, count))
                break


def spill(world: Any, x: int, y: int, z: int) -> None:
    """The box is gone: what was in it lies on the ground."""
    box = world.grid.contents.pop((x, y, z), None)
    if box is None:
        return
    for slot in range(len(box.item)):
        item, variant, count, durability = box.take(slot)
        if count:
            world.drops.add(x + 0.5, y + 0.3, z + 0.5, item, variant, count, durability, cause=None)


def packed(contents: dict[Place, Container]) -> dict[str, Any]:
    """All boxes, to be saved."""
    return {f"{x} {y} {z}": {"furnace": isinstance(box, Furnace), **box.state()}
            for (x, y, z), box in sorted(contents.items())}


def unpacked(state: dict[str, Any]) -> dict[Place, Container]:
    """The boxes that were packed."""
    found: dict[Place, Container] = {}
    for key, each in state.items():
        x, y, z = (int(part) for part in key.split())
        box = Furnace() if each["furnace"] else Container(len(each["item"]))
        box.restore(each)
        found[x, y, z] = box
    return found
