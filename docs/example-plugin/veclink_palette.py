"""A tool for veclink: the colours of a picture, or of a part of it, with their shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from veclink.tools import Condition, Result, Text, Tool

COLOURS = {
    "black": (15, 15, 15), "white": (245, 245, 245), "grey": (128, 128, 128), "red": (205, 35, 40),
    "orange": (240, 140, 30), "yellow": (240, 220, 60), "green": (50, 150, 70), "blue": (45, 95, 200),
    "purple": (125, 60, 160), "pink": (240, 150, 185), "brown": (115, 75, 45),
}
NAMES = tuple(COLOURS)
OTHER_WORDS = {"gray": "grey", "violet": "purple", "beige": "brown", "silver": "grey", "golden": "yellow"}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
USUAL = 4  # colours named where the request gives no number


class Palette(Tool):
    """Condition (1, 12): how many colours to name as a share of all 11, then the wish for each of NAMES in 0..1.

    A colour is named where its wish is above 0.5, the most frequent first, with its share of the pixels.
    """

    name = "palette"
    description = "Names the main colours of a picture or of a part of it with their shares; for palettes and paint."
    examples = (
        "what are the three main colours",
        "give me the colour palette of this photo",
        "how much of it is blue",
        "name the dominant colours",
    )
    result = "text"
    condition = (1, 1 + len(NAMES))
    defaults: ClassVar = {"share": 0.01}  # colours with a smaller share of the pixels are left out
    limits: ClassVar = {"share": (0.0, 1.0)}

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """One (1, 12) tensor a phrase: the colours it names, or all; the number it gives, or the usual one."""
        conditions = []
        for phrase in phrases:
            words = [OTHER_WORDS.get(word, word) for word in phrase.lower().replace(",", " ").split()]
            named = [float(name in words) for name in NAMES]
            counts = [NUMBERS.get(word, int(word) if word.isdecimal() else 0) for word in words]
            count = max(counts, default=0) or (int(sum(named)) or USUAL)
            wishes = named if any(named) else [1.0] * len(NAMES)
            conditions.append(torch.tensor([[min(count, len(NAMES)) / len(NAMES), *wishes]]))
        return conditions

    def encode(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each picture the (H, W) index into NAMES of every pixel's nearest colour; remembered between requests."""
        maps = []
        for image in images:
            nearest = np.zeros(image.shape[:2], np.uint8)
            best = np.full(image.shape[:2], np.inf, np.float32)
            for index, colour in enumerate(COLOURS.values()):
                distance = ((image - np.array(colour, np.float32)) ** 2).sum(2)
                nearest[distance < best] = index
                np.minimum(best, distance, out=best)
            maps.append(nearest)
        return maps

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """One line of text a picture, e.g. "blue 41 %, white 30 %"; "none of these colours" where there is nothing."""
        self.check_conditions(images, conditions)
        maps = self.encoded(images)
        return [self._line(nearest, condition) for nearest, condition in zip(maps, conditions, strict=True)]

    def _line(self, nearest: np.ndarray, condition: Condition) -> Text:
        height, width = nearest.shape
        if condition.regions:
            nearest = nearest[np.any([region.as_mask(width, height) for region in condition.regions], axis=0)]
        shares = np.bincount(nearest.ravel(), minlength=len(NAMES)) / max(nearest.size, 1)
        count, *wishes = condition.vectors[0].float().cpu().tolist()
        least = self.option("share", condition)
        wanted = [i for i in np.argsort(-shares, kind="stable") if wishes[i] > 0.5 and shares[i] > least]
        named = [f"{NAMES[i]} {shares[i]:.0%}".replace("%", " %") for i in wanted[: max(0, round(count * len(NAMES)))]]
        return Text(", ".join(named) or "none of these colours", condition.phrase)
