"""Bodies and rays among blocks: sweeps with collisions, what a body is in, and what a line of sight meets; compiled.

Used by the player, mobs, drops and shots. Collision boxes are Minecraft 1.11's, but for the corners of stairs. What is
not loaded stops bodies; below y 0 and above y 127 is air.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.facts.blocks import CROSS

MASK, HEIGHT = 127, 128
TINY = 1e-7  # blocks; boxes that overlap by less only touch
OUTSIDE = BLOCKS.id("bedrock")

# Kinds of collision boxes.
NOTHING, PLAIN, DOOR, TRAPDOOR, GATE, SLAB, SNOW, STAIRS, FENCE, LADDER = range(10)
THIN = 0.1875  # thickness of doors, trapdoors and ladders
TALL = 1.5  # of fences, for bodies; one sees them 1 high
ENDINGS = {"_pane": FENCE, "iron_bars": FENCE, "cobblestone_wall": FENCE, "fence": FENCE, "fence_gate": GATE,
           "trapdoor": TRAPDOOR, "_door": DOOR, "_stairs": STAIRS, "ladder": LADDER, "snow_layer": SNOW}
ARMS = {"cobblestone_wall": 0.25, "iron_bars": 0.0625, "glass_pane": 0.0625, "stained_glass_pane": 0.0625}
FENCE_ARM = 0.125  # half the thickness of fences

# Faces of a block, as Minecraft numbers them.
DOWN, UP, NORTH, SOUTH, WEST, EAST = range(6)
FACES = np.array([[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1], [-1, 0, 0], [1, 0, 0]], np.int64)

# Bits of `inside`.
IN_WATER, IN_LAVA, ON_LADDER, IN_WEB, HEAD_IN_WATER, IN_FIRE, AT_CACTUS, IN_WALL, IN_SOUL_SAND, IN_PORTAL = (
    1 << bit for bit in range(10))
# Places in the flags that `move_box` fills.
GROUND, WALL, CEILING = range(3)


def _kind_of(name: str) -> int:
    """The kind of collision box of a block."""
    for ending, kind in ENDINGS.items():
        if name.endswith(ending):
            return kind
    if name in ("stone_slab", "wooden_slab", "stone_slab2", "purpur_slab"):
        return SLAB
    return PLAIN if BLOCKS.solid[BLOCKS.id(name)] else NOTHING


def _outline_of(name: str) -> tuple[float, float]:
    """Half-width and height of what one can point at in a block that stops no body; 0, 0: the eye goes through."""
    block = BLOCKS.id(name)
    if block == 0 or BLOCKS.liquid[block] or name in ("fire", "portal", "end_portal", "end_gateway"):
        return 0.0, 0.0
    if name in ("web", "double_plant", "reeds") or BLOCKS.shape[block] != CROSS:
        return max(float(BLOCKS.side[block]), 0.1), float(BLOCKS.top[block])
    return (0.2, 0.6) if "flower" in name or "mushroom" in name else (0.4, 0.8)


def _filled(values: list, kind: type) -> np.ndarray:
    return np.array(values + [0] * (256 - len(values)), kind)


KIND = _filled([_kind_of(name) for name in BLOCKS.names], np.uint8)
PARTS = np.where(KIND == FENCE, 3, np.where(KIND == STAIRS, 2, np.where(KIND == NOTHING, 0, 1))).astype(np.int64)
ARM = _filled([ARMS.get(name, FENCE_ARM) for name in BLOCKS.names], np.float64)
TALL_ARM = np.where((KIND == FENCE) & (ARM >= 0.125), TALL, 1.0)
SEEN_SIDE = _filled([_outline_of(name)[0] for name in BLOCKS.names], np.float64)
SEEN_TOP = _filled([_outline_of(name)[1] for name in BLOCKS.names], np.float64)
TOP, SIDE = np.array(BLOCKS.top, np.float64), np.array(BLOCKS.side, np.float64)
FULL, LIQUID, CLIMBABLE = np.array(BLOCKS.full), np.array(BLOCKS.liquid), np.array(BLOCKS.climbable)
SLIP = np.array(BLOCKS.slip, np.float64)
WATER, LAVA = 1, 2
FIRE, CACTUS, WEB = BLOCKS.id("fire"), BLOCKS.id("cactus"), BLOCKS.id("web")
SOUL_SAND, PORTAL = BLOCKS.id("soul_sand"), BLOCKS.id("portal")


@njit(cache=True)
def at(blocks, bounds, x, y, z):
    """The block's id; air above and below the world, something solid where nothing is loaded."""
    if y < 0 or y >= HEIGHT:
        return 0
    if x < bounds[0] or x >= bounds[1] or z < bounds[2] or z >= bounds[3]:
        return OUTSIDE
    return np.int64(blocks[x & MASK, y, z & MASK])


@njit(cache=True)
def meta_at(meta, x, y, z):
    """The block's metadata; 0 above and below the world."""
    if y < 0 or y >= HEIGHT:
        return 0
    return np.int64(meta[x & MASK, y, z & MASK])


@njit(cache=True)
def _joins(blocks, bounds, x, y, z):
    """Whether a fence reaches out to this neighbour."""
    near = at(blocks, bounds, x, y, z)
    return FULL[near] or KIND[near] == FENCE or KIND[near] == GATE


@njit(cache=True)
def _panel(side):
    """A thin plate at a side of its cell, as a box in the cell; `side` is a face that it lies against."""
    if side == NORTH:
        return 0.0, 0.0, 0.0, 1.0, 1.0, THIN
    if side == SOUTH:
        return 0.0, 0.0, 1.0 - THIN, 1.0, 1.0, 1.0
    if side == WEST:
        return 0.0, 0.0, 0.0, THIN, 1.0, 1.0
    return 1.0 - THIN, 0.0, 0.0, 1.0, 1.0, 1.0


@njit(cache=True)
def _door(blocks, meta, bounds, x, y, z, block, data):
    """A door's plate; facing and openness are kept in its lower half, the hinge in the upper one."""
    low, high = data, np.int64(0)
    if data & 8:
        high = data
        low = meta_at(meta, x, y - 1, z) if at(blocks, bounds, x, y - 1, z) == block else 0
    elif at(blocks, bounds, x, y + 1, z) == block:
        high = meta_at(meta, x, y + 1, z)
    turn = low & 3  # facing east, south, west, north; a closed door lies at its back
    if low & 4:
        turn = (turn + (3 if high & 1 else 1)) & 3
    return _panel(WEST if turn == 0 else NORTH if turn == 1 else EAST if turn == 2 else SOUTH)


@njit(cache=True)
def _trapdoor(data):
    if data & 4:
        facing = data & 3  # hinged at the opposite side
        return _panel(SOUTH if facing == 0 else NORTH if facing == 1 else EAST if facing == 2 else WEST)
    if data & 8:
        return 0.0, 1.0 - THIN, 0.0, 1.0, 1.0, 1.0
    return 0.0, 0.0, 0.0, 1.0, THIN, 1.0


@njit(cache=True)
def _stair(data, part):
    """Lower (or, upside down, upper) half, and a quarter on the side it rises to."""
    turned = (data & 4) != 0
    if part == 0:
        return (0.0, 0.5, 0.0, 1.0, 1.0, 1.0) if turned else (0.0, 0.0, 0.0, 1.0, 0.5, 1.0)
    low = 0.0 if turned else 0.5
    facing = data & 3  # rises to the east, west, south, north
    if facing == 0:
        return 0.5, low, 0.0, 1.0, low + 0.5, 1.0
    if facing == 1:
        return 0.0, low, 0.0, 0.5, low + 0.5, 1.0
    if facing == 2:
        return 0.0, low, 0.5, 1.0, low + 0.5, 1.0
    return 0.0, low, 0.0, 1.0, low + 0.5, 0.5


@njit(cache=True)
def _fence(blocks, bounds, x, y, z, block, part):
    """The post, the arms along x, the arms along z."""
    low, high, top = 0.5 - ARM[block], 0.5 + ARM[block], TALL_ARM[block]
    if part == 0:
        return low, 0.0, low, high, top, high
    if part == 1:
        start = 0.0 if _joins(blocks, bounds, x - 1, y, z) else low
        return start, 0.0, low, (1.0 if _joins(blocks, bounds, x + 1, y, z) else high), top, high
    start = 0.0 if _joins(blocks, bounds, x, y, z - 1) else low
    return low, 0.0, start, high, top, (1.0 if _joins(blocks, bounds, x, y, z + 1) else high)


@njit(cache=True)
def box_of(blocks, meta, bounds, x, y, z, block, part):
    """One of a block's collision boxes (there are `PARTS[block]`) in its cell: x0, y0, z0, x1, y1, z1.

    A box without height or width stops nothing.
    """
    kind = KIND[block]
    if kind == PLAIN:
        low, high = 0.5 - SIDE[block], 0.5 + SIDE[block]
        return low, 0.0, low, high, TOP[block], high
    data = meta_at(meta, x, y, z)
    if kind == SLAB:
        return (0.0, 0.5, 0.0, 1.0, 1.0, 1.0) if data & 8 else (0.0, 0.0, 0.0, 1.0, 0.5, 1.0)
    if kind == SNOW:
        return 0.0, 0.0, 0.0, 1.0, 0.125 * (data & 7), 1.0
    if kind == STAIRS:
        return _stair(data, part)
    if kind == FENCE:
        return _fence(blocks, bounds, x, y, z, block, part)
    if kind == DOOR:
        return _door(blocks, meta, bounds, x, y, z, block, data)
    if kind == TRAPDOOR:
        return _trapdoor(data)
    if kind == LADDER:
        return _panel(SOUTH if data == 2 else NORTH if data == 3 else EAST if data == 4 else WEST)
    if data & 4:  # an open gate
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if data & 1:
        return 0.375, 0.0, 0.0, 0.625, TALL, 1.0
    return 0.0, 0.0, 0.375, 1.0, TALL, 0.625


@njit(cache=True)
def _clip(blocks, meta, bounds, box, axis, way):
    """How much of a way along one axis a box (x0, y0, z0, x1, y1, z1) can go before it meets something."""
    if way == 0.0:
        return 0.0
    low0, low1, low2 = box[0] + min(way * (axis == 0), 0.0), box[1] + min(way * (axis == 1), 0.0), box[2] + min(
        way * (axis == 2), 0.0)
    top0, top1, top2 = box[3] + max(way * (axis == 0), 0.0), box[4] + max(way * (axis == 1), 0.0), box[5] + max(
        way * (axis == 2), 0.0)
    for y in range(np.int64(math.floor(low1 - 0.5 - TINY)), np.int64(math.floor(top1 + TINY)) + 1):
        for x in range(np.int64(math.floor(low0 - TINY)), np.int64(math.floor(top0 + TINY)) + 1):
            for z in range(np.int64(math.floor(low2 - TINY)), np.int64(math.floor(top2 + TINY)) + 1):
                block = at(blocks, bounds, x, y, z)
                for part in range(PARTS[block]):
                    x0, y0, z0, x1, y1, z1 = box_of(blocks, meta, bounds, x, y, z, block, part)
                    if x1 <= x0 or y1 <= y0 or z1 <= z0:
                        continue
                    x0, x1, y0, y1, z0, z1 = x0 + x, x1 + x, y0 + y, y1 + y, z0 + z, z1 + z
                    if axis != 0 and (box[3] <= x0 + TINY or box[0] >= x1 - TINY):
                        continue
                    if axis != 1 and (box[4] <= y0 + TINY or box[1] >= y1 - TINY):
                        continue
                    if axis != 2 and (box[5] <= z0 + TINY or box[2] >= z1 - TINY):
                        continue
                    start = x0 if axis == 0 else y0 if axis == 1 else z0
                    end = x1 if axis == 0 else y1 if axis == 1 else z1
                    if way > 0.0 and box[axis + 3] <= start + TINY:
                        way = min(way, max(start - box[axis + 3], 0.0))
                    elif way < 0.0 and box[axis] >= end - TINY:
                        way = max(way, min(end - box[axis], 0.0))
    return way


@njit(cache=True)
def _slide(blocks, meta, bounds, box, axis, way):
    """Clip a way along an axis and take it; how far the box came."""
    way = _clip(blocks, meta, bounds, box, axis, way)
    box[axis] += way
    box[axis + 3] += way
    return way


@njit(cache=True)
def fill_box(box, pos, width, height):
    """Write a body's box (6,) for a place of its feet."""
    half = width / 2
    box[0], box[1], box[2] = pos[0] - half, pos[1], pos[2] - half
    box[3], box[4], box[5] = pos[0] + half, pos[1] + height, pos[2] + half


@njit(cache=True)
def loaded(bounds, x, z):
    """Whether a place lies in the loaded part."""
    return bounds[0] <= x < bounds[1] and bounds[2] <= z < bounds[3]


@njit(cache=True)
def move_box(blocks, meta, bounds, pos, vel, width, height, step, flags):
    """Move a body by its speed for one tick; it stops at what it meets, and steps up onto low things.

    Args:
        blocks, meta: the grid's rings.
        bounds: (4,) int64, the loaded part. A body outside it does not move.
        pos: (3,) float64, of the feet; moved.
        vel: (3,) float64, blocks a tick; set to 0 along an axis on which something was met.
        width, height: of the body's box, in blocks.
        step: height it steps up without a jump, from the ground.
        flags: (3,) or longer, integers: whether it stands on the ground, met a wall, met something above.
    """
    flags[GROUND] = flags[WALL] = 0
    if flags.size > CEILING:
        flags[CEILING] = 0
    if not loaded(bounds, pos[0], pos[2]):
        vel[0] = vel[1] = vel[2] = 0.0
        return
    box = np.empty(6)
    fill_box(box, pos, width, height)
    dy = _slide(blocks, meta, bounds, box, 1, vel[1])
    dx = _slide(blocks, meta, bounds, box, 0, vel[0])
    dz = _slide(blocks, meta, bounds, box, 2, vel[2])
    grounded = vel[1] < 0.0 and dy != vel[1]
    if step > 0.0 and grounded and (dx != vel[0] or dz != vel[2]):
        up = np.empty(6)
        fill_box(up, pos, width, height)
        rise = _slide(blocks, meta, bounds, up, 1, step)
        up_x = _slide(blocks, meta, bounds, up, 0, vel[0])
        up_z = _slide(blocks, meta, bounds, up, 2, vel[2])
        fall = _slide(blocks, meta, bounds, up, 1, -rise + min(dy, 0.0))
        if up_x * up_x + up_z * up_z > dx * dx + dz * dz + TINY:
            dx, dy, dz = up_x, rise + fall, up_z
    flags[GROUND] = grounded
    flags[WALL] = dx != vel[0] or dz != vel[2]
    if flags.size > CEILING:
        flags[CEILING] = vel[1] > 0.0 and dy != vel[1]
    if dx != vel[0]:
        vel[0] = 0.0
    if dz != vel[2]:
        vel[2] = 0.0
    if grounded or dy != vel[1]:
        vel[1] = 0.0
    pos[0] += dx
    pos[1] += dy
    pos[2] += dz


@njit(cache=True)
def overlaps(blocks, meta, bounds, pos, width, height, depth):
    """Whether a body's box lies in a collision box by more than `depth`, in blocks, on every axis."""
    half = width / 2 - depth
    x_low, x_top, z_low, z_top = pos[0] - half, pos[0] + half, pos[2] - half, pos[2] + half
    y_low, y_top = pos[1] + depth, pos[1] + height - depth
    for y in range(np.int64(math.floor(y_low - 0.5)), np.int64(math.floor(y_top)) + 1):
        for x in range(np.int64(math.floor(x_low)), np.int64(math.floor(x_top)) + 1):
            for z in range(np.int64(math.floor(z_low)), np.int64(math.floor(z_top)) + 1):
                block = at(blocks, bounds, x, y, z)
                for part in range(PARTS[block]):
                    x0, y0, z0, x1, y1, z1 = box_of(blocks, meta, bounds, x, y, z, block, part)
                    if (x1 > x0 and y1 > y0 and z1 > z0 and x_low < x + x1 and x_top > x + x0
                            and y_low < y + y1 and y_top > y + y0 and z_low < z + z1 and z_top > z + z0):
                        return True
    return False


@njit(cache=True)
def surface(data):
    """How high a liquid stands in its cell, by its metadata: 1 minus ninths."""
    return 1.0 - (0 if data >= 8 else data) / 9.0


@njit(cache=True)
def inside(blocks, meta, bounds, pos, width, height, eye):
    """What a body is in, as bits: IN_WATER, IN_LAVA, ON_LADDER, IN_WEB, HEAD_IN_WATER, IN_FIRE, AT_CACTUS, IN_WALL
    (the head is in a full block), IN_SOUL_SAND, IN_PORTAL. `eye` is the height of the eyes over the feet."""
    found = 0
    half = width / 2 - 0.001
    x0, x1 = np.int64(math.floor(pos[0] - half)), np.int64(math.floor(pos[0] + half))
    z0, z1 = np.int64(math.floor(pos[2] - half)), np.int64(math.floor(pos[2] + half))
    y0, y1 = np.int64(math.floor(pos[1] + 0.001)), np.int64(math.floor(pos[1] + height - 0.001))
    # Liquids count from 0.4 above the feet to 0.4 below the top; low bodies by their middle.
    margin = min(0.4, height / 2)
    wet0, wet1 = np.int64(math.floor(pos[1] + margin)), np.int64(math.floor(pos[1] + height - margin))
    for x in range(x0, x1 + 1):
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                block = at(blocks, bounds, x, y, z)
                liquid = LIQUID[block]
                if liquid > 0 and wet0 <= y <= wet1:
                    found |= IN_WATER if liquid == WATER else IN_LAVA
                elif block == WEB:
                    found |= IN_WEB
                elif block == FIRE:
                    found |= IN_FIRE
                elif block == SOUL_SAND:
                    found |= IN_SOUL_SAND
                elif block == PORTAL:
                    found |= IN_PORTAL
    if _touches(blocks, bounds, pos, width, height, CACTUS):
        found |= AT_CACTUS
    x, z = np.int64(math.floor(pos[0])), np.int64(math.floor(pos[2]))
    if CLIMBABLE[at(blocks, bounds, x, np.int64(math.floor(pos[1])), z)]:
        found |= ON_LADDER
    y = np.int64(math.floor(pos[1] + eye))
    head = at(blocks, bounds, x, y, z)
    if LIQUID[head] == WATER and pos[1] + eye < y + surface(meta_at(meta, x, y, z)):
        found |= HEAD_IN_WATER
    if FULL[head] and loaded(bounds, x, z):
        found |= IN_WALL
    return found


@njit(cache=True)
def _touches(blocks, bounds, pos, width, height, block):
    """Whether a body is in a cell of this block, or up against its box, which is a little smaller than the cell."""
    half = width / 2 - 0.001
    for x in range(np.int64(math.floor(pos[0] - half)), np.int64(math.floor(pos[0] + half)) + 1):
        for z in range(np.int64(math.floor(pos[2] - half)), np.int64(math.floor(pos[2] + half)) + 1):
            for y in range(np.int64(math.floor(pos[1] - 0.001)), np.int64(math.floor(pos[1] + height)) + 1):
                if at(blocks, bounds, x, y, z) == block:
                    return True
    return False


@njit(cache=True)
def flow(blocks, meta, bounds, x, y, z, liquid):
    """(x, z) of length 1 or 0: where the liquid in a cell pushes."""
    here = meta_at(meta, x, y, z)
    level = 0 if here >= 8 else here
    push_x, push_z = 0.0, 0.0
    for face in range(2, 6):
        nx, nz = x + FACES[face, 0], z + FACES[face, 2]
        near = at(blocks, bounds, nx, y, nz)
        drop = 0
        if LIQUID[near] == liquid:
            data = meta_at(meta, nx, y, nz)
            drop = (0 if data >= 8 else data) - level
        elif PARTS[near] == 0 and LIQUID[at(blocks, bounds, nx, y - 1, nz)] == liquid:
            data = meta_at(meta, nx, y - 1, nz)
            drop = (0 if data >= 8 else data) - level + 8
        push_x += FACES[face, 0] * drop
        push_z += FACES[face, 2] * drop
    size = math.sqrt(push_x * push_x + push_z * push_z)
    return (push_x / size, push_z / size) if size > 0.0 else (0.0, 0.0)


@njit(cache=True)
def _enters(eye, way, x0, y0, z0, x1, y1, z1):
    """Where a ray enters a box, and by which face: distance (-1: not at all), face."""
    near, far, face = -1e18, 1e18, UP
    for axis in range(3):
        low = x0 if axis == 0 else y0 if axis == 1 else z0
        top = x1 if axis == 0 else y1 if axis == 1 else z1
        if way[axis] == 0.0:
            if eye[axis] < low or eye[axis] > top:
                return -1.0, face
            continue
        first, last = (low - eye[axis]) / way[axis], (top - eye[axis]) / way[axis]
        side = 0 if way[axis] > 0.0 else 1
        if first > last:
            first, last = last, first
        if first > near:
            near = first
            face = (WEST if axis == 0 else DOWN if axis == 1 else NORTH) + side
        far = min(far, last)
    if near > far or far < 0.0:
        return -1.0, face
    return max(near, 0.0), face


@njit(cache=True)
def _meets(blocks, meta, bounds, x, y, z, block, eye, way, liquids):
    """Where a ray meets what one can point at in a cell: distance (-1: not at all), face."""
    best, face = -1.0, UP
    if LIQUID[block] > 0:
        if liquids and meta_at(meta, x, y, z) == 0:
            return _enters(eye, way, x, y, z, x + 1.0, y + 0.89, z + 1.0)
        return best, face
    if PARTS[block] == 0 or KIND[block] == SNOW:
        side, top = SEEN_SIDE[block], SEEN_TOP[block]
        if KIND[block] == SNOW:
            side, top = 0.5, 0.125 * ((meta_at(meta, x, y, z) & 7) + 1)
        if side == 0.0:
            return best, face
        return _enters(eye, way, x + 0.5 - side, y, z + 0.5 - side, x + 0.5 + side, y + top, z + 0.5 + side)
    if KIND[block] == GATE:
        return _enters(eye, way, x, y, z, x + 1.0, y + 1.0, z + 1.0)
    for part in range(PARTS[block]):
        x0, y0, z0, x1, y1, z1 = box_of(blocks, meta, bounds, x, y, z, block, part)
        far, side_met = _enters(eye, way, x + x0, y + y0, z + z0, x + x1, y + min(y1, 1.0), z + z1)
        if far >= 0.0 and (best < 0.0 or far < best):
            best, face = far, side_met
    return best, face


@njit(cache=True)
def cast(blocks, meta, bounds, eye, way, reach, liquids):
    """As `ray`; with `liquids`, still liquids (sources) stop it too."""
    x, y, z = np.int64(math.floor(eye[0])), np.int64(math.floor(eye[1])), np.int64(math.floor(eye[2]))
    step_x, step_y, step_z = np.int64(np.sign(way[0])), np.int64(np.sign(way[1])), np.int64(np.sign(way[2]))
    gap_x = abs(1.0 / way[0]) if way[0] != 0.0 else 1e18
    gap_y = abs(1.0 / way[1]) if way[1] != 0.0 else 1e18
    gap_z = abs(1.0 / way[2]) if way[2] != 0.0 else 1e18
    at_x = (x + (step_x > 0) - eye[0]) / way[0] if way[0] != 0.0 else 1e18
    at_y = (y + (step_y > 0) - eye[1]) / way[1] if way[1] != 0.0 else 1e18
    at_z = (z + (step_z > 0) - eye[2]) / way[2] if way[2] != 0.0 else 1e18
    while loaded(bounds, x, z):
        block = at(blocks, bounds, x, y, z)
        if block != 0:
            far, face = _meets(blocks, meta, bounds, x, y, z, block, eye, way, liquids)
            if 0.0 <= far <= reach:
                return True, x, y, z, face, far
        nearest = min(at_x, at_y, at_z)
        if nearest > reach:
            break
        if at_x == nearest:
            x, at_x = x + step_x, at_x + gap_x
        elif at_y == nearest:
            y, at_y = y + step_y, at_y + gap_y
        else:
            z, at_z = z + step_z, at_z + gap_z
    return False, x, y, z, UP, reach


@njit(cache=True)
def ray(blocks, meta, bounds, eye, way, reach):
    """What a line of sight meets first.

    Args:
        blocks, meta, bounds: the grid's.
        eye: (3,) float64, from where.
        way: (3,) float64 of length 1.
        reach: float64, blocks.

    Returns:
        hit, x, y, z, face, distance: whether a block is met, which, by which face (0 down, 1 up, 2 north, 3 south,
        4 west, 5 east), and how far it is. Liquids are looked through. Nothing met: hit False, distance `reach`.
    """
    return cast(blocks, meta, bounds, eye, way, reach, False)
