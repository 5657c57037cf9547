"""Structured actions carried out: each name of the planner's list is one function over the skills."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from veclink.agent.embodied.actions import Action, State, alike_names
from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.caution import WOUNDED
from veclink.agent.embodied.knowledge import outside
from veclink.agent.embodied.path import NEAR, WATER
from veclink.agent.embodied.sense import Past, biome, night, realm, state_of, underground
from veclink.agent.embodied.skills import blows, fight, gather, make, portal, pour, shelter, survive, walk
from veclink.agent.embodied.skills import dig as digging
from veclink.agent.embodied.skills import field as field_work
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.stuck import get_free
from veclink.agent.embodied.sources import mob_info, signs
from veclink.agent.embodied.terms import kinds
from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS, MOBS

SAME = (("log", "log2"), ("leaves", "leaves2"), ("redstone_ore", "lit_redstone_ore"), ("furnace", "lit_furnace"),
        ("water", "flowing_water"), ("lava", "flowing_lava"))  # blocks that are as good as one another
SIGHT = 24  # blocks within which a known block counts as found
DIGGABLE_LEVELS = 4  # a tunnel looks so far above and below its height
NO_PROGRESS = 900  # ticks of a search that led no farther than the blocks below: it is given up
STUCK_WITHIN, STUCK_DIGGING = 20.0, 6.0  # blocks, over land and through rock
USE_TICKS = 40
SOUGHT = ("find", "block", "mob")  # arguments that say what an action looks for
MENDED = 20  # ticks after which a hole in the walls of a shelter is seen
REFLEXES: dict[str, Callable[[Body], None]] = {"air": survive.breathe, "lava": survive.out_of_lava}
STATIONS, STATION_NEAR = ("crafting_table", "furnace", "bed"), 8  # taken up again where they stand, not looked for


@dataclass
class Doer:
    """Carries out actions with one body.

    Attributes:
        body: the body. roamer: where it has been.
    """

    body: Body
    roamer: Roamer = field(default_factory=Roamer)

    def do(self, action: Action) -> None:
        """Carry out an action, for at most its limit of ticks.

        Raises:
            SkillFailed: with the reason. EpisodeOver: the world or the budget ended.
        """
        land, thing = self.roamer.land, next((str(action.args[key]) for key in SOUGHT if key in action.args), "")
        land.wanted, land.signs = tuple(action.args.get("lands", ())), signs(thing)
        land.swims = thing in MOBS and mob_info(thing).where == "water"
        land.returns = thing in MOBS and mob_info(thing).time == "night"
        land.note(self.body)
        DEEDS[action.name](self, action.args, action.limit)

    def state(self, past: Past) -> State:
        """What is known now, for the planner."""
        return replace(state_of(self.body, past), around=self.roamer.around(self.body))

    def reflex(self, kind: str) -> Callable[[Body], None] | None:
        """What is done at once when the guard calls."""
        return REFLEXES.get(kind)

    def get_free(self, turn: int) -> None:
        """Where nothing works: make room and walk a little."""
        get_free(self.body, turn)


Deed = Callable[[Doer, Mapping[str, Any], int], None]


def same_as(block: str, exact: bool = False) -> tuple[str, ...]:
    """The block and those that are as good; where one exactly is asked, it alone."""
    return (block,) if exact else next((group for group in SAME if block in group), (block,))


def is_found(body: Body, thing: str, biomes: Collection[str] = (), exact: bool = False) -> bool:
    """Whether a block is known near by, in one of the biomes if there are any, or a mob is in reach of the senses.

    Args:
        exact: whether a block that is as good does not count.
    """
    if biomes and outside(biome(body), biomes):
        return False
    if thing in BLOCKS:
        places = body.known.find(gather.flags(same_as(thing, exact)), body.pos, SIGHT, most=1)
        return bool(places) and math.dist([v + 0.5 for v in places[0]], [float(v) for v in body.pos]) <= SIGHT
    if thing == "drops":
        return bool(body.drops())
    return thing in MOBS and blows.find(body, (thing,)) is not None


def equip(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Take into the hand; armour is put on."""
    item = str(args["item"]).partition(":")[0]
    body = doer.body
    if ITEMS.slot[ITEMS.id(item)]:
        slot = body.slot_of(item)
        if slot is None:
            raise SkillFailed("no tool", item)
        body.act(function="equip", slot=slot)
        return
    digging.equip(body, item)


def explore(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Look for something until it is found."""
    body, end = doer.body, doer.body.steps + limit
    at_sea = kinds()[body.block(*body.cell)] == WATER  # there one keeps straight on, until there is land
    if "turn" in args and not at_sea:
        doer.roamer.heading = (doer.roamer.heading + args["turn"] / 22.5) % 16
    tunnel, thing = args["how"] == "tunnel", str(args["find"])
    if thing in MOBS and not is_found(body, thing) and fight.look_again(body, (thing,), doer.roamer, end):
        return
    marked = body.steps, tuple(float(v) for v in body.pos)
    while not is_found(body, thing, args.get("biomes", ()), bool(args.get("exact"))):
        if body.steps >= end:
            raise SkillFailed("not found", thing)
        if body.steps - marked[0] >= NO_PROGRESS and args["how"] != "dark":
            if math.dist(marked[1], [float(v) for v in body.pos]) < (STUCK_DIGGING if tunnel else STUCK_WITHIN):
                raise SkillFailed("no way", "on from here")
            marked = body.steps, tuple(float(v) for v in body.pos)
        if tunnel and "y" in args and abs(body.cell[1] - args["y"]) > DIGGABLE_LEVELS:
            walk.go_level(body, int(args["y"]), end - body.steps)
        if args["how"] == "dark" and waits(doer, args.get("lands", ())):
            body.act()
            continue
        doer.roamer.leg(body, min(500, end - body.steps), dig=tunnel)


def waits(doer: Doer, biomes: Collection[str]) -> bool:
    """Whether this is the place for what comes by night, but not yet the time.

    Raises:
        SkillFailed: "night": it is the time, and no such place is known near.
    """
    there, dark = not outside(biome(doer.body), biomes), doer.body.dark
    if dark and not there and all(outside(name, biomes) for name in doer.roamer.around(doer.body)):
        raise SkillFailed("night", "before one is there")
    return there and not dark


def approach(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Come near a block, a mob, a place, or what lies on the ground."""
    body, what = doer.body, str(args["what"])
    if what in MOBS:
        fight.chase(body, (what,), lambda mob: True, limit)
        return
    if "at" in args:
        x, y, z = (float(v) for v in args["at"])
        walk.go_to(body, (x, y, z), NEAR, 3.5, limit)
    if what == "drops":
        gather.collect(body, 12.0, limit)
        return
    if what in BLOCKS:
        places = body.known.find(gather.flags(same_as(what, bool(args.get("exact")))), body.pos)
        if not places:
            raise SkillFailed("not found", what)
        last = SkillFailed("no way", what)
        for place in places[:4]:
            try:
                walk.go_near(body, place, gather.ARM, limit)
                return
            except SkillFailed as failure:
                if failure.reason == "died":
                    raise
                last = failure
        raise last


def mine(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Dig blocks until there are so many more of an item."""
    item, block = str(args["item"]), str(args["block"])
    blocks = same_as(block, bool(args.get("exact")))
    items = (item,) if args.get("exact") or ":" in item else alike_names(item)
    wanted = sum(doer.body.count(each) for each in items) + int(args["count"])
    shorn = block in ("leaves", "leaves2", "vine", "web", "tallgrass") and doer.body.items["shears"]
    tool = "shears" if shorn else None
    near = doer.body.known.find(gather.flags(same_as(block)), doer.body.pos, STATION_NEAR, most=1)
    if block in STATIONS and not near:
        raise SkillFailed("not found", block)
    level = None
    y = doer.body.cell[1]
    beyond = realm(doer.body) != "overworld"
    if beyond or (BLOCKS.level[BLOCKS.id(block)] >= 0 and block != "stone" and y < 60):
        level = (max(5, y - DIGGABLE_LEVELS), y + DIGGABLE_LEVELS)
    gather.gather(doer.body, blocks, lambda body: sum(body.count(each) for each in items) >= wanted, doer.roamer, level,
                  limit, tool, block not in STATIONS)


def attack(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Kill so many of a kind, or until there is so much of what it gives."""
    mob, body = str(args["mob"]), doer.body
    killed = kills(body, mob)
    item = str(args.get("item", ""))
    had = body.count(item) if item else 0

    def done(b: Body) -> bool:
        if item:
            return b.count(item) - had >= int(args["count"])
        return kills(b, mob) - killed >= int(args["count"])

    fight.hunt(body, (mob,), done, doer.roamer, limit)


def kills(body: Body, mob: str) -> int:
    """Mobs of a kind it has killed."""
    return int(body.info.get("stat", {}).get("kill_entity", {}).get(mob, 0))


def dig_down(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Down to a height; where the ground does not let one, a walk away from there, for the next try."""
    end = doer.body.steps + limit
    try:
        walk.go_level(doer.body, int(args["y"]), limit)
    except SkillFailed as failure:
        if failure.reason in ("lost", "no way") and doer.body.steps < end:
            with unless_dead():
                doer.roamer.leg(doer.body, dig=underground(doer.body))
        raise


def go_up(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Up to a height, or into the open."""
    body, end = doer.body, doer.body.steps + limit
    if "y" in args:
        walk.go_level(body, int(args["y"]), limit)
        return
    while not bool(body.observation["location_stats"]["can_see_sky"]):
        if body.steps >= end:
            raise SkillFailed("time", "on the way up")
        walk.go_level(body, body.cell[1] + 6, end - body.steps)


def build(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Only shelters are built as such: one digs in and waits."""
    body, end = doer.body, doer.body.steps + limit
    if args["what"] != "shelter":
        raise SkillFailed("no way", f"to build {args['what']} by itself; ways have them where they are needed")
    shelter.burrow(body)
    until = min(end, body.steps + int(args.get("wait", survive.NIGHT_TICKS)))
    till_morning = night(body)
    while body.steps < until and (night(body) or not till_morning or body.life <= WOUNDED):  # the sun burns for one
        if body.steps % MENDED == 0 and shelter.openings(body):
            shelter.closed(body)
        body.act()


def cross(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Through a portal, which is built where none is known, unless one is there already."""
    if realm(doer.body) != args["to"]:
        portal.cross(doer.body, doer.roamer, limit)
        doer.roamer.begin_anew()


def place(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Put a block down at hand."""
    make.put_down(doer.body, str(args["item"]).partition(":")[0])


def craft(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Craft or smelt by the craft index until there are so many more."""
    body, item, index = doer.body, str(args["item"]), int(args["index"])
    wanted, end = body.count(item) + int(args["count"]), body.steps + limit
    if index >= make.HAND:
        make.reach_station(body, "table" if index < make.HAND + make.TABLE else "furnace")
    if ITEMS.slot[ITEMS.id(CRAFT_NAMES[index])]:
        make.empty_hand(body)
    while body.count(item) < wanted:
        if body.steps >= end:
            raise SkillFailed("time", item)
        before = body.count(CRAFT_NAMES[index])
        if not body.observation["masks"]["craft_smelt"][index]:
            raise SkillFailed("no material", f"for {item}")
        body.act(function="craft", index=index)
        if body.count(CRAFT_NAMES[index]) <= before:
            raise SkillFailed("full" if make.free_slots(body) == 0 else "no material", f"{item} was not made")


def eat(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Eat of one food."""
    body, item = doer.body, str(args["item"]).partition(":")[0]
    for _ in range(int(args.get("count", 1))):
        survive.eat_one(body, item)


def sleep(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Through the night in a bed."""
    survive.sleep(doer.body)


def flee(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Away from a mob."""
    fight.flee(doer.body, (str(args["from"]),), limit)


def fish(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """With a rod at the nearest water."""
    body, item = doer.body, str(args["item"])
    wanted, end = body.count(item) + int(args["count"]), body.steps + limit
    while body.count(item) < wanted:
        if body.steps >= end:
            raise SkillFailed("time", item)
        survive.fish_once(body)


def farm(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Take what grows, or what an animal leaves; sow first where a seed is given."""
    body, item, what = doer.body, str(args["item"]), str(args["what"])
    wanted = body.count(item) + int(args["count"])
    if what in MOBS:
        fight.attend(body, what, lambda b: b.count(item) >= wanted, doer.roamer, limit)
        return
    seed, end = str(args.get("seed", "")).partition(":")[0], body.steps + limit
    if seed and what in field_work.RIPE and not args.get("bone_meal"):
        field_work.grow(body, what, seed, lambda: wanted - body.count(item), end)
        return
    while seed and body.count(item) < wanted:
        if body.steps >= end:
            raise SkillFailed("time", item)
        try:
            plant = survive.sow(body, seed, bool(args.get("bone_meal")))
        except SkillFailed as failure:
            if failure.detail != "of ground to sow":
                raise
            doer.roamer.leg(body)
            continue
        if what == "sapling":
            break  # it is a tree now, or will be one
        before = body.block(*plant)
        digging.dig(body, plant, collect=False)
        gather.collect(body, patience=gather.PICK_UP)
        if body.block(*plant) == before:
            raise SkillFailed("time", item)
    blocks = ("log", "log2") if what == "sapling" else (what,)
    gather.gather(body, blocks, lambda b: b.count(item) >= wanted, doer.roamer, None, max(1, end - body.steps))


def shear(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Shear mobs until there is so much more."""
    _use_on(doer, args, "shears", limit)


def milk(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Milk into buckets or bowls."""
    _use_on(doer, args, "bowl" if args["item"] == "mushroom_stew" else "bucket", limit)


def _use_on(doer: Doer, args: Mapping[str, Any], tool: str, limit: int) -> None:
    body, item, mob = doer.body, str(args["item"]), str(args["mob"])
    wanted, end = body.count(item) + int(args["count"]), body.steps + limit
    while body.count(item) < wanted:
        if body.steps >= end:
            raise SkillFailed("time", item)
        if blows.find(body, (mob,)) is None:
            doer.roamer.leg(body)
            continue
        before = len(body.drops()), body.count(item)
        fight.use_on(body, (mob,), tool, lambda before=before: (len(body.drops()), body.count(item)) != before,
                     min(400, max(1, end - body.steps)))


def fill(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Fill a bucket or a bottle; obsidian is what lava becomes where a bucket of water is poured beside it."""
    item = str(args["item"])
    if item == "obsidian":
        wanted = doer.body.count(item) + int(args["count"])
        pour.quench(doer.body, lambda body: body.count(item) >= wanted, doer.roamer, limit)
        return
    vessel, filled = (str(args.get(key, "bucket")).partition(":")[0] for key in ("with", "item"))
    survive.fill(doer.body, str(args["what"]).removeprefix("flowing_"), vessel, filled)


def use(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Use an item once: what it does depends on what one looks at."""
    body, item = doer.body, str(args["item"]).partition(":")[0]
    number = ITEMS.id(item)
    if ITEMS.block[number] or ITEMS.placeable[number]:
        make.put_down(body, item)
        return
    if ITEMS.slot[number]:
        make.put_on(body, item)
        return
    digging.equip(body, item)
    before = body.info.get("stat", {}).get("use_item", {}).get("minecraft", {}).get(item, 0)
    if item.endswith("_hoe"):
        end = body.steps + limit
        while not survive.till(body, item):
            if body.steps >= end:
                raise SkillFailed("not found", "earth to till")
            doer.roamer.leg(body)
    elif ITEMS.tool[number]:
        survive.use_tool(body, item)
    for pitch in (60.0, 30.0, 0.0, -30.0):
        for _ in range(USE_TICKS):
            if body.info.get("stat", {}).get("use_item", {}).get("minecraft", {}).get(item, 0) > before:
                return
            body.act(view=(body.yaw, pitch), function="use")
    raise SkillFailed("time", f"{item} had no use")


def drop(doer: Doer, args: Mapping[str, Any], limit: int) -> None:
    """Get rid of items: they are destroyed where they would be picked up again at once."""
    body, item = doer.body, str(args["item"]).partition(":")[0]
    end = body.steps + limit
    while body.items[item] and body.steps < end:
        slot = body.slot_of(item)
        if slot is None:
            return
        body.act(function="destroy", slot=slot)


def distance(body: Body, place: tuple[float, float, float]) -> float:
    """Blocks from the feet."""
    return math.dist(tuple(float(v) for v in body.pos), place)


DEEDS: dict[str, Deed] = {
    "equip": equip, "explore": explore, "approach": approach, "mine": mine, "attack": attack, "dig_down": dig_down,
    "go_up": go_up, "build": build, "cross": cross, "place": place, "craft": craft, "smelt": craft, "eat": eat,
    "sleep": sleep, "flee": flee, "fish": fish, "farm": farm, "shear": shear, "milk": milk, "fill": fill, "use": use,
    "drop": drop,
}  # fmt: skip
