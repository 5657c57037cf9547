"""A closer look: the part of a picture round a region, as a picture of its own.

A small network sees a small thing as a few cells of the whole picture. Shown the part round its box alone it sees each
thing at the same size, as the second stage of a two-stage detector does (Ren et al., 2015), for the price of as many
small pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from veclink.tools.regions import Region

ROUND = 2.0  # the part's sides, as a multiple of the longer one of the region's box
LEAST = 12  # pixels of a side


@dataclass(frozen=True)
class Look:
    """Where one looks closer: the pixels from (x0, y0) to before (x1, y1) of a picture of `size` (width, height)."""

    x0: int
    y0: int
    x1: int
    y1: int
    size: tuple[int, int]

    @classmethod
    def at(cls, region: Region, size: tuple[int, int]) -> Look | None:
        """At a box or a mask in a picture of `size`; None for points and strokes, which do not say how large it is."""
        if region.kind not in ("box", "mask"):
            return None
        first, last = region.points
        half = max(LEAST, ROUND * float((last - first).max())) / 2
        middle = (first + last) / 2
        x0, y0 = (max(0, math.floor(v - half)) for v in middle)
        x1, y1 = (min(side, math.ceil(v + half)) for v, side in zip(middle, size, strict=True))
        return cls(min(x0, size[0] - 1), min(y0, size[1] - 1), max(x1, x0 + 1), max(y1, y0 + 1), size)

    def part(self, image: np.ndarray) -> np.ndarray:
        """That part of an array (H, W, ...)."""
        return np.ascontiguousarray(image[self.y0 : self.y1, self.x0 : self.x1])

    def region(self, region: Region) -> Region:
        """The same place in the part."""
        moved = region.points - [self.x0, self.y0]
        if region.mask is not None:
            return Region.of_mask(self.part(region.as_mask(*self.size)))
        return Region(region.kind, moved)

    def back(self, mask: np.ndarray) -> np.ndarray:
        """A (h, w) bool mask of the part as one of the whole picture, (H, W)."""
        out = np.zeros((self.size[1], self.size[0]), bool)
        out[self.y0 : self.y1, self.x0 : self.x1] = mask
        return out
