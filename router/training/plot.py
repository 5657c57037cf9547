"""The losses of a training log as a picture."""

from __future__ import annotations

import json
from pathlib import Path


def plot_log(log: Path, picture: Path) -> None:
    """Draw every loss of a JSONL log over its steps and save it as PNG."""
    from matplotlib.figure import Figure

    rows = [row for row in map(json.loads, log.read_text("utf8").splitlines()) if "step" in row]
    names = sorted({name for row in rows for name in row} - {"step", "of", "seconds", "rate"})
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in names:
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    if names:
        axes.legend()
    figure.savefig(picture, dpi=120)
