"""Which core a profile's `core` names: a folder of nano's own kind, or any model of Hugging Face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from veclink.router.core import Core
from veclink.tools.weights import locate


def nano_folder(model: str) -> Path | None:
    """The folder of the nano core of this name or path, or None where it is something else or not here."""
    folder = locate(model)
    if folder is None or not (folder / "config.json").is_file():
        return None
    try:
        config = json.loads((folder / "config.json").read_text("utf8"))
    except (OSError, ValueError):
        return None
    return folder if isinstance(config, dict) and config.get("format") == "veclink-nano" else None


def make_core(model: str, device: str = "auto", **arguments: Any) -> Core:
    """A core; nothing is loaded yet.

    Args:
        model: "nano/core", a nano folder, or what `HubCore` takes.
        arguments: of the core's class; nano routes by itself, so `routing` is not for it.
    """
    if (folder := nano_folder(model)) is not None:
        from veclink.router.nano.core import NanoCore

        arguments = {k: v for k, v in arguments.items() if k != "routing"}
        if arguments.get("links"):
            arguments["links"] = locate(str(arguments["links"])) or arguments["links"]
        return NanoCore(folder, name=model, device=device, **arguments)
    from veclink.router.hub import HubCore

    return HubCore(model, device=device, **arguments)
