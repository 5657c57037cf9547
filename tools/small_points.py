"""The points of a body on a closer look: a small network that draws a map of each point.

The keypoint branch of a detector tells a body's points from one cell's features, all at once. Here each found body is
looked at more closely (`veclink.tools.closer`), and each point is the place where its map is highest, as in
heatmap networks (Xiao et al., 2018): places are shown and need not be reckoned, so it learns from far fewer bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.tools.closer import Look
from veclink.tools.origin import levels_of, trunk_of
from veclink.tools.regions import Region
from veclink.tools.results import Keypoints

CONFIG = "yolo11n.yaml"
LAYERS = 7  # of its trunk, up to stride 16
CHANNELS = (64, 128, 128)  # of the trunk's maps of strides 4, 8 and 16
SIDE, CELL = 128, 4  # of a look and of a map's cells, in pixels
WIDTH, FINE = 96, 64
SPREAD = 0.8  # of a point in a map, in cells
AROUND = 2  # cells on each side of the highest one over which a place is averaged
MOVED, ZOOMED = 0.1, 0.2  # in training: by how much of a body's sides its box is off, and its look larger or smaller
THERE = 0.2  # weight of whether points are there beside where they are
BATCH = 32  # looks in one pass


class Block(nn.Sequential):
    """A convolution, normed and bent."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__(nn.Conv2d(given, made, 3, 1, 1, bias=False), nn.GroupNorm(8, made), nn.SiLU())


class ClosePoints(nn.Module):
    """(B, 3, SIDE, SIDE) in 0..1 to (B, points, SIDE / CELL, SIDE / CELL) and (B, points) logits.

    The first say where each point is, the second whether it is there. Batch norms of the trunk are constants.

    Args:
        points: how many.
    """

    def __init__(self, points: int) -> None:
        super().__init__()
        self.layers = trunk_of(CONFIG, LAYERS).eval()
        fine, middle, coarse = CHANNELS
        self.whole, self.outer = Block(coarse, WIDTH), Block(WIDTH, WIDTH)
        self.context = nn.Linear(WIDTH, WIDTH)
        self.beside = nn.ModuleList([nn.Conv2d(middle, WIDTH, 1), nn.Conv2d(fine, WIDTH, 1)])
        self.grown = nn.ModuleList([Block(WIDTH, WIDTH), Block(WIDTH, FINE)])
        self.where = nn.Conv2d(FINE, points, 1)
        self.there = nn.Linear(WIDTH, points)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.layers.eval()
        return self

    def begin_as(self, layers: Sequence[nn.Module]) -> None:
        """The trunk's numbers are those of another network's first layers; what these have more, such as places in the
        whole picture, is left out."""
        for mine, other in zip(self.layers, layers, strict=False):
            told = other.state_dict()
            mine.load_state_dict({name: told[name] for name in mine.state_dict()})

    def forward(self, looks: Tensor) -> tuple[Tensor, Tensor]:
        fine, middle, coarse = levels_of(self.layers, looks)[-3:]
        x = self.whole(coarse)
        context = x.mean((2, 3))
        x = self.outer(x + self.context(context)[..., None, None])
        for level, beside, block in zip((middle, fine), self.beside, self.grown, strict=True):
            x = block(functional.interpolate(x, scale_factor=2.0) + beside(level))
        return self.where(x), self.there(context)


def shown(image: np.ndarray, look: Look) -> Tensor:
    """(3, SIDE, SIDE) in 0..1: that part of an (H, W, 3) uint8 RGB picture, its longer side as long, then padded."""
    part = torch.from_numpy(look.part(image)).permute(2, 0, 1)[None].float() / 255
    width, height = inner(look)
    scaled = functional.interpolate(part, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return functional.pad(scaled, (0, SIDE - width, 0, SIDE - height))[0]


def inner(look: Look) -> tuple[int, int]:
    """(width, height) of what is shown before padding."""
    width, height = (max(1, round(n * scale_of(look))) for n in (look.x1 - look.x0, look.y1 - look.y0))
    return width, height


def scale_of(look: Look) -> float:
    """Pixels of what is shown, to one of the picture."""
    return SIDE / max(look.x1 - look.x0, look.y1 - look.y0)


def look_at(box: Sequence[float], size: tuple[int, int]) -> Look:
    """The look at a box x0, y0, x1, y1 in a picture of `size` (width, height)."""
    look = Look.at(Region("box", np.asarray(box, float).reshape(2, 2)), size)
    assert look is not None, "boxes have looks"
    return look


@torch.no_grad()
def points_of(network: ClosePoints, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n, points, 3) float64: x and y in pixels of the picture and whether it is there, 0 to 1, of bodies in (n, 4)
    boxes."""
    weight = network.where.weight
    looks = [look_at(box, (image.shape[1], image.shape[0])) for box in boxes.tolist()]
    tables = [np.zeros((0, weight.shape[0], 3))]
    for start in range(0, len(looks), BATCH):
        part = looks[start : start + BATCH]
        where, there = network(torch.stack([shown(image, look) for look in part]).to(weight))
        for one, look in zip(where, part, strict=True):  # nothing is in the padding
            columns, rows = (-(-n // CELL) for n in inner(look))
            one[:, rows:], one[:, :, columns:] = -torch.inf, -torch.inf
        places = peaks(where.float()).double().cpu().numpy() * CELL
        scales = np.array([scale_of(look) for look in part])[:, None, None]
        corners = np.array([[look.x0, look.y0] for look in part], float)[:, None]
        ends = np.array([[look.x1, look.y1] for look in part], float)[:, None]
        sure = there.float().sigmoid().double().cpu().numpy()[..., None]
        tables.append(np.concatenate([np.minimum(places / scales + corners, ends), sure], 2))
    return np.concatenate(tables)


def peaks(where: Tensor) -> Tensor:
    """(B, points, 2) x and y in cells from the maps' corner: the mean place near each map's highest cell.

    Args:
        where: (B, points, h, w) logits.
    """
    rows, columns = where.shape[2:]
    best = where.flatten(2).argmax(2)
    y, x = best // columns, best % columns
    near_y = (torch.arange(rows, device=where.device) - y[..., None]).abs() <= AROUND
    near_x = (torch.arange(columns, device=where.device) - x[..., None]).abs() <= AROUND
    near = near_y[..., :, None] & near_x[..., None, :]
    share = where.masked_fill(~near, -torch.inf).flatten(2).softmax(2).unflatten(2, (rows, columns))
    at_x = (share.sum(2) * (torch.arange(columns, device=where.device) + 0.5)).sum(2)
    at_y = (share.sum(3) * (torch.arange(rows, device=where.device) + 0.5)).sum(2)
    return torch.stack([at_x, at_y], 2)


def points_loss(network: ClosePoints, names: Sequence[str], images: Sequence[np.ndarray], targets: Sequence[Keypoints],
                asked: Tensor) -> Tensor:
    """Cross entropy of each point's place and of whether it is there, the mean over bodies.

    Half of the looks are mirrored, left and right with them. A hidden point counts half.

    Args:
        names: of the network's points. targets: bodies in each picture. asked: (B, points) 0 to 1; of points that are
            not asked for a target says nothing.
    """
    bodies = [_seen(image, target, i, names) for image, target in zip(images, targets, strict=True)
              for i in range(len(target))]
    wished = [row for row, target in zip(asked, targets, strict=True) for _ in range(len(target))]
    if not bodies:
        return sum((p.sum() for p in network.parameters()), torch.zeros(())) * 0
    weight = network.where.weight
    looks = torch.stack([look for look, _ in bodies]).to(weight.device)
    table = torch.from_numpy(np.stack([table for _, table in bodies])).to(weight.device, torch.float32)
    order = mirrored(names)
    if (flipped := torch.rand(len(bodies)) < 0.5).any():
        looks[flipped] = looks[flipped].flip(3)
        table[flipped] = table[flipped][:, order]
        table[flipped, :, 0] = SIDE - table[flipped, :, 0]
    wish = torch.stack([row[order] if turned else row for row, turned in zip(wished, flipped.tolist(), strict=True)])
    where, there = network(looks)
    cells = SIDE // CELL
    middle = (torch.arange(cells, device=weight.device) + 0.5) * CELL
    across, down = (torch.exp(-0.5 * ((middle - table[..., axis, None]) / (SPREAD * CELL)) ** 2) for axis in (0, 1))
    target = (down[..., :, None] * across[..., None, :]).flatten(2)
    target = target / target.sum(2, keepdim=True).clamp(min=1e-6)
    placed = -(target * where.float().flatten(2).log_softmax(2)).sum(2)
    known = table[..., 2] * (wish > 0.5)
    present = functional.binary_cross_entropy_with_logits(there.float(), table[..., 2], reduction="none")
    wanted = (wish > 0.5).float()
    place = (placed * known).sum() / known.sum().clamp(min=1)
    return place + THERE * (present * wanted).sum() / wanted.sum().clamp(min=1)


def mirrored(names: Sequence[str]) -> list[int]:
    """For each point the index of the one on the body's other side; its own where it has none."""
    other = {"left": "right", "right": "left"}
    turned = ["_".join(other.get(word, word) for word in name.split("_")) for name in names]
    return [list(names).index(name) for name in turned]


def _seen(image: np.ndarray, target: Keypoints, number: int, names: Sequence[str]) -> tuple[Tensor, Any]:
    """(look, (points, 3) x, y in its pixels and score) of one body, its box a little off."""
    box = target.boxes[number].astype(float)
    sides = np.tile(box[2:] - box[:2], 2)
    box = box + (torch.rand(4).numpy() * 2 - 1) * MOVED * sides
    middle, half = (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 1.0) / 2
    half = half * (1 + (float(torch.rand(())) * 2 - 1) * ZOOMED)
    look = look_at([*(middle - half), *(middle + half)], target.size)
    table = np.zeros((len(names), 3))
    at = [list(names).index(name) for name in target.names]
    table[at, :2] = (target.xy[number] - [look.x0, look.y0]) * scale_of(look)
    inside = ((table[:, :2] >= 0) & (table[:, :2] < SIDE)).all(1)
    table[at, 2] = target.scores[number]
    table[:, 2] *= inside
    return shown(image, look), table
