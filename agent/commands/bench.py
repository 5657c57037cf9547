"""`veclink bench`: how fast something works, as ratios measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.agent.commands.report import Progress, points, say, write


@click.group("bench")
def command() -> None:
    """Measure how fast something works."""


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
