"""What a run carries from step to step: the state that checkpoints store, and the context that none does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from veclink.tools.results import Result

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.agent.folder import RunFolder
    from veclink.router.core import Core, Task
    from veclink.tools.tool import Tool


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Two parallel steps write different keys: the state takes both."""
    return {**old, **new}


class State(TypedDict):
    """What a checkpoint holds; `outcomes` and `decodes` are keyed by route index and by wave and tool."""

    readings: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    outcomes: Annotated[dict[str, Any], merged]
    decodes: Annotated[dict[str, Any], merged]
    notes: list[list[str]]
    checked: float  # seconds that the check took


def empty() -> State:
    """Where every run starts."""
    return {"readings": [], "routes": [], "outcomes": {}, "decodes": {}, "notes": [], "checked": 0.0}


@dataclass
class Context:
    """What a run works with and no checkpoint stores.

    Attributes:
        tasks: of the batch.
        core: reads them.
        tools: by name.
        condition: (tool, bridge, link) -> (vectors, gate): how links enter.
        time_limit: seconds a decode, over the tool's own, or None.
        folder: where a resumable run keeps edited pictures, or None.
        planned: called once the routes are known, before any decoder loads.
        links, dense, results: by route index; filled on the way.
        stuck: tools that ran past their time limit and may still be running.
        lock: decoders on a CPU take turns; they would only fight for its cores.
    """

    tasks: Sequence[Task]
    core: Core
    tools: Mapping[str, Tool]
    condition: Callable[[str, Tensor, Tensor | None], tuple[Tensor, float]]
    time_limit: float | None = None
    folder: RunFolder | None = None
    planned: Callable[[State], None] | None = None
    links: dict[int, Tensor | None] = field(default_factory=dict)
    dense: dict[int, Tensor | None] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
