"""Where to look: the camera turns in steps of 15 degrees, so one searches the views from here that meet the target.

A ray is followed through the known map exactly as the world does it: whatever is not air or liquid stops it, plants
too; that a plant stands in the way is what the caller wants to know.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from veclink.agent.embodied.known import UNKNOWN, KnownMap, read

STEP = 15.0  # degrees between two views
VIEWS = 24  # yaws of a full turn
REACH = 4.5  # blocks, of hands
INSIDE = 0.06  # a view must meet the block so far inside its faces: positions are rounded in between


@dataclass(frozen=True)
class View:
    """A way to look.

    Attributes:
        yaw, pitch: degrees, Minecraft's.
        face: (dx, dy, dz) of the face that is met, pointing outwards.
        distance: to it, in blocks.
    """

    yaw: float
    pitch: float
    face: tuple[int, int, int]
    distance: float


@njit(cache=True)
def first_hit(blocks, owners, passes, ex, ey, ez, dx, dy, dz, reach, out):
    """Follow a ray to the first cell that it does not pass.

    Args:
        passes: (256,) bool by block id.
        out: (6,) int64: x, y, z of the cell, then its face's outward direction.

    Returns:
        the distance, or -1.0 where nothing is met within reach.
    """
    x, y, z = math.floor(ex), math.floor(ey), math.floor(ez)
    sx, sy, sz = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    ax, ay, az = 1 / max(abs(dx), 1e-9), 1 / max(abs(dy), 1e-9), 1 / max(abs(dz), 1e-9)
    tx = (x + 1 - ex if dx > 0 else ex - x) * ax
    ty = (y + 1 - ey if dy > 0 else ey - y) * ay
    tz = (z + 1 - ez if dz > 0 else ez - z) * az
    while True:
        fx, fy, fz = 0, 0, 0
        if tx <= ty and tx <= tz:
            t, tx, x, fx = tx, tx + ax, x + sx, -sx
        elif ty <= tz:
            t, ty, y, fy = ty, ty + ay, y + sy, -sy
        else:
            t, tz, z, fz = tz, tz + az, z + sz, -sz
        if t > reach:
            return -1.0
        if not passes[read(blocks, owners, x, y, z)]:
            out[0], out[1], out[2], out[3], out[4], out[5] = x, y, z, fx, fy, fz
            return t


@njit(cache=True)
def scan(blocks, owners, passes, ex, ey, ez, yaws, pitches, reach, found, gaps):
    """All views: what each meets, `found` (yaws, pitches, 6) and `gaps` (yaws, pitches), -1 for nothing."""
    for i in range(len(yaws)):
        for j in range(len(pitches)):
            turn, lift = math.radians(yaws[i]), math.radians(pitches[j])
            flat = math.cos(lift)
            gaps[i, j] = first_hit(blocks, owners, passes, ex, ey, ez, -math.sin(turn) * flat, -math.sin(lift),
                                   math.cos(turn) * flat, reach, found[i, j])


class Eyes:
    """Chooses views over a known map.

    Args:
        known: the map. passes: (256,) bool, what a ray passes by block id.
    """

    def __init__(self, known: KnownMap, passes: np.ndarray) -> None:
        self.known, self.passes = known, passes.copy()
        self.passes[UNKNOWN] = False
        self._found, self._gaps = np.zeros((VIEWS, 13, 6), np.int64), np.zeros((VIEWS, 13))

    def views(self, eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
              face: tuple[int, int, int] | None = None, reach: float = REACH) -> list[View]:
        """Views that meet a block, the least turn first.

        Args:
            eye: position of the eye. yaw, pitch: where one looks now; views lie whole steps from there.
            target: the block. face: which of its faces must be met; None for any.
        """
        yaws, pitches = self._directions(yaw, pitch)
        found, gaps = self._found[:, : len(pitches)], self._gaps[:, : len(pitches)]
        scan(self.known.blocks, self.known.owners, self.passes, *eye, yaws, pitches, reach, found, gaps)
        met = (gaps >= 0) & (found[..., :3] == np.array(target)).all(-1)
        if face is not None:
            met &= (found[..., 3:] == np.array(face)).all(-1)
        choices = []
        for i, j in np.argwhere(met):
            a, b = float(yaws[i]), float(pitches[j])
            if not self._inside(eye, a, b, target, float(gaps[i, j])):
                continue
            turn = abs((a - yaw + 180) % 360 - 180) + abs(b - pitch)
            outward = tuple(int(v) for v in found[i, j, 3:])
            choices.append((turn, i, j, View(a, b, outward, float(gaps[i, j]))))  # type: ignore[arg-type]
        return [choice[-1] for choice in sorted(choices, key=lambda c: c[:3])]

    def in_the_way(self, eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
                   reach: float = REACH) -> tuple[int, int, int] | None:
        """The block to dig first on the way to a target that others hide: of the views that lead there, on the one with
        the fewest in between. None where no view leads there, or one is open.
        """
        yaws, pitches = self._directions(yaw, pitch)
        distances = distances_to(eye, yaws, pitches, target)
        fewest: list[tuple[int, int, int]] | None = None
        for i, j in np.argwhere(distances <= reach):
            between = self._between(eye, float(yaws[i]), float(pitches[j]), target, reach)
            if between is not None and (fewest is None or len(between) < len(fewest)):
                fewest = between
        return fewest[0] if fewest else None

    def blocked(self, eye: tuple[float, float, float], view: tuple[float, float], reach: float) -> bool:
        """Whether a look meets a block within reach."""
        hit = np.zeros(6, np.int64)
        return first_hit(self.known.blocks, self.known.owners, self.passes, *eye, *direction(*view), reach, hit) >= 0

    def _between(self, eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
                 reach: float) -> list[tuple[int, int, int]] | None:
        """The blocks that a view meets before a target, in order; None where it does not meet the target within reach,
        or one of them so close to an edge that it might miss it."""
        (x, y, z), hit = eye, np.zeros(6, np.int64)
        dx, dy, dz = direction(yaw, pitch)
        cells: list[tuple[int, int, int]] = []
        while reach > 0:
            gap = first_hit(self.known.blocks, self.known.owners, self.passes, x, y, z, dx, dy, dz, reach, hit)
            cell = (int(hit[0]), int(hit[1]), int(hit[2]))
            if gap < 0 or not self._inside((x, y, z), yaw, pitch, cell, gap):
                return None
            if cell == target:
                return cells
            cells.append(cell)
            on = gap + 1e-6  # just inside it
            x, y, z, reach = x + dx * on, y + dy * on, z + dz * on, reach - on
        return None

    @staticmethod
    def _directions(yaw: float, pitch: float) -> tuple[np.ndarray, np.ndarray]:
        pitches = pitch + STEP * np.arange(-12, 13)
        return yaw + STEP * np.arange(VIEWS), pitches[(pitches >= -90) & (pitches <= 90)]

    @staticmethod
    def _inside(eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
                distance: float) -> bool:
        """Whether the point that is met is well inside the block's face."""
        near = 0
        for e, w, t in zip(eye, direction(yaw, pitch), target, strict=True):
            within = e + w * distance - t
            near += not INSIDE <= within <= 1 - INSIDE
        return near <= 1  # the face itself lies on one border


def direction(yaw: float, pitch: float) -> tuple[float, float, float]:
    """The unit vector of a look."""
    turn, lift = math.radians(yaw), math.radians(pitch)
    return -math.sin(turn) * math.cos(lift), -math.sin(lift), math.cos(turn) * math.cos(lift)


def distances_to(eye: tuple[float, float, float], yaws: np.ndarray, pitches: np.ndarray,
                 target: tuple[int, int, int]) -> np.ndarray:
    """(yaws, pitches) float64: how far off a block begins on each view, infinite where the view passes it by.

    By slabs (Kay and Kajiya, "Ray tracing complex scenes", 1986): what the ray has in common with all three.
    """
    turn, lift = np.radians(yaws)[:, None], np.radians(pitches)[None]
    way = np.stack([-np.sin(turn) * np.cos(lift), np.broadcast_to(-np.sin(lift), (len(yaws), len(pitches))),
                    np.cos(turn) * np.cos(lift)], -1)
    low = np.array(target) - np.array(eye)
    safe = np.where(np.abs(way) < 1e-9, 1e-9, way)
    enter, leave = np.sort(np.stack([low / safe, (low + 1) / safe]), 0)
    near, far = enter.max(-1), leave.min(-1)
    return np.where((near <= far) & (near > 0), near, np.inf)


def to_box(eye: tuple[float, float, float], way: tuple[float, float, float], low: tuple[float, float, float],
           high: tuple[float, float, float]) -> float:
    """How far off a box begins on a look, by slabs; 0 from inside it, infinite where it is passed by."""
    near, far = 0.0, math.inf
    for e, w, a, b in zip(eye, way, low, high, strict=True):
        if abs(w) < 1e-9:
            if not a <= e <= b:
                return math.inf
            continue
        enter, leave = sorted(((a - e) / w, (b - e) / w))
        near, far = max(near, enter), min(far, leave)
    return near if near <= far else math.inf


def nearest_view(yaw: float, pitch: float, wanted_yaw: float, wanted_pitch: float) -> tuple[float, float]:
    """The view, whole steps from the present one, that is nearest to a wanted one."""
    turn = STEP * round(((wanted_yaw - yaw + 180) % 360 - 180) / STEP)
    lift = STEP * round((wanted_pitch - pitch) / STEP)
    while pitch + lift > 90:
        lift -= STEP
    while pitch + lift < -90:
        lift += STEP
    return yaw + turn, pitch + lift
