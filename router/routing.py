"""The contract of a routing strategy: it decides which tools a task needs, and with which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from veclink.router.core import Task, Written
from veclink.tools.tool import ToolSpec


@runtime_checkable
class Routing(Protocol):
    """Turns tasks into tool names and phrases.

    A strategy that uses the core's own model also has `bind(core)`; a core calls it once, before `attach`. Neither
    loads anything: models are loaded by the first `write`. One with weights of its own has `models`, as a core has.
    """

    def attach(self, tools: Sequence[ToolSpec]) -> None:
        """Make these tools the ones that can be chosen, instead of those attached before."""
        ...

    def write(self, tasks: Sequence[Task]) -> list[Written]:
        """One `Written` a task; each names attached tools alone, each tool once."""
        ...
