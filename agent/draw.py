"""Drawing results on a picture with supervision's annotators; line and letter sizes follow the picture's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv

from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result

COLOURS = sv.ColorPalette.from_hex(
    ["#FF5A5F", "#00A699", "#FFB400", "#3D7DFF", "#B65CFF", "#39C16C", "#FF7A1A", "#12B5E5"]
)
LIMBS, JOINTS = sv.Color.from_hex("#FFB400"), sv.Color.from_hex("#FFFFFF")
SEEN = 0.3  # score from which a point of a body is drawn
ROOMY = 400  # pixels a side from which labels have room for scores


@dataclass(frozen=True)
class Sizes:
    """What is legible on a picture of a given size, in pixels; `letters` is OpenCV's font scale."""

    line: int
    limb: int
    joint: int
    letters: float
    scores: bool

    @classmethod
    def of(cls, pixels: np.ndarray) -> Sizes:
        side = float(np.sqrt(pixels.shape[0] * pixels.shape[1]))
        line, limb, joint = (max(1, round(side / part)) for part in (350, 280, 200))
        return cls(line, limb, joint, max(0.3, side / 1600), side >= ROOMY)


def draw(pixels: np.ndarray, results: Sequence[Result]) -> np.ndarray:
    """A copy of (H, W, 3) uint8 RGB pixels with every result drawn on it.

    An edited picture takes the place of the pixels where it has their size. Colours follow the labels; masks lie
    lowest, then boxes, bodies, and the labels on top.
    """
    scene = pixels
    for result in results:
        if isinstance(result, Image) and result.pixels.shape == pixels.shape:
            scene = result.pixels
    sizes = Sizes.of(pixels)
    bgr = np.ascontiguousarray(scene[..., ::-1])
    shown = [r for r in results if isinstance(r, Boxes | Masks | Keypoints) and len(r)]
    shown.sort(key=lambda r: (Masks, Boxes, Keypoints).index(type(r)))
    colours = {label: i for i, label in enumerate(dict.fromkeys(label for r in shown for label in r.labels))}
    for result in shown:
        ids = np.array([colours[label] for label in result.labels])
        if isinstance(result, Keypoints):
            bgr = _bodies(bgr, result, sizes)
        elif isinstance(result, Masks):
            bgr = _masks(bgr, result, ids, sizes)
        else:
            box = sv.BoxAnnotator(thickness=sizes.line, color=COLOURS)
            bgr = box.annotate(bgr, result.detections, custom_color_lookup=ids)
    bgr = _labels(bgr, [r for r in shown if isinstance(r, Boxes | Masks)], colours, sizes)
    return np.ascontiguousarray(bgr[..., ::-1])


def _masks(scene: np.ndarray, result: Masks, ids: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Filled and outlined."""
    fill, outline = sv.MaskAnnotator(opacity=0.45, color=COLOURS), sv.PolygonAnnotator(COLOURS, sizes.line)
    scene = fill.annotate(scene, result.detections, custom_color_lookup=ids)
    return outline.annotate(scene, result.detections, custom_color_lookup=ids)


def _bodies(scene: np.ndarray, result: Keypoints, sizes: Sizes) -> np.ndarray:
    """Skeletons: lines between the points that were seen, then the points."""
    points = result.keypoints
    seen = sv.KeyPoints(xy=np.where(result.scores[..., None] > SEEN, result.xy, 0.0), class_id=points.class_id)
    if result.edges:
        edges = [(a + 1, b + 1) for a, b in result.edges]
        scene = sv.EdgeAnnotator(color=LIMBS, thickness=sizes.limb, edges=edges).annotate(scene, seen)
    scene = sv.VertexAnnotator(color=LIMBS, radius=sizes.joint).annotate(scene, seen)
    return sv.VertexAnnotator(color=JOINTS, radius=sizes.joint // 2).annotate(scene, seen)


def _labels(
    scene: np.ndarray, results: Sequence[Boxes | Masks], colours: dict[str, int], sizes: Sizes
) -> np.ndarray:
    """Names and, where there is room, scores; a mask goes without where boxes name the same kind of thing."""
    boxed = {label for r in results if isinstance(r, Boxes) for label in r.labels}
    rows = [
        (box, label, score)
        for r in results
        for box, label, score in zip(r.xyxy, r.labels, r.scores, strict=True)
        if isinstance(r, Boxes) or label not in boxed
    ]
    if not rows:
        return scene
    ids = np.array([colours[label] for _, label, _ in rows])
    words = [f"{label} {score:.2f}" if sizes.scores else label for _, label, score in rows]
    places = sv.Detections(xyxy=np.array([box for box, _, _ in rows], float), class_id=ids)
    annotator = sv.LabelAnnotator(
        COLOURS,
        text_scale=sizes.letters,
        text_thickness=max(1, sizes.line // 2),
        text_padding=max(2, 2 * sizes.line),
        smart_position=True,
    )
    return annotator.annotate(scene, places, labels=words, custom_color_lookup=ids)
