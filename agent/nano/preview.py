"""Pictures with their lessons drawn and written beneath, for a person to look at."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from veclink.agent.nano.stream import Stream
from veclink.router.nano.samples import Sample, Turn
from veclink.tools.results import Boxes, Image, Keypoints, Masks

if TYPE_CHECKING:
    from PIL import Image as Pillow
    from PIL import ImageDraw

SCALE = 2
LINE = 12  # pixels a line of text
COLOURS = ((255, 60, 60), (60, 200, 255), (255, 220, 60), (140, 255, 100), (255, 120, 255), (255, 160, 60))


def preview(out: str | Path, n: int = 8, seed: int = 0, split: str = "train", start: int = 0, held_out: bool = False
            ) -> list[Path]:
    """Write `n` pictures with their samples into the folder `out`; returns the files."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    stream = Stream(split, seed, held_out)
    files = []
    for index in range(start, start + n):
        file = folder / f"{split}-{seed}-{index}.png"
        sheet(stream.sample(index)).save(file)
        files.append(file)
    return files


def sheet(sample: Sample) -> Pillow.Image:
    """One panel a turn that has a truth to draw, beside the texts of all of them."""
    from PIL import Image as Pillow

    panels = [_panel(sample, turn) for turn in sample.turns]
    width = max(panel.width for panel in panels)
    columns = 3
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(panel.height for panel in row) for row in rows]
    page = Pillow.new("RGB", (width * min(columns, len(panels)), sum(heights)), (24, 24, 28))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for place, panel in enumerate(row):
            page.paste(panel, (place * width, top))
        top += height
    return page


def _panel(sample: Sample, turn: Turn) -> Pillow.Image:
    """The picture with the truth of a turn's calls and its regions, and its words beneath."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    assert sample.picture is not None
    picture = sample.picture
    for call in turn.calls:
        if isinstance(call.target, Image):
            picture = call.target.pixels
    pixels = picture.astype(float)
    for call in turn.calls:
        if isinstance(call.target, Masks):
            for mask, colour in zip(call.target.masks, COLOURS * 99, strict=False):
                pixels[mask] = pixels[mask] * 0.45 + np.array(colour) * 0.55
    height, width = picture.shape[:2]
    canvas = Pillow.fromarray(pixels.astype(np.uint8))
    canvas = canvas.resize((width * SCALE, height * SCALE), Pillow.Resampling.NEAREST)
    draw = ImageDraw.Draw(canvas)
    for call in turn.calls:
        if isinstance(call.target, (Boxes, Keypoints)):
            _found(draw, call.target)
    for region in turn.regions:
        places = [(float(x) * SCALE, float(y) * SCALE) for x, y in region.points]
        if region.kind in ("box", "mask"):
            draw.rectangle((*places[0], *places[1]), outline=(255, 255, 255), width=2)
        elif region.kind == "scribble":
            draw.line(places, fill=(255, 255, 255), width=3)
        else:
            x, y = places[0]
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=(255, 255, 255), width=2)
    lines = textwrap.wrap(f"{turn.kind}: {turn.text}", 84)
    if turn.before:
        lines.append(f"before: {'; '.join(turn.before)}")
    lines += [f"  [{call.tool}] {call.phrase}  ({call.kind})" for call in turn.calls]
    lines += textwrap.wrap(f"  = {'REJECTED' if turn.rejected else turn.words or '(results)'}", 84)
    page = Pillow.new("RGB", (canvas.width, canvas.height + LINE * (len(lines) + 1)), (24, 24, 28))
    page.paste(canvas, (0, 0))
    ImageDraw.Draw(page).multiline_text((4, canvas.height + 3), "\n".join(lines), fill=(235, 235, 235), spacing=1)
    return page


def _found(draw: ImageDraw.ImageDraw, target: Boxes | Keypoints) -> None:
    boxes = target.boxes if isinstance(target, Keypoints) else target.xyxy
    for box, colour in zip(boxes.tolist(), COLOURS * 99, strict=False):
        draw.rectangle([value * SCALE for value in box], outline=colour, width=1)
    if isinstance(target, Keypoints):
        certain = target.keypoints.keypoint_confidence
        assert certain is not None
        for body, colour, scores in zip(target.xy, COLOURS * 99, certain, strict=False):
            seen = [float(score) > 0 for score in scores]
            for a, b in target.edges:
                if seen[a] and seen[b]:
                    draw.line([*(body[a] * SCALE).tolist(), *(body[b] * SCALE).tolist()], fill=colour, width=2)
            for (x, y), score in zip(body * SCALE, scores, strict=True):
                if score > 0:
                    draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour if score > 0.7 else (90, 90, 90))
