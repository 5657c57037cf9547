"""The measurement of the embedded core as pictures: four ways beside one another, routing and answers, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from veclink.agent.measure.nano.cases import MAIN
from veclink.agent.measure.nano.subject import ARMS

COLOURS = {"link": "#2f6db3", "text": "#e0a030", "bridge": "#5a9e6f", "shuffled": "#b9bec6", "routed": "#7d5ba6"}
FLOOR = "#c23b3b"
SPATIAL = (  # words, role, figure, floor
    ("detection\nAP50", "boxes", "ap50", 0.85), ("unseen\nphrases", "boxes", "ap50_unseen_phrases", 0.65),
    ("attribute\nP@0.5", "boxes", "referring_attribute", 0.70), ("spatial\nP@0.5", "boxes", "referring_spatial", 0.70),
    ("visual prompt\nP@0.5", "boxes", "visual_prompt", None), ("masks\nmIoU", "masks", "miou", 0.75),
    ("masks, prompt\nmIoU", "masks", "visual_prompt", None), ("pose\nPCK@0.1", "keypoints", "pck", 0.85),
    ("pose\nOKS AP", "keypoints", "oks_ap", None))
MOST_NAMES = 40


def plot_nano(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the pictures; their paths."""
    part = document["parts"][MAIN]
    made = [folder / f"nano-{name}.png" for name in ("arms", "core", "edits", "phrases")]
    plot_arms(document, made[0])
    plot_core(part, made[1])
    plot_edits(part, made[2])
    plot_phrases(part, made[3])
    return made


def plot_arms(document: Mapping[str, Any], picture: Path) -> None:
    """Every spatial figure in each arm, a row of axes for each part of the measurement."""
    parts = document["parts"]
    figure = _figure(12, 3.8 * len(parts) + 0.3)
    rows = figure.subplots(len(parts), squeeze=False)[:, 0]
    axes = rows[0]
    for axes, (name, part) in zip(rows, parts.items(), strict=True):
        series = {arm: [_held(part, role, arm, key) for _, role, key, _ in SPATIAL] for arm in document["arms"]}
        _bars(axes, [words for words, *_ in SPATIAL], series)
        for place, (*_, floor) in enumerate(SPATIAL):
            if floor is not None and name == MAIN:
                axes.hlines(floor, place - 0.45, place + 0.45, color=FLOOR, linestyle="--", linewidth=1.2)
        axes.set(ylim=(0, 1.05), title=f"{name}, {part['pictures']} pictures, split {document['split']}; dashed: asked")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, ncols=len(labels) or 1, loc="outside lower center")
    figure.savefig(picture, dpi=120)


def plot_core(part: Mapping[str, Any], picture: Path) -> None:
    """Routing, counting and questions."""
    figure = _figure(11, 4)
    axes = figure.subplots()
    rows = {**{f"routing\n{name}": row["exact"] for name, row in part["routing"].items()},
            "counting": part["answers"]["counting"],
            **{f"count\n{n}": row for n, row in part["answers"]["counting_of"].items()},
            "questions": part["answers"]["questions"], **part["answers"]["questions_of"]}
    _bars(axes, list(rows), {"link": list(rows.values())})
    axes.set(ylim=(0, 1.05), ylabel="share right", title="The core's words and routes")
    axes.tick_params(axis="x", labelsize=7)
    figure.savefig(picture, dpi=120)


def plot_edits(part: Mapping[str, Any], picture: Path) -> None:
    """PSNR inside and outside what an edit changes, by arm, and what is gained inside by kind of edit."""
    figure = _figure(11, 4)
    left, right = figure.subplots(1, 2)
    arms = {arm: row for arm, row in part["image"].items() if arm in ARMS and "not_trained" not in row}
    keys = ("psnr_inside", "psnr_outside", "gain_inside")
    _bars(left, ["inside", "outside", "gained inside"], {arm: [row[key] for key in keys] for arm, row in arms.items()})
    left.hlines([30, 5], [0.55, 1.55], [1.45, 2.45], color=FLOOR, linestyle="--", linewidth=1.2)
    left.set(ylabel="dB", title="Edits against the true re-render" if arms else "Edits: not trained")
    kinds = sorted({kind for row in arms.values() for kind in row["kinds"]})
    _bars(right, [kind.replace(" ", "\n") for kind in kinds],
          {arm: [row["kinds"].get(kind, {}).get("gain_inside") for kind in kinds] for arm, row in arms.items()})
    right.set(ylabel="dB gained inside", title="By kind of edit")
    right.tick_params(axis="x", labelsize=8)
    if arms:
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, fontsize=8, ncols=len(labels), loc="outside lower center")
    figure.savefig(picture, dpi=120)


def plot_phrases(part: Mapping[str, Any], picture: Path) -> None:
    """AP50 of the names that training never saw, the worst first, in each arm."""
    rows = {name: row for name, row in part["phrases"].items() if row["unseen"]}
    arms = [arm for arm in ARMS if any(arm in row for row in rows.values())]

    def worth(name: str) -> float:
        figure = rows[name].get(arms[0]) if arms else None
        return figure["value"] if figure and figure["value"] is not None else 0.0

    names = sorted(rows, key=worth)[:MOST_NAMES]
    figure = _figure(max(6, 0.45 * len(names) + 2), 4.5)
    axes = figure.subplots()
    _bars(axes, [f"{name.split('/')[0]} ({rows[name]['kind']})" for name in names],
          {arm: [rows[name].get(arm) for name in names] for arm in arms})
    axes.set(ylim=(0, 1.05), ylabel="AP50", title="Names never trained on" if names else "No names never trained on")
    axes.tick_params(axis="x", labelsize=7, rotation=90)
    if arms:
        figure.legend(fontsize=8, ncols=len(arms), loc="outside upper center")
    figure.savefig(picture, dpi=120)


def _held(part: Mapping[str, Any], role: str, arm: str, key: str) -> Mapping[str, Any] | None:
    return part[role].get(arm, {}).get(key)


def _bars(axes: Any, names: Sequence[str], series: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> None:
    """Groups of bars with intervals; what has no value is left out."""
    width = 0.8 / max(1, len(series))
    for number, (arm, row) in enumerate(series.items()):
        held = [(i, f) for i, f in enumerate(row) if f is not None and f["value"] is not None]
        places = [i + (number - (len(series) - 1) / 2) * width for i, _ in held]
        values = [f["value"] for _, f in held]
        down = [max(0.0, f["value"] - f["low"]) for _, f in held]
        up = [max(0.0, f["high"] - f["value"]) for _, f in held]
        axes.bar(places, values, width, label=arm, color=COLOURS[arm], yerr=[down, up] if held else None, capsize=1.5,
                 ecolor="#444", error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(names)), names)
    axes.spines[["top", "right"]].set_visible(False)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
