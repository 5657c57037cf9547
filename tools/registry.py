"""The registry of tools: names and where their classes live; nothing is imported before it is asked for.

Built-in tools are the files of this package that declare a class with the file's own name; other distributions add
theirs through the entry-point group `veclink.tools`; a running program adds one with `register`.
"""

from __future__ import annotations

import ast
import importlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from veclink.envs.errors import UnknownName
from veclink.tools.errors import ContractError, ToolError
from veclink.tools.tool import Tool

GROUP = "veclink.tools"
_added: dict[str, str | type[Tool]] = {}


def register(name: str, target: str | type[Tool]) -> None:
    """Add a tool under `name`: its class, or "package.module:Class", imported when the tool is first asked for."""
    if isinstance(target, str) and target.count(":") != 1:
        raise ContractError('"package.module:Class"', repr(target), "name the module and the class")
    _added[name] = target


def unregister(name: str) -> None:
    """Take back what `register` added."""
    _added.pop(name, None)


def names() -> list[str]:
    """The names of all tools that can be loaded, sorted."""
    return sorted(_targets())


def load(name: str) -> type[Tool]:
    """The class of the tool of that name.

    Raises:
        UnknownName: with the nearest name.
        ToolError: its module cannot be imported.
        ContractError: what is there is not a tool, or declares another name.
    """
    targets = _targets()
    if name not in targets:
        raise UnknownName.of("tool", name, targets, "veclink tools list shows them")
    target = targets[name]
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        try:
            target = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a stranger's module may fail in any way
            raise ToolError(
                f"the tool {name} at {target}",
                f"{type(error).__name__}: {error}",
                "mend or uninstall the package that brings it",
            ) from error
    if not (isinstance(target, type) and issubclass(target, Tool)) or getattr(target, "name", None) != name:
        raise ContractError(f"a Tool class whose name is {name!r}", repr(target), "mend its declaration")
    return target


def make(name: str, **arguments: Any) -> Tool:
    """An instance of the tool of that name; `arguments` are its constructor's."""
    return load(name)(**arguments)


def _targets() -> dict[str, str | type[Tool]]:
    found: dict[str, str | type[Tool]] = dict(_built_in())
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return {**found, **_added}


@cache
def _built_in() -> dict[str, str]:
    """name -> "module:Class" for each file here that declares a Tool subclass; read as text, nothing is imported."""
    found: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.glob("*.py")):
        for node in ast.parse(file.read_text("utf8")).body:
            if isinstance(node, ast.ClassDef) and (name := _declared_name(node)):
                found[name] = f"veclink.tools.{file.stem}:{node.name}"
    return found


def _declared_name(node: ast.ClassDef) -> str | None:
    """The `name = "..."` of a class that also declares `result = ...` and `examples = ...`; None for other classes."""
    values = {
        target.id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    value = values.get("name")
    if {"name", "result", "examples"} <= values.keys() and isinstance(value, ast.Constant):
        return str(value.value)
    return None
