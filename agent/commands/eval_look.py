"""`veclink eval look`: what the embedded core finds in Minecraft's look, beside the look that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.agent.commands.eval_nano import short
from veclink.agent.commands.report import Progress, percent, say, write

ROWS = {"boxes": ("ap50", "ap50_one_ranking", "precision", "recall", "f1", "absent_left_empty"),
        "masks": ("miou", "absent_left_empty"), "routed": ("boxes", "masks")}


@click.command("look")
@click.option("--frames", type=click.IntRange(min=1), default=24, show_default=True, metavar="NUMBER",
              help="Scenes, each with one to four mobs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of places and mobs.")
@click.option("-p", "--profile", default="nano", show_default=True, help="A profile's name or a YAML file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write the JSON document, records and a contact sheet here.")
@json_option
def command(frames: int, seed: int, profile: str, device: str, out: Path | None, as_json: bool) -> None:
    """Boxes and masks on frames of the Minecraft world, the look that the core was not trained on.

    Each scene is drawn twice, by Minecraft's viewer and by the built-in renderer from the same blocks, mobs and eye,
    and asked for the same things in plain words: the difference is what the look costs. Intervals are 95 % bootstraps
    over scenes. docs/minecraft.md says how each figure is taken. Needs veclink doctor --fetch minecraft-pictures.
    """
    with stdout_kept_clean():
        from veclink.agent.measure.look import look_agent, measure
        from veclink.agent.measure.look_sheet import Sheet
        from veclink.agent.measure.look_takes import Takes

        takes, sheet, records, progress = Takes(seed), Sheet(), list[str](), Progress("frames")

        def keep(take: Any, answered: Any, record: Any) -> None:
            if out is not None:
                sheet.add(take, answered, record, sure)
                records.append(json.dumps(record))

        try:
            agent, sure = look_agent(profile, device)
            document = measure(agent, sure, takes.take, frames, seed, progress.at, keep)
        finally:
            takes.close()
        progress.end()
        written = list(write(out, "look", document))
        if out is not None:
            file = out / "look-records.jsonl"
            file.write_text("\n".join(records) + "\n", "utf8")
            written += [file, sheet.save(out / "look.png")]
    if as_json:
        print_json(document)
    else:
        show(document)
    say(written)


def show(document: Mapping[str, Any]) -> None:
    """The document as tables."""
    from rich.table import Table

    screen, looks = console(), document["looks"]
    parts = {**looks, "difference": document["difference"]}
    table = Table("", *(f"look of {name}" for name in looks), "difference", "cases", box=None, header_style="bold")
    for role, keys in ROWS.items():
        for key in keys:
            row = [part[role][key] for part in parts.values()]
            table.add_row(f"{role}, {key.replace('_', ' ')}", *(short(figure) for figure in row), str(row[0]["cases"]))
    screen.print(table)
    for role, title in (("boxes", "AP50"), ("masks", "mIoU")):
        kinds = Table(title, *looks, "cases", box=None, header_style="bold")
        for kind in next(iter(looks.values()))[role]["kinds"]:
            row = [part[role]["kinds"][kind] for part in looks.values()]
            if not row[0]["cases"]:
                continue
            kinds.add_row(kind.replace("_", " "), *(short(figure) for figure in row), str(row[0]["cases"]))
        screen.print(kinds)
    screen.print("{frames} scenes, seed {seed}, on {device}; ± is half a 95 % interval".format(**document),
                 soft_wrap=True)
    screen.print(f"mobs that Minecraft's viewer draws where the twin has them: {percent(document['mobs_agreed'])}; "
                 f"left out: {', '.join(document['left_out'])}", soft_wrap=True)
