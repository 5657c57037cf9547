"""Mobs: bodies, blows, loot, food and natural spawning of every kind that MineDojo's tasks name, and their kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from veclink.envs.facts.items import ITEMS
from veclink.envs.facts.tables import Names, frozen, table

MOODS = ("passive", "neutral", "hostile")
GROUPS = ("creature", "monster", "ambient", "water")
COAT = -1  # loot whose variant is the mob's own colour
ALWAYS = 15  # light at which anything spawns
DRAG = 1 - 0.6 * 0.91  # what the ground takes of a walker's speed in a tick


@dataclass(frozen=True)
class Loot:
    """One item of a pool: `low` to `high` of it, taken with `chance` (its share of the pool's chance and rolls)."""

    item: int
    variant: int
    low: int
    high: int
    chance: float = 1.0
    by_player: bool = False


@dataclass(frozen=True)
class Pool:
    """Items of which each roll picks one by weight.

    Attributes:
        entries: the items, `chance` in each its share of one roll.
        rolls: least and most rolls. chance: of the pool at all. by_player: only where the player killed.
        sizes: sizes of slimes that leave it, () all.
    """

    entries: tuple[Loot, ...]
    rolls: tuple[int, int] = (1, 1)
    chance: float = 1.0
    by_player: bool = False
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Spawn:
    """One way of appearing by itself.

    Attributes:
        group: one of GROUPS. biomes: names. weight: against the others of its group. pack: least and most at once.
        light: most light it appears at. place: where else it is bound to ("fortress", ...), "" anywhere.
    """

    group: str
    biomes: frozenset[str]
    weight: int
    pack: tuple[int, int]
    light: int = ALWAYS
    place: str = ""


def _pool(row: dict[str, Any]) -> Pool:
    total = sum(entry[4] if len(entry) > 4 else 1 for entry in row["items"])
    entries = tuple(
        Loot(ITEMS.id(name), COAT if variant == "coat" else variant, low, high, (weight[0] if weight else 1) / total)
        for name, variant, low, high, *weight in row["items"]
    )
    rolls = tuple(row.get("rolls", (1, 1)))
    return Pool(entries, rolls, row.get("chance", 1.0), row.get("player", False), tuple(row.get("sizes", ())))


def _flat(pools: tuple[Pool, ...]) -> tuple[Loot, ...]:
    """The pools as single entries with the same expected counts."""
    found = []
    for pool in pools:
        rolls = sum(pool.rolls) // 2
        for entry in pool.entries * rolls:
            if entry.high > 0:
                chance = entry.chance * pool.chance
                found.append(Loot(entry.item, entry.variant, entry.low, entry.high, chance, pool.by_player))
    return tuple(found)


class Mobs(Names):
    """The table of mobs. Arrays have one row a kind, index = kind (int16 holds it), and are read-only.

    Attributes:
        names: sorted names, as MineDojo's tasks summon them.
        health: float32 half hearts (a slime of size 1: times size squared). damage: float32 of a blow on normal.
        attribute: float32, Minecraft's movement speed. speed: float32, blocks a tick when it walks on plain ground.
        width, height: float32 blocks (a slime's times its size). by_size: bool, is it such a slime.
        mood: uint8, index of MOODS. hostile: bool. undead, burns (by day): bool.
        xp, xp_least: int16, most and least experience of killing one.
        foods: item ids it is bred with (or tamed and led by). biomes: names of biomes it appears in by itself.
        pools: what it leaves, exactly. loot: the same as single entries of equal expected counts.
        spawns: its ways of appearing by itself.
    """

    kind = "mob"

    def __init__(self, rows: list[dict[str, Any]], groups: dict[str, list[str]], biomes: frozenset[str]) -> None:
        super().__init__([row["name"] for row in rows])

        def column(key: str, default: Any = None) -> list[Any]:
            return [row.get(key, default) for row in rows]

        moods = [MOODS.index(row["mood"]) for row in rows]
        speeds = column("speed")
        self.health = frozen(column("health"), "f4")
        self.damage = frozen(column("damage"), "f4")
        self.attribute = frozen(speeds, "f4")
        # A walker pushes itself by the attribute squared every tick (factor and speed are both the attribute).
        self.speed = frozen([speed * speed / DRAG for speed in speeds], "f4")
        self.width = frozen(column("width"), "f4")
        self.height = frozen(column("height"), "f4")
        self.mood = frozen(moods, "u1")
        self.hostile = frozen([mood == MOODS.index("hostile") for mood in moods], "?")
        self.undead = frozen(column("undead", False), "?")
        self.burns = frozen(column("burns", False), "?")
        self.by_size = frozen(column("by_size", False), "?")
        self.xp_least = frozen([row["xp"][0] for row in rows], "i2")
        self.xp = frozen([row["xp"][1] for row in rows], "i2")
        self.foods = tuple(tuple(ITEMS.id(name) for name in row.get("foods", ())) for row in rows)
        self.pools = tuple(tuple(_pool(pool) for pool in row.get("loot", ())) for row in rows)
        self.loot = tuple(_flat(pools) for pools in self.pools)
        self.spawns = tuple(
            tuple(self._spawn(spawn, groups, biomes) for spawn in row.get("spawns", ())) for row in rows
        )
        self.biomes = tuple(frozenset().union(*(spawn.biomes for spawn in spawns)) for spawns in self.spawns)

    @staticmethod
    def _spawn(row: dict[str, Any], groups: dict[str, list[str]], biomes: frozenset[str]) -> Spawn:
        def members(names: list[str]) -> frozenset[str]:
            return frozenset(biome for name in names for biome in groups[name])

        where = members(row["biomes"]) if "biomes" in row else biomes - members(row.get("but", []))
        pack = (row["pack"][0], row["pack"][1])
        return Spawn(row["group"], where, row["weight"], pack, row.get("light", ALWAYS), row.get("place", ""))

    def spawn_table(self, biome: str, group: str) -> tuple[tuple[int, Spawn], ...]:
        """(kind, Spawn) of all that appear by themselves in a biome, of one group ("creature", "monster", ...)."""
        return tuple(
            (kind, spawn)
            for kind, spawns in enumerate(self.spawns)
            for spawn in spawns
            if spawn.group == group and biome in spawn.biomes
        )


_TABLE = table("mobs")
BIOMES = frozenset(_TABLE["biomes"])  # MineDojo's names of 1.11's biomes
MOBS = Mobs(_TABLE["mobs"], _TABLE["biome_groups"], BIOMES)
