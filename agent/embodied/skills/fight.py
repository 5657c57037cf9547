"""Mobs: hunt one for what it gives, hold one to shear or milk it, and get away from what is too strong."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

from veclink.agent.embodied.actions import ARCHERS, DUELS, FEARED
from veclink.agent.embodied.body import RADIUS, Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import COLUMN, find_path
from veclink.agent.embodied.sense import hostile, threats
from veclink.agent.embodied.skills.blows import (
    FEELS,
    aim_at,
    at_edge,
    back_is_free,
    close_in,
    find,
    meets,
    rest,
    way_off,
    weapon,
)
from veclink.agent.embodied.skills.dig import equip
from veclink.agent.embodied.skills.fuse import CLEAR, Fuse
from veclink.agent.embodied.skills.gather import PICK_UP, collect
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.walk import follow
from veclink.agent.embodied.terms import terms_with
from veclink.envs.facts import ITEMS, MOBS

ARM, LONG_ARM = 2.8, 3.2  # blocks from which a mob is struck, and from which one is that may light
COOLED = 12  # ticks between blows with a sword; a mob feels none that comes sooner
WORTH_GOING = 100.0  # blocks to where a mob was seen last
ROUND = 14  # places that are looked at round the one where a mob was seen last
WEAK = 6.0  # life below which one gets away
SHOOTERS = (*ARCHERS, "witch", "blaze", "ghast", "shulker", "guardian", "elder_guardian", "evoker")
CLEAR_OF = 2.4  # blocks from the middle of a mob that strikes: beyond its arms, within a player's
BESIDE, FOLLOWS = 4.0, 100  # blocks within which one stays with an animal, and ticks of one walk after it
FLIGHT, FLIGHT_STEPS = 14, 10  # blocks of a way from mobs, and steps of it that are taken at once
COMING = 5.0  # blocks within which what strikes is fought before anything is picked up


def beset(body: Body) -> dict[str, Any] | None:
    """The nearest mob that attacks and can be struck from here."""
    near = (mob for mob in body.mobs()
            if mob["distance"] <= (LONG_ARM if mob["name"] in FEARED else ARM) and hostile(mob["name"]))
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
        wary = fights and mob["name"] in FEARED  # fought from where it is seen
        if foe is not None or wary or at_arm(body, mob):
            if deed(foe or mob):
                return
            continue
        steps = 1 if fights and pressed(body) else 3 if mob["distance"] < 8 else 6
        close_in(body, mob, end, steps, fights, (lambda: beset(body) is not None) if fights else None)
    raise SkillFailed("time", f"after {most_ticks} ticks")


def attack(body: Body, kinds: Collection[str], most_ticks: int = 600) -> None:
    """Kill the nearest of some kinds and pick up what it leaves."""
    arm = weapon(body)
    if arm:
        equip(body, arm)
    last, wait = -COOLED, math.ceil(rest(arm)) if arm else FEELS
    end, fuses = body.steps + most_ticks, dict[int, Fuse]()

    def blow(mob: dict[str, Any]) -> bool:
        nonlocal last
        if body.life < WEAK and bool(MOBS.hostile[MOBS.id(mob["name"])]) and not to_the_last(body, mob):
            raise SkillFailed("hurt", f"life {body.life:.0f}")
        rests = max(0, wait - (body.steps - last))
        if mob["name"] in FEARED:
            damage = float(ITEMS.damage[ITEMS.id(arm)]) if arm else 1.0
            fuse = fuses.setdefault(mob["id"], Fuse(body, mob, damage, wait))
            if fuse.turn(body, mob, rests, end):
                last = body.steps - 1
            return False
        view = meets(body, mob)
        ready = view is not None and not rests
        if ready:
            last = body.steps
        body.act(view=view or aim_at(body, mob), function="attack" if ready else "noop", forward=footing(body, mob))
        return False

    chase(body, kinds, blow, most_ticks, fights=True)
    while body.steps < end:
        foe = pressed(body)
        if foe is None:
            collect(body, stop=lambda: pressed(body) is not None)
            if pressed(body) is None:
                return
            continue
        try:
            chase(body, (foe["name"],), blow, end - body.steps, fights=True)
        except SkillFailed as failure:
            if failure.reason in ("died", "hurt"):
                raise
            break
    collect(body)


def pressed(body: Body) -> dict[str, Any] | None:
    """The nearest mob that is coming to strike; with a sword also what is feared."""
    kinds = (*DUELS, *FEARED) if has_sword(body) else DUELS
    return next((mob for mob in threats(body) if mob["distance"] <= COMING and mob["name"] in kinds), None)


def has_sword(body: Body) -> bool:
    """Whether there is one at hand."""
    return any(name.endswith("_sword") for name in body.items)


def to_the_last(body: Body, mob: dict[str, Any]) -> bool:
    """Whether to strike on however weak: a mob that is best met, alone, with a sword."""
    alone = not any(each["id"] != mob["id"] for each in threats(body))  # as the planner sees it
    return alone and mob["name"] in DUELS and has_sword(body)


def at_arm(body: Body, mob: dict[str, Any]) -> bool:
    """Whether a mob is near enough to be struck, and nothing is in between; to what is feared one goes no nearer."""
    if mob["name"] in FEARED:
        return bool(mob["distance"] < CLEAR)
    near = min(mob["distance"], math.dist(body.eye, mob["position"])) <= ARM
    return near and meets(body, mob) is not None


def footing(body: Body, mob: dict[str, Any]) -> int:
    """1 up to what runs or shoots, -1 back from what comes to strike, where one can step back; else 0."""
    if not hostile(mob["name"]) or mob["name"] in SHOOTERS:
        return 1 if mob["distance"] > 2.0 and not at_edge(body, mob) else 0
    return -1 if mob["distance"] < CLEAR_OF and back_is_free(body, mob) else 0


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
            body.roams = True
            try:
                if not look_again(body, kinds, roamer, end):
                    roamer.leg(body)
            finally:
                body.roams = False
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
        before = body.steps
        follow(body, way_off(body, x, z, FLIGHT, FLIGHT_STEPS), end, hurry=True)
        if body.steps == before:
            body.act(forward=1, jump=True)
