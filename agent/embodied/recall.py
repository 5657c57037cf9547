"""Plans of earlier episodes in the hands of the planner: what worked for a sub-goal is tried first the next time.

`recalled` takes a memory's plans as plain JSON, once, at the start of an episode, so that an episode that is resumed
goes on with the very same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from veclink.agent.embodied.memory import Memory

Plans = Mapping[str, Sequence[Mapping[str, Any]]]  # way key -> actions as dicts


def recalled(memory: Memory, *, world: str, protocol: str) -> dict[str, list[dict[str, Any]]]:
    """Way key -> the actions that won it: those that several successes share, or the cheapest success.

    A sub-goal that was won in two ways has two plans; each serves its own way.
    """
    plans: dict[str, list[dict[str, Any]]] = {}
    for each in memory.best(world=world, protocol=protocol):
        for action in each.plan:
            if action.way and action.way not in plans:
                plans[action.way] = [a.to_dict() for a in each.plan if a.way == action.way]
    return plans


class Advice:
    """What a planner asks of recalled plans.

    Args:
        plans: of `recalled`.

    Attributes:
        taken: ways for which a plan was followed, with how often; for the result.
    """

    def __init__(self, plans: Plans | None = None) -> None:
        self.plans: Plans = plans or {}
        self.taken: dict[str, int] = {}

    def number(self, way: str, names: Sequence[str], arg: str) -> int | None:
        """The number that an action of the plan for a way had, the last one where it has several; None without."""
        for action in reversed(self._plan(way)):
            if action["name"] in names and isinstance(value := action["args"].get(arg), int):
                self.taken[way] = self.taken.get(way, 0) + 1
                return value
        return None

    def _plan(self, way: str) -> Sequence[Mapping[str, Any]]:
        """The plan for a way, or for the same deed with any variant ("mine:log>log" and "mine:log>log:2")."""
        if way in self.plans:
            return self.plans[way]
        deed, _, item = way.rpartition(">")
        like = f"{deed}>{item.partition(':')[0]}"
        return next((plan for key, plan in self.plans.items() if key == like or key.startswith(f"{like}:")), ())
