"""Begin a new tool: one working file and its test, written from the templates beside this file."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template

from veclink.envs.errors import InputError
from veclink.tools import registry

RESERVED = ("answer", "reject")  # what a core writes when no tool is needed, or none can help
LONGEST = 32


def new_tool(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.py and test_NAME.py into `folder`, made where it is missing; returns both paths.

    Raises:
        InputError: the name cannot be a tool's, one of the files exists, or the folder cannot be written.
    """
    check_name(name)
    words = {"name": name, "Class": class_name(name)}
    made = {folder / f"{name}.py": "tool.py.txt", folder / f"test_{name}.py": "test_tool.py.txt"}
    if taken := [str(path) for path in made if path.exists()]:
        raise InputError("a folder without these files", f"{' and '.join(taken)} there", "choose another name or --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, template in made.items():
            text = files("veclink.tools").joinpath("templates", template).read_text("utf8")
            path.write_text(Template(text).substitute(words), "utf8")
    except OSError as error:
        reason = f"{folder} ({error.strerror})"
        raise InputError("a folder that can be written", reason, "choose another --dir") from error
    first, second = made
    return first, second


def class_name(name: str) -> str:
    """The class of a tool of that name: count_coins gives CountCoins."""
    return "".join(part.capitalize() for part in name.split("_"))


def check_name(name: str) -> None:
    """Raise InputError unless a new tool may be called so."""
    mended = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    mended = re.sub(r"^[0-9_]+", "", mended)[:LONGEST]
    hint = f"did you mean {mended!r}?" if mended and mended != name else "choose another word"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST:
        raise InputError(f"a name of lower-case letters, digits and _, at most {LONGEST}", repr(name[:80]), hint)
    free = "a name that is free"
    if name in registry.names():
        raise InputError(free, f"{name!r}, a tool that exists", f"did you mean '{name}2'? veclink tools list shows all")
    if name in RESERVED or keyword.iskeyword(name):
        raise InputError(free, f"{name!r}, a reserved word", "choose another word")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise InputError(free, f"{name!r}, a module that is installed", f"did you mean 'my_{name}'?")
