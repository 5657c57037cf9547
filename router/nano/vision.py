"""The eye: a small picture encoder of its own, the projector into the language model, and the region encoder.

Pictures are letterboxed onto one canvas (160 x 256 by default): scaled to fit, laid in the top left corner, the rest
filled with grey. So one factor maps the picture's pixels to the canvas's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.router.dense import Seen
from veclink.router.nano.findings import SQUARE, Findings, Labels
from veclink.router.nano.telling import Telling, waves
from veclink.tools.origin import TrunkMap
from veclink.tools.regions import Region

KINDS = ("box", "point", "scribble", "mask")
GREY = 114
STRIDE = 16
WAVES = 8  # frequencies in which a region's corners are told
PLACES = 5  # and the place of a square


@dataclass(frozen=True)
class VisionConfig:
    """Shape of the eye.

    Attributes:
        height, width: of the canvas in pixels, multiples of 16.
        rows, columns: of the grid in which the language model is told of a picture, multiples of pool; 0 for the
            eye's own grid of 16 pixels, which may be finer.
        sums: whether what is said of the middle of a thing is put together from the squares round it (`at_peaks`).
        size: width of its layers. layers, heads: of its transformer.
        trunk: one of ultralytics' configurations, e.g. yolo11n.yaml, whose first layers are the convolutions; empty for
            four plain ones. stem: channels after the first of those.
        pool: pool x pool cells of that grid become one picture token.
        kinds: names of what `Sample.labels` tells apart, the first being nothing; empty for an eye without findings.
        tags: what can be said of one thing. states: what can be said of the whole picture.
        things, counts: how many things, and how many of the kinds among the tags, become tokens of their own; 0 for an
            eye without findings.
        tally: heads of the layer that counts what is meant, see `tally.py`; 0 for none.
    """

    height: int = 160
    width: int = 256
    size: int = 256
    layers: int = 5
    heads: int = 4
    stem: int = 32
    pool: int = 2
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    trunk: str = ""
    things: int = 0
    counts: int = 0
    tally: int = 0
    rows: int = 0
    columns: int = 0
    sums: bool = False

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the 16-pixel grid."""
        return self.height // STRIDE, self.width // STRIDE

    @property
    def summary(self) -> tuple[int, int]:
        """Rows and columns of what the language model is told of."""
        return (self.rows, self.columns) if self.rows else self.grid

    @property
    def told(self) -> tuple[int, int]:
        """How many numbers the findings say of a cell, and of the whole picture."""
        things = 1 + len(self.tags)
        return (len(self.kinds) + things, len(self.states) + things) if self.kinds else (0, 0)

    @property
    def seen(self) -> Seen | None:
        """How many numbers `Vision.squares` says of each square, and of how many kinds; None without findings."""
        whole = len(self.kinds) + 1 + len(self.tags) + self.size + 4 * PLACES
        return (whole, len(self.kinds)) if self.kinds else None

    @property
    def tokens(self) -> int:
        """Picture tokens of one picture."""
        return self.summary[0] * self.summary[1] // self.pool**2 + self.things + self.counts

    @property
    def counted(self) -> tuple[int, ...]:
        """Which of the tags are kinds."""
        return tuple(i for i, tag in enumerate(self.tags) if tag in self.kinds)


def scale_of(picture: np.ndarray, config: VisionConfig) -> float:
    """Canvas pixels per picture pixel."""
    return min(config.height / picture.shape[0], config.width / picture.shape[1])


def letterbox(array: np.ndarray, config: VisionConfig, fill: int = GREY, smooth: bool = True) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8 laid onto the canvas: (height, width, ...) uint8.

    Args:
        fill: of what the picture does not cover.
        smooth: area or linear interpolation; else the nearest pixel, for label maps.
    """
    import cv2

    scale = scale_of(array, config)
    inner = (max(1, round(array.shape[1] * scale)), max(1, round(array.shape[0] * scale)))
    if inner != (array.shape[1], array.shape[0]):
        how = cv2.INTER_NEAREST if not smooth else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        array = cv2.resize(np.ascontiguousarray(array), inner, interpolation=how)
    canvas = np.full((config.height, config.width, *array.shape[2:]), fill, np.uint8)
    canvas[: array.shape[0], : array.shape[1]] = array
    return canvas


def on_picture(squares: Tensor, picture: np.ndarray, config: VisionConfig) -> Tensor:
    """What was said of each square of the canvas (2 rows, 2 columns), as so many numbers over the picture alone."""
    places = []  # of the middles of the parts, in -1..1 of the canvas
    for side, count in zip(picture.shape[:2], squares.shape, strict=True):
        covered = side * scale_of(picture, config) / SQUARE  # squares of the canvas
        parts = math.ceil(covered - 1e-6)
        places.append(torch.arange(0.5, parts) / parts * covered / count * 2 - 1)
    down, along = torch.meshgrid(*places, indexing="ij")
    grid = torch.stack([along, down], -1).to(squares)
    return functional.grid_sample(squares[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]


class Block(nn.Module):
    """A transformer layer that looks everywhere, norms first."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(size), nn.LayerNorm(size)
        self.look, self.merge = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.inner, self.outer = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.look(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.merge(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.outer(functional.gelu(self.inner(self.after(x))))


class Stem(nn.Sequential):
    """Four plain convolutions: (B, 3, H, W) in 0..1 to (B, size, H / 16, W / 16)."""

    def __init__(self, config: VisionConfig) -> None:
        channels = (3, config.stem, 2 * config.stem, 4 * config.stem, config.size)
        layers: list[nn.Module] = []
        for a, b in pairwise(channels):
            # groups of channels, not batches, are normed: a picture's features depend on no other picture
            layers += [nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.GroupNorm(8, b), nn.GELU()]
        super().__init__(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures * 2 - 1)


class Vision(nn.Module):
    """Convolutions down to stride 16, learned places of rows and columns, transformer layers, findings.

    Args:
        config: its shape.
        hidden: H of the language model.
    """

    def __init__(self, config: VisionConfig, hidden: int) -> None:
        super().__init__()
        c, size = config, config.size
        self.config = config
        self.stem = TrunkMap(c.trunk, size) if c.trunk else Stem(c)
        rows, columns = c.grid
        self.rows = nn.Parameter(nn.init.normal_(torch.empty(rows, 1, size), std=0.02))
        self.columns = nn.Parameter(nn.init.normal_(torch.empty(1, columns, size), std=0.02))
        self.blocks = nn.ModuleList(Block(size, c.heads) for _ in range(c.layers))
        self.norm = nn.LayerNorm(size)
        cell, whole = c.told
        self.findings = Findings(size, len(c.kinds), len(c.tags), len(c.states)) if c.kinds else None
        self.project = nn.Sequential(nn.Linear((size + cell) * c.pool**2, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.whole = nn.Linear(whole, hidden) if whole else None
        told = c.things + c.counts
        self.telling = Telling(size, hidden, c.tags, c.counted, c.things, c.counts, c.sums) if told else None

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Picture tokens (B, tokens, H), features and things found of (B, 3, height, width) in 0..1.

        Features are (B, rows, columns, size + what the findings say of a cell), things as `Findings.told` has them.
        """
        features = self.see(pictures)
        if self.findings is None or self.whole is None:
            return self.project(self._pooled(self._summed_up(features))), features, None
        cells, whole, things = self.findings.told(features)
        wide = torch.cat([features, cells.to(features.dtype)], -1)
        tokens = self.project(self._pooled(self._summed_up(wide))) + self.whole(whole)[:, None]
        if self.telling is not None:
            tokens = torch.cat([tokens, self.telling(features, things).to(tokens.dtype)], 1)
        return tokens, wide, things

    def see(self, pictures: Tensor) -> Tensor:
        """Features (B, rows, columns, size) before anything is said of them."""
        x = self.stem(pictures).permute(0, 2, 3, 1) + self.rows + self.columns
        x = x.flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.norm(x).unflatten(1, self.config.grid)

    def squares(self, features: Tensor) -> Tensor:
        """All that is seen of each 8-pixel square: kinds, things, features and its place.

        Args:
            features: (B, rows, columns, size or more), as `forward` and `see` give them.

        Returns:
            (B, 2 rows, 2 columns, seen), without gradients.
        """
        assert self.findings is not None
        seen = features[..., : self.config.size].detach()
        kinds, things, _ = (part.float().sigmoid() for part in self.findings(seen))
        fine = seen.float().repeat_interleave(2, 1).repeat_interleave(2, 2)
        rows, columns = kinds.shape[1:3]
        down, across = (torch.arange(0.5, count, device=seen.device) / count for count in (rows, columns))
        at = torch.stack(torch.meshgrid(down, across, indexing="ij"), -1)
        place = waves(at, PLACES).expand(len(kinds), -1, -1, -1)
        return torch.cat([kinds, things, fine, place], -1).detach()

    def losses(self, features: Tensor, labels: Labels) -> dict[str, Tensor]:
        """Name -> loss of the findings, from `forward`'s or `see`'s features; none without findings."""
        return {} if self.findings is None else self.findings.losses(features[..., : self.config.size], labels)

    def _summed_up(self, features: Tensor) -> Tensor:
        """Features and what the findings say of them on the grid that the language model is told of.

        Of a kind the surest place counts, as in a cell; things are as many as before.
        """
        size, kinds, new = self.config.size, len(self.config.kinds), self.config.summary
        if new == features.shape[1:3]:
            return features
        maps = features.permute(0, 3, 1, 2)
        seen = functional.interpolate(maps[:, :size].float(), new, mode="bilinear", antialias=True).to(maps.dtype)
        known = functional.adaptive_max_pool2d(maps[:, size : size + kinds], new)
        share = self.config.grid[0] * self.config.grid[1] / (new[0] * new[1])
        counted = functional.adaptive_avg_pool2d(maps[:, size + kinds :], new) * share
        return torch.cat([seen, known, counted], 1).permute(0, 2, 3, 1)

    def _pooled(self, features: Tensor) -> Tensor:
        """(B, rows, columns, n) to (B, tokens, n * pool^2), row by row."""
        pool = self.config.pool
        cut = features.unflatten(1, (-1, pool)).unflatten(3, (-1, pool))  # B, r, pool, c, pool, n
        return cut.permute(0, 1, 3, 2, 4, 5).flatten(3).flatten(1, 2)


class RegionEncoder(nn.Module):
    """A box, point, scribble or mask as one token: the features under it and its geometry."""

    def __init__(self, config: VisionConfig, hidden: int) -> None:
        super().__init__()
        self.config = config
        numbers = 4 * 2 * WAVES + 1 + len(KINDS)
        self.seen = nn.Linear(config.size + config.told[0], hidden)
        self.place = nn.Linear(numbers, hidden)
        self.outer = nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden))

    def forward(self, features: Tensor, shares: Tensor, geometry: Tensor) -> Tensor:
        """(R, H) of R regions.

        Args:
            features: (R, rows, columns, n) of each region's picture, see `Vision.forward`.
            shares: (R, rows, columns), how much of each cell it covers, summing to 1.
            geometry: (R, numbers) from `describe`.
        """
        pooled = (features * shares[..., None].to(features.dtype)).sum((1, 2))
        return self.outer(self.seen(pooled) + self.place(geometry.to(features.dtype)))


def describe(regions: Sequence[tuple[Region, np.ndarray]], config: VisionConfig) -> tuple[Tensor, Tensor]:
    """Shares (R, rows, columns) and geometry (R, numbers), float32, of regions with their pictures."""
    shares, geometry = [], []
    rows, columns = config.grid
    for region, picture in regions:
        height, width = picture.shape[:2]
        mask = region.as_mask(width, height).astype(np.uint8) * 255
        if not mask.any():  # a box thinner than a pixel
            mask[min(int(region.points[0, 1]), height - 1), min(int(region.points[0, 0]), width - 1)] = 255
        canvas = letterbox(mask, config, 0).astype(np.float32)
        cells = canvas.reshape(rows, STRIDE, columns, STRIDE).mean((1, 3))
        if not cells.any():
            cells[0, 0] = 1
        shares.append(torch.from_numpy(cells / cells.sum()))
        scale = scale_of(picture, config)
        low, high = np.array(region.bounds()[:2]), np.array(region.bounds()[2:])
        corners = np.concatenate([low, high]) * scale / np.tile([config.width, config.height], 2)
        geometry.append(_numbers(corners, region.kind, float(cells.mean()) / 255))
    return torch.stack(shares), torch.stack(geometry)


def _numbers(corners: np.ndarray, kind: str, area: float) -> Tensor:
    """Waves of the corners (0..1 of the canvas), the covered share, the kind."""
    angles = torch.tensor(corners, dtype=torch.float32)[:, None] * (math.pi * 2.0 ** torch.arange(WAVES))
    one = torch.tensor([float(kind == name) for name in KINDS])
    return torch.cat([angles.sin().flatten(), angles.cos().flatten(), torch.tensor([math.sqrt(area)]), one])
