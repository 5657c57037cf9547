"""Worlds: the observation and action contract of MineDojo behind gymnasium's API.

Everything public is here and imported when first asked for. This package imports none of the others; the root of the
project's errors lives here (`veclink.envs.errors`) because every other package may import it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veclink.envs.check import check_world as check_world
    from veclink.envs.contract import World as World
    from veclink.envs.contract import noop as noop
    from veclink.envs.registry import load as load
    from veclink.envs.registry import make as make
    from veclink.envs.registry import register as register
    from veclink.envs.registry import unregister as unregister
    from veclink.envs.registry import worlds as worlds
    from veclink.envs.vector import VectorWorld as VectorWorld

_HOME = {
    "check_world": "check",
    "World": "contract",
    "noop": "contract",
    "load": "registry",
    "make": "registry",
    "register": "registry",
    "unregister": "registry",
    "worlds": "registry",
    "VectorWorld": "vector",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"veclink.envs has no {name}")
    return getattr(importlib.import_module(f"veclink.envs.{_HOME[name]}"), name)
