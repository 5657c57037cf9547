"""`veclink play`: a goal in words or a task, played in a world."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from veclink.agent.commands import play_agent
from veclink.agent.commands.common import clean, console, json_option, parsed, print_json, stdout_kept_clean
from veclink.envs.errors import InputError

if TYPE_CHECKING:
    from veclink.agent.play.episode import Play
    from veclink.agent.play.players import Player
    from veclink.agent.play.screen import Status

SMALL, BY_HAND, LARGE = (160, 256), (192, 320), (288, 512)  # pictures for an agent, a person who plays, a video
INTERRUPTED = 130
Seen = Callable[["Status", Mapping[str, Any], Mapping[str, Any]], None]


@click.command("play")
@click.argument("goal", metavar="[GOAL|TASK]", required=False, default="open-ended")
@click.option("--world", default="voxel", show_default=True, help="Where: a name of the registry of worlds.")
@click.option("--player", "player_name", metavar="NAME",
              help="Who plays: agent, scripted, random, noop, or one that another package brings.  "
                   "[default: agent; scripted where there is no goal]")
@click.option("--keyboard", is_flag=True, help="Play yourself, on a page in your browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="NUMBER",
              help="Of that page, on this machine alone.  [default: a free one]")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="NUMBER", default=0, show_default=True,
              help="Of the world and of the player's chances.")
@click.option("--steps", type=click.IntRange(1), metavar="NUMBER",
              help="Most steps; 20 are a second of the game.  [default: 1000; 12000 for the agent; none by hand]")
@click.option("--image-size", metavar="HxW",
              help="Of the pictures, in pixels.  [default: 160x256; with --keyboard 192x320, with --video 288x512]")
@click.option("--video", type=click.Path(path_type=Path), metavar="FILE",
              help="Write an .mp4, .mkv or .mov with goal, action and inventory drawn in.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="A field of the task or an option of the world, e.g. specified_biome=desert, start_time=14000, "
                   "respawns=true. May be repeated.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Where the steps are written.  [default: runs/DATE-WORDS]")
@play_agent.options
@click.option("--no-save", is_flag=True, help="Write no run folder.")
@json_option
@click.pass_context
def command(ctx: click.Context, goal: str, as_json: bool, **choices: Any) -> None:
    """Play in a Minecraft-like world.

    GOAL is in words ("get me a diamond"), TASK a task's name (get-log, harvest_milk, ...; veclink envs tasks lists
    them). Without either one plays as one likes. The run folder holds manifest.json and steps.jsonl.

    \b
      veclink play get-log --player scripted --video log.mp4
      veclink play --keyboard
      veclink play "three torches and a bed" --plan
      veclink play --player random --set specified_biome=jungle --seed 3

    Exit code 0: it was played to an end, done or not (see "success"); 130: interrupted, what there is was kept.
    """
    if choices.pop("only_plan"):
        play_agent.show_plan(goal, choices["out"], as_json)
        return
    with stdout_kept_clean():
        play, folder = _do(goal, **choices)
    if as_json:
        print_json(play.to_dict())
    else:
        _show(play)
    if play.video:
        click.echo(f"video in {play.video}", err=True)
    if folder is not None:
        click.echo(f"written to {folder}", err=True)
    ctx.exit(INTERRUPTED if play.ended == "interrupted" and not choices["keyboard"] else 0)


def _do(goal: str, **choices: Any) -> tuple[Play, Path | None]:
    """Check everything that can be checked, then make the world and play."""
    from veclink.agent.embodied.goals import is_judged
    from veclink.agent.play.episode import Episode, Play, Recorder, make_world, task_of

    task = task_of(goal)
    size = image_size(choices)
    settings = parsed(choices["settings"])
    if choices["no_save"] and choices["out"] is not None:
        raise InputError("--out or --no-save", "both", "leave one out")
    player = _player(task.category, choices)
    player.check(goal if is_judged(goal) else task.prompt or goal)
    if choices["keyboard"] and choices["world"] == "voxel":
        settings.setdefault("respawns", True)
    limit = choices["steps"] or (None if choices["keyboard"] else player.steps)
    pictures = size if _needs_pictures(player, choices) else None
    play = Play(task.prompt or goal, task.id, task.category, choices["world"],
                "keyboard" if choices["keyboard"] else choices["player_name"] or _default(task.category),
                player.protocol, choices["seed"], pictures, limit, settings)
    world = make_world(task, choices["world"], choices["seed"], pictures, player, settings)
    try:
        folder = None if choices["no_save"] else choices["out"] or _folder(goal)
        recorder = Recorder(folder, choices["video"])
    except BaseException:
        world.close()
        raise
    with _watched(player, play, limit, choices) as seen:
        Episode(world, player, play, recorder, seen).run()
    if folder is not None:
        play_agent.keep(player, folder)
    if folder is not None and choices["out"] is None:
        from veclink.agent.commands.run import point_latest_to

        point_latest_to(folder)
    return play, folder


def _default(category: str) -> str:
    return "scripted" if category == "open-ended" else "agent"


def _player(category: str, choices: Mapping[str, Any]) -> Player:
    """The player that was chosen."""
    if choices["keyboard"]:
        if choices["player_name"]:
            raise InputError("--keyboard or --player", "both", "leave one out")
        from veclink.agent.play.keyboard import KeyboardPlayer

        return KeyboardPlayer()
    from veclink.agent.play.players import make

    name = choices["player_name"] or _default(category)
    return make(name, **play_agent.chosen(choices, name))


def _needs_pictures(player: Player, choices: Mapping[str, Any]) -> bool:
    return bool(choices["keyboard"] or choices["video"] or choices["image_size"] or player.protocol == "pixels")


def _folder(goal: str) -> Path:
    from veclink.agent.commands.run import default_folder

    return default_folder(f"play {goal}")


def image_size(choices: Mapping[str, Any]) -> tuple[int, int]:
    """(height, width) of "HxW", of one number, or the default.

    Raises:
        InputError: it is neither, or no picture can have that size.
    """
    from veclink.envs.contract import checked_image_size

    text = choices["image_size"]
    if text is None:
        return BY_HAND if choices["keyboard"] else LARGE if choices["video"] else SMALL
    found = re.fullmatch(r"\s*(\d{1,5})(?:\s*[x×,]\s*(\d{1,5}))?\s*", text)
    if found is None:
        raise InputError("an image size like 160x256 (height x width)", repr(text), "write it so")
    return checked_image_size((int(found[1]), int(found[2] or found[1])))


@contextlib.contextmanager
def _watched(player: Player, play: Play, limit: int | None, choices: Mapping[str, Any]) -> Iterator[Seen | None]:
    """What is called after every step: the page's server, or a bar on a terminal, or nothing."""
    if choices["keyboard"]:
        from veclink.agent.play.keyboard import KeyboardPlayer
        from veclink.agent.play.server import served

        assert isinstance(player, KeyboardPlayer)
        with served(player, choices["port"]) as (address, show):
            click.echo(f"open this page, on this machine: {address}", err=True)
            click.echo("Ctrl-C here, or Quit there, ends the game", err=True)
            yield show
    elif sys.stderr.isatty() and hasattr(player, "episode"):
        with play_agent.live(player) as seen:
            yield seen
    elif sys.stderr.isatty():
        with _bar(limit) as seen:
            yield seen
    else:
        yield None


@contextlib.contextmanager
def _bar(limit: int | None) -> Iterator[Seen]:
    """A progress bar on stderr."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("step {task.completed:.0f}"), BarColumn(24), TimeElapsedColumn(),
               TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        number = bar.add_task("", total=limit)

        def seen(status: Status, observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
            goods = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in list(status.carried().items())[:4])
            text = f"life {status.life:.0f}  food {status.food:.0f}  reward {status.reward:g}  {status.note}  {goods}"
            bar.update(number, completed=status.step, description=clean(text)[:100])

        yield seen


def _show(play: Play) -> None:
    """What came of it, for people."""
    screen = console()
    ends = {"success": "done", "death": f"died ({play.cause})" if play.cause else "died", "steps": "out of steps",
            "limit": "out of the task's steps", "player": "the player ended it", "interrupted": "interrupted"}
    done = ", done" if play.success and play.ended != "success" else ""
    screen.print(f"{clean(play.goal)}: {ends.get(play.ended, play.ended)}{done}", soft_wrap=True)
    for name, (reached, asked) in play.progress.items():
        screen.print(f"  {name.replace('_', ' ')}: {reached:g} of {asked:g}")
    goods = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in play.inventory.items())
    screen.print(f"carries {goods or 'nothing'}", soft_wrap=True)
    if play.more.get("summary"):
        screen.print(clean(str(play.more["summary"])), soft_wrap=True)
    rate = f", {play.steps / play.seconds:.0f} steps/s" if play.seconds else ""
    screen.print(f"\nworld {play.world}, player {play.player} ({play.protocol}), seed {play.seed}, {play.steps} steps, "
                 f"reward {play.reward:g}, {play.seconds:.1f} s{rate}", style="dim", soft_wrap=True)
