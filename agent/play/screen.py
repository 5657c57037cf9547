"""What people see of a run: the picture, and below it goal, action, life, food and what is carried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from veclink.agent.play.icons import icon

WIDTH = 768  # pixels that a drawn picture has at least, nearly
PANEL = 112  # pixels below the picture
MARGIN, LINE, ICON = 10, 22, 32
FULL = 20  # half hearts, and points of food
DARK, PALE, DIM, GOLD = (24, 26, 32), (236, 236, 232), (150, 154, 162), (240, 200, 80)
RED, BROWN, GREEN = (214, 52, 44), (186, 120, 48), (96, 196, 92)


@dataclass
class Status:
    """A moment of a run, for people.

    Attributes:
        goal: in words. doing: the action in words. note: what the player says of it.
        step, steps: of how many, None without end. reward: so far. success: whether the task is done.
        life, food: 0..20; air: 0..300. level: xp points.
        slots: (name with underscores, variant, count, share of durability left or -1) of the 36, the hand's first.
        worn: the same of off hand, feet, legs, chest, head.
        place: x, y, z. time: ticks of the day, -1 where the world does not tell.
    """

    goal: str = ""
    doing: str = "-"
    note: str = ""
    step: int = 0
    steps: int | None = None
    reward: float = 0.0
    success: bool = False
    life: float = 0.0
    food: float = 0.0
    air: float = 300.0
    level: float = 0.0
    slots: list[tuple[str, int, int, float]] = field(default_factory=list)
    worn: list[tuple[str, int, int, float]] = field(default_factory=list)
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    time: int = -1

    @classmethod
    def of(cls, observation: Mapping[str, Any], info: Mapping[str, Any], **more: Any) -> Status:
        """From what a world gives; the rest by name. Keys that the world lacks are left as they are."""
        life = observation.get("life_stats", {})
        numbers = {name: float(np.ravel(life[key])[0]) for name, key in
                   (("life", "life"), ("food", "food"), ("air", "oxygen"), ("level", "xp")) if key in life}
        place = np.ravel(observation.get("location_stats", {}).get("pos", (0, 0, 0)))
        return cls(slots=stacks(observation.get("inventory", {})), worn=stacks(observation.get("equipment", {}))[1:],
                   place=(float(place[0]), float(place[1]), float(place[2])), time=int(info.get("time", -1)),
                   success=bool(info.get("is_successful", False)), **numbers, **more)

    def carried(self) -> dict[str, int]:
        """{item: how many} over all slots."""
        found: dict[str, int] = {}
        for name, _, count, _ in self.slots:
            if count:
                found[name] = found.get(name, 0) + count
        return found


def stacks(observed: Mapping[str, Any]) -> list[tuple[str, int, int, float]]:
    """Slots of an observation's `inventory` or `equipment` as plain values."""
    if not observed:
        return []
    names, counts = observed["name"], observed["quantity"]
    zeros = np.zeros(len(names))
    variants = observed.get("variant", zeros)
    left, full = observed.get("cur_durability", zeros - 1), observed.get("max_durability", zeros - 1)
    return [(str(name).replace(" ", "_"), int(variant), int(count), float(now / most) if most > 0 else -1.0)
            for name, variant, count, now, most in zip(names, variants, counts, left, full, strict=True)]


@cache
def font(size: int) -> Any:
    """A font of so many pixels; matplotlib's, which knows most alphabets, else Pillow's own."""
    found = find_spec("matplotlib")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default()


def fitted(text: str, width: float, letters: Any) -> str:
    """The text in one line, cut where it would be wider than so many pixels."""
    text = " ".join(text.split())
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def drawn(rgb: np.ndarray, status: Status) -> np.ndarray:
    """The picture with its panel.

    Args:
        rgb: (3, H, W) uint8 as observed.

    Returns:
        (H', W', 3) uint8; both sides even, the same for every picture of one size.
    """
    height, width = rgb.shape[1:]
    times = max(1, round(WIDTH / width))
    seen = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    seen = seen.resize((width * times, height * times), Image.Resampling.NEAREST)
    wide, high = seen.width + seen.width % 2, seen.height + seen.height % 2
    whole = Image.new("RGB", (wide, high + PANEL), DARK)
    whole.paste(seen)
    pen = ImageDraw.Draw(whole)
    _crosshair(pen, seen.width // 2, seen.height // 2)
    _words(pen, status, wide, high)
    _meters(pen, status, wide, high)
    _goods(whole, pen, status, high + 2 * LINE + MARGIN + 8)
    return np.asarray(whole)


def _crosshair(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    for grow, colour in ((1, (0, 0, 0)), (0, (255, 255, 255))):
        pen.rectangle((x - 7 - grow, y - grow, x + 7 + grow, y + grow), fill=colour)
        pen.rectangle((x - grow, y - 7 - grow, x + grow, y + 7 + grow), fill=colour)


def _words(pen: ImageDraw.ImageDraw, status: Status, wide: int, top: int) -> None:
    """Goal and count in the first line, action and note in the second."""
    large, small = font(16), font(13)
    count = f"step {status.step}" + (f" of {status.steps}" if status.steps else "")
    count += f"   reward {status.reward:g}" + ("   done" if status.success else "")
    across = small.getlength(count)
    pen.text((wide - MARGIN - across, top + MARGIN + 2), count, GREEN if status.success else DIM, small)
    pen.text((MARGIN, top + MARGIN - 1), fitted(status.goal, wide - across - 4 * MARGIN, large), GOLD, large)
    room = wide - 13 * FULL - 4 * MARGIN
    doing = fitted(status.doing, room * (0.6 if status.note else 1.0), small)
    pen.text((MARGIN, top + MARGIN + LINE), doing, PALE, small)
    start = 2 * MARGIN + small.getlength(doing)
    pen.text((start, top + MARGIN + LINE), fitted(status.note, MARGIN + room - start, small), DIM, small)


def _meters(pen: ImageDraw.ImageDraw, status: Status, wide: int, top: int) -> None:
    """Ten squares for life and ten for food, a half one for an odd point."""
    for number, (points, colour) in enumerate(((status.life, RED), (status.food, BROWN))):
        left = wide - MARGIN - 13 * FULL + number * (13 * FULL // 2 + 6)
        for square in range(FULL // 2):
            x, y = left + square * 12, top + MARGIN + LINE + 3
            pen.rectangle((x, y, x + 9, y + 9), fill=(58, 60, 68))
            part = min(2.0, max(0.0, np.ceil(points) - 2 * square))
            if part:
                pen.rectangle((x, y, x + (9 if part == 2 else 4), y + 9), fill=colour)


def _goods(whole: Image.Image, pen: ImageDraw.ImageDraw, status: Status, y: int) -> None:
    """What is carried, the hand's framed; what finds no room is counted."""
    small, x, hidden = font(12), MARGIN, 0
    pen.rectangle((x - 2, y - 2, x + ICON + 1, y + ICON + 1), outline=PALE)
    for number, (name, variant, count, left) in enumerate(status.slots):
        if number and not count:
            continue
        if x + ICON > whole.width - 7 * MARGIN:
            hidden += 1
            continue
        if count:
            picture = Image.fromarray(icon(name, variant))
            whole.paste(picture, (x, y), picture)
            if count > 1:
                label = str(count)
                pen.text((x + ICON - small.getlength(label), y + ICON - 13), label, PALE, small, stroke_width=2,
                         stroke_fill=DARK)
            if 0 <= left < 1:
                pen.rectangle((x, y + ICON - 2, x + ICON * left, y + ICON), fill=GREEN if left > 0.3 else RED)
        x += ICON + 6
    if hidden:
        pen.text((x, y + 9), f"+{hidden}", DIM, small)
