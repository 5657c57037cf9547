"""Where a small editor looks closer: the parts of a picture round what a condition's dense part means.

A mob is two or three cells of the small denoiser's latents, too few to repaint it. Shown the part of the picture round
it alone, as the segmenter and the pose estimator are, the editor works there and the rest of the picture stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from veclink.tools.closer import Look
from veclink.tools.regions import Region

if TYPE_CHECKING:
    from torch import Tensor

NEAR = 128  # pixels of the longer side of a closer look
MOST = 8  # looks at a picture; those that are meant the most
SQUARES, UNSURE = 48, 0.03  # of what is pointed at: parts of the longer side, and how near chances come to 0 and 1
LARGE = 0.35  # share of the picture from which one look is no closer than the picture as a whole


@dataclass(frozen=True, eq=False)
class View:
    """What is edited in one piece: a picture, or a closer look at a part of it.

    Attributes:
        number: of the picture. image: (H, W, 3) uint8, or its part. size: (width, height) that it is edited at.
        dense: (h, w) logits over the whole picture, how surely each part of it is meant; None where nothing says so.
        look: None for the picture as a whole.
    """

    number: int
    image: np.ndarray
    size: tuple[int, int]
    dense: Tensor | None = None
    look: Look | None = None


def looks_at(dense: Tensor | None, size: tuple[int, int]) -> list[Look]:
    """Where to look closer in a picture of `size` (width, height); nothing where it is to be seen as a whole.

    Each connected part of what is meant is looked at by itself. Where one of them is large, or nothing is meant, the
    whole picture tells more.

    Args:
        dense: (h, w) logits over the whole picture, see `veclink.tools.condition.Condition.dense`.
    """
    if dense is None:
        return []
    sure = dense.detach().float().sigmoid().cpu().numpy()
    wide = cv2.dilate((sure > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8))  # its edges are in squares half meant
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wide, connectivity=8)
    squares = (size[0] / dense.shape[1], size[1] / dense.shape[0])
    weights = np.bincount(labels.ravel(), sure.ravel(), minlength=count)
    looks = []
    for number in sorted(range(1, count), key=lambda n: -weights[n])[:MOST]:
        x, y, columns, rows = (int(v) for v in stats[number][:4])
        box = Region.box(x * squares[0], y * squares[1], (x + columns) * squares[0], (y + rows) * squares[1])
        look = Look.at(box, size)
        assert look is not None, "boxes have a size"
        if (look.x1 - look.x0) * (look.y1 - look.y0) > LARGE * size[0] * size[1]:
            return []
        looks.append(look)
    return looks


def told(view: View, step: int) -> Tensor:
    """(2, h, w) float32 on the CPU, what the denoiser is told of where: how surely each place is meant; 1 where it is
    told at all.

    Args:
        step: pixels a side of one place of the latents.
    """
    import torch
    from torch.nn import functional

    columns, rows = (side // step for side in view.size)
    if view.dense is None:
        return torch.zeros(2, rows, columns)
    sure = view.dense.float().cpu().sigmoid()[None, None]
    if view.look is not None:
        look, (width, height) = view.look, view.look.size
        whole = functional.interpolate(sure, (height, width), mode="bilinear", align_corners=False)
        sure = whole[..., look.y0 : look.y1, look.x0 : look.x1]
    sure = functional.interpolate(sure, (rows, columns), mode="bilinear", align_corners=False, antialias=True)[0]
    return torch.cat([sure, torch.ones_like(sure)])


def pointed(inside: np.ndarray) -> Tensor:
    """(h, w) logits, as a dense part, of what is pointed at: (H, W) bool."""
    import torch
    from torch.nn import functional

    scale = SQUARES / max(inside.shape)
    shape = (max(1, round(inside.shape[0] * scale)), max(1, round(inside.shape[1] * scale)))
    share = functional.adaptive_avg_pool2d(torch.from_numpy(inside).float()[None], shape)[0]
    return torch.logit(share / share.max().clamp(min=1e-6), UNSURE)  # however small, it is meant


def joined(image: np.ndarray, edits: Sequence[tuple[Look, np.ndarray]]) -> np.ndarray:
    """The picture with its edited parts put back; where they overlap a pixel is that of the edit that changed it most.

    Args:
        image: (H, W, 3) uint8. edits: looks, and the edited part (h, w, 3) uint8 of each.
    """
    out, most = image.copy(), np.zeros(image.shape[:2], np.int16)
    for look, part in edits:
        where = (slice(look.y0, look.y1), slice(look.x0, look.x1))
        moved = np.abs(part.astype(np.int16) - image[where]).max(-1)
        further = moved > most[where]
        out[where][further], most[where][further] = part[further], moved[further]
    return out
