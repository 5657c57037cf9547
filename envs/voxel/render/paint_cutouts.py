"""Painters of what has holes or is half transparent: plants, leaves, glass, rails, water. Each takes a Canvas."""

from __future__ import annotations

import numpy as np

from veclink.envs.voxel.render.brush import COLUMNS, EDGE, RING, ROWS, SIDE, Canvas
from veclink.envs.voxel.render.paint_blocks import Colour, planks, scaled

GREEN: Colour = [62, 128, 40]
TINTED = 254


def leaves(c: Canvas, colour: Colour, open_share: float) -> None:
    c.fill(colour, 26, 0.35)
    c.alpha[:] = TINTED
    depth = c.grain.smooth(8) * 0.5 + c.grain.uniform(SIDE, SIDE) * 0.5
    c.shade(depth < np.quantile(depth, open_share + 0.25), 0.62)
    c.alpha[depth < np.quantile(depth, open_share * 0.75)] = 0


def vine(c: Canvas, colour: Colour) -> None:
    leaves(c, colour, 0.55)


def blades(c: Canvas, colour: Colour, height: int) -> None:
    c.clear()
    for _ in range(13):
        x, lean = float(c.grain.whole(1, 14)), float(c.grain.uniform(1)[0]) - 0.5
        high = c.grain.whole(height // 2, height)
        tone = 0.7 + 0.5 * float(c.grain.uniform(1)[0])
        for step in range(high):
            c.dot(round(x + lean * step * 0.6), 15 - step, scaled(colour, tone * (0.75 + 0.35 * step / high)), 5)
    c.alpha[c.alpha > 0] = TINTED


def fern(c: Canvas, colour: Colour) -> None:
    c.clear()
    for side in (-1, 0, 1):
        for step in range(14):
            x = 7.5 + side * step * 0.42
            spread = 2 if 2 < step < 12 and step % 2 else 0
            for k in range(-spread, spread + 1):
                c.dot(round(x + k), 15 - step + abs(k) // 2, scaled(colour, 0.72 + 0.3 * step / 14), 10)
    c.alpha[c.alpha > 0] = TINTED


def _stem(c: Canvas, height: int, colour: Colour = GREEN) -> None:
    for step in range(height):
        c.dot(7 + (step % 5 == 4), 15 - step, scaled(colour, 0.75 + 0.03 * step), 6)


def flower(c: Canvas, colour: Colour, size: int) -> None:
    c.clear()
    _stem(c, 9 if size < 6 else 7)
    for x, y in ((5, 13), (9, 12), (6, 12), (10, 11)):
        c.dot(x, y, GREEN, 14)
    middle = 15 - (9 if size < 6 else 8)
    disc = np.hypot(ROWS - middle, COLUMNS - 7.5)
    c.put(disc < size / 1.7, colour, 18)
    c.put((disc < size / 1.7) & (disc > size / 1.7 - 1), scaled(colour, 0.78), 10)
    c.put(disc < size / 4.2, [226, 190, 50] if size < 6 else [90, 58, 20], 10)


def stalk(c: Canvas, colour: Colour) -> None:
    c.clear()
    _stem(c, 16, colour)
    for y in (3, 7, 11):
        for k in range(1, 5):
            c.dot(7 - k, y - k // 2, colour, 10)
            c.dot(8 + k, y + 1 - k // 2, colour, 10)


def bush_leaves(c: Canvas, colour: Colour, bloom: Colour) -> None:
    c.clear()
    inside = (np.hypot(ROWS - 8, COLUMNS - 7.5) < 7.6) & (c.grain.uniform(SIDE, SIDE) < 0.74)
    c.put(inside, colour, 22)
    c.put(inside & (c.grain.smooth(8) > 0.32), bloom, 16)


def bush(c: Canvas, colour: Colour) -> None:
    c.clear()
    for turn in (-0.9, -0.45, 0.0, 0.5, 0.95):
        for step in range(11):
            tone = 0.75 + 0.4 * float(c.grain.uniform(1)[0])
            c.dot(round(7.5 + turn * step * 0.62), 15 - step, scaled(colour, tone), 6)
            if step > 5 and step % 3 == 0:
                c.dot(round(7.5 + turn * step * 0.62) + 1, 14 - step, colour, 6)


def sapling(c: Canvas, colour: Colour) -> None:
    c.clear()
    _stem(c, 7, [104, 80, 44])
    crown = (np.hypot((ROWS - 6) * 0.95, COLUMNS - 7.5) < 5.6) & (c.grain.uniform(SIDE, SIDE) < 0.82)
    c.put(crown, colour, 24)


def mushroom(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((abs(COLUMNS - 7.5) < 1.5) & (ROWS > 9), [214, 206, 190], 8)
    cap = (np.hypot((ROWS - 10) * 1.1, COLUMNS - 7.5) < 4.9) & (ROWS <= 10)
    c.put(cap, colour, 10)
    c.shade(cap & (ROWS == 10), 0.7)
    if colour[0] > 200:
        c.put(cap & ((ROWS + 2 * COLUMNS) % 7 == 0), [240, 235, 230], 4)


def reeds(c: Canvas, colour: Colour) -> None:
    c.clear()
    for x in (2, 6, 7, 11, 13):
        c.put(x == COLUMNS, scaled(colour, 0.8 + 0.3 * float(c.grain.uniform(1)[0])), 10)
    c.put((ROWS % 6 == 2) & (c.alpha > 0), scaled(colour, 1.25), 6)
    c.put((ROWS % 7 == 4) & ((COLUMNS == 5) | (COLUMNS == 12)), scaled(colour, 0.8), 8)


def crop(c: Canvas, colour: Colour, height: int, kind: str, fruit: Colour | None = None) -> None:
    c.clear()
    if kind == "stem":
        _stem(c, height, colour)
        return
    for x in range(1, 16, 2):
        high = max(2, height - c.grain.whole(0, 2))
        for step in range(high):
            tone = 0.72 + 0.4 * step / high
            c.dot(x + (step % 4 == 3), 15 - step, scaled(colour, tone), 12)
            if kind == "wheat" and step > high - 6 and step % 2:
                c.dot(x - 1, 15 - step, scaled(colour, tone * 1.12), 10)
    if fruit and height > 10:
        c.put((ROWS > 12) & (c.alpha > 0) & (COLUMNS % 4 == 1), fruit, 14)


def web(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((abs(ROWS - COLUMNS) < 1) | (abs(ROWS + COLUMNS - 15) < 1) | (ROWS == 7) | (COLUMNS == 8), colour, 10)
    c.put((np.floor(RING) % 3 == 1) & (c.grain.uniform(SIDE, SIDE) < 0.8), scaled(colour, 0.9), 10)


def lily(c: Canvas, colour: Colour) -> None:
    c.clear()
    disc = (np.hypot(ROWS - 7.5, COLUMNS - 7.5) < 7.2) & ~((abs(COLUMNS - 7.5) < (7 - ROWS) * 0.45) & (ROWS < 7))
    c.put(disc, colour, 12)
    c.shade(disc & (abs(abs(ROWS - 7.5) - abs(COLUMNS - 7.5)) < 0.8), 0.82)


def glass(c: Canvas, colour: Colour, body: int) -> None:
    """`body` is the alpha of the pane, 0 for a clear one."""
    c.fill(colour, 4, 0.5)
    c.alpha[:] = body
    c.put(EDGE, scaled(colour, 0.86), 5, 255 if body == 0 else 200)
    across = ROWS + COLUMNS
    gleam = ((across == 8) | (across == 10) | (across == 21)) & ~EDGE & (abs(ROWS - COLUMNS) < 6)
    c.put(gleam, [min(255.0, part * 1.1 + 20) for part in colour], 3, 190)


def ice(c: Canvas, colour: Colour, body: int) -> None:
    c.fill(colour, 5, 0.7)
    crack = (abs((ROWS * 2 + COLUMNS) % 16 - 8) < 1) & (c.grain.uniform(SIDE, SIDE) < 0.55)
    c.put(crack, [min(255.0, part + 40) for part in colour], 5)
    c.alpha[:] = body


def jelly(c: Canvas, colour: Colour, body: int) -> None:
    c.fill(colour, 5, 0.6)
    c.shade(RING > 6, 0.8)
    c.shade(RING < 4, 0.86)
    c.alpha[:] = body


def bars(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((COLUMNS % 4 == 1) | (ROWS == 1) | (ROWS == 14), colour, 12)


def cage(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((ROWS % 5 == 0) | (COLUMNS % 5 == 0), colour, 14)


def door(c: Canvas, colour: Colour, part: int) -> None:
    """part 0 lower half, 1 upper half with windows, 2 trapdoor."""
    planks(c, colour)
    c.shade(EDGE & ~((ROWS == 15) if part == 1 else (ROWS == 0) if part == 0 else EDGE & False), 0.66)
    if part == 0:
        c.shade((ROWS > 2) & (ROWS < 13) & (COLUMNS > 3) & (COLUMNS < 12) & (RING > 3.6), 0.82)
        c.put((ROWS == 1) & (COLUMNS == 13), [60, 55, 50])
        return
    window = (abs(abs(COLUMNS - 7.5) - 3) < 2) & (abs(ROWS - (6 if part == 1 else 7)) < 4) & (ROWS != 6)
    c.alpha[window] = 0


def ladder(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((COLUMNS == 2) | (COLUMNS == 3) | (COLUMNS == 12) | (COLUMNS == 13), colour, 8)
    c.put((ROWS % 4 == 1) & (COLUMNS > 0) & (COLUMNS < 15), scaled(colour, 1.16), 8)
    c.put((ROWS % 4 == 2) & (COLUMNS > 0) & (COLUMNS < 15), scaled(colour, 0.6), 8)


def torch(c: Canvas, wood: Colour, flame: Colour) -> None:
    c.fill(wood, 10, 0.2)
    c.put(ROWS < 9, flame, 12)
    c.put((ROWS == 6) & (abs(COLUMNS - 7.5) < 1), [255, 250, 210], 4)


def rail(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((ROWS % 4 == 1) & (COLUMNS > 0) & (COLUMNS < 15), [110, 82, 46], 8)
    c.put((COLUMNS == 2) | (COLUMNS == 13), colour, 10)


def dust(c: Canvas, colour: Colour) -> None:
    c.clear()
    line = (abs(ROWS - 7.5) < 1.6) | (abs(COLUMNS - 7.5) < 1.6)
    c.put(line & (c.grain.uniform(SIDE, SIDE) < 0.75), colour, 30)


def wire(c: Canvas, colour: Colour) -> None:
    c.clear()
    c.put((ROWS == 7) | (ROWS == 8), colour, 8)


def water(c: Canvas, colour: Colour, body: int) -> None:
    c.fill(colour, 7, 0.8)
    c.rgb += (np.maximum(c.grain.smooth(5) - 0.25, 0) * 40)[..., None]
    c.alpha[:] = body


def swirl(c: Canvas, colour: Colour, body: int) -> None:
    c.fill(colour, 30, 0.9)
    c.alpha[:] = body


def fire(c: Canvas, colour: Colour) -> None:
    c.clear()
    top = 3 + (c.grain.smooth(8)[0] * 3 + c.grain.uniform(SIDE) * 5).astype(int)
    flame = top[None, :] <= ROWS
    c.put(flame, [230, 110, 20], 20)
    c.put(flame & (top[None, :] + 4 <= ROWS), colour, 20)
    c.put(flame & (top[None, :] + 8 <= ROWS), [255, 232, 140], 12)
