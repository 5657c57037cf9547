"""How good one answer, one set of masks, one set of bodies or one changed picture is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from veclink.tools.results import Keypoints, Masks

NUMBERS = {word: i for i, word in enumerate(("no", "one", "two", "three", "four", "five", "six", "seven", "eight",
                                             "nine", "ten"))} | {"none": 0, "nobody": 0, "nothing": 0, "zero": 0}
STATES = {"clear": ("clear",), "rain": ("raining", "rain"), "thunder": ("thunderstorm", "thunder"),
          "snowfall": ("snowing", "snowfall"), "day": ("day",), "night": ("night",), "sunset": ("sunset",),
          "sunrise": ("sunrise",)}
OPENING = re.compile(r"^(?:it is|it's|this is|that is|on the|to the|a|an|the)\s+")
BEST = 60.0  # dB that a PSNR counts for at most; two equal pictures have none
LEAST = 16  # pixels of a region from which its figures mean anything
STEP = 4  # levels of a channel by which a pixel must differ to count as changed
REACH = 0.1  # of a body's longer side, for PCK
MEET = 0.3  # IoU of two boxes from which a body found is the body meant


# -- words -------------------------------------------------------------------------------------------------------------


def number_in(answer: str) -> int | None:
    """The first number in an answer, digits or words; None where there is none."""
    for word in re.findall(r"[a-z]+|\d+", answer.lower()):
        if word.isdigit() and len(word) < 7:
            return int(word)
        if word in NUMBERS:
            return NUMBERS[word]
    return None


def right(kind: str, value: str, answer: str) -> bool:
    """Whether an answer says the value.

    Args:
        kind: of the lesson. value: the bare answer: "3", "yes", "night", "brown cow".
    """
    if value.isdigit():
        return number_in(answer) == int(value)
    said = answer.lower().strip()
    if value in ("yes", "no"):
        return re.split(r"\W+", said, maxsplit=1)[0] == value
    words = set(re.findall(r"[a-z]+", said))
    if kind == "state" and value in STATES:
        named = {state for state, forms in STATES.items() if words & set(forms)}
        return named == {value}
    return bare(said) == bare(value)


def bare(words: str) -> str:
    """Words without a full stop and what leads up to them: "It is a cow." is "cow"."""
    words = words.lower().strip(" .!")
    while (shorter := OPENING.sub("", words)) != words:
        words = shorter
    return words


# -- boxes and masks ---------------------------------------------------------------------------------------------------


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) IoU of (n, 4) and (m, 4) boxes x0, y0, x1, y1."""
    a, b = np.reshape(a, (-1, 1, 4)).astype(float), np.reshape(b, (1, -1, 4)).astype(float)
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(-1)
    whole = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    return shared / np.maximum(whole, 1e-9)


def mask_score(found: Masks | None, target: Masks, ignored: np.ndarray) -> dict[str, Any]:
    """{"iou", "empty"}: of all that was found and all that was meant, as sets of pixels.

    Args:
        ignored: (n, 4) boxes whose pixels count only where they are meant.
    """
    width, height = target.size
    meant = np.asarray(target.masks.any(0)) if len(target) else np.zeros((height, width), bool)
    got = np.array(found.masks.any(0)) if found is not None and len(found) else np.zeros((height, width), bool)
    for x0, y0, x1, y1 in np.asarray(ignored, float).round().astype(int):
        got[y0:y1, x0:x1] &= meant[y0:y1, x0:x1]
    whole = int((meant | got).sum())
    return {"iou": float((meant & got).sum()) / whole if whole else 1.0, "empty": not got.any()}


# -- bodies ------------------------------------------------------------------------------------------------------------


def joint_table(found: Keypoints, names: Sequence[str]) -> np.ndarray:
    """(n, len(names), 3) column, row, score; 0 where the result has no such point."""
    out = np.zeros((len(found), len(names), 3))
    for place, name in enumerate(names):
        if name in found.names:
            k = found.names.index(name)
            out[:, place, :2], out[:, place, 2] = found.xy[:, k], found.scores[:, k]
    return out


def joints_right(boxes: np.ndarray, joints: np.ndarray, target: Keypoints) -> dict[str, list[int]]:
    """{"seen": [right, of], "hidden": [right, of]}: joints within REACH of the longer side of their body's box.

    Each body meant takes the unused body found that overlaps it most, by MEET at least; without one all its joints are
    missed. A joint that was found with a score of 0 is missed.

    Args:
        boxes: (n, 4) of the bodies found. joints: (n, m, 3) in the target's order of names.
    """
    counts = {"seen": [0, 0], "hidden": [0, 0]}
    shared = overlaps(target.boxes, boxes)
    owner: dict[int, int] = {}
    for flat in np.argsort(-shared, axis=None, kind="stable"):
        meant, got = np.unravel_index(int(flat), shared.shape)
        if shared[meant, got] >= MEET and int(meant) not in owner and int(got) not in owner.values():
            owner[int(meant)] = int(got)
    for body in range(len(target)):
        x0, y0, x1, y1 = target.boxes[body]
        reach = REACH * max(x1 - x0, y1 - y0, 1.0)
        for k, score in enumerate(target.scores[body]):
            if score <= 0:
                continue
            count = counts["seen" if score > 0.75 else "hidden"]
            count[1] += 1
            if body in owner and joints[owner[body], k, 2] > 0:
                count[0] += bool(np.hypot(*(joints[owner[body], k, :2] - target.xy[body, k])) <= reach)
    return counts


# -- changed pictures --------------------------------------------------------------------------------------------------


def psnr(picture: np.ndarray, true: np.ndarray, where: np.ndarray) -> float:
    """Decibels over the pixels (H, W) bool of two (H, W, 3) uint8 pictures, at most BEST."""
    gap = (picture[where].astype(float) - true[where].astype(float)) ** 2
    return min(BEST, float(10 * np.log10(255**2 / max(gap.mean(), 1e-12))))


def ssim_map(picture: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(H, W) structural similarity (Wang et al. 2004) of two (H, W, 3) uint8 pictures, the mean of the channels."""
    import cv2

    def blurred(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)

    a, b = picture.astype(np.float64), true.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = blurred(a), blurred(b)
    va, vb, vab = blurred(a * a) - ma * ma, blurred(b * b) - mb * mb, blurred(a * b) - ma * mb
    return (((2 * ma * mb + c1) * (2 * vab + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean(-1)


def edit_score(picture: np.ndarray, before: np.ndarray, true: np.ndarray) -> dict[str, float | None]:
    """PSNR and SSIM of an edited picture against the true one, where the truth changed and where it did not.

    None for a region of fewer than LEAST pixels.
    """
    changed = np.asarray((np.abs(true.astype(int) - before.astype(int)) > STEP).any(-1))
    likeness = ssim_map(picture, true)
    out: dict[str, float | None] = {}
    for name, where in (("inside", changed), ("outside", ~changed)):
        enough = int(where.sum()) >= LEAST
        out[f"psnr_{name}"] = round(psnr(picture, true, where), 4) if enough else None
        out[f"ssim_{name}"] = round(float(likeness[where].mean()), 5) if enough else None
    return out
