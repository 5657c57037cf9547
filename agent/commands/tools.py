"""`veclink tools`: list the tools, check one against the contract, begin a new one."""

from __future__ import annotations

import shutil
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from veclink.agent.commands.common import clean, json_option, print_json, stdout_kept_clean
from veclink.envs.errors import InputError, VeclinkError

if TYPE_CHECKING:
    from veclink.tools import Tool


@click.group("tools")
def command() -> None:
    """List the tools, check one, or begin a new one."""


@command.command("list")
@json_option
def list_tools(as_json: bool) -> None:
    """Name, result, condition, weights and origin of every tool that can be used here."""
    with stdout_kept_clean():
        rows = [_describe(name) for name in _names()]
    if as_json:
        print_json({"tools": rows})
        return
    width = max(len(row["name"]) for row in rows) + 2
    for row in rows:
        click.echo(_wrapped(_summary(row), width, row["name"]))
        click.echo(_wrapped(clean(row["error"] or row["description"]), width))


@command.command("check")
@click.argument("name")
@click.option("--weights", help="Weights to check it with: a name or a path.")
@click.option("--device", default="cpu", show_default=True, help="Where to run it: auto, cpu, cuda, cuda:N or mps.")
@json_option
def check(name: str, weights: str | None, device: str, as_json: bool) -> None:
    """Run a tool through the contract.

    NAME is an installed tool's name or a FILE.py that holds one. Exit code 0 where it passes, 1 where it does not.
    """
    from veclink.tools import check_tool

    with stdout_kept_clean():
        tool = _class_of(name)(weights=weights, device=device)
        lines = check_tool(tool)
    if as_json:
        print_json({"tool": tool.name, "passed": True, "checked": lines})
        return
    for line in lines:
        click.echo(f"ok  {line}")
    click.echo(f"{tool.name} follows the contract")


@command.command("new")
@click.argument("name")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path(),
              help="Where to write it.  [default: here]")
def new(name: str, folder: Path) -> None:
    """Write a working one-file tool and its test, to be made your own.

    NAME is a word of lower-case letters, digits and _, e.g. count_coins.
    """
    from veclink.tools.scaffold import class_name, new_tool

    file, test = new_tool(name, folder)
    click.echo(f"""wrote {file} and {test}

try it:       veclink tools check {file}
test it:      cd {file.parent} && python -m pytest {test.name}
register it:  in the pyproject.toml of the package that holds it

    [project.entry-points."veclink.tools"]
    {name} = "{name}:{class_name(name)}"

then install that package: `veclink tools list` shows the tool and every profile can use it.""")


def _names() -> list[str]:
    from veclink.tools import registry

    return registry.names()


def _describe(name: str) -> dict[str, Any]:
    """One tool's row; a tool that cannot be imported has an `error` and the other columns empty."""
    from veclink.tools import registry

    row: dict[str, Any] = {"name": name, "result": "", "condition": None, "weights": [], "from": _origin(name),
                           "description": "", "examples": [], "options": {}, "error": ""}
    try:
        tool = registry.load(name)
    except VeclinkError as error:
        return {**row, "error": str(error)}
    shape = getattr(tool, "condition", None)
    row |= {"result": tool.result, "condition": list(shape) if isinstance(shape, tuple) else None,
            "weights": _weights(name), "description": tool.description, "examples": list(tool.examples),
            "options": dict(tool.defaults)}
    return row


def _weights(name: str) -> list[dict[str, Any]]:
    """The weights that profiles choose for a tool: {"weights", "profile", "here"}; none where no profile names any."""
    from veclink.agent.commands.inventory import tool_weights

    return tool_weights(name)


def _origin(name: str) -> str:
    """The distribution that brings a tool."""
    from veclink.tools.registry import GROUP

    for entry in entry_points(group=GROUP):
        if entry.name == name and entry.dist is not None:
            return f"{entry.dist.name} {entry.dist.version}"
    return "veclink"


def _summary(row: dict[str, Any]) -> str:
    """Result, condition, origin and weights on one line."""
    if row["error"]:
        return f"cannot be loaded; from {row['from']}"
    shape = "{} x {}".format(*row["condition"]) if row["condition"] else "by its weights"
    weights = [f"{each['weights']} ({'here' if each['here'] else 'to be fetched'})" for each in row["weights"]]
    return "; ".join([f"gives {row['result']}", f"condition {shape}", f"from {row['from']}", *weights])


def _wrapped(text: str, indent: int, first: str = "") -> str:
    """The text as wide as the terminal, `indent` columns in; `first` stands before it."""
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))
    return textwrap.fill(text, width, initial_indent=first.ljust(indent), subsequent_indent=" " * indent,
                         break_on_hyphens=False)


def _class_of(name: str) -> type[Tool]:
    """The tool class of that name, or the one in that file."""
    from veclink.tools import registry

    return _class_in(Path(name)) if name.endswith(".py") else registry.load(name)


def _class_in(file: Path) -> type[Tool]:
    """The one Tool class that a file declares.

    Raises:
        InputError: no such file, it cannot be imported, or it declares none or several.
    """
    from veclink.tools import Tool

    if not file.is_file():
        raise InputError("a Python file with a tool", f"{file}, no such file", "veclink tools new NAME writes one")
    module = ModuleType(f"_checked_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:  # from the source: a cached compilation may be older than the last edit
        exec(compile(file.read_bytes(), str(file), "exec"), vars(module))
    except Exception as error:  # a stranger's file may fail in any way
        reason = f"{file} ({type(error).__name__}: {error})"
        raise InputError("a file that can be imported", reason, "mend it") from error
    found = [value for value in vars(module).values()
             if isinstance(value, type) and issubclass(value, Tool) and value.__module__ == module.__name__]
    if len(found) != 1:
        raise InputError("one Tool class in the file", f"{len(found)} in {file}", "keep one tool a file")
    return found[0]
