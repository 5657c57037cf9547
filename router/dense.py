"""The dense part of a link: from what is meant to where it is.

A tool's queries say what is meant in a handful of vectors, and a decoder that draws must find it anew. The core's eye
has looked at every part of the picture already: here each query asks each of those parts, and what they answer is mixed
into one number, how surely that part is meant.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 48  # of a question and of its answer
MIXED = 16  # numbers between the queries' answers and the one


class DenseLink(nn.Module):
    """N queries and one eye. At the start it says nothing: 0 everywhere.

    Args:
        queries: N.
        hidden: H of the core.
        seen: D, numbers that the core's eye says of each part of a picture.
    """

    def __init__(self, queries: int, hidden: int, seen: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.ask = nn.Linear(hidden, WIDTH + 1)
        self.answer = nn.Linear(seen, queries * WIDTH, bias=False)
        self.inner, self.outer = nn.Linear(queries, MIXED), nn.Linear(MIXED, 1)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, link: Tensor, seen: Tensor) -> Tensor:
        """(rows, columns) float32 logits of the link (N, H) in what was seen (rows, columns, D)."""
        asked = self.ask(self.norm(link.to(self.norm.weight.dtype)))
        answers = self.answer(seen.to(self.norm.weight.dtype)).unflatten(-1, (len(link), WIDTH))
        fit = torch.einsum("nw,yxnw->yxn", asked[:, :WIDTH].to(answers.dtype), answers) / math.sqrt(WIDTH)
        mixed = self.outer(nn.functional.gelu(self.inner(fit.to(asked.dtype) + asked[:, WIDTH])))
        return mixed[..., 0].float()
