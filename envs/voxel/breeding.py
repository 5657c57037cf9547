"""What people do with animals: milking, shearing, dyeing, feeding, taming, saddling; and offspring.

Not here: riding, leads, trading with villagers, horses' chests.
"""

from __future__ import annotations

from typing import Any

from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.voxel.bodies import SIT
from veclink.envs.voxel.entities import NOBODY
from veclink.envs.voxel.kinds import lures

CHILDHOOD = 24_000  # ticks until a young one is grown
REST = 6_000  # ticks until parents can have the next
IN_LOVE = 600  # ticks
MILKED = ("cow", "mooshroom")
SADDLED = ("pig", "horse", "donkey", "mule")
RIDDEN = ("horse", "donkey", "mule", "llama")  # tamed with an empty hand, a little at each try
PETS = {"wolf": "bone", "ocelot": "fish"}  # and what tames them
MEAT = frozenset({"beef", "cooked_beef", "porkchop", "cooked_porkchop", "chicken", "cooked_chicken", "mutton",
                  "cooked_mutton", "rabbit", "cooked_rabbit", "rotten_flesh"})
MEAL = 4.0  # half hearts that a piece of meat gives a tame wolf


def interact(mobs: Any, slot: int, player: Any) -> bool:
    """What comes of using the held item on a mob; False where nothing does."""
    mob = mobs.records[slot]
    if not mob["alive"]:
        return False
    bag, held = player.inventory, player.held
    item = ITEMS.names[bag.item[held]] if bag.count[held] else "air"
    name = MOBS.names[mob["kind"]]
    return any(deed(mobs, slot, name, item, player) for deed in (_milk, _shear, _dye, _pet, _saddle, _feed))


def _spend(player: Any, cause: str) -> tuple[int, int]:
    """Take one of what the main hand holds; its item and variant."""
    bag, held = player.inventory, player.held
    item, variant = int(bag.item[held]), int(bag.variant[held])
    bag.take(held, 1, cause)
    return item, variant


def _give(mobs: Any, slot: int, player: Any, item: str) -> None:
    """Put one of an item into the bag, on the ground where it is full."""
    left = player.inventory.add(ITEMS.id(item), 0, 1, cause="mob")
    if left:
        mobs.drop(slot, ITEMS.id(item), 0, left)


def _milk(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    if name not in MILKED or mobs.records["baby"][slot]:
        return False
    if item == "bucket":
        filled = "milk_bucket"
    elif item == "bowl" and name == "mooshroom":
        filled = "mushroom_stew"
    else:
        return False
    _spend(player, "mob")
    _give(mobs, slot, player, filled)
    return True


def _shear(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    mob = mobs.records[slot]
    if item != "shears" or mob["baby"]:
        return False
    if name == "sheep" and not mob["shorn"]:
        mob["shorn"] = True
        mobs.drop(slot, ITEMS.id("wool"), int(mob["variant"]), mobs.world.chance.between(1, 3))
    elif name == "mooshroom":
        mob["kind"] = MOBS.id("cow")
        mobs.drop(slot, ITEMS.id("red_mushroom"), 0, 5)
    elif name == "snow_golem" and not mob["shorn"]:
        mob["shorn"] = True
    else:
        return False
    player.inventory.wear(player.held, 1)
    return True


def _dye(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    mob = mobs.records[slot]
    if name != "sheep" or item != "dye" or mob["shorn"]:
        return False
    colour = 15 - int(player.inventory.variant[player.held])  # dyes count the colours from the other end
    if mob["variant"] == colour:
        return False
    mob["variant"] = colour
    _spend(player, "mob")
    return True


def _pet(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    """Wolves are tamed with bones, ocelots with fish; a tame one sits and stands up, a hurt wolf eats."""
    mob, chance = mobs.records[slot], mobs.world.chance
    if name not in PETS:
        return False
    if not mob["tame"]:
        if item != PETS[name] or mob["angry"] > 0:
            return False
        _spend(player, "mob")
        if chance.uniform() < 1 / 3:
            mob["tame"], mob["persistent"], mob["target"], mob["state"] = True, True, NOBODY, SIT
            mob["health"] = mobs.most(slot)
            if name == "ocelot":
                mob["variant"] = 1 + chance.below(3)
        return True
    if name == "wolf" and item in MEAT and mob["health"] < mobs.most(slot):
        mob["health"] = min(mobs.most(slot), float(mob["health"]) + MEAL)
        _spend(player, "mob")
        return True
    if ITEMS.id(item) in lures(name):
        return False  # a meal, see `_feed`
    mob["state"] = 0 if mob["state"] == SIT else SIT
    mob["state_left"], mob["target"] = 0, NOBODY
    return True


def _saddle(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    mob = mobs.records[slot]
    if mob["baby"] or name not in SADDLED + RIDDEN:
        return False
    if name in RIDDEN and not mob["tame"]:
        if item != "air":
            return False
        mob["egg"] -= 5  # its temper, counted down: `egg` counts up for no kind but hens
        if mobs.world.chance.below(100) < -int(mob["egg"]):
            mob["tame"] = True
        return True
    if item != "saddle" or mob["saddled"] or name not in SADDLED:
        return False
    mob["saddled"] = True
    _spend(player, "mob")
    return True


def _feed(mobs: Any, slot: int, name: str, item: str, player: Any) -> bool:
    """The food of its kind: a grown one falls in love, a young one grows faster by a tenth of what is left."""
    mob = mobs.records[slot]
    if item == "air" or ITEMS.id(item) not in lures(name):
        return False
    if mob["baby"]:
        mob["age"] = min(0, int(mob["age"]) - int(mob["age"]) // 10)
    elif mob["age"] == 0 and mob["love"] == 0 and (mob["tame"] or name not in (*PETS, *RIDDEN)):
        mob["love"] = IN_LOVE
    else:
        return False
    _spend(player, "mob")
    return True


def offspring(mobs: Any, first: int, second: int) -> int:
    """Two in love have a young one; its slot, or -1 where there is no room or one of them is gone."""
    one, other = mobs.records[first], mobs.records[second]
    if not (one["alive"] and other["alive"] and one["love"] > 0 and other["love"] > 0):
        return -1
    chance, name = mobs.world.chance, MOBS.names[one["kind"]]
    parent = one if chance.uniform() < 0.5 else other
    for mob in (one, other):
        mob["love"], mob["age"], mob["state"], mob["state_left"] = 0, REST, 0, 0
    slot = mobs.add(name, float(one["x"]), float(one["y"]), float(one["z"]), baby=True, age=-CHILDHOOD,
                    variant=int(parent["variant"]), tame=bool(one["tame"] and other["tame"] and name in PETS),
                    persistent=True)
    if slot >= 0:
        mobs.world.player.gain_xp(chance.between(1, 7))
        mobs.world.events.append(("bred", {"mob": name, "id": int(mobs.records["id"][slot])}))
    return slot
