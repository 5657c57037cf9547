"""The loaded part of the world: rings of blocks round the player, and what was left behind.

Arrays are rings: block (x, y, z) lies at [x & 127, y, z & 127], so a step of the player moves no data. Seven by seven
chunks of 16 x 128 x 16 blocks are loaded at a time. A chunk that nobody changed is made again by the terrain when it
is needed; a changed one is kept, packed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.light import light_region, relight

SIDE = 128  # of the rings, a power of two
MASK = SIDE - 1
HEIGHT = 128
CHUNK = 16
REACH = 3  # chunks loaded on each side of the player's
SLACK = 4.0  # blocks past a chunk's border before the loaded part follows: no loading back and forth on a border


class Source(Protocol):
    """Where new chunks come from: a pure function of the place."""

    def chunk(self, cx: int, cz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Blocks (16, 128, 16), meta (16, 128, 16), biome (16, 16), all uint8, of the chunk from (16 cx, 16 cz)."""
        ...


@njit(cache=True)
def column_top(blocks, blocking, liquid, x, z):
    """y of the first block above the highest one that is opaque or liquid, 0 where there is none."""
    column_x, column_z = x & MASK, z & MASK
    for y in range(HEIGHT - 1, -1, -1):
        block = blocks[column_x, y, column_z]
        if blocking[block] or liquid[block] > 0:
            return y + 1
    return 0


@njit(cache=True)
def tops(blocks, top, blocking, liquid, x0, x1, z0, z1):
    """Fill `top` for the columns of an area."""
    for x in range(x0, x1):
        for z in range(z0, z1):
            top[x & MASK, z & MASK] = min(column_top(blocks, blocking, liquid, x, z), 255)


class Grid:
    """Blocks, metadata, light and biomes around one place.

    Args:
        source: makes chunks that were never seen.
        x, z: the place, in blocks; the loaded part follows it by `follow`.

    Attributes:
        blocks, meta, light: (128, 128, 128) uint8 rings; light has the sky's 0..15 (as at noon) in the high nibble
            and the blocks' in the low one.
        biome, top: (128, 128) uint8 rings; `top` is y of the first block above the highest opaque or liquid one.
        bounds: (4,) int64 x0, x1, z0, z1 of what is loaded, ends excluded.
        contents: what lies inside chests and furnaces, by position; also of places that are not loaded.
        woken: positions set since somebody last emptied the list; their neighbours may have to react.
        version: grows with every change of a block and every load.
        on_load, on_unload: called with (cx, cz) after a chunk came, before it goes.
    """

    def __init__(self, source: Source, x: float = 0.0, z: float = 0.0) -> None:
        self.source = source
        self.blocks = np.zeros((SIDE, HEIGHT, SIDE), np.uint8)
        self.meta = np.zeros_like(self.blocks)
        self.light = np.zeros_like(self.blocks)
        self.biome = np.zeros((SIDE, SIDE), np.uint8)
        self.top = np.zeros((SIDE, SIDE), np.uint8)
        self.bounds = np.zeros(4, np.int64)
        self._edges = (0, 0, 0, 0)  # the same, quicker to ask
        self.contents: dict[tuple[int, int, int], Any] = {}
        self.woken: list[tuple[int, int, int]] = []
        self.version = 0
        self.on_load: Callable[[int, int], None] | None = None
        self.on_unload: Callable[[int, int], None] | None = None
        self.kept: dict[tuple[int, int], bytes] = {}
        self.changed: set[tuple[int, int]] = set()
        self.centre = (int(x // CHUNK), int(z // CHUNK))
        self._load(list(self._around(self.centre)))

    # -- single blocks -------------------------------------------------------------------------------------------------

    def loaded(self, x: int, z: int) -> bool:
        """Whether the column is among the loaded ones."""
        x0, x1, z0, z1 = self._edges
        return x0 <= x < x1 and z0 <= z < z1

    def get(self, x: int, y: int, z: int) -> int:
        """The block's id; air above, below and outside the loaded part."""
        if 0 <= y < HEIGHT and self.loaded(x, z):
            return int(self.blocks[x & MASK, y, z & MASK])
        return 0

    def get_meta(self, x: int, y: int, z: int) -> int:
        """The block's metadata, 0 where `get` gives air for want of a block."""
        if 0 <= y < HEIGHT and self.loaded(x, z):
            return int(self.meta[x & MASK, y, z & MASK])
        return 0

    def set(self, x: int, y: int, z: int, block: int, meta: int = 0) -> bool:
        """Put a block, keep light and top true, and wake the place; False (and nothing done) where none is loaded."""
        if not (0 <= y < HEIGHT and self.loaded(x, z)):
            return False
        i, k = x & MASK, z & MASK
        old = self.blocks[i, y, k]
        self.blocks[i, y, k], self.meta[i, y, k] = block, meta
        if BLOCKS.filter[old] != BLOCKS.filter[block] or BLOCKS.emission[old] != BLOCKS.emission[block]:
            relight(self.blocks, self.light, self.bounds, x, y, z)
        if old != block:
            self.top[i, k] = column_top(self.blocks, BLOCKS.opaque, BLOCKS.liquid, x, z)
        self.changed.add((x // CHUNK, z // CHUNK))
        self.woken.append((x, y, z))
        self.version += 1
        return True

    def touch(self, x: int, y: int, z: int, reach: int = 0) -> None:
        """Metadata about a place were written past `set`: save them, and look at them again."""
        for i in range((x - reach) // CHUNK, (x + reach) // CHUNK + 1):
            for k in range((z - reach) // CHUNK, (z + reach) // CHUNK + 1):
                if self.loaded(i * CHUNK, k * CHUNK):
                    self.changed.add((i, k))
        self.version += 1

    def sky(self, x: int, y: int, z: int) -> int:
        """Sky light at noon, 0..15; 15 above the world and where nothing is loaded."""
        return int(self.light[x & MASK, y, z & MASK]) >> 4 if 0 <= y < HEIGHT and self.loaded(x, z) else 15

    def glow(self, x: int, y: int, z: int) -> int:
        """Light from blocks, 0..15."""
        return int(self.light[x & MASK, y, z & MASK]) & 15 if 0 <= y < HEIGHT and self.loaded(x, z) else 0

    def biome_at(self, x: int, z: int) -> int:
        """The biome's id, 0 where nothing is loaded."""
        return int(self.biome[x & MASK, z & MASK]) if self.loaded(x, z) else 0

    # -- what is loaded ------------------------------------------------------------------------------------------------

    def follow(self, x: float, z: float) -> bool:
        """Load what comes near the place and leave what is far; True where something changed."""
        cx, cz = self.centre
        off_x, off_z = x - CHUNK * cx, z - CHUNK * cz
        if -SLACK <= off_x < CHUNK + SLACK and -SLACK <= off_z < CHUNK + SLACK:
            return False
        self.centre = int(x // CHUNK), int(z // CHUNK)
        old = set(self._around((cx, cz)))
        new = list(self._around(self.centre))
        for chunk in sorted(old - set(new)):
            self._leave(*chunk)
        self._load([chunk for chunk in new if chunk not in old])
        return True

    def around(self) -> list[tuple[int, int]]:
        """The chunks that are loaded."""
        return list(self._around(self.centre))

    @staticmethod
    def _around(centre: tuple[int, int]) -> Iterator[tuple[int, int]]:
        for cx in range(centre[0] - REACH, centre[0] + REACH + 1):
            for cz in range(centre[1] - REACH, centre[1] + REACH + 1):
                yield cx, cz

    def _place(self, cx: int, cz: int) -> tuple[slice, slice]:
        """The chunk's part of the rings; chunks never straddle a ring's end."""
        x, z = (CHUNK * cx) & MASK, (CHUNK * cz) & MASK
        return slice(x, x + CHUNK), slice(z, z + CHUNK)

    def _load(self, chunks: list[tuple[int, int]]) -> None:
        cx, cz = self.centre
        self._edges = (CHUNK * (cx - REACH), CHUNK * (cx + REACH + 1), CHUNK * (cz - REACH), CHUNK * (cz + REACH + 1))
        self.bounds[:] = self._edges
        for chunk in chunks:
            blocks, meta, biome = self._stored(chunk)
            xs, zs = self._place(*chunk)
            self.blocks[xs, :, zs], self.meta[xs, :, zs], self.biome[xs, zs] = blocks, meta, biome
            x, z = CHUNK * chunk[0], CHUNK * chunk[1]
            tops(self.blocks, self.top, BLOCKS.opaque, BLOCKS.liquid, x, x + CHUNK, z, z + CHUNK)
        for x0, x1, z0, z1 in _rectangles(chunks):
            light_region(self.blocks, self.meta, self.light, self.bounds,
                         CHUNK * x0, CHUNK * x1, CHUNK * z0, CHUNK * z1)
        self.version += 1
        if self.on_load:
            for chunk in chunks:
                self.on_load(*chunk)

    def _stored(self, chunk: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        packed = self.kept.get(chunk)
        if packed is None:
            return self.source.chunk(*chunk)
        data = np.frombuffer(zlib.decompress(packed), np.uint8)
        cells = CHUNK * HEIGHT * CHUNK
        shape = (CHUNK, HEIGHT, CHUNK)
        return (data[:cells].reshape(shape), data[cells : 2 * cells].reshape(shape),
                data[2 * cells :].reshape(CHUNK, CHUNK))

    def _leave(self, cx: int, cz: int) -> None:
        if self.on_unload:
            self.on_unload(cx, cz)
        if (cx, cz) in self.changed:
            self.kept[cx, cz] = self._packed(cx, cz)
            self.changed.discard((cx, cz))

    def _packed(self, cx: int, cz: int) -> bytes:
        xs, zs = self._place(cx, cz)
        parts = (self.blocks[xs, :, zs], self.meta[xs, :, zs], self.biome[xs, zs])
        return zlib.compress(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), 1)

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[tuple[int, int], bytes]:
        """Every chunk that is not as the terrain made it, packed; with `centre` and `contents` it is all there is."""
        return {**self.kept, **{chunk: self._packed(*chunk) for chunk in sorted(self.changed)}}

    def restore(self, kept: dict[tuple[int, int], bytes], centre: tuple[int, int]) -> None:
        """Go back to a state: load the chunks round the centre, of the kept ones where there are some."""
        self.kept, self.changed, self.centre = dict(kept), set(kept), centre
        around = list(self._around(centre))
        self.changed &= set(around)
        self._load(around)
        self.woken.clear()


def _rectangles(chunks: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """The chunks as few rectangles (x0, x1, z0, z1 in chunks, ends excluded), so that light is computed in few goes."""
    rows: dict[int, list[int]] = {}
    for cx, cz in chunks:
        rows.setdefault(cx, []).append(cz)
    runs: list[tuple[int, int, int, int]] = []
    for cx in sorted(rows):
        z0, z1 = min(rows[cx]), max(rows[cx]) + 1
        if len(rows[cx]) != z1 - z0:
            runs += [(cx, cx + 1, cz, cz + 1) for cz in sorted(rows[cx])]
        elif runs and runs[-1][1] == cx and runs[-1][2:] == (z0, z1):
            runs[-1] = (runs[-1][0], cx + 1, z0, z1)
        else:
            runs.append((cx, cx + 1, z0, z1))
    return runs
