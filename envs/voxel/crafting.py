"""Crafting and smelting by index, at once, as MineDojo's actions do it (Malmo's craft and smelt commands).

A recipe is chosen among those of an output by what the bag has, in MineDojo's order. A table or furnace must be near.
Smelting burns fuel out of the bag: whole pieces from the first slots, what they burn too much is kept for the next.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS, SMELT, SMELT_TICKS, TABLE, Recipe, recipes_for
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.inventory import ANY, SLOTS, Inventory

NEAR = 4.5  # blocks along each axis from the eye to the middle of a table or furnace
TABLE_BLOCK = BLOCKS.id("crafting_table")
FURNACE, LIT_FURNACE = BLOCKS.id("furnace"), BLOCKS.id("lit_furnace")
BUCKET, LAVA_BUCKET = ITEMS.id("bucket"), ITEMS.id("lava_bucket")
HAS_TABLE, HAS_FURNACE = 1, 2


@njit(cache=True)
def _scan(blocks, bounds, x, y, z):
    """Bits: whether a table, whether a furnace stands near a place."""
    found = 0
    low_x, high_x = np.int64(math.ceil(x - NEAR - 0.5)), np.int64(math.floor(x + NEAR - 0.5)) + 1
    low_y, high_y = np.int64(math.ceil(y - NEAR - 0.5)), np.int64(math.floor(y + NEAR - 0.5)) + 1
    low_z, high_z = np.int64(math.ceil(z - NEAR - 0.5)), np.int64(math.floor(z + NEAR - 0.5)) + 1
    for i in range(max(low_x, bounds[0]), min(high_x, bounds[1])):
        for j in range(max(low_y, 0), min(high_y, HEIGHT)):
            column = blocks[i & MASK, j]
            for k in range(max(low_z, bounds[2]), min(high_z, bounds[3])):
                block = column[k & MASK]
                if block == TABLE_BLOCK:
                    found |= HAS_TABLE
                elif block in (FURNACE, LIT_FURNACE):
                    found |= HAS_FURNACE
    return found


def nearby(world: Any) -> tuple[bool, bool]:
    """Whether a crafting table, whether a furnace is near the player: MineDojo's `nearby_tools`."""
    x, y, z = world.player.eye
    found = _scan(world.grid.blocks, world.grid.bounds, x, y, z)
    return bool(found & HAS_TABLE), bool(found & HAS_FURNACE)


def plan(bag: Inventory, recipe: Recipe) -> list[tuple[int, int]] | None:
    """Which slots give how many items to a recipe; None where they do not suffice."""
    left = bag.count[:SLOTS].astype(np.int64)
    wanted: list[tuple[int, int]] = []
    # Ingredients of one variant come first: those that take any can do with what is left.
    for item, variant, need in sorted(recipe.ingredients, key=lambda part: part[1] == ANY):
        fits = (bag.item[:SLOTS] == item) & (left > 0)
        if variant != ANY:
            fits &= bag.variant[:SLOTS] == variant
        for slot in np.flatnonzero(fits):
            taken = min(need, int(left[slot]))
            left[slot] -= taken
            need -= taken
            wanted.append((int(slot), taken))
            if not need:
                break
        if need:
            return None
    return wanted


def choose(bag: Inventory, index: int) -> tuple[Recipe, list[tuple[int, int]]] | None:
    """The first recipe behind a craft index (0..243) for which the bag has everything, and from which slots."""
    for recipe in recipes_for(index):
        slots = plan(bag, recipe)
        if slots is not None:
            return recipe, slots
    return None


def fuel_in(bag: Inventory, without: list[tuple[int, int]] | None = None) -> int:
    """Ticks that everything in the bag would burn, without some items of some slots."""
    ticks = int((ITEMS.fuel[bag.item[:SLOTS]].astype(np.int64) * bag.count[:SLOTS]).sum())
    return ticks - sum(int(ITEMS.fuel[bag.item[slot]]) * count for slot, count in without or ())


def can_craft(world: Any, index: int) -> bool:
    """Whether `craft` would make something now."""
    return _ready(world, index) is not None


def _ready(world: Any, index: int) -> tuple[Recipe, list[tuple[int, int]]] | None:
    bag, smelts = world.player.inventory, index in SMELT
    chosen = choose(bag, index)
    if chosen is None:
        return None
    if index in TABLE or smelts:
        table, furnace = nearby(world)
        if not (furnace if smelts else table):
            return None
    if smelts and world.player.fuel + fuel_in(bag, chosen[1]) < SMELT_TICKS:
        return None
    return chosen


def craft(world: Any, index: int) -> bool:
    """Craft or smelt once.

    Args:
        world: its player's bag gives the ingredients and takes the product; what finds no room falls to the ground.
        index: MineDojo's craft index, 0..243.

    Returns:
        whether something was made.
    """
    chosen = _ready(world, index)
    if chosen is None:
        return False
    recipe, slots = chosen
    smelts = index in SMELT
    cause = "smelted" if smelts else "crafted"
    take_all(world, slots, cause)
    if smelts:  # before the product is there: charcoal must not burn in its own making
        burn(world)
        _experience(world, recipe.xp)
    give_all(world, recipe, cause)
    world.events.append((cause, {"item": CRAFT_NAMES[index], "count": recipe.count}))
    return True


def take_all(world: Any, slots: list[tuple[int, int]], cause: str) -> None:
    """Take a recipe's ingredients from these slots."""
    for slot, count in slots:
        world.player.inventory.take(slot, count, cause)


def give_all(world: Any, recipe: Recipe, cause: str) -> None:
    """Give a recipe's product and what it gives back."""
    give(world, recipe.output, recipe.variant, recipe.count, cause)
    for item, count in recipe.returns:
        give(world, item, 0, count, cause)


def give(world: Any, item: int, variant: int, count: int, cause: str | None) -> None:
    """Put items into the player's bag; what finds no room falls to the ground beside the player."""
    left = world.player.inventory.add(item, variant, count, cause)
    if left:
        x, y, z = (float(v) for v in world.player.pos)
        world.drops.add(x, y + 0.5, z, item, variant, left, cause=cause)


def burn(world: Any) -> None:
    """Burn one smelting's worth of fuel out of the bag."""
    player = world.player
    bag, slot = player.inventory, 0
    while player.fuel < SMELT_TICKS and slot < SLOTS:
        item = int(bag.item[slot])
        ticks = int(ITEMS.fuel[item]) if bag.count[slot] else 0
        if not ticks:
            slot += 1
            continue
        bag.take(slot, 1, "burnt")
        player.fuel += ticks
        if item == LAVA_BUCKET:
            bag.put(slot, BUCKET, 0, 1, "burnt")
    player.fuel -= SMELT_TICKS


def _experience(world: Any, points: float) -> None:
    """Whole points at once, the rest by chance, as furnaces give it."""
    whole = int(points)
    if world.chance.uniform() < points - whole:
        whole += 1
    if whole:
        world.player.gain_xp(whole)
