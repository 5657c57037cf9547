"""A small public text model: phrases into vectors whose dot product says how near their meanings are.

It is all-MiniLM-L6-v2 (Apache-2.0), 22M parameters, for tools that have no text side of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from veclink.tools.models import find_model, quiet

MODEL = "minilm-l6"
SIZE = 384
BATCH = 64
KEPT = 8192  # phrases whose vectors stay
_known: dict[str, Tensor] = {}
_lock = threading.Lock()


@lru_cache(maxsize=1)
def _model() -> tuple[Any, Any]:
    """The tokenizer and the network, loaded once a process, on the CPU."""
    from transformers import AutoModel, AutoTokenizer

    quiet()
    place = str(find_model(MODEL))
    return AutoTokenizer.from_pretrained(place), AutoModel.from_pretrained(place, dtype=torch.float32).eval()


def embed(phrases: Sequence[str]) -> Tensor:
    """(n, 384) float32 unit vectors on the CPU, one a phrase: the mean over its tokens, as the model was trained.

    Raises:
        WeightsError: the model is not here and cannot be fetched.
    """
    with _lock:
        missing = [phrase for phrase in dict.fromkeys(phrases) if phrase not in _known]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            _known.update(zip(part, _run(part), strict=True))
        rows = [_known[phrase] for phrase in phrases]
        while len(_known) > KEPT:
            _known.pop(next(iter(_known)))
    return torch.stack(rows) if rows else torch.zeros(0, SIZE)


@torch.no_grad()
def _run(phrases: list[str]) -> Tensor:
    tokenizer, model = _model()
    batch = tokenizer(phrases, padding=True, truncation=True, max_length=128, return_tensors="pt")
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1).float()
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
