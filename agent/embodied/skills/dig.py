"""Single blocks: dig one, put one; the view is searched so that the crosshair meets the right face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from veclink.agent.embodied.body import EYE, Body, SkillFailed
from veclink.agent.embodied.path import DEADLY, DEEPEST, FENCE, FREE, SOLID, WATER
from veclink.agent.embodied.terms import BUILDING, best_tool, dig_ticks, kinds, name_of, yields
from veclink.envs.facts import BLOCKS, ITEMS, MOBS

MOVED = 0.1  # blocks after which a view no longer holds
AIMS = 10  # times one aims at a block
SLOWER, LONGEST = 5, 2500  # times as long one digs afloat, and under water; ticks spent on one block at most
SOFT = ("leaves", "leaves2", "vine", "tallgrass", "waterlily")  # dug by the hundred, with anything
LAST = 16  # blocks that a tool which is nearly worn out is kept for
OFF_MIDDLE, TO_MIDDLE = 0.15, 20  # blocks from a cell's middle that do no harm; ticks to get there
CROWDED = 160  # ticks for which one strikes what is in the way
SLACK = 15  # ticks over the reckoned time before a dig counts as failed


def equip(body: Body, item: str) -> None:
    """Take an item into the hand.

    Raises:
        SkillFailed: "no tool": it is not carried.
    """
    if body.held == item:
        return
    slot = body.slot_of(item, 1)
    if slot is None:
        raise SkillFailed("no tool", item)
    body.act(function="equip", slot=slot)
    if body.held != item:
        raise SkillFailed("no tool", f"{item} does not come to hand")


def clear(body: Body, cells: list[tuple[int, int, int]]) -> bool:
    """Dig whatever stands in some cells; False where one stays."""
    for cell in cells:
        block = body.block(*cell)
        if kinds()[block] in (FREE, WATER):
            continue
        try:
            dig(body, cell, collect=False)
        except SkillFailed as failure:
            if failure.reason == "died":
                raise
            return False
    return True


def unsafe(body: Body, cell: tuple[int, int, int]) -> bool:
    """Whether digging a block lets lava in or opens a fall under the feet."""
    x, y, z = cell
    table = kinds()
    for i, j, k in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)):
        if table[body.block(x + i, y + j, z + k)] == DEADLY:
            return True
    bx, by, bz = body.cell
    if y >= by or abs(x - bx) > 0 or abs(z - bz) > 0:
        return False
    for depth in range(1, DEEPEST + 1):
        below = table[body.block(x, y - depth, z)]
        if below in (SOLID, FENCE):
            return False
        if below != FREE:
            return below == DEADLY
    return True


def dig(body: Body, cell: tuple[int, int, int], collect: bool = True, tool: str | None = None) -> None:
    """Dig one block within reach, and first what hides it.

    Args:
        collect: the block must drop something with the tools at hand.
        tool: an item to dig it with, where the fastest will not do.

    Raises:
        SkillFailed: "no tool", "no view" or "time".
    """
    for _ in range(AIMS):
        block = body.block(*cell)
        if block == 0 or BLOCKS.liquid[block]:
            return
        if BLOCKS.hardness[block] < 0 or (collect and not yields(block, body.items)):
            raise SkillFailed("no tool", name_of(block))
        if unsafe(body, cell):
            raise SkillFailed("no view", f"of a safe way to dig {name_of(block)} at {cell}")
        views = body.eyes.views(body.eye, body.yaw, body.pitch, cell)
        if views:
            strike(body, cell, (views[0].yaw, views[0].pitch), tool)
            continue
        hiding = body.eyes.in_the_way(body.eye, body.yaw, body.pitch, cell)
        if hiding is None or hiding == cell or BLOCKS.hardness[body.block(*hiding)] < 0:
            raise SkillFailed("no view", f"of {name_of(block)} at {cell}")
        hidden = body.eyes.views(body.eye, body.yaw, body.pitch, hiding)
        if not hidden or unsafe(body, hiding):
            raise SkillFailed("no view", f"of {name_of(block)} at {cell}")
        strike(body, hiding, (hidden[0].yaw, hidden[0].pitch))
    if body.block(*cell) != 0:
        raise SkillFailed("time", f"digging at {cell}")


def strike(body: Body, cell: tuple[int, int, int], view: tuple[float, float], tool: str | None = None) -> None:
    """Dig until the block is gone, or the body has moved to where it is no longer seen; without `tool` with the best.

    Raises:
        SkillFailed: "time": it stays.
    """
    block = body.block(*cell)
    tool = tool or best_tool(block, spared(body, block))
    if tool:
        equip(body, tool)
    elif name_of(block) in SOFT and body.held in ITEMS and ITEMS.durability[ITEMS.id(body.held)]:
        spare = next((name for name in sorted(body.items) if not ITEMS.durability[ITEMS.id(name)]), "")
        if spare:
            equip(body, spare)  # a tool would wear and be no faster
    ticks = dig_ticks(block, ITEMS.id(tool) if tool else None) if BLOCKS.solid[block] else 1.0
    at, end, struck = body.pos.copy(), body.steps + LONGEST, 0.0
    while struck < ticks + SLACK and body.steps < end:
        struck += 1 / hindrance(body)
        body.act(view=view, function="attack")
        if body.block(*cell) != block:
            return
        if np.abs(body.pos - at).max() > MOVED:  # afloat, or pushed: the block stays struck as long as it is looked at
            views = body.eyes.views(body.eye, body.yaw, body.pitch, cell)
            if not views:
                return
            view, at = (views[0].yaw, views[0].pitch), body.pos.copy()
    raise SkillFailed("time", f"{name_of(block)} at {cell} does not break")


def spared(body: Body, block: int, last: int = LAST) -> dict[str, int]:
    """What is carried, without tools that are nearly worn out where a humbler one of the kind digs the block too: the
    last strokes of an iron pickaxe are for what only iron digs.

    Args:
        last: so many strokes are kept.
    """
    bag, left = body.observation["inventory"], dict(body.items)
    lasting = {str(name).replace(" ", "_") for name, uses in zip(bag["name"], bag["cur_durability"], strict=True)
               if uses > last}
    tools = {name: ITEMS.id(name) for name in left if ITEMS.tool[ITEMS.id(name)]}
    enough = {name for name, tool in tools.items() if ITEMS.tier[tool] >= BLOCKS.level[block]}
    for name in enough - lasting:
        kind, tier = ITEMS.tool[tools[name]], ITEMS.tier[tools[name]]
        if any(ITEMS.tool[tools[other]] == kind and ITEMS.tier[tools[other]] < tier for other in enough):
            del left[name]
    return left


def hindrance(body: Body) -> int:
    """How many times as long as on dry ground it takes to dig now: afloat, which is bobbing over water too, and with
    the head under water."""
    x, y, z = body.cell
    below, here, head = (kinds()[body.block(x, y + up, z)] == WATER for up in (-1, 0, 1))
    afloat = (here or below) and float(body.pos[1]) % 1 > 0.01
    return (SLOWER if afloat else 1) * (SLOWER if head else 1)


def building_block(body: Body, more: tuple[str, ...] = ()) -> str | None:
    """A block at hand that is good for nothing better; `more` are taken last."""
    return next((name for name in (*BUILDING, *more) if body.items[name] > 0), None)


def place_under(body: Body) -> bool:
    """Jump and put a block where the feet were."""
    block = building_block(body)
    if block is None:
        raise SkillFailed("no material", "blocks to stand on")
    below = body.cell
    for _ in range(3):
        make_room(body)
        to_middle(body)
        body.act(jump=True, view=(body.yaw, 90.0))
        for _ in range(12):
            if float(body.pos[1]) >= below[1] + 1.0:
                slot = body.slot_of(block)
                if slot is not None:
                    body.act(function="place", slot=slot)
                break
            body.act(jump=True)
        for _ in range(10):
            if float(body.pos[1]) % 1 < 0.01:
                break
            body.act()
        if body.block(*below) != 0 and body.cell[1] > below[1]:
            return True
    return False


def to_middle(body: Body) -> None:
    """Away from the cell's edge, where what hangs over it from beside would stop a jump."""
    for _ in range(TO_MIDDLE):
        dx, dz = body.cell[0] + 0.5 - float(body.pos[0]), body.cell[2] + 0.5 - float(body.pos[2])
        if max(abs(dx), abs(dz)) < OFF_MIDDLE:
            return
        body.act(forward=1, sneak=True, view=(math.degrees(math.atan2(-dx, dz)), body.pitch))


def make_room(body: Body) -> None:
    """Strike what has fallen into the hole in which one stands, until it is gone: no block can be put where it is."""
    end, middle = body.steps + CROWDED, np.add(body.cell, (0.5, 0.0, 0.5))
    while body.steps < end:
        here = next((mob for mob in body.mobs() if fills(mob, middle)), None)
        if here is None:
            return
        dx, _, dz = np.asarray(here["position"]) - body.pos
        away = math.hypot(dx, dz)
        yaw = math.degrees(math.atan2(-dx, dz)) if away > 0.05 else body.yaw
        body.act(view=(yaw, math.degrees(math.atan2(EYE - 0.3, away))), function="attack")


def fills(mob: Mapping[str, Any], middle: np.ndarray) -> bool:
    """Whether a mob reaches into the cell of whose floor the middle is given."""
    if mob["name"] not in MOBS:
        return False
    kind = MOBS.id(mob["name"])
    x, y, z = np.asarray(mob["position"]) - middle
    return max(abs(x), abs(z)) < 0.5 + float(MOBS.width[kind]) / 2 and -float(MOBS.height[kind]) < y < 1


def place(body: Body, item: str, cells: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Put a block into the first of some cells that can be reached.

    Returns:
        where it stands.

    Raises:
        SkillFailed: "no material" or "no view".
    """
    wanted = int(ITEMS.block[ITEMS.id(item)])
    for cell in cells:
        if kinds()[body.block(*cell)] not in (FREE, WATER):
            continue
        for face in ((0, 1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1), (0, -1, 0)):
            base = (cell[0] - face[0], cell[1] - face[1], cell[2] - face[2])
            if not BLOCKS.full[body.block(*base)]:
                continue
            for view in body.eyes.views(body.eye, body.yaw, body.pitch, base, face)[:2]:
                slot = body.slot_of(item)
                if slot is None:
                    raise SkillFailed("no material", item)
                body.act(view=(view.yaw, view.pitch))
                body.act(function="place", slot=slot)
                if body.block(*cell) == wanted:
                    return cell
    raise SkillFailed("no view", f"of a place for {item}")
