"""Masks as COCO run lengths, the form they have in JSON."""

from __future__ import annotations

from typing import Any

import numpy as np


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """COCO run lengths of a (H, W) bool mask: {"size": [H, W], "counts": str}."""
    from pycocotools import mask as coco

    rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    counts = rle["counts"]
    text = counts if isinstance(counts, str) else counts.decode("ascii")
    return {"size": [int(n) for n in rle["size"]], "counts": text}


def decode_mask(rle: dict[str, Any]) -> np.ndarray:
    """The (H, W) bool mask of COCO run lengths."""
    from pycocotools import mask as coco

    return coco.decode({"size": rle["size"], "counts": rle["counts"].encode("ascii")}).astype(bool)
