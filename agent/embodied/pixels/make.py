"""Making things without being told whether a table is near: one tries, and the inventory says what came of it."""

from __future__ import annotations

from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.pixels import dig, walk
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.skills.make import HAND, TABLE
from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS

PLACES = ((0, 60.0), (0, 45.0), (90, 60.0), (-90, 60.0), (180, 60.0), (90, 45.0), (-90, 45.0), (180, 45.0), (0, 30.0))
FLOOR = (60.0, 45.0, 30.0)
NICHE = (0.0, 45.0)  # what is dug where there is no room
STATIONS = ("crafting_table", "furnace")
STATION_OF = {1: "crafting_table", 2: "furnace"}
GO_BACK = 12.0  # blocks from which one looks for a station that was put down
HANDS = "air"


def station_of(index: int) -> str:
    """What a craft index needs, "" for the hands."""
    return "" if index < HAND else STATIONS[0] if index < HAND + TABLE else STATIONS[1]


def craft(body: PixelBody, item: str, index: int, number: int, limit: int) -> None:
    """Craft or smelt until there are so many more of an item.

    Raises:
        SkillFailed: "no material" (its detail names the station where that is what is missing), "full", "time".
    """
    wanted, end = body.count(item) + number, body.steps + limit
    station = station_of(index)
    if station and not body.at_station(station):
        if not body.items[station]:
            raise SkillFailed("no material", station)
        put_down(body, station)
    name = CRAFT_NAMES[index]
    while body.count(item) < wanted:
        if body.steps >= end:
            raise SkillFailed("time", item)
        before = body.count(name)
        body.act(function="craft", index=index)
        if body.count(name) > before:
            continue
        if not (body.observation["inventory"]["name"] == HANDS).any():
            raise SkillFailed("full", item)
        if station:
            body.stations.pop(station, None)
            raise SkillFailed("no material", station if body.items[station] == 0 else f"for {item}")
        raise SkillFailed("no material", f"for {item}")


def put_down(body: PixelBody, item: str) -> None:
    """Put a block down at hand, in a niche where there is no room; the inventory tells whether it stands.

    Raises:
        SkillFailed: "no material", "no view".
    """
    if not body.items[item]:
        raise SkillFailed("no material", item)
    start = body.yaw
    for room in (None, 90, -90, 180, 0):
        if room is not None:
            make_room(body, dig.aligned(start + room))
        for turn, pitch in PLACES if room is None else [(dig.aligned(start + room) - start, each) for each in FLOOR]:
            if place(body, item, start + turn, pitch):
                if item in STATIONS:
                    body.stations[item] = (*_here(body), body.yaw, body.pitch)
                return
    raise SkillFailed("no view", f"of a place for {item}")


def place(body: PixelBody, item: str, yaw: float, pitch: float) -> bool:
    """Put a block where one looks; whether there is one less."""
    slot, before = body.slot_of(item), body.items[item]
    if slot is None:
        return False
    body.turn(yaw, pitch)
    body.act(function="place", slot=slot)
    return body.items[item] < before


def make_room(body: PixelBody, yaw: float) -> None:
    """Dig the two blocks before the body, with whatever is at hand."""
    most = 60
    if dig.tool_for(body, dig.STONE):
        most = dig.most_ticks(body)
    for pitch in NICHE:
        dig.strike(body, yaw, pitch, most)


def take_up(body: PixelBody, item: str) -> None:
    """Take a table or furnace along again: from the view in which it was put down, otherwise by sight.

    Raises:
        SkillFailed: "not found": it is not there any more; "no tool".
    """
    before = body.items[item]
    number = BLOCKS.id(item)
    if BLOCKS.level[number] >= 0 and not body.best("_pickaxe"):
        raise SkillFailed("no tool", "pickaxe")
    if item in body.stations and body.at_station(item):
        *_, yaw, pitch = body.stations[item]
        if _dug_up(body, item, yaw, pitch, before):
            return
    if body.sight.knows(item):
        found = walk.glance(body, [item], walk.ROUND, 30.0, GO_BACK)
        if found and found[0][1].distance < GO_BACK:
            sights = walk.go(body, item, 3.0, 200, found[0])
            for sight in sights.of(item)[:1]:
                views = sights.views(sight)
                if views and _dug_up(body, item, body.yaw + views[0][0], float(views[0][1]), before):
                    return
    body.stations.pop(item, None)
    raise SkillFailed("not found", item)


def _dug_up(body: PixelBody, item: str, yaw: float, pitch: float, before: int) -> bool:
    number = BLOCKS.id(item)
    dig.tool_for(body, number)
    dig.strike(body, yaw, pitch, dig.ticks_for(body, number) + dig.PAUSE + dig.SLACK)
    body.turn(yaw, 30.0)
    for tick in range(20):
        if body.items[item] > before:
            body.stations.pop(item, None)
            return True
        body.act(forward=int(4 <= tick < 12))
    return False


def put_on(body: PixelBody, item: str) -> None:
    """Armour on, anything else into the hand.

    Raises:
        SkillFailed: "no tool".
    """
    slot = body.slot_of(item)
    if slot is None:
        raise SkillFailed("no tool", item)
    if ITEMS.slot[ITEMS.id(item)] or body.held != item:
        body.act(function="equip", slot=slot)


def _here(body: PixelBody) -> tuple[float, float, float]:
    return body.counted["x"], body.counted["z"], float(body.depth)
