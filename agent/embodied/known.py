"""What the agent knows of the blocks around it: a map that grows by every observation and forgets what is far.

A ring of 128 x 128 x 128 blocks; each chunk of 16 x 16 columns belongs to one place of the world at a time, and is
forgotten when another place needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numba import njit

SIDE = 128
MASK = SIDE - 1
HEIGHT = 128
CHUNK = 16
CHUNKS = SIDE // CHUNK
Place = Sequence[float] | np.ndarray  # x, y, z
UNKNOWN = 255  # no block has this id


@njit(cache=True)
def owned(owners, x, z):
    """Whether the ring's column holds this very place."""
    i, k = (x >> 4) & 7, (z >> 4) & 7
    return owners[i, k, 0] == x >> 4 and owners[i, k, 1] == z >> 4


@njit(cache=True)
def read(blocks, owners, x, y, z):
    """A block's id, UNKNOWN where nothing was ever seen; air above the world, UNKNOWN below it."""
    if y >= HEIGHT:
        return 0
    if y < 0 or not owned(owners, x, z):
        return UNKNOWN
    return blocks[x & MASK, y, z & MASK]


@njit(cache=True)
def write(blocks, owners, x0, y0, z0, seen):
    """Put a box of ids (nx, ny, nz) at its place; ids of UNKNOWN change nothing."""
    nx, ny, nz = seen.shape
    for i in range(nx):
        for k in range(nz):
            x, z = x0 + i, z0 + k
            if not owned(owners, x, z):
                a, b = (x >> 4) & 7, (z >> 4) & 7
                blocks[16 * a : 16 * a + 16, :, 16 * b : 16 * b + 16] = UNKNOWN
                owners[a, b, 0], owners[a, b, 1] = x >> 4, z >> 4
            for j in range(ny):
                y = y0 + j
                if 0 <= y < HEIGHT and seen[i, j, k] != UNKNOWN:
                    blocks[x & MASK, y, z & MASK] = seen[i, j, k]


@njit(cache=True)
def matching(blocks, owners, wanted, x0, x1, y0, y1, z0, z1, found):
    """Positions in a box whose block is wanted (256 flags), into `found` (n, 3); how many there are room for."""
    count = 0
    for x in range(x0, x1):
        for z in range(z0, z1):
            if not owned(owners, x, z):
                continue
            for y in range(max(y0, 0), min(y1, HEIGHT)):
                if wanted[blocks[x & MASK, y, z & MASK]] and count < len(found):
                    found[count, 0], found[count, 1], found[count, 2] = x, y, z
                    count += 1
    return count


@njit(cache=True)
def nearest_of_each(blocks, owners, wanted, px, py, pz, reach, best, places):
    """For every wanted block id (256 flags) the nearest place within reach: squared gaps (256,), places (256, 3)."""
    x0, z0 = math.floor(px), math.floor(pz)
    for x in range(x0 - reach, x0 + reach + 1):
        for z in range(z0 - reach, z0 + reach + 1):
            if not owned(owners, x, z):
                continue
            flat = (x + 0.5 - px) ** 2 + (z + 0.5 - pz) ** 2
            for y in range(HEIGHT):
                block = blocks[x & MASK, y, z & MASK]
                if wanted[block]:
                    gap = flat + (y + 0.5 - py) ** 2
                    if gap < best[block]:
                        best[block] = gap
                        places[block, 0], places[block, 1], places[block, 2] = x, y, z


class KnownMap:
    """The map.

    Attributes:
        blocks: (128, 128, 128) uint8 ring of block ids, UNKNOWN where nothing was seen.
        owners: (8, 8, 2) int64: which chunk of the world each chunk of the ring holds.
    """

    def __init__(self) -> None:
        self.blocks = np.full((SIDE, HEIGHT, SIDE), UNKNOWN, np.uint8)
        self.owners = np.full((CHUNKS, CHUNKS, 2), np.iinfo(np.int32).min, np.int64)

    def see(self, corner: Sequence[int], ids: np.ndarray) -> None:
        """Take in a box of blocks.

        Args:
            corner: x, y, z of its lowest corner.
            ids: (nx, ny, nz) uint8.
        """
        x, y, z = (int(v) for v in corner)
        write(self.blocks, self.owners, x, y, z, np.ascontiguousarray(ids, np.uint8))

    def at(self, x: int, y: int, z: int) -> int:
        """The block's id, or UNKNOWN."""
        return int(read(self.blocks, self.owners, x, y, z))

    def put(self, x: int, y: int, z: int, block: int) -> None:
        """One block is known to be there."""
        self.see((x, y, z), np.full((1, 1, 1), block, np.uint8))

    def find(self, wanted: np.ndarray, around: Place, reach: int = 48, height: tuple[int, int] = (0, HEIGHT),
             most: int = 512) -> list[tuple[int, int, int]]:
        """Known places of blocks, nearest first.

        Args:
            wanted: (256,) bool by block id.
            around: x, y, z.
            reach: horizontally, in blocks.
            height: lowest y and the one after the highest.
        """
        x, _y, z = (int(np.floor(v)) for v in around)
        found = np.empty((1 << 14, 3), np.int64)
        count = matching(self.blocks, self.owners, wanted, x - reach, x + reach + 1, height[0], height[1],
                         z - reach, z + reach + 1, found)
        places = found[:count]
        gaps = ((places + 0.5 - np.asarray(around, float)) ** 2).sum(1)
        return [tuple(int(v) for v in places[i]) for i in np.argsort(gaps, kind="stable")[:most]]  # type: ignore[misc]

    def nearest(self, wanted: np.ndarray, around: Place, reach: int = 48) -> list[tuple[int, int, int, int]]:
        """(block id, x, y, z) of the nearest known place of each wanted block (256 flags), within `reach` sideways."""
        best, places = np.full(256, np.inf), np.zeros((256, 3), np.int64)
        px, py, pz = (float(v) for v in around)
        flags = wanted.copy()
        flags[UNKNOWN] = False
        nearest_of_each(self.blocks, self.owners, flags, px, py, pz, reach, best, places)
        found = np.flatnonzero(best < np.inf)
        return [(int(block), *(int(v) for v in places[block])) for block in found]  # type: ignore[misc]

    def forget(self, middle: Sequence[float], reach: int) -> None:
        """Nothing is known any more of the blocks within reach, in every direction."""
        x0, y0, z0 = (int(v) for v in middle)
        for x in range(x0 - reach, x0 + reach + 1):
            for z in range(z0 - reach, z0 + reach + 1):
                if owned(self.owners, x, z):
                    self.blocks[x & MASK, max(0, y0 - reach) : max(0, y0 + reach + 1), z & MASK] = UNKNOWN

    def clear(self) -> None:
        """Nothing is known any more."""
        self.blocks[:], self.owners[:] = UNKNOWN, np.iinfo(np.int32).min

    def state(self) -> dict[str, np.ndarray]:
        """To be saved."""
        return {"blocks": self.blocks, "owners": self.owners}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from `state()`."""
        self.blocks[:], self.owners[:] = state["blocks"], state["owners"]

    def chunks(self) -> Iterator[tuple[int, int]]:
        """The chunks of which anything is known."""
        for cx, cz in self.owners.reshape(-1, 2):
            if cx != np.iinfo(np.int32).min:
                yield int(cx), int(cz)
