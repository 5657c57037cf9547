"""Average precision on COCO-format pictures, driven by requests in plain words, beside the same weights alone.

The requests name all categories of the annotations in lists of ten and go through the agent: what the core does not
route gives no boxes. The direct call is ultralytics' own `YOLO(weights).predict` on the same pixels. Both sides use the
same thresholds and keep the same number of things a picture. Average precision is pycocotools' (Lin et al. 2014), in
points from 0 to 100; intervals are bootstraps over the pictures.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.agent import Agent
from veclink.agent.answers import join
from veclink.agent.steps import Run
from veclink.envs.errors import InputError, VeclinkError
from veclink.router.evaluation.routing import share
from veclink.tools.phrases import split_list
from veclink.tools.results import Boxes, Keypoints, Masks, Result
from veclink.tools.rle import encode_mask

OPTIONS: Mapping[str, Any] = {"confidence": 0.001, "iou": 0.7, "limit": 300}  # of both sides
# things a picture that count, by kind; of masks fewer, as each is a whole picture in memory
KEPT = {"boxes": 300, "masks": 100, "keypoints": 300}
ANNOTATIONS = {"boxes": "instances", "masks": "instances", "keypoints": "person_keypoints"}
COCO_KINDS: Mapping[str, Any] = {"boxes": "bbox", "masks": "segm", "keypoints": "keypoints"}
LIST = 10  # categories a request names
SURE = 0.25  # score from which a thing counts for the agreement
FLOOR = 0.5  # points by which the two sides may differ
SAMPLES = 100  # of the bootstrap

Row = dict[str, Any]  # a detection in COCO's result format
Direct = Callable[[str, str, Any], Callable[[np.ndarray], Result]]


@dataclass(frozen=True)
class CocoFolder:
    """Pictures and annotations in COCO's layout.

    Attributes:
        files: kind of result -> its annotation file, only kinds that have one.
        pictures: (image id, file), in the order of their ids.
        categories: name -> category id.
    """

    path: Path
    split: str
    files: Mapping[str, Path]
    pictures: Sequence[tuple[int, Path]]
    categories: Mapping[str, int]


def open_folder(path: str | Path, split: str = "val", limit: int | None = None) -> CocoFolder:
    """Find the annotations and pictures of one split.

    Args:
        path: holds annotations/instances_SPLIT*.json or person_keypoints_SPLIT*.json, and the pictures in SPLIT*/.
        limit: only so many pictures.

    Raises:
        InputError: not such a folder, or a picture is missing.
    """
    folder = Path(path)
    found = {kind: sorted(folder.glob(f"annotations/{stem}_{split}*.json")) for kind, stem in ANNOTATIONS.items()}
    files = {kind: paths[0] for kind, paths in found.items() if paths}
    if not files:
        raise InputError(
            f"a COCO folder with annotations/instances_{split}*.json or person_keypoints_{split}*.json",
            f"{path} without them",
            "give the folder that holds annotations/, or another --split",
        )
    places = [p for p in sorted(folder.glob(f"{split}*")) if p.is_dir()] + [folder / "images", folder]
    images: dict[int, str] = {}
    categories: dict[str, int] = {}
    for file in dict.fromkeys(files.values()):
        data = _annotations(file)
        images.update({int(image["id"]): str(image["file_name"]) for image in data["images"]})
        categories.update({str(c["name"]): int(c["id"]) for c in data["categories"]})
    pictures = []
    for number in sorted(images)[:limit]:
        place = next((p / images[number] for p in places if (p / images[number]).is_file()), None)
        if place is None:
            raise InputError(f"the picture {images[number]} in {folder / split}*/", "no such file", "put it there")
        pictures.append((number, place))
    if not pictures:
        raise InputError("annotations of at least one picture", f"none in {folder}", "mend the file")
    return CocoFolder(folder, split, files, pictures, categories)


def _annotations(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text("utf8"))
        lists = {key: list(data[key]) for key in ("images", "categories", "annotations")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("annotations in COCO's JSON", f"{file.name} that is none", "mend the file") from error
    return lists


def coco_agent(profile: str | Path, device: str = "auto") -> Agent:
    """An agent of a profile whose tools find things down to the lowest score, as average precision wants it."""
    kinds = Agent(profile, device)
    options = {
        name: dict(OPTIONS)
        for name, tool in kinds.tools.items()
        if tool.result in ANNOTATIONS and set(OPTIONS) <= set(tool.defaults)
    }
    return Agent(profile, device, options=options)


def requests_of(kind: str, names: Sequence[str], each: int = LIST) -> list[tuple[str, tuple[str, ...]]]:
    """(request, the categories it names) for all categories, `each` of them a request; poses one by one."""
    if kind == "keypoints":
        return [(f"Show me the pose of every {name}.", (name,)) for name in names]
    verb = "Find" if kind == "boxes" else "Outline"
    parts = [tuple(names[i : i + each]) for i in range(0, len(names), each)]
    return [(f"{verb} every {join(part)}.", part) for part in parts]


def measure(
    agent: Agent,
    folder: CocoFolder,
    direct: Direct | None = None,
    progress: Callable[[str, int, int], None] = lambda kind, done, of: None,
    each: int = LIST,
) -> dict[str, Any]:
    """Average precision of every kind that has annotations and a tool.

    Args:
        each: categories a request names.
        direct: (kind, weights, device) -> a function of one (H, W, 3) uint8 RGB picture; None means ultralytics.
        progress: called with the kind, the pictures done and their number.

    Returns:
        {"pictures", "floor", "options", "kinds": {kind: figures}}; of a kind: "ap", "ap50", "direct_ap",
        "direct_ap50", "difference", and "difference_routed", the same over the categories whose requests were routed
        exactly in every picture (points, each with its 95 % interval and number of pictures); "requests_exact";
        "categories_routed"; "agreement", the share of the direct call's sure things that the request found too;
        "kept" (things a picture); "weights"; "reason" where there is nothing to compare with.
    """
    kinds = {}
    for kind, file in folder.files.items():
        tools = [tool for tool in agent.tools.values() if tool.result == kind]
        if not tools:
            continue
        kinds[kind] = _measure_kind(agent, folder, kind, file, tools[0].ready(), direct or ultralytics_direct, progress,
                                    each)
    if not kinds:
        raise InputError("a profile with a tool for boxes, masks or keypoints", agent.profile.name, "choose another")
    return {
        "pictures": len(folder.pictures),
        "split": folder.split,
        "profile": agent.profile.name,
        "device": agent.device,
        "options": dict(OPTIONS),
        "categories_a_request": each,
        "floor": FLOOR,
        "kinds": kinds,
    }


@dataclass
class _Side:
    """What one side found, in COCO's result format."""

    rows: list[Row] = field(default_factory=list)

    def add(self, number: int, results: Sequence[Result], categories: Mapping[str, int], kind: str,
            points: Sequence[str]) -> None:
        """The best things of one picture."""
        found = [row for result in results for row in rows_of(result, categories, points)]
        best = sorted(found, key=lambda row: -row["score"])[: KEPT[kind]]
        for row in best:
            if "mask" in row:
                row["segmentation"] = encode_mask(row.pop("mask"))
        self.rows += [{"image_id": number, **row} for row in best]

    def of(self, number: int) -> list[Row]:
        return [row for row in self.rows if row["image_id"] == number]


def _measure_kind(agent: Agent, folder: CocoFolder, kind: str, file: Path, tool: Any, direct: Direct,
                  progress: Callable[[str, int, int], None], each: int) -> dict[str, Any]:
    categories = {str(c["name"]): int(c["id"]) for c in _annotations(file)["categories"]}
    points = next((c["keypoints"] for c in _annotations(file)["categories"] if "keypoints" in c), [])
    points = [str(point).replace("_", " ") for point in points]
    requests = requests_of(kind, list(categories), each)
    ours, theirs, exact, missed, same = _Side(), _Side(), [], set(), []
    figures: dict[str, Any] = {"weights": tool.weights or next(iter(tool.models), "")}
    try:
        call = direct(kind, figures["weights"], tool.device)
    except VeclinkError as error:
        call, figures["reason"] = None, str(error)
    for done, (number, path) in enumerate(folder.pictures, 1):
        # one picture's requests in one batch: masks of several pictures would fill the memory
        runs = agent.run_batch([(text, [path]) for text, _ in requests])
        for run, (_, names) in zip(runs, requests, strict=True):
            exact.append(routed_exactly(run, agent, kind, names))
            missed |= set() if exact[-1] else set(names)
        found = [f.result for run in runs for f in run.results if f.result.kind == kind]
        ours.add(number, found, categories, kind, points)
        if call is not None:
            theirs.add(number, [call(runs[0].pixels())], categories, kind, points)
            same += agreeing(ours.of(number), theirs.of(number))
        progress(kind, done, len(folder.pictures))
    numbers = [number for number, _ in folder.pictures]
    routed = {number for name, number in categories.items() if name not in missed}
    sides = [Scored(file, side.rows, kind, numbers, routed)
             for side in ((ours, theirs) if call is not None else (ours,))]
    names = ("ap", "ap50") if call is None else (
        "ap", "ap50", "direct_ap", "direct_ap50", "difference", "difference_routed")
    return {**figures, **dict(zip(names, figures_of(sides), strict=True)), "requests_exact": share(exact),
            "categories_routed": len(routed), "categories": len(categories), "agreement": share(same),
            "kept": KEPT[kind]}


def routed_exactly(run: Run, agent: Agent, kind: str, names: Sequence[str]) -> bool:
    """Whether a run used tools of this kind alone, for just these categories."""
    if not run.routes or any(agent.tools[route.tool].result != kind for route in run.routes):
        return False
    phrases = [part for route in run.routes for part in (split_list(route.phrase) or [route.phrase])]
    return {_bare(p) for p in phrases} == {_bare(n) for n in names} and not run.errors


def _bare(words: str) -> str:
    return re.sub(r"^(?:every|each|all|the|an?|(?:the )?pose of(?: every)?)\s+", "", words.lower().strip(" .,")).strip()


def agreeing(ours: Sequence[Row], theirs: Sequence[Row]) -> list[bool]:
    """Of each of their sure things whether ours holds it: same category, score and place.

    Weights whose precision is near nothing differ by nothing in it; this still tells whether both sides are the same.
    """
    from pycocotools.mask import iou

    held = []
    for row in theirs:
        if row["score"] < SURE:
            continue
        near = [other for other in ours if other["category_id"] == row["category_id"]
                and abs(other["score"] - row["score"]) < 0.01]
        if "keypoints" in row:
            apart = [np.abs(np.subtract(other["keypoints"], row["keypoints"])).max() for other in near]
            held.append(bool(apart) and bool(min(apart) < 1))
        else:
            key = "bbox" if "bbox" in row else "segmentation"
            shared: Any = iou([other[key] for other in near], [row[key]], [0]) if near else np.zeros(1)
            held.append(bool(np.max(shared) > 0.95))
    return held


def rows_of(result: Result, categories: Mapping[str, int], points: Sequence[str]) -> list[Row]:
    """A result in COCO's format; what is no category is left out. A mask stays a bool array under "mask"."""
    rows: list[Row] = []
    if isinstance(result, Boxes | Masks):
        scores, labels, boxes = result.scores, result.labels, result.xyxy
    elif isinstance(result, Keypoints):
        scores, labels, boxes = result.box_scores, result.labels, result.boxes
    else:
        return rows
    for i, (score, label, (x1, y1, x2, y2)) in enumerate(zip(scores, labels, boxes, strict=True)):
        if label not in categories:
            continue
        row: Row = {"category_id": categories[label], "score": float(score)}
        if isinstance(result, Masks):
            row["mask"] = result.masks[i]
        elif isinstance(result, Keypoints):
            places = {name: k for k, name in enumerate(result.names)}
            table = [(*result.xy[i, places[p]], result.scores[i, places[p]]) if p in places else (0, 0, 0)
                     for p in points]
            row["keypoints"] = [float(v) for point in table for v in point]
        else:
            row["bbox"] = [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]
        rows.append(row)
    return rows


# -- the direct call ---------------------------------------------------------------------------------------------------


def ultralytics_direct(kind: str, weights: str, device: Any) -> Callable[[np.ndarray], Result]:
    """`YOLO(weights).predict` with the options of this file, masks at the picture's own size.

    Raises:
        InputError: the weights are not ultralytics'.
        WeightsError: they cannot be had, or are not opened safely.
    """
    from veclink.tools.weights import load_pickle
    from veclink.tools.yolo import published, quiet

    if not Path(weights).name.startswith("yolo") or Path(weights).suffix != ".pt":
        raise InputError("ultralytics' weights to call directly", weights or "none", "choose a profile that has them")
    path = published(weights)
    load_pickle(path)  # refuses what is more than tensors and layers; ultralytics itself would run it
    os.environ.setdefault("YOLO_VERBOSE", "false")
    with quiet():
        from ultralytics import YOLO

        model = YOLO(str(path))

    def call(pixels: np.ndarray) -> Result:
        with quiet():
            found = next(iter(model.predict(
                np.ascontiguousarray(pixels[..., ::-1]),  # it takes arrays as BGR
                conf=OPTIONS["confidence"], iou=OPTIONS["iou"], max_det=OPTIONS["limit"], device=device,
                retina_masks=True, verbose=False, save=False,
            )))
        return _result_of(found, kind, (pixels.shape[1], pixels.shape[0]))

    return call


def _result_of(found: Any, kind: str, size: tuple[int, int]) -> Result:
    """ultralytics' results in our types."""
    from veclink.tools.body import BODY

    boxes = found.boxes.xyxy.double().cpu().numpy().reshape(-1, 4)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])
    scores = found.boxes.conf.double().cpu().numpy().clip(0, 1)
    labels = [str(found.names[int(c)]) for c in found.boxes.cls]
    if kind == "boxes":
        return Boxes(boxes, scores, labels, "", size)
    if kind == "masks":
        masks = np.zeros((0, size[1], size[0]), bool) if found.masks is None else found.masks.data.bool().cpu().numpy()
        return Masks(masks, scores[: len(masks)], labels[: len(masks)], "", size)
    table = found.keypoints.data.double().cpu().numpy().reshape(-1, len(BODY), 3)
    return Keypoints(table[..., :2], table[..., 2].clip(0, 1), boxes, scores, labels, "", size, BODY)


# -- average precision -------------------------------------------------------------------------------------------------


class Scored:
    """One side's detections held against the annotations; its average precision over any draw of the pictures.

    Args:
        file: annotations. rows: detections. kind: boxes, masks or keypoints.
        numbers: ids of the pictures that count.
        routed: ids of the categories that `precision` also takes by themselves; None means all.
    """

    def __init__(self, file: Path, rows: Sequence[Row], kind: str, numbers: Sequence[int],
                 routed: Collection[int] | None = None) -> None:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        self.pictures = len(numbers)
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
            truth = COCO(str(file))
            listed: Any = list(rows)  # pycocotools takes a list where its hints name files alone
            found = truth.loadRes(listed) if rows else _nothing(truth)
            self.evaluation = COCOeval(truth, found, COCO_KINDS[kind])
            params = self.evaluation.params
            params.imgIds = sorted(numbers)
            params.areaRng, params.areaRngLbl, params.maxDets = [params.areaRng[0]], ["all"], params.maxDets[-1:]
            self.evaluation.evaluate()
        self._routed = np.array([routed is None or number in routed for number in params.catIds], bool)
        self._all = list(self.evaluation.evalImgs)

    def precision(self, draw: np.ndarray | None = None) -> tuple[float, float, float]:
        """(AP, AP50, AP of the routed categories) in points; NaN where no picture of the draw has anything annotated.

        Args:
            draw: indices of pictures, one may occur several times; None means each once.
        """
        if draw is not None:  # evalImgs holds one entry a picture for each category in turn
            starts = range(0, len(self._all), self.pictures)
            self.evaluation.evalImgs = [self._all[start + int(i)] for start in starts for i in draw]
        else:
            self.evaluation.evalImgs = list(self._all)
        with contextlib.redirect_stdout(io.StringIO()):
            self.evaluation.accumulate()
        table = self.evaluation.eval["precision"][..., 0, -1]  # thresholds, recalls, categories

        def mean(part: np.ndarray) -> float:
            held = part[part > -1]
            return 100 * float(held.mean()) if held.size else float("nan")

        return mean(table), mean(table[:1]), mean(table[..., self._routed])


def _nothing(truth: Any) -> Any:
    """Detections of a side that found nothing; pycocotools' own loadRes refuses an empty list."""
    from pycocotools.coco import COCO

    empty = COCO()
    empty.dataset = {"images": truth.dataset["images"], "categories": truth.dataset["categories"], "annotations": []}
    empty.createIndex()
    return empty


def figures_of(sides: Sequence[Scored], samples: int = SAMPLES) -> list[dict[str, float | int | None]]:
    """AP and AP50 of each side, then the differences of the first side's AP and the second's: all, routed categories.

    Each is {"value", "low", "high", "cases"}; the interval is the middle 95 % of a bootstrap in which both sides see
    the same draws. None stands where nothing was annotated.
    """
    whole = _row(sides, None)
    random = np.random.default_rng(0)
    count = sides[0].pictures
    draws = np.array([_row(sides, random.integers(0, count, count)) for _ in range(samples)])
    out = []
    for value, column in zip(whole, draws.T, strict=True):
        held = column[~np.isnan(column)]
        low, high = np.percentile(held, [2.5, 97.5]) if held.size else (np.nan, np.nan)
        out.append({"value": _plain(value), "low": _plain(low), "high": _plain(high), "cases": count})
    return out


def _row(sides: Sequence[Scored], draw: np.ndarray | None) -> list[float]:
    values = [side.precision(draw) for side in sides]
    flat = [v for ap, ap50, _ in values for v in (ap, ap50)]
    if len(sides) == 1:
        return flat
    (ap, _, routed), (direct_ap, _, direct_routed) = values
    return [*flat, ap - direct_ap, routed - direct_routed]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)
