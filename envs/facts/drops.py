"""What a broken block leaves, which tool it takes and how fast that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from veclink.envs.facts.blocks import BLOCKS, TOOLS
from veclink.envs.facts.items import ITEMS
from veclink.envs.facts.tables import table

PICKAXE, SWORD, SHEARS = TOOLS.index("pickaxe"), TOOLS.index("sword"), TOOLS.index("shears")
SNOW_LAYER = "snow_layer"
GROWN = frozenset({"leaves", "leaves2", "vine", "pumpkin", "lit_pumpkin", "melon_block", "cocoa"})  # swords cut these


class Draws(Protocol):
    """The part of `voxel.chance.Chance` that is needed here."""

    def uniform(self) -> float:
        """In [0, 1)."""
        ...

    def between(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        ...


@dataclass(frozen=True)
class Drop:
    """One item that may be left: see the note in drops.json for the fields."""

    item: int
    variant: int = 0
    keeps: int = 0
    shift: int = 0
    count: tuple[int, int] = (1, 1)
    chance: float = 1.0
    ages: int = 0
    tries: int = 1
    layers: int = 0

    def draw(self, meta: int, chance: Draws) -> int:
        """How many of it there are this time."""
        if self.layers:
            return (meta & self.layers) + 1
        low, high = self.count
        odds = (meta + 1) / self.ages if self.ages else self.chance
        if odds >= 1:
            return low if low == high else chance.between(low, high)
        lucky = sum(chance.uniform() < odds for _ in range(self.tries))
        return lucky * (low if low == high else chance.between(low, high)) if lucky else 0

    def stack(self, meta: int, count: int) -> tuple[int, int, int]:
        """(item, variant, count)."""
        return self.item, (meta & self.keeps) >> self.shift if self.keeps else self.variant, count


@dataclass(frozen=True)
class Rule:
    """What is left in one case: tool in the hand, bits of the metadata."""

    drops: tuple[Drop, ...]
    first_only: bool = False
    tool: int = 0
    meta: frozenset[int] = field(default=frozenset())
    mask: int = 0xFF
    bits: int = 0

    def fits(self, meta: int, tool: int) -> bool:
        """Whether this rule is the one for the case."""
        return (
            (not self.meta or (meta & self.mask) in self.meta)
            and meta & self.bits == self.bits
            and self.tool in (0, tool)
        )


def _drop(row: dict[str, Any]) -> Drop:
    known = {key: row[key] for key in ("variant", "keeps", "shift", "chance", "ages", "tries", "layers") if key in row}
    low, high = row.get("count", (1, 1))
    return Drop(ITEMS.id(row["item"]), count=(low, high), **known)


def _rule(row: dict[str, Any]) -> Rule:
    drops = tuple(_drop(drop) for drop in row.get("pick", row.get("drop", ())))
    tool = TOOLS.index(row["tool"]) if "tool" in row else 0
    return Rule(drops, "pick" in row, tool, frozenset(row.get("meta", ())), row.get("mask", 0xFF), row.get("bits", 0))


def _itself(block: int) -> tuple[Rule, ...]:
    """Blocks without rules of their own drop themselves, where there is such an item."""
    name = BLOCKS.names[block]
    if name not in ITEMS:
        return ()
    return (Rule((Drop(ITEMS.id(name), keeps=int(BLOCKS.keeps[block])),)),)


_TABLE = table("drops")
_SPEEDS: dict[str, float] = _TABLE["speeds"]
_RULES = tuple(
    tuple(_rule(row) for row in _TABLE["drops"][name]) if name in _TABLE["drops"] else _itself(block)
    for block, name in enumerate(BLOCKS.names)
)
_XP = {BLOCKS.id(name): (low, high) for name, (low, high) in _TABLE["experience"].items()}


def harvests(block: int, item: int) -> bool:
    """Whether breaking a block with an item (-1 or air: the bare hand) leaves anything: tool and tier will do."""
    level = int(BLOCKS.level[block])
    if level < 0:
        return True
    if item < 0:
        return False
    tool, wanted = int(ITEMS.tool[item]), int(BLOCKS.tool[block])
    if wanted == SHEARS:  # webs: swords too
        return tool in (SHEARS, SWORD)
    return tool == wanted and int(ITEMS.tier[item]) >= level


def mining_speed(block: int, item: int) -> float:
    """How much faster than the bare hand an item (-1 or air: the bare hand) breaks a block: 1.0 where it does not help.

    Breaking takes hardness x 1.5 seconds / speed where it `harvests`, else hardness x 5 seconds / speed.
    """
    tool = int(ITEMS.tool[item]) if item >= 0 else 0
    name = BLOCKS.names[block]
    if tool == SHEARS:
        if name == "wool":
            return _SPEEDS["shears on wool"]
        return _SPEEDS["shears on web and leaves"] if name in ("web", "leaves", "leaves2") else 1.0
    if tool == SWORD:
        if name == "web":
            return _SPEEDS["sword on web"]
        return _SPEEDS["sword on plants"] if name in GROWN or BLOCKS.plant[block] else 1.0
    return float(ITEMS.speed[item]) if tool and tool == int(BLOCKS.tool[block]) else 1.0


def drops_of(
    block: int, meta: int, tool_item: int, tool_variant: int, chance: Draws
) -> list[tuple[int, int, int]]:
    """Draw what a broken block leaves.

    Args:
        block, meta: the block.
        tool_item: what broke it, an item id; -1 or air for the bare hand.
        tool_variant: unused by 1.11's rules (tools have no variants); part of a stack, so part of the call.
        chance: the world's stream of draws.

    Returns:
        (item, variant, count) of each, counts above 0; [] where the tool will not do.
    """
    if not harvests(block, tool_item):
        return []
    tool = int(ITEMS.tool[tool_item]) if tool_item >= 0 else 0
    for rule in _RULES[block]:
        if rule.fits(meta, tool):
            found = []
            for drop in rule.drops:
                count = drop.draw(meta, chance)
                if count > 0:
                    found.append(drop.stack(meta, count))
                    if rule.first_only:
                        break
            return found
    return []


def xp_of(block: int, chance: Draws) -> int:
    """Draw the experience that breaking a block gives, where it was harvested."""
    if block not in _XP:
        return 0
    return chance.between(*_XP[block])
