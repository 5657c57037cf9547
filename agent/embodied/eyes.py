"""What the agent of the `pixels` protocol sees in a frame: things by name with bearing, elevation and distance.

Distances are geometry: the field of view is known, the pitch is counted, the eye is 1.62 blocks above a floor that is
taken as flat, and the size of a known thing says how far it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from veclink.agent.nano.exposure import brightened
from veclink.envs.facts import MOBS

if TYPE_CHECKING:
    from veclink.agent.agent import Agent

FOV = 70.0  # degrees from the top of the picture to its bottom
EYE = 1.62  # blocks above the feet
MERGED = 3.0  # trunks that one mask may be wide
STEP = 15  # degrees of one turn of the camera
WIDEST = 12  # turns of the camera to one side: all round, as one who looks up or down has in view
LEAST_PIXELS = 6  # of a thing
LEAST_FALL = 4.0  # degrees below the horizon from where the floor tells how far something is
FARTHEST = 48.0  # blocks
FLAT = frozenset({"water", "lava"})  # lies in the floor: near where its lower edge is
MARGIN = 2  # pixels by which an aim should be inside a thing
SURE, SHAPED = 0.35, 0.12  # certainty of the core's tools from where a box and a mask count
HAND = ((0.635, 1.0), (0.635, 0.65), (0.66, 0.55), (0.74, 0.55), (0.865, 0.59), (0.865, 0.66), (1.0, 0.8), (1.0, 1.0))
# (column, row) as shares of a frame: corners round one's own hand and what it holds
SHINES = frozenset({"lava", "flowing_lava"})  # lights itself: seen in the frame as it is
GLARE, SPOT = 100, 12  # level from where a pixel may be of what shines, and how many pixels there must be
ALIKE = (("log", "log2"), ("leaves", "leaves2"), ("redstone_ore", "lit_redstone_ore"), ("furnace", "lit_furnace"),
         ("water", "flowing_water"), ("lava", "flowing_lava"))  # the eye makes no difference


def alike(name: str) -> tuple[str, ...]:
    """A block's name and those of blocks that look the same or do as well."""
    return next((names for names in ALIKE if name in names), (name,))


@dataclass(frozen=True)
class Lens:
    """How pixels and directions belong together.

    Args:
        height, width: of the picture in pixels. fov: from its top to its bottom, in degrees.
    """

    height: int
    width: int
    fov: float = FOV

    @property
    def focal(self) -> float:
        """Pixels that one unit sideways has at a distance of one."""
        return self.height / 2 / math.tan(math.radians(self.fov / 2))

    def direction(self, column: float, row: float, pitch: float) -> tuple[float, float]:
        """(bearing, elevation) in degrees of a pixel: to the right of the view, above the horizon.

        Args:
            pitch: of the view in degrees, positive looks down.
        """
        x, y = (column - self.width / 2) / self.focal, (row - self.height / 2) / self.focal
        cos, sin = math.cos(math.radians(pitch)), math.sin(math.radians(pitch))
        ahead, down = cos - y * sin, sin + y * cos
        return math.degrees(math.atan2(x, ahead)), -math.degrees(math.atan2(down, math.hypot(x, ahead)))

    def pixel(self, bearing: float, elevation: float, pitch: float) -> tuple[int, int] | None:
        """(column, row) of a direction; None where it is out of the picture."""
        turn, rise = math.radians(bearing), math.radians(elevation)
        ahead, right, down = math.cos(rise) * math.cos(turn), math.cos(rise) * math.sin(turn), -math.sin(rise)
        cos, sin = math.cos(math.radians(pitch)), math.sin(math.radians(pitch))
        depth, low = ahead * cos + down * sin, down * cos - ahead * sin
        if depth <= 1e-6:
            return None
        column = math.floor(self.width / 2 + self.focal * right / depth)
        row = math.floor(self.height / 2 + self.focal * low / depth)
        return (column, row) if 0 <= column < self.width and 0 <= row < self.height else None


@dataclass(frozen=True, eq=False)
class Sight:
    """A thing in the picture.

    Attributes:
        name: of the block or mob. box: x0, y0, x1, y1 in pixels, ends excluded.
        bearing: degrees to the right of the view. elevation: degrees above the horizon; both of its middle.
        distance: blocks from the eye. certainty: 0..1. pixels: how many it has.
        mask: (H, W) bool, or None where only its box is known.
    """

    name: str
    box: tuple[int, int, int, int]
    bearing: float
    elevation: float
    distance: float
    certainty: float = 1.0
    pixels: int = 0
    mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Sights:
    """What was seen in one look.

    Attributes:
        lens: of the picture. pitch: at which it was taken. found: the things, nearest first.
    """

    lens: Lens
    pitch: float = 0.0
    found: tuple[Sight, ...] = field(default_factory=tuple)

    def __iter__(self) -> Iterator[Sight]:
        return iter(self.found)

    def __bool__(self) -> bool:
        return bool(self.found)

    def of(self, *names: str) -> list[Sight]:
        """Those of some names, nearest first."""
        return [sight for sight in self.found if sight.name in names]

    def ahead(self, *names: str) -> float:
        """How near the nearest of some names lies straight ahead, in blocks; FARTHEST where none does."""
        return min((sight.distance for sight in self.of(*names) if self._spans(sight)), default=FARTHEST)

    def _spans(self, sight: Sight) -> bool:
        middle, slack = self.lens.width / 2, self.lens.width / 8
        return sight.box[0] < middle + slack and sight.box[2] > middle - slack

    def views(self, sight: Sight) -> list[tuple[int, int]]:
        """(turn, pitch) in degrees, multiples of 15, of the camera by which the crosshair meets a thing; the surest
        first. The turn is to the right; the pitch is absolute, positive down."""
        height, width = self.lens.height, self.lens.width
        inside = self._inside(sight)
        ranked = []
        for turn in range(-WIDEST * STEP, WIDEST * STEP + 1, STEP):
            for pitch in range(-90, 91, STEP):
                pixel = self.lens.pixel(turn, -pitch, self.pitch)
                if pixel is None or not inside[pixel[1], pixel[0]]:
                    continue
                x0, x1 = max(0, pixel[0] - MARGIN), min(width, pixel[0] + MARGIN + 1)
                y0, y1 = max(0, pixel[1] - MARGIN), min(height, pixel[1] + MARGIN + 1)
                sure = float(inside[y0:y1, x0:x1].mean())
                ranked.append((-sure, abs(turn) + abs(pitch - self.pitch), turn, pitch))
        return [(turn, pitch) for _, _, turn, pitch in sorted(ranked)]

    def _inside(self, sight: Sight) -> np.ndarray:
        if sight.mask is not None:
            return sight.mask
        inside = np.zeros((self.lens.height, self.lens.width), bool)
        x0, y0, x1, y1 = sight.box
        inside[y0:y1, x0:x1] = True
        return inside


class Eyes(Protocol):
    """What finds things in a frame.

    Attributes:
        name: for results.
    """

    name: str

    def knows(self, name: str) -> bool:
        """Whether it can find things of this name at all."""
        ...

    def look(self, rgb: np.ndarray, pitch: float, names: Sequence[str]) -> Sights:
        """What of some names is in a picture.

        Args:
            rgb: (H, W, 3) uint8. pitch: of the view in degrees, positive looks down.
            names: of blocks and mobs.
        """
        ...


@lru_cache(maxsize=4)
def hand(height: int, width: int) -> np.ndarray:
    """(H, W) bool: where in a frame one's own hand is, and what it holds."""
    corners = np.round(np.array(HAND) * (width, height)).astype(np.int32)
    return cv2.fillPoly(np.zeros((height, width), np.uint8), [corners], 1).astype(bool)


def without_hand(rgb: np.ndarray) -> np.ndarray:
    """A frame with its other side, mirrored, in the place of the hand: the core knows pictures without one only.

    Args:
        rgb: (H, W, 3) uint8; the answer too.
    """
    return np.where(hand(*rgb.shape[:2])[..., None], rgb[:, ::-1], rgb)


# -- geometry of things ------------------------------------------------------------------------------------------------


def sight_of_box(lens: Lens, name: str, box: Sequence[float], pitch: float, certainty: float = 1.0) -> Sight:
    """A mob by its box: as far as its height says, and not farther than its feet do."""
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    bearing, elevation = lens.direction((x0 + x1) / 2, (y0 + y1) / 2, pitch)
    tall = float(MOBS.height[MOBS.id(name)]) if name in MOBS else 1.0
    distance = tall * lens.focal / max(1.0, y1 - y0)
    if y1 < lens.height - 1:
        distance = min(distance, _on_floor(lens, (x0 + x1) / 2, y1, pitch))
    pixels = max(0, x1 - x0) * max(0, y1 - y0)
    return Sight(name, (x0, y0, x1, y1), bearing, elevation, min(FARTHEST, distance), certainty, pixels)


def sights_of_mask(lens: Lens, name: str, mask: np.ndarray, pitch: float, certainty: float = 1.0,
                   least: int = LEAST_PIXELS) -> list[Sight]:
    """A mask's connected parts as things of blocks, the largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = []
    for number in sorted(range(1, count), key=lambda n: -int(stats[n, cv2.CC_STAT_AREA])):
        x, y, wide, high, pixels = (int(v) for v in stats[number])
        if pixels < least:
            break
        part = labels == number
        middle = _middle(part[y : y + high, x : x + wide])
        bearing, elevation = lens.direction(x + middle[0], y + middle[1], pitch)
        distance = _distance(lens, name, part[y : y + high, x : x + wide], (x, y), pitch)
        found.append(Sight(name, (x, y, x + wide, y + high), bearing, elevation, distance, certainty, pixels, part))
    return found


def _middle(part: np.ndarray) -> tuple[float, float]:
    """(column, row) of a pixel of a part next to its middle."""
    rows, columns = np.nonzero(part)
    at = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return float(columns[at]) + 0.5, float(rows[at]) + 0.5


def _distance(lens: Lens, name: str, part: np.ndarray, corner: tuple[int, int], pitch: float) -> float:
    """Blocks from the eye to a part of a mask, whose upper left corner is given."""
    high, wide = part.shape
    if name in FLAT:
        column = corner[0] + float(np.flatnonzero(part[-1]).mean())
        return _on_floor(lens, column, corner[1] + high, pitch)
    widths = part.sum(1)
    across = float(np.median(widths[widths > 0]))
    if name not in ("log", "log2"):
        return float(min(FARTHEST, lens.focal / max(1.0, float(min(wide, high)))))
    near, foot = lens.focal / max(1.0, across), corner[1] + high  # a trunk is one block wide
    column = corner[0] + wide / 2
    if foot < lens.height - 1 and lens.direction(column, foot, pitch)[1] < 0:
        near = min(MERGED * near, max(near, _on_floor(lens, column, foot, pitch)))  # or several, by its foot
    return float(min(FARTHEST, near))


def _on_floor(lens: Lens, column: float, row: float, pitch: float) -> float:
    """Blocks to a point of a flat floor."""
    elevation = lens.direction(column, row, pitch)[1]
    if elevation > -LEAST_FALL:
        return FARTHEST
    return min(FARTHEST, EYE / math.tan(math.radians(-elevation)))


# -- the core's own eyes -----------------------------------------------------------------------------------------------


class CoreEyes:
    """The core and its tools as eyes: it is asked in plain words, and its links feed what finds boxes and masks.

    Args:
        agent: with tools whose results are boxes and masks; None: the profile `nano`.
        sure, shaped: certainty from where a box and a mask count.

    Attributes:
        asked: requests sent so far.
    """

    name = "core"

    def __init__(self, agent: Agent | None = None, sure: float = SURE, shaped: float = SHAPED) -> None:
        self._agent, self.sure, self.shaped, self.asked = agent, sure, shaped, 0

    @property
    def agent(self) -> Agent:
        """Made with the first look."""
        if self._agent is None:
            from veclink.agent.agent import Agent

            self._agent = Agent("nano")
        return self._agent

    @cached_property
    def _words(self) -> dict[str, tuple[str, str]]:
        """Name -> what is looked for ("boxes" or "masks") and the request."""
        from veclink.agent.nano.book import book
        from veclink.agent.nano.referring import plain, plain_block

        asked: dict[str, tuple[str, str]] = {}
        kinds = {tool.result for tool in self.agent.tools.values()}
        if "boxes" in kinds:
            asked |= {mob: ("boxes", f"find the {plain(mob)[1]}") for mob in book("mobs")}
        if "masks" in kinds:
            for kind, lines in book("blocks").items():
                asked |= dict.fromkeys(lines["ids"], ("masks", f"outline the {plain_block(kind)[0]}"))
        return asked

    def ready(self) -> CoreEyes:
        """Load the core and what finds boxes and masks, so that what is missing is missed now; returns itself.

        Raises:
            VeclinkError: weights are not there.
        """
        for tool in self.agent.tools.values():
            if tool.result in ("boxes", "masks"):
                tool.ready()
        _ = self.agent.core
        return self

    def knows(self, name: str) -> bool:
        """Whether the core was taught the name."""
        return any(each in self._words for each in alike(name))

    def look(self, rgb: np.ndarray, pitch: float, names: Sequence[str]) -> Sights:
        """What of some names is in a picture; names that the core was not taught are passed over."""
        lens = Lens(*rgb.shape[:2])
        glaring = int((rgb.max(-1) >= GLARE).sum()) >= SPOT
        known = {name: self._words[each] for name in names for each in alike(name)[:1]
                 if each in self._words and (glaring or name not in SHINES)}
        requests = {request: (name, kind) for name, (kind, request) in known.items()}
        if not requests:
            return Sights(lens, pitch)
        self.asked += len(requests)
        bare = without_hand(rgb)
        lit = brightened(bare)
        runs = self.agent.run_batch([(request, [bare if name in SHINES else lit])
                                     for request, (name, _) in requests.items()])
        found: list[Sight] = []
        for run, (name, kind) in zip(runs, requests.values(), strict=True):
            for result in (each.result for each in run.results):
                if result.kind == kind:
                    found += self._sights(lens, name, result, pitch)
        return Sights(lens, pitch, tuple(sorted(found, key=lambda sight: sight.distance)))

    def _sights(self, lens: Lens, name: str, result: Any, pitch: float) -> list[Sight]:
        hidden = hand(lens.height, lens.width)
        if result.kind == "boxes":
            boxes = [sight_of_box(lens, name, box, pitch, float(score))
                     for box, score in zip(result.xyxy, result.scores, strict=True) if score >= self.sure]
            return [sight for sight in boxes if 2 * _within(hidden, sight.box) <= sight.pixels]
        found: list[Sight] = []
        for mask, score in zip(result.masks, result.scores, strict=True):
            if score >= self.shaped:
                found += sights_of_mask(lens, name, np.asarray(mask, bool) & ~hidden, pitch, float(score), least=12)
        return found


def _within(mask: np.ndarray, box: tuple[int, int, int, int]) -> int:
    """Pixels of a mask in a box."""
    x0, y0, x1, y1 = (max(0, v) for v in box)
    return int(mask[y0:y1, x0:x1].sum())
