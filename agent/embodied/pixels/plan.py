"""The planner's actions as the `pixels` protocol can carry them out.

Going somewhere and digging there are one action by sight: nothing is known of a place that is out of view, so what is
explored for and approached would be lost again before it is dug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from veclink.agent.embodied.actions import LONGEST_LIMIT, Action, Failure, State
from veclink.agent.embodied.goals import REALMS, Goal, ImpossibleGoal
from veclink.agent.embodied.items import Item
from veclink.agent.embodied.planner import Planner
from veclink.agent.embodied.skills.make import STATIONS

TAKING = ("mine", "attack", "farm", "shear", "milk", "fill")
AT_HAND = ("craft", "smelt", "place", "equip")  # deeds for which one need not go anywhere
ARMOUR = ("iron_chestplate", "iron_leggings", "iron_helmet", "iron_boots")


class PixelPlanner:
    """A planner whose actions are put together for one who only sees.

    Args:
        planner: with `next(state, failures)`.
    """

    def __init__(self, planner: Any) -> None:
        self.planner = planner

    def next(self, state: State, failures: Sequence[Failure] = ()) -> list[Action]:
        """All actions that remain, the next one first; before them what can be made of what is carried."""
        return joined([*made_at_once(state), *self.planner.next(state, failures)])

    def __getattr__(self, name: str) -> Any:
        if name == "planner":
            raise AttributeError(name)
        return getattr(self.planner, name)


def spoils(state: State) -> list[Goal]:
    """What ore that is carried is good for now: the first ingot of each metal, since a death would cost the ore, and
    armour of the iron that no pickaxe needs."""
    stock = state.stock
    metals = [Goal(f"{metal}_ingot") for metal in ("iron", "gold")
              if stock.has(Item(f"{metal}_ore")) and not stock.has(Item(f"{metal}_ingot"))]
    if not stock.has(Item("iron_pickaxe")):
        return metals
    worn = {name.partition("_")[2] for name in state.equipment.values()}
    armour = [Goal(piece, 1, "wear") for piece in ARMOUR if piece.partition("_")[2] not in worn]
    return [*(goal for goal in metals if goal.object == "gold_ingot"), *armour]


def made_at_once(state: State) -> list[Action]:
    """The actions to the first of the spoils for which all is at hand; none in danger."""
    if state.threats or not any(state.stock.has(Item(f"{metal}_{form}")) for metal in ("iron", "gold")
                                for form in ("ore", "ingot")):
        return []
    for goal in spoils(state):
        try:
            actions = Planner(goal, REALMS[:1]).next(state)
        except ImpossibleGoal:
            continue
        stations = {name for names in STATIONS.values() for name in names[1]}
        if all(action.name in AT_HAND or action.args.get("block") in stations for action in actions):
            return actions
    return []


def joined(actions: Sequence[Action]) -> list[Action]:
    """Searches and approaches taken into the deed that follows them, with their time; heights are not checked."""
    made: list[Action] = []
    waiting: list[Action] = []
    for action in actions:
        if action.name in ("explore", "approach") and action.way and action.args.get("what") != "drops":
            waiting.append(action)
            continue
        if waiting and action.name in TAKING and action.way == waiting[-1].way:
            limit = action.limit + sum(each.limit for each in waiting)
            action = replace(action, limit=min(LONGEST_LIMIT, limit))
            waiting = []
        elif waiting and action.name not in ("equip",):
            made += waiting
            waiting = []
        if action.name in ("dig_down", "go_up"):
            action = replace(action, expect={})
        if action.name == "attack" and "killed" in action.expect and "item" not in action.args:
            action = replace(action, expect={})  # nobody tells who died
        made.append(action)
    return [*made, *waiting]
