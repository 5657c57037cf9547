"""From the contract's eight-slot action to what the bot is told, and from its answers to events in MineDojo's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from veclink.envs.contract import CAMERA_NOOP, Function, Slot, camera_degrees
from veclink.envs.facts import CRAFT_NAMES, ITEMS, MOBS, SMELT, SMELT_TICKS, Recipe
from veclink.envs.minecraft import names
from veclink.envs.voxel.crafting import choose, fuel_in, nearby
from veclink.envs.voxel.inventory import SLOTS, WORN_AT

STILL: dict[str, Any] = {"move": 0, "side": 0, "pose": "", "do": "noop"}
MOVES, SIDES, POSES = (0, 1, -1), (0, 1, -1), ("", "jump", "sneak", "sprint")
WINDOW = {36: 8, 37: 7, 38: 6, 39: 5, 40: 45}  # our worn slots -> those of the player's window
NO_DURABILITY = 0


def act_of(world: Any, action: np.ndarray) -> dict[str, Any]:
    """What the bot does in the tick of an action.

    Args:
        world: with `player` and `grid`. action: (8,) int64, checked.
    """
    function = Function(int(action[Slot.FUNCTION]))
    made = {"move": MOVES[action[Slot.MOVE]], "side": SIDES[action[Slot.STRAFE]], "pose": POSES[action[Slot.BODY]],
            "do": function.name.lower()}
    if action[Slot.PITCH] != CAMERA_NOOP or action[Slot.YAW] != CAMERA_NOOP:
        made["turn"] = [camera_degrees(int(action[Slot.YAW])), camera_degrees(int(action[Slot.PITCH]))]
    slot = int(action[Slot.ITEM])
    if function == Function.CRAFT:
        made |= crafting(world, int(action[Slot.CRAFT]))
    elif function == Function.EQUIP:
        made |= {"slot": slot} | worn(world, slot)
    elif function in (Function.PLACE, Function.DESTROY):
        made["slot"] = slot
        if function == Function.DESTROY:
            made["do"] = "toss"
        elif not ITEMS.placeable[world.player.inventory.item[slot]]:
            made["do"] = "noop"
    return made


def worn(world: Any, slot: int) -> dict[str, Any]:
    """Where armour goes."""
    bag = world.player.inventory
    item = int(bag.item[slot])
    if bag.count[slot] and ITEMS.wearable[item]:
        return {"worn": WINDOW[WORN_AT[int(ITEMS.slot[item])]]}
    return {}


def crafting(world: Any, index: int) -> dict[str, Any]:
    """Crafting or smelting once; nothing where the contract's rules do not allow it."""
    bag = world.player.inventory
    table, furnace = nearby(world)
    chosen = choose(bag, index)
    if chosen is None:
        return {"do": "noop"}
    recipe, slots = chosen
    results = list(dict.fromkeys((*names.names_of(recipe.output, recipe.variant), *names.names_of(recipe.output))))
    if index not in SMELT:
        if recipe.table and not table:
            return {"do": "noop"}
        return {"do": "craft", "results": results, "table": table}
    if not furnace or fuel_in(bag, slots) < SMELT_TICKS:
        return {"do": "noop"}
    return {"do": "smelt", "inputs": inputs_of(recipe), "results": results, "fuels": fuels_of(world, recipe)}


def inputs_of(recipe: Recipe) -> list[str]:
    """The version's names of what is smelted."""
    item, variant, _ = recipe.ingredients[0]
    return list(names.names_of(item, variant))


def fuels_of(world: Any, recipe: Recipe) -> list[tuple[str, int]]:
    """[name, ticks] of the fuels that are carried; what is itself smelted comes last."""
    bag, found = world.player.inventory, dict[str, int]()
    source = recipe.ingredients[0][0]
    slots = [slot for slot in range(SLOTS) if bag.count[slot] and ITEMS.fuel[bag.item[slot]]]
    for slot in sorted(slots, key=lambda slot: bag.item[slot] == source):
        for name in names.names_of(int(bag.item[slot]), int(bag.variant[slot]) if not ITEMS.durability[
                bag.item[slot]] else NO_DURABILITY):
            found.setdefault(name, int(ITEMS.fuel[bag.item[slot]]))
    return list(found.items())


def events_of(answer: Mapping[str, Any], action: np.ndarray) -> list[tuple[str, dict[str, Any]]]:
    """What happened, in MineDojo's names; what has no such name is left out."""
    found = [event for kind, what in answer["events"] if (event := _event(str(kind), what)) is not None]
    if int(action[Slot.FUNCTION]) == Function.CRAFT:
        for done in answer["done"]:
            if done and done.get("made"):
                index = int(action[Slot.CRAFT])
                kind = "smelted" if index in SMELT else "crafted"
                found.append((kind, {"item": CRAFT_NAMES[index], "count": int(done.get("count") or 1)}))
    return found


def _event(kind: str, what: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    if kind in ("use", "pick_up"):
        item = names.item_of(what["item"], int(what.get("metadata", 0)))
        more = {"count": int(what["count"])} if kind == "pick_up" else {}
        return None if item is None else (kind, {"item": ITEMS.names[item[0]], **more})
    if kind == "mine":
        from veclink.envs.facts import BLOCKS

        block = BLOCKS.names[names.block_of(what["block"])[0]]
        return kind, {"block": block, "x": what["x"], "y": what["y"], "z": what["z"]}
    if kind == "kill":
        mob = names.mob_of(what["mob"])
        return None if mob is None else (kind, {"mob": mob, "by_player": True})
    if kind == "death":
        return kind, {"cause": names.cause_of(what["cause"])}
    if kind == "hurt":
        return kind, {"amount": float(what["amount"]), "cause": names.cause_of(what["cause"])}
    return (kind, {"kicks": int(what["kicks"])}) if kind == "reconnected" else None


def wounds_of(events: Iterable[Any]) -> dict[str, Any] | None:
    """The last wound among the bot's events, as the observer reads it; None where there is none."""
    wounds = [what for kind, what in events if kind == "hurt"]
    if not wounds:
        return None
    last = wounds[-1]
    return {"cause": names.cause_of(last["cause"]), "amount": sum(float(what["amount"]) for what in wounds),
            "source": last["from"], "hunger": 0.0}


assert "zombie" in MOBS
