"""`veclink envs`: list the worlds, and say which tasks the built-in one can give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.envs.errors import InputError, VeclinkError

if TYPE_CHECKING:
    from veclink.envs.tasks.coverage import Row

KINDS = ("harvest", "combat", "techtree", "survival", "playthrough")


@click.group("envs")
def command() -> None:
    """List the worlds, and say which tasks the built-in one can give."""


@command.command("list")
@json_option
def list_worlds(as_json: bool) -> None:
    """Every world that can be asked for, whether it can be imported here, and where MineDojo's task files are."""
    from veclink.envs.registry import worlds
    from veclink.envs.tasks import files

    with stdout_kept_clean():
        rows = [_described(name) for name in worlds()]
        place = files.place()
    if as_json:
        print_json({"worlds": rows, "task_files": None if place is None else str(place)})
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['error'] or row['class']}")
        if row["description"]:
            click.echo(f"    {row['description']}")
    click.echo(f"task files of MineDojo: {place or 'none; veclink doctor --fetch minedojo fetches them (1.1 MB)'}")


@command.command("tasks")
@click.option("--kind", type=click.Choice(KINDS), help="Only tasks of one kind.")
@click.option("--ways", is_flag=True, help="Instead of tasks: every item, and how it can be had or why not.")
@click.option("--all", "every", is_flag=True, help="List the tasks that can be done, too.")
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the page of all tables in Markdown.")
@json_option
def tasks(kind: str | None, ways: bool, every: bool, write: Path | None, as_json: bool) -> None:
    """How many tasks load, how many can be done in the voxel world, and why the others cannot."""
    from veclink.envs.tasks import coverage

    with stdout_kept_clean():
        rows = coverage.coverage()
        had = coverage.items() if ways else {}
        if write is not None:
            _write(write, rows)
    if kind is not None:
        rows = [row for row in rows if row.category == kind]
    counted = {origin: coverage.counts([row for row in rows if row.origin == origin])
               for origin in ("MineDojo", "veclink")}
    if as_json:
        print_json({"items": {name: {"can_be_had": here, "how": how} for name, (here, how) in had.items()}} if ways else
                   {"world": "voxel", "counts": counted, "tasks": [asdict(row) for row in rows]})
    elif ways:
        for name, (here, how) in had.items():
            click.echo(f"{'yes' if here else 'no ':<4}{name}: {how}")
    else:
        _show(counted, rows, every)


def _described(name: str) -> dict[str, Any]:
    """One world's row; one that cannot be imported has an `error`."""
    from veclink.envs.registry import load

    try:
        kind = load(name)
    except VeclinkError as error:
        return {"name": name, "class": "", "description": "", "error": str(error)}
    return {"name": name, "class": f"{kind.__module__}:{kind.__name__}",
            "description": (kind.__doc__ or "").strip().split("\n")[0], "error": ""}


def _show(counted: dict[str, dict[str, dict[str, int]]], rows: Sequence[Row], every: bool) -> None:
    from rich.table import Table

    screen = console()
    table = Table("from", "kind", "tasks", "load", "can be done", box=None, header_style="bold")
    for origin, kinds in counted.items():
        for kind, row in kinds.items():
            table.add_row(origin, kind, *(f"{row[key]:,}" for key in ("tasks", "load", "achievable")))
    screen.print(table)
    if not counted["MineDojo"]:
        click.echo("MineDojo's tasks are not here: veclink doctor --fetch minedojo (1.1 MB)")
    for row in rows:
        if every or not row.achievable:
            click.echo(f"{row.id}: {row.why or 'can be done'}")


def _write(file: Path, rows: Sequence[Row]) -> None:
    from veclink.envs.tasks.page import page

    if not any(row.origin == "MineDojo" for row in rows):
        raise InputError("MineDojo's task files for the page", "none", "veclink doctor --fetch minedojo (1.1 MB)")
    try:
        file.write_text(page(rows), "utf8")
    except OSError as error:
        raise InputError(f"a place to write to at {file}", f"{type(error).__name__}: {error.strerror}",
                         "choose another --write") from error
