"""Extra spawning that a task may ask for (`spawn_rate`): where MineDojo allows it, by the player's height and light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from veclink.envs.tasks.templates import tables


def may_spawn(name: str, info: Mapping[str, Any]) -> bool:
    """Whether one more `name` (a mob, or a block as "diamond_ore") may be put down beside the player now.

    Args:
        info: of the last step; "ypos" and "light_level" are read.
    """
    rule = tables()["spawns_where"].get(name)
    if rule is None:
        return True
    what, side, bound = rule
    value = float(info["ypos" if what == "height" else "light_level"])
    return value <= bound if side == "most" else value >= bound


def spawned_for(target: str) -> str:
    """What is put down for a target of a harvest task: "diamond_ore" for "diamond", "cow" for "milk_bucket"."""
    return tables()["spawned_for"].get(target, target)
