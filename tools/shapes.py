"""Masks and regions: which masks a region points at, and what of a mask lies inside one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veclink.tools.regions import Region

FITS = 0.5  # IoU, or share of a thing's pixels, from which a mask and a region agree


def inside(mask: np.ndarray, region: Region, margin: float) -> np.ndarray:
    """What of a mask (H, W) lies in a region's box, drawn wider by that share of its sides on each side."""
    x1, y1, x2, y2 = region.bounds()
    wide, high = margin * (x2 - x1), margin * (y2 - y1)
    rows = slice(max(0, int(y1 - high)), int(np.ceil(y2 + high)))
    columns = slice(max(0, int(x1 - wide)), int(np.ceil(x2 + wide)))
    kept = np.zeros_like(mask)
    kept[rows, columns] = mask[rows, columns]
    return kept


def agreeing(masks: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """Indices of the masks that agree with any of the regions, in their own order; none where nothing lies there.

    - A box or mask: the masks that it fits (an IoU above a half; for a box with the mask's bounds); where it fits
      none, those of which at least half the pixels lie inside it.
    - A point: the smallest mask that contains it.
    - A scribble: the smallest of the masks that contain at least half of it.

    Args:
        masks: (n, H, W) bool.
    """
    chosen: set[int] = set()
    if len(masks):
        areas = masks.sum((1, 2))
        for region in regions:
            chosen |= set(_agreeing(masks, areas, region).tolist())
    return np.array(sorted(chosen), int)


def _agreeing(masks: np.ndarray, areas: np.ndarray, region: Region) -> np.ndarray:
    height, width = masks.shape[1:]
    if region.kind in ("point", "scribble"):
        place = region.as_mask(width, height, 1.0) if region.kind == "scribble" else _pixel(region, width, height)
        held = (masks & place).sum((1, 2)) >= FITS * place.sum()
        return np.flatnonzero(held & (areas == areas[held].min(initial=np.iinfo(int).max)))
    place = region.as_mask(width, height)
    shared = (masks & place).sum((1, 2))
    if region.kind == "box":
        fit = _bounds_iou(masks, region.bounds())
    else:
        fit = shared / np.maximum(areas + place.sum() - shared, 1)
    if (fit > FITS).any():
        return np.flatnonzero(fit > FITS)
    return np.flatnonzero(shared >= FITS * np.maximum(areas, 1))


def _pixel(region: Region, width: int, height: int) -> np.ndarray:
    """(H, W) bool: the one pixel in which a point lies."""
    mask = np.zeros((height, width), bool)
    x, y = region.points[0]
    mask[min(int(y), height - 1), min(int(x), width - 1)] = True
    return mask


def _bounds_iou(masks: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """(n,) IoU of the masks' bounds with a box x1, y1, x2, y2."""
    rows, columns = np.asarray(masks.any(axis=2)), np.asarray(masks.any(axis=1))
    y1, x1 = rows.argmax(1), columns.argmax(1)
    y2, x2 = rows.shape[1] - rows[:, ::-1].argmax(1), columns.shape[1] - columns[:, ::-1].argmax(1)
    across = np.clip(np.minimum(x2, box[2]) - np.maximum(x1, box[0]), 0, None)
    down = np.clip(np.minimum(y2, box[3]) - np.maximum(y1, box[1]), 0, None)
    total = (x2 - x1) * (y2 - y1) + (box[2] - box[0]) * (box[3] - box[1]) - across * down
    return across * down / np.maximum(total, 1e-9)
