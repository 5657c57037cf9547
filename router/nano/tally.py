"""Counting: of the things that the eye found, how many a text means, and where those are.

Attention takes means, and a mean over three cows is the mean over one. Here each of the surest things is meant more or
less, whatever else is meant (a sigmoid in the place of the softmax), so that what is meant can be added up. It stands
in the middle of the language model: the layers before it read the question, those behind it read the number.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.router.nano.findings import at_peaks
from veclink.router.nano.telling import waves

Things: TypeAlias = tuple[Tensor, Tensor]  # keys (B, S, heads, WIDTH) and how surely each is there (B, S)
Fit: TypeAlias = Tensor  # (B, T, S) logits
WIDTH = 48  # of a head
SUREST = 48  # of a picture, the surest to hold a thing's middle
MOST = 8  # counts from 0 on that are told apart
WAVES = 5  # frequencies in which a place is told


class Tally(nn.Module):
    """The layer.

    Args:
        hidden: H of the language model. size: width of the eye's features. tags: how many can be said of a thing.
        heads: so many counts at a time; the first is taught directly, see `meant_loss`.
        sums: see `VisionConfig`.
    """

    def __init__(self, hidden: int, size: int, tags: int, heads: int, sums: bool = False) -> None:
        super().__init__()
        self.sums = sums
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.ask = nn.Linear(hidden, heads * (WIDTH + 1))
        self.tags = nn.Linear(tags, heads * WIDTH, bias=False)
        self.seen = nn.Linear(size, heads * WIDTH, bias=False)
        self.place = nn.Linear(2 * 2 * WAVES, heads * WIDTH)
        self.told = nn.Linear(heads * (MOST + 1 + WIDTH), hidden)
        nn.init.zeros_(self.told.weight)  # at first it says nothing
        nn.init.zeros_(self.told.bias)

    def things(self, features: Tensor, found: Tensor) -> Things:
        """What can be counted in pictures.

        Args:
            features: (B, rows, columns, size). found: (B, 2 rows, 2 columns, 1 + tags), probabilities in 8-pixel
                squares of a thing's middle and of its tags.
        """
        rows, columns = found.shape[1:3]
        sure, index = surest(found, self.sums)
        row, column = index // columns, index % columns
        batch = torch.arange(len(found), device=found.device)[:, None]
        at = torch.stack([(row + 0.5) / rows, (column + 0.5) / columns], -1)
        told = found[batch, row, column, 1:], features[batch, row // 2, column // 2], waves(at, WAVES)
        kind, seen, place = (one.to(self.place.weight.dtype) for one in told)
        keys = self.tags(kind) + self.seen(seen) + self.place(place)
        return keys.unflatten(-1, (self.heads, WIDTH)), sure

    def forward(self, x: Tensor, things: Things) -> tuple[Tensor, Fit]:
        """(B, T, H) with what is counted added, and how much the first head takes each thing to be meant."""
        keys, sure = things
        asked = self.ask(self.norm(x)).unflatten(-1, (self.heads, WIDTH + 1))
        fit = torch.einsum("bthw,bshw->bhts", asked[..., :WIDTH], keys.to(asked.dtype)).float() / math.sqrt(WIDTH)
        fit = fit + asked[..., WIDTH].float().permute(0, 2, 1)[..., None]
        meant = fit.sigmoid() * sure[:, None, None].float()
        counts = meant.sum(-1).permute(0, 2, 1)
        numbers = torch.arange(MOST + 1, device=x.device)
        steps = (1 - (counts.clamp(max=MOST)[..., None] - numbers).abs()).clamp(min=0)
        means = torch.einsum("bhts,bshw->bthw", meant, keys.float()) / (counts[..., None] + 1)
        told = torch.cat([steps, means], -1).flatten(2)
        return x + self.told(told.to(x.dtype)), fit[:, 0]


def surest(found: Tensor, sums: bool = False) -> tuple[Tensor, Tensor]:
    """The squares (B, S) that most surely hold a thing's middle: how surely, and their numbers, row by row.

    Args:
        sums: of those, peaks alone, see `VisionConfig`.
    """
    middles = (at_peaks(found, sums) if sums else found[..., 0]).flatten(1)
    sure, index = middles.topk(min(SUREST, middles.shape[1]))
    return sure, index


def by_row(things: Things, pictures: Tensor) -> Things:
    """Things of pictures as those of rows that have so many (B,) pictures each."""
    if bool((pictures == 1).all()):
        return things
    keys, sure = (list(part.split(pictures.tolist())) for part in things)
    wide = max(1, *pictures.tolist()) * things[1].shape[1]
    blank = [things[0].new_zeros(wide, *things[0].shape[2:]), things[1].new_zeros(wide)]
    for part, empty in zip((keys, sure), blank, strict=True):
        for i, one in enumerate(part):
            flat = one.flatten(0, 1)
            part[i] = torch.cat([flat, empty[len(flat):]])
    return torch.stack(keys), torch.stack(sure)


def number_loss(fit: Tensor, sure: Tensor, numbers: Tensor) -> Tensor:
    """How far the first head's counts are from how many things turns mean.

    Args:
        fit, sure: as `meant_loss`. numbers: (n,).
    """
    return functional.smooth_l1_loss((fit.sigmoid() * sure).sum(-1), numbers)


def meant_loss(fit: Tensor, sure: Tensor, wanted: Tensor) -> Tensor:
    """How far the first head is from what turns mean, where a thing may be.

    Args:
        fit: (n, S) logits. sure: (n, S), how surely a square holds a thing's middle. wanted: (n, S), 1 where what is
            meant is, else 0.
    """
    loss = functional.binary_cross_entropy_with_logits(fit, wanted, reduction="none") * sure
    return loss.sum() / sure.sum().clamp(min=1)
