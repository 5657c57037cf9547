"""Names of Minecraft's versions and MineDojo's: blocks by state, items with variants, mobs, biomes, causes of harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS, ITEMS

STATES = 1 << 16  # more than any version has
AIR = BLOCKS.id("air")
Kind = tuple[int, int]  # item, variant
KEPT_META = 15  # the most that metadata holds


@cache
def table() -> dict[str, Any]:
    """data/names.json."""
    return json.loads((files("veclink.envs.minecraft") / "data" / "names.json").read_text("utf8"))


def plain(name: str) -> str:
    """A name as the table has it: without "minecraft:", renamed where a later version renamed it."""
    short = name.removeprefix("minecraft:")
    return table()["renamed"].get(short, short)


# -- items -------------------------------------------------------------------------------------------------------------


@cache
def item_of(name: str, metadata: int = 0) -> Kind | None:
    """(item, variant) of a version's item; None for one that MineDojo does not have.

    Args:
        name: the version's. metadata: of versions before 1.13, whose names are MineDojo's own.
    """
    short = name.removeprefix("minecraft:")
    if metadata and short in ITEMS:
        return ITEMS.id(short), metadata
    found = table()["items"].get(plain(short))
    if found is not None:
        return ITEMS.id(found[0]), int(found[1])
    return (ITEMS.id(short), metadata) if short in ITEMS else None


@cache
def _names_of() -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    for name, (old, variant) in table()["items"].items():
        found.setdefault(ITEMS.id(old), []).append((int(variant), name))
    return found


@cache
def names_of(item: int, variant: int = -1) -> tuple[str, ...]:
    """The version's names of an item; -1: of any variant. Those that are called the same come first."""
    rows = [(kind, name) for kind, name in _names_of().get(item, []) if variant < 0 or kind == variant]
    old = ITEMS.names[item]
    rows.sort(key=lambda row: (row[0], row[1] != old, "deepslate" in row[1] or "black" in row[1], row[1]))
    return tuple(name for _, name in rows)


# -- blocks ------------------------------------------------------------------------------------------------------------


def block_of(name: str) -> tuple[int, int]:
    """(block, metadata) of a version's block, whatever its state; unknown ones count as stone, which nobody passes."""
    short = name.removeprefix("minecraft:")
    found = table()["blocks"].get(plain(short))
    if found is None:
        return (BLOCKS.id(short), 0) if short in BLOCKS else (BLOCKS.id("stone"), 0)
    return BLOCKS.id(found[0]), int(found[1])


@cache
def version_block(block: str) -> str | None:
    """The version's name of one of MineDojo's blocks, None where it has none."""
    rows = table()["blocks"]
    if block in rows and rows[block][0] == block:
        return block
    return next((name for name, (old, _) in rows.items() if old == block), None)


def state_tables(blocks: Sequence[Sequence[Any]], flattened: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Block and metadata of every state of a version.

    Args:
        blocks: rows of name, first state, last state, [[property, how many values, values or None, type], ...].
        flattened: whether states have names (1.13 and later); before, a block's 16 states are its metadata.

    Returns:
        (65536,) uint8 block ids and (65536,) uint8 metadata, by state.
    """
    ids, metas = np.full(STATES, BLOCKS.id("stone"), np.uint8), np.zeros(STATES, np.uint8)
    for name, first, last, properties in blocks:
        if not flattened and name in BLOCKS:
            ids[first : last + 1] = BLOCKS.id(name)
            metas[first : last + 1] = np.arange(last + 1 - first) & KEPT_META
            continue
        block, meta = block_of(name)
        ids[first : last + 1], metas[first : last + 1] = block, meta
        _states(plain(name), int(first), int(last), properties, ids, metas)
    return ids, metas


def _states(name: str, first: int, last: int, properties: Sequence[Sequence[Any]], ids: np.ndarray,
            metas: np.ndarray) -> None:
    """States that are another block or have metadata of their own."""
    numbers = np.arange(last + 1 - first)
    size = len(numbers)
    for key, count, values, kind in properties:  # the first property changes slowest
        size //= max(1, int(count))
        index = numbers // max(1, size) % max(1, int(count))
        words = values or (["true", "false"] if kind == "bool" else [str(i) for i in range(int(count))])
        for other, word, block in table()["states"].get(name, ()):
            if other == key and word in words:
                ids[first : last + 1][index == words.index(word)] = BLOCKS.id(block)
        if name in table()["metadata"].get(key, ()):
            metas[first : last + 1] = 8 * (index == words.index("upper")) + metas[first] if key == "half" else (
                np.minimum(index, KEPT_META))


# -- the rest ----------------------------------------------------------------------------------------------------------


def mob_of(name: str) -> str | None:
    """MineDojo's name of a creature, None where it has none."""
    return table()["mobs"].get(plain(name))


@cache
def creature_of(mob: str) -> str:
    """The version's name of one of MineDojo's mobs."""
    rows = [name for name, old in table()["mobs"].items() if old == mob]
    return mob if mob in rows or not rows else rows[0]


def biome_of(name: str) -> int:
    """The biome's number; an unknown one counts as plains."""
    return int(table()["biomes"].get(plain(name), 1))


def cause_of(damage: str) -> str:
    """MineDojo's word for a cause of damage."""
    return str(table()["damage"].get(damage.removeprefix("minecraft:"), "mob" if "attack" in damage else "magic"))
