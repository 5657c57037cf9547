"""The planner's actions as the `pixels` protocol can carry them out.

Going somewhere and digging there are one action by sight: nothing is known of a place that is out of view, so what is
explored for and approached would be lost again before it is dug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from veclink.agent.embodied.actions import LONGEST_LIMIT, Action, Failure, State

TAKING = ("mine", "attack", "farm", "shear", "milk", "fill")


class PixelPlanner:
    """A planner whose actions are put together for one who only sees.

    Args:
        planner: with `next(state, failures)`.
    """

    def __init__(self, planner: Any) -> None:
        self.planner = planner

    def next(self, state: State, failures: Sequence[Failure] = ()) -> list[Action]:
        """All actions that remain, the next one first."""
        return joined(self.planner.next(state, failures))

    def __getattr__(self, name: str) -> Any:
        if name == "planner":
            raise AttributeError(name)
        return getattr(self.planner, name)


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
