"""The planner: from a goal and a state to the structured actions that remain, worked out anew each time.

It remembers nothing. What went wrong comes in as a list of failures: each makes the search for that thing go farther,
elsewhere or deeper, and after a few of them another way is taken. First comes what cannot wait (a mob that attacks,
hunger, night, a full inventory, things lost in a death), then the steps of the tree.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from veclink.agent.embodied.actions import DAWN, FEARED, SHUNNED, Action, Failure, State, alike_names
from veclink.agent.embodied.caution import FED, HEALING, besieged, danger, exposed, least, peckish, worn_out
from veclink.agent.embodied.goals import DAY, NIGHT_FALLS, REALMS, Goal, ImpossibleGoal
from veclink.agent.embodied.items import Item, item_ids
from veclink.agent.embodied.knowledge import AT_PORTAL, SEA, SUNLESS, knowledge, outside, realm_of
from veclink.agent.embodied.recall import Advice, Plans
from veclink.agent.embodied.sources import lands, meat, mob_info, search, wholesome
from veclink.agent.embodied.steps import GATHERED, Step, apply, at_hand, names_used, ordered
from veclink.agent.embodied.tree import Tree, decompose
from veclink.agent.embodied.write import JOURNEY, STORES, Writer, stations_of
from veclink.envs.facts import ITEMS, MOBS

PATIENCE = 3  # failures of one way before it counts as dearer
DEARER, DEAREST = 5.0, 25.0  # times as dear with every failure from there on, and at most
HARD = {"not near", "timeout", "unreachable", "no change"}  # failures that another way may mend
STARVING = 6.0  # food to look for food at
MEALS = 2  # pieces of meat of an animal that came by
MOST_HUNTS = 6  # failures after which one who must only survive looks for no more food
ROOM = 1  # free slots that are too few
ARMS = (("iron_sword", "iron_chestplate", "iron_leggings"), ("food",), ("iron_helmet", "iron_boots"))  # for a night out
BED_WOOL, BED_TICKS = 3, 2000  # what a bed takes, and the longest that one is worth
FEW_SHEEP = 400  # ticks that any one thing for it counts as; where there are fewer sheep no more are looked for
LONG = 0.7  # of the day that is left, from which on what is to be done is likely to last into the night
OUTFIT = (Goal("stone_pickaxe"), Goal("stone_sword"), Goal("planks", 8))  # for a long way over land
OUTFIT_TICKS = 1500  # the most that it is worth
LONG_WAY = 1500  # ticks of a search from which on it is one
AT_DUSK = 1000  # ticks before the night at which one is ready
HAND_DEEP = 12.0  # blocks down that one goes without a pickaxe for what was lost
BAD_FOOD = ("rotten_flesh", "spider_eye", "poisonous_potato")


class Planner:
    """Plans for some goals, the same plan for the same state.

    Args:
        goals: in the order in which they are reached.
        places: worlds that can be reached; the Nether is gone to for what is cheaper won there only.
        learnt: way key -> ticks that one go took, from memory.
        recalled: way key -> actions that won it before (`veclink.agent.embodied.recall`); followed where nothing has
            failed yet.
    """

    def __init__(
        self,
        goals: Goal | Sequence[Goal],
        places: Sequence[str] = REALMS,
        learnt: Mapping[str, float] | None = None,
        recalled: Plans | None = None,
    ) -> None:
        self.goals = (goals,) if isinstance(goals, Goal) else tuple(goals)
        self.places, self.learnt = needed(self.goals, places), learnt
        self.advice = Advice(recalled)
        knowledge(self.places).prices(learnt=learnt)  # made now, so that the first plan is no slower

    def tree(self, state: State, failures: Sequence[Failure] = ()) -> Tree:
        """The needs that remain.

        Raises:
            ImpossibleGoal: no way leads there.
        """
        left, here = remaining(self.goals, state), SUNLESS.get(state.biome)
        late = 0 if state.night else max(0, NIGHT_FALLS - state.time % DAY)
        if here:
            try:
                return self._tree(left, state, failures, (here,))
            except ImpossibleGoal:  # something is missing that only the overworld gives
                return self._tree(left, state, failures, (*self.places, AT_PORTAL), late)
        portal = (AT_PORTAL,) if "portal" in state.known else ()
        return self._tree(left, state, failures, (*self.places, *portal), late)

    def _tree(self, wanted: Goal | Sequence[Goal], state: State, failures: Sequence[Failure], places: Sequence[str],
              late: int = 0, banned: Sequence[str] = ()) -> Tree:
        return decompose(wanted, state.stock, banned=banned, near=stations_of(state), learnt=self._dearer(failures),
                         places=places, late=late)

    def _dearer(self, failures: Sequence[Failure]) -> Mapping[str, float] | None:
        """What memory knows of costs, with the ways that keep failing made dear, so that another becomes cheaper."""
        failed = {way: number for way, number in _hard(failures).items() if number >= PATIENCE}
        if not failed:
            return self.learnt
        costs = dict(self.learnt or {})
        for key, ticks in knowledge(self.places).usual.items():
            number = max((n for way, n in failed.items() if key == way or key.startswith(f"{way}:")), default=0)
            if number:  # the way itself, or the same for one variant
                costs[key] = costs.get(key, ticks) * min(DEAREST, DEARER ** (number - PATIENCE + 1))
        return costs

    def next(self, state: State, failures: Sequence[Failure] = ()) -> list[Action]:
        """All actions that remain, the next one first; empty where every goal is reached.

        Raises:
            ImpossibleGoal: no way leads there.
        """
        steps = self._outfitted(state, _steps(self.tree(state, failures), state), failures)
        steps = self._bedded(state, self._armed(state, self._fed(state, steps, failures), failures), failures)
        slow = Counter(failure.way for failure in failures if failure.reason == "timeout")
        asked = {goal.item.name for goal in self.goals if goal.kind == "have"}
        writer = Writer(state, _hard(failures), slow, self.advice, asked)
        urgent = self._urgent(state, failures, steps, writer)
        return [*urgent, *(action for i, step in enumerate(steps) for action in writer.actions(step, steps[i + 1 :]))]

    def _bedded(self, state: State, steps: list[Step], failures: Sequence[Failure]) -> list[Step]:
        """With a bed first, where sheep are met by day and what is to be done will hardly be done before the night, or
        was looked for in vain: a night in a shelter takes half a day, one in a bed no time."""
        left = NIGHT_FALLS - state.time % DAY - AT_DUSK
        wool = state.stock.has(Item("wool"))
        if self._hurried(state) or left <= 0 or state.underground or not ("sheep" in state.near or wool >= BED_WOOL):
            return steps
        vain = any(_hard(failures)[step.key] for step in steps[:1] if _outdoors(step))
        short = not vain and sum(step.ticks for step in steps) < LONG * left and not any(
            _long_way(step, state) for step in steps)
        if short or state.stock.has(Item("bed")) or _of_night(steps):
            return steps
        try:
            bed = _steps(self._tree(Goal("bed"), state, failures, self.places), state)
        except ImpossibleGoal:
            return steps
        if sum(step.ticks for step in bed) > min(left, BED_TICKS):
            return steps
        return [*(replace(step, ticks=min(step.ticks, FEW_SHEEP)) for step in bed), *steps]

    def _hurried(self, state: State) -> bool:
        return any(goal.before or goal.within for goal in self.goals) or state.biome in SUNLESS

    def _outfitted(self, state: State, steps: list[Step], failures: Sequence[Failure]) -> list[Step]:
        """With tools and wood first, where a long way over land is next: bare hands win no fight, dig no shelter into
        rock and no iron at night."""
        far = any(_long_way(step, state) for step in steps)
        if not far or state.night or state.underground or self._hurried(state):
            return steps
        try:
            first = _steps(self._tree(OUTFIT, state, failures, self.places), state)
            if not first or sum(step.ticks for step in first) > OUTFIT_TICKS:
                return steps
            after = _after(first, state)
            return [*first, *_steps(self.tree(after, failures), after)]
        except ImpossibleGoal:
            return steps

    def _armed(self, state: State, steps: list[Step], failures: Sequence[Failure]) -> list[Step]:
        """With arms, armour and meals first, where what is next comes out at night and the day is long enough; where
        it is night and what is next waits for the day, with what of it can be won under ground."""
        if not steps or self._hurried(state) or steps[0].target in state.near:
            return steps
        dug = state.night and self._shy(state, None, steps[0]) and not state.stock.has(Item("bed"))
        if not dug and (state.night or not _of_night(steps[:1])):
            return steps
        left = (DAWN if dug else NIGHT_FALLS - AT_DUSK) - state.time % DAY
        if not dug and outside(state.biome, lands(steps[0].target, steps[0].info)):
            left -= JOURNEY  # it is gone to by day
        if _unready(state):
            left = math.inf
        banned = knowledge(self.places).outdoors if dug else ()
        for group in ARMS:
            for pieces in (group, *((piece,) for piece in group)):  # one way for all where there is time
                first = self._pieces(state, pieces, failures, banned)
                if first and sum(step.ticks for step in first) <= left and not (dug and any(map(_outdoors, first))):
                    return first if dug else [*first, *steps]  # what comes next depends on the hour then
        return steps

    def _pieces(self, state: State, pieces: Sequence[str], failures: Sequence[Failure],
                banned: Sequence[str]) -> list[Step]:
        """The steps to what of some things for a night outside is not there; none where nothing leads to it."""
        if "food" in pieces:
            return [] if meals(state) >= STORES else self._food(state, failures, STORES, stored=True)
        goals = [goal for goal in map(_arm, pieces) if not _has(state, goal)]
        try:
            return _steps(self._tree(goals, state, failures, self.places, banned=banned), state) if goals else []
        except ImpossibleGoal:
            return []

    def _fed(self, state: State, steps: list[Step], failures: Sequence[Failure]) -> list[Step]:
        """With a meal first, if one must be found."""
        if any(step.kind == "survive" for step in steps):
            return [*self._stored(state, failures), *steps]
        beside = not state.night and any(map(meat, state.near))
        if beside and steps and not self._hurried(state) and _sets_out(state, steps[0]):
            return [*self._food(state, failures, STORES, stored=True), *steps]
        if not steps or _meal(state) or any(step.kind == "eat" for step in steps):
            return steps
        if peckish(state.life, state.food) and beside:
            return [*self._food(state, failures, MEALS), *steps]
        spent = state.life <= least(state) and state.food < FED and _hostile(steps[0]) and not state.night
        if state.food > STARVING and not spent:
            return steps
        return [*self._food(state, failures, 1), *steps]

    def _stored(self, state: State, failures: Sequence[Failure]) -> list[Step]:
        """Meals for days of surviving, gathered by day."""
        hunted = sum(failure.way != "" for failure in failures)
        if state.night or meals(state) >= STORES or (hunted >= MOST_HUNTS and state.food > STARVING):
            return []
        return self._food(state, failures, STORES, stored=True)

    def _food(self, state: State, failures: Sequence[Failure], number: int, stored: bool = False) -> list[Step]:
        """The steps to so many meals, of an animal that is here, else of what is easiest to come by, which are eaten
        or `stored`; none where nothing leads to any."""
        here = next(filter(None, map(meat, state.near)), "") if not state.night else ""
        try:
            tree = self._tree(Goal(here or "food", number, "eat"), state, failures, ("overworld",))
        except ImpossibleGoal:
            return []
        steps = _steps(tree, state)
        return [step for step in steps if step.kind != "eat"] if stored else steps

    def _urgent(self, state: State, failures: Sequence[Failure], steps: Sequence[Step], writer: Writer) -> list[Action]:
        """What cannot wait."""
        dressed = writer.dressed(steps) if steps else []
        hunted = {step.target for step in steps if step.kind == "kill"}
        last = failures[-1] if failures else None
        wild = hunted | set((*FEARED, *SHUNNED) if besieged(failures) else ())
        actions = dressed + danger(state, wild, hides=last is None or last.action != "build")
        if state.fell_at and state.position and not state.threats and _can_return(state):
            place = list(state.fell_at)
            actions.append(Action("approach", {"what": "drops", "at": place}, {"near": "drops"}, limit=2400))
        meal, out = _meal(state), bool(steps) and (_hostile(steps[0]) or exposed(state))
        tired, frail = out and worn_out(state), state.night and state.life <= least(state)
        famished = out and not tired and frail and not meal  # nothing grows back: another night, after a meal
        rests = bool(steps) and (famished or self._shy(state, last, steps[0]))
        if tired and not rests:
            actions.append(Action("build", {"what": "shelter", "wait": HEALING}, {}, limit=HEALING + 600))
        if meal and steps and peckish(state.life, state.food):
            actions.append(Action("eat", {"item": str(meal)}, {"food": "more"}, limit=200))
        if state.free <= ROOM or (last and last.reason == "full inventory"):
            actions += _dropped(state, steps, self.goals)
        if rests:
            actions += writer.night(sleepless=last is not None and last.action == "sleep")
        return actions

    def _shy(self, state: State, last: Failure | None, step: Step) -> bool:
        """Whether to spend the night in safety before the next step."""
        falls = NIGHT_FALLS - AT_DUSK <= state.time % DAY < DAWN and last is not None and last.reason == "night"
        if not state.night and not falls:
            return False
        if state.biome in (*SUNLESS, *SEA) or (step.goal and step.kind == "kill" and step.item.name in state.near):
            return False
        hurried = any(goal.before or goal.within or (goal.kind == "kill" and mob_info(goal.object).time == "night")
                      for goal in self.goals)
        quick = step.kind in ("craft", "smelt", "use", "wear", "eat", "sleep")
        where = lands(step.target, step.info)
        here = not all(outside(name, where) for name in (state.biome, *state.around))
        comes = step.info.time == "night" and here and not _unready(state)
        return not (hurried or quick or comes or step.underground or (state.underground and at_hand(step, state.near)))


def needed(goals: Sequence[Goal], places: Sequence[str]) -> tuple[str, ...]:
    """The places that goals are won in: beyond the overworld only where that gives something cheaper."""
    if len(places) < 2 or "overworld" not in places:
        return tuple(places)
    near, far = knowledge().prices(), knowledge(tuple(places)).prices()
    gains = any(far.get(goal.item, 0.0) < near.get(goal.item, math.inf) for goal in goals
                if goal.kind in ("have", "use", "wear", "eat") and goal.object != "food")
    beyond = any(goal.kind == "kill" and mob_info(goal.object).place != "overworld" for goal in goals)
    return tuple(places) if gains or beyond else ("overworld",)


def hunts(action: Action, state: State) -> bool:
    """Whether one stops for an animal that comes by: meat is what one is after, or will be missed on a long way."""
    sought = str(action.args.get("find", ""))
    return bool(meat(sought)) or _short(state, sought, action.args.get("lands", ()))


def _sets_out(state: State, step: Step) -> bool:
    """Whether a long way is next, for which meals are few."""
    return _short(state, step.target, lands(step.target, step.info))


def _short(state: State, target: str, biomes: Collection[str]) -> bool:
    """Whether meals are few for a long way to what is found in other lands only."""
    return outside(state.biome, biomes) and search(target) >= LONG_WAY and meals(state) < STORES


def meals(state: State) -> int:
    """Pieces of food that are carried and do no harm."""
    return sum(number for item, number in state.stock if wholesome(item.name))


def remaining(goals: Iterable[Goal], state: State) -> list[Goal]:
    """The goals that are not reached; of counted ones what is left. Items are counted in the tree."""
    left = []
    for goal in goals:
        done = {
            "kill": state.kills.get(goal.object, 0),
            "survive": state.days,
            "sleep": state.slept,
            "eat": sum(state.eaten.values()) if goal.object == "food" else state.eaten.get(goal.object, 0),
            "use": goal.count if state.used.get(goal.object) else 0,
            "wear": goal.count if goal.object in state.equipment.values() else 0,
        }.get(goal.kind, 0)
        if goal.kind == "have":
            left.append(goal)
        elif done < goal.count:
            left.append(Goal(goal.object, goal.count - done, goal.kind, goal.before, goal.within))
    return left


def reached(goals: Iterable[Goal], state: State) -> bool:
    """Whether every goal is reached."""
    stock = state.stock
    for goal in remaining(goals, state):
        if goal.kind != "have" or stock.take(goal.item, goal.count) < goal.count:
            return False
    return True


def diagnose(action: Action, before: State, after: State, ticks: int = 0) -> Failure | None:
    """Why an action did not do what was expected, or None where it did.

    Args:
        ticks: that it took.
    """
    if met(action, before, after):
        return None
    thing = str(next((action.args[k] for k in ("block", "mob", "find", "what", "item") if k in action.args), ""))
    stations = {"craft": "crafting_table", "smelt": "furnace"}
    if after.fell_at and after.fell_at != before.fell_at:
        reason = "died"
    elif after.free <= 0 and "gain" in action.expect:
        reason = "full inventory"
    elif action.name == "equip" or (action.name == "mine" and _tool_gone(before, after)):
        reason = "missing tool"
    elif action.name in stations and stations[action.name] not in after.near and action.args.get("index", 0) >= 54:
        reason = "no station"
    elif action.name in ("craft", "smelt", "place", "eat", "use"):
        reason = "missing material"
    elif after.threats and after.life < before.life:
        reason = "danger"
    elif after.night and not before.night:
        reason = "night"
    elif ticks >= action.limit:
        reason = "timeout"
    elif (
        action.name in ("explore", "approach", "mine", "attack", "shear", "milk", "fill", "fish")
        and thing not in after.near
    ):
        reason = "not near"
    else:
        reason = "unreachable" if action.name in ("approach", "dig_down", "go_up") else "no change"
    return Failure(action.name, reason, action.way, thing)


def met(action: Action, before: State, after: State) -> bool:
    """Whether what an action promised is so."""
    expect, old, new = action.expect, before.stock, after.stock
    for text, number in dict(expect.get("gain", {})).items():
        item = Item.of(text)
        items = [item] if action.args.get("exact") or item.variant is not None else alike(item)
        if sum(new.has(each) - old.has(each) for each in items) < number:
            return False
    for mob, number in dict(expect.get("killed", {})).items():
        if after.kills.get(mob, 0) - before.kills.get(mob, 0) < number:
            return False
    if "equipped" in expect and expect["equipped"] not in after.equipment.values():
        return False
    if "near" in expect and (expect["near"] not in after.near or outside(after.biome, action.args.get("biomes", ()))):
        return False
    if "y" in expect and after.position and abs(after.position[1] - expect["y"]) > 3:
        return False
    if "food" in expect and after.food <= before.food:
        return False
    if "day" in expect and after.night:
        return False
    if "realm" in expect and realm_of(after.biome) != expect["realm"]:
        return False
    return not ("safe" in expect and after.threats)


def alike(item: Item) -> list[Item]:
    """The item and those that serve as well."""
    return [Item(name) for name in alike_names(item.name)]


def _tool_gone(before: State, after: State) -> bool:
    held = before.equipment.get("mainhand", "")
    return bool(held) and held in item_ids() and ITEMS.tool[item_ids()[held]] > 0 and after.stock.has(Item(held)) == 0


def _hard(failures: Iterable[Failure]) -> Counter[str]:
    """Way key -> failures that speak against it."""
    return Counter(failure.way for failure in failures if failure.way and failure.reason in HARD)


def _can_return(state: State) -> bool:
    """Whether one can get to where one died: far down in the rock only with a pickaxe, as a hand takes hours."""
    assert state.position is not None and state.fell_at is not None
    near = state.fell_at[1] > state.position[1] - HAND_DEEP
    return near or any(item.name.endswith("_pickaxe") for item, _ in state.stock)


def _of_night(steps: Iterable[Step]) -> bool:
    """Whether something that comes out at night is among what is to be done."""
    return any(step.info.time == "night" for step in steps)


def _steps(tree: Tree, state: State) -> list[Step]:
    """A tree's steps in the order in which they are done from here."""
    return ordered(tree, state.stock, stations_of(state), bool(state.underground), realm_of(state.biome))


def _after(steps: Iterable[Step], state: State) -> State:
    """The state once some steps are done, as far as what is carried goes."""
    stock = state.stock
    for step in steps:
        for item, number in step.uses:
            stock.take(item, number)
        apply(step, stock)
    return replace(state, inventory={str(item): number for item, number in stock}, wear=stock.tools)


def _arm(piece: str) -> Goal:
    """A weapon is had, armour is worn."""
    return Goal(piece, 1, "wear" if ITEMS.slot[item_ids()[piece]] else "have")


def _unready(state: State) -> bool:
    """Whether a night out was the end lately, and arms for the next are missing: all that is carried is lost again."""
    return state.died_lately and not all(_has(state, goal) for goal in map(_arm, ARMS[0]))


def _has(state: State, goal: Goal) -> bool:
    """Whether there is such a weapon, or a piece of armour is worn there."""
    if goal.kind == "wear":
        return any(name.endswith(goal.object.partition("_")[2]) for name in state.equipment.values())
    return bool(state.stock.has(goal.item))


def _outdoors(step: Step) -> bool:
    """Whether one goes about above ground for it."""
    return step.kind in GATHERED and not step.underground


def _long_way(step: Step, state: State) -> bool:
    """Whether a step is a search over land that is likely to lead far."""
    target, seek = step.target, step.way.first if step.way else step.ticks
    if step.item.variant is not None and outside(state.biome, step.info.biomes):
        return _outdoors(step)  # its kind may be here, the variety is not
    hunt = step.info.time == "night"  # for which one arms
    return _outdoors(step) and not hunt and seek >= LONG_WAY and target not in state.near and target not in state.known


def _hostile(step: Step) -> bool:
    """Whether a step is a fight."""
    mob = step.target
    return step.kind == "kill" and mob in MOBS and bool(MOBS.hostile[MOBS.id(mob)])


def _meal(state: State) -> Item | None:
    """The best food at hand."""
    foods = [item for item, _ in state.stock if ITEMS.food[item_ids()[item.name]] and item.name not in BAD_FOOD]
    kept = [item for item in foods if item.name not in ("golden_apple", "chicken") and str(item) != "fish:3"]
    return max(kept, key=lambda item: (int(ITEMS.food[item_ids()[item.name]]), str(item)), default=None)


def _dropped(state: State, steps: Sequence[Step], goals: Sequence[Goal]) -> list[Action]:
    """Throw away what the plan has no use for, the largest heaps of the least use first."""
    wanted = names_used(steps, {goal.item.name: 1 for goal in goals if goal.object})
    ballast = [(number, item) for item, number in state.stock if item.name not in wanted and not _useful(item.name)]
    ballast.sort(key=lambda each: (-each[0], str(each[1])))
    return [Action("drop", {"item": str(item), "count": number}, {}, limit=60) for number, item in ballast[:4]]


def _useful(name: str) -> bool:
    i = item_ids()[name]
    if name in BAD_FOOD:
        return False
    return bool(ITEMS.tool[i] or ITEMS.food[i] or ITEMS.slot[i]) or name in ("cobblestone", "torch", "bed")
