"""What can be had in a world: everything reachable from its blocks and mobs by mining, killing, making and growing.

Counts are not looked at: what can be had once can be had again. Decided from facts: generated.json (blocks that the
generator puts down), ways.json (milking, growing, ...), drops, loot, recipes and spawning of `veclink.envs.facts`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from veclink.envs.facts import (
    BLOCKS,
    CRAFT_NAMES,
    HAND,
    ITEMS,
    MOBS,
    SMELT,
    TABLE,
    Recipe,
    drops_of,
    recipes_for,
)  # fmt: skip
from veclink.envs.facts.tables import table
from veclink.envs.voxel.containers import LOOT

ANY = -1
AIR = -1  # the bare hand
NOT_MIXED = frozenset({"the_end", "the_void", "nether"})  # biomes that the mixture does not have
Item = tuple[int, int]  # (item id, variant)


@cache
def own_table(name: str) -> dict[str, Any]:
    """The content of a JSON file beside this one: "ways" or "generated"."""
    return json.loads((files("veclink.envs.tasks") / f"{name}.json").read_text("utf8"))


class Lucky:
    """Draws for `drops_of` in which one draw is lucky, or all are: over several of these every drop shows."""

    def __init__(self, lucky: int) -> None:
        self.lucky, self.number = lucky, 0

    def uniform(self) -> float:
        """0 where it is lucky."""
        self.number += 1
        return 0.0 if self.lucky in (0, self.number) else 0.999_999

    def between(self, low: int, high: int) -> int:
        """The most."""
        return high


@cache
def leavings(block: int, meta: int, tool: int) -> frozenset[Item]:
    """All that breaking a block with a tool may leave."""
    return frozenset((item, variant) for lucky in range(7) for item, variant, _ in drops_of(
        block, meta, tool, 0, Lucky(lucky)))


@cache
def loot(mob: int) -> frozenset[Item]:
    """All that a mob may leave; wool of any colour counts as white."""
    return frozenset((entry.item, max(entry.variant, 0)) for entry in MOBS.loot[mob])


def _deed(way: dict[str, Any]) -> str:
    """A row of ways.json in words."""
    near = [*way.get("blocks", ()), *way.get("mobs", ())]
    return " ".join(part for part in ("by " + ", ".join(way["needs"]) if way.get("needs") else "by waiting",
                                      "at " + ", ".join(near) if near else "") if part)


def _made(index: int, recipe: Recipe) -> str:
    """A recipe in words."""
    parts = ", ".join(f"{n} {ITEMS.names[item]}" for item, _, n in recipe.ingredients)
    return ("smelted of " if index in SMELT else "made at a table of " if index in TABLE else "made of ") + parts


class World:
    """What is reachable in one kind of world.

    Args:
        biome: the only one, None for the mixture. kind: "default", "nether", ... as of TaskSpec.
        given: items at the start. mobs: names of those put down at the start or as time goes by. put: blocks so.
        natural: whether mobs come by themselves.

    Attributes:
        items: (item id, variant). blocks: (block id, metadata). mobs: names. crossed: the Nether can be entered.
        how: item id -> the first way found to have it, in words.
    """

    def __init__(self, biome: str | None = None, kind: str = "default", given: Iterable[Item] = (),
                 mobs: Iterable[str] = (), natural: bool = True, put: Iterable[str] = ()) -> None:
        self.items: set[Item] = set()
        self.how: dict[int, str] = {}
        self._gain(given, "had at the start")
        self.blocks: set[tuple[int, int]] = {(BLOCKS.id(name), 0) for name in put}
        self.mobs: set[str] = set(mobs)
        self.natural, self.crossed = natural, False
        self._mined: set[tuple[int, int, int]] = set()
        self._kinds: set[int] = set()
        generated = own_table("generated")
        if kind == "nether" or biome == "nether":
            self._cross()
        elif kind == "flat":
            self._add_blocks(generated["flat"])
            self._add_mobs(["plains"])
        else:
            places = generated["overworld"]
            biomes = [name for name in places if name not in NOT_MIXED] if biome is None else [biome]
            for name in biomes:
                self._add_blocks(places.get(name, {}))
            self._add_mobs(biomes)
        while self._grow():
            pass

    def has(self, name: str) -> bool:
        """Whether an item of any variant, or "name:variant", is reachable."""
        return self._holds(name)

    def _holds(self, word: str) -> bool:
        groups = own_table("ways")["groups"]
        if word in groups:
            return any(self._holds(each) for each in groups[word])
        name, _, variant = word.partition(":")
        item = ITEMS.id(name)
        return (item, int(variant)) in self.items if variant else any(i == item for i, _ in self.items)

    def _grow(self) -> bool:
        before = len(self.items), len(self.blocks), len(self.mobs)
        self._mine()
        for name in sorted(self.mobs):
            self._gain(loot(MOBS.id(name)), f"left by a killed {name}")
        for way in own_table("ways")["ways"]:
            if self._allows(way):
                self._gain(((ITEMS.id(name), 0) for name in way.get("gives", ())), _deed(way))
                self.blocks |= {(BLOCKS.id(name), meta) for name, meta in way.get("makes", ())}
                self.mobs |= set(way.get("spawns", ()))
        if self._holds("fishing_rod") and self._near("water"):
            self._gain(((ITEMS.id(row["item"]), row.get("variant", 0)) for pool in table("fishing")["pools"]
                        for row in pool["entries"]), "fished with a fishing_rod")
        self._make()
        if not self.crossed and self._allows(own_table("ways")["crossing"]):
            self._cross()
        return before != (len(self.items), len(self.blocks), len(self.mobs))

    def _gain(self, found: Iterable[Item], how: str) -> None:
        """Items that can be had now, and how."""
        for item in found:
            self.items.add(item)
            self.how.setdefault(item[0], how)

    def _allows(self, way: dict[str, Any]) -> bool:
        return (all(self._holds(word) for word in way.get("needs", ()))
                and all(self._near(name) for name in way.get("blocks", ()))
                and all(name in self.mobs for name in way.get("mobs", ())))

    def _near(self, block: str) -> bool:
        number = BLOCKS.id(block)
        return any(b == number for b, _ in self.blocks)

    def _mine(self) -> None:
        self.blocks |= {(int(ITEMS.block[item]), variant) for item, variant in self.items if ITEMS.block[item]}
        tools = [AIR, *sorted({item for item, _ in self.items if ITEMS.tool[item]})]
        for block, meta in list(self.blocks):
            for tool in tools:
                if (block, meta, tool) not in self._mined:
                    self._mined.add((block, meta, tool))
                    self._gain(leavings(block, meta, tool), f"broken out of {BLOCKS.names[block]} with " + (
                        "the bare hand" if tool == AIR else f"a {ITEMS.names[tool]}"))

    def _make(self) -> None:
        at_table, at_furnace = self._near("crafting_table"), self._near("furnace")
        self._kinds = {item for item, _ in self.items}
        fuel = any(ITEMS.fuel[item] for item in self._kinds)
        for index in range(len(CRAFT_NAMES)):
            if index in HAND or (index in TABLE and at_table) or (index in SMELT and at_furnace and fuel):
                for recipe in recipes_for(index):
                    if not self._lacks(recipe):
                        self._gain([(recipe.output, recipe.variant), *((item, 0) for item, _ in recipe.returns)],
                                   _made(index, recipe))
                        self._kinds |= {recipe.output, *(item for item, _ in recipe.returns)}

    def _lacks(self, recipe: Recipe) -> list[Item]:
        """Ingredients that cannot be had."""
        return [(item, variant) for item, variant, _ in recipe.ingredients
                if (item not in self._kinds if variant == ANY else (item, variant) not in self.items)]

    def _cross(self) -> None:
        self.crossed = True
        self._add_blocks(own_table("generated")["nether"])
        self._add_mobs(["nether"])

    def _add_blocks(self, found: dict[str, list[int]]) -> None:
        if "chest" in found:  # of villages and dungeons
            self._gain(((ITEMS.id(name), variant) for _, name, variant, *_ in LOOT), "found in a chest")
        self.blocks |= {(BLOCKS.id(name), meta) for name, metas in found.items() for meta in metas}

    def _add_mobs(self, biomes: list[str]) -> None:
        if not self.natural:
            return
        self.mobs |= {name for kind, name in enumerate(MOBS.names) if any(
            biome in spawn.biomes for spawn in MOBS.spawns[kind] for biome in biomes)}
        if self._near("mob_spawner"):
            self.mobs |= set(own_table("ways")["spawners"])

    # -- why not -------------------------------------------------------------------------------------------------------

    def why_not(self, name: str) -> str:
        """Why an item cannot be had, in words; "" where it can."""
        if self._holds(name):
            return ""
        return next(self._reasons(name, frozenset()))

    def _reasons(self, name: str, asked: frozenset[str]) -> Iterator[str]:
        plain = name.partition(":")[0]
        item = ITEMS.id(plain)
        block = BLOCKS.id(plain) if plain in BLOCKS else int(ITEMS.block[item])
        if block and self._near(BLOCKS.names[block]):
            left = any(leavings(b, meta, tool) for b, meta, tool in self._mined if b == block)
            yield ("no tool breaks it" if BLOCKS.hardness[block] < 0 else "breaking it leaves nothing" if not left else
                   "breaking it leaves something else, and nothing here has silk touch")
        makes = [recipe for index in range(len(CRAFT_NAMES)) if CRAFT_NAMES[index] == plain
                 for recipe in recipes_for(index)]
        for recipe in makes:
            for lacking, variant in self._lacks(recipe):
                word = ITEMS.names[lacking] + (f":{variant}" if variant > 0 else "")
                if word not in asked and ITEMS.names[lacking] != plain:
                    deeper = next(self._reasons(word, asked | {plain, name}), "")
                    if deeper:
                        yield deeper if deeper.startswith("needs ") else f"needs {word}: {deeper}"
        mobs = [mob for kind, mob in enumerate(MOBS.names) if any(i == item for i, _ in loot(kind))]
        if mobs:
            yield f"only {' or '.join(mobs)} leaves it, which does not come here"
        ways = [way for way in own_table("ways")["ways"] if plain in way.get("gives", ())]
        for way in ways:
            lacking = [word for word in way.get("needs", ()) if not self._holds(word)]
            absent = [word for word in (*way.get("blocks", ()), *way.get("mobs", ()))
                      if word not in self.mobs and not (word in BLOCKS and self._near(word))]
            yield f"needs {', '.join([*lacking, *absent])}, which is not here"
        if plain not in asked:
            places = [place for place, names in own_table("ways")["elsewhere"].items() if plain in names]
            yield (f"it comes from {places[0]}, not made here" if places else
                   "nothing here makes it" if makes else "nothing in this world gives it")
