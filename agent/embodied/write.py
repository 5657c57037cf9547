"""From steps to actions: each with where to look, what to hold, what is expected and how long it may take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from veclink.agent.embodied.actions import LONGEST_LIMIT, PATIENT_LIMIT, Action, State, alike_names
from veclink.agent.embodied.goals import DAY, REALMS
from veclink.agent.embodied.items import Item, item_ids
from veclink.agent.embodied.knowledge import outside, realm_of
from veclink.agent.embodied.recall import Advice
from veclink.agent.embodied.sources import found, lands
from veclink.agent.embodied.steps import GATHERED, Step, at_hand
from veclink.envs.facts import ITEMS

SURFACE = 64  # height of the ground where it is not known
DEPTHS = (0.85, 0.5, 0.2, 0.7, 0.35)  # of a height range, where one looks first, after one failure, after two, ...
FIRST_SEARCH, FARTHEST = 96, 2000  # blocks
TURN = 137  # degrees from one search to the next: never the same way twice in a full turn
SLACK, LEAST_LIMIT = 3.0, 400  # times the estimate; ticks
PLACE_TICKS = 200
CROSS_TICKS = 2400  # to build a portal and go through
OVER_LAVA = 45  # y from which on one looks for things in the Nether
NIGHT_LENGTH = 11_500
JOURNEY = 6000  # ticks that a search may take at least where one must first come to another land
STATIONS = ("crafting_table", "furnace")
WORN = {"head": "_helmet", "chest": "_chestplate", "legs": "_leggings", "feet": "_boots"}
SLEEPLESS = 600  # ticks until one tries to sleep again
STORES = 3  # meals kept for a goal of surviving
REST = 1200  # ticks
REACH = 24.0  # blocks to a table or furnace that is gone back to
BY_HAND = 3.0  # blocks up or down to it without a pickaxe: a hand takes longer for two of stone than a new table does


class Writer:
    """Writes the actions of one plan, step after step, and keeps track of where the player will be by then.

    Args:
        failed: way key -> hard failures so far: each sends the search farther, elsewhere and to another depth.
        slow: way key -> timeouts so far: each gives more time.
        advice: plans that worked before.
        asked: names of items that are goals themselves: nothing else will do.
    """

    def __init__(self, state: State, failed: Counter[str], slow: Counter[str], advice: Advice | None = None,
                 asked: Collection[str] = ()) -> None:
        self.asked = asked
        self.state, self.failed, self.slow, self.advice = state, failed, slow, advice or Advice()
        self.realm = realm_of(state.biome)
        self.deep = bool(state.underground) or self.realm != "overworld"
        self.y = state.position[1] if state.position else (SURFACE if not self.deep else SURFACE / 2)
        self.near = set(state.near)
        self.hand = state.equipment.get("mainhand", "")
        self.standing = set(stations_of(state))  # stations put down, not carried
        self.haunt: tuple[str, ...] = ()

    def actions(self, step: Step, later: Sequence[Step]) -> list[Action]:
        """The actions of a step; `later` are those after it."""
        self.haunt = haunt((step, *later))
        if step.kind in ("craft", "smelt"):
            return self._crafted(step, later)
        if step.kind in ("use", "wear", "eat", "sleep", "survive"):
            return self._deed(step)
        if step.kind == "grow":
            return [*self._taken_up([step, *later]), *self._surfaced(), *self._held(step), self._grown(step)]
        return [*self._taken_up([step, *later]), *self._crossed(step), *self._reached(step), *self._held(step),
                self._taken(step)]

    def dressed(self, steps: Sequence[Step]) -> list[Action]:
        """What protects and is carried is put on where nothing is worn, but what is a goal itself or worn by a step."""
        actions, other = [], {*self.asked, *(step.item.name for step in steps if step.kind == "wear")}
        carried = [item.name for item, _ in self.state.stock if item.name not in other]
        for place, ending in WORN.items():
            pieces = [name for name in carried if name.endswith(ending)]
            if pieces and place not in self.state.equipment:
                best = max(pieces, key=lambda name: (float(ITEMS.armor[item_ids()[name]]), name))
                actions.append(Action("equip", {"item": best}, {"equipped": best}, limit=60))
        return actions

    def night(self, sleepless: bool = False) -> list[Action]:
        """A bed if there is one, otherwise walls until the morning.

        Args:
            sleepless: one could not sleep just now, as monsters were near: walls for a while, and the bed again then.
        """
        wait = max(1, (DAY - self.state.time % DAY) % DAY) if self.state.night else NIGHT_LENGTH
        if sleepless:
            return [*self._bed_taken(), Action("build", {"what": "shelter", "wait": SLEEPLESS}, {"day": True},
                                               limit=SLEEPLESS + 800)]
        shelter = Action(
            "build", {"what": "shelter", "wait": wait}, {"day": True}, limit=min(LONGEST_LIMIT, wait + 800)
        )
        if self.state.stock.has(Item("bed")):
            return [
                Action("place", {"item": "bed"}, {"near": "bed"}, limit=PLACE_TICKS),
                Action("sleep", {}, {"day": True}, limit=600),
                *self._bed_taken(),
            ]
        return [shelter]

    @staticmethod
    def _bed_taken() -> list[Action]:
        return [Action("mine", {"block": "bed", "item": "bed", "count": 1}, {"gain": {"bed": 1}}, limit=PLACE_TICKS)]

    def _limit(self, step: Step) -> int:
        more = 1 + self.slow[step.key]
        return int(min(LONGEST_LIMIT, max(LEAST_LIMIT, step.ticks * SLACK) * more))

    def _crossed(self, step: Step) -> list[Action]:
        """Through a portal, where what is next lies beyond one."""
        if step.kind not in GATHERED or {step.info.place, self.realm} != set(REALMS):
            return []
        self.realm, self.deep, self.near, self.standing = step.info.place, True, set(), set()
        self.y = max(self.y, OVER_LAVA)
        return [Action("cross", {"to": self.realm}, {"realm": self.realm}, step.key, CROSS_TICKS)]

    def _surfaced(self) -> list[Action]:
        if not self.deep or self.realm != "overworld":
            return []
        self.deep, self.y = False, SURFACE
        self.near -= set(found()["blocks"]) | set(STATIONS)
        return [Action("go_up", {}, {}, limit=2400)]

    def _reached(self, step: Step) -> list[Action]:
        """Go where it is: to its height, in search of it, up to it."""
        target = step.target
        actions: list[Action] = []
        if (step.way is None and target in self.near) or (self.deep and at_hand(step, self.near)):
            pass  # a mob to kill that is here, or water that one has poured
        elif step.underground:
            actions += [*self._journey(step), *self._dug(step)]
        else:
            actions += self._surfaced()
        if self._elsewhere(step) or (target not in self.near and not self._knows(step, target)):
            actions.append(self._explored(step, target))
        args: dict[str, Any] = {"what": target, **self._exact(step)}
        if self._knows(step, target):
            args["at"] = list(self.state.known[target])
        actions.append(Action("approach", args, {"near": target}, step.key, self._limit(step)))
        self.near.add(target)
        return actions

    def _elsewhere(self, step: Step) -> bool:
        """Whether it is a variety (the wood of one tree) that does not grow in this biome, though its kind may."""
        varied = step.item.variant is not None and step.kind == "mine"
        return varied and outside(self.state.biome, step.info.biomes)

    def _exact(self, step: Step) -> dict[str, bool]:
        """{"exact": True} where the goal is one of several blocks that serve as well for anything else."""
        asked = step.kind == "mine" and step.item.name in self.asked and len(alike_names(step.item.name)) > 1
        return {"exact": True} if asked else {}

    def _lands(self, step: Step) -> dict[str, list[str]]:
        """{"lands": biomes} where what is looked for above ground, and what serves as well, is in some only."""
        if step.underground or step.info.place != "overworld":
            return {}
        names = lands(step.target, step.info)
        if step.kind == "mine" and step.item.variant is None and not self._exact(step):
            others = [found()["blocks"][name].get("biomes", ()) for name in alike_names(step.item.name)[1:]
                      if name in found()["blocks"]]
            names = tuple(sorted({*names, *(name for each in others for name in each)})) if names else ()
        if step.info.time == "night":
            names = names or self.haunt
        return {"lands": list(names)} if names else {}

    def _knows(self, step: Step, target: str) -> bool:
        """Whether one was seen, and nothing has gone wrong with it since."""
        return target in self.state.known and target not in self.near and not self.failed[step.key]

    def _journey(self, step: Step) -> list[Action]:
        """Over land to where it lies under ground, if it lies under certain lands only."""
        lands = list(step.info.biomes[:16])
        if not outside(self.state.biome, lands):
            return []
        args = {"find": "stone", "how": "walk", "biomes": lands, "lands": lands}
        return [*self._surfaced(), Action("explore", args, {"near": "stone"}, step.key, JOURNEY)]

    def _dug(self, step: Step) -> list[Action]:
        """Down (or up) into the height range, to another depth after each failure."""
        low, high = step.info.y or (5, SURFACE)
        tries = self.failed[step.key]
        if low <= self.y <= high and self.deep and not tries:
            return []
        known = self.advice.number(step.key, ("dig_down", "go_up", "explore"), "y") if not tries else None
        if not tries and high >= SURFACE - 2:
            depth = max(low, round(min(high, self.y)) - 4)  # stone and coal begin right below the grass
        elif known is not None and low <= known <= high:
            depth = known
        else:
            depth = round(low + (min(high, SURFACE) - low) * DEPTHS[tries % len(DEPTHS)])
        self.deep, moved = True, abs(self.y - depth) > 2
        if not moved:
            return []
        climbs, self.y = depth > self.y, depth
        self.near -= set(STATIONS)
        name = "go_up" if climbs else "dig_down"
        return [Action(name, {"y": depth}, {"y": depth}, step.key, 2400)]

    def _explored(self, step: Step, target: str) -> Action:
        tries, limit = self.failed[step.key], self._limit(step)
        how = "tunnel" if step.underground or self._in_rock(step) else "shore" if step.info.where == "water" else "walk"
        if step.info.time == "night" and not self.state.night:
            how = "dark"
        far = min(FARTHEST, FIRST_SEARCH * 2 ** min(tries, 5))
        args = {"find": target, "how": how, "far": far, **self._exact(step), **self._lands(step)}
        elsewhere = self._elsewhere(step)
        if elsewhere:
            args["biomes"] = list(step.info.biomes[:16])
        if how == "tunnel":
            args["y"] = round(max(self.y, OVER_LAVA) if self.realm == "nether" else self.y)
        if outside(self.state.biome, args.get("lands", ())):
            limit = max(limit, JOURNEY)  # and straight on: another land lies on, the same block may lie behind
        elif tries and not elsewhere:
            args["turn"] = tries * TURN % 360
        return Action("explore", args, {"near": target}, step.key, limit)

    def _in_rock(self, step: Step) -> bool:
        """Whether one tunnels to it although it lies in the open: over the Nether's lava no way is safer."""
        return self.realm == "nether" and step.kind == "mine"

    def _held(self, step: Step) -> list[Action]:
        tool = step.tool
        if tool.endswith("_sword"):  # what cuts deepest of what there is; tools that dig are spared
            swords = [item.name for item, _ in self.state.stock if item.name.endswith("_sword")]
            tool = max([*swords, tool], key=lambda name: float(ITEMS.damage[item_ids()[name]]))
        if not tool or tool == self.hand:
            return []
        self.hand = tool
        return [Action("equip", {"item": tool}, {"equipped": tool}, step.key, 60)]

    def _taken(self, step: Step) -> Action:
        """The deed itself: mine, attack, shear, ..."""
        item, count, limit = str(step.item), step.count, self._limit(step)
        gain = {"gain": {item: count}}
        if step.way is None:  # a goal of killing
            args = {"mob": item, "count": count, **self._lands(step)}
            return Action("attack", args, {"killed": {item: count}}, step.key, limit)
        target = step.way.target
        self.near.discard(target)
        if step.kind == "mine":
            args = {"block": target, "item": item, "count": count, **self._exact(step), **self._lands(step)}
            return Action("mine", args, gain, step.key, limit)
        if step.kind == "kill":
            args = {"mob": target, "count": step.goes, "item": item, **self._lands(step)}
            return Action("attack", args, gain, step.key, limit)
        if step.kind == "pick":
            args = {"what": target, "item": item, "count": count, **self._lands(step)}
            return Action("farm", args, gain, step.key, limit)
        if step.kind == "fish":
            return Action("fish", {"item": item, "count": count}, gain, step.key, limit)
        if step.kind == "fill":
            args = {"what": target, "item": item, "count": count}
            held = [str(need) for need, _ in (*step.way.needs, *step.way.keep)]
            return Action("fill", {**args, **({"with": held[0]} if held else {})}, gain, step.key, limit)
        args = {"mob": target, "item": item, "count": count, **self._lands(step)}
        return Action(step.kind, args, gain, step.key, limit)

    def _grown(self, step: Step) -> Action:
        assert step.way is not None  # only ways grow
        seed = next((str(item) for item, _ in step.way.needs if item.name != "dye"), "")
        meal = any(item.name == "dye" for item, _ in step.way.needs)
        args = {"what": step.way.target, "item": str(step.item), "count": step.count, "seed": seed, "bone_meal": meal}
        limit = self._limit(step) if meal or not seed else PATIENT_LIMIT
        return Action("farm", args, {"gain": {str(step.item): step.count}}, step.key, limit)

    def _deed(self, step: Step) -> list[Action]:
        """The last deed of a goal."""
        item, limit = str(step.item), self._limit(step)
        if step.kind == "wear":
            return [Action("equip", {"item": item}, {"equipped": item}, step.key, 100)]
        if step.kind == "eat":
            count = {"count": step.count} if step.count > 1 else {}
            return [Action("eat", {"item": item, **count}, {"food": "more"}, step.key, 200 * step.count)]
        if step.kind == "sleep":
            return [*self._surfaced(), *self.night()]
        if step.kind == "survive":
            return self._survived()
        gain = {"gain": {item: step.count}} if step.way else {}
        source = str(step.way.needs[0][0]) if step.way and step.way.needs else item
        worn = bool(ITEMS.slot[item_ids()[step.item.name]])  # is put on from where it was made
        equip = Action("equip", {"item": source}, {"equipped": source}, step.key, 60)
        out = self._surfaced() if source.endswith("_hoe") else []  # to where there is earth to till
        held = [] if worn or source == self.hand else [equip]
        self.hand = source
        return [*out, *held, Action("use", {"item": source}, gain, step.key, limit)]

    def _survived(self) -> list[Action]:
        """In safety: by night until the morning, by day for a while (the planner sees to meals first)."""
        if self.state.night:
            return self.night()
        return [Action("build", {"what": "shelter", "wait": REST}, {}, "survive", REST + 800)]

    def _crafted(self, step: Step, later: Sequence[Step]) -> list[Action]:
        """Craft or smelt, with its station put down before and taken up after where it is needed again elsewhere."""
        assert step.way is not None  # crafts are ways
        station = {"table": "crafting_table", "furnace": "furnace"}.get(step.way.station, "")
        actions = self._at(station) if station else []
        args = {"item": str(step.item), "count": step.count, "index": step.way.index}
        if step.kind == "smelt":
            fuel = [str(item) for item, _ in step.uses if item not in {need for need, _ in step.way.needs}]
            args |= {"fuel": fuel[0]} if fuel else {}
        gain = {"gain": {str(step.item): step.count}}
        actions.append(Action(step.kind, args, gain, step.key, self._limit(step)))
        stays = bool(later) and later[0].kind in ("craft", "smelt")
        if not stays:
            actions += self._taken_up(later)
        return actions

    def _at(self, station: str) -> list[Action]:
        """Within reach of a station: it stands there, it is gone back to, or it is put down."""
        if station in self.near:
            return []
        if station in self.standing:
            return [self._gone_back(station)]
        self.standing.add(station)
        self.near.add(station)
        return [Action("place", {"item": station}, {"near": station}, limit=PLACE_TICKS)]

    def _gone_back(self, station: str) -> Action:
        self.near.add(station)
        at = {"at": list(self.state.known[station])} if station in self.state.known else {}
        return Action("approach", {"what": station, **at}, {"near": station}, limit=LEAST_LIMIT)

    def _taken_up(self, later: Sequence[Step]) -> list[Action]:
        """Take along the stations that later steps hold, or that are asked for; a furnace only with a pickaxe, without
        which it is lost."""
        actions = []
        for station in sorted(self.standing):
            if station not in self.asked and not any(station in each.holds for each in later):
                continue
            tools = [self.hand, *(each.tool for each in later), *(item.name for item, _ in self.state.stock)]
            tool = next((each for each in tools if each.endswith("pickaxe")), "")
            if station == "furnace" and not tool:
                continue
            if station not in self.near:
                actions.append(self._gone_back(station))
            if station == "furnace" and tool != self.hand:
                actions.append(Action("equip", {"item": tool}, {"equipped": tool}, limit=60))
                self.hand = tool
            args = {"block": station, "item": station, "count": 1}
            actions.append(Action("mine", args, {"gain": {station: 1}}, limit=PLACE_TICKS))
            self.standing.discard(station)
            self.near.discard(station)
        return actions


def stations_of(state: State) -> tuple[str, ...]:
    """Tables and furnaces in reach, or close enough to go back to."""
    found_here = []
    digs = any(name.endswith("_pickaxe") for name in state.inventory)
    for name in STATIONS:
        at = state.known.get(name)
        close = at is not None and state.position is not None and math.dist(at, state.position) <= REACH and (
            digs or abs(at[1] - state.position[1]) <= BY_HAND)
        if name in state.near or close:
            found_here.append(name)
    return tuple(found_here)


def haunt(steps: Sequence[Step]) -> tuple[str, ...]:
    """The biomes of what comes by night in some only: what comes by night everywhere is hunted there as well."""
    places = (lands(step.target, step.info) for step in steps
              if step.info.time == "night")
    return next(filter(None, places), ())
