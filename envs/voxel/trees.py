"""Trees and huge mushrooms: which blocks each kind has, and the woods of a chunk.

One compiled function draws a tree into a list of blocks; the terrain and growing saplings both use it. Every kind
keeps within `REACH` blocks of its foot, and its leaves within the four blocks of a log that keep them alive.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.biomes import IDS, ROWS, column
from veclink.envs.voxel.chance import below, hashed, uniform

KINDS = ("oak", "big_oak", "birch", "tall_birch", "spruce", "pine", "mega_spruce", "mega_pine", "jungle",
         "mega_jungle", "bush", "acacia", "dark_oak", "swamp_oak", "red_mushroom", "brown_mushroom")
(OAK, BIG_OAK, BIRCH, TALL_BIRCH, SPRUCE, PINE, MEGA_SPRUCE, MEGA_PINE, JUNGLE, MEGA_JUNGLE, BUSH, ACACIA, DARK_OAK,
 SWAMP_OAK, RED_MUSHROOM, BROWN_MUSHROOM) = range(16)
REACH = 8  # blocks to the side that no tree leaves
ROOM = 6000  # blocks a tree has at most
ALIVE = 4  # steps from a log within which leaves stay
MOST = 50  # trees a chunk is tried for
SALT = 7500

_ID = BLOCKS.id
LOG, LOG2, LEAVES, LEAVES2 = (np.uint8(_ID(name)) for name in ("log", "log2", "leaves", "leaves2"))
VINE, COCOA, DIRT, GRASS = (np.uint8(_ID(name)) for name in ("vine", "cocoa", "dirt", "grass"))
MYCELIUM, AIR, SNOW = (np.uint8(_ID(name)) for name in ("mycelium", "air", "snow_layer"))
RED_CAP, BROWN_CAP = np.uint8(_ID("red_mushroom_block")), np.uint8(_ID("brown_mushroom_block"))
TRUNK = np.zeros(256, np.bool_)  # blocks that push leaves aside
for _name in ("log", "log2", "red_mushroom_block", "brown_mushroom_block"):
    TRUNK[_ID(_name)] = True
YIELDS = np.zeros(256, np.bool_)  # blocks that a trunk may take the place of
for _name in ("air", "leaves", "leaves2", "vine", "tallgrass", "sapling", "snow_layer", "deadbush", "double_plant",
              "yellow_flower", "red_flower", "brown_mushroom", "red_mushroom", "cocoa"):
    YIELDS[_ID(_name)] = True
# log, its metadata, leaves, their metadata
WOOD = np.array([(LOG, 0, LEAVES, 0), (LOG, 0, LEAVES, 0), (LOG, 2, LEAVES, 2), (LOG, 2, LEAVES, 2),
                 (LOG, 1, LEAVES, 1), (LOG, 1, LEAVES, 1), (LOG, 1, LEAVES, 1), (LOG, 1, LEAVES, 1),
                 (LOG, 3, LEAVES, 3), (LOG, 3, LEAVES, 3), (LOG, 3, LEAVES, 0), (LOG2, 0, LEAVES2, 0),
                 (LOG2, 1, LEAVES2, 1), (LOG, 0, LEAVES, 0), (RED_CAP, 10, RED_CAP, 14),
                 (BROWN_CAP, 10, BROWN_CAP, 14)],
                np.int64)
WIDE = np.array([kind in (MEGA_SPRUCE, MEGA_PINE, MEGA_JUNGLE, DARK_OAK) for kind in range(16)])  # trunks of 2 x 2


@njit(cache=True)
def _put(out, n, x, y, z, block, variant):
    if n < out.shape[0] and abs(x) <= REACH and abs(z) <= REACH:
        out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = x, y, z, block, variant
        return n + 1
    return n


@njit(cache=True)
def _trunk(out, n, wood, height, wide):
    """A straight trunk, of one column or of 2 x 2."""
    for y in range(height):
        for x in range(2 if wide else 1):
            for z in range(2 if wide else 1):
                n = _put(out, n, x, y, z, wood[0], wood[1])
    return n


@njit(cache=True)
def _square(out, n, wood, state, x0, y, z0, radius, corners, wide):
    """A layer of leaves without its corners; `corners` is the chance of each corner to be there all the same."""
    more = 1 if wide else 0
    for x in range(-radius, radius + 1 + more):
        for z in range(-radius, radius + 1 + more):
            at_corner = (x == -radius or x == radius + more) and (z == -radius or z == radius + more)
            if at_corner and radius > 0 and uniform(state) >= corners:
                continue
            n = _put(out, n, x0 + x, y, z0 + z, wood[2], wood[3])
    return n


@njit(cache=True)
def _disc(out, n, wood, x0, y, z0, radius, wide):
    """A round layer of leaves about a trunk of one column or of 2 x 2."""
    more = 1 if wide else 0
    for x in range(-radius, radius + 1 + more):
        for z in range(-radius, radius + 1 + more):
            dx, dz = max(-x, x - more, 0), max(-z, z - more, 0)
            if dx * dx + dz * dz <= radius * radius + (0 if radius < 2 else 1) and dx + dz <= ALIVE:
                n = _put(out, n, x0 + x, y, z0 + z, wood[2], wood[3])
    return n


@njit(cache=True)
def _branch(out, n, wood, x0, y0, z0, x1, y1, z1):
    """A row of logs from one place to another, lying along its longer side."""
    steps = max(abs(x1 - x0), abs(y1 - y0), abs(z1 - z0), 1)
    axis = 0
    if max(abs(x1 - x0), abs(z1 - z0)) > 0:
        axis = 4 if abs(x1 - x0) >= abs(z1 - z0) else 8
    for s in range(1, steps + 1):
        t = s / steps
        n = _put(out, n, x0 + round((x1 - x0) * t), y0 + round((y1 - y0) * t),
                 z0 + round((z1 - z0) * t), wood[0], wood[1] | axis)
    return n


@njit(cache=True)
def _round_crown(out, n, wood, state, height, radius):
    """The crown of oak, birch, jungle and swamp trees: four layers, the lower two wider."""
    for layer in range(4):
        y = height - 3 + layer
        n = _square(out, n, wood, state, 0, y, 0, radius if layer < 2 else radius - 1,
                    0.0 if layer == 3 else 0.5, False)
    return n


@njit(cache=True)
def _hang(out, n, state, height, radius, share):
    """Vines down the outside of a crown that reaches `radius` blocks, and along the trunk."""
    for side in range(4):
        dx, dz = (1, 0, -1, 0)[side], (0, 1, 0, -1)[side]
        hold = (2, 4, 8, 1)[side]  # the vine clings to what lies towards the trunk: west, north, east, south
        for across in range(-radius + 1, radius):
            if uniform(state) < share:
                for y in range(height - 2, max(-1, height - 3 - below(state, 4)), -1):
                    n = _put(out, n, dx * (radius + 1) + across * abs(dz), y, dz * (radius + 1) + across * abs(dx),
                             VINE, hold)
        for y in range(1, height - 3):
            if uniform(state) < share * 0.5:
                n = _put(out, n, dx, y, dz, VINE, hold)
    return n


@njit(cache=True)
def _cone(out, n, wood, state, height, bare, widest, wide):
    """The crown of spruces: discs that widen downwards, again and again."""
    radius, limit, again = below(state, 2), 1, 0
    for y in range(height, bare - 1, -1):
        n = _disc(out, n, wood, 0, y, 0, radius, wide)
        if radius >= limit:
            radius, again = again, 1
            limit = min(limit + 1, widest)
        else:
            radius += 1
    return n


@njit(cache=True)
def _big_oak(out, n, wood, state):
    """A tall oak whose branches each carry a ball of leaves."""
    height = 8 + below(state, 6)
    n = _trunk(out, n, wood, height - 1, False)
    balls = 3 + below(state, 4)
    for ball in range(balls + 1):
        x, y, z = 0, height - 2, 0
        if ball > 0:
            angle, length = uniform(state) * 2 * math.pi, 2.0 + uniform(state) * 2.9
            x, z = round(math.cos(angle) * length), round(math.sin(angle) * length)
            y = 4 + below(state, height - 6)
            n = _branch(out, n, wood, 0, max(2, y - int(length * 0.5)), 0, x, y, z)
        for layer in range(-1, 3):
            n = _disc(out, n, wood, x, y + layer, z, 1 if layer == -1 or layer == 2 else 2, False)
    return n


@njit(cache=True)
def _mega_jungle(out, n, wood, state):
    """A 2 x 2 trunk with a broad crown, short branches below, and vines."""
    height = 16 + below(state, 12)
    n = _trunk(out, n, wood, height, True)
    for x in (-3, 4):
        for z in (-3, 4):
            n = _branch(out, n, wood, 0 if x < 0 else 1, height - 3, 0 if z < 0 else 1, x, height - 1, z)
            n = _disc(out, n, wood, x, height - 1, z, 3, False)
            n = _disc(out, n, wood, x, height, z, 2, False)
    for layer in range(2):
        n = _disc(out, n, wood, 0, height - 1 + layer, 0, 4 - layer, True)
    y = height - 4 - below(state, 4)
    while y > height // 2:
        angle = uniform(state) * 2 * math.pi
        x, z = round(math.cos(angle) * 3.5), round(math.sin(angle) * 3.5)
        n = _branch(out, n, wood, 0, y - 2, 0, x, y, z)
        n = _disc(out, n, wood, x, y, z, 2, False)
        n = _disc(out, n, wood, x, y + 1, z, 1, False)
        y -= 2 + below(state, 4)
    for y in range(1, height - 2):
        for side in range(4):
            if uniform(state) < 0.3:
                x = (2, below(state, 2), -1, below(state, 2))[side]
                z = (below(state, 2), 2, below(state, 2), -1)[side]
                n = _put(out, n, x, y, z, VINE, (2, 4, 8, 1)[side])
    return n


@njit(cache=True)
def _acacia(out, n, wood, state):
    """A leaning trunk with a flat crown, and mostly a second one on a branch."""
    height, bend = 5 + below(state, 3) + below(state, 3), 1 + below(state, 3)
    turn = below(state, 4)
    dx, dz = (1, 0, -1, 0)[turn], (0, 1, 0, -1)[turn]
    x = z = 0
    for y in range(height):
        if y >= height - 1 - bend and y < height - 1:
            x, z = x + dx, z + dz
        n = _put(out, n, x, y, z, wood[0], wood[1])
    n = _disc(out, n, wood, x, height - 1, z, 3, False)
    n = _disc(out, n, wood, x, height, z, 2, False)
    other = below(state, 4)
    if other != turn:
        dx, dz = (1, 0, -1, 0)[other], (0, 1, 0, -1)[other]
        start, length = height - bend - 2 - below(state, 2), 1 + below(state, 3)
        if start > 0:
            for s in range(1, length + 1):
                n = _put(out, n, dx * s, start + s, dz * s, wood[0], wood[1])
            n = _square(out, n, wood, state, dx * length, start + length, dz * length, 2, 0.0, False)
            n = _disc(out, n, wood, dx * length, start + length + 1, dz * length, 1, False)
    return n


@njit(cache=True)
def _dark_oak(out, n, wood, state):
    """A short 2 x 2 trunk under a thick, flat crown."""
    height = 6 + below(state, 3) + below(state, 2)
    n = _trunk(out, n, wood, height, True)
    for x in range(-1, 3):
        for z in range(-1, 3):
            if (x < 0 or x > 1 or z < 0 or z > 1) and below(state, 3) == 0:
                for y in range(height - 1 - below(state, 3) - 2, height - 1):
                    n = _put(out, n, x, y, z, wood[0], wood[1])
    n = _disc(out, n, wood, 0, height - 2, 0, 3, True)
    n = _disc(out, n, wood, 0, height - 1, 0, 4, True)
    return _disc(out, n, wood, 0, height, 0, 2, True)


@njit(cache=True)
def _mushroom(out, n, wood, state, kind):
    """A huge mushroom: a stem with a flat brown cap, or a hollow red one."""
    height = 4 + below(state, 3)
    radius = 3 if kind == BROWN_MUSHROOM else 2
    for y in range(height if kind == BROWN_MUSHROOM else height - 3, height + 1):
        wall = kind == RED_MUSHROOM and y < height
        size = radius if kind == BROWN_MUSHROOM or wall else 1
        for x in range(-size, size + 1):
            for z in range(-size, size + 1):
                if abs(x) == size and abs(z) == size and (wall or kind == BROWN_MUSHROOM):
                    continue
                if wall and abs(x) < size and abs(z) < size:
                    continue
                n = _put(out, n, x, y, z, wood[2], _cap(x, z, size))
    return _trunk(out, n, wood, height, False)


@njit(cache=True)
def _cap(x, z, size):
    """The metadata of a cap's block: which of its faces have skin (1..9 in rows from north-west to south-east)."""
    column = 0 if x < 0 and x <= -size + 1 else 2 if x > 0 and x >= size - 1 else 1
    row = 0 if z < 0 and z <= -size + 1 else 2 if z > 0 and z >= size - 1 else 1
    return 1 + column + 3 * row


@njit(cache=True)
def _jungle(out, n, wood, state, kind):
    """A thin jungle tree with vines and cocoa."""
    height = 4 + below(state, 7)
    n = _trunk(out, n, wood, height, False)
    n = _round_crown(out, n, wood, state, height, 2)
    if kind == JUNGLE and height > 5 and below(state, 5) == 0:
        for side in range(4):
            if below(state, 2) == 0:
                facing = (1, 2, 3, 0)[side]  # of the log seen from the pod: west, north, east, south
                n = _put(out, n, (1, 0, -1, 0)[side], height - 5, (0, 1, 0, -1)[side], COCOA,
                         facing | (below(state, 3) << 2))
    return _hang(out, n, state, height, 2, 0.25)


@njit(cache=True)
def draw(kind, state, out):
    """Draw a tree that stands at (0, 0, 0).

    Args:
        kind: index in `KINDS`.
        state: (1,) uint64 of `chance.uniform`; advanced.
        out: (ROOM, 5) int64, written: x, y, z, block, metadata; trunks before what hangs on them.

    Returns:
        The number of blocks.
    """
    wood = WOOD[kind]
    if kind == BIG_OAK:
        return _big_oak(out, 0, wood, state)
    if kind == MEGA_JUNGLE:
        return _mega_jungle(out, 0, wood, state)
    if kind == ACACIA:
        return _acacia(out, 0, wood, state)
    if kind == DARK_OAK:
        return _dark_oak(out, 0, wood, state)
    if kind == JUNGLE:
        return _jungle(out, 0, wood, state, kind)
    if kind in (RED_MUSHROOM, BROWN_MUSHROOM):
        return _mushroom(out, 0, wood, state, kind)
    if kind == BUSH:
        n = _trunk(out, 0, wood, 1, False)
        n = _square(out, n, wood, state, 0, 0, 0, 2, 0.5, False)
        return _square(out, n, wood, state, 0, 1, 0, 1, 0.5, False)
    return _plain(out, kind, state, wood)


@njit(cache=True)
def _plain(out, kind, state, wood):
    """Oaks, birches and conifers."""
    if kind == SPRUCE:
        height = 6 + below(state, 4)
        n = _trunk(out, 0, wood, height, False)
        return _cone(out, n, wood, state, height, 1 + below(state, 2), 2 + below(state, 2), False)
    if kind == PINE:
        height = 7 + below(state, 5)
        n = _trunk(out, 0, wood, height, False)
        for layer in range(4):
            n = _disc(out, n, wood, 0, height - layer, 0, min(layer, 2) if layer < 3 else 1, False)
        return n
    if kind in (MEGA_SPRUCE, MEGA_PINE):
        height = 13 + below(state, 15)
        n = _trunk(out, 0, wood, height, True)
        crown = 13 + below(state, 5) if kind == MEGA_SPRUCE else 3 + below(state, 5)
        return _cone(out, n, wood, state, height, max(3, height - crown), 4, True)
    if kind == SWAMP_OAK:
        height = 5 + below(state, 4)
        n = _trunk(out, 0, wood, height, False)
        for layer in range(4):
            n = _disc(out, n, wood, 0, height - 3 + layer, 0, 3 if layer < 2 else 2, False)
        return _hang(out, n, state, height, 3, 0.25)
    height = (4 if kind == OAK else 5) + below(state, 3) + (below(state, 7) if kind == TALL_BIRCH else 0)
    n = _trunk(out, 0, wood, height, False)
    return _round_crown(out, n, wood, state, height, 2)


def plan(kind: str, x: int, y: int, z: int, hashed: float) -> list[tuple[int, int, int, int, int]]:
    """The blocks of a tree that grows at a place.

    Args:
        kind: among `KINDS`. The kinds with trunks of 2 x 2 stand on x..x+1, z..z+1.
        x, y, z: of the lowest log.
        hashed: a draw in [0, 1) from which all of its form follows.

    Returns:
        (x, y, z, block id, metadata) of every block, trunks first; later ones must not replace earlier ones. Leaves,
        vines and cocoa take the place of air only. Heights above the world are left out.
    """
    if kind not in KINDS:
        raise UnknownName.of("tree", kind, KINDS)
    out = np.empty((ROOM, 5), np.int64)
    state = np.array([int(hashed * 2**53)], np.uint64)
    n = draw(KINDS.index(kind), state, out)
    seen: set[tuple[int, int, int]] = set()
    blocks: list[tuple[int, int, int, int, int]] = []
    for dx, dy, dz, block, variant in out[:n].tolist():
        if (dx, dy, dz) not in seen and 0 <= y + dy < 128:
            seen.add((dx, dy, dz))
            blocks.append((x + dx, y + dy, z + dz, block, variant))
    return blocks


# -- the woods of a chunk ----------------------------------------------------------------------------------------------

TREES = column("trees", 0.0)
MIX = np.ones((256, len(KINDS)))  # cumulated shares
for _row in ROWS:
    _shares = np.array([_row.get("mix", {}).get(kind, 0.0) for kind in KINDS])
    if _shares.sum() > 0:
        MIX[_row["id"]] = np.cumsum(_shares / _shares.sum())
del _row, _shares
EXTRA = 0.1  # chance of one more tree where a biome has trees at all
MUSHROOM_LAND = np.zeros(256, np.bool_)
for _name in ("mushroom_island", "mushroom_island_shore"):
    MUSHROOM_LAND[IDS[_name]] = True


@njit(cache=True)
def _fits(number, draw_, biome, ground):
    """Whether the biome wants a tree of this number, and the ground bears one."""
    count = TREES[biome]
    more = draw_ < (EXTRA if count >= 1.0 else count)
    wanted = number < int(count) or (number == int(count) and more)
    return wanted and (ground in (GRASS, DIRT) or (ground == MYCELIUM and MUSHROOM_LAND[biome]))


@njit(cache=True)
def _write(blocks, meta, x, y, z, block, variant):
    """Put one block of a tree where it may stand."""
    old = blocks[x, y, z]
    if TRUNK[block]:
        if YIELDS[old]:
            blocks[x, y, z], meta[x, y, z] = block, variant
    elif old == AIR or (block != VINE and (old in (VINE, SNOW))):
        blocks[x, y, z], meta[x, y, z] = block, variant


@njit(cache=True)
def _tree(seed, blocks, meta, kind, x, y, z, i, k, out):
    """One tree at (x, y, z) of the world and (i, k) of the chunk, as far as it reaches into the chunk."""
    state = np.zeros(1, np.uint64)
    state[0] = np.uint64(hashed(seed, x, 2, z, SALT) * 9007199254740992.0)
    n = draw(kind, state, out)
    for b in range(n):
        bi, by, bk = i + out[b, 0], y + out[b, 1], k + out[b, 2]
        if 0 <= bi < 16 and 0 <= bk < 16 and 0 < by < 128:
            _write(blocks, meta, bi, by, bk, out[b, 3], out[b, 4])
    for di in range(2 if WIDE[kind] else 1):
        for dk in range(2 if WIDE[kind] else 1):
            if 0 <= i + di < 16 and 0 <= k + dk < 16:
                if blocks[i + di, y - 1, k + dk] == GRASS:
                    blocks[i + di, y - 1, k + dk] = DIRT
                elif blocks[i + di, y - 1, k + dk] == AIR:
                    blocks[i + di, y - 1, k + dk], meta[i + di, y - 1, k + dk] = WOOD[kind, 0], WOOD[kind, 1]


@njit(cache=True)
def _kind(biome, draw_):
    for kind in range(MIX.shape[1]):
        if draw_ < MIX[biome, kind]:
            return kind
    return 0


@njit(cache=True)
def _candidates(seed, cx, cz, biomes, grounds, spots, rank):
    """All places where trees want to stand in 3 x 3 chunks, in the order of chunks and numbers."""
    n = 0
    for dx in range(3):
        for dz in range(3):
            for number in range(MOST + 1):
                x, z = cx - 1 + dx, cz - 1 + dz
                i = 16 * dx + int(16 * hashed(seed, x, number, z, SALT + 1))
                k = 16 * dz + int(16 * hashed(seed, x, number, z, SALT + 2))
                draw_ = hashed(seed, x, number, z, SALT + 3)
                if _fits(number, draw_, biomes[i, k], grounds[i, k]):
                    spots[n, 0], spots[n, 1] = i, k
                    if rank[i, k] < 0:
                        rank[i, k] = n
                    n += 1
    return n


@njit(cache=True)
def _free(rank, number, i, k, apart):
    """Whether no earlier candidate stands too near."""
    for a in range(max(0, i - apart), min(48, i + apart + 1)):
        for b in range(max(0, k - apart), min(48, k + apart + 1)):
            if 0 <= rank[a, b] < number:
                return False
    return True


@njit(cache=True)
def woods(seed, cx, cz, biomes, heights, grounds, built, blocks, meta):
    """Plant a chunk's trees, and the parts of the neighbours' that reach into it.

    Args:
        biomes, heights, grounds: (48, 48) int64 of the bare chunks around, the chunk in the middle.
        built: (48, 48) bool: where no tree may stand.
        blocks, meta: (16, 128, 16) uint8 of the chunk, changed.
    """
    spots = np.empty((9 * (MOST + 1), 2), np.int64)
    rank = np.full((48, 48), -1, np.int64)
    out = np.empty((ROOM, 5), np.int64)
    n = _candidates(seed, cx, cz, biomes, grounds, spots, rank)
    for number in range(n):
        i, k = spots[number, 0], spots[number, 1]
        near = 16 - REACH <= i < 32 + REACH and 16 - REACH <= k < 32 + REACH
        if not near or built[i, k] or heights[i, k] > 112:
            continue
        x, z = cx * 16 + i - 16, cz * 16 + k - 16
        kind = _kind(biomes[i, k], hashed(seed, x, 3, z, SALT))
        if _free(rank, number, i, k, 3 if WIDE[kind] else 1):
            _tree(seed, blocks, meta, kind, x, heights[i, k] + 1, z, i - 16, k - 16, out)
