"""What came of an episode."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np


@dataclass
class EpisodeResult:
    """What came of an episode.

    Attributes:
        goals: in words. success: whether all were reached.
        reason: why it ended: "done", "limit" (steps), "world" (it ended), "impossible", "stopped".
        steps: world steps. ticks: of the world's clock, where it tells. deaths. actions: structured ones.
        replans; planning_ms: mean and longest time of one, in milliseconds.
        won: item -> step at which it was first carried. inventory: at the end.
        failures: reason -> how often. protocol: which, what it reads, limits, seeds, LLM queries.
        seconds: of wall time. folder: of the run, or "".
    """

    goals: list[str]
    success: bool
    reason: str
    steps: int
    deaths: int
    actions: int
    replans: int
    planning_ms: dict[str, float]
    won: dict[str, int]
    inventory: dict[str, int]
    failures: dict[str, int]
    protocol: dict[str, Any]
    seconds: float
    ticks: int = 0
    folder: str = ""
    planner: dict[str, Any] = field(default_factory=dict)
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def plain(value: Any) -> Any:
    """numpy's numbers and arrays for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is nothing for JSON")
