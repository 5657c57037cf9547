"""What mobs leave behind: items by the tables of facts, with the cases that depend on the one mob; experience."""

from __future__ import annotations

from typing import Any

from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.facts.mobs import COAT, Loot, Pool
from veclink.envs.voxel.chance import Chance

COOKED = {"beef": "cooked_beef", "porkchop": "cooked_porkchop", "chicken": "cooked_chicken", "mutton": "cooked_mutton",
          "rabbit": "cooked_rabbit"}  # what burns when it dies is done already


def roll(mob: Any, chance: Chance, by_player: bool) -> list[tuple[int, int, int]]:
    """Draw what one mob leaves.

    Args:
        mob: its MOB record.
        chance: the world's stream of draws.
        by_player: whether the player killed it.

    Returns:
        (item, variant, count) of each kind of item; nothing for young ones.
    """
    found: list[tuple[int, int, int]] = []
    if mob["baby"] and mob["age"] < 0:
        return found
    for pool in MOBS.pools[mob["kind"]]:
        if (pool.by_player and not by_player) or (pool.sizes and mob["size"] not in pool.sizes):
            continue
        if pool.chance < 1 and chance.uniform() >= pool.chance:
            continue
        for _ in range(chance.between(*pool.rolls)):
            entry = _picked(pool, chance)
            count = chance.between(entry.low, entry.high)
            if count > 0 and not (entry.variant == COAT and mob["shorn"]):
                item = entry.item
                if mob["fire"] > 0 and ITEMS.names[item] in COOKED:
                    item = ITEMS.id(COOKED[ITEMS.names[item]])
                found.append((item, int(mob["variant"]) if entry.variant == COAT else entry.variant, count))
    return found


def _picked(pool: Pool, chance: Chance) -> Loot:
    left = chance.uniform()
    for entry in pool.entries:
        left -= entry.chance
        if left < 0:
            return entry
    return pool.entries[-1]


def experience(mob: Any, chance: Chance) -> int:
    """Points that killing one mob gives; slimes give their size."""
    kind = mob["kind"]
    if MOBS.by_size[kind]:
        return int(mob["size"])
    return chance.between(int(MOBS.xp_least[kind]), int(MOBS.xp[kind]))
