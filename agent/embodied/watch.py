"""Watching an episode: a live view in the terminal, and the timeline of what was won as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veclink.agent.embodied.tree import Tree
from veclink.agent.embodied.view import rich_tree
from veclink.agent.errors import FolderError
from veclink.envs.errors import VeclinkError
from veclink.envs.facts import ITEMS

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from veclink.agent.embodied.episode import Episode

EVERY = 20  # steps between two views: a second of the world
LAST = 6  # actions shown
SHOWN = 14  # kinds of items shown
MILESTONES = ("log", "planks", "crafting_table", "wooden_pickaxe", "cobblestone", "stone_pickaxe", "coal", "iron_ore",
              "furnace", "iron_ingot", "iron_pickaxe", "redstone", "gold_ore", "gold_ingot", "diamond")


class LiveView:
    """Shows an episode in the terminal while it runs: `with LiveView() as view: run_episode(..., on_step=view)`.

    Args:
        console: of rich; None: one on stderr.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = console or Console(stderr=True)
        self.live = Live(console=self.console, auto_refresh=False, transient=False)
        self.rows: list[str] = []
        self._tree: tuple[int, Tree | None] = (-1, None)
        self._seen: Any = None

    def __enter__(self) -> LiveView:
        self.live.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self.live.__exit__(*problem)

    def __call__(self, episode: Episode) -> None:
        """After each step."""
        if episode.crew.current is not self._seen:
            self._seen = episode.crew.current
            self.rows = [*self.rows, f"{episode.body.steps:6d}  {episode.action}"][-LAST:]
        if episode.body.steps % EVERY == 0:
            self.live.update(self.picture(episode), refresh=True)

    def picture(self, episode: Episode) -> RenderableType:
        """The view of now."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        body = episode.body
        bars = Text.assemble(("life ", "bold"), bar(body.life, "red"), ("  food ", "bold"), bar(body.food, "yellow"),
                             f"  step {body.steps}/{episode.steps}  deaths {body.deaths}")
        items = sorted(body.items.items(), key=lambda each: (-int(ITEMS.tier[ITEMS.id(each[0])]), -each[1], each[0]))
        carried = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in items[:SHOWN]) or "nothing"
        parts: list[RenderableType] = [bars, Text(f"carries {carried}"), Text("\n".join(self.rows))]
        tree = self.tree(episode)
        if tree is not None:
            parts.append(rich_tree(tree))
        return Panel(Group(*parts), title="; ".join(goal.words() for goal in episode.goals))

    def tree(self, episode: Episode) -> Tree | None:
        """The needs that remain, worked out anew for each action."""
        number = id(self._seen)
        if self._tree[0] != number:
            planner = getattr(episode.planner, "planner", episode.planner)
            try:
                self._tree = number, planner.tree(episode.crew.state()) if hasattr(planner, "tree") else None
            except VeclinkError:
                self._tree = number, None
        return self._tree[1]


def bar(value: float, colour: str) -> Any:
    """Half hearts or half shanks as ten signs."""
    from rich.text import Text

    full = max(0, min(10, round(value / 2)))
    return Text("\u2665" * full, colour) + Text("\u00b7" * (10 - full), "dim")


def timeline(result: Mapping[str, Any], path: str | Path) -> Path:
    """When each item was first won, as a picture (PNG, SVG or PDF).

    Args:
        result: of `EpisodeResult.to_dict()`.

    Raises:
        FolderError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    won = sorted(result["won"].items(), key=lambda each: each[1])
    figure = Figure(figsize=(9, 1.2 + 0.26 * max(3, len(won))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for row, (item, step) in enumerate(won):
        key = item in MILESTONES
        axes.plot([0, step], [row, row], color="#cfd8e3", linewidth=1)
        axes.plot(step, row, "o", color="#c2452d" if item == "diamond" else "#2f6db3" if key else "#9aa7b5")
        axes.annotate(f"{item.replace('_', ' ')}  {step:,}", (step, row), xytext=(6, 0), textcoords="offset points",
                      va="center", fontsize=8, weight="bold" if key else "normal")
    axes.set(xlim=(0, max(1, result["steps"]) * 1.22), ylim=(len(won) - 0.4, -0.6), yticks=[],
             xlabel="world steps until it was first carried")
    end = "reached" if result["success"] else f"not reached ({result['reason']})"
    how = result["protocol"]
    axes.set_title(f"{'; '.join(result['goals'])}: {end} after {result['steps']:,} steps, {result['deaths']} deaths\n"
                   f"protocol {how['name']}, seed {how['seeds'][0]}, at most {how['step_limit']:,} steps,"
                   f" {how['llm_queries']} LLM queries", fontsize=9, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise FolderError("a file that can be written", str(path), str(error)[:100]) from error
    return path
