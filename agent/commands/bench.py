"""`veclink bench`: how fast something works, as ratios measured side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.bench_nano import command as nano
from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.agent.commands.report import Progress, points, say, write

BY_CPU = ("per_cpu_second", "cpu_seconds", "cpu_milliseconds", "if_cores_were_free")


@click.group("bench")
def command() -> None:
    """Measure how fast something works."""


command.add_command(nano)


@command.command("run")
@click.option("-p", "--profile", default="photo", show_default=True, help="A profile's name or a YAML file.")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, metavar="NUMBER",
              help="Rounds; the figures are their medians.")
@click.option("--batch", type=click.IntRange(min=1), default=32, show_default=True, metavar="NUMBER",
              help="Tasks of the mixed batch.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write the JSON document and a plot here.")
@json_option
def run(profile: str, repeat: int, batch: int, device: str, out: Path | None, as_json: bool) -> None:
    """Split the time from call to result into core, link, decoders and the rest.

    Also: a request with three tools over the same parts called directly, and a mixed batch against its tasks one by
    one. All models are loaded before; the tools forget what they encoded before every call; intervals are smallest and
    largest.
    """
    with stdout_kept_clean():
        from veclink.agent.agent import Agent
        from veclink.agent.measure.bench import measure

        progress = Progress("rounds")
        document = measure(Agent(profile, device), repeat, batch,
                           progress=lambda part, done, of: progress.at(done, of, part))
        progress.end()
        written = write(out, "run", document, "plot_run", document)
    if as_json:
        print_json(document)
    else:
        _show(document)
    say(written)


@command.command("world")
@click.option("--world", "which", type=click.Choice(("voxel", "minecraft")), default="voxel", show_default=True,
              help="The built-in world, or Minecraft (its start, its steps beside the game's tick, and its warp).")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, metavar="NUMBER",
              help="How often each figure is taken; the figures are medians.")
@click.option("--seconds", type=click.FloatRange(min=0.05), default=3.0, show_default=True, metavar="NUMBER",
              help="How long each round of a figure lasts.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the worlds and the actions.")
@click.option("--quick", is_flag=True, help="Tiny and short: shows that it runs; the figures mean little.")
@click.option("--audit", is_flag=True, help="Instead of speeds: random actions, and a look at everything after them.")
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, metavar="NUMBER",
              help="Worlds of the audit.")
@click.option("--steps", type=click.IntRange(min=1), default=72_000, show_default=True, metavar="NUMBER",
              help="Steps of the audit in each world.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write the JSON document here; an audit goes on where the last one in the same folder stopped.")
@json_option
def world(which: str, rounds: int, seconds: float, seed: int, quick: bool, audit: bool, seeds: int, steps: int,
          out: Path | None, as_json: bool) -> None:
    """Steps a second of a world, time to make one, its memory, and two processes over one.

    Each figure comes from a process of its own that keeps to one core (where the system can do that); crafter is
    measured beside it where it is installed. --audit exits with 1 where something was found; in the Minecraft world it
    compares the client's inventory with the server's every minute of the game, and cannot be continued.
    """
    with stdout_kept_clean():
        progress = Progress("steps" if audit else "rounds")

        def at(part: str, done: int, of: int) -> None:
            progress.at(done, of, part)

        audited, measured = _measuring(which)
        document = audited(seeds, steps, out, at) if audit else measured(rounds, seconds, seed, quick, at)
        progress.end()
        name = "world" if which == "voxel" else which
        written = write(out, f"{name}-audit" if audit else name, document)
    if as_json:
        print_json(document)
    elif audit:
        _show_audit(document)
    else:
        _show_world(document)
    say(written)
    if audit and not document["passed"]:
        raise click.exceptions.Exit(1)


def _measuring(which: str) -> tuple[Callable[..., dict[str, Any]], Callable[..., dict[str, Any]]]:
    """What audits a world, and what measures it."""
    if which == "minecraft":
        from veclink.agent.measure import minecraft

        return minecraft.endure, minecraft.measure
    from veclink.agent.measure import audit, world

    return audit.audit, world.measure


def _show_world(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    screen = console()
    table = Table("figure", "unit", "median", "from", "to", "by cpu time", "asked", box=None, header_style="bold")
    units = {"steps_per_second": "steps/s", "ratios": "", "creation_seconds": "s", "step_milliseconds": "ms",
             "megabytes": "MB"}
    for group, unit in units.items():
        for name, figure in document.get(group, {}).items():
            by_cpu = [figure[key] for key in BY_CPU if key in figure]
            numbers = [figure[key] for key in ("value", "low", "high")] + by_cpu
            words = [f"{number:,.0f}" if number >= 1000 else f"{number:.4g}" for number in numbers]
            table.add_row(name.replace("_", " "), unit, *words, *([] if by_cpu else [""]), asked(figure))
    screen.print(table)
    notes = [f"{document['rounds']} rounds of {document['seconds_a_round']:g} s",
             f"{document['cores']} cores, load {document['load'][0] if document['load'] else 0:g} before the end"]
    if "pinned" in document:
        notes.insert(1, "each on one core" if document["pinned"] else "cores not fixed: the system cannot")
    if document["quick"]:
        notes.append("--quick: tiny pictures, the figures mean little")
    if not document.get("pictures", True):
        notes.append("the viewer is not installed (veclink doctor --fetch minecraft-pictures): no pictures were taken")
    if not document.get("crafter", True):
        notes.append("crafter is not installed (pip install crafter) and was left out")
    screen.print("; ".join(notes), soft_wrap=True)


def _show_audit(document: Mapping[str, Any]) -> None:
    for seed, row in document["worlds"].items():
        found = ", ".join(f"{count} x {kind}" for kind, count in row["faults"].items()) or "nothing found"
        click.echo(f"seed {seed}: {row['steps']:,} steps, {row['ticks']:,} ticks, {row['deaths']} deaths, "
                   f"{row['seconds']:.0f} s: {found}")
        for example in row["examples"][:3]:
            click.echo(f"    {example}")
    click.echo(f"{document['all_steps']:,} steps: " + ("passed" if document["passed"] else "not passed"))


def _show(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    screen = console()
    table = Table("part", "share of the time", "seconds", "asked", box=None, header_style="bold")
    for part, figure in document["split"].items():
        table.add_row(part, points(figure), points(document["seconds"][part]), asked(figure))
    screen.print(table)
    ratios = Table("ratio", "median (smallest to largest)", "asked", box=None, header_style="bold")
    for name, figure in document["ratios"].items():
        ratios.add_row(name.replace("_", " "), points(figure), asked(figure))
    screen.print(ratios)
    screen.print("{} tasks on {} pictures, {} threads on {}, medians of {} rounds".format(
        document["tasks"], document["pictures"], document["threads"], document["device"],
        document["split"]["rest"]["cases"]), soft_wrap=True)


def asked(figure: Mapping[str, Any]) -> str:
    """What a figure should be, and whether it is."""
    if "ceiling" in figure:
        return f"at most {figure['ceiling']:g}: {'yes' if figure['value'] <= figure['ceiling'] else 'no'}"
    if "floor" in figure:
        return f"at least {figure['floor']:g}: {'yes' if figure['value'] >= figure['floor'] else 'no'}"
    return ""
