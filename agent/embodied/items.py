"""Items as the agent speaks of them: a name with or without a variant, and a stock of them that plans take from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from veclink.envs.facts import ITEMS

HAND = "air"


class Item(NamedTuple):
    """An item of MineDojo's list.

    Attributes:
        name: with underscores, as in MineDojo's metadata ("iron_ingot").
        variant: Minecraft 1.11's metadata value (dye 4 is lapis lazuli), or None for any.
    """

    name: str
    variant: int | None = None

    def __str__(self) -> str:
        plain = self.variant is None or (self.variant == 0 and self.name not in varied())
        return self.name if plain else f"{self.name}:{self.variant}"

    def serves(self, wanted: Item) -> bool:
        """Whether this can be given where `wanted` is asked for. An unknown variant serves any."""
        return self.name == wanted.name and (wanted.variant is None or self.variant in (None, wanted.variant))

    @classmethod
    def of(cls, text: str | Item) -> Item:
        """From "name" or "name:variant"."""
        if isinstance(text, Item):
            return text
        name, _, variant = text.partition(":")
        return cls(name, int(variant) if variant else None)


@cache
def item_ids() -> dict[str, int]:
    """Item name -> index, for the facts' arrays."""
    return {name: i for i, name in enumerate(ITEMS.names)}


@cache
def varied() -> frozenset[str]:
    """Names of the items whose variant means something."""
    return frozenset(name for name, i in item_ids().items() if ITEMS.variants[i])


@cache
def uses_of(name: str) -> int:
    """How many blocks or blows a tool lasts; 0 for what does not wear."""
    return int(ITEMS.durability[item_ids()[name]])


class Stock:
    """What a plan can still take: counts by name and variant, and the uses left in each tool that wears.

    Args:
        counts: "planks:2" -> 5; a name without a variant counts as variant 0.
        wear: tool name -> uses left in each of those held; a tool that is not listed is new.
    """

    def __init__(
        self, counts: Mapping[str, int] | None = None, wear: Mapping[str, Iterable[int]] | None = None
    ) -> None:
        self.counts: dict[str, dict[int, int]] = {}
        self.tools: dict[str, list[int]] = {}
        for text, number in (counts or {}).items():
            item = Item.of(text)
            if number > 0 and item.name in item_ids() and item.name != HAND:
                self.add(item, int(number), tuple((wear or {}).get(item.name, ())))

    def copy(self) -> Stock:
        """An independent one."""
        other = Stock()
        other.counts = {name: dict(kinds) for name, kinds in self.counts.items()}
        other.tools = {name: list(left) for name, left in self.tools.items()}
        return other

    def add(self, item: Item, number: int, wear: Iterable[int] = ()) -> None:
        """Put some in; `wear` gives the uses left of the first ones."""
        kinds = self.counts.setdefault(item.name, {})
        kinds[item.variant or 0] = kinds.get(item.variant or 0, 0) + number
        if new := uses_of(item.name):
            left = list(wear)[:number]
            self.tools.setdefault(item.name, []).extend(left + [new] * (number - len(left)))

    def has(self, item: Item) -> int:
        """How many there are that serve."""
        kinds = self.counts.get(item.name, {})
        return sum(kinds.values()) if item.variant is None else kinds.get(item.variant, 0)

    def take(self, item: Item, number: int) -> int:
        """Take up to `number`; how many were there."""
        kinds = self.counts.get(item.name, {})
        wanted = sorted(kinds, key=lambda v: (-kinds[v], v)) if item.variant is None else [item.variant]
        taken = 0
        for variant in wanted:
            part = min(kinds.get(variant, 0), number - taken)
            if part > 0:
                kinds[variant] -= part
                taken += part
        if item.name in self.tools:
            del self.tools[item.name][:taken]
        return taken

    def wear(self, name: str, uses: int) -> None:
        """Use a tool that is held; those with nothing left are gone."""
        left = self.tools.get(name, [])
        while uses > 0 and left:
            part = min(uses, left[0])
            left[0] -= part
            uses -= part
            if left[0] == 0:
                left.pop(0)
                kinds = self.counts[name]
                variant = max(kinds, key=lambda v: kinds[v])
                kinds[variant] -= 1

    def __iter__(self) -> Iterator[tuple[Item, int]]:
        for name, kinds in self.counts.items():
            for variant, number in kinds.items():
                if number > 0:
                    yield Item(name, variant), number
