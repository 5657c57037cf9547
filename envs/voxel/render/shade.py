"""The colour of one ray: light, tints, water, fog, sky and weather. With rays.py the only source of the pictures.

Compiled for processors when imported, for CUDA when gpu.py runs this file with rays.py's names in its globals; see
rays.py for the arguments.
"""


from __future__ import annotations

import math

if "jit" not in globals():
    from veclink.envs.voxel.render.rays import (  # noqa: I001 (forty lines otherwise)
        CEILING, CLOCK, CLOUD, CLOUD_HEIGHT, COVER, CROSS, CUBE, END, EYE, FAR, FLAKES, FOG, GLOW, GRAIN, HORIZON,
        LEAVING, LIQUID, MEDIUM, STARS, SUN, WATER, WET, ZENITH, box_hit, direction, jit, march,
    )

ALWAYS_LIT = 0.62  # share of the light that the darkest open corner keeps


@jit
def light_byte(light, x, y, z):
    """Light of a cell; above the world it is open sky."""
    if y > 127:
        return 240
    return int(light[x & 127, y & 127, z & 127])


@jit
def smooth_light(light, x, y, z, face, px, py, pz):
    """Sky and block light (0..15) at a point of a face, blended over the four nearest cells in front of it.

    x, y, z: the cell in front; p: the point as fractions of it. Unlit cells count as corners in the way.
    """
    own = light_byte(light, x, y, z)
    if face < 2:
        a, b = py - 0.5, pz - 0.5
    elif face < 4:
        a, b = px - 0.5, pz - 0.5
    else:
        a, b = px - 0.5, py - 0.5
    sa, sb = (1 if a > 0 else -1), (1 if b > 0 else -1)
    if face < 2:
        c0, c1 = light_byte(light, x, y + sa, z), light_byte(light, x, y, z + sb)
        c2 = light_byte(light, x, y + sa, z + sb)
    elif face < 4:
        c0, c1 = light_byte(light, x + sa, y, z), light_byte(light, x, y, z + sb)
        c2 = light_byte(light, x + sa, y, z + sb)
    else:
        c0, c1 = light_byte(light, x + sa, y, z), light_byte(light, x, y + sb, z)
        c2 = light_byte(light, x + sa, y + sb, z)
    if c0 == own and c1 == own and c2 == own:
        return float(own >> 4), float(own & 15)
    a, b = abs(a), abs(b)
    w0, w1, w2 = a * (1.0 - b), b * (1.0 - a), a * b
    w = (1.0 - a) * (1.0 - b)
    if c0 == 0:
        w += w0 * ALWAYS_LIT
    if c1 == 0:
        w += w1 * ALWAYS_LIT
    if c2 == 0:
        w += w2 * ALWAYS_LIT
    sky = (own >> 4) * w + (c0 >> 4) * w0 + (c1 >> 4) * w1 + (c2 >> 4) * w2
    glow = (own & 15) * w + (c0 & 15) * w0 + (c1 & 15) * w1 + (c2 & 15) * w2
    return sky, glow


@jit
def surface(world, looks, view, dx, dy, dz, t, x, y, z, block, meta, face, texel):
    """Colour (0..255) and opacity of what a march met, lit but without fog."""
    texture = looks[3][block, meta, face]
    r, g, b, alpha = texel & 255, (texel >> 8) & 255, (texel >> 16) & 255, texel >> 24
    kind = looks[1][block, meta, 0]
    px, py, pz = view[EYE] + dx * t, view[EYE + 1] + dy * t, view[EYE + 2] + dz * t
    outer = kind == CUBE or (kind != CROSS and _on_border(face, px - x, py - y, pz - z))
    fx, fy, fz = x, y, z
    if outer:
        if face < 2:
            fx += 2 * face - 1
        elif face < 4:
            fy += 2 * face - 5
        else:
            fz += 2 * face - 9
    tr, tg, tb = float(r), float(g), float(b)
    if alpha == 254 or kind == LIQUID:
        tint = looks[6][texture]
        biome = world[3][x & 127, z & 127]
        tr, tg, tb = tr * looks[5][tint, biome, 0], tg * looks[5][tint, biome, 1], tb * looks[5][tint, biome, 2]
    if kind == CROSS:
        light = light_byte(world[2], x, y, z)
        sky, glow, shade = float(light >> 4), float(light & 15), 0.95
    else:
        sky, glow = smooth_light(world[2], fx, fy, fz, face, px - fx, py - fy, pz - fz)
        shade = 1.0 if face == 3 else (0.5 if face == 2 else (0.62 if face < 2 else 0.8))
    if view[COVER] > 0.5 and kind != LIQUID and kind != CROSS and (face == 3 or (outer and py - y > 0.82)) and (
            light_byte(world[2], x, y + 1, z) >> 4) == 15:
        grey = 0.33 * (r + g + b)
        tr, tg, tb = 228.0 + grey * 0.1, 234.0 + grey * 0.1, 240.0 + grey * 0.08
    curve, s, q = looks[7], min(int(sky * 17.0), 255), min(int(glow * 17.0), 255)
    tr *= shade * min(curve[0, s, 0] + curve[1, q, 0], 1.0)
    tg *= shade * min(curve[0, s, 1] + curve[1, q, 1], 1.0)
    tb *= shade * min(curve[0, s, 2] + curve[1, q, 2], 1.0)
    return tr, tg, tb, (alpha / 255.0 if alpha < 254 else 1.0)


@jit
def _on_border(face, px, py, pz):
    """Whether a point of a face lies on the block's own border."""
    p = px if face < 2 else (py if face < 4 else pz)
    return p < 0.001 if face % 2 == 0 else p > 0.999


@jit
def sky_colour(view, looks, dx, dy, dz):
    """Colour (0..255) of the sky in a direction: gradient, glow at dusk, stars, sun, moon and clouds."""
    up = min(max(dy * 2.2 + 0.08, 0.0), 1.0)
    up = up * (2.0 - up)
    r = view[HORIZON] + (view[ZENITH] - view[HORIZON]) * up
    g = view[HORIZON + 1] + (view[ZENITH + 1] - view[HORIZON + 1]) * up
    b = view[HORIZON + 2] + (view[ZENITH + 2] - view[HORIZON + 2]) * up
    near = dx * view[SUN] + dy * view[SUN + 1] + dz * view[SUN + 2]
    if view[GLOW + 1] > 0.0:
        warm = view[GLOW + 1] * max(1.0 - abs(dy) * 2.2, 0.0) * (0.5 + 0.5 * dx * view[GLOW]) ** 3
        r, g, b = r + (255.0 - r) * warm * 0.9, g + (140.0 - g) * warm * 0.75, b + (60.0 - b) * warm * 0.7
    if dy < -0.02:
        return r, g, b
    if view[STARS] > 0.0 and dy > 0.0:
        q = 150.0 / max(abs(dx), max(abs(dy), abs(dz)))
        i, j, k = int(math.floor(dx * q)), int(math.floor(dy * q)), int(math.floor(dz * q))
        dice = ((i * 7349 + j * 19349 + k * 8349) * 2654435 >> 7) & 1023
        if dice < 3:
            light = view[STARS] * (0.5 + 0.25 * dice) * min(dy * 5.0, 1.0)
            r, g, b = r + (255.0 - r) * light, g + (255.0 - g) * light, b + (255.0 - b) * light
    clear = 1.0 - view[WET]
    if abs(near) > 0.985 and clear > 0.0:
        r, g, b = _sun_or_moon(view, dx, dy, dz, near, clear, r, g, b)
    if dy > 0.03:
        return _clouds(view, looks[8], dx, dy, dz, r, g, b)
    return r, g, b


@jit
def _sun_or_moon(view, dx, dy, dz, near, clear, r, g, b):
    """A square sun, or a square moon across from it, over the colour r, g, b; both move in the plane z = 0."""
    a = (dx * view[SUN + 1] - dy * view[SUN]) / near
    c = dz / near
    size = max(abs(a), abs(c))
    if near > 0.0:
        if size < 0.1:
            return r + (255.0 - r) * clear, g + (250.0 - g) * clear, b + (215.0 - b) * clear
        halo = clear * 0.35 * max(1.0 - (size - 0.1) * 14.0, 0.0)
        return r + (255.0 - r) * halo, g + (240.0 - g) * halo, b + (190.0 - b) * halo
    if size < 0.075:
        spot = ((int((a + 0.1) * 80.0) * 7 + int((c + 0.1) * 80.0) * 13) % 5) == 0
        m = 190.0 if spot else 228.0
        return r + (m - r) * clear, g + (m + 4.0 - g) * clear, b + (m + 16.0 - b) * clear
    return r, g, b


@jit
def _clouds(view, clouds, dx, dy, dz, r, g, b):
    """The flat layer of clouds over the colour r, g, b."""
    if view[EYE + 1] > CLOUD_HEIGHT - 1.0:
        return r, g, b
    t = (CLOUD_HEIGHT - view[EYE + 1]) / dy
    if t > 700.0:
        return r, g, b
    i = int(math.floor((view[EYE] + dx * t + view[CLOCK] * 0.03) / 12.0))
    j = int(math.floor((view[EYE + 2] + dz * t) / 12.0))
    if clouds[i & 63, j & 63] == 0:
        return r, g, b
    thick = 0.72 * min((700.0 - t) / 450.0, 1.0)
    return r + (view[CLOUD] - r) * thick, g + (view[CLOUD + 1] - g) * thick, b + (view[CLOUD + 2] - b) * thick


@jit
def rain(view, world, dx, dy, dz, far):
    """Share of the pixel that falling rain or snow takes, 0..1, out of four shells round the eye."""
    total, flat = 0.0, math.sqrt(dx * dx + dz * dz)
    if flat < 0.05:
        return 0.0
    top, snow = world[6], view[FLAKES] > 0.5
    for shell in range(4):
        t = (1.5 + 2.6 * shell) / flat
        if t > far:
            break
        x, y, z = view[EYE] + dx * t, view[EYE + 1] + dy * t, view[EYE + 2] + dz * t
        if y < top[int(math.floor(x)) & 127, int(math.floor(z)) & 127]:
            continue
        turn = math.atan2(dx, dz) * (14.0 + 16.0 * shell)
        column = int(math.floor(turn))
        dice = ((column * 7919 + shell * 104729) * 2654435 >> 5) & 255
        if snow:
            fall = (y + view[CLOCK] * 0.06) * 2.2 + dice * 0.37
            sway = turn - column - 0.5 + 0.25 * math.sin(y + dice)
            drop = fall - math.floor(fall) - 0.5
            if dice < 170 and sway * sway + drop * drop < 0.03:
                total += 0.8 * (1.0 - total)
        else:
            fall = (y + view[CLOCK] * 0.55) * 0.55 + dice * 0.37
            if dice < 120 and turn - column < 0.16 and fall - math.floor(fall) < 0.55:
                total += 0.32 * (1.0 - total)
    return total


@jit
def _turned_shade(o, side):
    """Light on a turned box's face: from above, as Minecraft's directional light on blocks."""
    row = 3 + 3 * (side >> 1)
    sign = 1.0 if side & 1 else -1.0
    nx, ny, nz = sign * o[row], sign * o[row + 1], sign * o[row + 2]
    if o[25] > 0.5:  # shines by itself
        return 1.0
    return 0.72 + 0.28 * ny - (0.08 * ny if ny < 0.0 else 0.0) + 0.08 * abs(nz) - 0.04 * abs(nx)


@jit
def turned_surface(view, o, side, texel, t, fog_r, fog_g, fog_b):
    """Colour of a turned box's face at a distance, fog included."""
    shade = _turned_shade(o, side)
    fog = min(max((t / view[FAR] - view[FOG]) / (1.0 - view[FOG]), 0.0), 1.0)
    r, g, b = (texel & 255) * o[22] * shade, ((texel >> 8) & 255) * o[23] * shade, ((texel >> 16) & 255) * o[24] * shade
    return r + (fog_r - r) * fog, g + (fog_g - g) * fog, b + (fog_b - b) * fog


@jit
def trace(world, looks, view, boxes, listed, first, last, u, v):
    """The picture's point u, v: red, green, blue (0..255), distance, block, box (-1 none), face."""
    dx, dy, dz = direction(view, u, v)
    ox, oy, oz = view[EYE], view[EYE + 1], view[EYE + 2]
    far, box, side, texel = box_hit(boxes, listed, first, last, looks[4], view[GRAIN], ox, oy, oz, dx, dy, dz,
                                    view[FAR])
    bounds = world[5]  # the ray ends where the loaded world does
    limit = min((bounds[1] - 0.001 - ox) / dx if dx > 0 else (bounds[0] + 0.001 - ox) / dx,
                (bounds[3] - 0.001 - oz) / dz if dz > 0 else (bounds[2] + 0.001 - oz) / dz)
    # above CEILING there is nothing but air
    limit = min(min(limit, (view[CEILING] - oy) / dy if dy > 0 else -oy / dy), far)
    r, g, b, clear, t, medium, entered = 0.0, 0.0, 0.0, 1.0, 0.0, int(view[MEDIUM]), 0.0
    depth, label, face = view[FAR], 0, -1
    x, y, z = int(math.floor(ox)), int(math.floor(oy)), int(math.floor(oz))
    fog_r, fog_g, fog_b, looked = 0.0, 0.0, 0.0, False  # the sky's colour, once it is needed
    for _layer in range(12):
        if limit <= t:
            break
        how, t, x, y, z, block, meta, hit_face, found = march(world, looks, view, dx, dy, dz, t, limit, x, y, z,
                                                              medium)
        if medium == 1:  # water takes light along the way
            keep = math.exp(-0.16 * (t - entered))
            dim = looks[7][0, 255, 1] * (1.0 - keep) * clear
            r, g, b = r + view[WATER] * dim, g + view[WATER + 1] * dim, b + view[WATER + 2] * dim
            clear, entered = clear * keep, t
        if how == END:
            break
        if how == LEAVING:
            medium = 0
            continue
        sr, sg, sb, alpha = surface(world, looks, view, dx, dy, dz, t, x, y, z, block, meta, hit_face, found)
        if face < 0:
            depth, label, face = t, block, hit_face
        fog = min(max((t / view[FAR] - view[FOG]) / (1.0 - view[FOG]), 0.0), 1.0)
        if fog > 0.0 and not looked:
            fog_r, fog_g, fog_b = sky_colour(view, looks, dx, dy, dz)
            looked = True
        share = alpha * clear
        r += (sr + (fog_r - sr) * fog) * share
        g += (sg + (fog_g - sg) * fog) * share
        b += (sb + (fog_b - sb) * fog) * share
        clear -= share
        if clear < 0.02:
            box, clear = -1, 0.0
            break
        if looks[1][block, meta, 0] == LIQUID:
            medium, entered = 1, t
    if clear > 0.0:
        if not looked:
            fog_r, fog_g, fog_b = sky_colour(view, looks, dx, dy, dz)
        if box >= 0:
            fog_r, fog_g, fog_b = turned_surface(view, boxes[box], side, texel, far, fog_r, fog_g, fog_b)
            depth, label, face = far, 0, side
        r, g, b = r + fog_r * clear, g + fog_g * clear, b + fog_b * clear
    if view[WET] > 0.0 and view[MEDIUM] < 0.5:
        wet = rain(view, world, dx, dy, dz, depth)
        tone = (235.0 if view[FLAKES] > 0.5 else 150.0) * (0.25 + 0.75 * looks[7][0, 255, 1])
        r, g, b = r + (tone - r) * wet, g + (tone - g) * wet, b + (tone + 12.0 - b) * wet
    return min(r, 255.0), min(g, 255.0), min(b, 255.0), depth, label, box, face
