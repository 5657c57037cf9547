"""Painters of mobs' skins and of items. Marks are [x, y, width, height, colour] on 8 x 8, as mobs' faces."""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.voxel.render.brush import COLUMNS, EDGE, RING, ROWS, Canvas
from veclink.envs.voxel.render.paint_blocks import Colour, scaled

Marks = list[list[Any]]


def _mark(c: Canvas, marks: Marks) -> None:
    for x, y, wide, high, colour in marks:
        c.put((2 * x <= COLUMNS) & (2 * (x + wide) > COLUMNS) & (2 * y <= ROWS) & (2 * (y + high) > ROWS), colour, 3)


def hide(c: Canvas, colour: Colour, amount: float = 8, spots: Colour | None = None, marks: Marks | None = None) -> None:
    c.fill(colour, amount, 0.5)
    if spots:
        c.put(c.grain.smooth(4) > 0.22, spots, amount)
    _mark(c, marks or [])


def fleece(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 6, 0.3)
    curl = np.sin(ROWS * 1.6 + c.grain.smooth(4) * 4) * np.sin(COLUMNS * 1.6 + c.grain.smooth(5) * 4)
    c.rgb *= (0.93 + 0.07 * curl)[..., None]


def spotted(c: Canvas, colour: Colour, spot: Colour) -> None:
    c.fill(colour, 8, 0.3)
    c.put((c.grain.smooth(8) > 0.4), spot, 10)


def mottled(c: Canvas, colour: Colour, light: Colour, marks: Marks | None = None) -> None:
    share = c.grain.uniform(8, 8).repeat(2, 0).repeat(2, 1)[..., None]
    c.rgb[:] = np.array(colour) * (0.72 + 0.5 * share)
    c.put(share[..., 0] > 0.8, light, 10)
    c.put(share[..., 0] < 0.12, scaled(colour, 0.55), 6)
    _mark(c, marks or [])


def ribcage(c: Canvas, colour: Colour) -> None:
    c.fill(scaled(colour, 0.3), 5, 0.3)
    c.put((ROWS % 4 < 2) & (ROWS < 11) & (abs(COLUMNS - 7.5) < 7), colour, 8)
    c.put(abs(COLUMNS - 7.5) < 1.2, scaled(colour, 0.9), 8)
    c.put(ROWS > 13, colour, 8)


def banded(c: Canvas, colour: Colour, light: Colour) -> None:
    c.fill(colour, 8, 0.5)
    c.put(ROWS % 5 == 3, light, 26)


def rim(c: Canvas, colour: Colour) -> None:
    """The outer skin of a slime: see-through but for its edges and a fine mesh."""
    c.clear()
    c.put(EDGE | ((ROWS + COLUMNS) % 4 == 0), colour, 8)


# -- items: pictures with holes ----------------------------------------------------------------------------------------


def _line(c: Canvas, colour: Colour, x0: float, y0: float, x1: float, y1: float, wide: int = 1) -> None:
    steps = int(max(abs(x1 - x0), abs(y1 - y0))) * 2 + 1
    for step in range(steps + 1):
        x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
        for k in range(wide):
            c.dot(round(x) + k, round(y), scaled(colour, 1.0 - 0.18 * k), 6)


def tool(c: Canvas, colour: Colour, kind: str) -> None:
    c.clear()
    wood: Colour = [120, 88, 44]
    if kind == "sword":
        _line(c, colour, 5, 10, 13, 2, 2)
        _line(c, scaled(colour, 0.7), 3, 8, 7, 12, 1)
        _line(c, wood, 2, 13, 4, 11, 2)
        return
    _line(c, wood, 2, 13, 10, 5, 2)
    if kind == "pickaxe":
        _line(c, colour, 5, 3, 11, 3, 2)
        _line(c, colour, 12, 4, 12, 10, 2)
    elif kind == "axe":
        c.put((abs(COLUMNS - 8) + abs(ROWS - 5) < 4) & (COLUMNS + ROWS < 15), colour, 8)
    elif kind == "shovel":
        c.put((abs(COLUMNS - 11) < 3) & (abs(ROWS - 4) < 3), colour, 8)
    else:
        _line(c, colour, 7, 3, 12, 4, 2)
        _line(c, colour, 6, 4, 8, 4, 2)


def wear(c: Canvas, colour: Colour, kind: str) -> None:
    c.clear()
    shapes = {
        "helmet": (ROWS > 3) & (ROWS < 12) & (abs(COLUMNS - 7.5) < 5) & ~((ROWS > 7) & (abs(COLUMNS - 7.5) < 3)),
        "chestplate": (ROWS > 1) & (ROWS < 15) & (abs(COLUMNS - 7.5) < np.where(ROWS < 7, 7, 5))
        & ~((ROWS < 5) & (abs(COLUMNS - 7.5) < 2)),
        "leggings": (ROWS > 1) & (ROWS < 15) & (abs(COLUMNS - 7.5) < 5) & ~((ROWS > 5) & (abs(COLUMNS - 7.5) < 1.5)),
        "boots": (ROWS > 5) & (ROWS < 14) & (abs(abs(COLUMNS - 7.5) - 4) < 3)
        & ~((ROWS < 10) & (abs(COLUMNS - 7.5) > 5)),
    }
    c.put(shapes[kind], colour, 12)
    c.shade(shapes[kind] & (ROWS % 5 == 4), 0.78)


def rod_item(c: Canvas, colour: Colour) -> None:
    c.clear()
    _line(c, colour, 2, 13, 12, 3, 2)


def torch_item(c: Canvas, colour: Colour) -> None:
    c.clear()
    _line(c, [120, 88, 44], 7, 14, 7, 6, 2)
    c.put((abs(COLUMNS - 7.5) < 1.2) & (ROWS > 3) & (ROWS < 7), colour, 12)


def seeds_item(c: Canvas, colour: Colour) -> None:
    c.clear()
    for n in range(9):
        x, y = 3 + n * 5 % 10 + c.grain.whole(0, 1), 4 + n * 7 % 9
        c.put((abs(COLUMNS - x) < 1) & (abs(ROWS - y) < 2), scaled(colour, 0.8 + 0.05 * n), 8)


def bow_item(c: Canvas, colour: Colour) -> None:
    c.clear()
    arc = np.hypot(ROWS - 13, COLUMNS - 13)
    c.put((abs(arc - 10) < 0.9) & (ROWS < 14) & (COLUMNS < 14), colour, 8)
    _line(c, [210, 210, 210], 3, 13, 13, 3)


def shears_item(c: Canvas, colour: Colour) -> None:
    c.clear()
    _line(c, colour, 3, 3, 12, 12, 2)
    _line(c, colour, 12, 3, 3, 12, 2)


def ingot(c: Canvas, colour: Colour) -> None:
    c.clear()
    bar = (abs(ROWS - 8) < 4) & (abs(COLUMNS - 7.5 + (ROWS - 8) * 0.6) < 5)
    c.put(bar, colour, 8)
    c.shade(bar & (ROWS > 9), 0.72)
    c.shade(bar & (ROWS == 5), 1.15)


def vessel(c: Canvas, colour: Colour, content: Colour) -> None:
    c.clear()
    cup = (ROWS > 3) & (ROWS < 14) & (abs(COLUMNS - 7.5) < 6.5 - (ROWS - 4) * 0.3)
    c.put(cup, colour, 8)
    c.put(cup & (ROWS < 7) & (abs(COLUMNS - 7.5) < 5), content, 10)


def disc(c: Canvas, colour: Colour, label: Colour) -> None:
    c.clear()
    far = np.hypot(ROWS - 7.5, COLUMNS - 7.5)
    c.put(far < 6.5, colour, 8)
    c.put(far < 2.6, label, 6)


def lump(c: Canvas, colour: Colour) -> None:
    c.clear()
    edge = 5.4 + c.grain.smooth(5) * 1.2
    blob = np.hypot(ROWS - 8, COLUMNS - 7.5) < edge
    c.put(blob, colour, 12)
    c.shade(blob & (ROWS - COLUMNS > 3), 0.76)
    c.shade(blob & (ROWS + COLUMNS < 11), 1.2)
    c.shade(blob & (RING > 4.6), 0.82)
