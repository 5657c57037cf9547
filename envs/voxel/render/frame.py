"""A picture with its truth: per-pixel labels, mobs with boxes, masks and joints, the camera's matrices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LABELS = ("block", "instance", "kind", "depth", "normal", "mobs")
HAND, DROP, SHOT = 255, 254, 253  # `kind` of what is neither block nor mob
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
HUMANOID_JOINTS = ("head", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hand",
                   "right_hand", "left_hip", "right_hip", "left_knee", "right_knee", "left_foot", "right_foot")
QUADRUPED_JOINTS = ("nose", "head", "neck", "withers", "rump", "tail", "left_front_knee", "right_front_knee",
                    "left_hind_knee", "right_hind_knee", "left_front_foot", "right_front_foot", "left_hind_foot",
                    "right_hind_foot")
JOINTS = {"humanoid": HUMANOID_JOINTS, "quadruped": QUADRUPED_JOINTS, "other": ()}


@dataclass
class Camera:
    """A pinhole camera: x to the right, y down, z forward.

    Attributes:
        intrinsics: (3, 3) float64; the picture's point (column, row) of a place is (K @ p)[:2] / p[2], the middle of
            the pixel in column 0, row 0 being (0.5, 0.5).
        extrinsics: (4, 4) float64, from the world's blocks to the camera's.
    """

    intrinsics: np.ndarray
    extrinsics: np.ndarray

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) places in the world -> (n, 3) column, row in pixels and planar depth in blocks (behind: negative)."""
        places = np.atleast_2d(points) @ self.extrinsics[:3, :3].T + self.extrinsics[:3, 3]
        depth = places[:, 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        seen = places @ self.intrinsics.T
        return np.stack([seen[:, 0] / safe, seen[:, 1] / safe, depth], axis=1)

    def unproject(self, column: float, row: float, distance: float) -> np.ndarray:
        """(3,) the place in the world at a picture's point, `distance` blocks along its ray (as `Frame.depth`)."""
        ray = np.linalg.inv(self.intrinsics) @ np.array([column, row, 1.0])
        place = ray / np.linalg.norm(ray) * distance
        return self.extrinsics[:3, :3].T @ (place - self.extrinsics[:3, 3])


@dataclass
class SeenMob:
    """A mob of which at least one pixel is seen.

    Attributes:
        id, kind: of the record; `name` of the kind.
        box: (4,) x0, y0, x1, y1 in pixels round the visible part, ends excluded.
        mask: (H, W) bool, its pixels.
        share: visible part of its silhouette within the picture, 0..1.
        joints: (n, 3) float32 column, row, visibility (0 outside or behind, 1 hidden, 2 visible); names in
            JOINTS[plan].
        plan: "humanoid", "quadruped" or "other" (no joints).
    """

    id: int
    kind: int
    name: str
    box: tuple[int, int, int, int]
    mask: np.ndarray
    share: float
    joints: np.ndarray
    plan: str


@dataclass
class Frame:
    """One picture. What was not asked for is None.

    Attributes:
        rgb: (H, W, 3) uint8.
        block: (H, W) uint8, id of the nearest block's surface, half-transparent ones included; 0 for sky and wherever
            a mob, drop, shot or the hand is drawn.
        instance: (H, W) int32, id of the mob, also of one seen through water or glass; 0 for none.
        kind: (H, W) uint8, 1 + kind of the mob, 253 a shot, 254 a drop, 255 the hand, 0 else.
        depth: (H, W) float32, blocks along the ray to what is labelled; the drawing distance for sky. `planar()`
            gives z.
        normal: (H, W, 3) float32, unit normal in the world, 0 for sky.
        mobs: those in view.
        camera: its matrices.
    """

    rgb: np.ndarray
    camera: Camera
    block: np.ndarray | None = None
    instance: np.ndarray | None = None
    kind: np.ndarray | None = None
    depth: np.ndarray | None = None
    normal: np.ndarray | None = None
    mobs: list[SeenMob] = field(default_factory=list)

    def planar(self) -> np.ndarray:
        """(H, W) float32: depth along the camera's axis, blocks."""
        assert self.depth is not None, "ask for the label depth"
        high, wide = self.depth.shape
        k = self.camera.intrinsics
        x = (np.arange(wide) + 0.5 - k[0, 2]) / k[0, 0]
        y = (np.arange(high) + 0.5 - k[1, 2]) / k[1, 1]
        return (self.depth / np.sqrt(1 + x[None, :] ** 2 + y[:, None] ** 2)).astype(np.float32)
