"""Fishing: a line thrown into water, a wait, a bite, and what hangs on the hook when it is pulled in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.facts import ITEMS
from veclink.envs.facts.tables import table
from veclink.envs.voxel.crafting import give
from veclink.envs.voxel.physics import LIQUID, WATER, cast

LINE = 16.0  # blocks
_FACTS = table("fishing")
WAIT, BITE = tuple(_FACTS["wait"]), tuple(_FACTS["bite"])
POOLS = tuple((pool["share"], tuple(pool["entries"])) for pool in _FACTS["pools"])
WORN_LEAST, WORN_MOST = 0.1, 1.0  # share of its durability that a worn find has left


class Fishing:
    """The line.

    Attributes:
        wait: ticks until something bites, 0 when no line is out or something bites.
        bite: ticks for which it stays on the hook.
    """

    def __init__(self) -> None:
        self.wait, self.bite = 0, 0

    @property
    def out(self) -> bool:
        """Whether the line is in the water."""
        return self.wait > 0 or self.bite > 0

    def use(self, world: Any) -> bool:
        """Throw the line, or pull it in; False where it would not fall into water."""
        if self.out:
            self.pull(world)
            return True
        player, grid = world.player, world.grid
        hit, x, y, z, *_ = cast(grid.blocks, grid.meta, grid.bounds, np.array(player.eye), np.array(player.look), LINE,
                                True)
        if not hit or LIQUID[grid.get(x, y, z)] != WATER:
            return False
        self.wait, self.bite = world.chance.between(*WAIT), 0
        return True

    def pass_time(self, world: Any) -> None:
        """A tick."""
        if self.wait > 0:
            self.wait -= 1
            if self.wait == 0:
                self.bite = world.chance.between(*BITE)
                world.events.append(("bite", {}))
        elif self.bite > 0:
            self.bite -= 1
            if self.bite == 0:  # it got away; the line waits for the next one
                self.wait = world.chance.between(*WAIT)

    def pull(self, world: Any) -> None:
        """Pull the line in."""
        caught = self.bite > 0
        self.stop()
        player = world.player
        if not caught:
            return
        entry = drawn(world.chance)
        item = ITEMS.id(entry["item"])
        if entry.get("worn"):
            share = WORN_LEAST + world.chance.uniform() * (WORN_MOST - WORN_LEAST)
            left = max(1, int(int(ITEMS.durability[item]) * share))
            if player.inventory.add(item, 0, 1, "fished", left):
                x, y, z = player.pos.tolist()
                world.drops.add(x, y + 0.5, z, item, 0, 1, left, cause="fished")
        else:
            give(world, item, entry.get("variant", 0), entry.get("count", 1), "fished")
        player.gain_xp(world.chance.between(1, 6))
        player.inventory.wear(player.held)
        world.events.append(("fish", {"item": entry["item"]}))

    def stop(self) -> None:
        """The line is lost from sight: nothing is caught."""
        self.wait, self.bite = 0, 0


def drawn(chance: Any) -> dict[str, Any]:
    """Draw what hangs on the hook."""
    luck = chance.uniform()
    for share, entries in POOLS:
        if luck < share or share == POOLS[-1][0]:
            at = chance.uniform() * sum(entry["weight"] for entry in entries)
            for entry in entries:
                at -= entry["weight"]
                if at < 0:
                    return entry
        luck -= share
    return POOLS[0][1][0]
