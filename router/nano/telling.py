"""What the eye finds as tokens of their own: one a thing, and one a kind with how many there are of it.

A language model of this size does not read a number out of a feature, but it copies and compares tokens well. So each
of the surest things becomes a token of what it is, what it looks like and where it stands; and the kinds of which there
are most become tokens of the kind and its count. Names begin as the language model's own words for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from veclink.router.nano.findings import at_peaks

WAVES = 6  # frequencies in which a place is told
MOST = 7  # counts from 0 on that have an embedding; more are told as this one
SURE = 0.05  # things less likely than that are told as nothing


class Telling(nn.Module):
    """The tokens.

    Args:
        size: width of the eye's features. hidden: H of the language model.
        tags: names of what can be said of a thing. counted: indices of those that are counted.
        things, counts: how many tokens of either there are; of counts at most one a name that is counted.
        sums: see `VisionConfig`.
    """

    def __init__(self, size: int, hidden: int, tags: Sequence[str], counted: Sequence[int], things: int, counts: int,
                 sums: bool = False) -> None:
        super().__init__()
        self.sums = sums
        self.tags, self.counted, self.things, self.counts = tuple(tags), tuple(counted), things, counts
        self.names = nn.Linear(len(tags), hidden, bias=False)
        self.seen = nn.Linear(size, hidden)
        self.place = nn.Linear(2 * 2 * WAVES, hidden)
        self.number = nn.Embedding(MOST + 1, hidden)
        self.nothing = nn.Parameter(torch.zeros(2, hidden))

    def name(self, embed: Callable[[str], Tensor]) -> None:
        """Begin with the language model's embeddings (H,) of the names and of the numbers."""
        with torch.no_grad():
            self.names.weight.copy_(torch.stack([embed(tag) for tag in self.tags], 1))
            self.number.weight.copy_(torch.stack([embed(str(count)) for count in range(MOST + 1)]))

    def forward(self, features: Tensor, things: Tensor) -> Tensor:
        """(B, things + counts, H) tokens, the surest first.

        Args:
            features: (B, rows, columns, size). things: (B, 2 rows, 2 columns, 1 + tags), probabilities in 8-pixel
                squares of a thing's middle and of its tags.
        """
        return torch.cat([self._things(features, things), self._counts(things)], 1)

    def _things(self, features: Tensor, things: Tensor) -> Tensor:
        middles = at_peaks(things, self.sums)
        sure, index = middles.flatten(1).topk(self.things)
        rows, columns = index // middles.shape[2], index % middles.shape[2]
        batch = torch.arange(len(middles), device=middles.device)[:, None]
        tags = things.flatten(1, 2)[batch, index][..., 1:]
        places = [(rows + 0.5) / middles.shape[1], (columns + 0.5) / middles.shape[2]]
        place = self.place(waves(torch.stack(places, -1), WAVES))
        told = self.names(tags) + self.seen(features[batch, rows // 2, columns // 2]) + place
        sure = torch.where(sure > SURE, sure, torch.zeros_like(sure))[..., None]
        return sure * told + (1 - sure) * self.nothing[0]

    def _counts(self, things: Tensor) -> Tensor:
        counted = torch.tensor(self.counted, dtype=torch.long, device=things.device)
        count, index = (things[..., :1] * things[..., 1:]).sum((1, 2))[:, counted].topk(self.counts)
        names = self.names.weight.t()[counted[index]]
        low = count.clamp(0, MOST - 1e-3).floor()
        part = (count.clamp(0, MOST) - low)[..., None]
        number = torch.lerp(self.number(low.long()), self.number(low.long() + 1), part.to(self.number.weight.dtype))
        sure = count.clamp(max=1)[..., None]
        return sure * (names + number) + (1 - sure) * self.nothing[1]


def waves(at: Tensor, count: int) -> Tensor:
    """Places (B, n, 2) in 0..1 as sines and cosines of so many frequencies each: (B, n, 4 count)."""
    angles = at[..., None] * math.pi * 2 ** torch.arange(count, device=at.device)
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(2)
