"""Drawing results on a picture with supervision's annotators; line and letter sizes follow the picture's size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import supervision as sv

from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result

COLOURS = sv.ColorPalette.from_hex(
    ["#FF5A5F", "#00A699", "#FFB400", "#3D7DFF", "#B65CFF", "#39C16C", "#FF7A1A", "#12B5E5"]
)


def draw(pixels: np.ndarray, results: Sequence[Result]) -> np.ndarray:
    """A copy of (H, W, 3) uint8 RGB pixels with every result drawn on it.

    An edited picture takes the place of the pixels where it has their size. Colours follow the labels.
    """
    scene = pixels.copy()
    for result in results:
        if isinstance(result, Image) and result.pixels.shape == pixels.shape:
            scene = result.pixels.copy()
    bgr = np.ascontiguousarray(scene[..., ::-1])
    shown = [r for r in results if isinstance(r, Boxes | Masks | Keypoints) and len(r)]
    colours = {label: i for i, label in enumerate(dict.fromkeys(label for r in shown for label in r.labels))}
    for result in sorted(shown, key=lambda r: ("masks", "boxes", "keypoints").index(r.kind)):
        ids = np.array([colours[label] for label in result.labels])
        bgr = _bodies(bgr, result) if isinstance(result, Keypoints) else _things(bgr, result, ids)
    return np.ascontiguousarray(bgr[..., ::-1])


def sizes(pixels: np.ndarray) -> tuple[int, float]:
    """(line thickness in pixels, letter scale) that are legible on a picture of this size."""
    side = float(np.sqrt(pixels.shape[0] * pixels.shape[1]))
    return max(1, round(side / 350)), max(0.3, side / 1600)


def _things(scene: np.ndarray, result: Boxes | Masks, ids: np.ndarray) -> np.ndarray:
    """Boxes with labels; masks filled and outlined."""
    line, letters = sizes(scene)
    found = result.detections
    if isinstance(result, Masks):
        scene = sv.MaskAnnotator(opacity=0.45, color=COLOURS).annotate(scene, found, custom_color_lookup=ids)
        scene = sv.PolygonAnnotator(thickness=line, color=COLOURS).annotate(scene, found, custom_color_lookup=ids)
    else:
        scene = sv.BoxAnnotator(thickness=line, color=COLOURS).annotate(scene, found, custom_color_lookup=ids)
    words = [f"{label} {score:.2f}" for label, score in zip(result.labels, result.scores, strict=True)]
    labels = sv.LabelAnnotator(
        text_scale=letters, text_thickness=max(1, line // 2), text_padding=max(2, 2 * line), color=COLOURS
    )
    return labels.annotate(scene, found, labels=words, custom_color_lookup=ids)


def _bodies(scene: np.ndarray, result: Keypoints) -> np.ndarray:
    """Skeletons: lines between the points that were seen, then the points."""
    line, _ = sizes(scene)
    points = result.keypoints
    seen = sv.KeyPoints(xy=np.where(result.scores[..., None] > 0.3, result.xy, 0.0), class_id=points.class_id)
    if result.edges:
        edges = [(a + 1, b + 1) for a, b in result.edges]
        scene = sv.EdgeAnnotator(color=COLOURS.by_idx(2), thickness=line + 1, edges=edges).annotate(scene, seen)
    return sv.VertexAnnotator(color=COLOURS.by_idx(0), radius=2 * line + 1).annotate(scene, seen)
