"""Structured actions carried out by sight: each name of the planner's list over the skills of the `pixels` protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from veclink.agent.embodied.actions import Action, State, alike_names
from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.deeds import drop as drop_items
from veclink.agent.embodied.pixels import dig, gather, live, make, ore, walk
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.pixels.plan import made_at_once
from veclink.agent.embodied.sense import Past, carried, worn
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.survive import eat_one
from veclink.envs.facts import BLOCKS, ITEMS, MOBS

FREE_STEPS = 30
SPARE_LOGS = 3  # more than planned: the way back up for a few sticks would cost a fifth of an episode
SPARE_TIME = 600  # steps spent on those, as they may be far
RECENT = 40  # steps for which what was seen counts as near
SHALLOW = 58  # height above which rock is dug from the ground
NIGHT = 11_500  # ticks


class Walks(Roamer):
    """Walks without a map."""

    def leg(self, body: Any, most_ticks: int = 120, dig: bool = False) -> None:
        """Some way on, another way each time it is barred."""
        assert isinstance(body, PixelBody)
        if body.underground:
            return
        body.turn(body.yaw + 75, walk.LEVEL)
        end = body.steps + min(most_ticks, 120)
        while body.steps < end:
            if walk.barred(body.look(*walk.LIQUIDS)) or not walk.stride(body, walk.LEG):
                body.turn(body.yaw + 105, walk.LEVEL)
                body.act()


class PixelDoer:
    """Carries actions out with a body that only sees frames.

    Attributes:
        body, roamer: as of `deeds.Doer`.
    """

    def __init__(self, body: PixelBody) -> None:
        self.body, self.roamer = body, Walks()

    def do(self, action: Action) -> None:
        """Carry an action out, for at most its limit of ticks.

        Raises:
            SkillFailed: with the reason. EpisodeOver: the world or the budget ended.
        """
        deed = DEEDS.get(action.name)
        if deed is None:
            raise SkillFailed("no way", f"{action.name} by sight")
        deed(self, action.args, action.limit)

    def state(self, past: Past) -> State:
        """What is known, for the planner; what cannot be known by sight is left unknown."""
        body = self.body
        inventory, wear = carried(body)
        near = {name for name, step in body.sighted.items() if body.steps - step <= RECENT}
        near -= set(make.STATIONS)
        near |= {name for name in make.STATIONS if body.at_station(name)}
        name, step = body.threat
        threats = (name,) if name and body.steps - step < RECENT else ()
        return State(inventory=inventory, wear=wear, equipment=worn(body), life=body.life, food=body.food,
                     time=body.time, position=None, underground=body.underground, near=tuple(sorted(near)),
                     threats=threats, free=make_free(body), days=past.days, slept=past.slept, eaten=dict(past.eaten),
                     kills=dict(body.kills), used=dict(body.used))

    def reflex(self, kind: str) -> Callable[[Any], None] | None:
        """What is done at once when the guard calls."""
        return {"air": walk.breathe, "lava": walk.back_off}.get(kind)

    def get_free(self, turn: int) -> None:
        """Walk, dig and jump some other way."""
        body = self.body
        body.turn(dig.aligned(body.yaw + 90), 0.0)
        for tick in range(FREE_STEPS):
            body.act(forward=1, jump=tick % 3 > 0, function="attack")


Deed = Callable[[PixelDoer, Mapping[str, Any], int], None]


def make_free(body: PixelBody) -> int:
    """Slots that hold nothing."""
    return int((body.observation["inventory"]["name"] == "air").sum())


def equip(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Into the hand, or on."""
    make.put_on(doer.body, str(args["item"]).partition(":")[0])


def explore(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Look for something until it is seen."""
    body, thing = doer.body, str(args["find"])
    if thing == "stone" or (args["how"] == "tunnel" and not body.sight.knows(thing)):
        return  # rock is below; an ore that the eyes do not know is dug for blindly
    if args["how"] == "tunnel":
        ore.prospect(body, thing, lambda: body.seen_lately(thing, 10), limit)
        return
    if "turn" in args:
        body.turn(body.yaw + float(args["turn"]), walk.LEVEL)
    walk.search(body, [thing], limit)


def approach(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Come near what is seen."""
    body, what = doer.body, str(args["what"])
    if what == "stone" or body.underground:
        return
    if what == "drops":
        raise SkillFailed("not found", what)
    walk.go(body, what, live.ARM if what in MOBS else gather.CLOSE, limit)


def mine(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Dig blocks until there are so many more of an item."""
    body, block, item = doer.body, str(args["block"]), str(args["item"])
    if block in make.STATIONS:
        make.take_up(body, block)
        return
    items = (item,) if args.get("exact") or ":" in item else alike_names(item)
    wanted = sum(body.count(each) for each in items) + int(args["count"])
    level = int(BLOCKS.level[BLOCKS.id(block)])
    if level >= 0 and not body.best("_pickaxe", level):
        raise SkillFailed("no tool", block)
    below = level >= 0 or block.endswith("_ore")

    def has(more: int = 0) -> bool:
        return sum(body.count(each) for each in items) >= wanted + more

    spare = block in ("log", "log2") and not body.underground
    made = made_at_once(doer.state(Past()))

    def smelts() -> bool:
        """Whether there is ore by now of which something can be made at once."""
        return below and not made and bool(made_at_once(doer.state(Past())))

    try:
        gather.gather(body, block, lambda: has() or smelts(), limit, below)
        if spare:
            gather.gather(body, block, lambda: has(SPARE_LOGS), SPARE_TIME, below)
    except SkillFailed as failure:
        if failure.reason == "died" or not has():
            raise
    if not has() and smelts():
        raise SkillFailed("no station", "for what was found on the way")


def attack(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Kill so many, or until there is so much of what they give."""
    body, mob, item = doer.body, str(args["mob"]), str(args.get("item", ""))
    had = body.count(item) if item else 0
    if not item and body.threat[0] == mob:
        live.defend(body)
        return
    live.hunt(body, mob, lambda: bool(item) and body.count(item) - had >= int(args["count"]), limit)


def level(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Down or up by stairs, looking for ore on the way; without a height up to the ground."""
    body = doer.body
    height = int(args.get("y", 65))
    if height >= SHALLOW and args.get("y") is not None and not body.underground:
        return  # rock is dug for where one stands
    if height < body.height:
        ore.down(body, height, limit, ore.Watch(body, (), lambda: False))
    else:
        dig.stairs(body, height, limit)


def build(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Dig in and wait."""
    body, end = doer.body, doer.body.steps + limit
    if args["what"] != "shelter":
        raise SkillFailed("no way", f"to build {args['what']}")
    live.burrow(body)
    until, night = min(end, body.steps + int(args.get("wait", NIGHT))), body.dark
    while body.steps < until and (body.dark or not night):
        body.act()


def place(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Put a block down at hand."""
    make.put_down(doer.body, str(args["item"]).partition(":")[0])


def craft(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Craft or smelt."""
    make.craft(doer.body, str(args["item"]), int(args["index"]), int(args["count"]), limit)


def eat(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Eat of one food."""
    for _ in range(int(args.get("count", 1))):
        eat_one(doer.body, str(args["item"]).partition(":")[0])


def flee(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Away from a mob."""
    live.flee(doer.body)
    doer.body.threat = "", -10_000


def use(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Use an item on what lies ahead."""
    body, item = doer.body, str(args["item"]).partition(":")[0]
    if ITEMS.block[ITEMS.id(item)]:
        make.put_down(body, item)
    elif ITEMS.slot[ITEMS.id(item)]:
        make.put_on(body, item)
    else:
        make.put_on(body, item)
        before = body.items[item]
        for pitch in (60.0, 30.0, 0.0):
            body.turn(body.yaw, pitch, function="use")
            if body.items[item] < before:
                break
    body.used[item] = body.used.get(item, 0) + 1


def drop(doer: PixelDoer, args: Mapping[str, Any], limit: int) -> None:
    """Get rid of items."""
    drop_items(doer, args, limit)  # type: ignore[arg-type]  # it asks for a body alone


DEEDS: dict[str, Deed] = {
    "equip": equip, "explore": explore, "approach": approach, "mine": mine, "attack": attack, "dig_down": level,
    "go_up": level, "build": build, "place": place, "craft": craft, "smelt": craft, "eat": eat, "flee": flee,
    "use": use, "drop": drop,
}  # fmt: skip
