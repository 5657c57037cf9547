"""Regions: a box, a point, a scribble or a mask that points at a place in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from veclink.tools.errors import RegionError

RegionKind = Literal["box", "point", "scribble", "mask"]
FORMS = "box=x,y,w,h, point=x,y, scribble=x,y,x,y,... or mask=FILE.png"


@dataclass(frozen=True, eq=False)
class Region:
    """A place in one picture, in its pixel coordinates (x to the right, y down, origin at the top left corner).

    Attributes:
        kind: "box", "point", "scribble" or "mask".
        points: (n, 2) float64; box: its two corners (x1, y1), (x2, y2); point: one row; scribble: one row a vertex;
            mask: the two corners of what it covers.
        mask: (H, W) bool, for "mask" alone.
        image: index of the picture it belongs to.
    """

    kind: RegionKind
    points: np.ndarray
    mask: np.ndarray | None = None
    image: int = 0

    @classmethod
    def box(cls, x1: float, y1: float, x2: float, y2: float, image: int = 0) -> Region:
        """A box by its corners; raises RegionError where it has no area."""
        if not (x2 > x1 and y2 > y1):
            raise RegionError("a box with a positive width and height", f"{x1},{y1} to {x2},{y2}", f"write {FORMS}")
        return cls("box", np.array([[x1, y1], [x2, y2]], float), image=image)

    @classmethod
    def point(cls, x: float, y: float, image: int = 0) -> Region:
        return cls("point", np.array([[x, y]], float), image=image)

    @classmethod
    def scribble(cls, points: Sequence[Sequence[float]], image: int = 0) -> Region:
        """A line drawn through `points`, at least two (x, y) pairs."""
        array = np.asarray(points, float)
        if array.ndim != 2 or array.shape[1] != 2 or len(array) < 2:
            raise RegionError("a scribble of at least two x,y points", f"shape {array.shape}", f"write {FORMS}")
        return cls("scribble", array, image=image)

    @classmethod
    def of_mask(cls, mask: np.ndarray, image: int = 0) -> Region:
        """A mask of shape (H, W), the size of its picture; anything that is not 0 is inside."""
        inside = np.asarray(mask) != 0
        if inside.ndim != 2 or not inside.any():
            raise RegionError(
                "a mask (H, W) with something in it",
                f"shape {inside.shape}, empty or not 2-D",
                "draw white on black, the size of the picture",
            )
        ys, xs = np.nonzero(inside)
        corners = np.array([[xs.min(), ys.min()], [xs.max() + 1, ys.max() + 1]], float)
        return cls("mask", corners, inside, image)

    @classmethod
    def parse(cls, text: str, image: int = 0) -> Region:
        """Read the command line's form, e.g. "box=10,20,100,50" (x, y, width, height) or "mask=hand.png"."""
        kind, _, value = text.partition("=")
        kind = kind.strip().lower()
        if kind == "mask":
            return cls._parse_mask(value, image)
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if not all(math.isfinite(n) for n in numbers):
            numbers = []
        if kind == "box" and len(numbers) == 4:
            x, y, w, h = numbers
            return cls.box(x, y, x + w, y + h, image)
        if kind == "point" and len(numbers) == 2:
            return cls.point(*numbers, image=image)
        if kind == "scribble" and len(numbers) >= 4 and len(numbers) % 2 == 0:
            return cls.scribble(np.reshape(numbers, (-1, 2)).tolist(), image)
        raise RegionError("a region", repr(text), f"write {FORMS}")

    @classmethod
    def _parse_mask(cls, file: str, image: int) -> Region:
        from PIL import Image

        try:
            with Image.open(file) as picture:
                return cls.of_mask(np.asarray(picture.convert("L")) > 127, image)
        except (OSError, ValueError) as error:
            raise RegionError("a mask file", f"{file} ({error})", "give a black and white PNG") from error

    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest (x1, y1, x2, y2) around it, in pixels."""
        low, high = self.points.min(0), self.points.max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def check(self, width: int, height: int) -> Region:
        """Return itself where it lies inside a picture of this size in pixels; raise RegionError where it does not."""
        x1, y1, x2, y2 = self.bounds()
        if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            raise RegionError(
                f"a region inside the picture of {width} x {height} pixels",
                f"{self.kind} from {x1:g},{y1:g} to {x2:g},{y2:g}",
                "move it inside",
            )
        if self.mask is not None and self.mask.shape != (height, width):
            raise RegionError(
                f"a mask of {width} x {height} pixels",
                f"{self.mask.shape[1]} x {self.mask.shape[0]}",
                "draw it at the picture's own size",
            )
        return self

    def as_mask(self, width: int, height: int, radius: float = 3.0) -> np.ndarray:
        """(H, W) bool: a box filled, a point or scribble drawn `radius` pixels thick, a mask as it is."""
        from PIL import Image, ImageDraw

        if self.mask is not None:
            return self.mask
        canvas = Image.new("1", (width, height))
        draw = ImageDraw.Draw(canvas)
        points = [(float(x), float(y)) for x, y in self.points]
        if self.kind == "box":
            (x1, y1), (x2, y2) = points
            draw.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), fill=1)
            return np.asarray(canvas)
        if self.kind == "scribble":
            draw.line(points, fill=1, width=max(1, round(2 * radius)), joint="curve")
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
        return np.asarray(canvas)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; a mask as COCO run lengths."""
        data: dict[str, Any] = {"kind": self.kind, "image": self.image, "points": self.points.tolist()}
        if self.mask is not None:
            from veclink.tools.rle import encode_mask

            data["mask"] = encode_mask(self.mask)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Region:
        mask = None
        if data.get("mask") is not None:
            from veclink.tools.rle import decode_mask

            mask = decode_mask(data["mask"])
        return cls(data["kind"], np.asarray(data["points"], float), mask, int(data.get("image", 0)))
