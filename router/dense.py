"""The dense part of a link: from what is meant to where it is.

A tool's queries say what is meant in a handful of vectors, and a decoder that draws must find it anew. The core's eye
has looked at every part of the picture already and says of each which kinds of things are in it. Here the link says
which kinds are meant and what else tells the ones meant apart; together that is how surely each part is meant.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result

if TYPE_CHECKING:
    from torch import Tensor

Seen: TypeAlias = tuple[int, int]  # numbers that an eye says of each part; of them first so many chances of a kind
MIXED = 2  # vectors to which the queries' answers are mixed; as good as all of four, at half the size
WIDTH = 48  # of what is asked beside kinds
RARE = -2.0  # logit that a kind is meant, at the start
VISIBLE = 4  # levels from which a pixel has changed
UNSURE, ROUGH = 0.03, 1.0  # how near a hint's chances come to 0 and 1, and the spread of its logits
LOWEST, HIGHEST = 1e-3, 400.0  # odds of a kind


class DenseLink(nn.Module):
    """N queries and one eye.

    Args:
        queries: N.
        hidden: H of the core.
        seen: (D, kinds): how many numbers the core's eye says of each part, and how many of them, from the first on,
            are chances of a kind.
    """

    def __init__(self, queries: int, hidden: int, seen: Seen) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.mix = nn.Parameter(nn.init.normal_(torch.empty(MIXED, queries), 1 / queries, 0.3))
        self.kinds = nn.Linear(MIXED * hidden, seen[1])
        self.ask = nn.Linear(MIXED * hidden, WIDTH + 1)
        self.answer = nn.Linear(seen[0], WIDTH, bias=False)
        nn.init.zeros_(self.answer.weight)  # at first kinds alone count

    def forward(self, link: Tensor, seen: Tensor) -> Tensor:
        """(rows, columns) float32 logits of the link (N, H) in what was seen (rows, columns, D)."""
        said = self._said(link)
        meant = self._meant(said).sigmoid()
        chances = seen[..., : len(meant)].float()
        odds = (chances / (1 - chances).clamp(min=LOWEST)).clamp(max=HIGHEST)
        asked = self.ask(said).float()
        fit = self.answer(seen.to(self.answer.weight.dtype)).float() @ asked[:WIDTH] / math.sqrt(WIDTH) + asked[WIDTH]
        return (odds @ meant + LOWEST).log() + fit

    def meant(self, link: Tensor) -> Tensor:
        """(kinds,) float32 logits: whether the link (N, H) means each of the kinds."""
        return self._meant(self._said(link))

    def _meant(self, said: Tensor) -> Tensor:
        return self.kinds(said).float() + RARE

    def _said(self, link: Tensor) -> Tensor:
        return (self.mix @ self.norm(link.to(self.mix.dtype))).flatten()


def where_loss(logits: Tensor, target: Result, picture: np.ndarray) -> Tensor:
    """Cross entropy and dice loss (Milletari et al., 2016) of a dense part.

    Args:
        logits: (h, w) over the whole picture.
        target: Masks, Boxes or Keypoints: all of their pixels, or their boxes', are meant; or an Image: what changes.
        picture: (H, W, 3) uint8, the one given.
    """
    wanted = _shares(target, picture, (logits.shape[0], logits.shape[1])).to(logits)
    share = logits.sigmoid()
    dice = 1 - (2 * (share * wanted).sum() + 1) / (share.sum() + wanted.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, wanted) + dice


def hint(target: Result, picture: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """(h, w) logits that say where a target is as roughly as a link would; randomness is torch's global one.

    For decoders that learn to listen before there is a link.

    Args:
        target, picture: as `where_loss`. shape: (h, w).
    """
    return torch.logit(_shares(target, picture, shape), UNSURE) + ROUGH * torch.randn(shape)


def kind_loss(logits: Tensor, names: Collection[str], kinds: Sequence[str]) -> Tensor:
    """Cross entropy of the kinds that a link means; 0 where the names are not all among them, or are none.

    Where things are teaches which kinds are meant as long as others are in view; of mobs there are few at a time, and
    a link that means any mob is mostly right.

    Args:
        logits: (kinds,), see `DenseLink.meant`. names: of the kinds meant. kinds: all names.
    """
    if not names or not set(names) <= set(kinds):
        return logits.sum() * 0
    wanted = torch.tensor([float(kind in names) for kind in kinds]).to(logits)
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")


def _shares(target: Result, picture: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """(h, w) float32: how much of each part of the picture a result is about, 0 to 1."""
    return functional.adaptive_avg_pool2d(torch.from_numpy(_pixels(target, picture)).float()[None], shape)[0]


def _pixels(target: Result, picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: the pixels that a result is about."""
    if isinstance(target, Masks):
        return np.ascontiguousarray(target.masks.any(0))
    if isinstance(target, Image):
        return np.abs(target.pixels.astype(np.int16) - picture).max(-1) > VISIBLE
    assert isinstance(target, Boxes | Keypoints), "words are nowhere"
    out = np.zeros((target.size[1], target.size[0]), bool)
    for x0, y0, x1, y1 in target.xyxy if isinstance(target, Boxes) else target.boxes:
        out[math.floor(y0): math.ceil(y1), math.floor(x0): math.ceil(x1)] = True
    return out
