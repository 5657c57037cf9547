"""One ray through the world: what it meets. With shade.py the only source of the pictures.

The functions here are plain Python in the part of the language that numba compiles both for processors and for CUDA.
Imported, they are compiled by `numba.njit`; gpu.py runs these same files with `jit` already in its globals, and there
`min` and `max` take two arguments. Their
arguments come in two tuples so that there are few of them:

    world: blocks, meta, light (128, 128, 128) uint8 rings [x & 127, y, z & 127]; biome (128, 128) uint8;
           bricks (32, 32, 32) uint8 of cubes of 4 x 4 x 4 blocks, 0 where all is air, else the lowest layer that holds
           something + 8 times the first one above all that does; bounds (4,) int64;
           top (128, 128) uint8 first y above what stops rain
    looks: remap (256,) uint8 a block's stand-in; forms (256, 16, 4) int32 kind, first box, boxes, flags of a block's
           shape; shapes (n, 7) float32 boxes in blocks and the side they need a neighbour on; faces (256, 16, 6) int16
           textures; atlas (textures, 341) uint32 RGBA with their halvings; tints (kinds, 256 biomes, 3) float32;
           tinted (textures,) uint8 kinds; curves (2, 256, 3) float32 light of sky and blocks; clouds (64, 64) uint8

Faces: 0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z. Distances are in blocks along a ray of length 1. A texel's alpha: 0 a hole,
1..253 half transparent, 254 opaque and tinted by the biome, 255 opaque.
"""

from __future__ import annotations

import math

if "jit" not in globals():
    from numba import njit

    # not cached one by one: numba would not see that a function another one calls has changed (see renderer.py)
    jit = njit(error_model="numpy", _nrt=False, forceinline=True)  # pyright: ignore[reportCallIssue]  # its hints lack some options

NONE, CUBE, CROSS, BOXES, JOINED, LIQUID = 0, 1, 2, 3, 4, 5  # kinds of forms
SAME_HIDDEN = 1  # flag: no face between two blocks of this kind
JOINS = 2  # flag: fences and panes reach out to it
FROM_BELOW = 4  # flag: the upper half of a door or tall plant, which of them the lower half tells
END, SURFACE, LEAVING = 0, 1, 2  # how a march ended
BRICK, BRICK_SIDE, BRICKS = 2, 4, 31  # log2 of a brick's side in blocks; the side; mask of the bricks' ring
# places in the view vector (float64)
EYE, FORWARD, RIGHT, UP, FAR, GRAIN = 0, 3, 6, 9, 12, 13  # RIGHT and UP reach the picture's edge; GRAIN texels a pixel
ZENITH, HORIZON, SUN, GLOW, STARS, WET, CLOCK, MEDIUM, COVER = 14, 17, 20, 23, 26, 27, 28, 29, 30
CLOUD, FOG, WATER, NIGHT, FLAKES, CEILING, VIEW_SIZE = 31, 34, 35, 38, 39, 40, 41
CLOUD_HEIGHT = 129.0


@jit
def direction(view, u, v):
    """Unit direction through the picture's point u, v (-1..1 to the right, -1..1 upwards)."""
    dx = view[FORWARD] + u * view[RIGHT] + v * view[UP]
    dy = view[FORWARD + 1] + u * view[RIGHT + 1] + v * view[UP + 1]
    dz = view[FORWARD + 2] + u * view[RIGHT + 2] + v * view[UP + 2]
    scale = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx * scale, dy * scale, dz * scale
    # exact zeros would divide by zero; so short a step changes no pixel
    if abs(dx) < 1e-9:
        dx = 1e-9
    if abs(dy) < 1e-9:
        dy = 1e-9
    if abs(dz) < 1e-9:
        dz = 1e-9
    return dx, dy, dz


@jit
def texel_at(atlas, texture, u, v, grain):
    """Texel of a texture at u, v in 0..1; `grain` is how many texels one pixel covers."""
    if grain < 1.4:
        x, y = min(max(int(u * 16.0), 0), 15), min(max(int(v * 16.0), 0), 15)
        return int(atlas[texture, y * 16 + x])
    if grain < 2.8:
        x, y = min(max(int(u * 8.0), 0), 7), min(max(int(v * 8.0), 0), 7)
        return int(atlas[texture, 256 + y * 8 + x])
    if grain < 5.6:
        x, y = min(max(int(u * 4.0), 0), 3), min(max(int(v * 4.0), 0), 3)
        return int(atlas[texture, 320 + y * 4 + x])
    x, y = min(max(int(u * 2.0), 0), 1), min(max(int(v * 2.0), 0), 1)
    return int(atlas[texture, 336 + y * 2 + x])


@jit
def face_uv(face, px, py, pz):
    """Where on a face's picture a point lies; fractions of the block, pictures upright seen from outside."""
    if face == 0:
        return pz, 1.0 - py
    if face == 1:
        return 1.0 - pz, 1.0 - py
    if face == 2:
        return px, 1.0 - pz
    if face == 3:
        return px, pz
    if face == 4:
        return 1.0 - px, 1.0 - py
    return px, 1.0 - py


@jit
def box_span(lx, ly, lz, ix, iy, iz, x0, y0, z0, x1, y1, z1):
    """Entry and exit distances and faces of a ray (origin l, inverse direction i) and a box; entry > exit: a miss."""
    a, b = (x0 - lx) * ix, (x1 - lx) * ix
    near, far, entry, leave = a, b, 0, 1
    if a > b:
        near, far, entry, leave = b, a, 1, 0
    a, b = (y0 - ly) * iy, (y1 - ly) * iy
    if a <= b:
        if a > near:
            near, entry = a, 2
        if b < far:
            far, leave = b, 3
    else:
        if b > near:
            near, entry = b, 3
        if a < far:
            far, leave = a, 2
    a, b = (z0 - lz) * iz, (z1 - lz) * iz
    if a <= b:
        if a > near:
            near, entry = a, 4
        if b < far:
            far, leave = b, 5
    else:
        if b > near:
            near, entry = b, 5
        if a < far:
            far, leave = a, 4
    return near, far, entry, leave


@jit
def plant_hit(atlas, texture, lx, ly, lz, dx, dy, dz, near, grain):
    """First texel of two crossed planes in a block: distance (-1 a miss), face, texel. l is the origin in the block."""
    best, face, found = -1.0, 0, 0
    for plane in range(2):
        # planes x = z and x = 1 - z
        sign = 1.0 if plane == 0 else -1.0
        slope = dx - sign * dz
        if abs(slope) < 1e-7:
            continue
        t = ((0.0 if plane == 0 else 1.0) - lx + sign * lz) / slope
        if t < near or (best >= 0.0 and t > best):
            continue
        px, py, pz = lx + dx * t, ly + dy * t, lz + dz * t
        if px < 0.06 or px > 0.94 or pz < 0.0 or pz > 1.0 or py < 0.0 or py > 1.0:
            continue
        texel = texel_at(atlas, texture, px, 1.0 - py, grain * t)
        if texel >> 24:
            best, found = t, texel
            face = (0 if dx > 0.0 else 1) if abs(dx) > abs(dz) else (4 if dz > 0.0 else 5)
    return best, face, found


@jit
def joined(world, looks, x, y, z, block, side):
    """Whether a fence or pane at x, y, z reaches out to its side 1 -x, 2 +x, 3 -z, 4 +z."""
    nx = x - 1 if side == 1 else (x + 1 if side == 2 else x)
    nz = z - 1 if side == 3 else (z + 1 if side == 4 else z)
    other = world[0][nx & 127, y & 127, nz & 127]
    return other == block or (looks[1][other, 0, 3] & JOINS) != 0


@jit
def boxes_hit(world, looks, x, y, z, block, meta, ox, oy, oz, dx, dy, dz, near, grain):
    """First texel of a block made of boxes: distance (-1 a miss), face, texel."""
    form, shapes, best, found, face = looks[1][block, meta], looks[2], -1.0, 0, 0
    lx, ly, lz, ix, iy, iz = ox - x, oy - y, oz - z, 1.0 / dx, 1.0 / dy, 1.0 / dz
    raw = world[0][x & 127, y & 127, z & 127]
    for n in range(form[1], form[1] + form[2]):
        b = shapes[n]
        if form[0] == JOINED and b[6] > 0.0 and not joined(world, looks, x, y, z, raw, int(b[6])):
            continue
        t0, t1, entry, leave = box_span(lx, ly, lz, ix, iy, iz, b[0], b[1], b[2], b[3], b[4], b[5])
        if t0 > t1 or t1 < near:
            continue
        for back in range(2):  # a box with holes shows its far side through them
            t, side = (t0, entry) if back == 0 else (t1, leave)
            if t < near or (best >= 0.0 and t >= best):
                continue
            u, v = face_uv(side, lx + dx * t, ly + dy * t, lz + dz * t)
            texel = texel_at(looks[4], looks[3][block, meta, side], u, v, grain * t)
            if texel >> 24:
                best, face, found = t, side, texel
                break
    return best, face, found


@jit
def liquid_top(world, looks, x, y, z, block, meta):
    """Height of a liquid in its block, 0..1."""
    above = looks[0][world[0][x & 127, (y + 1) & 127, z & 127]]
    if above != 0 and looks[1][above, 0, 0] == LIQUID and y < 127:
        return 1.0
    return 0.889 if (meta & 7) == 0 or meta >= 8 else (8.0 - meta) / 9.0


@jit
def liquid_hit(world, looks, x, y, z, block, meta, oy, dy, t, leave, face):
    """Where a ray coming from outside meets a liquid in its block: distance (-1 a miss) and face."""
    top = liquid_top(world, looks, x, y, z, block, meta)
    if oy + dy * t <= y + top:
        return (-1.0 if face == 2 and top >= 1.0 and dy > 0.0 and y < 0 else t), face
    if dy < 0.0:
        down = (y + top - oy) / dy
        if down <= leave:
            return down, 3
    return -1.0, 3


@jit
def hop(bricks, ox, oy, oz, dx, dy, dz, ix, iy, iz, t, far, x, y, z, face):
    """From a cell just entered past all bricks that are empty where the ray goes through them.

    Returns the distance (at least `far`: nothing before it), the cell entered there, the face, whether it moved at all.
    """
    sx, sy, sz = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    qx, qy, qz = (sx + 1) >> 1, (sy + 1) >> 1, (sz + 1) >> 1
    ax, ay, az = abs(ix) * BRICK_SIDE, abs(iy) * BRICK_SIDE, abs(iz) * BRICK_SIDE
    bx, by, bz = x >> BRICK, y >> BRICK, z >> BRICK
    tx, ty, tz = (((bx + qx) << BRICK) - ox) * ix, (((by + qy) << BRICK) - oy) * iy, (((bz + qz) << BRICK) - oz) * iz
    hopped = False
    while True:
        filled = int(bricks[bx & BRICKS, by & BRICKS, bz & BRICKS])
        if filled != 0:
            y0, y1, low = oy + dy * t, oy + dy * min(tx, min(ty, tz)), by << BRICK
            if min(y0, y1) < low + (filled >> 3) and max(y0, y1) > low + (filled & 7):
                break
        hopped = True
        if tx < ty:
            if tx < tz:
                t, bx, face = tx, bx + sx, 1 - qx
                tx += ax
            else:
                t, bz, face = tz, bz + sz, 5 - qz
                tz += az
        elif ty < tz:
            t, by, face = ty, by + sy, 3 - qy
            ty += ay
        else:
            t, bz, face = tz, bz + sz, 5 - qz
            tz += az
        if t >= far:
            return t, x, y, z, face, hopped
    if hopped:  # which cell of that brick is entered
        x0, y0, z0, more = bx << BRICK, by << BRICK, bz << BRICK, BRICK_SIDE - 1
        x = min(max(int(math.floor(ox + dx * t)), x0), x0 + more)
        y = min(max(int(math.floor(oy + dy * t)), y0), y0 + more)
        z = min(max(int(math.floor(oz + dz * t)), z0), z0 + more)
        if face < 2:
            x = x0 + more * (1 - qx)
        elif face < 4:
            y = y0 + more * (1 - qy)
        else:
            z = z0 + more * (1 - qz)
    return t, x, y, z, face, hopped


@jit
def meet(world, looks, block, meta, last, medium, x, y, z, t, leave, face, ox, oy, oz, dx, dy, dz, grain):
    """What a ray meets in a cell that is not air, between `t` and `leave`: distance (-1 nothing), face, texel.

    last: the block of the cell before. Inside a liquid its own cells are nothing.
    """
    form, atlas = looks[1][block, meta], looks[4]
    kind = form[0]
    if kind == CUBE:
        if block != last or (form[3] & SAME_HIDDEN) == 0:
            u, v = face_uv(face, ox + dx * t - x, oy + dy * t - y, oz + dz * t - z)
            slant = abs(dx) if face < 2 else (abs(dy) if face < 4 else abs(dz))
            texel = texel_at(atlas, looks[3][block, meta, face], u, v, grain * t / math.sqrt(slant + 0.03))
            if texel >> 24:
                return t, face, texel
    elif kind == LIQUID:
        if medium == 0:
            hit, side = liquid_hit(world, looks, x, y, z, block, meta, oy, dy, t, leave, face)
            if hit >= 0.0:
                u, v = face_uv(side, ox + dx * hit - x, oy + dy * hit - y, oz + dz * hit - z)
                return hit, side, texel_at(atlas, looks[3][block, meta, side], u, v, grain * hit)
    elif kind == CROSS:
        return plant_hit(atlas, looks[3][block, meta, 0], ox - x, oy - y, oz - z, dx, dy, dz, t - 1e-9, grain)
    elif kind != NONE:
        return boxes_hit(world, looks, x, y, z, block, meta, ox, oy, oz, dx, dy, dz, t - 1e-6, grain)
    return -1.0, face, 0


@jit
def march(world, looks, view, dx, dy, dz, t, far, x, y, z, medium):
    """On from cell x, y, z entered at `t`, up to the next event.

    Returns how it ended, the distance, the cell, the block (stand-in), its meta, the face, the texel.
    """
    blocks, remap, forms = world[0], looks[0], looks[1]
    ox, oy, oz = view[EYE], view[EYE + 1], view[EYE + 2]
    sx, sy, sz = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
    qx, qy, qz = (sx + 1) >> 1, (sy + 1) >> 1, (sz + 1) >> 1
    tx, ty, tz = (x + qx - ox) * ix, (y + qy - oy) * iy, (z + qz - oz) * iz
    last, face, known = int(remap[blocks[x & 127, y & 127, z & 127]]), 0, -1
    if medium != 0 and dy > 0.0:  # does it come out through the liquid's top within this very block?
        meta = int(world[1][x & 127, y & 127, z & 127] & 15)
        rise = (y + liquid_top(world, looks, x, y, z, last, meta) - oy) * iy
        if rise < min(tx, min(ty, tz)) and rise >= t:
            return LEAVING, rise, x, y, z, last, meta, 2, 0
    while True:
        if tx < ty:
            if tx < tz:
                t, x, face = tx, x + sx, 1 - qx
                tx += abs(ix)
            else:
                t, z, face = tz, z + sz, 5 - qz
                tz += abs(iz)
        elif ty < tz:
            t, y, face = ty, y + sy, 3 - qy
            ty += abs(iy)
        else:
            t, z, face = tz, z + sz, 5 - qz
            tz += abs(iz)
        if medium == 0 and t < far and ((x >> BRICK) * 1024 + (y >> BRICK)) * 1024 + (z >> BRICK) != known:
            t, x, y, z, face, hopped = hop(world[4], ox, oy, oz, dx, dy, dz, ix, iy, iz, t, far, x, y, z, face)
            known = ((x >> BRICK) * 1024 + (y >> BRICK)) * 1024 + (z >> BRICK)
            if hopped:
                last, tx, ty, tz = 0, (x + qx - ox) * ix, (y + qy - oy) * iy, (z + qz - oz) * iz
        if t >= far:
            return END, far, x, y, z, 0, 0, 0, 0
        block = int(remap[blocks[x & 127, y & 127, z & 127]])
        if block != 0:
            meta = int(world[1][x & 127, y & 127, z & 127] & 15)
            if forms[block, meta, 3] & FROM_BELOW:
                meta = 8 | int(world[1][x & 127, (y - 1) & 127, z & 127] & 7)
            hit, side, texel = meet(world, looks, block, meta, last, medium, x, y, z, t, min(tx, min(ty, tz)), face,
                                    ox, oy, oz, dx, dy, dz, view[GRAIN])
            if hit >= far:
                return END, far, x, y, z, 0, 0, 0, 0
            if hit >= 0.0:
                return SURFACE, hit, x, y, z, block, meta, side, texel
            if medium != 0 and dy > 0.0 and forms[block, meta, 0] == LIQUID:
                rise = (y + liquid_top(world, looks, x, y, z, block, meta) - oy) * iy
                if rise < min(tx, min(ty, tz)):
                    return LEAVING, max(rise, t), x, y, z, block, meta, 2, 0
        elif medium != 0:
            return LEAVING, t, x, y, z, last, 0, face, 0
        last = block


@jit
def box_hit(boxes, listed, first, last, atlas, grain, ox, oy, oz, dx, dy, dz, far):
    """The nearest turned box (of mobs, drops, shots, the hand) of a list: distance, box (-1 none), face, texel."""
    best, found, side, colour = far, -1, 0, 0
    for n in range(first, last):
        q = listed[n]
        o = boxes[q]
        ex, ey, ez = ox - o[0], oy - o[1], oz - o[2]
        along = ex * dx + ey * dy + ez * dz
        if ex * ex + ey * ey + ez * ez - along * along > o[12] * o[12] + o[13] * o[13] + o[14] * o[14] + 1e-9:
            continue  # past the ball around the box
        ax, ay, az = o[3] * dx + o[4] * dy + o[5] * dz, o[6] * dx + o[7] * dy + o[8] * dz, \
            o[9] * dx + o[10] * dy + o[11] * dz
        ax = ax if abs(ax) > 1e-9 else 1e-9
        ay = ay if abs(ay) > 1e-9 else 1e-9
        az = az if abs(az) > 1e-9 else 1e-9
        lx, ly, lz = o[3] * ex + o[4] * ey + o[5] * ez, o[6] * ex + o[7] * ey + o[8] * ez, \
            o[9] * ex + o[10] * ey + o[11] * ez
        t0, t1, entry, leave = box_span(lx, ly, lz, 1.0 / ax, 1.0 / ay, 1.0 / az,
                                        -o[12], -o[13], -o[14], o[12], o[13], o[14])
        if t0 > t1 or t1 < 0.05 or t0 >= best:
            continue
        for back in range(2):
            t, face = (t0, entry) if back == 0 else (t1, leave)
            if t < 0.05 or t >= best or o[16 + face] < 0.0:  # a flat thing has no picture on its edges
                continue
            u, v = face_uv(face, (lx + ax * t) / o[12] * 0.5 + 0.5, (ly + ay * t) / o[13] * 0.5 + 0.5,
                           (lz + az * t) / o[14] * 0.5 + 0.5)
            fine = grain * t * 0.5 / max(o[12], max(o[13], o[14]))
            if o[16] < 0.0 and face == 4:  # the back of a flat thing has the front's outline
                u = 1.0 - u
            texel = texel_at(atlas, int(o[16 + face]), u, v, fine)
            if texel >> 24:
                best, found, side, colour = t, q, face, texel
                break
    return best, found, side, colour
