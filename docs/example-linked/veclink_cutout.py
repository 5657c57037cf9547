"""A tool for veclink: cuts things out by their colours (GrabCut, Rother et al., 2004); a link tells it where they are.

No network and no words: what the request means reaches it as `Condition.dense` alone. By words alone it cuts out what
stands in the middle of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from veclink.tools import Condition, Masks, Result, Tool

ROUNDS = 3  # of GrabCut
SURE = 3.0  # logit from which a place is certainly meant, or below minus which certainly not


class Cutout(Tool):
    """Condition (1, 1): the logit from which a place counts as meant; 0 by words."""

    name = "cutout"
    description = "Cuts things out along their colours, without a network; for quick masks. Not for boxes or poses."
    examples = ("cutout the cows", "cutout the tree trunks", "make a cutout of this one")
    result = "masks"
    condition = (1, 1)
    dense = True

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """(1, 1) of zero a phrase: its words are not read."""
        return [torch.zeros(1, 1) for _ in phrases]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """One mask a picture; none where nothing is meant."""
        self.check_conditions(images, conditions)
        return [self._masks(image, condition) for image, condition in zip(images, conditions, strict=True)]

    def _masks(self, image: np.ndarray, condition: Condition) -> Masks:
        height, width = image.shape[:2]
        logits = _where(condition, width, height) - float(condition.vectors[0, 0])
        mask = cut(image, logits)
        if condition.regions:
            mask &= np.any([region.as_mask(width, height) for region in condition.regions], axis=0)
        kept = mask[None] if mask.any() else np.zeros((0, height, width), bool)
        score = float(1 / (1 + np.exp(-logits[mask].mean()))) if mask.any() else 0.0
        return Masks(kept, np.full(len(kept), score), condition.phrase or "cutout", condition.phrase, (width, height))


def _where(condition: Condition, width: int, height: int) -> np.ndarray:
    """(height, width) logits: the link's, or a region's, or those of the picture's middle."""
    if condition.dense is not None:
        return cv2.resize(condition.dense.detach().float().cpu().numpy(), (width, height))
    meant = np.zeros((height, width), bool)
    if condition.regions:
        meant |= np.any([region.as_mask(width, height) for region in condition.regions], axis=0)
    else:
        meant[height // 3 : -(-2 * height // 3), width // 3 : -(-2 * width // 3)] = True
    return np.where(meant, SURE / 2, -SURE / 2).astype(np.float32)


def cut(image: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(H, W) bool: `logits` (H, W) above 0, moved to where the colours of `image` (H, W, 3) uint8 RGB change."""
    first = logits > 0
    if first.all() or not first.any():
        return first
    labels = np.where(first, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[logits > SURE], labels[logits < -SURE] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)  # the same mask each time
    cv2.grabCut(np.ascontiguousarray(image[..., ::-1]), labels, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS,
                cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
