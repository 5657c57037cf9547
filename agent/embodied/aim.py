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

    def met(self, eye: tuple[float, float, float], yaw: float, pitch: float, reach: float = REACH
            ) -> tuple[int, int, int] | None:
        """The block that a view meets."""
        found, gaps = np.zeros((1, 1, 6), np.int64), np.zeros((1, 1))
        scan(self.known.blocks, self.known.owners, self.passes, *eye, np.array([yaw]), np.array([pitch]), reach,
             found, gaps)
        return None if gaps[0, 0] < 0 else tuple(int(v) for v in found[0, 0, :3])  # type: ignore[return-value]

    def in_the_way(self, eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
                   reach: float = REACH) -> tuple[int, int, int] | None:
        """The first block on the nearest view to a target's middle that is not the target."""
        away = np.array(target) + 0.5 - np.array(eye)
        wanted_yaw = math.degrees(math.atan2(-away[0], away[2]))
        wanted_pitch = -math.degrees(math.atan2(away[1], math.hypot(away[0], away[2])))
        a, b = nearest_view(yaw, pitch, wanted_yaw, wanted_pitch)
        met = self.met(eye, a, b, reach)
        return None if met == target else met

    @staticmethod
    def _directions(yaw: float, pitch: float) -> tuple[np.ndarray, np.ndarray]:
        pitches = pitch + STEP * np.arange(-12, 13)
        return yaw + STEP * np.arange(VIEWS), pitches[(pitches >= -90) & (pitches <= 90)]

    @staticmethod
    def _inside(eye: tuple[float, float, float], yaw: float, pitch: float, target: tuple[int, int, int],
                distance: float) -> bool:
        """Whether the point that is met is well inside the block's face."""
        turn, lift = math.radians(yaw), math.radians(pitch)
        way = (-math.sin(turn) * math.cos(lift), -math.sin(lift), math.cos(turn) * math.cos(lift))
        near = 0
        for e, w, t in zip(eye, way, target, strict=True):
            within = e + w * distance - t
            near += not INSIDE <= within <= 1 - INSIDE
        return near <= 1  # the face itself lies on one border


def nearest_view(yaw: float, pitch: float, wanted_yaw: float, wanted_pitch: float) -> tuple[float, float]:
    """The view, whole steps from the present one, that is nearest to a wanted one."""
    turn = STEP * round(((wanted_yaw - yaw + 180) % 360 - 180) / STEP)
    lift = STEP * round((wanted_pitch - pitch) / STEP)
    while pitch + lift > 90:
        lift -= STEP
    while pitch + lift < -90:
        lift += STEP
    return yaw + turn, pitch + lift
