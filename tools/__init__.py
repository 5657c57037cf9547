"""Tools: decoders behind one contract, fed by vectors.

Everything public is here and imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veclink.tools.check import check_tool as check_tool
    from veclink.tools.condition import Condition as Condition
    from veclink.tools.regions import Region as Region
    from veclink.tools.registry import load as load
    from veclink.tools.registry import make as make
    from veclink.tools.registry import names as names
    from veclink.tools.registry import register as register
    from veclink.tools.registry import unregister as unregister
    from veclink.tools.results import Boxes as Boxes
    from veclink.tools.results import Image as Image
    from veclink.tools.results import Keypoints as Keypoints
    from veclink.tools.results import Masks as Masks
    from veclink.tools.results import Result as Result
    from veclink.tools.results import Text as Text
    from veclink.tools.tool import Tool as Tool
    from veclink.tools.tool import ToolSpec as ToolSpec

_HOME = {
    "check_tool": "check",
    "Condition": "condition",
    "Region": "regions",
    "load": "registry",
    "make": "registry",
    "names": "registry",
    "register": "registry",
    "unregister": "registry",
    "Boxes": "results",
    "Image": "results",
    "Keypoints": "results",
    "Masks": "results",
    "Result": "results",
    "Text": "results",
    "Tool": "tool",
    "ToolSpec": "tool",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"veclink.tools has no {name}")
    return getattr(importlib.import_module(f"veclink.tools.{_HOME[name]}"), name)
