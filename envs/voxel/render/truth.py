"""From labelled pixels to mobs: boxes, masks, visible shares, joints."""

from __future__ import annotations

import numpy as np
from numba import njit

from veclink.envs.facts import MOBS
from veclink.envs.voxel.render.frame import HIDDEN, OUTSIDE, VISIBLE, Camera, SeenMob
from veclink.envs.voxel.render.models import Models, joints_of
from veclink.envs.voxel.render.view import basis, half_extent

NEAR_MASK = 1  # pixels: a joint is seen where the mob's mask is no farther


def camera_of(eye: tuple[float, float, float], yaw: float, pitch: float, image_size: tuple[int, int],
              fov: float) -> Camera:
    """The matrices of a view; fov of the height in degrees."""
    high, wide = image_size
    tan_x, tan_y = half_extent(image_size, fov)
    intrinsics = np.array([[wide / 2 / tan_x, 0.0, wide / 2], [0.0, high / 2 / tan_y, high / 2], [0.0, 0.0, 1.0]])
    forward, right, up = basis(yaw, pitch)
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = np.stack([right, -up, forward])
    extrinsics[:3, 3] = -extrinsics[:3, :3] @ np.array(eye)
    return Camera(intrinsics, extrinsics)


@njit(cache=True)
def extents(owner, count):
    """(count + 1, 5) int32: x0, y0, x1, y1 (ends excluded) and pixels of every owner in a picture."""
    high, wide = owner.shape
    out = np.zeros((count + 1, 5), np.int32)
    out[:, 0], out[:, 1] = wide, high
    for r in range(high):
        for c in range(wide):
            k = owner[r, c]
            if k > 0:
                out[k, 0], out[k, 2] = min(out[k, 0], c), max(out[k, 2], c + 1)
                out[k, 1], out[k, 3] = min(out[k, 1], r), max(out[k, 3], r + 1)
                out[k, 4] += 1
    return out


@njit(cache=True)
def silhouettes(boxes, view, starts, listed, height, width, tile, owner, cover):
    """Count into `cover` (owners + 1,) int64 the pixels that each mob's boxes fill, whatever is before them.

    `owner` (H, W) int32: pixels already known to be a mob's are not traced for it again.
    """
    across = (width + tile - 1) // tile
    found = np.zeros(len(cover), np.int64)
    stamp = 0
    for r in range(height):
        v = 1.0 - (r + 0.5) / height * 2.0
        for c in range(width):
            n = (r // tile) * across + c // tile
            if starts[n] == starts[n + 1]:
                continue
            stamp += 1
            if starts[n] == starts[n + 1]:
                continue  # nothing turned is near this pixel
            u = (c + 0.5) / width * 2.0 - 1.0
            if owner[r, c] > 0:
                found[owner[r, c]] = stamp
                cover[owner[r, c]] += 1
            dx = view[3] + u * view[6] + v * view[9]
            dy = view[4] + u * view[7] + v * view[10]
            dz = view[5] + u * view[8] + v * view[11]
            for q in range(starts[n], starts[n + 1]):
                o = boxes[listed[q]]
                who = int(o[15])
                if who > 0 and found[who] != stamp and _meets(o, view[0], view[1], view[2], dx, dy, dz):
                    found[who] = stamp
                    cover[who] += 1


@njit(cache=True)
def _meets(o, ox, oy, oz, dx, dy, dz):
    """Whether a ray meets a turned box in front of its origin."""
    near, far = 0.0, 1e9
    ex, ey, ez = o[0] - ox, o[1] - oy, o[2] - oz
    along = (ex * dx + ey * dy + ez * dz) ** 2
    if ex * ex + ey * ey + ez * ez - along / (dx * dx + dy * dy + dz * dz) > o[12] ** 2 + o[13] ** 2 + o[14] ** 2:
        return False  # past the ball around the box
    for k in range(3):
        a, b, c = o[3 + 3 * k], o[4 + 3 * k], o[5 + 3 * k]
        at = a * (ox - o[0]) + b * (oy - o[1]) + c * (oz - o[2])
        way = a * dx + b * dy + c * dz
        way = way if abs(way) > 1e-9 else 1e-9
        t0, t1 = (-o[12 + k] - at) / way, (o[12 + k] - at) / way
        near, far = max(near, min(t0, t1)), min(far, max(t0, t1))
    return near <= far


def seen_mobs(mobs: np.ndarray, rows: np.ndarray, owner: np.ndarray, depth: np.ndarray, cover: np.ndarray,
              camera: Camera, models: Models) -> list[SeenMob]:
    """What of each mob is seen.

    Args:
        mobs: (n,) records drawn; rows: their boxes; owner: (H, W) int32 1 + place in `mobs`, 0 elsewhere.
        depth: (H, W) blocks along the ray; cover: (n + 1,) pixels of each silhouette.
    """
    found = extents(owner, len(mobs))
    out = []
    for place in range(1, len(mobs) + 1):
        x0, y0, x1, y1, pixels = (int(value) for value in found[place])
        if pixels == 0:
            continue
        mob = mobs[place - 1]
        kind = int(mob["kind"])
        mask = owner == place
        joints = _joints(rows, place, kind, mask, depth, camera, models)
        out.append(SeenMob(int(mob["id"]), kind, MOBS.names[kind], (x0, y0, x1, y1), mask,
                           min(1.0, pixels / max(int(cover[place]), 1)), joints, models.plans[kind]))
    return out


def _joints(rows: np.ndarray, owner: int, kind: int, mask: np.ndarray, depth: np.ndarray, camera: Camera,
            models: Models) -> np.ndarray:
    places = joints_of(rows, owner, kind, models)
    out = np.zeros((len(places), 3), np.float32)
    if not len(places):
        return out
    high, wide = mask.shape
    seen = camera.project(places)
    eye = -camera.extrinsics[:3, :3].T @ camera.extrinsics[:3, 3]
    parts = models.joints[kind][:, 0].astype(int)
    own = rows[rows[:, 15] == owner]
    thick = {int(row[26]): float(np.linalg.norm(row[12:15])) for row in own}
    for n, (column, row, ahead) in enumerate(seen):
        out[n, :2] = column, row
        if ahead <= 0.05 or not (0 <= column < wide and 0 <= row < high):
            out[n, 2] = OUTSIDE
            continue
        r, c = int(row), int(column)
        area = slice(max(r - NEAR_MASK, 0), r + NEAR_MASK + 1), slice(max(c - NEAR_MASK, 0), c + NEAR_MASK + 1)
        near = mask[area]
        reached = float(np.linalg.norm(places[n] - eye)) - min(thick[parts[n]], 0.45) - 0.05
        out[n, 2] = VISIBLE if near.any() and depth[area][near].max() >= reached else HIDDEN
    return out
