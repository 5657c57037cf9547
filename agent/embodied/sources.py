"""The ways that no recipe tells: what blocks drop, what mobs leave, and what is milked, fished, filled or grown."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from typing import Any

from veclink.agent.embodied.items import Item, item_ids
from veclink.agent.embodied.knowledge import TOOL_KINDS, Info, Way
from veclink.envs.facts import BLOCKS, ITEMS, MOBS, drops_of

FEW, MANY = 24, 1500  # draws of a drop that is always the same, and of one that is not
BLOWS = {"hostile": 120, "calm": 40}  # ticks that killing one takes with a plain sword or by hand
RIGHT = 1.5  # ticks for a block are its hardness x 20 x this, by the tool's speed
SWORD_LEVEL = 1  # of the sword that one goes to hostile mobs with: a stone one
FEW_BIOMES = 16  # a mob of more biomes than that is found wherever one looks
TICKS = 20
SLOW = 150  # ticks from one animal to the next, of those that do not run away
HARMFUL = ("rotten_flesh", "spider_eye", "poisonous_potato", "chicken", "fish")


@cache
def found() -> dict[str, Any]:
    """`found.json`: blocks, mobs, deeds, what is impossible and why."""
    return json.loads(files("veclink.agent.embodied").joinpath("found.json").read_text("utf-8"))


@cache
def found_ways() -> tuple[Way, ...]:
    """Every way that is not a recipe."""
    return (*_mined(), *_killed(), *_deeds())


class EvenDraws:
    """Draws that fill [0, 1) evenly, so that a thousand of them give a drop's mean; the same ones every time.

    The multiplicative generator of Lehmer (Park and Miller, 1988): short, and even over the runs used here.
    """

    def __init__(self) -> None:
        self.word = 20_110_211

    def uniform(self) -> float:
        """In [0, 1)."""
        self.word = self.word * 48_271 % 2_147_483_647
        return self.word / 2_147_483_647

    def below(self, n: int) -> int:
        """An integer in 0..n-1."""
        return int(self.uniform() * n)

    def between(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        return low + self.below(high - low + 1)


def mean_drops(block: int, meta: int, tool: int) -> dict[Item, float]:
    """What breaking a block gives on average: item -> count."""
    draws, total = EvenDraws(), Counter()
    rounds = FEW
    seen = [tuple(drops_of(block, meta, tool, 0, draws)) for _ in range(FEW)]  # pyright: ignore[reportArgumentType]  # the same three methods
    if len(set(seen)) > 1 or not seen[0]:
        rounds = MANY
        seen += [tuple(drops_of(block, meta, tool, 0, draws)) for _ in range(MANY - FEW)]  # pyright: ignore[reportArgumentType]
    for drops in seen:
        for item, variant, count in drops:
            total[Item(ITEMS.names[item], max(int(variant), 0))] += count
    return {item: count / rounds for item, count in total.items() if count}


def _mined() -> list[Way]:
    ways = []
    ids = {name: i for i, name in enumerate(BLOCKS.names)}
    for name, facts in found()["blocks"].items():
        block = ids[name]
        for meta in facts.get("metas", [facts.get("ripe", 0)]):
            plain: dict[Item, float] = {}
            for tool in _tools_to_try(block):
                drops = mean_drops(block, meta, _tool_item(tool))
                for item, count in drops.items():
                    if tool and tool[0] == "shears" and plain.get(item, 0.0) >= count:
                        continue  # by hand does as well
                    ways.append(_mine(name, block, meta, item, count, tool, facts))
                plain = plain or drops
    return ways


def _tools_to_try(block: int) -> list[tuple[str, int] | None]:
    """The least tool that makes it drop, and shears, which some plants need."""
    level, kind = int(BLOCKS.level[block]), TOOL_KINDS[int(BLOCKS.tool[block])]
    first: tuple[str, int] | None = None if level < 0 or not kind else (kind, level)
    plant = BLOCKS.names[block] in ("leaves", "leaves2", "vine", "tallgrass", "double_plant", "deadbush", "web")
    return [first, ("shears", -1)] if plant else [first]


def _tool_item(tool: tuple[str, int] | None) -> int:
    if tool is None:
        return item_ids()["air"]
    material = ("wooden", "stone", "iron", "diamond")[max(tool[1], 0)]
    name = tool[0] if tool[0] in item_ids() else f"{material}_{tool[0]}"
    return item_ids()[name]


def _mine(
    name: str, block: int, meta: int, item: Item, count: float, tool: tuple[str, int] | None, facts: dict[str, Any]
) -> Way:
    speed = float(ITEMS.speed[_tool_item(tool)]) if tool else 1.0
    ticks = max(float(BLOCKS.hardness[block]), 0.0) * RIGHT * TICKS / max(speed, 1.0)
    seek = facts.get("variant_seek", {}).get(str(meta), facts["seek"])
    biomes = facts.get("variant_biomes", {}).get(str(meta), facts.get("biomes", ()))
    info = Info(tuple(facts["y"]), facts["where"], tuple(biomes), "", facts.get("place", "overworld"))
    return Way("mine", item, count, tool=tool, target=name, first=seek, each=ticks + facts["each"], info=info)


def _killed() -> list[Way]:
    ways = []
    for mob, facts in found()["mobs"].items():
        if mob not in MOBS:
            continue
        kind = MOBS.id(mob)
        mean: dict[Item, float] = defaultdict(float)
        for loot in MOBS.loot[kind]:
            mean[Item(ITEMS.names[loot.item], max(loot.variant, 0))] += loot.chance * (loot.low + loot.high) / 2
        hostile = bool(MOBS.hostile[kind])
        tool = ("sword", SWORD_LEVEL) if hostile else None
        each = BLOWS["hostile" if hostile else "calm"] + facts["each"]
        for item, count in mean.items():
            if count > 0:
                ways.append(
                    Way("kill", item, count, tool=tool, target=mob, first=facts["seek"], each=each, info=mob_info(mob))
                )
    return ways


@cache
def meat(mob: str) -> str:
    """What a harmless mob leaves that can be eaten as it is; "" where there is nothing, or it runs too fast."""
    slow = found()["mobs"].get(mob, {}).get("each", math.inf) <= SLOW
    if not slow or mob not in MOBS or MOBS.hostile[MOBS.id(mob)]:
        return ""
    return next((name for loot in MOBS.loot[MOBS.id(mob)] if wholesome(name := ITEMS.names[loot.item])), "")


def wholesome(name: str) -> bool:
    """Food that does no harm."""
    return bool(ITEMS.food[item_ids()[name]]) and name not in HARMFUL


def mob_info(mob: str) -> Info:
    """Where and when a mob is found."""
    facts = found()["mobs"].get(mob, {})
    height = (5, 60) if facts.get("where") == "underground" else None
    biomes = facts.get("biomes") or (sorted(MOBS.biomes[MOBS.id(mob)]) if mob in MOBS else [])
    few = tuple(biomes) if len(biomes) <= FEW_BIOMES else ()
    return Info(height, facts.get("where", ""), few, facts.get("time", ""), facts.get("place", "overworld"))


def lands(target: str, info: Info) -> tuple[str, ...]:
    """The biomes in which a block or mob is worth looking for, those left out that begin with the name of another
    ("forest_hills" beside "forest"); none where that would be nearly all of them."""
    biomes = set(info.biomes)
    if target in MOBS and not found()["mobs"].get(target, {}).get("biomes"):
        biomes = MOBS.biomes[MOBS.id(target)]
    plain = sorted(each for each in biomes if not any(each.startswith(f"{other}_") for other in biomes))
    return tuple(plain) if len(plain) <= FEW_BIOMES else ()


def search(target: str) -> float:
    """Ticks that it takes to come upon a block or mob, 0 where none are stated."""
    rows = (found()[kind].get(target, {}) for kind in ("blocks", "mobs"))
    return float(next((row["seek"] for row in rows if "seek" in row), 0.0))


def signs(target: str) -> tuple[str, ...]:
    """Blocks that stand near a block or mob wherever there is one: a path leads to a village's fields."""
    place = next((found()[kind][target].get("part_of") for kind in ("blocks", "mobs") if target in found()[kind]), None)
    return tuple(found()["signs"].get(place, ()))


def _deeds() -> list[Way]:
    ways = []
    for deed in found()["deeds"]:
        target = deed.get("target", "")
        mob = found()["mobs"].get(target)
        height = tuple(deed["y"]) if "y" in deed else None
        info = mob_info(target) if mob else Info(height, deed.get("where", ""))
        tool = tuple(deed["tool"]) if "tool" in deed else None
        needs = tuple((Item.of(text), number) for text, number in deed.get("needs", {}).items())
        keep = tuple((Item.of(text), number) for text, number in deed.get("keep", {}).items())
        first = float(deed.get("seek", mob["seek"] if mob else 0.0))
        each = float(deed["ticks"]) + (float(mob["each"]) if mob else 0.0)
        ways.append(
            Way(
                deed["kind"],
                Item.of(deed["gives"]),
                deed["count"],
                needs,
                (),
                keep,
                tool,
                "",
                target,
                first,
                each,
                info=info,
            )
        )
    return ways
