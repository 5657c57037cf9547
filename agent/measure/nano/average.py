"""Average precision over any draw of the pictures.

pycocotools decides which findings meet which things (Lin et al. 2014); the ranking is then done here, for many draws at
once and for any part of the requests, with the same 101 recalls. A request is one "image" to pycocotools: what it
should find are that request's things alone.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SMALL, LARGE = 12, 32  # pixels: borders of the sizes, as roots of a box's area
AREAS = {"all": (0.0, 1e10), "under_12": (0.0, SMALL**2), "12_to_32": (SMALL**2, LARGE**2), "over_32": (LARGE**2, 1e10)}
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST = 50  # findings of a request that count
BODY = 0.53  # share of a body's box that it fills, for OKS, as ultralytics has it
CHUNK = 4_000_000  # numbers in memory at once


@dataclass(frozen=True, eq=False)
class Matched:
    """A request's findings held against its things.

    Attributes:
        picture: number of the picture it is about. group: what tables sort it by (kind, entry, ...).
        scores: (d,), falling. hits, ignored: (thresholds, d) bool. positives: how many things there are.
    """

    picture: int
    group: Mapping[str, Any]
    scores: np.ndarray
    hits: np.ndarray
    ignored: np.ndarray
    positives: int


def matched(cases: Sequence[Mapping[str, Any]], kind: str = "boxes") -> dict[str, list[Matched]]:
    """Area -> the requests' findings held against their things.

    Args:
        cases: of each request "picture", "group", "boxes" (n, 4), "ignored" (k, 4), "found" [[x0, y0, x1, y1, score]];
            for kind "keypoints" also "joints" (n, m, 3), score 1 seen, between hidden, 0 not there, and "found_joints"
            (d, m, 3). Sizes are told apart for boxes alone.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    joints = kind == "keypoints"
    count = len(cases)
    if not count:
        return {area: [] for area in AREAS}
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        truth: Any = COCO()  # its hints know whole files alone
        found: Any = COCO()
        truth.dataset = _dataset(count, [row for i, case in enumerate(cases) for row in _things(i, case, joints)])
        truth.createIndex()
        found.dataset = _dataset(count, [row for i, case in enumerate(cases) for row in _findings(i, case, joints)])
        found.createIndex()
        evaluation = COCOeval(truth, found, "keypoints" if joints else "bbox")
        params = evaluation.params
        params.imgIds, params.iouThrs, params.maxDets = list(range(1, count + 1)), IOUS, [MOST]
        names = ["all"] if joints else list(AREAS)
        params.areaRng, params.areaRngLbl = [list(AREAS[name]) for name in names], names
        if joints:  # as ultralytics measures points that are not COCO's
            number = next((np.shape(case["joints"])[1] for case in cases if len(case["joints"])), 1)
            params.kpt_oks_sigmas = np.full(number, 1 / number)
        evaluation.evaluate()
    entries: list[Any] = list(evaluation.evalImgs)
    out: dict[str, list[Matched]] = {}
    for a, name in enumerate(names):
        part = entries[a * count:(a + 1) * count]
        out[name] = [_matched(case, entry) for case, entry in zip(cases, part, strict=True)]
    return out


def _matched(case: Mapping[str, Any], entry: Mapping[str, Any] | None) -> Matched:
    none = np.zeros((len(IOUS), 0), bool)
    if entry is None:
        return Matched(case["picture"], case["group"], np.zeros(0), none, none, 0)
    return Matched(case["picture"], case["group"], np.array(entry["dtScores"], float),
                   np.asarray(entry["dtMatches"]) > 0, np.asarray(entry["dtIgnore"]) > 0,
                   int((np.asarray(entry["gtIgnore"]) == 0).sum()))


def _dataset(count: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    for number, row in enumerate(rows, 1):
        row["id"] = number
    return {"images": [{"id": i + 1} for i in range(count)], "categories": [{"id": 1, "name": "meant"}],
            "annotations": rows}


def _row(image: int, box: Sequence[float], crowd: bool = False) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(value) for value in box[:4])
    return {"image_id": image + 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": int(crowd),
            "area": (x1 - x0) * (y1 - y0)}


def _things(image: int, case: Mapping[str, Any], joints: bool) -> list[dict[str, Any]]:
    rows = [_row(image, box) for box in case["boxes"]]
    if joints:
        for row, table in zip(rows, case["joints"], strict=True):
            points = [[x, y, 0 if s <= 0 else 2 if s > 0.75 else 1] for x, y, s in table]
            row |= {"keypoints": [value for point in points for value in point], "area": max(1.0, BODY * row["area"]),
                    "num_keypoints": sum(point[2] > 0 for point in points)}
    left_out = [_row(image, box, crowd=True) for box in case["ignored"]]
    if joints and left_out:
        blank = [0.0] * (3 * np.shape(case["joints"])[1] if len(case["joints"]) else 3)
        left_out = [{**row, "keypoints": blank, "num_keypoints": 0} for row in left_out]
    return rows + left_out


def _findings(image: int, case: Mapping[str, Any], joints: bool) -> list[dict[str, Any]]:
    order = sorted(range(len(case["found"])), key=lambda i: -case["found"][i][4])[:MOST]
    rows = []
    for i in order:
        row = {**_row(image, case["found"][i]), "score": float(case["found"][i][4])}
        if joints:
            row["keypoints"] = [float(value) for point in case["found_joints"][i] for value in point]
        rows.append(row)
    return rows


def precision(entries: Sequence[Matched], draws: np.ndarray | None = None, ious: slice = slice(0, 1)) -> np.ndarray:
    """(D,) average precision 0..1 of one ranking of all the entries' findings; NaN where a draw has no thing.

    Args:
        draws: (D, pictures) how often each picture counts; None for each once.
        ious: thresholds that are averaged: slice(0, 1) for AP50, slice(None) for AP.
    """
    pictures = 1 + max((e.picture for e in entries), default=0)
    weights = np.ones((1, pictures)) if draws is None else draws
    of = np.array([e.picture for e in entries], int)
    things = weights[:, of] @ np.array([e.positives for e in entries], float) if len(of) else np.zeros(len(weights))
    scores = np.concatenate([e.scores for e in entries]) if entries else np.zeros(0)
    order = np.argsort(-scores, kind="stable")
    owner = np.repeat(of, [len(e.scores) for e in entries])[order] if len(of) else np.zeros(0, int)
    hits = np.concatenate([e.hits for e in entries], 1)[ious][:, order] if entries else np.zeros((1, 0), bool)
    ignored = np.concatenate([e.ignored for e in entries], 1)[ious][:, order] if entries else hits
    total = np.zeros(len(weights))
    step = max(1, CHUNK // max(1, len(order)))
    for start in range(0, len(weights), step):
        part = slice(start, start + step)
        counted = weights[part][:, owner]
        for hit, out in zip(hits, ignored, strict=True):
            total[part] += _ranked(counted, hit & ~out, ~hit & ~out, things[part])
    return np.where(things > 0, total / len(hits), np.nan)


def _ranked(counted: np.ndarray, true: np.ndarray, false: np.ndarray, things: np.ndarray) -> np.ndarray:
    """(D,) mean precision at RECALLS of findings in falling order, each counted (D, d) times."""
    if not counted.shape[1]:
        return np.zeros(len(counted))
    good, bad = np.cumsum(counted * true, 1), np.cumsum(counted * false, 1)
    recall = good / np.maximum(things, 1e-9)[:, None]
    height = good / np.maximum(good + bad, np.spacing(1))
    height = np.maximum.accumulate(height[:, ::-1], 1)[:, ::-1]
    out = np.zeros(len(counted))
    for d in range(len(counted)):
        at = np.searchsorted(recall[d], RECALLS, side="left")
        out[d] = height[d, at[at < height.shape[1]]].sum() / len(RECALLS)
    return out


def tally(entry: Matched, threshold: float) -> tuple[int, int, int]:
    """(hits, false findings, misses) of a request's findings from a score on, at an IoU of a half."""
    sure = entry.scores >= threshold
    hit = int((entry.hits[0] & ~entry.ignored[0] & sure).sum())
    false = int((~entry.hits[0] & ~entry.ignored[0] & sure).sum())
    return hit, false, entry.positives - hit


def best_threshold(entries: Sequence[Matched], rate: float | None = None) -> float:
    """The score from which F1 over all these requests is best; just above the highest where it is best to find nothing.

    Args:
        rate: where these are a part of a whole whose F1 is this: the score from which the whole's F1 gains most.
    """
    scores = np.concatenate([e.scores for e in entries]) if entries else np.zeros(0)
    if not len(scores):
        return 1.0
    order = np.argsort(-scores, kind="stable")
    hit = np.concatenate([e.hits[0] & ~e.ignored[0] for e in entries])[order].cumsum()
    false = np.concatenate([~e.hits[0] & ~e.ignored[0] for e in entries])[order].cumsum()
    above, below = 2.0 * hit, hit + false + float(sum(e.positives for e in entries))
    last = np.append(np.diff(scores[order]) != 0, True)  # equal scores come together
    gain = above / np.maximum(below, 1) if rate is None else above - rate * (hit + false)
    gain = np.where(last, gain, -np.inf)
    best = int(np.argmax(gain))
    return float(scores[order][best]) if gain[best] > 0 else float(np.nextafter(scores[order][0], 2))


def grouped(entries: Sequence[Matched], key: Callable[[Matched], Any]) -> dict[Any, list[Matched]]:
    """Entries by a key; those with the key None are left out."""
    out: dict[Any, list[Matched]] = {}
    for entry in entries:
        if (name := key(entry)) is not None:
            out.setdefault(name, []).append(entry)
    return out
