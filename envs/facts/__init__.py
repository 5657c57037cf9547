"""What is true of blocks, items, recipes, drops and mobs: tables read from the JSON files beside this one.

Names are MineDojo's. Every file says in its first line where its figures come from.
"""

from __future__ import annotations

from veclink.envs.facts.blocks import BLOCKS, Blocks
from veclink.envs.facts.drops import drops_of, harvests, mining_speed, xp_of
from veclink.envs.facts.items import ITEMS, Items
from veclink.envs.facts.mobs import MOBS, Mobs
from veclink.envs.facts.recipes import (
    CRAFT_NAMES,
    CRAFTING,
    HAND,
    SMELT,
    SMELT_TICKS,
    SMELTING,
    TABLE,
    Recipe,
    recipes_for,
)

__all__ = [
    "BLOCKS", "CRAFTING", "CRAFT_NAMES", "HAND", "ITEMS", "MOBS", "SMELT", "SMELTING", "SMELT_TICKS", "TABLE",
    "Blocks", "Items", "Mobs", "Recipe", "drops_of", "harvests", "mining_speed", "recipes_for", "xp_of",
]  # fmt: skip
