"""The measurements as pictures: bars with their 95 % intervals and floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS, OTHER, MARK = "#2f6db3", "#b9bec6", "#c23b3b"
PARTS = {"core": "#2f6db3", "link": "#e0a030", "decoders": "#5a9e6f", "rest": "#c23b3b"}


def plot_routing(figures: Mapping[str, Any], bag: Mapping[str, Any], picture: Path) -> None:
    """Exact sets of the core beside the bag of words, per number of tools, and the commonest confusions."""
    figure = _figure(10, 4)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    groups = {"all": (figures["exact_set"], bag["exact_set"])}
    for count, part in figures["by_tools"].items():
        groups[f"{count} label{'' if count == '1' else 's'}"] = (part["exact_set"], bag["by_tools"].get(count))
    names = [f"{name}\n{ours['cases']}" for name, (ours, _) in groups.items()]
    _bars(left, names, {"core": [a for a, _ in groups.values()], "bag of words": [b for _, b in groups.values()]})
    left.axhline(0.95, color=MARK, linestyle="--", linewidth=1, label="floor")
    left.set(ylim=(0, 1.05), ylabel="exact set of tools", title="Routing by the words of a request")
    left.legend(loc="lower left", fontsize=8)
    wrong = list(figures["confusions"].items())[:10][::-1]
    right.barh([name for name, _ in wrong], [n for _, n in wrong], color=OURS)
    right.set(xlabel="requests", title="Confusions: wanted -> got" if wrong else "No confusions")
    right.tick_params(axis="y", labelsize=7)
    figure.savefig(picture, dpi=120)


def plot_coco(document: Mapping[str, Any], picture: Path) -> None:
    """AP and AP50 by request beside the direct call, kind by kind."""
    figure = _figure(7, 4)
    axes = figure.subplots()
    names, ours, theirs = [], [], []
    for kind, figures in document["kinds"].items():
        for name, label in (("ap", "AP"), ("ap50", "AP50")):
            names.append(f"{kind}\n{label}")
            ours.append(figures[name])
            theirs.append(figures.get(f"direct_{name}"))
    _bars(axes, names, {"by request": ours, "called directly": theirs})
    axes.set(ylabel="points", title=f"COCO, {document['pictures']} pictures, profile {document['profile']}")
    figure.legend(fontsize=8, loc="outside lower center", ncols=2)
    figure.savefig(picture, dpi=120)


def plot_run(document: Mapping[str, Any], picture: Path) -> None:
    """Where the time of a run goes, and the ratios with their floors."""
    figure = _figure(10, 4)
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bottom = 0.0
    for name, colour in PARTS.items():
        value = document["split"][name]["value"]
        left.bar(["one request,\nthree tools"], [value], bottom=bottom, color=colour, label=f"{name} {value:.1%}")
        bottom += value
    left.set(ylabel="share of the time from call to result", xlim=(-0.8, 1.6))
    left.legend(fontsize=8)
    ratios = document["ratios"]
    names = [name.replace("_", "\n") for name in ratios]
    _bars(right, names, {"ratio": list(ratios.values())})
    for place, ratio in enumerate(ratios.values()):
        floor = ratio.get("floor", ratio.get("ceiling"))
        if floor is not None:
            right.hlines(floor, place - 0.45, place + 0.45, color=MARK, linestyle="--", linewidth=1.5)
            right.annotate(f"{'>=' if 'floor' in ratio else '<='} {floor:g}", (place + 0.45, floor), fontsize=8,
                           color=MARK, va="bottom", ha="right", bbox={"color": "white", "pad": 1})
    right.set(title="Ratios measured side by side; dashed: what is asked")
    right.tick_params(axis="x", labelsize=7)
    figure.savefig(picture, dpi=120)


def plot_embodied(document: Mapping[str, Any], picture: Path) -> None:
    """Shares of the milestones (or goals) with their floors, and the share of episodes by steps."""
    figure = _figure(11, 4)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    parts = document.get("milestones") or dict(list(document.get("by_goal", {}).items())[:40])
    parts = {"goal": document["success"], **parts}
    _bars(left, [name.replace("_", "\n") for name in parts], {"share of the episodes": list(parts.values())})
    for place, part in enumerate(parts.values()):
        if "floor" in part:
            left.hlines(part["floor"], place - 0.45, place + 0.45, color=MARK, linestyle="--", linewidth=1.5)
    left.set(ylim=(0, 1.05), title=f"{document['suite']}, protocol {document['protocol']}, "
             f"{document['success']['cases']} episodes; dashed: what is asked")
    left.tick_params(axis="x", labelsize=7)
    won = sorted(row["steps"] for row in document["episodes_run"] if row["success"])
    shares = [number / document["success"]["cases"] for number in range(len(won) + 1)]
    right.step([0, *won, document["steps"]], [*shares, shares[-1]], where="post", color=OURS)
    right.set(ylim=(0, 1.05), xlim=(0, document["steps"]), xlabel="steps", ylabel="share of episodes with the goal")
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=120)


def _bars(axes: Any, names: Sequence[str], series: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> None:
    """Groups of bars with intervals; None and what has no value is left out."""
    width = 0.8 / len(series)
    for number, (label, row) in enumerate(series.items()):
        held = [(i, f) for i, f in enumerate(row) if f is not None and f["value"] is not None]
        places = [i + (number - (len(series) - 1) / 2) * width for i, _ in held]
        values = [f["value"] for _, f in held]
        down = [max(0.0, f["value"] - f["low"]) for _, f in held]
        up = [max(0.0, f["high"] - f["value"]) for _, f in held]
        axes.bar(places, values, width, label=label, color=(OURS, OTHER)[number], yerr=[down, up], capsize=2,
                 ecolor="#444")
    axes.set_xticks(range(len(names)), names)
    axes.spines[["top", "right"]].set_visible(False)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
