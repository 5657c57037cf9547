"""What every painter needs: seeded grain, palettes, and a style that bends both."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np

from veclink.envs.voxel.chance import FIRST, GOLDEN, S11, S27, S30, S31, SECOND

SIDE = 16  # texels


class Grain:
    """Seeded noise: splitmix64 (see chance.py) over counters, so that it comes as arrays.

    Args:
        seed: any integer.
        name: what is painted; every name has its own stream.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.at = np.uint64((seed * 0x9E3779B1 + zlib.crc32(name.encode())) & 0xFFFFFFFFFFFF) * np.uint64(1 << 16)

    def uniform(self, *shape: int) -> np.ndarray:
        """Float64 in [0, 1)."""
        count = math.prod(shape)
        with np.errstate(over="ignore"):
            z = (self.at + np.arange(1, count + 1, dtype=np.uint64)) * GOLDEN
            z = (z ^ (z >> S30)) * FIRST
            z = (z ^ (z >> S27)) * SECOND
            z = z ^ (z >> S31)
            self.at += np.uint64(count)
        return ((z >> S11) * (1.0 / 9007199254740992.0)).reshape(shape)

    def whole(self, low: int, high: int) -> int:
        """One integer in low..high, both included."""
        return low + int(float(self.uniform(1)[0]) * (high - low + 1))

    def smooth(self, cells: int) -> np.ndarray:
        """(16, 16) float64 about -1..1 that varies over `cells` patches a side and wraps round."""
        corners = self.uniform(cells, cells) * 2 - 1
        at = np.arange(SIDE) * cells / SIDE
        low, part = at.astype(int), at - at.astype(int)
        part = part * part * (3 - 2 * part)
        high = (low + 1) % cells
        rows = corners[low] * (1 - part)[:, None] + corners[high] * part[:, None]
        return rows[:, low] * (1 - part) + rows[:, high] * part


@dataclass(frozen=True)
class Style:
    """How a set of textures differs from the plain one.

    Attributes:
        noise: factor of the grain's strength.
        contrast: factor of how far colours lie from their texture's mean.
        shift: how far each texture's colour may wander, in 0..255 levels a channel.
        gain: brightness factor of the whole set.
    """

    noise: float = 1.0
    contrast: float = 1.0
    shift: float = 0.0
    gain: float = 1.0


STYLES = {
    "plain": Style(),
    "soft": Style(noise=0.55, contrast=0.8, shift=6.0),
    "vivid": Style(noise=1.1, contrast=1.35, shift=10.0),
    "rough": Style(noise=1.9, contrast=1.1, shift=12.0),
    "faded": Style(noise=0.9, contrast=0.65, shift=14.0, gain=1.08),
    "dark": Style(noise=1.2, contrast=1.15, shift=12.0, gain=0.8),
}


@dataclass
class Canvas:
    """One texture under work.

    Attributes:
        rgb: (16, 16, 3) float64 in 0..255, row 0 at the top.
        alpha: (16, 16) uint8; 0 a hole, 254 opaque and tinted, 255 opaque, between them half transparent.
    """

    grain: Grain
    style: Style
    rgb: np.ndarray = field(default_factory=lambda: np.zeros((SIDE, SIDE, 3)))
    alpha: np.ndarray = field(default_factory=lambda: np.full((SIDE, SIDE), 255, np.uint8))

    def fill(self, colour: list[float], amount: float = 8.0, patches: float = 0.4) -> None:
        """Cover all with a colour, grain of `amount` levels, and `patches` of it in larger spots."""
        fine = (self.grain.uniform(SIDE, SIDE) * 2 - 1) * (1 - patches)
        self.rgb[:] = np.array(colour, float) + ((fine + self.grain.smooth(6) * patches) * amount
                                                * 1.6 * self.style.noise)[..., None]

    def put(self, where: np.ndarray, colour: list[float], amount: float = 6.0, alpha: int = 255) -> None:
        """Paint the texels of a mask."""
        noise = (self.grain.uniform(SIDE, SIDE, 1) * 2 - 1) * amount * self.style.noise
        self.rgb[where] = (np.array(colour, float) + noise)[where]
        self.alpha[where] = alpha

    def dot(self, x: int, y: int, colour: list[float], amount: float = 6.0) -> None:
        """Paint one texel; outside the picture nothing happens."""
        if 0 <= x < SIDE and 0 <= y < SIDE:
            noise = float(self.grain.uniform(1)[0] * 2 - 1) * amount * self.style.noise
            self.rgb[y, x] = [part + noise for part in colour]
            self.alpha[y, x] = 255

    def shade(self, where: np.ndarray, factor: float) -> None:
        """Make the texels of a mask darker (under 1) or lighter."""
        self.rgb[where] *= factor

    def clear(self) -> None:
        """Make all of it a hole."""
        self.alpha[:] = 0

    def done(self) -> np.ndarray:
        """(16, 16, 4) uint8, after the style."""
        seen = self.alpha > 0
        rgb = self.rgb
        if seen.any():
            mean = rgb[seen].mean(axis=0)
            wander = (self.grain.uniform(3) * 2 - 1) * self.style.shift
            rgb = ((rgb - mean) * self.style.contrast + mean + wander) * self.style.gain
        rgb = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
        rgb[~seen] = 0
        return np.concatenate([rgb, self.alpha[..., None]], axis=2)


ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
EDGE = (ROWS == 0) | (ROWS == 15) | (COLUMNS == 0) | (COLUMNS == 15)
RING = np.maximum(np.abs(ROWS - 7.5), np.abs(COLUMNS - 7.5))  # 0.5 in the middle to 7.5 at the edge
