"""`veclink eval nano`: what the embedded core and its tools can do, each spatial figure in several ways."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, json_option, print_json, stdout_kept_clean
from veclink.agent.commands.report import Progress, percent, say, write
from veclink.envs.errors import InputError

DASH = "-"
BOXES = ("ap50", "ap", "ap50_one_ranking", "ap50_under_12", "ap50_12_to_32", "ap50_over_32", "ap50_known_phrases",
         "ap50_unseen_phrases", "f1", "f1_best_threshold", "f1_threshold_each", "referring", "referring_attribute",
         "referring_spatial", "sets_f1", "visual_prompt", "visual_prompt_sets_f1")
ROWS = {
    "boxes": BOXES,
    "masks": ("miou", "mobs", "blocks", "patches", "category", "attribute", "spatial", "visual_prompt",
              "unseen_phrases", "absent_left_empty"),
    "keypoints": ("pck", "pck_hidden", "pck_category", "pck_attribute", "pck_spatial", "pck_visual_prompt", "oks_ap",
                  "oks_ap50"),
    "image": ("gain_inside", "psnr_inside", "unchanged_psnr_inside", "psnr_outside", "ssim_inside",
              "unchanged_ssim_inside", "ssim_outside"),
}


@click.command("nano")
@click.option("--samples", type=click.IntRange(min=1), default=400, show_default=True, metavar="NUMBER",
              help="Pictures of new scenes, each with several requests.")
@click.option("--held-out", type=click.IntRange(min=0), metavar="NUMBER",
              help="Pictures with textures that training never sees.  [default: a quarter of the samples]")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True,
              help="Whose scenes and phrases.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the scenes.")
@click.option("--arms", default="link,text,bridge,shuffled,routed", show_default=True, metavar="LIST",
              help="How the conditions are made.")
@click.option("-p", "--profile", default="nano", show_default=True, help="A profile's name or a YAML file.")
@click.option("--core", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Core, links and tools that veclink train wrote, in the place of the profile's.")
@click.option("--text-links", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The tools of the control, trained with --condition text.")
@click.option("--tool", "fill", multiple=True, metavar="KIND=NAME",
              help="Measure this tool in the place of the one that gives masks (or boxes, ...): masks=NAME.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write records, the JSON document and plots here.")
@click.option("--resume", is_flag=True, help="Go on from the records in --out.")
@json_option
def command(samples: int, held_out: int | None, split: str, seed: int, arms: str, profile: str, core: Path | None,
            text_links: Path | None, fill: tuple[str, ...], device: str, out: Path | None, resume: bool, as_json: bool
            ) -> None:
    """Routing, answers, boxes, masks, poses and edits of the embedded core on scenes and phrases it never saw.

    Every spatial figure in up to five ways: link; text, the same decoder trained and fed with the phrase alone; bridge,
    without the link; shuffled, with another request's link; routed, from the request alone as veclink run does it. In
    the first four the tool and the phrase are the true ones. Intervals are 95 % bootstraps over pictures. docs/nano.md
    says how each figure is taken.
    """
    chosen = [name.strip() for name in arms.split(",") if name.strip()]
    with stdout_kept_clean():
        from veclink.agent.measure.nano.measure import check_arms, measure
        from veclink.agent.measure.nano.subject import subject_of

        if not chosen:
            raise InputError("at least one arm", repr(arms), "leave --arms out for all")
        check_arms(chosen)
        for folder in (core, text_links):
            if folder is not None and not folder.is_dir():
                raise InputError("a folder that veclink train wrote", f"no folder {folder}", "give another")
        progress = Progress("pictures")
        subject = subject_of(profile, core, text_links, device, _filled(fill))
        document = measure(subject, samples, held_out, split, seed, chosen, out, resume, progress.at)
        progress.end()
        written = list(write(out, "nano", document))
        if out is not None:
            from veclink.agent.measure.nano.plots import plot_nano

            written += plot_nano(document, out)
    if as_json:
        print_json(document)
    else:
        show(document)
    say(written)


def _filled(given: tuple[str, ...]) -> dict[str, str]:
    """Kind of result -> tool.

    Raises:
        InputError: not KIND=NAME.
    """
    pairs = [one.partition("=") for one in given]
    for kind, _, name in pairs:
        if kind not in ROWS or not name:
            raise InputError(f"KIND=NAME, KIND of {', '.join(ROWS)}", f"{kind}={name}", "e.g. --tool masks=segment")
    return {kind: name for kind, _, name in pairs}


def show(document: Mapping[str, Any]) -> None:
    """The document as tables."""
    from rich.table import Table

    screen = console()
    parts = document["parts"]
    core = Table("", *parts, box=None, header_style="bold")
    for name in ("all", "single", "several", "reject", "answer"):
        core.add_row(f"routing, {name}", *(percent(part["routing"][name]["exact"]) for part in parts.values()))
        core.add_row("  never trained on", *(percent(part["routing"][name]["exact_new"]) for part in parts.values()))
    for name in ("counting", "counting_new", "questions", "questions_new"):
        core.add_row(name.replace("_new", ", never trained on"),
                     *(percent(part["answers"][name]) for part in parts.values()))
    screen.print(core)
    for name, part in parts.items():
        for role, keys in ROWS.items():
            _show_role(document, name, part[role], role, keys)
    _show_phrases(document, next(iter(parts.values()))["phrases"])
    floors = Table("asked", "at least", "measured", "", box=None, header_style="bold")
    for row in document["floors"]:
        met = {True: "yes", False: "no", None: row.get("why", "")}[row["met"]]
        floors.add_row(row["what"], f"{row['floor']:g}", short(row), met)
    screen.print(floors)
    screen.print("{samples} pictures of new scenes and {held_out_samples} with held-out textures, split {split}, on "
                 "{device}; ± is half a 95 % interval".format(**document), soft_wrap=True)


def _show_role(document: Mapping[str, Any], part: str, by_arm: Mapping[str, Any], role: str, keys: tuple[str, ...]
               ) -> None:
    from rich.table import Table

    screen, arms = console(), document["arms"]
    trained = [arm for arm in arms if "not_trained" not in by_arm[arm]]
    if trained:
        table = Table(f"{role}, {part}", *trained, box=None, header_style="bold")
        for key in keys:
            table.add_row(key.replace("_", " "), *(short(by_arm[arm][key]) for arm in trained))
        screen.print(table)
    reasons: dict[str, list[str]] = {}
    for arm in arms:
        if arm not in trained:
            reasons.setdefault(f"not trained ({by_arm[arm]['not_trained']})", []).append(arm)
        elif failures := by_arm[arm]["failures"]:
            count = sum(failures.values())
            reasons.setdefault(f"{count} calls failed, e.g. {next(iter(failures))}", []).append(arm)
    for reason, names in reasons.items():
        screen.print(f"{role}, {part}: {reason}: {', '.join(names)}", soft_wrap=True)


def short(figure: Mapping[str, Any] | None) -> str:
    """ "0.87 ±0.03": the value and half the width of its interval, which the document has in full."""
    if not figure or figure["value"] is None:
        return DASH
    return f"{figure['value']:.2f} ±{(figure['high'] - figure['low']) / 2:.2f}"


def _show_phrases(document: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table("name never trained on", "of", *document["arms"], box=None, header_style="bold")
    for name, row in rows.items():
        if row["unseen"]:
            table.add_row(name.split("/")[0], row["kind"], *(short(row.get(arm)) for arm in document["arms"]))
    if table.row_count:
        console().print(table)
