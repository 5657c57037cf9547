"""Which of the things found are meant, as numbers: "the two leftmost", "the largest", "all but the last".

A selection is a vector of SIZE numbers that is appended to a tool's condition, so that a condition stays vectors only
and a projector can learn it. All zeros keep everything; numbers below a half in size change nothing, so a little noise
does no harm.

| index | name | range | meaning |
|---|---|---|---|
| 0 | x | -1..1 | order by the centre's place across the picture; -1 leftmost first, 1 rightmost first |
| 1 | y | -1..1 | order by the centre's place down the picture; -1 topmost first, 1 bottommost first |
| 2 | area | -1..1 | order by the box's area; 1 largest first, -1 smallest first |
| 3 | middle | -1..1 | order by the distance from the picture's middle; 1 nearest first, -1 farthest first |
| 4 | count | 0..300 | how many to keep, rounded; 0 for no limit |
| 5 | skip | 0..300 | how many to pass over first, rounded; 1 and a count of 1 give the second |
| 6 | half | 0..1 | above a half: keep only what lies in the part of the picture that x, y or middle points at |

Without an order things are taken by their score. An order is one of the things that are there for sure: those with a
score of at least SURE or half of the best, whichever is less; where they are fewer than are asked for, the next best
join them. So what was found with next to no certainty is not "the leftmost".

The part that x or y points at is that half of the picture, for middle it is the middle third across (half of the width
where y points too); a centre on the edge belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veclink.tools.condition import Condition
from veclink.tools.phrases import Phrase
from veclink.tools.regions import Region

NAMES = ("x", "y", "area", "middle", "count", "skip", "half")
SIZE = len(NAMES)
ACTIVE = 0.5  # an order counts from here on
SURE, SHARE = 0.25, 0.5  # score, or share of the best one, from which a thing counts where things are ordered

ORDERS = {
    "left": ("x", -1.0), "right": ("x", 1.0), "top": ("y", -1.0), "bottom": ("y", 1.0), "largest": ("area", 1.0),
    "smallest": ("area", -1.0), "middle": ("middle", 1.0),
}


def vector(**values: float) -> np.ndarray:
    """(SIZE,) float32 with these numbers by name, zeros elsewhere."""
    out = np.zeros(SIZE, np.float32)
    for name, value in values.items():
        out[NAMES.index(name)] = value
    return out


def chooses(selection: Sequence[float] | np.ndarray) -> bool:
    """Whether a selection may leave things out."""
    return bool((np.abs(np.asarray(selection, float)) >= ACTIVE).any())


def to_vector(phrase: Phrase) -> np.ndarray:
    """(SIZE,) float32: the selection in a phrase.

    A place without a count ("people on the left") keeps what lies there; with a count ("the two people on the left") it
    is an order, and so many of the first are kept.
    """
    values: dict[str, float] = {}
    for order in phrase.order:
        name, weight = ORDERS[order]
        values[name] = weight
    if phrase.count is not None:
        values["count"] = float(phrase.count)
    if phrase.skip:
        values["skip"] = float(phrase.skip)
    places = {"x", "y", "middle"} & set(values)
    if places and phrase.count is None and not phrase.skip:
        values["half"] = 1.0
    return vector(**values)


def select(xyxy: np.ndarray, scores: np.ndarray, selection: Sequence[float] | np.ndarray,
           size: tuple[int, int]) -> np.ndarray:
    """Indices of the boxes that a selection keeps, in their own order.

    Args:
        xyxy: (n, 4) corners in pixels.
        scores: (n,).
        selection: (SIZE,) as in this file's table; not finite numbers count as 0.
        size: (width, height) of the picture.
    """
    values = np.nan_to_num(np.asarray(selection, float).reshape(SIZE), nan=0.0, posinf=0.0, neginf=0.0)
    x, y, area, middle, count, skip, half = values
    x, y, area, middle = (float(np.clip(v, -1, 1)) if abs(v) >= ACTIVE else 0.0 for v in (x, y, area, middle))
    boxes = np.asarray(xyxy, float).reshape(-1, 4)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.maximum(np.asarray(size, float), 1) - 0.5  # -0.5..0.5
    keep = np.arange(len(boxes))
    if half > ACTIVE:
        keep = keep[_in_part(centre, x, y, middle)]
    if round(count) <= 0 and round(skip) <= 0:
        return keep
    first = max(0, round(skip))
    last = first + round(count) if round(count) > 0 else None
    key = _order(boxes, centre, x, y, area, middle, size)
    sureness = np.asarray(scores, float)
    if key is None:
        key = -sureness
    else:
        keep = _sure(keep, sureness, last)
    ranked = keep[np.lexsort((-sureness[keep], np.round(key[keep], 9)))]
    return np.sort(ranked[first:last])


def _sure(keep: np.ndarray, scores: np.ndarray, wanted: int | None) -> np.ndarray:
    """Those of `keep` that are there for sure, and at least the `wanted` best ones (None for no number)."""
    best = keep[np.argsort(-scores[keep], kind="stable")]
    if not len(best):
        return keep
    count = int((scores[best] >= min(SURE, SHARE * scores[best[0]])).sum())
    return np.sort(best[: max(count, wanted or 0)])


def _in_part(centre: np.ndarray, x: float, y: float, middle: float) -> np.ndarray:
    """(n,) bool: centres in the part of the picture that the places point at."""
    inside = np.ones(len(centre), bool)
    if x:
        inside &= centre[:, 0] * np.sign(x) >= 0
    if y:
        inside &= centre[:, 1] * np.sign(y) >= 0
    if middle:
        near = np.abs(centre[:, 0]) <= (1 / 4 if y else 1 / 6)
        inside &= near if middle > 0 else ~near
    return inside


def _order(boxes: np.ndarray, centre: np.ndarray, x: float, y: float, area: float, middle: float,
           size: tuple[int, int]) -> np.ndarray | None:
    """(n,) rank keys, smallest first; None where nothing orders."""
    if not (x or y or area or middle):
        return None
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), 1) / max(size[0] * size[1], 1)
    distance = np.hypot(centre[:, 0], centre[:, 1])
    return -x * centre[:, 0] - y * centre[:, 1] - area * areas + middle * distance


def chosen(xyxy: np.ndarray, scores: np.ndarray, condition: Condition, features: int,
           size: tuple[int, int]) -> np.ndarray:
    """Indices of what a condition's regions and its selection keep.

    Args:
        condition: one whose first row holds `features` numbers and then a selection.
    """
    held = np.flatnonzero(inside(xyxy, condition.regions, size))
    row = condition.vectors[0, features : features + SIZE].detach().float().cpu().numpy()
    return held[select(np.asarray(xyxy)[held], np.asarray(scores)[held], row, size)]


def inside(xyxy: np.ndarray, regions: Sequence[Region], size: tuple[int, int]) -> np.ndarray:
    """(n,) bool: boxes that one of the regions points at; all of them where there is no region.

    A box or mask points at what has its centre in it, or overlaps its bounds by an IoU above a half; a point at the
    boxes that contain it; a scribble at the boxes that contain most of its points.

    Args:
        xyxy: (n, 4) corners in pixels.
        size: (width, height) of the picture.
    """
    boxes = np.asarray(xyxy, float).reshape(-1, 4)
    if not regions:
        return np.ones(len(boxes), bool)
    return np.any([_points_at(region, boxes, size) for region in regions], axis=0)


def _points_at(region: Region, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if region.kind in ("point", "scribble"):
        low = (boxes[:, None, :2] <= region.points[None]).all(2)
        high = (region.points[None] <= boxes[:, None, 2:]).all(2)
        return (low & high).mean(1) > 0.5
    bounds = np.array(region.bounds())
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    if region.mask is not None:
        height, width = region.mask.shape
        column = np.clip(centre[:, 0].astype(int), 0, width - 1)
        row = np.clip(centre[:, 1].astype(int), 0, height - 1)
        held = region.mask[row, column]
    else:
        held = ((centre >= bounds[:2]) & (centre <= bounds[2:])).all(1)
    return held | (_iou(boxes, bounds) > 0.5)


def _iou(boxes: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """(n,) overlap of each box with one other."""
    low, high = np.maximum(boxes[:, :2], bounds[:2]), np.minimum(boxes[:, 2:], bounds[2:])
    shared = np.clip(high - low, 0, None).prod(1)
    total = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (bounds[2:] - bounds[:2]).prod() - shared
    return shared / np.maximum(total, 1e-9)
