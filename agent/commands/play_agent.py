"""What `veclink play` does for the embodied agent alone: its planner and memory, its plan on paper, its live view."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, print_json
from veclink.envs.errors import InputError

CAP = 40  # queries of a language model in an episode
ACTIONS, TIMELINE = "actions.jsonl", "timeline.png"


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The agent's own options."""
    for option in reversed((
        click.option("--plan", "only_plan", is_flag=True,
                     help="Print the goal's tree of needs and the plan, and play nothing; with --out also "
                          "tree.json and tree.png."),
        click.option("--llm", metavar="MODEL", help="The agent plans by this chat model: a name or folder of Hugging "
                     "Face, or with --llm-url a name there.  [default: a search, without a model]"),
        click.option("--llm-url", metavar="URL", help="An OpenAI-compatible endpoint, as http://127.0.0.1:8000/v1; its "
                     "key is read from OPENAI_API_KEY."),
        click.option("--llm-queries", type=click.IntRange(min=0), metavar="NUMBER",
                     help=f"Most queries of the model.  [default: {CAP}]"),
        click.option("--protocol", type=click.Choice(["voxels", "pixels"]),
                     help="What the agent may see: blocks and mobs near it, or frames, inventory and life alone.  "
                          "[default: voxels]"),
        click.option("--memory", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="What the agent learnt in earlier episodes, and is to learn in this one."),
    )):
        command = option(command)
    return command


def chosen(choices: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The arguments of the agent's player; none for others.

    Raises:
        InputError: an option of the agent for another player, or one that lacks its other half.
    """
    keys = ("llm", "llm_url", "llm_queries", "memory", "protocol")
    given = {key: choices[key] for key in keys if choices[key] is not None}
    if not given:
        return {}
    first = "--" + next(iter(given)).replace("_", "-")
    if name != "agent":
        raise InputError(f"{first} with the player agent", name, f"leave {first} or --player out")
    if "llm" not in given and ("llm_url" in given or "llm_queries" in given):
        raise InputError("--llm MODEL", f"{first} alone", "name the model")
    return given


def show_plan(goal: str, out: Path | None, as_json: bool) -> None:
    """The tree of needs and the plan of one who has nothing, on paper."""
    from veclink.agent.embodied.actions import State
    from veclink.agent.embodied.episode import goals_from
    from veclink.agent.embodied.planner import Planner
    from veclink.agent.embodied.view import lines_of_plan, picture, rich_tree, to_json

    planner = Planner(goals_from(goal))
    tree, plan = planner.tree(State()), planner.next(State())
    if as_json:
        print_json({**tree.to_dict(), "plan": [action.to_dict() for action in plan]})
    else:
        screen = console()
        screen.print(rich_tree(tree))
        for line in lines_of_plan(plan):
            screen.print(line, markup=False, soft_wrap=True)
    if out is not None:
        drawn = picture(tree, out / "tree.png")
        (out / "tree.json").write_text(to_json(tree), "utf8")
        click.echo(f"written: {drawn}\nwritten: {out / 'tree.json'}", err=True)


@contextlib.contextmanager
def live(player: Any) -> Iterator[Callable[..., None]]:
    """The agent's goal tree, actions, inventory and life in the terminal while it plays."""
    from veclink.agent.embodied.watch import LiveView

    with LiveView(console(stderr=True)) as view:
        yield lambda status, observation, info: view(player.episode) if player.episode else None


def keep(player: Any, folder: Path) -> None:
    """The agent's structured actions and its timeline, in the run folder."""
    from veclink.agent.embodied.watch import timeline

    rows = getattr(player, "actions", None)
    if rows is None or player.result is None:
        return
    (folder / ACTIONS).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf8")
    timeline(player.result.to_dict(), folder / TIMELINE)
