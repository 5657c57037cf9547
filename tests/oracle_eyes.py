"""Perfect eyes for tests and for finding out what they would be worth: they read the world's labels, not the frame."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from veclink.agent.embodied.eyes import FARTHEST, Lens, Sight, Sights, alike, sight_of_box, sights_of_mask
from veclink.envs.facts import BLOCKS

MOST = 24  # parts of one name


class OracleEyes:
    """Sees by `world.frame`, with true masks, boxes and distances, in the dark too.

    Args:
        exact: true distances; otherwise by geometry, as the core's eyes have them.
        words: the only names that it knows, or None for all.
    """

    name = "oracle"

    def __init__(self, world: Any, exact: bool = True, words: Collection[str] | None = None) -> None:
        self.world, self.exact, self.looks, self.words = world, exact, 0, words

    def knows(self, name: str) -> bool:
        """Everything, or its words."""
        return self.words is None or any(each in self.words for each in alike(name))

    def look(self, rgb: np.ndarray, pitch: float, names: Sequence[str]) -> Sights:
        """What the world's labels say."""
        self.looks += 1
        lens = Lens(*rgb.shape[:2])
        frame = self.world.frame(["block", "depth", "mobs"])
        found: list[Sight] = []
        for name in names:
            if name in BLOCKS:
                ids = [BLOCKS.id(each) for each in alike(name)]
                mask = np.isin(frame.block, ids)
                if mask.any():
                    found += sights_of_mask(lens, name, mask, pitch)[:MOST]
            else:
                found += [sight_of_box(lens, name, mob.box, pitch) for mob in frame.mobs if mob.name == name]
        if self.exact:
            found = [self._true(sight, frame.depth) for sight in found]
        return Sights(lens, pitch, tuple(sorted(found, key=lambda sight: sight.distance)))

    @staticmethod
    def _true(sight: Sight, depth: np.ndarray) -> Sight:
        x0, y0, x1, y1 = sight.box
        part = depth[sight.mask] if sight.mask is not None else depth[y0:y1, x0:x1].ravel()
        near = float(np.quantile(part, 0.1)) if part.size else FARTHEST
        return Sight(sight.name, sight.box, sight.bearing, sight.elevation, near, 1.0, sight.pixels, sight.mask)
