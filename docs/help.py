"""Keeps the help texts in docs/cli.md as the commands print them: python docs/help.py"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click

from veclink.agent.cli import COMMANDS, main

PAGE = Path(__file__).with_name("cli.md")
BLOCK = re.compile(r"<!-- help: (?P<path>[a-z ]+) -->\n.*?<!-- end -->", re.DOTALL)


def commands() -> Iterator[tuple[str, click.Command]]:
    """("veclink run", its command) of every command that exists, groups before what is in them."""
    yield "veclink", main
    for name in COMMANDS:
        try:
            command = importlib.import_module(f"veclink.agent.commands.{name}").command
        except ModuleNotFoundError as error:
            if error.name != f"veclink.agent.commands.{name}":
                raise
            continue
        yield f"veclink {name}", command
        if isinstance(command, click.Group):
            yield from ((f"veclink {name} {each}", inner) for each, inner in command.commands.items())


def block(path: str, command: click.Command) -> str:
    """The marked block of one command, its help 100 columns wide."""
    context = click.Context(command, info_name=path, terminal_width=100,
                            help_option_names=["-h", "--help"])
    return f"<!-- help: {path} -->\n```text\n{command.get_help(context).rstrip()}\n```\n<!-- end -->"


def refreshed(page: str) -> str:
    """The page with every command's block in the table's order; the text before the first block stays."""
    first = BLOCK.search(page)
    head = page[: first.start()] if first else page.rstrip() + "\n\n"
    return head + "\n\n".join(block(path, command) for path, command in commands()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text("utf8")), "utf8")
