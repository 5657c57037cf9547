"""From goals to a tree of needs: what must be had, what is there already, by which way the rest is won.

Needs are worked out depth first against one stock, so that what is shared is counted once: left-over planks of one
craft serve the next, a pickaxe made for one ore serves all that it can break until it is worn out. Read from the
leaves up, each need comes after what it stands on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from veclink.agent.embodied.goals import Goal, ImpossibleGoal
from veclink.agent.embodied.items import Item, Stock, item_ids
from veclink.agent.embodied.knowledge import STATIONS, Info, Knowledge, Way, knowledge
from veclink.agent.embodied.sources import SWORD_LEVEL, found, mob_info, wholesome
from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.facts.recipes import SMELT_TICKS

DEEPEST = 40  # needs above one another; the longest chain of 1.11 is about 15
MOST_TOOLS = 60  # of one kind for one need; more is not a plan
BLOWS_A_KILL = 5  # that a sword wears by
SPENDING = 0.3  # of its price: what is burnt from the stock may be missed later
MADE = ("craft", "smelt")  # ways whose yield is certain, so that what is left over can be counted on
STEP_TICKS = 20  # to use, wear or eat something
FUELS = ("coal", "planks", "log", "log2", "coal_block", "lava_bucket", "blaze_rod", "stick", "sapling")


@dataclass
class Need:
    """One node of the tree.

    Attributes:
        object: the item or mob. count: how many. have: how many of them the stock gave; make: how many are to be won.
        role: goal, material, tool, keep, table, furnace, fuel or part (of a need won in two ways).
        kind: of the goal, for goals; otherwise "have".
        way: how it is won, None where nothing is to be won or the parts say it. goes: how often.
        ticks: estimate for this need alone.
        tool: name of the tool held. children: what it stands on, in order.
        others: (way key, estimated ticks) of the ways not taken, cheapest first.
    """

    object: Item
    count: int
    role: str = "material"
    kind: str = "have"
    have: int = 0
    make: int = 0
    way: Way | None = None
    goes: int = 0
    ticks: float = 0.0
    tool: str = ""
    children: list[Need] = field(default_factory=list)
    others: tuple[tuple[str, float], ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is to be done for it."""
        return self.make == 0

    @property
    def information(self) -> Info:
        """Where and when it is found."""
        if self.kind == "kill":
            return mob_info(self.object.name)
        return self.way.info if self.way else Info()

    @property
    def material(self) -> tuple[tuple[Item, int], ...]:
        """What is used up for all of it."""
        return tuple((item, number * self.goes) for item, number in self.way.needs) if self.way else ()

    def walk(self) -> Iterator[Need]:
        """All needs from the leaves up: what others stand on comes first."""
        for child in self.children:
            yield from child.walk()
        yield self

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        info = self.information
        return {
            "object": str(self.object),
            "count": self.count,
            "role": self.role,
            "kind": self.kind,
            "have": self.have,
            "make": self.make,
            "way": self.way.key if self.way else None,
            "goes": self.goes,
            "material": {str(item): number for item, number in self.material},
            "tool": self.tool or None,
            "station": (self.way.station or None) if self.way else None,
            "information": info.words(),
            "ticks": round(self.ticks),
            "others": [{"way": key, "ticks": round(ticks)} for key, ticks in self.others],
            "children": [child.to_dict() for child in self.children],
        }


@dataclass
class Tree:
    """The needs of one or more goals, in the order of the goals."""

    goals: tuple[Goal, ...]
    roots: list[Need]

    @property
    def ticks(self) -> float:
        """Estimate for all of it."""
        return sum(need.ticks for need in self.walk())

    @property
    def done(self) -> bool:
        """Whether nothing is to be done."""
        return all(root.done for root in self.roots)

    def walk(self) -> Iterator[Need]:
        """All needs, those that others stand on first."""
        for root in self.roots:
            yield from root.walk()

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "goals": [goal.to_dict() for goal in self.goals],
            "ticks": round(self.ticks),
            "needs": [root.to_dict() for root in self.roots],
        }


def decompose(
    goals: Goal | Sequence[Goal],
    inventory: Mapping[str, int] | Stock | None = None,
    *,
    near: Sequence[str] = (),
    banned: Sequence[str] = (),
    learnt: Mapping[str, float] | None = None,
    places: Sequence[str] = ("overworld",),
    late: int = 0,
) -> Tree:
    """The tree of needs of some goals.

    Args:
        inventory: "planks:2" -> 5, or a Stock (which is not changed).
        near: of "crafting_table" and "furnace", those that stand within reach.
        banned: keys of ways that do not work now; where nothing else leads to the goal they are used all the same.
        learnt: way key -> ticks that one go took, from memory.
        places: worlds that can be reached.
        late: ticks until the night, which ways that need one cost more.

    Raises:
        ImpossibleGoal: no way leads to a goal.
    """
    wanted = (goals,) if isinstance(goals, Goal) else tuple(goals)
    stock = inventory.copy() if isinstance(inventory, Stock) else Stock(inventory)
    known = knowledge(tuple(places))
    try:
        return _worked(wanted, stock, known, frozenset(banned), learnt, near, late)
    except ImpossibleGoal:
        if not banned:
            raise
        return _worked(wanted, stock, known, frozenset(), learnt, near, late)


def _worked(
    goals: tuple[Goal, ...],
    stock: Stock,
    known: Knowledge,
    banned: frozenset[str],
    learnt: Mapping[str, float] | None,
    near: Sequence[str],
    late: int,
) -> Tree:
    """Twice where a certain variant is needed somewhere: then needs of any variant are met by that one too.

    A craft takes any variant that it can use. If birch is wanted for a door, all planks are better birch.
    """
    work = _Work(known, stock.copy(), banned, learnt, near, late)
    tree = Tree(goals, [work.goal(goal) for goal in goals])
    if not work.certain:
        return tree
    again = _Work(known, stock.copy(), banned, learnt, near, late, work.certain)
    return Tree(goals, [again.goal(goal) for goal in goals])


class _Work:
    """One decomposition: the stock that it takes from and the prices that it chooses by."""

    def __init__(
        self,
        known: Knowledge,
        stock: Stock,
        banned: frozenset[str],
        learnt: Mapping[str, float] | None,
        near: Sequence[str],
        late: int,
        preferred: Mapping[str, int] | None = None,
    ) -> None:
        self.known, self.stock, self.banned, self.learnt = known, stock, banned, learnt or {}
        self.near, self.late = set(near), late
        self.preferred = preferred or {}
        self.certain: dict[str, int] = {}  # name -> a variant that had to be won
        self.prices = known.prices(banned, learnt)

    def goal(self, goal: Goal) -> Need:
        if goal.kind in ("survive", "sleep"):
            return Need(Item(goal.kind), goal.count, "goal", goal.kind, make=goal.count)
        if goal.kind == "kill":
            return self._kill(goal)
        item = self._meal() if goal.object == "food" else goal.item
        if goal.kind == "have":
            need = self.need(item, goal.count, "goal", ())
            self._still_of_use(need)
            return need
        root = Need(item, goal.count, "goal", goal.kind, make=goal.count, ticks=STEP_TICKS * goal.count)
        number = goal.count if goal.kind == "eat" else 1
        root.children = [self.need(item, number, "material", ())]
        if goal.kind != "eat":
            self.stock.add(item, 1)
        return root

    def _still_of_use(self, need: Need) -> None:
        """A table, furnace or tool that is wanted for itself serves on the way too."""
        name = need.object.name
        if name in STATIONS.values() or ITEMS.tool[item_ids()[name]]:
            self.stock.add(need.object, need.count)

    def _meal(self) -> Item:
        """The food that is cheapest to come by; what is at hand first."""
        held = [item for item, _ in self.stock if wholesome(item.name)]
        if held:
            return max(held, key=lambda item: (int(ITEMS.food[item_ids()[item.name]]), item.name))
        names = [name for name in item_ids() if wholesome(name) and math.isfinite(self._price(Item(name)))]
        return Item(min(names, key=lambda name: (self._price(Item(name)) / ITEMS.food[item_ids()[name]], name)))

    def _kill(self, goal: Goal) -> Need:
        facts = found()["mobs"].get(goal.object, {"seek": 0, "each": 200})
        ticks = facts["seek"] + goal.count * facts["each"]
        root = Need(Item(goal.object), goal.count, "goal", "kill", make=goal.count, goes=goal.count, ticks=ticks)
        if mob_info(goal.object).place == "nether":
            root.children = [self._held(item, number, "keep", ()) for item, number in self.known.entry]
        hostile = goal.object in MOBS and bool(MOBS.hostile[MOBS.id(goal.object)])
        held = any(self.stock.tools.get(name) for name in self.known.tools_for("sword", 0))
        level = 0 if held else SWORD_LEVEL
        if hostile and math.isfinite(self._tool_price("sword", level)):
            root.tool = self._tool(root, ("sword", level), goal.count * BLOWS_A_KILL, ())
        return root

    def need(self, item: Item, count: int, role: str, path: tuple[Item, ...]) -> Need:
        """A need and all that it stands on; taken out of the stock."""
        if item.variant is None and item.name in self.preferred:
            item = Item(item.name, self.preferred[item.name])
        have = self.stock.take(item, count)
        need = Need(item, count, role, have=have, make=count - have)
        if need.done:
            return need
        if item.variant is not None:
            self.certain.setdefault(item.name, item.variant)
        if len(path) > DEEPEST:
            raise self._no_way(item)
        path = (*path, item)
        missing = need.make
        while missing > 0:
            missing -= self._next_part(need, missing, path)
        return need

    def _next_part(self, need: Need, missing: int, path: tuple[Item, ...]) -> int:
        """Win some or all of what is missing by the cheapest way that comes to an end; how many that gives."""
        ranked = self._ranked(need.object, missing, path)
        refused: ImpossibleGoal | None = None
        for place, (_, _, way, goes) in enumerate(ranked):
            others = tuple(
                (each.key, cost) for cost, _, each, some in ranked if each is not way and some >= each.goes(missing)
            )
            given = min(missing, max(1, int(goes * way.count + 1e-9)))
            whole = given == need.make
            target = need if whole else Need(need.object, given, "part", make=given)
            before = self.stock.copy()
            try:
                self._win(target, way, goes, others, path)
            except ImpossibleGoal as error:  # it goes round in a circle further down: the next way, then
                refused, self.stock = error, before
                target.children, target.way, target.tool = [], None, ""
                if place + 1 == len(ranked):
                    raise
                continue
            if not whole:
                need.children.append(target)
            return given
        raise refused or self._no_way(need.object)

    def _win(self, need: Need, way: Way, goes: int, others: tuple, path: tuple[Item, ...]) -> None:
        """Fill in a need that is won by a way, and put what is left over into the stock."""
        need.way, need.goes, need.others = way, goes, others
        need.ticks = self._ticks(way, goes)
        for item, number in way.keep:
            need.children.append(self._held(item, number, "keep", path))
        for item, number in way.needs:
            chosen = self._of_one_kind(way, item, number, goes)
            need.children.append(self.need(chosen, number * goes, "material", path))
        if way.station:
            name = STATIONS[way.station]
            if name not in self.near and not self.stock.has(Item(name)):
                need.children.append(self._held(Item(name), 1, name.removeprefix("crafting_"), path))
        if way.station == "furnace":
            need.children.append(self._fuel(goes, path))
        if way.tool:
            wear = 1 if way.kind == "fish" else goes * BLOWS_A_KILL if way.kind == "kill" else goes  # luck: one rod
            need.tool = self._tool(need, way.tool, wear, path)
        for item, number in way.back:
            self.stock.add(item, number * goes)
        if way.kind in MADE and (left := int(goes * way.count + 1e-9) - need.make) > 0:
            self.stock.add(way.gives if way.gives.variant is not None else need.object, left)

    def _of_one_kind(self, way: Way, item: Item, number: int, goes: int) -> Item:
        """The variant to win more of, where a go takes several alike and the stock has too few of any."""
        variants = dict(way.alike).get(item.name, ())
        kinds = self.stock.counts.get(item.name, {})
        held = [kinds.get(variant, 0) for variant in variants]
        if not any(held) or sum(n // number for n in held) >= goes:
            return item

        def cost(variant: int) -> tuple[float, int]:
            missing = number * goes - min(number * goes, kinds.get(variant, 0))
            return missing * self._price(Item(item.name, variant)) if missing else 0.0, variant

        best, variant = min(cost(variant) for variant in variants)
        return Item(item.name, variant) if math.isfinite(best) else item

    def _held(self, item: Item, number: int, role: str, path: tuple[Item, ...]) -> Need:
        """A need that is not used up."""
        need = self.need(item, number, role, path)
        self.stock.add(item, number)
        return need

    def _tool(self, need: Need, tool: tuple[str, int], uses: int, path: tuple[Item, ...]) -> str:
        """See to it that tools of a kind last for so many uses; the name of the one to hold first."""
        names, first = self.known.tools_for(*tool), ""
        for _ in range(MOST_TOOLS):
            name = next((each for each in names if self.stock.tools.get(each)), "")
            if not name:
                need.children.append(self._new_tool(tool, path))
                name = need.children[-1].object.name
            first = first or name
            part = min(uses, sum(self.stock.tools.get(name, [uses])))
            self.stock.wear(name, part)
            uses -= part
            if uses <= 0:
                break
        return first

    def _new_tool(self, tool: tuple[str, int], path: tuple[Item, ...]) -> Need:
        """The cheapest tool of a kind that can be won here; some stand on what they would be for."""
        names = self.known.tools_for(*tool)
        refused = self._no_way(Item(names[0] if names else tool[0]))
        free = [each for each in names if Item(each) not in path]
        for name in sorted(free, key=lambda each: self._price(Item(each))):
            before = self.stock.copy()
            try:
                return self._held(Item(name), 1, "tool", path)
            except ImpossibleGoal as error:
                refused, self.stock = error, before
        raise refused

    def _fuel(self, goes: int, path: tuple[Item, ...]) -> Need:
        """The fuel for so many smeltings that is cheapest now."""
        best: tuple[float, Item, int] | None = None
        for name in FUELS:
            item = Item(name)
            if any(_clash(item, above) for above in path):
                continue
            number = math.ceil(goes * SMELT_TICKS / int(ITEMS.fuel[item_ids()[name]]))
            price = self._price(item)
            missing = number - min(number, self.stock.has(item))
            cost = (missing * price if missing else 0.0) + SPENDING * number * min(price, 1e6)
            if math.isfinite(cost) and (best is None or cost < best[0]):
                best = (cost, item, number)
        if best is None:
            raise self._no_way(Item("coal"))
        return self.need(best[1], best[2], "fuel", path)

    def _ranked(self, item: Item, count: int, path: tuple[Item, ...]) -> list[tuple[float, str, Way, int]]:
        """(estimated ticks for all, key, way, goes) of every way to so many of an item now, the cheapest first.

        In front of them: a way that the stock has some of the ingredients for, as often as it has, where the rest
        would better be won in another way.
        """
        ranked, started = [], []
        for way in self.known.ways_to(item):
            if way.key in self.banned:
                continue
            goes = way.goes(count)
            cost = self._cost(way, goes, path)
            if math.isfinite(cost):
                ranked.append((cost, way.key, way, goes))
            covered = self._covered(way, goes)
            if way.needs and 0 < covered < goes:
                some = self._cost(way, covered, path) * count / (covered * way.count)
                if math.isfinite(some):
                    started.append((some, way.key, way, covered))
        if not ranked and not started:
            raise self._no_way(item)
        ranked.sort(key=lambda each: each[:2])
        best = ranked[0] if ranked else (math.inf, "", None, 0)
        return [*sorted((s for s in started if s[0] < best[0] and s[1] != best[1]), key=lambda s: s[:2]), *ranked]

    def _cost(self, way: Way, goes: int, path: tuple[Item, ...]) -> float:
        """Ticks of so many goes, with what the stock has for nothing; infinite where it would go round in a circle."""
        total = self._ticks(way, goes)
        for item, number in (*((item, n * goes) for item, n in way.needs), *way.keep):
            missing = number - min(number, self.stock.has(item))
            if missing and any(_clash(item, above) for above in path):
                return math.inf
            kept = (item, number) in way.keep
            total += (self._together(item, missing) if kept else missing * self._price(item)) if missing else 0.0
        if way.tool:
            total += self._tool_price(*way.tool, path)
        if way.station:
            station = Item(STATIONS[way.station])
            if station.name not in self.near and not self.stock.has(station):
                total += math.inf if station in path else self._price(station)
        return total

    def _covered(self, way: Way, goes: int) -> int:
        """How many goes the stock has the ingredients for."""
        return min((self.stock.has(item) // number for item, number in way.needs), default=goes)

    def _ticks(self, way: Way, goes: int) -> float:
        wait = self.late if way.info.time == "night" else 0
        if way.key in self.learnt:
            return wait + goes * self.learnt[way.key]
        return wait + way.first + goes * way.each

    def _price(self, item: Item) -> float:
        return self.prices.get(item, math.inf)

    def _together(self, item: Item, number: int) -> float:
        """What several of an item cost in one go: where one was found, with its tool, the next ones are near."""
        price = self._price(item)
        more = (way.each / way.count for way in self.known.ways_to(item) if way.key not in self.banned)
        return price + (number - 1) * min(price, min(more, default=price))

    def _tool_price(self, kind: str, level: int, path: tuple[Item, ...] = ()) -> float:
        names = self.known.tools_for(kind, level)
        if any(self.stock.tools.get(name) for name in names):
            return 0.0
        return min((self._price(Item(name)) for name in names if Item(name) not in path), default=math.inf)

    def _no_way(self, item: Item) -> ImpossibleGoal:
        why = found()["impossible"].get(item.name, f"nothing in the {' or '.join(self.known.places)} leads to it")
        return ImpossibleGoal("an item that can be won", f"{item} ({why})", "ask for something else")


def _clash(item: Item, above: Item) -> bool:
    """Whether making `above` out of `item` may go round in a circle."""
    return item.name == above.name and (item.variant is None or above.variant is None or item.variant == above.variant)
