"""Whether a found thing is what is meant, on a closer look: the second stage of a small detector.

A detector's first stage tells a thing of twenty pixels from two or three cells of the whole picture. Here each of its
boxes is looked at more closely (`veclink.tools.closer`) and held against the words' features, as a region's features
are in a two-stage detector (Girshick, 2015), for an open vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.tools.close_trunk import CHANNELS, Block, CloseTrunk, look_at, scale_of, shown
from veclink.tools.closer import Look
from veclink.tools.small import about_small, load_small

SIDE, CELL = 96, 8  # of a look and of a map's cells, in pixels
WIDTH, JOINT = 96, 128  # of maps, and of what words and looks are compared by
RARE = -1.0  # logit that a box holds what is meant, at the start
HIT, MISS = 0.5, 0.35  # in training: overlaps from which a box is what is meant, and below which it is not
MOST = 10  # in training: boxes of a request
BATCH = 48  # looks in one pass

Matched = Callable[[np.ndarray], np.ndarray]  # (n, 4) boxes to (n,) how surely each holds what is meant, 0 to 1


class CloseMatch(CloseTrunk):
    """Looks (B, 3, SIDE, SIDE) in 0..1, shares of their cells in the box (B, SIDE / CELL, SIDE / CELL) and words
    (B, features) to (B,) logits.

    Args:
        features: of a phrase.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        _, middle, coarse = CHANNELS
        self.whole, self.beside = Block(coarse, WIDTH), nn.Conv2d(middle, WIDTH, 1)
        self.outer = Block(WIDTH, WIDTH)
        self.held = nn.Linear(3 * WIDTH, 2 * WIDTH)
        self.look, self.there = nn.Linear(2 * WIDTH, JOINT), nn.Linear(2 * WIDTH, 1)
        self.words = nn.Linear(features, JOINT)
        nn.init.constant_(self.there.bias, RARE)

    def forward(self, looks: Tensor, boxes: Tensor, words: Tensor) -> Tensor:
        _, middle, coarse = self.levels(looks)
        x = functional.interpolate(self.whole(coarse), scale_factor=2.0) + self.beside(middle)
        x = self.outer(x)
        share = boxes[:, None]
        inside = (x * share).sum((2, 3)) / share.sum((2, 3)).clamp(min=1e-3)
        surest = (x * share).amax((2, 3))
        held = functional.silu(self.held(torch.cat([inside, surest, x.mean((2, 3))], 1)))
        words = self.words(words * math.sqrt(words.shape[1]))  # of length 1 they would begin next to nothing
        fit = (self.look(held) * words).sum(1) / math.sqrt(JOINT)
        return fit + self.there(held)[:, 0]


def load_match(path: Path | None, features: int, device: torch.device) -> CloseMatch | None:
    """The second stage that a detector's file holds, frozen; None where it has none."""
    if path is None or not about_small(path).get("match"):
        return None
    network = fresh_match(features)
    load_small(path, {"match": network})
    return network.to(device).eval().requires_grad_(False)


def fresh_match(features: int) -> CloseMatch:
    """One with random numbers, the same at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CloseMatch(features)


def matcher(network: CloseMatch, image: np.ndarray, words: Tensor) -> Matched:
    """What the second stage says of boxes in an (H, W, 3) uint8 RGB picture, of a phrase's features (features,)."""

    def matched(boxes: np.ndarray) -> np.ndarray:
        parts = [boxes[start : start + BATCH] for start in range(0, len(boxes), BATCH)]
        with torch.no_grad():
            said = [network(*_told(network, [image] * len(part), part), words.expand(len(part), -1)) for part in parts]
        return torch.cat(said).float().sigmoid().double().cpu().numpy() if said else np.zeros(0)

    return matched


def match_loss(network: CloseMatch, images: Sequence[np.ndarray], words: Tensor, found: Sequence[np.ndarray],
               targets: Sequence[np.ndarray]) -> Tensor:
    """Cross entropy of whether boxes hold what is meant, the mean over boxes.

    Args:
        words: (B, features), one a request. found: (n, 4) boxes of the first stage, surest first.
        targets: (m, 4) boxes of all that is meant.
    """
    pictures, boxes, labels, rows = [], [], [], []
    for row, (image, given, meant) in enumerate(zip(images, found, targets, strict=True)):
        kept, right = _chosen(given, meant, (image.shape[1], image.shape[0]))
        pictures += [image] * len(kept)
        rows += [row] * len(kept)
        boxes.append(kept)
        labels.append(right)
    if not pictures:
        return sum((p.sum() for p in network.parameters()), torch.zeros(())) * 0
    logits = network(*_told(network, pictures, np.concatenate(boxes)), words[rows])
    wanted = torch.from_numpy(np.concatenate(labels)).to(logits.device, torch.float32)
    return functional.binary_cross_entropy_with_logits(logits.float(), wanted)


def _chosen(found: np.ndarray, targets: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) boxes to learn from, and whether each holds what is meant: those found, and some near the targets."""
    from torchvision.ops import box_iou

    near = [_moved(targets, 0.12), _moved(targets, 0.6)]
    boxes = np.concatenate([near[0], found, near[1]]).clip(0, np.tile(size, 2))
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= 2).all(1)]
    overlap = np.zeros(len(boxes))
    if len(targets) and len(boxes):
        overlap = box_iou(torch.from_numpy(boxes), torch.from_numpy(np.asarray(targets, float))).amax(1).numpy()
    clear = np.flatnonzero((overlap >= HIT) | (overlap < MISS))[:MOST]
    return boxes[clear], overlap[clear] >= HIT


def _moved(boxes: np.ndarray, most: float) -> np.ndarray:
    """Boxes whose corners are off by up to this share of their sides."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    off = torch.rand(boxes.shape, dtype=torch.float64).numpy() * 2 - 1
    return boxes + off * most * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _told(network: CloseMatch, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[Tensor, Tensor]:
    """What the network is shown of boxes (n, 4), each in its picture."""
    weight = network.there.weight
    looks = [look_at(box, (image.shape[1], image.shape[0])) for image, box in zip(images, boxes.tolist(), strict=True)]
    pixels = torch.stack([shown(image, look, SIDE) for image, look in zip(images, looks, strict=True)])
    shares = np.stack([_share(look, box) for look, box in zip(looks, boxes.tolist(), strict=True)])
    return pixels.to(weight), torch.from_numpy(shares).to(weight)


def _share(look: Look, box: Sequence[float]) -> np.ndarray:
    """(SIDE / CELL, SIDE / CELL): how much of each cell lies in the box."""
    scale, edges = scale_of(look, SIDE) / CELL, np.arange(SIDE // CELL)
    x0, y0, x1, y1 = ((v - start) * scale for v, start in zip(box, (look.x0, look.y0, look.x0, look.y0), strict=True))
    columns = (np.minimum(edges + 1, x1) - np.maximum(edges, x0)).clip(0, 1)
    rows = (np.minimum(edges + 1, y1) - np.maximum(edges, y0)).clip(0, 1)
    return np.outer(rows, columns)
