"""Pictures of many worlds at once on a CUDA device.

One source of truth: rays.py and shade.py, which numba compiles for the processor, are run a second time here with `jit`
standing for numba's CUDA compiler. A thread draws a pixel; the blocks of every world stay on the device, and of what
changed since the last picture only the planes that differ are sent.

This module imports without CUDA. With NUMBA_ENABLE_CUDASIM=1 in the environment numba runs the same kernel in Python,
far too slowly for anything but a check of tiny pictures.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda

from veclink.envs.errors import InputError
from veclink.envs.voxel.render import models, rays, shade
from veclink.envs.voxel.render.renderer import Prepared, Renderer
from veclink.envs.voxel.render.scene import Scene
from veclink.envs.voxel.render.textures import Textures

SIDE = 128  # of the rings
BLOCK = (16, 8, 1)  # threads of a block: across, down, worlds
RINGS = ("blocks", "meta", "light")  # (128, 128, 128) uint8 of each world, mirrored on the device
NO_DEVICE = "a CUDA device that numba can use"


def available() -> bool:
    """Whether numba finds a CUDA device (or its simulator was switched on)."""
    try:
        return bool(cuda.is_available())
    except Exception:  # a driver that is there but broken: no device either
        return False


def smaller(a, b):
    """Stands for `min` on the device: numba 0.66 and later cannot compile its own there (its issue 10753)."""
    return a if a < b else b


def larger(a, b):
    """Stands for `max` on the device."""
    return a if a > b else b


@functools.cache
def kernel() -> Any:
    """The compiled kernel `paint`; see `BatchRenderer` for its arguments."""
    jit = cuda.jit(device=True)
    space: dict[str, Any] = {"__name__": f"{__name__}.rays", "jit": jit, "min": jit(smaller), "max": jit(larger)}
    for module in (rays, shade):
        path = str(module.__file__)
        exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), space)
    trace = space["trace"]

    @cuda.jit
    def paint(blocks, meta, light, biome, bricks, bounds, top, maps, curves, fixed, views, boxes, starts, listed, tile,
              rgb, block, owner, depth):
        c, r, n = cuda.grid(3)  # pyright: ignore[reportCallIssue]  # its hints are of another class
        if n >= rgb.shape[0] or r >= rgb.shape[1] or c >= rgb.shape[2]:
            return
        high, wide = rgb.shape[1], rgb.shape[2]
        world = (blocks[n], meta[n], light[n], biome[n], bricks[n], bounds[n], top[n])
        looks = (maps[n], fixed[0], fixed[1], fixed[2], fixed[3], fixed[4], fixed[5], curves[n], fixed[6])
        at = (r // tile) * ((wide + tile - 1) // tile) + c // tile
        red, green, blue, far, seen, box, _face = trace(
            world, looks, views[n], boxes, listed, starts[n, at], starts[n, at + 1],
            (c + 0.5) / wide * 2.0 - 1.0, 1.0 - (r + 0.5) / high * 2.0)
        rgb[n, r, c, 0], rgb[n, r, c, 1], rgb[n, r, c, 2] = int(red), int(green), int(blue)
        if block.shape[0] > 0:
            block[n, r, c], depth[n, r, c] = seen, far
            owner[n, r, c] = int(boxes[box, 15]) if box >= 0 else 0

    return paint


class BatchRenderer:
    """Draws a batch of scenes with one launch.

    Args:
        count: how many worlds at most.
        image_size, fov, distance, textures: as `Renderer`'s; the same for all.

    Raises:
        InputError: where there is no CUDA device.

    Scene number n of a call is taken for the world that was number n before: what is still true is not sent again.
    """

    def __init__(self, count: int, image_size: tuple[int, int] = (160, 256), fov: float = 70.0, distance: float = 48.0,
                 textures: Textures | None = None) -> None:
        if count < 1:
            raise InputError("one world or more", repr(count), "choose another count")
        if not available():
            raise InputError(NO_DEVICE, "none", "use veclink.envs.voxel.render.Renderer, which needs none")
        self.count = count
        self.host = Renderer(image_size, fov, distance, textures)
        self.image_size = self.host.image_size
        self._here = {name: np.zeros((count, SIDE, SIDE, SIDE), np.uint8) for name in RINGS}
        self._there = {name: cuda.to_device(array) for name, array in self._here.items()}
        self._versions: list[tuple[np.ndarray | None, int | None]] = [(None, None)] * count
        self._bricks = np.zeros((count, 32, 32, 32), np.uint8)
        self._fixed: tuple[Any, ...] | None = None

    def frames(self, scenes: Sequence[Scene]) -> np.ndarray:
        """(n, H, W, 3) uint8 pictures of n scenes."""
        return self._drawn(scenes, False)[0].copy_to_host()

    def labelled(self, scenes: Sequence[Scene]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As `frames`, with block (n, H, W) uint8, instance int32 and depth float32 as in `Frame`."""
        *images, prepared = self._drawn(scenes, True)
        rgb, block, owner, depth = (image.copy_to_host() for image in images)
        for n, ready in enumerate(prepared):
            owner[n] = np.concatenate([[0], ready.mobs["id"]]).astype(np.int32)[owner[n]]
        return rgb, block, owner, depth

    def on_device(self, scenes: Sequence[Scene]) -> Any:
        """As `frames`, left on the device: has `__cuda_array_interface__`, which torch and cupy take over as it is."""
        return self._drawn(scenes, False)[0]

    def _drawn(self, scenes: Sequence[Scene], labels: bool) -> tuple[Any, ...]:
        n, (high, wide) = len(scenes), self.image_size
        if not 1 <= n <= self.count:
            raise InputError(f"1..{self.count} scenes", str(n), "make a BatchRenderer of that many")
        prepared = [self._prepared(slot, scene) for slot, scene in enumerate(scenes)]
        if self._fixed is None:
            self._fixed = tuple(cuda.to_device(array) for array in (*prepared[0].looks[1:7], prepared[0].looks[8]))
        empty: Any = cuda.device_array  # its hints know float64 only
        rgb = empty((n, high, wide, 3), np.uint8)
        shape = (n, high, wide) if labels else (0, 1, 1)
        block, owner, depth = (empty(shape, kind) for kind in (np.uint8, np.int32, np.float32))
        grid = tuple(-(-size // side) for size, side in zip((wide, high, n), BLOCK, strict=True))
        kernel()[grid, BLOCK](*self._arguments(scenes, prepared), rgb, block, owner, depth)
        return rgb, block, owner, depth, prepared

    def _arguments(self, scenes: Sequence[Scene], prepared: list[Prepared]) -> tuple[Any, ...]:
        """The kernel's arrays: those of the worlds as they lie there, the rest of this call sent now."""
        send = cuda.to_device
        offsets = np.cumsum([0, *(len(ready.rows) for ready in prepared)])
        ends = np.cumsum([0, *(len(ready.listed) for ready in prepared)])
        listed = np.concatenate([ready.listed + offset for ready, offset in zip(prepared, offsets, strict=False)])
        starts = np.stack([ready.starts + end for ready, end in zip(prepared, ends, strict=False)])
        boxes = np.concatenate([*(ready.rows for ready in prepared), np.zeros((1, models.ROW))])  # never none at all

        def stacked(part: str, place: int) -> Any:
            return send(np.stack([getattr(ready, part)[place] for ready in prepared]))

        rings = (self._there[name] for name in RINGS)
        views = send(np.stack([ready.view for ready in prepared]))
        return (*rings, stacked("world", 3), send(self._bricks[: len(scenes)]), stacked("world", 5),
                stacked("world", 6), stacked("looks", 0), stacked("looks", 7), self._fixed, views, send(boxes),
                send(starts.astype(np.int32)), send(listed.astype(np.int32)), models.TILE)

    def _prepared(self, slot: int, scene: Scene) -> Prepared:
        """What the rays of a scene need; sends the planes of its rings that are not yet on the device as they are."""
        ready = self.host.prepare(scene)
        known, version = self._versions[slot]
        if scene.version is None or known is not scene.blocks or version != scene.version:
            for name in RINGS:
                new, old = getattr(scene, name), self._here[name][slot]
                for plane in np.flatnonzero((new != old).any(axis=(1, 2))):
                    old[plane] = new[plane]
                    self._there[name][slot, plane].copy_to_device(old[plane])
            self._bricks[slot] = ready.world[4]
            self._versions[slot] = scene.blocks, scene.version
        return ready
