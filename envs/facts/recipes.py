"""Recipes: MineDojo's 400 crafting and 51 smelting entries and its craft index of 244 names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from veclink.envs.facts.items import ITEMS
from veclink.envs.facts.tables import table

ANY = -1  # an ingredient's variant that does not matter


@dataclass(frozen=True)
class Recipe:
    """One way of making an item.

    Attributes:
        output, variant, count: what comes out.
        ingredients: (item, variant or -1 for any, count) each.
        table: whether a crafting table (a furnace for smelting) must be near.
        returns: (item, count) each that is given back, as the empty buckets of a cake.
        size: cells of the crafting grid, as MineDojo lists it; 0 for smelting.
        listed: the count of the only ingredient as MineDojo lists it where it left some out (dye mixes), else 0.
        xp: experience of smelting one.
    """

    output: int
    variant: int
    count: int
    ingredients: tuple[tuple[int, int, int], ...]
    table: bool = False
    returns: tuple[tuple[int, int], ...] = ()
    size: int = 0
    listed: int = 0
    xp: float = 0.0

    @property
    def circular(self) -> bool:
        """Whether it needs what it makes (dyeing wool, ...): MineDojo's craft index leaves those out."""
        return any(item == self.output for item, _, _ in self.ingredients)


def _crafting(row: dict[str, Any]) -> Recipe:
    return Recipe(
        output=ITEMS.id(row["out"]),
        variant=row.get("variant", 0),
        count=row["count"],
        ingredients=tuple((ITEMS.id(name), rest[0] if len(rest) == 2 else ANY, rest[-1]) for name, *rest in row["in"]),
        table=row.get("table", False),
        returns=tuple((ITEMS.id(name), count) for name, count in row.get("returns", ())),
        size=row["size"],
        listed=row.get("listed", 0),
    )


def _smelting(row: dict[str, Any]) -> Recipe:
    source = (ITEMS.id(row["in"]), row.get("in_variant", ANY), 1)
    return Recipe(ITEMS.id(row["out"]), row.get("variant", 0), 1, (source,), table=True, xp=row["xp"])


_BOOK, _OVEN = table("recipes"), table("smelting")
CRAFTING = tuple(_crafting(row) for row in _BOOK["crafting"])
_SMELTED = tuple(_smelting(row) for row in _OVEN["smelting"])
SMELT_TICKS: int = _OVEN["ticks"]
# (item, variant or -1) -> (item, variant, count, experience)
SMELTING = {r.ingredients[0][:2]: (r.output, r.variant, r.count, r.xp) for r in _SMELTED}

CRAFT_NAMES: tuple[str, ...] = (*_BOOK["hand"], *_BOOK["table"], *_BOOK["smelt"])
# The three parts of the craft index: by hand, at a table, in a furnace.
HAND = range(len(_BOOK["hand"]))
TABLE = range(HAND.stop, HAND.stop + len(_BOOK["table"]))
SMELT = range(TABLE.stop, len(CRAFT_NAMES))


@cache
def recipes_for(index: int) -> tuple[Recipe, ...]:
    """The recipes behind one craft index (0..243), in MineDojo's order: circular and empty ones left out."""
    output = ITEMS.id(CRAFT_NAMES[index])
    book = _SMELTED if index in SMELT else CRAFTING
    return tuple(recipe for recipe in book if recipe.output == output and recipe.ingredients and not recipe.circular)
