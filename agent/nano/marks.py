"""Regions as people draw them on what they mean: a box, a point, a scribble or a mask."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from veclink.agent.nano.truth import BlockTruth, MobTruth
from veclink.tools.regions import Region

LEAST = 24  # pixels that something must have to be pointed at


def mark_mob(mob: MobTruth, others: Sequence[MobTruth], rng: random.Random) -> Region | None:
    """A region that means this mob: its box a little off, a point or line on it, or its mask roughly drawn.

    None where it is too small, or its box is as much another's.
    """
    if mob.pixels < LEAST:
        return None
    how = rng.choice(("box", "box", "point", "scribble", "mask"))
    if how != "box":
        return _on_mask(mob.mask, how, rng)
    if any(one is not mob and _share(mob.box, one.box) > 0.6 for one in others):
        return _on_mask(mob.mask, "mask", rng)
    height, width = mob.mask.shape
    x0, y0, x1, y1 = mob.box
    slack = 0.08 * max(x1 - x0, y1 - y0) + 1
    x0, x1 = max(0.0, x0 + rng.uniform(-slack, slack)), min(float(width), x1 + rng.uniform(-slack, slack))
    y0, y1 = max(0.0, y0 + rng.uniform(-slack, slack)), min(float(height), y1 + rng.uniform(-slack, slack))
    return Region.box(x0, y0, x1, y1) if x1 - x0 > 2 and y1 - y0 > 2 else None


def mark_block(block: BlockTruth, rng: random.Random) -> tuple[Region | None, np.ndarray]:
    """A point, line or mask on a patch of a kind of block, and (H, W) bool the whole patch."""
    import cv2

    count, patches, stats, _ = cv2.connectedComponentsWithStats(block.mask.astype(np.uint8), connectivity=4)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or sizes.max() < LEAST:
        return None, block.mask
    patch = patches == 1 + int(rng.choice(np.flatnonzero(sizes >= max(LEAST, sizes.max() // 3)).tolist()))
    return _on_mask(patch, rng.choice(("point", "scribble", "mask")), rng), patch


def _on_mask(mask: np.ndarray, how: str, rng: random.Random) -> Region | None:
    """A point or a line inside a mask, or the mask with a rough edge."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    if how == "mask":
        kernel = np.ones((3, 3), np.uint8)
        grown = cv2.dilate(mask.astype(np.uint8), kernel) if rng.random() < 0.5 else mask.astype(np.uint8)
        return Region.of_mask(grown)
    rows, columns = np.nonzero(depth >= 0.6 * depth.max())
    pick = rng.randrange(len(rows))
    x, y = columns[pick] + 0.5, rows[pick] + 0.5
    if how == "point":
        return Region.point(float(x), float(y))
    rows, columns = np.nonzero(mask)
    points = [(float(x), float(y))]
    for _ in range(rng.randint(2, 5)):  # on from place to place, each step inside the mask
        for _try in range(12):
            n = rng.randrange(len(rows))
            there = (float(columns[n]) + 0.5, float(rows[n]) + 0.5)
            if _inside(mask, points[-1], there):
                points.append(there)
                break
    return Region.scribble(points) if len(points) > 1 else Region.point(float(x), float(y))


def _inside(mask: np.ndarray, a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether a straight line between two points stays in the mask."""
    steps = int(max(abs(a[0] - b[0]), abs(a[1] - b[1]))) + 2
    columns = np.linspace(a[0], b[0], steps).astype(int)
    rows = np.linspace(a[1], b[1], steps).astype(int)
    return bool(mask[rows, columns].all())


def _share(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """Intersection over union of two boxes."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
