"""What a person uses: `Agent`, its runs, and the command line. Imported when first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veclink.agent.agent import Agent as Agent
    from veclink.agent.pictures import open_picture as open_picture
    from veclink.agent.profiles import Profile as Profile
    from veclink.agent.profiles import load_profile as load_profile
    from veclink.agent.steps import Run as Run
    from veclink.router.core import Task as Task
    from veclink.tools.regions import Region as Region

_HOME = {
    "Agent": "veclink.agent.agent",
    "Profile": "veclink.agent.profiles",
    "Region": "veclink.tools.regions",
    "Run": "veclink.agent.steps",
    "Task": "veclink.router.core",
    "load_profile": "veclink.agent.profiles",
    "open_picture": "veclink.agent.pictures",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"veclink.agent has no {name}")
    return getattr(importlib.import_module(_HOME[name]), name)
