"""Painters of opaque blocks: stones, soils, woods, bricks, machines. Each takes a Canvas and looks.json's arguments."""

from __future__ import annotations

import numpy as np

from veclink.envs.voxel.render.brush import COLUMNS, EDGE, RING, ROWS, SIDE, Canvas

Colour = list[float]
DARK = [28.0, 26.0, 26.0]


def scaled(colour: Colour, factor: float) -> Colour:
    return [part * factor for part in colour]


def noise(c: Canvas, colour: Colour, amount: float = 8) -> None:
    c.fill(colour, amount)


def stone(c: Canvas, colour: Colour, amount: float = 9) -> None:
    c.fill(colour, amount * 0.6, 0.7)
    for _ in range(7):  # short level streaks
        y, x, n = c.grain.whole(0, 15), c.grain.whole(0, 15), c.grain.whole(2, 5)
        c.shade((y == ROWS) & ((COLUMNS - x) % SIDE < n), 0.87 if c.grain.whole(0, 2) else 1.1)


def granite(c: Canvas, colour: Colour, amount: float = 14) -> None:
    c.fill(colour, amount, 0.6)
    c.shade(c.grain.uniform(SIDE, SIDE) < 0.14, 0.84)


def polished(c: Canvas, colour: Colour, amount: float = 6) -> None:
    c.fill(colour, amount, 0.5)
    c.shade(EDGE, 0.84)
    c.shade((ROWS == 0) | (COLUMNS == 0), 1.16)


def dirt(c: Canvas, colour: Colour, amount: float = 14) -> None:
    c.fill(colour, amount, 0.3)
    spots = c.grain.uniform(SIDE, SIDE)
    c.shade(spots < 0.13, 0.76)
    c.shade(spots > 0.93, 1.16)


def grass(c: Canvas, colour: Colour, amount: float = 18) -> None:
    c.fill(colour, amount, 0.3)
    c.shade(c.grain.uniform(SIDE, SIDE) < 0.2, 0.86)
    c.alpha[:] = 254


def side_cap(c: Canvas, colour: Colour, cap: Colour) -> None:
    dirt(c, colour)
    depth = 3 + (c.grain.uniform(SIDE) * 2.6).astype(int)
    c.put(depth[None, :] > ROWS, cap, 14)
    c.shade(depth[None, :] == ROWS, 0.8)


def grass_side(c: Canvas, colour: Colour, cap: Colour) -> None:
    dirt(c, colour)
    depth = 2 + (c.grain.uniform(SIDE) * 3.4).astype(int)
    c.put(depth[None, :] > ROWS, cap, 18, alpha=254)
    c.shade(depth[None, :] == ROWS, 0.8)


def furrows(c: Canvas, colour: Colour) -> None:
    dirt(c, colour, 8)
    c.shade(ROWS % 4 == 3, 0.72)
    c.shade(ROWS % 4 == 1, 1.1)


def gravel(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 8, 0.2)
    spots = c.grain.uniform(8, 8).repeat(2, 0).repeat(2, 1)
    spots = np.roll(spots, 1, 1) * 0.5 + c.grain.uniform(SIDE, SIDE) * 0.5
    c.rgb *= (0.72 + 0.56 * spots)[..., None]


def blotch(c: Canvas, colour: Colour, amount: float = 16) -> None:
    c.fill(colour, amount, 0.85)
    c.rgb += (c.grain.smooth(8) * amount * 0.8)[..., None]


def faces(c: Canvas, colour: Colour) -> None:
    blotch(c, colour, 10)
    for _ in range(5):
        y, x = c.grain.whole(1, 13), c.grain.whole(1, 12)
        c.shade((abs(ROWS - y) <= 1) & (abs(COLUMNS - x) <= 1), 0.68)


def strata(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 5, 0.2)
    c.rgb *= (0.94 + 0.1 * c.grain.uniform(SIDE))[:, None, None]
    c.shade((ROWS == 3) | (ROWS == 10), 0.86)
    c.shade(ROWS >= 14, 0.8)
    c.shade(ROWS == 0, 1.08)


def _cells(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A wrapping mosaic: which cell each texel is of, and how near it is to a border (0 on it)."""
    at = c.grain.uniform(count, 2) * SIDE
    dy = np.abs(ROWS[..., None] - at[:, 0])
    dx = np.abs(COLUMNS[..., None] - at[:, 1])
    far = np.hypot(np.minimum(dy, SIDE - dy), np.minimum(dx, SIDE - dx))
    order = np.sort(far, axis=2)
    return far.argmin(axis=2), order[..., 1] - order[..., 0]


def cobble(c: Canvas, colour: Colour, moss: Colour | None = None) -> None:
    cell, border = _cells(c, 13)
    c.fill(colour, 7, 0.2)
    c.rgb *= (0.84 + 0.34 * c.grain.uniform(13))[cell][..., None]
    if moss:
        c.put(c.grain.smooth(5) > 0.1, moss, 16)
    c.shade(border < 1.0, 0.64)


def bricks(c: Canvas, colour: Colour, joint: Colour, high: int, wide: int) -> None:
    c.fill(colour, 8, 0.3)
    row, shift = ROWS // high, (ROWS // high % 2) * (wide // 2)
    column = (COLUMNS + shift) % SIDE // wide
    c.rgb *= (0.9 + 0.2 * c.grain.uniform(16, 16))[row, column][..., None]
    mortar = (ROWS % high == high - 1) | ((COLUMNS + shift) % wide == wide - 1)
    c.put(mortar, joint, 6)
    c.shade(~mortar & ((ROWS % high == 0) | ((COLUMNS + shift) % wide == 0)), 1.1)


def planks(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 3, 0.1)
    streak = np.cumsum(c.grain.uniform(SIDE, SIDE) - 0.5, axis=1)
    c.rgb *= (1 + 0.035 * (streak - streak.mean(1, keepdims=True)) * c.style.noise)[..., None]
    c.rgb *= (0.93 + 0.14 * c.grain.uniform(4))[ROWS // 4][..., None]
    c.shade(ROWS % 4 == 3, 0.68)
    for row in range(4):
        c.shade((row == ROWS // 4) & (c.grain.whole(0, 15) == COLUMNS), 0.74)


def bark(c: Canvas, colour: Colour, birch: bool = False) -> None:
    c.fill(colour, 6, 0.2)
    if birch:
        for _ in range(9):
            y, x, n = c.grain.whole(0, 15), c.grain.whole(0, 15), c.grain.whole(2, 5)
            c.put((y == ROWS) & ((COLUMNS - x) % SIDE < n), [55, 52, 48], 10)
        return
    c.rgb *= (0.72 + 0.5 * c.grain.uniform(SIDE))[None, :, None]
    breaks = c.grain.uniform(SIDE, SIDE)
    c.shade(breaks < 0.12, 0.72)
    c.shade(breaks > 0.93, 1.2)


def rings(c: Canvas, colour: Colour, rim: Colour) -> None:
    c.fill(colour, 5, 0.2)
    c.shade((np.floor(RING) % 2 == 0), 0.84)
    c.put(RING > 7, rim, 8)


def ore(c: Canvas, colour: Colour, gem: Colour) -> None:
    stone(c, colour, 9)
    for n in range(7):
        y, x = 1 + (n * 5 + c.grain.whole(0, 3)) % 12, 1 + (n * 7 + c.grain.whole(0, 3)) % 12
        blob = (abs(ROWS - y) + abs(COLUMNS - x - 0.5) < 1.9) & (c.grain.uniform(SIDE, SIDE) < 0.85)
        c.put(np.roll(blob, 1, 0), scaled(gem, 0.55), 8)
        c.put(blob, gem, 14)
        c.dot(x, y, [min(255.0, part * 1.25 + 30) for part in gem])


def glow(c: Canvas, colour: Colour, light: Colour) -> None:
    cell, border = _cells(c, 9)
    c.fill(colour, 10, 0.3)
    share = np.clip(border / 4.0, 0, 1)[..., None]
    lit = (c.grain.uniform(9) > 0.25)[cell][..., None]
    c.rgb += (np.array(light) - c.rgb) * share * lit


def spots(c: Canvas, colour: Colour, spot: Colour) -> None:
    c.fill(colour, 7, 0.3)
    for n in range(5):
        y, x, size = 2 + n * 5 % 12, 2 + n * 7 % 12, 1.2 + 1.3 * float(c.grain.uniform(1)[0])
        c.put(np.hypot(ROWS - y, COLUMNS - x) < size, spot, 5)


def holes(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 9, 0.3)
    c.shade(c.grain.smooth(8) > 0.35, 0.66)


def wool(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 5, 0.3)
    weave = ((ROWS + 2 * COLUMNS) % 5 == 0) | ((ROWS * 2 + COLUMNS) % 7 == 0)
    c.rgb[weave] = c.rgb[weave] * 0.9 - 2
    c.shade(EDGE, 0.95)


def metal(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 3, 0.4)
    c.shade(ROWS % 5 == 4, 0.88)
    c.shade(EDGE, 0.76)
    c.shade((ROWS == 1) & (COLUMNS > 0) & (COLUMNS < 15), 1.16)


def pillar(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 4, 0.3)
    c.shade(COLUMNS % 4 == 3, 0.84)
    c.shade(COLUMNS % 4 == 0, 1.06)


def hay(c: Canvas, colour: Colour, band: Colour) -> None:
    c.fill(colour, 10, 0.1)
    c.rgb *= (0.78 + 0.4 * c.grain.uniform(SIDE))[None, :, None]
    c.put((ROWS == 4) | (ROWS == 11), band, 8)


def grid(c: Canvas, colour: Colour, line: Colour) -> None:
    planks(c, colour)
    c.put((ROWS % 5 == 0) | (COLUMNS % 5 == 0), line, 6)


def tools(c: Canvas, colour: Colour) -> None:
    planks(c, colour)
    c.shade((ROWS < 3) | (COLUMNS == 0) | (COLUMNS == 15), 0.68)
    c.put((COLUMNS == 4) & (ROWS > 4) & (ROWS < 13), [90, 62, 36])
    c.put((ROWS > 3) & (ROWS < 7) & (abs(COLUMNS - 4) < 3) & (COLUMNS != 4), [150, 150, 152])
    c.put((abs(COLUMNS - 11) + abs(ROWS - 9) < 4) & (ROWS % 2 == 0), [165, 165, 168])


def machine(c: Canvas, colour: Colour, front: int) -> None:
    """Furnaces and dispensers; front 0 a plain side, 1 cold mouth, 2 burning mouth, 3 a spout."""
    cobble(c, colour)
    c.shade(EDGE, 0.78)
    if front == 0:
        return
    if front == 3:
        c.put(np.hypot(ROWS - 7.5, COLUMNS - 7.5) < 3.4, DARK, 3)
        return
    c.put((ROWS >= 9) & (ROWS < 14) & (COLUMNS > 2) & (COLUMNS < 13), DARK, 4)
    c.put((ROWS >= 4) & (ROWS < 7) & (COLUMNS > 3) & (COLUMNS < 12) & (COLUMNS % 2 == 0), DARK, 4)
    if front == 2:
        flame = 14 - 1 - (c.grain.uniform(SIDE) * 4).astype(int)
        inside = (flame[None, :] <= ROWS) & (ROWS < 14) & (COLUMNS > 2) & (COLUMNS < 13)
        c.put(inside, [255, 150, 30], 30)
        c.put(inside & (ROWS == 13), [255, 230, 120], 15)


def chest(c: Canvas, colour: Colour, front: int) -> None:
    planks(c, colour)
    frame = EDGE | (ROWS == 6)
    c.put(frame, scaled(colour, 0.45), 5)
    if front:
        c.put((abs(COLUMNS - 7.5) < 1.5) & (ROWS > 4) & (ROWS < 9), [190, 190, 195], 8)


def chest_top(c: Canvas, colour: Colour) -> None:
    planks(c, colour)
    c.put(EDGE, scaled(colour, 0.45), 5)


def books(c: Canvas, colour: Colour) -> None:
    planks(c, colour)
    covers: list[Colour] = [[120, 40, 30], [50, 70, 120], [60, 100, 50], [130, 100, 50], [90, 50, 110], [150, 140, 120]]
    for shelf in (1, 9):
        c.put((shelf <= ROWS) & (shelf + 6 > ROWS), [40, 28, 16], 4)
        x = 1
        while x < 15:
            wide, high = c.grain.whole(1, 2), c.grain.whole(4, 5)
            c.put((x <= COLUMNS) & (x + wide > COLUMNS) & (COLUMNS < 15) & (shelf + 6 - high <= ROWS)
                  & (shelf + 6 > ROWS), covers[c.grain.whole(0, 5)], 12)
            x += wide + (c.grain.whole(0, 3) == 0)


def tnt(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 8, 0.2)
    c.shade(COLUMNS % 4 == 3, 0.72)
    c.put((ROWS > 4) & (ROWS < 11), [225, 222, 215], 6)
    letters = ["#####.#..#.#####"[:15], "..#...##.#...#..", "..#...#.##...#..", "..#...#..#...#.."]
    for y, text in enumerate(letters):
        for x, mark in enumerate(text[:14]):
            if mark == "#":
                c.dot(x + 1, y + 6, [40, 34, 32])


def cage_full(c: Canvas, colour: Colour) -> None:
    blotch(c, colour, 12)
    c.shade(EDGE | (ROWS % 5 == 2) | (COLUMNS % 5 == 2), 0.6)


def bed_top(c: Canvas, colour: Colour, head: int) -> None:
    wool(c, colour)
    if head:
        c.put(COLUMNS >= 9, [230, 230, 228], 6)
        c.put((COLUMNS >= 7) & (COLUMNS < 9), scaled(colour, 0.7), 6)


def bed_side(c: Canvas, colour: Colour, wood: Colour) -> None:
    wool(c, colour)
    c.put(ROWS > 9, wood, 8)


def skull(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 8, 0.4)
    c.put((ROWS > 10) & (ROWS < 13) & ((abs(COLUMNS - 6) < 1) | (abs(COLUMNS - 9) < 1)), DARK, 4)


def ribs(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 7, 0.4)
    c.rgb *= (0.86 + 0.2 * np.abs(np.sin(np.arange(SIDE) * np.pi / 4)))[None, :, None]


def pumpkin(c: Canvas, colour: Colour, lit: int) -> None:
    ribs(c, colour)
    hole = [255.0, 220.0, 100.0] if lit else [70.0, 40.0, 8.0]
    for x in (3, 10):
        c.put((ROWS > 3) & (ROWS < 7) & (x - (ROWS == 6) <= COLUMNS) & (x + 2 + (ROWS == 6) >= COLUMNS), hole, 8)
    c.put((ROWS > 8) & (ROWS < 12) & (COLUMNS > 2) & (COLUMNS < 13) & ~((ROWS == 9) & (COLUMNS % 3 == 0)), hole, 8)


def cactus(c: Canvas, colour: Colour) -> None:
    pillar(c, colour)
    c.put((COLUMNS % 4 == 1) & (ROWS % 4 == (COLUMNS // 4) % 4), [180, 190, 140], 8)


def shulker(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 6, 0.4)
    c.shade(EDGE | (ROWS == 9), 0.7)
    c.shade((RING > 3) & (RING < 4.2), 0.84)


def lava(c: Canvas, colour: Colour, light: Colour) -> None:
    c.fill(colour, 10, 0.5)
    heat = np.clip(c.grain.smooth(4) * 0.9 + c.grain.smooth(8) * 0.6, 0, 1)[..., None]
    c.rgb += (np.array(light) - c.rgb) * heat


def stars(c: Canvas, colour: Colour) -> None:
    c.fill(colour, 5, 0.5)
    c.put(c.grain.uniform(SIDE, SIDE) > 0.93, [90, 190, 170], 60)
