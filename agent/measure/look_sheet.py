"""The contact sheet of `veclink eval look`: each scene in both looks, with what is there and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.agent.measure.look import LOOKS, Answered, Record
from veclink.agent.measure.look_takes import Take

if TYPE_CHECKING:
    from PIL import Image as Pillow

SCALE, ACROSS = 2, 2  # of the pictures; scenes in a row
LINE, MARGIN = 13, 6  # pixels of a line of words, and round panels
COLOURS = ((255, 90, 95), (0, 166, 153), (255, 180, 0), (61, 125, 255), (182, 92, 255), (57, 193, 108), (255, 122, 26),
           (18, 181, 229), (160, 30, 60), (120, 110, 40), (255, 150, 200), (30, 60, 130), (150, 200, 20), (90, 60, 30),
           (110, 20, 120), (240, 240, 90))
TRUE, PAPER, INK = (255, 255, 255), (24, 24, 28), (225, 225, 225)


class Sheet:
    """Collects scenes."""

    def __init__(self) -> None:
        self.scenes: list[Pillow.Image] = []

    def add(self, take: Take, answered: Mapping[str, Sequence[Answered]], record: Record, sure: float) -> None:
        """A scene: both looks beside each other, and under each what was asked and how well it went.

        Args:
            sure: score from which a box is shown.
        """
        from PIL import Image, ImageDraw

        panels = [panel_of(take, look, answered[look], sure) for look in LOOKS]
        wide, high = panels[0].size
        lines = max(len(answered[look]) for look in LOOKS) + 1
        scene = Image.new("RGB", (2 * wide + 3 * MARGIN, high + lines * LINE + 2 * MARGIN), PAPER)
        draw = ImageDraw.Draw(scene)
        for place, (look, panel) in enumerate(zip(LOOKS, panels, strict=True)):
            left = MARGIN + place * (wide + MARGIN)
            scene.paste(panel, (left, MARGIN))
            draw.text((left, MARGIN + high), f"{take.number}, {take.biome}: {look}", fill=TRUE)
            for number, row in enumerate(record["looks"][look]):
                top = MARGIN + high + (number + 1) * LINE
                draw.rectangle((left, top + 2, left + 8, top + 10), fill=colour(number))
                draw.text((left + 13, top), words(row, sure), fill=INK)
        self.scenes.append(scene)

    def save(self, file: Path) -> Path:
        """Write all scenes as one picture; its path."""
        from PIL import Image

        rows = [self.scenes[i : i + ACROSS] for i in range(0, len(self.scenes), ACROSS)]
        heights = [max(scene.height for scene in row) for row in rows]
        page = Image.new("RGB", (max(sum(scene.width for scene in row) for row in rows), sum(heights)), PAPER)
        top = 0
        for row, height in zip(rows, heights, strict=True):
            left = 0
            for scene in row:
                page.paste(scene, (left, top))
                left += scene.width
            top += height
        page.save(file)
        return file


def panel_of(take: Take, look: str, answered: Sequence[Answered], sure: float) -> Pillow.Image:
    """A picture: masks found filled, boxes found thick, boxes of the mobs that were asked for thin and white."""
    from PIL import Image, ImageDraw

    pixels = take.pictures[look].astype(float)
    for number, one in enumerate(answered):
        if one.request.mask is not None and one.masks is not None and len(one.masks):
            mask = one.masks.masks.any(0)
            pixels[mask] = pixels[mask] * 0.5 + np.array(colour(number)) * 0.5
    height, width = pixels.shape[:2]
    panel = Image.fromarray(pixels.astype(np.uint8)).resize((width * SCALE, height * SCALE),
                                                            Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(panel)
    for number, one in enumerate(answered):
        if one.request.mask is None and one.boxes is not None:
            for box, score in zip(one.boxes.xyxy, one.boxes.scores, strict=True):
                if score >= sure:
                    draw.rectangle([float(v) * SCALE for v in box], outline=colour(number), width=3)
    for one in answered:
        for box in one.request.boxes:
            draw.rectangle([float(v) * SCALE for v in box], outline=TRUE)
    return panel


def colour(number: int) -> tuple[int, int, int]:
    """Of a scene's request number so and so."""
    return COLOURS[number % len(COLOURS)]


def words(row: Mapping[str, Any], sure: float) -> str:
    """ "outline the grass: IoU 0.41", "find the cows: 2 boxes for 1"; with the tools where they are not right."""
    if "found" in row:
        count = sum(each[4] >= sure for each in row["found"])
        told, right = f"{count} box{'' if count == 1 else 'es'} for {len(row['boxes'])}", ["boxes"]
    else:
        told = f"IoU {row['iou']:.2f}" if row["things"] else "left empty" if row["empty"] else "found, and is not there"
        right = ["masks"]
    routed = "" if row["tools"] == right else f" (asked for {', '.join(row['tools']) or 'nothing'})"
    return f"{row['text']}: {told}{routed}"
