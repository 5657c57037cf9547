"""What may be done now and what changed in the inventory: MineDojo's `masks` and `delta_inv`, as pure functions.

The masks are true: MineDojo looks at the first recipe of an item and at no fuel; here an item is craftable where any
of its recipes is, with the variants it takes, and where smelting finds its fuel. Cheap enough for every change of the
inventory (under 30 us); worlds keep them until it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veclink.envs.contract import VARIANTS, Function
from veclink.envs.facts import CRAFT_NAMES, ITEMS, SMELT, SMELT_TICKS, TABLE, recipes_for

AIR = ITEMS.air
INCREASED, DECREASED = 1, 4  # how many changes delta_inv names
_KINDS = len(ITEMS)
ACTION_ARG = np.isin(np.arange(len(Function)), [Function.CRAFT, Function.EQUIP, Function.PLACE, Function.DESTROY])
ACTION_ARG = ACTION_ARG[:, None]
ACTION_ARG.flags.writeable = False
_ALWAYS = np.isin(np.arange(len(Function)), [Function.NOOP, Function.USE, Function.ATTACK])
_NAMES = np.array(ITEMS.names)
_FUEL = ITEMS.fuel.astype(np.float64)


class _Book:
    """All recipes of the craft index as arrays: what each needs, of which keys.

    A key is an item of any variant (its id), or an item of one variant (numbers from 392).
    """

    def __init__(self) -> None:
        recipes = [(index, recipe) for index in range(len(CRAFT_NAMES)) for recipe in recipes_for(index)]
        width = max(len(recipe.ingredients) for _, recipe in recipes)
        exact = sorted({(item, variant) for _, r in recipes for item, variant, _ in r.ingredients if variant >= 0})
        self.keys = _KINDS + 1 + len(exact)
        # item, variant -> key of that variant; the key past the kinds is of what no recipe asks for
        self.key_of = np.full((_KINDS, VARIANTS), _KINDS, np.int64)
        for number, (item, variant) in enumerate(exact):
            self.key_of[item, variant] = _KINDS + 1 + number
        self.wanted = np.zeros((width, len(recipes)), np.int64)  # key 0 with need 0: always there
        self.need = np.zeros((width, len(recipes)))
        self.own_fuel = np.zeros(len(recipes))  # fuel that is lost with the ingredient itself
        for row, (index, recipe) in enumerate(recipes):
            for column, (item, variant, count) in enumerate(recipe.ingredients):
                self.wanted[column, row] = item if variant < 0 else self.key_of[item, variant]
                self.need[column, row] = count
            if index in SMELT:
                self.own_fuel[row] = _FUEL[recipe.ingredients[0][0]]
        indices = np.array([index for index, _ in recipes])
        self.starts = np.flatnonzero(np.r_[True, indices[1:] != indices[:-1]])  # first recipe of each craft index
        self.smelted = indices >= SMELT.start
        self.parts = [
            frozenset(frozenset(item for item, _, _ in r.ingredients) for r in recipes_for(index))
            for index in range(len(CRAFT_NAMES))
        ]


_BOOK = _Book()


def craftable(
    items: np.ndarray, variants: np.ndarray, counts: np.ndarray, table: bool, furnace: bool, fuel_left: float = 0
) -> np.ndarray:
    """What can be made of what is carried.

    Args:
        items, variants, counts: (36,) integers: item id, variant, number in each slot; count 0 is an empty slot.
        table, furnace: whether one is near.
        fuel_left: ticks of fire left over from the last fuel, where a world keeps them.

    Returns:
        (244,) bool. Smelting needs 200 ticks of fuel besides the thing smelted.
    """
    keys = np.concatenate((items, _BOOK.key_of[items, np.minimum(variants, VARIANTS - 1)]))
    have = np.bincount(keys, np.concatenate((counts, counts)), _BOOK.keys)
    have[AIR] = 0
    enough = (have[_BOOK.wanted] >= _BOOK.need).all(0)
    if furnace:
        fuel = _FUEL[items] @ counts + fuel_left
        enough &= ~_BOOK.smelted | (fuel - _BOOK.own_fuel >= SMELT_TICKS)
    found = np.logical_or.reduceat(enough, _BOOK.starts)
    if not table:
        found[TABLE.start : TABLE.stop] = False
    if not furnace:
        found[SMELT.start : SMELT.stop] = False
    return found


def masks(
    items: np.ndarray, variants: np.ndarray, counts: np.ndarray, table: bool, furnace: bool, fuel_left: float = 0
) -> dict[str, np.ndarray]:
    """MineDojo's `masks`; arguments as for `craftable`, slot 0 the main hand's.

    Returns:
        action_type (8,), action_arg (8, 1), equip (36,), place (36,), destroy (36,), craft_smelt (244,): bool.
    """
    occupied = (counts > 0) & (items != AIR)
    equip = occupied.copy()
    equip[0] = occupied[0] and ITEMS.wearable[items[0]]
    place = occupied & ITEMS.placeable[items]
    craft = craftable(items, variants, counts, table, furnace, fuel_left)
    kinds = _ALWAYS.copy()
    kinds[Function.DROP] = occupied[0]
    kinds[Function.CRAFT] = craft.any() and not occupied.all()
    kinds[Function.EQUIP] = equip.any()
    kinds[Function.PLACE] = place.any()
    kinds[Function.DESTROY] = occupied.any()
    return {"action_type": kinds, "action_arg": ACTION_ARG, "equip": equip, "place": place,
            "destroy": occupied, "craft_smelt": craft}  # fmt: skip


def slots_of(inventory: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Item ids, variants and counts of an observation's `inventory`, (36,) each."""
    items = np.array([ITEMS.id(str(name)) for name in inventory["name"]])
    return items, np.asarray(inventory["variant"]), np.asarray(inventory["quantity"]).astype(np.int64)


def masks_of(observation: Mapping[str, Any], fuel_left: float = 0) -> dict[str, np.ndarray]:
    """The masks that belong to an observation's `inventory` and `nearby_tools`."""
    tools = observation["nearby_tools"]
    return masks(*slots_of(observation["inventory"]), bool(tools["table"]), bool(tools["furnace"]), fuel_left)


def totals(items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(392,) int64: how many of each item there are in some slots."""
    return np.bincount(items, np.where(items == AIR, 0, counts), _KINDS).astype(np.int64)


def _named(changed: np.ndarray, amounts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Names (underscores, "air" for none) and float32 amounts of changed items, padded to a length."""
    numbers = np.full(length, AIR)
    numbers[: len(changed)] = changed
    values = np.zeros(length, np.float32)
    values[: len(changed)] = np.abs(amounts[changed])
    return _NAMES[numbers], values


_NOTHING = np.zeros(0, np.int64)


def delta_inventory(
    before: np.ndarray | None, after: np.ndarray, craft: int | None = None, was_craftable: bool = False
) -> dict[str, np.ndarray]:
    """MineDojo's `delta_inv`: what a step brought and took, by crafting or otherwise.

    Args:
        before, after: `totals` of the 36 slots before and after the step; None before the first step.
        craft: the craft index of the step's action where its function was CRAFT, else None.
        was_craftable: the mask of that index before the step.

    Returns:
        {inc, dec}_{name, quantity}_by_{craft, other}: 1 item that grew and up to 4 that shrank, in order of item ids.
    """
    change = np.zeros(_KINDS, np.int64) if before is None else after - before
    grown, shrunk = np.flatnonzero(change > 0)[:INCREASED], np.flatnonzero(change < 0)[:DECREASED]
    crafted = used = False
    if craft is not None and was_craftable:
        crafted = ITEMS.id(CRAFT_NAMES[craft]) in grown
        gone = set(shrunk.tolist())
        used = any(part <= gone for part in _BOOK.parts[craft])
    found = {}
    for way, changed, by_craft, length in (("inc", grown, crafted, INCREASED), ("dec", shrunk, used, DECREASED)):
        for cause, mine in (("craft", by_craft), ("other", not by_craft)):
            names, amounts = _named(changed if mine else _NOTHING, change, length)
            found[f"{way}_name_by_{cause}"], found[f"{way}_quantity_by_{cause}"] = names, amounts
    return found


__all__ = ["ACTION_ARG", "craftable", "delta_inventory", "masks", "masks_of", "slots_of", "totals"]
