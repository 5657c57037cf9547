"""Staying alive: eat, fish, sow, sleep, fill a bucket, come up for air and out of fire."""

from __future__ import annotations

import math

from veclink.agent.embodied.aim import View
from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import FREE, SOLID, WATER
from veclink.agent.embodied.skills.dig import clear, equip, unsafe
from veclink.agent.embodied.skills.gather import flags
from veclink.agent.embodied.skills.make import put_down
from veclink.agent.embodied.skills.walk import go_near, go_to
from veclink.agent.embodied.sources import HARMFUL
from veclink.agent.embodied.terms import kinds, name_of
from veclink.envs.facts import BLOCKS, ITEMS

HUNGRY = 14.0
EAT_TICKS = 32
UNFIT = (*HARMFUL, "golden_apple")  # or too dear
NIGHT_TICKS = 11_500
TILL_FROM = 3.0  # blocks from the eye to what is tilled
SOURCES, DIPS = 12, 3  # places where one tries to fill a vessel, and times at each
CAST, SHORE = 4.0, 8  # blocks from which one casts a rod, and in which one looks for dry land
FEEDS = 4  # times that bone meal does nothing before one stops; a hand needs some ticks between two uses


def food_at_hand(body: Body, desperate: bool = False) -> str | None:
    """The most filling food that is carried; harmful food only when desperate."""
    choices = [(int(ITEMS.food[ITEMS.id(name)]), name) for name in body.items
               if ITEMS.food[ITEMS.id(name)] > 0 and (desperate or name not in UNFIT)]
    return max(choices)[1] if choices else None


def eat_one(body: Body, food: str) -> None:
    """Eat one piece.

    Raises:
        SkillFailed: "no tool" if it is not carried, "time" if it is not eaten (one is full).
    """
    equip(body, food)
    before = body.items[food]
    for _ in range(EAT_TICKS + 8):
        body.act(function="use", view=(body.yaw, -30.0))
        if body.items[food] < before:
            return
    raise SkillFailed("time", f"{food} was not eaten")


def eat(body: Body) -> None:
    """Eat until no longer hungry or nothing is left.

    Raises:
        SkillFailed: "no material": nothing to eat is carried.
    """
    while body.food < 18:
        food = food_at_hand(body, desperate=body.food < 4)
        if food is None:
            if body.food >= HUNGRY:
                return
            raise SkillFailed("no material", "food")
        eat_one(body, food)


def fish_once(body: Body, most_ticks: int = 900) -> None:
    """Cast the rod at open water near by, from land, and draw in what bites.

    Raises:
        SkillFailed: "not found" without such water, "no tool" without a rod, "no view" of the water.
    """
    equip(body, "fishing_rod")
    view = _open_water(body)
    body.act(view=(view.yaw, view.pitch))
    body.act(function="use")
    before = sum(body.items.values())
    for _ in range(most_ticks):
        body.act()
        if any(kind == "bite" for kind, _ in body.info.get("events", ())):
            body.act(function="use")
            break
    for _ in range(20):
        body.act()
        if sum(body.items.values()) > before:
            return


def _open_water(body: Body) -> View:
    """Go where water is in view that lies open, and stay dry; the view of it."""
    if kinds()[body.block(*body.cell)] == WATER:
        _ashore(body)
    water = [(x, y, z) for x, y, z in body.known.find(flags(("water",)), body.pos, 24) if body.block(x, y + 1, z) == 0]
    if not water:
        raise SkillFailed("not found", "open water")
    for spot in water[:SOURCES]:
        with unless_dead():
            go_near(body, spot, CAST, 400)
        if views := views_of(body, spot):
            return views[0]
    raise SkillFailed("no view", "of open water")


def _ashore(body: Body) -> None:
    """To the nearest place known where one stands dry; stays where there is none."""
    x, y, z = body.cell
    table = kinds()
    places = [(x + i, y + j, z + k) for i in range(-SHORE, SHORE + 1) for j in range(-1, 4)
              for k in range(-SHORE, SHORE + 1)
              if table[body.block(x + i, y + j, z + k)] == table[body.block(x + i, y + j + 1, z + k)] == FREE
              and table[body.block(x + i, y + j - 1, z + k)] == SOLID]
    places.sort(key=lambda at: (math.dist(at, (x, y, z)), at))
    for spot in places[:3]:
        with unless_dead():
            go_to(body, spot, most_ticks=200)
            return


def sow(body: Body, seed: str, bone_meal: bool) -> tuple[int, int, int]:
    """Till the ground beside the body (a hoe is carried) and sow, with bone meal until it helps no more.

    Returns:
        the cell of the plant.

    Raises:
        SkillFailed: "no tool" without a hoe, "no material" without seed, "no view" without ground.
    """
    x, y, z = body.cell
    if not body.items[seed]:
        raise SkillFailed("no material", seed)
    hoe = next((name for name in body.items if name.endswith("_hoe")), None)
    for i, k in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        ground = (x + i, y - 1, z + k)
        if name_of(body.block(*ground)) not in ("dirt", "grass", "farmland"):
            continue
        clear(body, [(x + i, y, z + k)])
        for view in body.eyes.views(body.eye, body.yaw, body.pitch, ground, (0, 1, 0))[:2]:
            if seed != "sapling" and name_of(body.block(*ground)) != "farmland":
                if hoe is None:
                    raise SkillFailed("no tool", "hoe")
                equip(body, hoe)
                body.act(view=(view.yaw, view.pitch))
                body.act(function="use")
            equip(body, seed)
            before = body.items[seed]
            body.act(view=(view.yaw, view.pitch))
            body.act(function="use")
            if body.items[seed] < before:
                feed(body, view.yaw, view.pitch) if bone_meal else None
                return ground[0], ground[1] + 1, ground[2]
    raise SkillFailed("no view", "of ground to sow")


def till(body: Body, hoe: str) -> bool:
    """Till the nearest earth that lies open; whether there is any."""
    for x, y, z in body.known.find(flags(("grass", "dirt")), body.pos, 24):
        if body.block(x, y + 1, z) != 0:
            continue
        with unless_dead():
            go_near(body, (x, y, z), TILL_FROM, 300)
        views = body.eyes.views(body.eye, body.yaw, body.pitch, (x, y, z), (0, 1, 0))
        if views:
            equip(body, hoe)
            body.act(view=(views[0].yaw, views[0].pitch))
            body.act(function="use")
            return True
    return False


def feed(body: Body, yaw: float, pitch: float) -> None:
    """Bone meal on what one looks at, as long as it helps."""
    tries = 0
    while body.items["dye"] and tries < FEEDS:
        before = body.items["dye"]
        equip(body, "dye")
        body.act(view=(yaw, pitch), function="use")
        body.act()
        tries = 0 if body.items["dye"] < before else tries + 1


def use_tool(body: Body, item: str) -> None:
    """Use a tool up a little: pickaxes, axes, shovels and swords, by breaking a block of the ground beside one, or, in
    a narrow hole, of its walls."""
    x, y, z = body.cell
    for cell in [(x + i, y + up, z + k) for up in (-1, 1, 0) for i, k in ((1, 0), (-1, 0), (0, 1), (0, -1))]:
        views = body.eyes.views(body.eye, body.yaw, body.pitch, cell)
        if views and kinds()[body.block(*cell)] not in (FREE, WATER) and not unsafe(body, cell):
            equip(body, item)
            block = body.block(*cell)
            for _ in range(400):
                body.act(view=(views[0].yaw, views[0].pitch), function="attack")
                if body.block(*cell) != block:
                    return


def sleep(body: Body) -> None:
    """Sleep in a bed, put down where one stands if none is near.

    Raises:
        SkillFailed: "no material" without a bed, "night" when one cannot sleep now.
    """
    beds = body.known.find(flags(("bed",)), body.pos, 16)
    if beds:
        spot = beds[0]
        go_near(body, spot, 2.5, 400)
    else:
        spot = put_down(body, "bed")
    for _ in range(5):
        views = body.eyes.views(body.eye, body.yaw, body.pitch, spot)
        if views:
            body.act(view=(views[0].yaw, views[0].pitch), function="use")
        if not body.dark or bool(body.observation["life_stats"]["is_sleeping"]):
            break
    for _ in range(120):
        if not bool(body.observation["life_stats"]["is_sleeping"]):
            break
        body.act()
    if body.dark:
        raise SkillFailed("night", "one cannot sleep now")


def fill(body: Body, liquid: str = "water", vessel: str = "bucket", filled: str = "water_bucket",
         source: tuple[int, int, int] | None = None) -> None:
    """Fill a bucket or a bottle at a source that is given, or else at the nearest: what flows looks the same.

    Raises:
        SkillFailed: "no tool" without the vessel, "not found", "no view".
    """
    equip(body, vessel)
    known = body.known.find(flags((liquid, f"flowing_{liquid}")), body.pos, 32)[:SOURCES]
    for spot in ([source] if source else []) + known:
        if name_of(body.block(*spot)) != liquid and spot != source:
            continue
        before = body.items[filled]
        for _ in range(DIPS):
            go_near(body, spot, 3.0, 600)
            for view in views_of(body, spot)[:1]:
                body.act(view=(view.yaw, view.pitch), function="use")  # in one: what runs carries one on
            body.act()
            if body.items[filled] > before:
                return
    raise SkillFailed("not found", liquid)


def views_of(body: Body, spot: tuple[int, int, int]) -> list[View]:
    """The views that meet a liquid, as a vessel in the hand does."""
    eyes, block = body.eyes, body.block(*spot)
    was, eyes.passes[block] = eyes.passes[block], False
    views = eyes.views(body.eye, body.yaw, body.pitch, spot)
    eyes.passes[block] = was
    return views


def breathe(body: Body, most_ticks: int = 160) -> None:
    """Bring the head out of the water: to the nearest place known where it is in air, or straight up."""
    end = body.steps + most_ticks
    x, y, z = body.cell
    table = kinds()
    places = [(x + i, y + j, z + k) for i in range(-6, 7) for j in range(-3, 9) for k in range(-6, 7)
              if table[body.block(x + i, y + j + 1, z + k)] == FREE and table[body.block(x + i, y + j, z + k)] in
              (FREE, WATER) and table[body.block(x + i, y + j - 1, z + k)] in (SOLID, WATER)]
    places.sort(key=lambda at: (abs(at[0] - x) + abs(at[2] - z) + abs(at[1] - y), at))
    for spot in places[:3]:
        with unless_dead():
            go_to(body, spot, most_ticks=max(1, min(80, end - body.steps)))
            return
    while body.steps < end and under_water(body):
        if not clear(body, [(body.cell[0], body.cell[1] + 2, body.cell[2])]):
            body.act(jump=True, forward=1)
        body.act(jump=True)


def under_water(body: Body) -> bool:
    """Whether the eyes are in water."""
    ex, ey, ez = (math.floor(v) for v in body.eye)
    return bool(kinds()[body.block(ex, ey, ez)] == WATER)


def out_of_lava(body: Body, most_ticks: int = 60) -> None:
    """To the nearest place that does not burn; runs in all directions where none is known."""
    end = body.steps + most_ticks
    x, y, z = body.cell
    table = kinds()
    places = [(x + i, y + j, z + k) for i in range(-5, 6) for j in range(-2, 4) for k in range(-5, 6)
              if table[body.block(x + i, y + j, z + k)] in (FREE, WATER)
              and table[body.block(x + i, y + j + 1, z + k)] == FREE
              and table[body.block(x + i, y + j - 1, z + k)] in (SOLID, WATER)]
    places.sort(key=lambda at: ((at[0] - x) ** 2 + (at[2] - z) ** 2 + (at[1] - y) ** 2, at))
    for spot in places[:2]:
        for _ in range(20):
            if body.steps >= end or not burns(body):
                return
            dx, dz = spot[0] + 0.5 - float(body.pos[0]), spot[2] + 0.5 - float(body.pos[2])
            body.act(forward=1, jump=True, view=(math.degrees(math.atan2(-dx, dz)), 0.0))
    for yaw in (0.0, 90.0, 180.0, 270.0):
        for _ in range(8):
            if body.steps >= end or not burns(body):
                return
            body.act(forward=1, jump=True, view=(yaw, 0.0))


def burns(body: Body) -> bool:
    """Whether the body stands in lava or fire."""
    x, y, z = body.cell
    return any(name_of(block) in ("lava", "flowing_lava", "fire")
               for block in (body.block(x, y, z), body.block(x, y + 1, z)) if block < len(BLOCKS.names))
