"""Small networks that this project trained itself: their files, and the table of words that stands in for a text model.

A file is safetensors: every matrix and kernel as int8 with a scale a row or output channel (or half precision), all
else half precision, and JSON metadata that says which network it is. Nothing of it is used before it was checked.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from veclink.tools.errors import WeightsError

FORMAT, VERSION = "veclink-small", 1
SCALE = ".scale"
QUIET, FLOOR = 0.01, 1e-2  # rows begin far below the floor of what counts: a word that was never learned says nothing
LARGEST_FILE = 1 << 29
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


class PhraseTable(nn.Module):
    """A phrase as vectors: the mean of its words' and word pairs' learned rows, mapped by one layer.

    It is a tool's own text side where no text model is at hand: trained with the tool, blind to picture and context.

    Args:
        rows, width: shape of what it gives a phrase. size: of the table. inner: width of its rows.
        unit: whether each vector has length 1.
    """

    def __init__(self, rows: int, width: int, size: int = 4096, inner: int = 128, unit: bool = False) -> None:
        super().__init__()
        self.rows, self.width, self.size, self.unit = rows, width, size, unit
        self.table = nn.EmbeddingBag(size, inner, mode="mean")
        nn.init.normal_(self.table.weight, std=QUIET)
        self.outer = nn.Linear(inner, rows * width)

    def forward(self, phrases: Sequence[str]) -> Tensor:
        """(n, rows, width) float32; (n, width) where rows is 1."""
        ids = [self._ids(phrase) for phrase in phrases]
        starts = torch.tensor([0, *(len(one) for one in ids[:-1])]).cumsum(0)
        where = self.outer.weight.device
        pooled = self.table(torch.tensor([i for one in ids for i in one], device=where), starts.to(where))
        spread = (pooled.square().mean(-1, keepdim=True) + FLOOR).sqrt()
        out = self.outer(pooled / spread).unflatten(1, (self.rows, self.width))
        out = nn.functional.normalize(out, dim=-1) if self.unit else out
        return (out[:, 0] if self.rows == 1 else out).float()

    def _ids(self, phrase: str) -> list[int]:
        words = WORD.findall(phrase.lower()) or [""]
        parts = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
        return [zlib.crc32(part.encode()) % self.size for part in parts]


def save_small(path: str | Path, networks: Mapping[str, nn.Module], about: Mapping[str, Any], whole: bool = False
               ) -> Path:
    """Write networks by name into one file, which appears whole or not at all.

    Args:
        about: JSON: what builds the networks again.
        whole: half precision for all; else int8 for matrices and kernels.

    Raises:
        WeightsError: numbers that are not finite.
    """
    from safetensors.torch import save_file

    path = Path(path)
    tensors: dict[str, Tensor] = {}
    for part, network in networks.items():
        for key, value in network.state_dict().items():
            name, value = f"{part}.{key}", value.detach().cpu()
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                raise WeightsError("finite numbers", f"{name} with some that are not", "train with a smaller step")
            if not whole and value.is_floating_point() and value.ndim >= 2 and value.numel() > 1024:
                flat = value.float().flatten(1)
                scale = (flat.abs().amax(1, keepdim=True) / 127).clamp(min=1e-12)
                tensors[name] = (flat / scale).round().clamp(-127, 127).to(torch.int8).reshape(value.shape).contiguous()
                tensors[name + SCALE] = scale.contiguous()
            else:
                tensors[name] = (value.half() if value.is_floating_point() else value).clone().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        head = {"format": FORMAT, "version": VERSION, "about": dict(about)}
        save_file(tensors, scratch, metadata={"veclink": json.dumps(head)})
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return path


def about_small(path: Path) -> dict[str, Any]:
    """What `save_small` was told of a file.

    Raises:
        WeightsError: not such a file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"larger than {LARGEST_FILE:,} bytes")
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {}).get("veclink", "null"))
        if head["format"] != FORMAT or head["version"] != VERSION:
            raise ValueError(f"{head['format']} version {head['version']}")
        return dict(head["about"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError("a file of weights that veclink trained", f"{path.name}: {str(error)[:160]}",
                           "get the file again") from error


def load_small(path: Path, networks: Mapping[str, nn.Module]) -> None:
    """Put a file's numbers into networks of the same names and shapes.

    Raises:
        WeightsError: a number is missing, of another shape or not finite; then no network was changed.
    """
    from safetensors.torch import load_file

    about_small(path)
    stored = load_file(path)
    states: dict[str, dict[str, Tensor]] = {}
    for part, network in networks.items():
        states[part] = {}
        for key, expected in network.state_dict().items():
            value = stored.get(f"{part}.{key}")
            if value is None or value.shape != expected.shape:
                got = "no such numbers" if value is None else f"shape {tuple(value.shape)}"
                raise WeightsError(f"{part}.{key} of shape {tuple(expected.shape)}", f"{got} in {path.name}",
                                   "get the file again, or name the network it was made for")
            if value.dtype == torch.int8:
                scale = stored[f"{part}.{key}{SCALE}"]
                value = (value.float().flatten(1) * scale).reshape(value.shape)
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                raise WeightsError("finite numbers", f"{part}.{key} of {path.name}", "get the file again")
            states[part][key] = value.to(expected.dtype)
    for part, network in networks.items():
        network.load_state_dict(states[part], strict=True)
