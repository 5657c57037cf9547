"""What the eye says of a picture in words that it was taught: an answer before any question.

For each 8-pixel square it says which kinds of things are in it, whether the middle of a thing is there and what can be
said of that thing; for the picture as a whole, what holds of it (its hour, its weather). Labels teach this directly and
with many pictures, which a small language model's answers alone cannot; the language model reads it beside the eye's
features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.router.nano.samples import Sample

SQUARE = 8  # pixels
UNKNOWN = 255  # in labels
TAGS_PART = 3  # so many tags that are wrong weigh as much as one thing that was missed


@dataclass(frozen=True, eq=False)
class Labels:
    """The truth of a batch on the canvas, uint8: 1 holds, 0 does not, UNKNOWN is not judged.

    Attributes:
        kinds: (B, height, width), index of the kind in each pixel.
        things: (B, rows, columns, 1 + tags) of 8-pixel squares: the middle of a thing, then its tags; None where the
            eye has none. states: (B, states).
    """

    kinds: Tensor
    things: Tensor
    states: Tensor

    def to(self, device: torch.device) -> Labels:
        """The same there."""
        return Labels(self.kinds.to(device), self.things.to(device), self.states.to(device))


class Findings(nn.Module):
    """The eye's words.

    Args:
        size: width of the eye's features. kinds, tags, states: how many there are of each.
    """

    def __init__(self, size: int, kinds: int, tags: int, states: int) -> None:
        super().__init__()
        self.counts = (kinds, 1 + tags, states)
        self.kinds = nn.Linear(size, 4 * kinds)
        self.things = nn.Linear(size, 4 * (1 + tags))
        self.states = nn.Linear(size, max(1, states))
        nn.init.constant_(self.things.bias, -4.0)  # most squares hold no thing's middle

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of kinds (B, 2 rows, 2 columns, kinds), of things (..., 1 + tags) and of states (B, states).

        Args:
            features: (B, rows, columns, size).
        """
        kinds, things, states = self.counts
        return (_squares(self.kinds(features), kinds), _squares(self.things(features), things),
                self.states(features.mean((1, 2)))[:, :states])

    def told(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is found, in probabilities, without gradients.

        A cell's kinds are those of its squares; its things are counted, and each tag with the things that have it.

        Returns:
            (B, rows, columns, kinds + 1 + tags) a cell, (B, states + 1 + tags) in all, and the things as they are,
            (B, 2 rows, 2 columns, 1 + tags).
        """
        kinds, things, states = (part.float().sigmoid() for part in self(features.detach()))
        counted = torch.cat([things[..., :1], things[..., :1] * things[..., 1:]], -1)
        cells = torch.cat([_cells(kinds).amax(-2), _cells(counted).sum(-2)], -1)
        return cells.detach(), torch.cat([states, counted.sum((1, 2))], -1).detach(), things.detach()

    def losses(self, features: Tensor, labels: Labels) -> dict[str, Tensor]:
        """Name -> loss of what the eye says of pictures whose truth is known."""
        kinds, things, states = (part.float() for part in self(features))
        losses = {"kinds": _kind_loss(kinds, labels.kinds)}
        middles = labels.things[..., 0]
        found, known = middles == 1, (middles != UNKNOWN).float()
        total = found.sum().clamp(min=1)
        losses["things"] = (_cross(things[..., 0], found.float()) * known).sum() / total
        wrong = _cross(things[..., 1:][found], (labels.things[..., 1:][found] == 1).float())
        losses["tags"] = wrong.sum() / total / TAGS_PART
        judged = (labels.states != UNKNOWN).float()
        losses["states"] = (_cross(states, (labels.states == 1).float()) * judged).sum() / judged.sum().clamp(min=1)
        return losses


def at_peaks(things: Tensor, sums: bool) -> Tensor:
    """How surely a thing's middle is in each square, at peaks alone, the highest of 3 x 3 squares: (B, rows, columns).

    Args:
        things: (B, rows, columns, 1 + tags), probabilities, as `Findings.told` has them.
        sums: where a thing fills many squares its middle may be in any of several and each gets a share; put those
            round a peak together, to 1 at most.
    """
    middles = things[..., 0][:, None]
    peak = middles == functional.max_pool2d(middles, 3, 1, 1)
    whole = functional.avg_pool2d(middles, 3, 1, 1, divisor_override=1).clamp(max=1) if sums else middles
    return (whole * peak)[:, 0]


def labels_of(samples: Sequence[Sample], maps: np.ndarray, scales: Sequence[float], tags: Sequence[str],
              states: Sequence[str]) -> Labels:
    """The truth of samples with pictures.

    Args:
        maps: (B, height, width) uint8, kinds on the canvas. scales: canvas pixels a picture pixel, of each.
        tags, states: names that the eye knows; others are passed over.
    """
    count, height, width = maps.shape
    things = np.zeros((count, height // SQUARE, width // SQUARE, 1 + len(tags)), np.uint8)
    whole = np.full((count, len(states)), UNKNOWN, np.uint8)
    places = {name: 1 + i for i, name in enumerate(tags)}
    for index, (sample, scale) in enumerate(zip(samples, scales, strict=True)):
        if sample.things is None:
            things[index] = UNKNOWN
        for thing in sorted(sample.things or (), key=lambda one: one.sure):  # a sure one has the last word on a square
            row = min(int(thing.row * scale) // SQUARE, things.shape[1] - 1)
            column = min(int(thing.column * scale) // SQUARE, things.shape[2] - 1)
            things[index, row, column, 0] = 1 if thing.sure else UNKNOWN
            if thing.sure:
                things[index, row, column, [places[tag] for tag in thing.tags if tag in places]] = 1
        for name, holds in (sample.states or {}).items():
            if name in states:
                whole[index, list(states).index(name)] = holds
    return Labels(torch.from_numpy(maps), torch.from_numpy(things), torch.from_numpy(whole))


def _squares(raw: Tensor, count: int) -> Tensor:
    """(B, rows, columns, 4 count) of cells as (B, 2 rows, 2 columns, count) of their squares."""
    parts = raw.unflatten(-1, (2, 2, count)).permute(0, 1, 3, 2, 4, 5)
    return parts.flatten(3, 4).flatten(1, 2)


def _cells(squares: Tensor) -> Tensor:
    """(B, 2 rows, 2 columns, count) as (B, rows, columns, 4, count)."""
    return squares.unflatten(1, (-1, 2)).unflatten(3, (-1, 2)).transpose(2, 3).flatten(3, 4)


def _cross(logits: Tensor, wanted: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def _kind_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """Cross entropy of a square's kinds, the mean of those squares of which at least half is known."""
    squares = kinds.unflatten(1, (-1, SQUARE)).unflatten(3, (-1, SQUARE)).transpose(2, 3).flatten(3)
    known = (squares != UNKNOWN).float().mean(-1) > 0.5
    wanted = torch.zeros(*squares.shape[:3], 256, device=kinds.device)
    wanted.scatter_(3, squares.long(), 1.0)  # a kind is there from its first pixel on
    loss = _cross(logits, wanted[..., : logits.shape[-1]])
    return (loss.sum(-1) * known).sum() / known.sum().clamp(min=1)
