"""From a tree to steps in a good order: like steps together, what is on the surface before what is underground."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from veclink.agent.embodied.goals import REALMS
from veclink.agent.embodied.items import Item, Stock
from veclink.agent.embodied.knowledge import STATIONS, Info, Way
from veclink.agent.embodied.tree import MADE, Need, Tree

GATHERED = ("mine", "kill", "shear", "fish", "pick", "milk", "fill", "grow")
USED_UP = ("material", "fuel")


@dataclass(frozen=True)
class Step:
    """One way gone so many times, or the last deed of a goal.

    Attributes:
        kind: of the way, or of the goal (kill, use, wear, eat, sleep, survive).
        item: what it gives (a mob for "kill"). count: how many. goes: how often.
        uses: used up. holds: names that must be held (tool, station, kept). tool: held in the hand.
        goal: whether it is the last deed of a goal.
    """

    kind: str
    item: Item
    count: int
    goes: int = 0
    way: Way | None = None
    uses: tuple[tuple[Item, int], ...] = ()
    holds: tuple[str, ...] = ()
    tool: str = ""
    info: Info = field(default_factory=Info)
    ticks: float = 0.0
    goal: bool = False

    @property
    def key(self) -> str:
        """For memory and failures."""
        return self.way.key if self.way else f"{self.kind}:{self.item}"

    @property
    def target(self) -> str:
        """What it is after: the way's block or mob, or the goal's item or mob."""
        return self.way.target if self.way else self.item.name

    @property
    def underground(self) -> bool:
        """Whether one digs for it."""
        return self.info.where == "underground" or (self.info.where == "lava" and self.kind == "fill")


def at_hand(step: Step, near: Collection[str]) -> bool:
    """Whether what one fills a vessel with is near: then one need not go to where it is found for the most part."""
    return step.kind == "fill" and step.way is not None and step.way.target in near


def ordered(tree: Tree, stock: Stock, near: Sequence[str] = (), underground: bool = False,
            here: str = "overworld") -> list[Step]:
    """The steps of a tree.

    Args:
        stock: what there is. near: stations that stand within reach.
        underground: whether the player is there now; then what is underground comes first.
        here: the realm in which the player is; what is in another comes last.
    """
    steps = [step for need in tree.walk() if (step := _step(need))]
    steps = _together(steps, stock, near)
    steps = _by_place(steps, stock, near, underground)
    return _elsewhere_last(steps, stock, near, here)


def _step(need: Need) -> Step | None:
    uses = tuple((child.object, child.count) for child in need.children if child.role in USED_UP)
    if need.role == "goal" and need.kind != "have":
        holds = (need.tool,) if need.tool else ()
        if need.kind in ("use", "wear"):
            uses, holds = (), (need.object.name,)
        return Step(
            need.kind,
            need.object,
            need.make,
            need.goes,
            None,
            uses,
            holds,
            need.tool,
            need.information,
            need.ticks,
            True,
        )
    if not need.way:
        return None
    way = need.way
    kept = tuple(item.name for item, _ in way.keep)
    station = (STATIONS[way.station],) if way.station else ()
    holds = (*kept, *station, *((need.tool,) if need.tool else ()))
    count = max(need.make, int(need.goes * way.count + 1e-9)) if way.kind in MADE else need.make
    return Step(way.kind, need.object, count, need.goes, way, uses, holds, need.tool, way.info, need.ticks)


def feasible(steps: Sequence[Step], stock: Stock, near: Sequence[str] = ()) -> bool:
    """Whether each step finds what it uses and holds when its turn comes."""
    now = stock.copy()
    for step in steps:
        if any(not now.has(Item(name)) and name not in near for name in step.holds):
            return False
        for item, number in step.uses:
            if now.take(item, number) < number:
                return False
        apply(step, now)
    return True


def apply(step: Step, stock: Stock) -> None:
    """Put into the stock what a step gives (what it uses up is taken by the caller)."""
    if step.way is None:
        return
    gives = step.way.gives if step.way.gives.variant is not None else step.item
    stock.add(gives, step.count)
    for item, number in step.way.back:
        stock.add(item, number * step.goes)


def _together(steps: list[Step], stock: Stock, near: Sequence[str]) -> list[Step]:
    """All logs in one go, all planks in one craft: a later step joins the first of its kind where that works out."""
    place = 0
    while place < len(steps):
        first, later = steps[place], place + 1
        while later < len(steps) and first.way is not None:
            other = steps[later]
            if other.way is None or other.key != first.key or not other.item.serves(first.item):
                later += 1
                continue
            merged = [*steps[:place], _sum(first, other), *steps[place + 1 : later], *steps[later + 1 :]]
            if first.kind in GATHERED and not first.uses and not other.uses and first.tool == other.tool:
                steps = merged  # nothing it uses can be missing
            elif _same_stuff(first, other) and feasible(merged, stock, near):
                steps = merged
            else:
                later += 1
                continue
            first = steps[place]
        place += 1
    return steps


def _same_stuff(first: Step, other: Step) -> bool:
    """Whether both use the same things up; a furnace is fed one kind of fuel at a time."""
    return first.kind != "smelt" or {item for item, _ in first.uses} == {item for item, _ in other.uses}


def _sum(first: Step, other: Step) -> Step:
    uses: dict[Item, int] = {}
    for item, number in (*first.uses, *other.uses):
        uses[item] = uses.get(item, 0) + number
    holds = tuple(dict.fromkeys((*first.holds, *other.holds)))
    saved = first.way.first if first.way else 0.0
    return replace(
        first,
        count=first.count + other.count,
        goes=first.goes + other.goes,
        uses=tuple(uses.items()),
        holds=holds,
        ticks=max(first.ticks, first.ticks + other.ticks - saved),
    )


def _elsewhere_last(steps: list[Step], stock: Stock, near: Sequence[str], here: str) -> list[Step]:
    """What is in another realm after all that can be done without it: one crosses once."""

    def beyond(step: Step) -> bool:
        return step.kind in GATHERED and {step.info.place, here} == set(REALMS)

    first = next((i for i, step in enumerate(steps) if beyond(step)), len(steps))
    for place in range(first + 1, len(steps)):
        step = steps[place]
        moved = [*steps[:first], step, *steps[first:place], *steps[place + 1 :]]
        if step.way and not beyond(step) and feasible(moved, stock, near):
            steps, first = moved, first + 1
    return steps


def _by_place(steps: list[Step], stock: Stock, near: Sequence[str], underground: bool) -> list[Step]:
    """Surface gathering before digging (or after it, for one who is underground), as far as the order allows."""
    wanted = [step for step in steps if step.way and step.kind in GATHERED and step.info.time != "night"
              and step.info.place == "overworld"]
    for step in wanted:
        if step.underground != underground:
            continue
        here = steps.index(step)
        others = [i for i, each in enumerate(steps[:here]) if each.kind in GATHERED and each.underground != underground]
        if others:
            moved = [*steps[: others[0]], step, *(s for i, s in enumerate(steps) if i >= others[0] and i != here)]
            if feasible(moved, stock, near):
                steps = moved
    return steps


def names_used(steps: Sequence[Step], wanted: Mapping[str, int] | None = None) -> set[str]:
    """Every item name that a plan touches; the rest of an inventory is ballast."""
    names = set(wanted or ())
    for step in steps:
        names.add(step.item.name)
        names.update(item.name for item, _ in step.uses)
        names.update(step.holds)
        if step.way:
            names.add(step.way.gives.name)
    return names
