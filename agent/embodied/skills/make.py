"""Making things: craft by hand or at a table, smelt in a furnace; table and furnace are put down and taken along."""

from __future__ import annotations

import numpy as np

from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.skills.dig import clear, equip, place
from veclink.agent.embodied.skills.gather import collect, flags
from veclink.agent.embodied.skills.walk import go_level, go_near
from veclink.envs.facts import BLOCKS, CRAFT_NAMES

HAND, TABLE = 54, 170  # MineDojo's craft index: by hand, then at a table, then in a furnace
STATIONS = {"table": ("crafting_table", ("crafting_table",)), "furnace": ("furnace", ("furnace", "lit_furnace"))}
NEAR_STATION = 3.0
LOWER = 3  # blocks
HANDS = "air"  # what an empty hand holds
MOST_THROWN, THROWN = 4, 45  # things thrown down one by one; ticks until what was thrown can be picked up
COMEBACK = 24  # blocks from which one walks back to a station


def craft_index(item: str, smelt: bool = False) -> int:
    """Where an item stands among the 244."""
    places = [i for i, name in enumerate(CRAFT_NAMES) if name == item]
    places = [i for i in places if (i >= HAND + TABLE) == smelt] or places
    if not places:
        raise SkillFailed("no way", f"{item} is in no recipe that can be asked for")
    return places[0]


def craft(body: Body, item: str, times: int = 1) -> None:
    """Craft so many times; a table is put down where the recipe needs one.

    Raises:
        SkillFailed: "no material", "full" or what placing a table may raise.
    """
    index = craft_index(item)
    if index >= HAND:
        reach_station(body, "table")
    _make(body, item, index, times)


def smelt(body: Body, item: str, times: int = 1) -> None:
    """Smelt so many, with the fuel that is carried."""
    reach_station(body, "furnace")
    _make(body, item, craft_index(item, smelt=True), times)


def _make(body: Body, item: str, index: int, times: int) -> None:
    for _ in range(times):
        if not body.observation["masks"]["craft_smelt"][index]:
            raise SkillFailed("no material", f"for {item}")
        before = body.items[item]
        body.act(function="craft", index=index)
        if body.items[item] <= before:
            raise SkillFailed("full" if not (body.observation["inventory"]["name"] == "air").any() else "no material",
                              f"{item} was not made")


def at_station(body: Body, kind: str) -> bool:
    """Whether a table or furnace is near enough to be used."""
    return bool(body.observation["nearby_tools"][kind])


def reach_station(body: Body, kind: str) -> None:
    """Have a table or furnace at hand: go back to a known one, or put down the one that is carried.

    Raises:
        SkillFailed: "no material": there is none near and none is carried.
    """
    if at_station(body, kind):
        return
    item, blocks = STATIONS[kind]
    if body.items[item] == 0:
        for spot in body.known.find(flags(blocks), body.pos, COMEBACK)[:3]:
            try:
                go_near(body, spot, NEAR_STATION, 600)
            except SkillFailed as failure:
                if failure.reason == "died":
                    raise
                continue
            if at_station(body, kind):
                return
        raise SkillFailed("no material", item)
    put_down(body, item)
    if not at_station(body, kind):
        raise SkillFailed("no view", f"{item} stands too far away")


def put_down(body: Body, item: str, deeper: bool = True) -> tuple[int, int, int]:
    """Put a block on some free place at hand, making room where there is none.

    Args:
        deeper: whether to try again a few blocks farther down (in a tree there is nothing to put it on).
    """
    x, y, z = body.cell
    around = [(x + i, y + j, z + k) for j in (0, 1, -1) for i, k in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1),
              (1, -1), (-1, 1), (2, 0), (-2, 0), (0, 2), (0, -2))]
    try:
        return place(body, item, around)
    except SkillFailed as failure:
        if failure.reason != "no view":
            raise
    for cell in around[:4]:  # inside rock: dig a niche
        above = (cell[0], cell[1] + 1, cell[2])
        if BLOCKS.full[body.block(cell[0], cell[1] - 1, cell[2])] and clear(body, [above, cell]):
            collect(body)
            try:
                return place(body, item, [cell])
            except SkillFailed:
                continue
    if deeper:
        go_level(body, y - LOWER, 300)  # out of the tree
        return put_down(body, item, deeper=False)
    raise SkillFailed("no view", f"of a place for {item}")


def empty_hand(body: Body) -> None:
    """Throw what is held down for a moment: what is made next comes to hand, from where armour can be put on."""
    single = next((name for name in sorted(body.items) if body.items[name] == 1), "")
    if body.held != HANDS and single and body.held != single:
        equip(body, single)
    if body.held != HANDS and body.items[body.held] <= MOST_THROWN:
        for _ in range(body.items[body.held]):
            body.act(function="drop", view=(body.yaw, 30.0))


def put_on(body: Body, item: str) -> None:
    """Put armour on from the hand, which counts as a use of it; from elsewhere in the bag it is only equipped.

    Raises:
        SkillFailed: "no tool": it is not carried; "time": it was not put on.
    """
    slot = body.slot_of(item)
    if slot is None:
        raise SkillFailed("no tool", item)
    if slot:
        body.act(function="equip", slot=slot)
        return
    for pitch in (-60.0, -30.0, 0.0):
        body.act(view=(body.yaw, pitch), function="use")
        if body.held != item:
            collect(body, patience=THROWN)
            return
        body.act()
    raise SkillFailed("time", f"{item} was not put on")


def free_slots(body: Body) -> int:
    """Slots of the inventory that hold nothing."""
    return int(np.count_nonzero(body.observation["inventory"]["name"] == "air"))
