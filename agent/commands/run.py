"""`veclink run`: a task in plain words on pictures."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from veclink.agent.commands.common import clean, console, json_option, print_json, stdout_kept_clean
from veclink.envs.errors import InputError

if TYPE_CHECKING:
    from veclink.agent import Agent, Run
    from veclink.tools import Region

RUNS = Path("runs")  # in the current folder
LATEST = "latest"
ROWS = 40  # of a table on the screen; the files hold everything


@click.command("run")
@click.argument("text", required=False)
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option("-p", "--profile", help="A profile's name or a YAML file: which core, which tools.  [default: nano for "
                                      "scenes of the built-in world, photo for all else]")
@click.option("--tool", "tools", multiple=True, metavar="NAME", help="Use this tool alone; may be repeated.")
@click.option("--region", "regions", multiple=True, metavar="REGION",
              help="Point at a place: box=x,y,w,h, point=x,y, scribble=x,y,x,y,... or mask=FILE.png, in pixels; "
                   "1:box=... is in the second picture. May be repeated.")
@click.option("--set", "settings", multiple=True, metavar="TOOL.OPTION=VALUE",
              help="Set a tool's option; veclink tools list --json shows them. May be repeated.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="NUMBER", default=0, show_default=True,
              help="For everything that is drawn by chance.")
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="For each tool; what runs longer is reported and the others' results stand.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Where the results are written.  [default: runs/DATE-WORDS]")
@click.option("--no-save", is_flag=True, help="Write no files.")
@click.option("--dry-run", is_flag=True, help="Only say which tools would do what; no decoder is loaded.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR",
              help="Go on with a run that was interrupted; TEXT is not given then.")
@json_option
@click.pass_context
def command(ctx: click.Context, text: str | None, images: tuple[str, ...], as_json: bool, **choices: Any) -> None:
    """Do a task in plain words on pictures.

    TEXT says what to do. An IMAGE is a file, a web address, or one of the pictures that come along: scenes of the
    built-in world (example:meadow, example:desert, example:night, example:village) and photos (example:street,
    example:two-men). The answer goes to stdout, progress and errors to stderr, the results into a folder.

    \b
      veclink run "find every person and the bus" street.jpg
      veclink run "outline this one" street.jpg --region box=220,400,120,460
      veclink run "make it snow" street.jpg --set edit.steps=10

    Exit code 0: at least one tool worked, or words were enough; 1: every tool failed; 2: the input cannot be used.
    """
    _check_choices(text, images, **choices)
    with stdout_kept_clean(), _progress():
        run, folder = _do(text, images, **choices)
    if as_json:
        print_json(run.to_dict())
    else:
        _show(run, dry=choices["dry_run"])
    for error in run.to_dict()["errors"]:
        click.echo(f"error: {error['tool']}: {clean(error['message'])}", err=True)
    if folder is not None:
        click.echo(f"written to {folder}", err=True)
    ctx.exit(exit_code(run))


def exit_code(run: Run) -> int:
    """1 where tools were used and every one failed, else 0."""
    return 1 if run.errors and not run.results else 0


def _check_choices(text: str | None, images: tuple[str, ...], **choices: Any) -> None:
    """Raise InputError where the arguments do not go together."""
    if choices["resume"] is not None:
        others = ("profile", "tools", "regions", "settings", "time_limit", "out", "no_save", "dry_run")
        clash = [name for name in others if choices[name]]
        if text or images or clash:
            raise InputError("--resume DIR alone", "a task or other choices beside it", "the folder holds the task")
        return
    if text is None:
        raise InputError("a task in words", "none", 'write one, e.g. veclink run "find every person" street.jpg')
    if not images and "\n" not in text and len(text) < 300 and Path(text).is_file():
        raise InputError("a task in words, then pictures", f"the file {text} alone",
                         f'say what to do, e.g. veclink run "find every person" {text}')
    if choices["no_save"] and choices["out"] is not None:
        raise InputError("--out or --no-save", "both", "leave one out")


def _do(text: str | None, images: tuple[str, ...], **choices: Any) -> tuple[Run, Path | None]:
    """The run, and the folder that it was written to."""
    from veclink.agent import Agent

    if choices["resume"] is not None:
        return Agent.resume(choices["resume"]), choices["resume"]
    assert text is not None
    regions = [_region(each) for each in choices["regions"]]
    agent = _agent(choices, images)
    if choices["dry_run"]:
        run = agent.plan(text, list(images), regions)
        if choices["out"] is not None:
            run.save(choices["out"])
        return run, choices["out"]
    out = None if choices["no_save"] else choices["out"] or default_folder(text)
    with _nothing_left_of(out):
        run = agent.run(text, list(images), regions, out=out)
    if out is not None and choices["out"] is None:
        point_latest_to(out)
    return run, out


@contextlib.contextmanager
def _nothing_left_of(out: Path | None) -> Iterator[None]:
    """Where the input turns out to be bad, take away the folders that were made for the results."""
    made = [] if out is None else [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        yield
    except InputError:
        if made:
            shutil.rmtree(made[-1], ignore_errors=True)
        raise


def _agent(choices: dict[str, Any], images: Sequence[str]) -> Agent:
    from veclink.agent import Agent
    from veclink.agent.profiles import default_for

    chosen: dict[str, Any] = {name: choices[name] for name in ("device", "seed", "time_limit")}
    chosen["profile"] = choices["profile"] or default_for(images)
    return Agent(tools=list(choices["tools"]) or None, options=_options(choices["settings"]), **chosen)


def _region(text: str) -> Region:
    """A region of the command line: Region.parse's form after an optional picture number, e.g. "1:box=0,0,10,10"."""
    from veclink.tools import Region

    match = re.match(r"(\d+):(.*)", text, re.DOTALL)
    return Region.parse(match[2], int(match[1])) if match else Region.parse(text)


def _options(settings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{"edit": {"steps": 10}} of "edit.steps=10"; a value is read as JSON, else it is text."""
    options: dict[str, dict[str, Any]] = {}
    for setting in settings:
        match = re.fullmatch(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)=(.*)", setting, re.DOTALL)
        if match is None:
            raise InputError("TOOL.OPTION=VALUE", repr(setting), "write it so, e.g. --set edit.steps=10")
        tool, name, value = match.groups()
        with contextlib.suppress(ValueError):
            value = json.loads(value)
        options.setdefault(tool, {})[name] = value
    return options


def default_folder(text: str, now: datetime.datetime | None = None) -> Path:
    """runs/DATE-WORDS, with a number behind it where that exists already."""
    words = re.findall(r"[a-z0-9]+", text.lower())[:6]
    date = (now or datetime.datetime.now()).strftime("%Y%m%d-%H%M%S")
    folder = RUNS / "-".join([date, *words])[:80]
    others = (folder.with_name(f"{folder.name}-{n}") for n in range(2, 1_000_000))
    return folder if not folder.exists() else next(other for other in others if not other.exists())


def point_latest_to(folder: Path) -> None:
    """Make runs/latest a link to this run, where the file system has links."""
    link = folder.with_name(LATEST)
    with contextlib.suppress(OSError):
        if link.is_symlink() or not link.exists():
            spare = link.with_name(f".{LATEST}-{os.getpid()}")
            spare.symlink_to(folder.name)
            spare.replace(link)


class _Line(logging.Handler):
    """Shows what the agent is doing on one line of a terminal that is written over."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"\r\x1b[K{clean(record.getMessage())[:100]}")
        sys.stderr.flush()


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """The agent's steps on stderr while this holds, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    logger, line = logging.getLogger("veclink.agent"), _Line(logging.INFO)
    level = logger.level
    logger.addHandler(line)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(line)
        logger.setLevel(level)
        sys.stderr.write("\r\x1b[K")


def _show(run: Run, *, dry: bool) -> None:
    """The answer, a table a result, and notes."""
    from rich.table import Table

    document, screen = run.to_dict(), console()
    if document["answer"]:
        screen.print(clean(document["answer"]), soft_wrap=True)
    if dry:
        table = Table("tool", "picture", "what for", "fed by", box=None, header_style="bold")
        for route in document["routes"]:
            table.add_row(route["tool"], str(route["image"]), clean(route["phrase"]), route["condition"])
        if document["routes"]:
            screen.print(table)
    names = dict(enumerate(document["pictures"]))
    for result in document["results"]:
        _show_result(result, names.get(result["image"], "no picture"), screen)
    for note in run.notes:
        screen.print(f"note: {clean(note)}", soft_wrap=True)
    made = "profile {profile}, device {device}, seed {seed}".format(**document)
    screen.print(f"\n{made}, {document['seconds'].get('total', 0.0):.1f} s", style="dim", soft_wrap=True)


def _show_result(result: dict[str, Any], picture: str, screen: Any) -> None:
    from rich.table import Table

    screen.print(f"\n{result['tool']} in {clean(picture)}", soft_wrap=True)
    if result["kind"] == "text":
        for item in result["items"]:
            screen.print(clean(item["text"]), soft_wrap=True)
    elif result["kind"] == "image":
        screen.print(clean(result.get("file") or "a changed picture (use --out to keep it)"), soft_wrap=True)
    elif result["items"]:
        table = Table("label", "score", "box x1, y1, x2, y2", box=None, header_style="bold")
        for item in result["items"][:ROWS]:
            table.add_row(clean(item["label"]), f"{item['score']:.2f}", ", ".join(f"{v:.0f}" for v in item["box"]))
        screen.print(table)
        if len(result["items"]) > ROWS:
            screen.print(f"... and {len(result['items']) - ROWS} more")
