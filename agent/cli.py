"""The command line `veclink`: a table of commands, each imported when it is invoked, and one way to report errors.

Exit codes: 0 done; 1 something failed; 2 the input cannot be used (one line on stderr, nothing written);
130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from veclink.envs.errors import UnknownName, VeclinkError

COMMANDS = {
    "run": "Do a task written in plain words on pictures.",
    "play": "Play in a Minecraft-like world: an agent, a script, or yourself.",
    "tools": "List the tools, check one, or begin a new one.",
    "envs": "List the worlds, and say which tasks they can give.",
    "doctor": "Say what is installed, what is missing, and how to mend it.",
    "train": "Train routing or links by a recipe.",
    "eval": "Measure how well something works.",
    "bench": "Measure how fast something works.",
}
DEBUG = "VECLINK_DEBUG"


class Commands(click.Group):
    """A group whose commands are modules of `veclink.agent.commands`, imported when they are invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"veclink.agent.commands.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise UnknownName.of("command", args[0], COMMANDS, "veclink --help shows them")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table: click's own way would import every command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except Exception as error:
            _report(error)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="veclink", prog_name="veclink")
@click.option("--debug", is_flag=True, help=f"Show the traceback of an error (also: {DEBUG}=1).")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """A task in plain words, pictures in, typed and drawn results out.

    \b
      veclink run "find every person and the bus" example:street
      veclink doctor
    """
    if debug:
        os.environ[DEBUG] = "1"
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def one_line(text: str) -> str:
    """The text without line breaks and control characters."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _report(error: Exception) -> NoReturn:
    """Print one line on stderr and leave with the error's exit code."""
    if isinstance(error, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, VeclinkError):
        click.echo(f"error: {one_line(str(error))}", err=True)
        sys.exit(error.exit_code)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "veclink"
        click.echo(f"error: {one_line(error.format_message())} See: {where} --help", err=True)
        sys.exit(error.exit_code)
    click.echo(
        f"error: {type(error).__name__}: {one_line(str(error))[:300]} (a fault of veclink or of a library; "
        f"set {DEBUG}=1 to see where)",
        err=True,
    )
    sys.exit(1)


if __name__ == "__main__":
    main(prog_name="veclink")
