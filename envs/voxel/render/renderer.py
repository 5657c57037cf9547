"""Pictures on the processor: from a scene to a frame, one ray a pixel."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.voxel.render import looks, models, rays, shade, truth
from veclink.envs.voxel.render.frame import LABELS, Frame
from veclink.envs.voxel.render.props import bricks_of, lights, prop_rows
from veclink.envs.voxel.render.scene import Scene
from veclink.envs.voxel.render.shade import trace
from veclink.envs.voxel.render.textures import Textures
from veclink.envs.voxel.render.view import half_extent, light_curves, view_vector

SMALLEST, LARGEST = 16, 4096  # pixels a side
FARTHEST = 56.0  # blocks: no farther is loaded
PLAIN_MAP = np.arange(256, dtype=np.uint8)


@dataclass
class Prepared:
    """All that the rays of one scene need; the two tuples are those of rays.py."""

    world: tuple[np.ndarray, ...]
    looks: tuple[np.ndarray, ...]
    view: np.ndarray
    rows: np.ndarray
    mobs: np.ndarray
    starts: np.ndarray
    listed: np.ndarray


def _stamp() -> int:
    """A number for the source of the functions that the painters call."""
    return sum(zlib.crc32(Path(str(module.__file__)).read_bytes()) for module in (rays, shade))


def _painters(stamp: int) -> tuple[Any, Any]:
    """The two loops over pixels. numba keeps them compiled; `stamp` is part of its key, as what they call is not."""

    @njit(cache=True, error_model="numpy", _nrt=False)  # pyright: ignore[reportCallIssue]  # its hints lack options
    def paint(world, looks, view, boxes, starts, listed, tile, rgb):
        """Fill rgb (H, W, 3) uint8; `starts` and `listed` tell the boxes of each tile of `tile` x `tile` pixels."""
        height, width = rgb.shape[:2] if stamp else (0, 0)
        across = (width + tile - 1) // tile
        for r in range(height):
            v = 1.0 - (r + 0.5) / height * 2.0
            for c in range(width):
                n = (r // tile) * across + c // tile
                red, green, blue, _d, _b, _q, _f = trace(world, looks, view, boxes, listed, starts[n], starts[n + 1],
                                                         (c + 0.5) / width * 2.0 - 1.0, v)
                rgb[r, c, 0], rgb[r, c, 1], rgb[r, c, 2] = int(red), int(green), int(blue)

    @njit(cache=True, error_model="numpy", _nrt=False)  # pyright: ignore[reportCallIssue]  # its hints lack options
    def paint_labelled(world, looks, view, boxes, starts, listed, tile, rgb, block, owner, kind, depth, normal):
        """As `paint`, and block, kind (H, W) uint8, owner int32, depth float32, normal (H, W, 3) float32."""
        height, width = rgb.shape[:2] if stamp else (0, 0)
        across = (width + tile - 1) // tile
        for r in range(height):
            v = 1.0 - (r + 0.5) / height * 2.0
            for c in range(width):
                n = (r // tile) * across + c // tile
                red, green, blue, far, seen, box, face = trace(world, looks, view, boxes, listed, starts[n],
                                                               starts[n + 1], (c + 0.5) / width * 2.0 - 1.0, v)
                rgb[r, c, 0], rgb[r, c, 1], rgb[r, c, 2] = int(red), int(green), int(blue)
                block[r, c], depth[r, c] = seen, far
                owner[r, c], kind[r, c] = 0, 0
                normal[r, c, 0], normal[r, c, 1], normal[r, c, 2] = 0.0, 0.0, 0.0
                sign = 1.0 if face & 1 else -1.0
                if box >= 0:
                    owner[r, c], kind[r, c] = int(boxes[box, 15]), int(boxes[box, 27])
                    for k in range(3):
                        normal[r, c, k] = sign * boxes[box, 3 + 3 * (face >> 1) + k]
                elif face >= 0:
                    normal[r, c, face >> 1] = sign

    return paint, paint_labelled


paint, paint_labelled = _painters(_stamp())


class Renderer:
    """Draws scenes.

    Args:
        image_size: height and width in pixels, each 16..4096.
        fov: angle of the height, degrees, 10..150.
        distance: how far one sees, blocks, 8..56.
        textures: a set; None for the plain painted one.
        jitter: how much the mobs' proportions may differ from Minecraft's, 0..0.5 (0.2: up to a fifth each way).
        seed: of those proportions, one set a renderer.
    """

    def __init__(self, image_size: tuple[int, int] = (160, 256), fov: float = 70.0, distance: float = 48.0,
                 textures: Textures | None = None, jitter: float = 0.0, seed: int = 0) -> None:
        if len(image_size) != 2 or not all(SMALLEST <= side <= LARGEST for side in image_size):
            raise InputError(f"an image size of two sides of {SMALLEST}..{LARGEST} pixels", repr(image_size),
                             "choose another size")
        if not 10 <= fov <= 150:
            raise InputError("a field of view of 10..150 degrees", repr(fov), "choose another angle")
        if not 8 <= distance <= FARTHEST:
            raise InputError(f"a distance of 8..{FARTHEST:.0f} blocks", repr(distance), "choose another distance")
        if not 0 <= jitter <= 0.5:
            raise InputError("a jitter of 0..0.5", repr(jitter), "choose another jitter")
        self.image_size, self.fov, self.distance = (int(image_size[0]), int(image_size[1])), float(fov), float(distance)
        self.textures = textures or Textures.procedural()
        faces = looks.faces(self.textures)
        forms, shapes = looks.forms()
        tints, self.cold = looks.tints()
        self._looks = (forms, shapes, faces, self.textures.atlas, tints, looks.tinted(self.textures))
        self._clouds = looks.clouds()
        self.models = models.load(self.textures, faces, jitter, seed)
        self._bricks = np.zeros((32, 32, 32), np.uint8)
        self._bricks_of: tuple[np.ndarray | None, int | None] = None, None
        self._ceiling = 128

    def prepare(self, scene: Scene) -> Prepared:
        """The arrays that the rays read; they are views of the scene's where they can be."""
        known, version = self._bricks_of  # the array itself: an id would be given to another one after its end
        if scene.version is None or known is not scene.blocks or version != scene.version:
            self._ceiling = bricks_of(scene.blocks, self._bricks)
            self._bricks_of = scene.blocks, scene.version
        block_map = PLAIN_MAP if scene.block_map is None else scene.block_map
        biome = int(scene.biome[int(scene.eye[0] // 1) & 127, int(scene.eye[2] // 1) & 127])
        curves = light_curves(scene.time, scene.weather, biome)
        view = view_vector(scene, self.image_size, self.fov, self.distance, self.cold)
        view[rays.CEILING] = self._ceiling
        mobs = models.alive(scene.mobs, scene.hidden)
        colours = lights(scene, mobs["x"], mobs["y"] + 0.7, mobs["z"], curves)
        for mob_id, factors in scene.recoloured.items():
            colours[mobs["id"] == mob_id] *= factors
        rows = np.concatenate([models.mob_rows(mobs, self.models, colours, scene.clock),
                               prop_rows(scene, self.models, curves, half_extent(self.image_size, self.fov))])
        starts, listed = models.tile_lists(rows, view, *self.image_size)
        world = (scene.blocks, scene.meta, scene.light, scene.biome, self._bricks, scene.bounds, scene.top)
        return Prepared(world, (block_map, *self._looks, curves, self._clouds), view, rows, mobs, starts, listed)

    def frame(self, scene: Scene, labels: Iterable[str] = ()) -> Frame:
        """Draw a scene.

        Args:
            labels: of frame.LABELS: "block", "instance", "kind", "depth", "normal", "mobs"; "all" for all of them.
        """
        wanted: set[str] = set(LABELS) if "all" in labels else set(labels)
        for label in wanted - set(LABELS):
            raise UnknownName.of("label", label, (*LABELS, "all"))
        ready = self.prepare(scene)
        shape = self.image_size
        rgb = np.empty((*shape, 3), np.uint8)
        camera = truth.camera_of(scene.eye, scene.yaw, scene.pitch, shape, self.fov)
        arrays = (ready.world, ready.looks, ready.view, ready.rows, ready.starts, ready.listed, models.TILE, rgb)
        if not wanted:
            paint(*arrays)
            return Frame(rgb, camera)
        block, kind = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        owner, depth = np.empty(shape, np.int32), np.empty(shape, np.float32)
        normal = np.empty((*shape, 3), np.float32)
        paint_labelled(*arrays, block, owner, kind, depth, normal)
        return self._labelled(Frame(rgb, camera, block, None, kind, depth, normal), ready, owner, wanted)

    def _labelled(self, frame: Frame, ready: Prepared, owner: np.ndarray, wanted: set[str]) -> Frame:
        """Turn places among the drawn mobs into their ids, list the mobs, drop what nobody asked for."""
        if "mobs" in wanted:
            assert frame.depth is not None
            cover = np.zeros(len(ready.mobs) + 1, np.int64)
            truth.silhouettes(ready.rows, ready.view, ready.starts, ready.listed, *self.image_size, models.TILE, owner,
                              cover)
            frame.mobs = truth.seen_mobs(ready.mobs, ready.rows, owner, frame.depth, cover, frame.camera, self.models)
        ids = np.concatenate([[0], ready.mobs["id"]]).astype(np.int32)
        frame.instance = ids[owner]
        for label in set(LABELS) - wanted - {"mobs"}:
            setattr(frame, label, None)
        return frame


assert rays.BRICK == 2
