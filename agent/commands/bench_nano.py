"""`veclink bench nano`: how long the embedded default takes, cold and warm, and how much memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.agent.commands.report import Progress, percent, points, say, write

WORDS = {"cold_seconds": "cold start to result, s", "warm_seconds": "warm request, s",
         "peak_megabytes": "most memory of a cold start, MB", "requests_per_second": "requests a second in a batch"}


@click.command("nano")
@click.option("-p", "--profile", default="nano", show_default=True, help="A profile's name or a YAML file.")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, metavar="NUMBER",
              help="Rounds; the figures are their medians.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, metavar="NUMBER",
              help="Requests of the batch.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write the JSON document here.")
@json_option
def command(profile: str, repeat: int, batch: int, device: str, out: Path | None, as_json: bool) -> None:
    """Seconds from a cold start to the result, of a warm request with three tools, and the most memory held.

    Cold starts are processes of their own. Also: requests a second in a batch, and the shares of core, link, decoders
    and the rest in a warm request. Figures are medians; intervals are smallest and largest.
    """
    with stdout_kept_clean():
        from veclink.agent.measure.nano.latency import measure

        progress = Progress("rounds")
        document = measure(profile, repeat, batch, device, lambda part, done, of: progress.at(done, of, part))
        progress.end()
        written = write(out, "nano-speed", document)
    if as_json:
        print_json(document)
    else:
        _show(document)
    say(written)


def _show(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    screen = console()
    table = Table("figure", "median (smallest to largest)", "at most", "", box=None, header_style="bold")
    for name, words in WORDS.items():
        figure = document[name]
        if figure is None:
            table.add_row(words, "this system does not tell")
            continue
        limit = figure.get("ceiling")
        asked = ("", "") if limit is None else (f"{limit:g}", "yes" if figure["value"] <= limit else "no")
        table.add_row(words, points(figure), *asked)
    for part, figure in document["split"].items():
        table.add_row(f"share of {part}", percent(figure))
    screen.print(table)
    screen.print("{!r}: {}; {} threads on {}".format(
        document["request"], ", ".join(document["tools"]) or "no tools", document["threads"], document["device"]),
        soft_wrap=True)
    for tool, message in document["errors"]:
        screen.print(f"{tool} failed: {message}", soft_wrap=True)
