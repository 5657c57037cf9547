"""Showing a tree of needs: in the terminal with ticks, as JSON, and as a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from veclink.agent.embodied.tree import Need, Tree
from veclink.agent.errors import FolderError

if TYPE_CHECKING:
    from rich.tree import Tree as RichTree

MOST_DRAWN = 400  # needs in a picture
DPI = 110
TITLE = "#1f3b57"
COLOURS = {
    "goal": "#f4c95d",
    "tool": "#9ec5e8",
    "keep": "#9ec5e8",
    "fuel": "#f0a58f",
    "table": "#d9c2a3",
    "furnace": "#c9c9c9",
}


def line(need: Need) -> str:
    """One need in words: "3 iron_ingot: smelt iron_ore in a furnace (690 ticks)"."""
    name = f"{need.count} {need.object}"
    if need.done:
        return f"{name}: there"
    had = f", {need.have} there" if need.have else ""
    return f"{name}{had}: {deed(need)} ({need.ticks:.0f} ticks)" if need.way or need.kind != "have" else f"{name}{had}"


def deed(need: Need) -> str:
    """How it is won, in words."""
    info = need.information.words()
    where = f", {info}" if info else ""
    held = f" with {need.tool}" if need.tool else ""
    if not need.way:
        return f"{need.kind}{held}{where}"
    way = need.way
    if way.kind in ("craft", "smelt"):
        stuff = " + ".join(f"{number} {item}" for item, number in need.material)
        at = f" at a {way.station}" if way.station else " by hand"
        return f"{way.kind} from {stuff}{at}"
    return f"{way.kind} {need.goes} {way.target}{held}{where}".replace("  ", " ")


def rich_tree(tree: Tree) -> RichTree:
    """For rich's console: a tick where a need is met, the role where it is not a plain material."""
    from rich.markup import escape
    from rich.text import Text
    from rich.tree import Tree as RichTree

    title = "; ".join(goal.words() for goal in tree.goals)
    root = RichTree(Text.from_markup(f"[bold]{escape(title)}[/bold] [dim]{tree.ticks:.0f} ticks[/dim]"))

    def grow(branch: RichTree, need: Need) -> None:
        mark = "[green]\u2713[/green]" if need.done else "[dim]\u00b7[/dim]"
        role = f"[dim]{need.role}[/dim] " if need.role not in ("material", "goal") else ""
        here = branch.add(Text.from_markup(f"{mark} {role}{escape(line(need))}"))
        for child in need.children:
            grow(here, child)

    for need in tree.roots:
        grow(root, need)
    return root


def text(tree: Tree) -> str:
    """The same as plain lines, two spaces a level."""
    lines = ["; ".join(goal.words() for goal in tree.goals)]

    def grow(need: Need, level: int) -> None:
        mark = "x" if need.done else " "
        role = f"{need.role}: " if need.role not in ("material", "goal") else ""
        lines.append(f"{'  ' * level}[{mark}] {role}{line(need)}")
        for child in need.children:
            grow(child, level + 1)

    for need in tree.roots:
        grow(need, 0)
    return "\n".join(lines)


def to_json(tree: Tree) -> str:
    """As a JSON document."""
    return json.dumps(tree.to_dict(), indent=1)


def picture(tree: Tree, path: str | Path) -> Path:
    """Draw it into a PNG, SVG or PDF file.

    Raises:
        FolderError: the ending is none of these, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise FolderError("a file ending in .png, .svg or .pdf", repr(path.name), "give one of these endings")
    rows: list[tuple[Need, int, int]] = []  # need, level, row of the need above (-1 none)

    def grow(need: Need, level: int, above: int) -> None:
        if len(rows) < MOST_DRAWN:
            rows.append((need, level, above))
            mine = len(rows) - 1
            for child in need.children:
                grow(child, level + 1, mine)

    for need in tree.roots:
        grow(need, 0, -1)
    width = 4.0 + 0.5 * max(level for _, level, _ in rows) + 0.075 * max(len(line(need)) for need, _, _ in rows)
    figure = Figure(figsize=(width, 0.8 + 0.3 * len(rows)))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(-0.5, width * 2), ylim=(len(rows) + 0.3, -1.5))
    axes.set_axis_off()
    title = "; ".join(goal.words() for goal in tree.goals)
    axes.text(0, -0.8, f"{title} ({tree.ticks:.0f} ticks)", weight="bold", color=TITLE, fontsize=11, va="center")
    for row, (need, level, above) in enumerate(rows):
        if above >= 0:
            left = level - 1 + 0.2
            axes.plot([left, left, level - 0.1], [above + 0.4, row, row], color="#999999", linewidth=0.8)
        face = "#d8efd3" if need.done else COLOURS.get(need.role, "#ffffff")
        label = re.sub(r"\$", r"\\$", line(need))
        style = {"boxstyle": "round,pad=0.25", "facecolor": face, "edgecolor": "#777777", "linewidth": 0.6}
        axes.text(level, row, label, fontsize=8, va="center", bbox=style)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise FolderError("a file that can be written", str(path), error.strerror or "choose another") from error
    return path


def lines_of_plan(actions: Sequence[object]) -> list[str]:
    """Actions as numbered lines."""
    return [f"{i + 1:2d}. {getattr(action, 'words', lambda: '')()}" for i, action in enumerate(actions)]
