"""Pictures, vectors and shorthands for tests of the segmenting tool."""

from __future__ import annotations

import numpy as np
import torch

from veclink.tools import Condition, Masks, Region
from veclink.tools.segment import Segment


def picture(width: int = 120, height: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def photo(name: str) -> np.ndarray:
    from PIL import Image
    from ultralytics.utils import ASSETS

    return np.asarray(Image.open(ASSETS / name).convert("RGB"))


def link(tool: Segment, seed: int = 0, rows: int = 4) -> torch.Tensor:
    vectors = torch.zeros(tool.condition)
    vectors[:rows, :256] = torch.randn(rows, 256, generator=torch.Generator().manual_seed(seed))
    return vectors


def masks(tool: Segment, image: np.ndarray, vectors: torch.Tensor, *regions: Region, **options: object) -> Masks:
    result = tool.decode([image], [Condition(vectors, "thing", regions, options)])[0]
    assert isinstance(result, Masks)
    return result


def words(tool: Segment, image: np.ndarray, phrase: str, *regions: Region, **options: object) -> Masks:
    return masks(tool, image, tool.bridge([phrase])[0], *regions, **options)


def without_text_model(tool: Segment) -> Segment:
    """The tool, ready; lexicon and spelling do, nothing is fetched."""
    tool.ready()
    assert tool.space is not None
    tool.space.embed = None
    return tool


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))
