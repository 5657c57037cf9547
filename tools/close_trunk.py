"""What small networks for closer looks have in common: their first layers, and how they are shown a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.tools.closer import Look
from veclink.tools.origin import trunk_of
from veclink.tools.regions import Region

CONFIG = "yolo11n.yaml"
LAYERS = 7  # of its trunk, up to stride 16
CHANNELS = (64, 128, 128)  # of the trunk's maps of strides 4, 8 and 16


class Block(nn.Sequential):
    """A convolution, normed and bent."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__(nn.Conv2d(given, made, 3, 1, 1, bias=False), nn.GroupNorm(8, made), nn.SiLU())


class CloseTrunk(nn.Module):
    """The first layers of a small detector. Their batch norms are constants."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = trunk_of(CONFIG, LAYERS).eval()

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

    def levels(self, looks: Tensor) -> list[Tensor]:
        """Maps of strides 4, 8 and 16 of (B, 3, side, side) in 0..1; sides are multiples of 16."""
        found: dict[int, Tensor] = {}
        x = looks
        for layer in self.layers:
            x = layer(x)
            found[x.shape[-1]] = x
        return list(found.values())[-3:]


def shown(image: np.ndarray, look: Look, side: int) -> Tensor:
    """(3, side, side) in 0..1: that part of an (H, W, 3) uint8 RGB picture, its longer side as long, then padded."""
    part = torch.from_numpy(look.part(image)).permute(2, 0, 1)[None].float() / 255
    width, height = inner(look, side)
    scaled = functional.interpolate(part, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return functional.pad(scaled, (0, side - width, 0, side - height))[0]


def inner(look: Look, side: int) -> tuple[int, int]:
    """(width, height) of what is shown before padding."""
    width, height = (max(1, round(n * scale_of(look, side))) for n in (look.x1 - look.x0, look.y1 - look.y0))
    return width, height


def scale_of(look: Look, side: int) -> float:
    """Pixels of what is shown, to one of the picture."""
    return side / max(look.x1 - look.x0, look.y1 - look.y0)


def look_at(box: Sequence[float], size: tuple[int, int]) -> Look:
    """The look at a box x0, y0, x1, y1 in a picture of `size` (width, height)."""
    look = Look.at(Region("box", np.asarray(box, float).reshape(2, 2)), size)
    assert look is not None, "boxes have looks"
    return look
