"""Reward and success of a task, from `info` alone, as MineDojo's task classes count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from veclink.envs.tasks.model import DAY, TaskSpec


class Judge:
    """Counts what an episode has reached.

    Call `begin(info)` after a reset and `step(info)` after every step. Items are counted over `info["inventory"]`,
    kills in `info["stat"]["kill_entity"]`, uses in `info["stat"]["use_item"]["minecraft"]`, survival by
    `time_since_death` (in `info["stat"]`, else in `info`).

    - harvest: paid for each item more or less than the step before; done with so many more than at the start.
    - playthrough: done as harvest; its weight is paid when it is done.
    - combat: paid for each kill; done with so many.
    - techtree: paid for items as harvest and for each use; done when each target was used.
    - survival: paid for each full day and once more at the end; done after the days without a death.
    - creative and open-ended: nothing is paid, never done.

    Attributes:
        spec: the task.
        is_successful: after the last step.
    """

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec
        self.is_successful = False
        self._start: dict[str, float] = {}
        self._before: dict[str, float] = {}

    def begin(self, info: Mapping[str, Any]) -> None:
        """Note what the player starts with."""
        self._start = self._before = self._count(info)
        self.is_successful = False

    def step(self, info: Mapping[str, Any]) -> tuple[float, bool]:
        """(reward of this step, whether the task is done now)."""
        now = self._count(info)
        self.is_successful = self._done(now)
        reward = self._reward(now)
        self._before = now
        return float(reward), self.is_successful

    def progress(self) -> dict[str, tuple[float, float]]:
        """{target: (reached, asked)}; "days" for survival."""
        spec, now = self.spec, self._before
        if spec.category == "survival":
            return {"days": (now["alive"] // DAY, float(spec.target_days or 1))}
        mark = {"combat": "kill ", "techtree": "use "}.get(spec.category, "have ")
        return {name: (now[mark + name] - self._start[mark + name], float(quantity))
                for name, quantity in spec.targets.items()} if now else {}

    def state(self) -> dict[str, Any]:
        """To be saved with a world: plain values."""
        return {"start": dict(self._start), "before": dict(self._before), "is_successful": self.is_successful}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._start, self._before = dict(state["start"]), dict(state["before"])
        self.is_successful = bool(state["is_successful"])

    def _count(self, info: Mapping[str, Any]) -> dict[str, float]:
        """What this task looks at, by "have NAME", "kill NAME", "use NAME" and "alive"."""
        spec, stat = self.spec, info.get("stat", {})
        if spec.category == "survival":
            return {"alive": float(stat.get("time_since_death", info.get("time_since_death", 0)))}
        if spec.category == "combat":
            killed = stat.get("kill_entity", {})
            return {f"kill {name}": float(killed.get(name, 0)) for name in spec.targets}
        if not spec.targets:
            return {}
        found: Counter[str] = Counter()
        for stack in info["inventory"]:
            name = stack["name"].replace(" ", "_")
            if name in spec.targets:
                found[name] += stack["quantity"]
        counted = {f"have {name}": float(found[name]) for name in spec.targets}
        if spec.category == "techtree":
            used = stat.get("use_item", {}).get("minecraft", {})
            counted |= {f"use {name}": float(used.get(name, 0)) for name in spec.targets}
        return counted

    def _done(self, now: Mapping[str, float]) -> bool:
        spec = self.spec
        if spec.category == "survival":
            return now["alive"] >= DAY * (spec.target_days or 1)
        if not spec.targets or spec.category == "creative":
            return False
        mark = {"combat": "kill ", "techtree": "use "}.get(spec.category, "have ")
        return all(now[mark + name] - self._start[mark + name] >= asked for name, asked in spec.targets.items())

    def _reward(self, now: Mapping[str, float]) -> float:
        spec = self.spec
        if spec.category == "survival":
            days = now["alive"] // DAY - self._before["alive"] // DAY
            at_end = spec.success_reward or (spec.target_days or 1) * spec.per_day_reward
            return days * spec.per_day_reward + at_end * self.is_successful
        if spec.category == "playthrough":
            return sum(spec.reward_weights.get(name, 0.0) for name in spec.targets) * self.is_successful
        mark = "kill " if spec.category == "combat" else "have "
        paid = sum((now[mark + name] - self._before[mark + name]) * weight
                   for name, weight in spec.reward_weights.items())
        return paid + sum((now[f"use {name}"] - self._before[f"use {name}"]) * weight
                          for name, weight in spec.use_reward_weights.items())
