"""Mobs: hunt one for what it gives, hold one to shear or milk it, and get away from what is too strong."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from veclink.agent.embodied.actions import DUELS, FEARED
from veclink.agent.embodied.aim import direction, nearest_view, to_box
from veclink.agent.embodied.body import RADIUS, Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import COLUMN, DEADLY, DEEPEST, FREE, NEAR, SOLID, find_path
from veclink.agent.embodied.sense import hostile, threats
from veclink.agent.embodied.skills.dig import equip
from veclink.agent.embodied.skills.gather import PICK_UP, collect
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.walk import follow
from veclink.agent.embodied.terms import kinds as block_kinds
from veclink.agent.embodied.terms import terms_with
from veclink.envs.facts import ITEMS, MOBS

ARM = 2.8  # blocks from which a mob can be hit
MEETS, INSET = 2.95, 0.05  # blocks from the eye to a body that is met, and how far inside its faces
BESIDES = (0.0, -15.0, 15.0, -30.0, 30.0)  # degrees beside the middle at which a view may meet it
COOLED = 12  # ticks between blows with a sword; a mob feels none that comes sooner
FEELS = 10  # ticks for which a mob feels no other blow
AT_HAND = 2.2  # blocks from the eye to a mob, to which a way to it leads
DROP = 3.0  # blocks that one runs down after a mob
STRAIGHT = 6.0  # blocks within which one runs at a mob without looking for a way
WORTH_GOING = 100.0  # blocks to where a mob was seen last
ROUND = 14  # places that are looked at round the one where a mob was seen last
WEAK = 6.0  # life below which one gets away
ARCHERS = ("skeleton", "stray")
SHOOTERS = (*ARCHERS, "witch", "blaze", "ghast", "shulker", "guardian", "elder_guardian", "evoker")
CLEAR_OF = 2.4  # blocks from the middle of a mob that strikes: beyond its arms, within a player's
LONG_ARM = 3.2  # blocks from which a creeper is struck: at 3 it lights
BESIDE, FOLLOWS = 4.0, 100  # blocks within which one stays with an animal, and ticks of one walk after it
COMING = 5.0  # blocks within which what strikes is fought before anything is picked up
LIGHTS, COMES = 3.5, 4.5  # blocks within which one does not stay, and within which one lets it come


def weapon(body: Body) -> str | None:
    """The item at hand that hits hardest."""
    choices = [(float(ITEMS.damage[ITEMS.id(name)]) / rest(name), name) for name in body.items
               if ITEMS.damage[ITEMS.id(name)] > 1]
    best = max(choices, default=(0.0, ""))
    return best[1] if best[0] > 1.0 / FEELS else None


def rest(name: str) -> float:
    """Ticks from one blow of full strength to the next."""
    swing = float(ITEMS.swing[ITEMS.id(name)]) or 4.0
    return max(FEELS, 20.0 / swing)


def aim_at(body: Body, mob: dict[str, Any]) -> tuple[float, float]:
    """(yaw, pitch) towards the middle of a mob."""
    height = float(MOBS.height[MOBS.id(mob["name"])]) * (0.5 if mob["baby"] else 1.0)
    ex, ey, ez = body.eye
    x, y, z = mob["position"]
    dx, dy, dz = x - ex, y + height * 0.6 - ey, z - ez
    return math.degrees(math.atan2(-dx, dz)), -math.degrees(math.atan2(dy, math.hypot(dx, dz)))


def meets(body: Body, mob: dict[str, Any]) -> tuple[float, float] | None:
    """(yaw, pitch) of a view that meets a mob within a hand's reach before any block, as near its middle as can be;
    None where none does: the camera's steps are coarse, and edges and plants stop a blow."""
    i = MOBS.id(mob["name"])
    half, height = float(MOBS.width[i]) / 2 - INSET, float(MOBS.height[i]) - INSET
    if mob["baby"]:
        half, height = half / 2, height / 2
    x, y, z = mob["position"]
    yaw, pitch = aim_at(body, mob)
    views = [nearest_view(body.yaw, body.pitch, yaw + dy, pitch + dp) for dy in BESIDES for dp in BESIDES]
    for view in sorted(views, key=lambda view: abs((view[0] - yaw + 180) % 360 - 180) + abs(view[1] - pitch)):
        far = to_box(body.eye, direction(*view), (x - half, y + INSET, z - half), (x + half, y + height, z + half))
        if far <= MEETS and not body.eyes.blocked(body.eye, view, far):
            return view
    return None


def find(body: Body, kinds: Collection[str], number: int | None = None) -> dict[str, Any] | None:
    """The nearest mob of some kinds, or the one with a number."""
    for mob in body.mobs():
        if (number is None and mob["name"] in kinds) or mob["id"] == number:
            return mob
    return None


def beset(body: Body) -> dict[str, Any] | None:
    """The nearest mob that attacks and can be struck from here."""
    near = (mob for mob in body.mobs() if mob["distance"] <= arm_for(mob) and hostile(mob["name"]))
    return next((mob for mob in near if meets(body, mob)), None)


def chase(body: Body, kinds: Collection[str], deed: Callable[[dict[str, Any]], bool], most_ticks: int,
          fights: bool = False) -> None:
    """Follow the nearest of some kinds and do something whenever it is within reach, until that returns True.

    Args:
        fights: what else attacks within reach comes first.

    Raises:
        SkillFailed: "not found": it is gone; "time"; "hurt": too weak to go on.
    """
    end, number = body.steps + most_ticks, None
    while body.steps < end:
        mob = find(body, kinds, number)
        if mob is None:
            if number is None:
                raise SkillFailed("not found", ", ".join(sorted(kinds)))
            return
        number = mob["id"]
        foe = beset(body) if fights else None
        if foe is not None or at_arm(body, mob):
            if deed(foe or mob):
                return
            continue
        gap = abs(mob["position"][1] - float(body.pos[1]))
        reach = DROP if mob["position"][1] < float(body.pos[1]) else 1.3
        if (mob["distance"] < STRAIGHT or lies_open(body, mob)) and gap < reach and not at_edge(body, mob):
            yaw, pitch = aim_at(body, mob)
            if mob["name"] in FEARED and mob["distance"] < COMES:
                body.act(view=(yaw, pitch))
                continue
            before = body.pos.copy()
            body.act(forward=1, sprint=body.food > 6, view=(yaw, pitch))
            if abs(body.pos - before).sum() < 0.03:
                body.act(forward=1, jump=True)
            continue
        path = find_path(body.known, terms_with(body.items), body.cell, mob["position"], NEAR, AT_HAND, 20_000)
        if not path.steps and path.arrives:  # a step nearer
            body.act(forward=1, jump=True, view=aim_at(body, mob))
            continue
        if not path.steps:
            raise SkillFailed("no way", f"to the {mob['name']}")
        far = 1 if fights and pressed(body) else 3 if mob["distance"] < 8 else 6
        follow(body, type(path)(path.steps[:far], path.cost, path.arrives), end, hurry=fights,
               stop=(lambda: beset(body) is not None) if fights else None)
    raise SkillFailed("time", f"after {most_ticks} ticks")


def attack(body: Body, kinds: Collection[str], most_ticks: int = 600) -> None:
    """Kill the nearest of some kinds and pick up what it leaves."""
    arm = weapon(body)
    if arm:
        equip(body, arm)
    last, wait = [-COOLED], math.ceil(rest(arm)) if arm else FEELS

    def blow(mob: dict[str, Any]) -> bool:
        if body.life < WEAK and bool(MOBS.hostile[MOBS.id(mob["name"])]) and not to_the_last(body, mob):
            raise SkillFailed("hurt", f"life {body.life:.0f}")
        view = meets(body, mob)
        ready = view is not None and body.steps - last[0] >= wait
        if ready:
            last[0] = body.steps
        body.act(view=view or aim_at(body, mob), function="attack" if ready else "noop", forward=footing(body, mob))
        return False

    end = body.steps + most_ticks
    chase(body, kinds, blow, most_ticks, fights=True)
    while body.steps < end and (foe := pressed(body)) is not None:  # before what lies on the ground
        try:
            chase(body, (foe["name"],), blow, end - body.steps, fights=True)
        except SkillFailed as failure:
            if failure.reason in ("died", "hurt"):
                raise
            break
    collect(body)


def pressed(body: Body) -> dict[str, Any] | None:
    """The nearest mob that is coming to strike."""
    return next((mob for mob in threats(body) if mob["distance"] <= COMING and mob["name"] in DUELS), None)


def to_the_last(body: Body, mob: dict[str, Any]) -> bool:
    """Whether to strike on however weak: a mob that is best met, alone, with a sword."""
    alone = not any(each["id"] != mob["id"] for each in threats(body))  # as the planner sees it
    return alone and mob["name"] in DUELS and any(name.endswith("_sword") for name in body.items)


def arm_for(mob: dict[str, Any]) -> float:
    """Blocks from which a mob is struck."""
    return LONG_ARM if mob["name"] in FEARED else ARM


def at_arm(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a mob is near enough to be struck, and nothing is in between; to what is feared one goes no nearer."""
    near = min(mob["distance"], math.dist(body.eye, mob["position"])) <= arm_for(mob)
    return near and (mob["name"] in FEARED or meets(body, mob) is not None)


def footing(body: Body, mob: dict[str, Any]) -> int:
    """1 up to what runs or shoots, -1 back from what comes to strike, where one can step back; else 0."""
    if not hostile(mob["name"]) or mob["name"] in SHOOTERS:
        return 1 if mob["distance"] > 2.0 and not at_edge(body, mob) else 0
    near = LIGHTS if mob["name"] in FEARED else CLEAR_OF
    return -1 if mob["distance"] < near and back_is_free(body, mob) else 0


def at_edge(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a step towards a mob leads into lava or the like, or farther down than one falls unhurt."""
    dx, dz = (float(mob["position"][i]) - float(body.pos[i]) for i in (0, 2))
    length = math.hypot(dx, dz) or 1.0
    x, z = math.floor(float(body.pos[0]) + dx / length), math.floor(float(body.pos[2]) + dz / length)
    column = (block_kinds()[body.block(x, body.cell[1] - down, z)] for down in range(DEEPEST + 2))
    return next((kind for kind in column if kind != FREE), DEADLY) == DEADLY


def lies_open(body: Body, mob: dict[str, Any]) -> bool:
    """Whether level ground without anything on it lies between the body and a mob."""
    table, y = block_kinds(), body.cell[1]
    for share in np.arange(0.0, 1.0, 0.5 / max(mob["distance"], 0.5)):
        x, z = (math.floor(float(body.pos[i]) * (1 - share) + mob["position"][i] * share) for i in (0, 2))
        if [table[body.block(x, y + up, z)] for up in (-1, 0, 1)] != [SOLID, FREE, FREE]:
            return False
    return True


def back_is_free(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a step away from a mob leads onto ground."""
    away = body.pos - np.asarray(mob["position"])
    length = math.hypot(float(away[0]), float(away[2])) or 1.0
    x, z = (math.floor(float(body.pos[i]) + float(away[i]) / length) for i in (0, 2))
    y, table = body.cell[1], block_kinds()
    room = all(table[body.block(x, y + up, z)] == FREE for up in (0, 1))
    return room and SOLID in (table[body.block(x, y - 1, z)], table[body.block(x, y - 2, z)])


def use_on(body: Body, kinds: Collection[str], item: str, done: Callable[[], bool], most_ticks: int = 600) -> None:
    """Use an item on the nearest of some kinds: shears, a bucket, food."""

    def use(mob: dict[str, Any]) -> bool:
        equip(body, item)
        body.act(view=aim_at(body, mob))
        body.act(view=aim_at(body, find(body, (), mob["id"]) or mob), function="use")
        return done()

    chase(body, kinds, use, most_ticks)
    collect(body)


def hunt(body: Body, kinds: Collection[str], done: Callable[[Body], bool], roamer: Roamer,
         most_ticks: int = 6000) -> None:
    """Kill mobs of some kinds until `done` says so, looking for more when none is near.

    Raises:
        SkillFailed: "not found" when time is up, "hurt", or what walking raises.
    """
    end = body.steps + most_ticks
    while not done(body):
        if body.steps >= end:
            raise SkillFailed("not found", f"{', '.join(sorted(kinds))} in {most_ticks} ticks")
        mob = find(body, kinds)
        if mob is None:
            if not look_again(body, kinds, roamer, end):
                roamer.leg(body)
            continue
        roamer.seen[mob["name"]] = mob["position"]
        try:
            attack(body, kinds, min(600, end - body.steps))
        except SkillFailed as failure:
            if failure.reason in ("died", "hurt"):
                raise
            roamer.leg(body)


def attend(body: Body, kind: str, done: Callable[[Body], bool], roamer: Roamer, most_ticks: int) -> None:
    """Stay by mobs of a kind until enough of what they leave by themselves was picked up.

    Raises:
        SkillFailed: "time", or what walking raises.
    """
    end = body.steps + most_ticks
    while not done(body):
        if body.steps >= end:
            raise SkillFailed("time", f"after {most_ticks} ticks beside a {kind}")
        mob = find(body, (kind,))
        if mob is None:
            if not look_again(body, (kind,), roamer, end):
                roamer.leg(body)
            continue
        roamer.seen[kind] = mob["position"]
        if body.drops():
            collect(body, float(RADIUS), patience=PICK_UP)
        body.act()
        if mob["distance"] > BESIDE:
            with unless_dead():
                chase(body, (kind,), lambda mob: mob["distance"] <= BESIDE, FOLLOWS)


def look_again(body: Body, kinds: Collection[str], roamer: Roamer, end: int) -> bool:
    """Look once where a mob was seen last; whether one is there."""
    place = next((roamer.seen.pop(kind) for kind in sorted(kinds) if kind in roamer.seen), None)
    if place is None or math.dist(place, [float(v) for v in body.pos]) > WORTH_GOING:
        return False
    return look_round(body, kinds, place, end)


def look_round(body: Body, kinds: Collection[str], place: tuple[float, float, float], end: int) -> bool:
    """Look for a mob around the place where it was seen last; whether one is there."""
    for number in range(ROUND):
        angle = number * 2.4  # radians: never the same way twice
        reach = 4.0 + number
        goal = (math.floor(place[0] + reach * math.cos(angle)), math.floor(place[1]),
                math.floor(place[2] + reach * math.sin(angle)))
        path = find_path(body.known, terms_with(body.items, dig=False), body.cell, goal, COLUMN, 2.0, 8_000)
        for step in range(0, min(len(path.steps), 24), 4):
            follow(body, type(path)(path.steps[step:step + 4], path.cost, path.arrives), end)
            if find(body, kinds) is not None:
                return True
        if body.steps >= end:
            break
    return find(body, kinds) is not None


def flee(body: Body, kinds: Collection[str] | None = None, most_ticks: int = 160) -> None:
    """Run from the hostile mobs near, until none is within 10 blocks or time is up."""
    end = body.steps + most_ticks
    while body.steps < end:
        near = [mob for mob in body.mobs() if (mob["name"] in kinds if kinds else MOBS.hostile[MOBS.id(mob["name"])])]
        if not near:
            return
        x = sum((float(body.pos[0]) - mob["position"][0]) / mob["distance"] ** 2 for mob in near)
        z = sum((float(body.pos[2]) - mob["position"][2]) / mob["distance"] ** 2 for mob in near)
        length = math.hypot(x, z) or 1.0
        goal = (body.cell[0] + round(14 * x / length), body.cell[1], body.cell[2] + round(14 * z / length))
        before = body.steps
        path = find_path(body.known, terms_with(body.items, dig=False), body.cell, goal, COLUMN, 2.0, 8_000)
        follow(body, type(path)(path.steps[:10], path.cost, path.arrives), end, hurry=True)
        if body.steps == before:
            body.act(forward=1, jump=True)
