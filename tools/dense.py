"""What the dense part of a condition says of boxes in its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


EDGE = 1e-6  # pixels: a box that ends where a part begins does not touch it


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
