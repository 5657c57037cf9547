"""What the dense part of a condition says of boxes in its picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.tools.condition import Condition
    from veclink.tools.yolo import Found, Seen, Yolo

WEIGHED = 0.6  # so that the usual confidence, 0.25, is a product of 0.1, near where F1 was best on validation pictures
PART, HOLDS, SURER = 0.2, 0.9, 2.0  # see `whole`
EDGE = 1e-6  # pixels: a box that ends where a part begins does not touch it


def find_meant(yolo: Yolo, seen: Seen, weights: Tensor, condition: Condition, option: Callable[[str], Any]) -> Found:
    """What a condition means of a picture, surest first.

    Where it has a dense part, a score is the network's times how surely what is in the middle of the box is meant, to
    the power WEIGHED, and parts of things are left out.

    Args:
        weights: (classes,) of each class. option: name -> value of confidence, iou and limit; all as
            `veclink.tools.yolo.Yolo.find`.
    """
    least, iou, limit = option("confidence"), option("iou"), option("limit")
    if condition.dense is None:
        return yolo.find(seen, weights, least, iou, limit)
    found = yolo.find(seen, weights, least ** (1 / WEIGHED), iou, limit)
    scores = (found.scores * chances(condition.dense, found.xyxy, seen.size)) ** WEIGHED
    kept = whole(found.xyxy, scores)
    keep = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= least and kept[i]]
    return replace(found, xyxy=found.xyxy[keep], scores=scores[keep], classes=found.classes[keep],
                   extra=found.extra[keep])


def whole(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,) bool: which boxes (n, 4) are not a mere part of something else that was found.

    A part has less than PART of the other box's area, HOLDS of its own lies in the other, and it is not SURER times as
    sure: a foot is no second cow, but a hen in front of a cow is a hen.
    """
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    areas = sides.prod(1)
    ends = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.clip(ends, 0, None).prod(2)
    part = (areas[:, None] < PART * areas) & (shared >= HOLDS * areas[:, None]) & (scores[:, None] < SURER * scores)
    return ~part.any(1)


def says(dense: Tensor, box: Sequence[float], size: tuple[int, int]) -> bool:
    """Whether something is meant anywhere in a box.

    Args:
        dense: (h, w) logits. box: x0, y0, x1, y1 in a picture of `size` (width, height).
    """
    return bool((dense > 0)[_inside(dense, box, size)].any())


def held(dense: Tensor, boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> float:
    """How much of what is meant lies in these boxes, 0 to 1; 1 where nothing is meant."""
    meant = dense > 0
    out = meant.clone()
    for box in boxes:
        out[_inside(dense, box, size)] = False
    return 1 - float(out.sum()) / max(1, int(meant.sum()))


def chances(dense: Tensor, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) how surely what is in the middle of each of (n, 4) boxes is meant, 0 to 1."""
    sure = dense.detach().float().sigmoid().cpu().numpy()
    middles = [_square(dense, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), size) for box in boxes]
    return np.array([sure[row, column] for column, row in middles], float)


def _inside(dense: Tensor, box: Sequence[float], size: tuple[int, int]) -> tuple[slice, slice]:
    """The parts of a picture that a box touches."""
    ends = (box[:2], (box[2] - EDGE, box[3] - EDGE))
    (x0, y0), (x1, y1) = (_square(dense, corner, size) for corner in ends)
    return slice(y0, y1 + 1), slice(x0, x1 + 1)


def _square(dense: Tensor, at: Sequence[float], size: tuple[int, int]) -> tuple[int, int]:
    """(column, row) of the part of a picture in which a point lies, or of the one nearest to it."""
    rows, columns = dense.shape
    column, row = int(at[0] / size[0] * columns), int(at[1] / size[1] * rows)
    return min(max(column, 0), columns - 1), min(max(row, 0), rows - 1)
