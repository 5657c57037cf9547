"""A bag-of-words router: the baseline that a trained routing head has to beat.

Logistic regression, one per label, over the words and word pairs of a request, fitted on the head's own training files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from veclink.router.training.requests import Request

STEPS, RATE, DECAY = 150, 0.05, 2e-5


def words_of(text: str) -> list[str]:
    """Lower-case words, ? and !, and pairs of neighbours."""
    words = re.findall(r"[a-z0-9']+|[?!]", text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


class BagOfWords:
    """Fit on requests, then choose sets of labels; deterministic.

    Args:
        labels: all labels.
        alone: those that never stand beside another.
    """

    def __init__(self, labels: Sequence[str], alone: Sequence[str]) -> None:
        self.labels, self.alone = tuple(labels), tuple(alone)
        self.index: dict[str, int] = {}

    def fit(self, requests: Sequence[Request]) -> BagOfWords:
        counts = Counter(word for request in requests for word in set(words_of(request.text)))
        self.index = {word: i for i, word in enumerate(sorted(w for w, n in counts.items() if n >= 2))}
        inputs = self._inputs([r.text for r in requests])
        wanted = torch.tensor([[float(label in r.tools) for label in self.labels] for r in requests])
        self.weight = torch.zeros(len(self.index), len(self.labels), requires_grad=True)
        self.bias = torch.zeros(len(self.labels), requires_grad=True)
        optimizer = torch.optim.Adam([self.weight, self.bias], lr=RATE)
        for _ in range(STEPS):
            loss = functional.binary_cross_entropy_with_logits(torch.sparse.mm(inputs, self.weight) + self.bias, wanted)
            loss = loss + DECAY * self.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return self

    @torch.no_grad()
    def choose(self, texts: Sequence[str]) -> list[set[str]]:
        """The set of labels of each text; at least one."""
        chosen = []
        for row in torch.sparse.mm(self._inputs(texts), self.weight) + self.bias:
            best = self.labels[int(row.argmax())]
            others = {
                label for label, score in zip(self.labels, row, strict=True) if score > 0 and label not in self.alone
            }
            chosen.append({best} if best in self.alone else others | {best})
        return chosen

    def _inputs(self, texts: Sequence[str]) -> Tensor:
        """(texts, words) sparse: 1 for each word of a text, over the root of how many it has."""
        found = [sorted({self.index[word] for word in words_of(text) if word in self.index}) for text in texts]
        places = [(row, column) for row, columns in enumerate(found) for column in columns]
        values = [len(columns) ** -0.5 for columns in found for _ in columns]
        where = torch.tensor(places, dtype=torch.long).reshape(-1, 2).t()
        size = (len(texts), len(self.index))
        return torch.sparse_coo_tensor(where, torch.tensor(values), size, check_invariants=True).coalesce()
