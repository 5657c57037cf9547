"""What is drawn: a view of a world's arrays at one moment, and edits of it for paired frames."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from veclink.envs.voxel import entities

CLEAR, RAIN, THUNDER = 0, 1, 2


@dataclass
class Scene:
    """One moment of a world. Nothing is copied: a frame is drawn from the arrays as they are then.

    Attributes:
        blocks, meta, light: (128, 128, 128) uint8 rings indexed [x & 127, y, z & 127]; light has the sky's level at
            noon in the high nibble, the blocks' in the low one.
        biome, top: (128, 128) uint8 rings [x & 127, z & 127]; top: first y above the highest opaque or liquid block.
        bounds: (4,) int64 x0, x1, z0, z1 of what is loaded, ends excluded.
        eye: x, y, z in blocks.
        yaw, pitch: degrees; yaw 0 looks to +z, 90 to -x; positive pitch looks down.
        mobs, drops, shots: records of entities.py.
        time: of day, 0..23,999 ticks (6,000 noon); only light and sky follow it, so that pairs by the hour keep poses.
        clock: ticks since the beginning, for all that moves by itself: clouds, rain, hanging arms, wings.
        weather: 0 clear, 1 rain, 2 thunder.
        snow: draw everything under the open sky covered with snow.
        held: item in the hand, -1 for no hand at all; `held_variant` its variant.
        swing: 0..1, how far the hand is in its stroke.
        version: of the blocks; while it and `blocks` stay the same, what was worked out from them is used again.
            None: work it out every time.
        block_map: (256,) uint8, what each block id is drawn (and labelled) as; None as it is. Air stays air.
        hidden: ids of mobs that are not drawn.
        recoloured: by id of a mob, factors of its red, green and blue.
    """

    blocks: np.ndarray
    meta: np.ndarray
    light: np.ndarray
    biome: np.ndarray
    top: np.ndarray
    bounds: np.ndarray
    eye: tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0
    mobs: np.ndarray = field(default_factory=lambda: np.zeros(0, entities.MOB))
    drops: np.ndarray = field(default_factory=lambda: np.zeros(0, entities.DROP))
    shots: np.ndarray = field(default_factory=lambda: np.zeros(0, entities.SHOT))
    time: int = 6000
    day: int = 0
    clock: int = 0
    weather: int = CLEAR
    snow: bool = False
    held: int = -1
    held_variant: int = 0
    swing: float = 0.0
    version: int | None = None
    block_map: np.ndarray | None = None
    hidden: frozenset[int] = frozenset()
    recoloured: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, grid: Any, eye: tuple[float, float, float], **fields: Any) -> Scene:
        """The scene of a `Grid`; the other fields by name."""
        return cls(grid.blocks, grid.meta, grid.light, grid.biome, grid.top, grid.bounds, eye,
                   **{"version": grid.version, **fields})

    def edited(self, **fields: Any) -> Scene:
        """The same moment with some fields changed: the other half of a pair."""
        return replace(self, **fields)

    def with_block(self, old: int, new: int) -> Scene:
        """The same moment with one kind of block drawn as another; light is kept."""
        block_map = np.arange(256, dtype=np.uint8) if self.block_map is None else self.block_map.copy()
        block_map[old] = new
        return replace(self, block_map=block_map)
