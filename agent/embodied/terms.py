"""What blocks are to a body that carries certain tools: passable, deadly, and how long each takes to dig."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from veclink.agent.embodied.known import UNKNOWN
from veclink.agent.embodied.path import DEADLY, FENCE, FREE, NEVER, SOLID, WATER, Terms
from veclink.envs.facts import BLOCKS, ITEMS

DEADLY_BLOCKS = ("lava", "flowing_lava", "fire", "cactus", "magma", "end_portal", "web")
TALL = ("fence", "_wall", "fence_gate")
KEPT = ("chest", "trapped_chest", "crafting_table", "furnace", "lit_furnace", "bed", "mob_spawner", "monster_egg")
BUILDING = ("cobblestone", "dirt", "netherrack", "stone", "planks", "sandstone", "end_stone", "hardened_clay")
EARTH = 4  # of them at hand before one digs in
HAND, GOOD = 1.0, 30.0  # Minecraft's digging: speed / hardness / 30 a tick with the right tool, / 100 without
BAD = 100.0
UNSEEN = 45.0  # ticks that a cell is taken to cost of which nothing is known: stone with a wooden pickaxe, and a turn


@cache
def kinds() -> np.ndarray:
    """(256,) uint8: FREE, SOLID, WATER, DEADLY or FENCE by block id; unknown cells are solid."""
    table = np.full(256, SOLID, np.uint8)
    for number, name in enumerate(BLOCKS.names):
        if name in DEADLY_BLOCKS:
            table[number] = DEADLY
        elif name == "portal":
            table[number] = SOLID  # no way leads through it; beside it one may dig
        elif BLOCKS.liquid[number] == 1:
            table[number] = WATER
        elif not BLOCKS.solid[number]:
            table[number] = FREE
        elif name.endswith(TALL) or BLOCKS.top[number] > 1:
            table[number] = FENCE
    return table


def name_of(block: int) -> str:
    """The block's name, "unknown" where nothing was seen."""
    return BLOCKS.names[block] if block < len(BLOCKS.names) else "unknown"


def dig_ticks(block: int, tool: int | None) -> float:
    """Ticks to dig a block with an item (id, None for the hand) on the ground, out of water; NEVER where it cannot."""
    hardness = float(BLOCKS.hardness[block])
    if hardness < 0 or not BLOCKS.solid[block]:
        return NEVER if hardness < 0 else 0.0
    fits = tool is not None and ITEMS.tool[tool] != 0 and ITEMS.tool[tool] == BLOCKS.tool[block]
    drops = BLOCKS.level[block] < 0 or (fits and tool is not None and ITEMS.tier[tool] >= BLOCKS.level[block])
    speed = float(ITEMS.speed[tool]) if fits and tool is not None else HAND
    damage = speed / max(hardness, 1e-6) / (GOOD if drops else BAD)
    return 1.0 if damage >= 1 else float(np.ceil(1 / damage))


def best_tool(block: int, items: Mapping[str, int]) -> str | None:
    """The item at hand that digs a block fastest; the humblest of equals, so that good tools last."""
    choices: list[tuple[float, int, str]] = [(dig_ticks(block, None), -1, "")]
    for name, count in items.items():
        number = ITEMS.id(name)
        if count > 0 and ITEMS.tool[number] and ITEMS.durability[number]:
            choices.append((dig_ticks(block, number), int(ITEMS.tier[number]), name))
    return min(choices)[2] or None


def yields(block: int, items: Mapping[str, int]) -> bool:
    """Whether a block dug with what is at hand drops anything."""
    level = int(BLOCKS.level[block])
    return level < 0 or any(
        count > 0 and ITEMS.tool[ITEMS.id(name)] == BLOCKS.tool[block] and ITEMS.tier[ITEMS.id(name)] >= level
        for name, count in items.items()
    )


def terms_with(items: Mapping[str, int], dig: bool = True) -> Terms:
    """A body's terms with what it carries.

    Args:
        dig: whether it may dig at all.
    """
    tools = tuple(sorted(name for name, count in items.items() if count > 0 and ITEMS.tool[ITEMS.id(name)]))
    blocks = sum(items.get(name, 0) for name in BUILDING)
    return Terms(kinds(), _costs(tools) if dig else _no_digging(), blocks, bridges=False)


@cache
def _costs(tools: tuple[str, ...]) -> np.ndarray:
    table = np.full(256, NEVER)
    carried = dict.fromkeys(tools, 1)
    for number, name in enumerate(BLOCKS.names):
        if name not in KEPT and name not in DEADLY_BLOCKS and not BLOCKS.liquid[number]:
            tool = best_tool(number, carried)
            table[number] = dig_ticks(number, ITEMS.id(tool) if tool else None)
    table[UNKNOWN] = UNSEEN
    return table


@cache
def _no_digging() -> np.ndarray:
    return np.full(256, NEVER)
