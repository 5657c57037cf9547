"""Results: what a tool gives back, validated, in pixel coordinates of the picture it was given.

Boxes, Masks and Keypoints wrap supervision's types, so that its annotators, filters and converters apply; Image and
Text are small types of our own. Every result has the same JSON form and comes back from it equal.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import supervision as sv

from veclink.envs.errors import UnknownName
from veclink.tools.body import body_edges
from veclink.tools.errors import ContractError
from veclink.tools.rle import decode_mask, encode_mask

R = TypeVar("R", bound="Result")
SLACK = 0.5  # pixels by which a coordinate may leave the picture before it counts as wrong


def _fail(expected: str, got: str) -> ContractError:
    return ContractError(expected, got, "mend the tool that made this result")


def _check_boxes(xyxy: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Validate (n, 4) boxes and (n,) scores; returns the boxes clipped to the picture."""
    width, height = size
    if xyxy.ndim != 2 or xyxy.shape[1] != 4 or not np.isfinite(xyxy).all():
        raise _fail("finite boxes of shape (n, 4)", f"shape {xyxy.shape}")
    if len(xyxy) and (
        (xyxy[:, 2:] < xyxy[:, :2]).any()
        or (xyxy < -SLACK).any()
        or (xyxy[:, 2] > width + SLACK).any()
        or (xyxy[:, 3] > height + SLACK).any()
    ):
        raise _fail(f"boxes x1<=x2, y1<=y2 inside {width} x {height} pixels", f"{xyxy.round(1).tolist()}"[:200])
    if not np.isfinite(scores).all() or (len(scores) and (scores.min() < 0 or scores.max() > 1)):
        raise _fail("scores between 0 and 1", f"{scores}"[:200])
    return np.clip(xyxy, 0, [width, height, width, height])


def _words(values: Sequence[str] | str, n: int) -> np.ndarray:
    """n labels as an object array; one string stands for all."""
    words = [values] * n if isinstance(values, str) else list(values)
    if len(words) != n:
        raise _fail(f"{n} labels, one an item", f"{len(words)}")
    return np.array([str(word) for word in words], dtype=object)


class Result:
    """One tool's findings in one picture.

    Attributes:
        kind: "boxes", "keypoints", "masks", "image" or "text".
        size: (width, height) in pixels of the picture given; (0, 0) for Text.
    """

    kind: ClassVar[str] = ""
    size: tuple[int, int]

    def __len__(self) -> int:
        raise NotImplementedError

    def items(self) -> list[dict[str, Any]]:
        """One dict an item with the keys its kind has (label, phrase, score, box, keypoints, mask, text)."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "size": list(self.size), "items": self.items()}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Result:
        """The result whose `to_dict` gave `data`."""
        kinds: dict[str, type[Result]] = {k.kind: k for k in (Boxes, Keypoints, Masks, Image, Text)}
        if data.get("kind") not in kinds:
            raise UnknownName.of("kind of result", str(data.get("kind")), kinds)
        size = (int(data["size"][0]), int(data["size"][1]))
        if data["kind"] == "keypoints":  # nobody found still has named points
            return Keypoints._from(data["items"], size, data.get("names", ()), data.get("edges"))
        return kinds[data["kind"]]._from(data["items"], size)

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int]) -> Result:
        raise NotImplementedError

    @classmethod
    def merge(cls: type[R], results: Sequence[R]) -> R:
        """One result with the items of several of the same kind on the same picture, in their order."""
        items = [item for result in results for item in result.items()]
        return cls._from(items, results[0].size)  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        labels = [item.get("label") or item.get("text", "") for item in self.items()]
        return f"{type(self).__name__}({len(self)} on {self.size[0]}x{self.size[1]}: {', '.join(map(str, labels[:6]))})"


class _Detections(Result):
    """What Boxes and Masks share: a supervision Detections with labels and phrases in its data."""

    detections: sv.Detections

    @property
    def xyxy(self) -> np.ndarray:
        """(n, 4) float: x1, y1, x2, y2 in pixels."""
        return self.detections.xyxy

    @property
    def scores(self) -> np.ndarray:
        """(n,) float between 0 and 1."""
        assert self.detections.confidence is not None
        return self.detections.confidence

    @property
    def labels(self) -> list[str]:
        return list(self.detections.data["class_name"])

    @property
    def phrases(self) -> list[str]:
        return list(self.detections.data["phrase"])

    def __len__(self) -> int:
        return len(self.detections)

    def __getitem__(self: R, keep: Any) -> R:
        """Filter as numpy does: a bool mask, an index array or a slice."""
        other = object.__new__(type(self))
        assert isinstance(self, _Detections) and isinstance(other, _Detections)
        other.detections, other.size = self.detections[keep], self.size  # type: ignore[assignment]
        return other  # type: ignore[return-value]

    def items(self) -> list[dict[str, Any]]:
        rows = zip(self.labels, self.phrases, self.scores, self.xyxy, strict=True)
        return [
            {
                "label": label,
                "phrase": phrase,
                "score": round(float(score), 4),
                "box": [round(float(v), 2) for v in box],
            }
            for label, phrase, score, box in rows
        ]


def _together(results: Sequence[_Detections]) -> tuple[np.ndarray, list[str], list[str]]:
    """Scores, labels and phrases of several results, one after the other."""
    scores = np.concatenate([r.scores for r in results])
    return scores, [label for r in results for label in r.labels], [phrase for r in results for phrase in r.phrases]


class Boxes(_Detections):
    """Boxes round things.

    Args:
        xyxy: (n, 4) corners x1, y1, x2, y2 in pixels, inside the picture.
        scores: (n,) between 0 and 1.
        labels: what each is, n strings or one for all.
        phrases: the words that asked for it, n strings or one for all.
        size: (width, height) of the picture.

    Raises:
        ContractError: a shape or value is off.
    """

    kind = "boxes"

    def __init__(
        self,
        xyxy: np.ndarray,
        scores: np.ndarray,
        labels: Sequence[str] | str,
        phrases: Sequence[str] | str,
        size: tuple[int, int],
    ) -> None:
        xyxy = np.asarray(xyxy, float).reshape(-1, 4) if np.size(xyxy) == 0 else np.asarray(xyxy, float)
        scores = np.asarray(scores, float).reshape(-1)
        xyxy = _check_boxes(xyxy, scores, size)
        if len(xyxy) != len(scores):
            raise _fail(f"{len(xyxy)} scores, one a box", f"{len(scores)}")
        names = _words(labels, len(xyxy))
        self.size = (int(size[0]), int(size[1]))
        _, ids = np.unique(names.astype(str), return_inverse=True)
        self.detections = sv.Detections(
            xyxy=xyxy,
            confidence=scores,
            class_id=ids.astype(int),
            data={"class_name": names, "phrase": _words(phrases, len(xyxy))},
        )

    @classmethod
    def merge(cls, results: Sequence[Boxes]) -> Boxes:
        return cls(np.concatenate([r.xyxy for r in results]), *_together(results), results[0].size)

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int]) -> Boxes:
        return cls(
            np.array([i["box"] for i in items]),
            np.array([i["score"] for i in items]),
            [i["label"] for i in items],
            [i["phrase"] for i in items],
            size,
        )


class Masks(_Detections):
    """Exact shapes of things.

    Args:
        masks: (n, H, W) bool at the picture's own size.
        scores, labels, phrases, size: as for Boxes. The boxes are the masks' bounds.
    """

    kind = "masks"

    def __init__(
        self,
        masks: np.ndarray,
        scores: np.ndarray,
        labels: Sequence[str] | str,
        phrases: Sequence[str] | str,
        size: tuple[int, int],
    ) -> None:
        width, height = int(size[0]), int(size[1])
        masks = np.asarray(masks)
        if masks.size == 0:
            masks = np.zeros((0, height, width), bool)
        if masks.dtype != np.bool_ or masks.ndim != 3 or masks.shape[1:] != (height, width):
            raise _fail(f"bool masks of shape (n, {height}, {width})", f"{masks.dtype} {masks.shape}")
        scores = np.asarray(scores, float).reshape(-1)
        boxes = np.array([_mask_bounds(m) for m in masks], float).reshape(-1, 4)
        if len(masks) != len(scores):
            raise _fail(f"{len(masks)} scores, one a mask", f"{len(scores)}")
        boxes = _check_boxes(boxes, scores, (width, height))
        names = _words(labels, len(masks))
        self.size = (width, height)
        _, ids = np.unique(names.astype(str), return_inverse=True)
        self.detections = sv.Detections(
            xyxy=boxes,
            mask=masks,
            confidence=scores,
            class_id=ids.astype(int),
            data={"class_name": names, "phrase": _words(phrases, len(masks))},
        )

    @property
    def masks(self) -> np.ndarray:
        """(n, H, W) bool."""
        assert self.detections.mask is not None
        return np.asarray(self.detections.mask)

    def items(self) -> list[dict[str, Any]]:
        return [{**item, "mask": encode_mask(mask)} for item, mask in zip(super().items(), self.masks, strict=True)]

    @classmethod
    def merge(cls, results: Sequence[Masks]) -> Masks:
        return cls(np.concatenate([r.masks for r in results]), *_together(results), results[0].size)

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int]) -> Masks:
        return cls(
            np.array([decode_mask(i["mask"]) for i in items]),
            np.array([i["score"] for i in items]),
            [i["label"] for i in items],
            [i["phrase"] for i in items],
            size,
        )


class Keypoints(Result):
    """Bodies as named points.

    Args:
        xy: (n, m, 2) pixels, inside the picture where the point's score is above 0.
        scores: (n, m) of each point, between 0 and 1; 0 for a point that was not found.
        boxes: (n, 4) round each body.
        box_scores: (n,) of each body.
        labels, phrases, size: as for Boxes.
        names: the m points' names ("left elbow", ...).
        edges: pairs of indices into `names` that a drawing joins.
    """

    kind = "keypoints"

    def __init__(
        self,
        xy: np.ndarray,
        scores: np.ndarray,
        boxes: np.ndarray,
        box_scores: np.ndarray,
        labels: Sequence[str] | str,
        phrases: Sequence[str] | str,
        size: tuple[int, int],
        names: Sequence[str],
        edges: Sequence[tuple[int, int]] = (),
    ) -> None:
        m, width, height = len(names), int(size[0]), int(size[1])
        xy = np.zeros((len(boxes), m, 2)) if np.size(xy) == 0 else np.asarray(xy, float)
        scores = np.zeros((len(boxes), m)) if np.size(scores) == 0 else np.asarray(scores, float)
        n = len(xy)
        if xy.shape != (n, m, 2) or scores.shape != (n, m) or not np.isfinite(xy).all():
            raise _fail(f"points (n, {m}, 2) and scores (n, {m})", f"{xy.shape} and {scores.shape}")
        if scores.size and (scores.min() < 0 or scores.max() > 1):
            raise _fail("point scores between 0 and 1", f"{scores.min()} to {scores.max()}")
        seen = xy[scores > 0]
        if len(seen) and ((seen < -SLACK).any() or (seen > np.array([width, height]) + SLACK).any()):
            raise _fail(f"points inside {width} x {height} pixels", f"{seen.round(1).tolist()}"[:200])
        boxes = np.asarray(boxes, float).reshape(-1, 4) if np.size(boxes) == 0 else np.asarray(boxes, float)
        box_scores = np.asarray(box_scores, float).reshape(-1)
        if len(boxes) != n or len(box_scores) != n:
            raise _fail(f"{n} boxes with scores, one a body", f"{len(boxes)} and {len(box_scores)}")
        self.boxes = _check_boxes(boxes, box_scores, (width, height))
        self.box_scores, self.size, self.names = box_scores, (width, height), tuple(names)
        self.edges = tuple((int(a), int(b)) for a, b in edges)
        words = _words(labels, n)
        _, ids = np.unique(words.astype(str), return_inverse=True)
        self.keypoints = sv.KeyPoints(
            xy=np.clip(xy, 0, [width, height]),
            keypoint_confidence=scores,
            class_id=ids.astype(int),
            data={"class_name": words, "phrase": _words(phrases, n)},
        )

    @property
    def xy(self) -> np.ndarray:
        """(n, m, 2) float pixels."""
        return self.keypoints.xy

    @property
    def scores(self) -> np.ndarray:
        """(n, m) float between 0 and 1."""
        return np.asarray(self.keypoints.keypoint_confidence)

    @property
    def labels(self) -> list[str]:
        return list(self.keypoints.data["class_name"])

    @property
    def phrases(self) -> list[str]:
        return list(self.keypoints.data["phrase"])

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Any) -> Keypoints:
        index = np.atleast_1d(np.arange(len(self))[keep])
        return Keypoints(
            self.xy[index],
            self.scores[index],
            self.boxes[index],
            self.box_scores[index],
            [self.labels[i] for i in index],
            [self.phrases[i] for i in index],
            self.size,
            self.names,
            self.edges,
        )

    def items(self) -> list[dict[str, Any]]:
        return [
            {
                "label": self.labels[i],
                "phrase": self.phrases[i],
                "score": round(float(self.box_scores[i]), 4),
                "box": [round(float(v), 2) for v in self.boxes[i]],
                "keypoints": [
                    [round(float(x), 2), round(float(y), 2), round(float(s), 4)]
                    for (x, y), s in zip(self.xy[i], self.scores[i], strict=True)
                ],
                "names": list(self.names),
            }
            for i in range(len(self))
        ]

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "names": list(self.names), "edges": [list(e) for e in self.edges]}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Result:
        return Result.from_dict(data)

    @classmethod
    def merge(cls, results: Sequence[Keypoints]) -> Keypoints:  # type: ignore[override]  # narrower on purpose
        """One result with everybody's points; the lines are all results' lines, by the names of their ends."""
        items = [item for result in results for item in result.items()]
        names = list(dict.fromkeys(name for result in results for name in result.names))
        lines = {(names.index(r.names[a]), names.index(r.names[b])) for r in results for a, b in r.edges}
        return cls._from(items, results[0].size, names, sorted(lines))

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int], names: Sequence[str] = (),
              edges: Sequence[Sequence[int]] | None = None) -> Keypoints:
        """Bodies of which each may have other points: the result has all of them, those a body lacks with a score of
        0."""
        names = list(names) or list(dict.fromkeys(name for item in items for name in item["names"]))
        points = np.zeros((len(items), len(names), 3))
        for row, item in zip(points, items, strict=True):
            row[[names.index(name) for name in item["names"]]] = np.reshape(item["keypoints"], (-1, 3))
        return cls(
            points[..., :2],
            points[..., 2],
            np.array([i["box"] for i in items]),
            np.array([i["score"] for i in items]),
            [i["label"] for i in items],
            [i["phrase"] for i in items],
            size,
            names,
            body_edges(names) if edges is None else [(a, b) for a, b in edges],
        )


class Image(Result):
    """A changed picture.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        phrase: the instruction that made it.
    """

    kind = "image"

    def __init__(self, pixels: np.ndarray, phrase: str = "", label: str = "edited") -> None:
        pixels = np.asarray(pixels)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise _fail("pixels (H, W, 3) uint8 RGB", f"{pixels.dtype} {pixels.shape}")
        self.pixels, self.phrase, self.label = pixels, phrase, label
        self.size = (pixels.shape[1], pixels.shape[0])

    def __len__(self) -> int:
        return 1

    def items(self) -> list[dict[str, Any]]:
        return [{"label": self.label, "phrase": self.phrase}]

    def to_dict(self) -> dict[str, Any]:
        """As every result's, with the pixels as a PNG in base64 under "png"."""
        from PIL import Image as Pillow

        buffer = io.BytesIO()
        Pillow.fromarray(self.pixels).save(buffer, "PNG")
        png = base64.b64encode(buffer.getvalue()).decode("ascii")
        return {"kind": self.kind, "size": list(self.size), "items": [{**self.items()[0], "png": png}]}

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int]) -> Image:
        from PIL import Image as Pillow

        data = io.BytesIO(base64.b64decode(items[0]["png"]))
        return cls(np.asarray(Pillow.open(data).convert("RGB")), items[0]["phrase"], items[0]["label"])

    @classmethod
    def merge(cls, results: Sequence[Image]) -> Image:
        """The last one: an edit is made on top of the edit before it."""
        return results[-1]


class Text(Result):
    """Words about a picture."""

    kind = "text"

    def __init__(self, texts: Sequence[str] | str, phrases: Sequence[str] | str = "") -> None:
        self.texts = [texts] if isinstance(texts, str) else [str(t) for t in texts]
        self.phrases = list(_words(phrases, len(self.texts)))
        self.size = (0, 0)

    def __len__(self) -> int:
        return len(self.texts)

    def items(self) -> list[dict[str, Any]]:
        return [{"phrase": p, "text": t} for p, t in zip(self.phrases, self.texts, strict=True)]

    @classmethod
    def _from(cls, items: list[dict[str, Any]], size: tuple[int, int]) -> Text:
        return cls([i["text"] for i in items], [i["phrase"] for i in items])


def _mask_bounds(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Bounds x1, y1, x2, y2 of a (H, W) bool mask; all 0 where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
