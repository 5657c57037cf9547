"""Features that know where in the picture they are, so that a condition can mean one of several things alike.

A convolution does not tell left from right. A link may say where what is meant stands, and a text that it is "the one
on the left"; both can only work on features that say it too (the idea of CoordConv, Liu et al., 2018).
"""

from __future__ import annotations

import math
from collections.abc import Collection

import torch
from torch import Tensor, nn

WAVES = 3  # cosines and sines of half a turn over the picture, of a whole one and of two


class Place(nn.Conv2d):
    """Adds to a map (B, channels, H, W) what it makes of each cell's place; at first nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__(2 * (1 + 2 * WAVES), channels, 1, bias=False)
        nn.init.zeros_(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        """The map with places in it."""
        rows, columns = (torch.linspace(-1, 1, size, device=features.device) for size in features.shape[-2:])
        at = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
        waves = [wave(math.pi / 2 * 2**k * at) for k in range(WAVES) for wave in (torch.sin, torch.cos)]
        return features + super().forward(torch.cat([at, *waves])[None].to(features.dtype))


def add_places(layers: nn.ModuleList, read: Collection[int]) -> None:
    """Have what others read of these layers know its place; each of them gets a part `place`.

    Args:
        layers: follow one another; the first takes pictures. read: numbers of those whose outputs are read.
    """
    training, x = layers.training, torch.zeros(1, 3, 64, 64)
    layers.eval()
    with torch.no_grad():
        for number, layer in enumerate(layers):
            x = layer(x)
            if number in read:
                layer.add_module("place", Place(x.shape[1]))
                layer.register_forward_hook(_placed)
    layers.train(training)


def _placed(layer: nn.Module, _: tuple[Tensor, ...], features: Tensor) -> Tensor:
    found: Tensor = layer.get_submodule("place")(features)
    return found
