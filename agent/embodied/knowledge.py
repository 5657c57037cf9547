"""What the world can give: every way to every item, from recipes, drops, tool levels, loot and where things are found.

Nothing here knows a recipe or a drop by itself: those are `veclink.envs.facts`; where things are found and how long
that takes is `found.json` beside this file, read by `sources.py`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

from veclink.agent.embodied.items import Item, item_ids
from veclink.agent.embodied.prices import Offer, Prices
from veclink.envs.facts import ITEMS, recipes_for
from veclink.envs.facts.recipes import HAND, SMELT, SMELT_TICKS, TABLE
from veclink.envs.facts.tables import table

CRAFT_TICKS = 5
STATION_TICKS = 30  # to put a table or furnace down and take it up again
TOOL_KINDS = ("", "pickaxe", "axe", "shovel", "hoe", "sword", "shears")  # by the facts' tool number
STATIONS = {"table": "crafting_table", "furnace": "furnace"}
LASTING = 4  # things that a tool or station is expected to serve for, in a price
PORTAL_NEEDS = (("obsidian", 10), ("flint_and_steel", 1))  # to go to the Nether where no portal is known
AT_PORTAL = "portal"  # among places: one is known, so that none has to be built
SUNLESS = {"hell": "nether", "nether": "nether", "sky": "end", "the_end": "end"}  # biome -> place without a day
SEA = ("ocean", "deep_ocean")  # biomes in which nothing hostile comes out at night
REMEMBERED = 32  # tables of prices


@dataclass(frozen=True)
class Info:
    """Where and when something is found; None or empty where it does not matter, `place` too (crafts)."""

    y: tuple[int, int] | None = None
    where: str = ""
    biomes: tuple[str, ...] = ()
    time: str = ""
    place: str = "overworld"

    def words(self) -> str:
        """In short: "y 5 to 13, underground"."""
        parts = [f"y {self.y[0]} to {self.y[1]}"] if self.y else []
        parts += [each for each in (self.where, self.time and f"at {self.time}") if each]
        parts += [f"in {' or '.join(self.biomes)}"] if self.biomes else []
        return ", ".join(parts + ([] if self.place in ("", "overworld") else [f"the {self.place}"]))


@cache
def biome_names() -> dict[int, str]:
    """Minecraft's biome ids -> names."""
    return {int(row["id"]): str(row["name"]) for row in table("biomes")["biomes"]}


def realm_of(biome: str) -> str:
    """Where a biome is: "overworld", "nether" or "end"."""
    return SUNLESS.get(biome, "overworld")


def outside(biome: str, biomes: Collection[str]) -> bool:
    """Whether a biome is known and is none of some, nor the hills or plateau of one ("birch_forest_hills"); where none
    are given nothing is outside."""
    within = any(biome == each or biome.startswith(f"{each}_") for each in biomes)
    return bool(biomes) and bool(biome) and not within


@dataclass(frozen=True)
class Way:
    """One way to an item.

    Attributes:
        kind: craft, smelt, mine, kill, shear, milk, fill, grow, fish, pick or use.
        gives: what comes out; count: how many on average from one go.
        needs: (item, number) used up by one go; back: (item, number) given back by it.
        keep: (item, number) that must be held but stays.
        tool: (kind, level) held, or None; each go wears it by one.
        station: "table", "furnace" or "".
        target: the block or mob, or "".
        first, each: ticks until the first is found, and for each go.
        index: of MineDojo's craft list, or -1.
        alike: (ingredient, its variants) of those that must be of one variant in each go, whichever.
    """

    kind: str
    gives: Item
    count: float = 1.0
    needs: tuple[tuple[Item, int], ...] = ()
    back: tuple[tuple[Item, int], ...] = ()
    keep: tuple[tuple[Item, int], ...] = ()
    tool: tuple[str, int] | None = None
    station: str = ""
    target: str = ""
    first: float = 0.0
    each: float = 0.0
    index: int = -1
    info: Info = field(default_factory=Info)
    alike: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def key(self) -> str:
        """A name for memory, bans and failures: "mine:iron_ore>iron_ore"."""
        if self.kind in ("craft", "smelt"):
            return f"{self.kind}:{'+'.join(str(item) for item, _ in self.needs)}>{self.gives}"
        held = f"@{self.tool[0]}" if self.tool else ""
        used = "".join(f"+{item}" for item, _ in self.needs)
        return f"{self.kind}:{self.target}{held}{used}>{self.gives}"

    def goes(self, number: int) -> int:
        """How many goes give `number`, on average."""
        return max(1, math.ceil(number / self.count - 1e-9))


class Knowledge:
    """Every way to every item in some places.

    Args:
        places: of "overworld", "nether", "end", "monument"; ways of the Nether take what a portal takes where the
            overworld is among them and AT_PORTAL is not.

    Attributes:
        ways: item name -> ways to it. usual: way key -> ticks that one go takes by the table's estimate.
        outdoors: keys of the ways that one goes above ground. entry: what going to the Nether takes.
    """

    def __init__(self, places: Iterable[str] = ("overworld",)) -> None:
        from veclink.agent.embodied.sources import found_ways

        self.places = tuple(places)
        self.ways: dict[str, list[Way]] = defaultdict(list)
        found: Any = found_ways()
        crosses = "overworld" in self.places and AT_PORTAL not in self.places
        self.entry = tuple((Item(name), number) for name, number in PORTAL_NEEDS) if crosses else ()
        for way in (*_recipes(), *found):
            if not way.info.place or way.info.place in self.places:
                beyond = self.entry if way.info.place == "nether" else ()
                self.ways[way.gives.name].append(replace(way, keep=(*way.keep, *beyond)))
        self._loose = {name: _merged(ways) for name, ways in self.ways.items()}
        every = [way for table in (self.ways, self._loose) for ways in table.values() for way in ways]
        self.usual = {way.key: way.first + way.each for way in every}
        self.outdoors = tuple(way.key for way in every if way.kind not in ("craft", "smelt", "use")
                              and way.info.where not in ("underground", "lava"))
        self.tools = _tools()
        self._prices: dict[tuple[frozenset[str], frozenset[tuple[str, float]]], dict[Item, float]] = {}

    def ways_to(self, item: Item) -> list[Way]:
        """All ways that give it; where any variant will do, ways that differ in variants alone are one."""
        if item.variant is None:
            return self._loose.get(item.name, [])
        return [way for way in self.ways.get(item.name, []) if way.gives.serves(item)]

    def tools_for(self, kind: str, level: int) -> list[str]:
        """Names of the tools of a kind that are good enough, the simplest first."""
        return [name for name, tier in self.tools.get(kind, ()) if tier >= level]

    @property
    def reachable(self) -> Mapping[str, frozenset[int]]:
        """Item name -> the variants that can be had from nothing."""
        if not hasattr(self, "_reachable"):
            self._reachable = self._closure()
        return self._reachable

    def can_have(self, item: Item) -> bool:
        """Whether it can be had from nothing."""
        kinds = self.reachable.get(item.name, frozenset())
        return bool(kinds) if item.variant is None else item.variant in kinds

    def _closure(self) -> Mapping[str, frozenset[int]]:
        have: dict[str, set[int]] = defaultdict(set)
        waiting = [way for ways in self.ways.values() for way in ways]
        while True:
            ready = [way for way in waiting if self._met(way, have)]
            if not ready:
                return MappingProxyType({name: frozenset(kinds) for name, kinds in have.items()})
            for way in ready:
                have[way.gives.name].add(way.gives.variant or 0)
            done = {id(way) for way in ready}
            waiting = [way for way in waiting if id(way) not in done]

    def _met(self, way: Way, have: Mapping[str, set[int]]) -> bool:
        for item, _ in (*way.needs, *way.keep):
            kinds = have.get(item.name)
            if not kinds or (item.variant is not None and item.variant not in kinds):
                return False
        if way.tool and not any(have.get(name) for name in self.tools_for(*way.tool)):
            return False
        return not way.station or bool(have.get(STATIONS[way.station]))

    def prices(
        self, banned: frozenset[str] = frozenset(), learnt: Mapping[str, float] | None = None
    ) -> dict[Item, float]:
        """Ticks that one of each item costs from nothing, by its cheapest way (a shared fixed point).

        Args:
            banned: keys of ways that do not work now.
            learnt: way key -> ticks that one go took, from memory; used in place of the table's estimate.
        """
        learnt = learnt or {}
        asked = banned, frozenset(learnt.items())
        if asked not in self._prices:
            if len(self._prices) >= REMEMBERED:
                self._prices.pop(next(iter(self._prices)))
            numbers, table = self._offers
            cost = table.settle(banned, learnt)
            self._prices[asked] = {item: cost[i] for item, i in numbers.items() if cost[i] < math.inf}
        return self._prices[asked]

    @cached_property
    def _offers(self) -> tuple[dict[Item, int], Prices]:
        """Item -> its number, and all ways by these."""
        numbers: dict[Item, int] = {}

        def number(item: Item) -> int:
            return numbers.setdefault(item, len(numbers))

        offers = []
        for way in (way for each in self.ways.values() for way in each):
            uses = [(number(item), float(n)) for item, n in way.needs]
            uses += [(number(item), n / LASTING) for item, n in way.keep]
            uses += [(number(Item(STATIONS[way.station])), 1 / LASTING)] if way.station else []
            tools = tuple(number(Item(name)) for name in self.tools_for(*way.tool)) if way.tool else None
            gives = tuple(number(item) for item in dict.fromkeys((way.gives, Item(way.gives.name))))
            offers.append(Offer(way.key, way.first + way.each, way.count, gives, tuple(uses), tools, 1 / LASTING))
        return numbers, Prices(offers, len(numbers))


@cache
def knowledge(places: tuple[str, ...] = ("overworld",)) -> Knowledge:
    """The one for these places, made once."""
    return Knowledge(places)


def _tools() -> dict[str, list[tuple[str, int]]]:
    """Kind -> (name, tier), the simplest first; a gold tool breaks too soon to be made on purpose, so it comes last."""
    tools: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, i in item_ids().items():
        if kind := TOOL_KINDS[int(ITEMS.tool[i])]:
            tools[kind].append((name, int(ITEMS.tier[i])))
    for kind in tools.values():
        kind.sort(key=lambda tool: (tool[0].startswith("golden"), tool[1]))
    tools["fishing_rod"] = [("fishing_rod", -1)]
    return dict(tools)


def _recipes() -> list[Way]:
    """Every recipe of MineDojo's craft index: by hand, at a table, in a furnace."""
    ways = []
    for indices, kind, station, ticks in (
        (HAND, "craft", "", CRAFT_TICKS),
        (TABLE, "craft", "table", CRAFT_TICKS + STATION_TICKS),
        (SMELT, "smelt", "furnace", SMELT_TICKS + STATION_TICKS),
    ):
        for index in indices:
            for recipe in recipes_for(index):
                needs = tuple((_item(item, variant), number) for item, variant, number in recipe.ingredients)
                back = tuple((_item(item, 0), number) for item, number in recipe.returns)
                gives = _item(recipe.output, recipe.variant)
                ways.append(
                    Way(kind, gives, recipe.count, needs, back, station=station, each=ticks, index=index, info=ANYWHERE)
                )
    return ways


def _item(item: int, variant: int) -> Item:
    return Item(ITEMS.names[item], None if variant < 0 else variant)


ANYWHERE = Info(place="")


def _merged(ways: list[Way]) -> list[Way]:
    """One way in the place of several whose ingredients and output differ in variants alone (six woods' planks)."""
    groups: dict[tuple, list[Way]] = {}
    for way in ways:
        needs = tuple(sorted((item.name, number) for item, number in way.needs))
        groups.setdefault((way.kind, needs, way.tool, way.target, way.station), []).append(way)
    merged = []
    for group in groups.values():
        first = group[0]
        if len({way.gives for way in group}) == 1 and len(group) == 1:
            merged.append(first)
            continue
        merged.append(_joined(group))
    return merged


def _joined(group: list[Way]) -> Way:
    """The group's best figures, with any variant where its members differ."""
    best = min(group, key=lambda way: (way.first + way.each) / way.count)
    kinds: dict[str, set[int | None]] = defaultdict(set)
    for way in group:
        for item, _ in way.needs:
            kinds[item.name].add(item.variant)
    needs = tuple((item if len(kinds[item.name]) == 1 else Item(item.name), n) for item, n in best.needs)
    alike = tuple((item.name, tuple(sorted(v for v in kinds[item.name] if v is not None)))
                  for item, n in needs if n > 1 and len(kinds[item.name]) > 1)
    given = {way.gives.variant for way in group}
    gives = best.gives if len(given) == 1 else Item(best.gives.name)
    places = {biome for way in group for biome in way.info.biomes} if all(w.info.biomes for w in group) else ()
    return replace(best, gives=gives, needs=needs, alike=alike,
                   info=replace(best.info, biomes=tuple(sorted(places))))
