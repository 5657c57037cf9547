"""Mobs that hunt: whom they choose, when they give up, and how each kind hurts its target; compiled."""

from __future__ import annotations

import math

import numpy as np

from veclink.envs.voxel.bodies import (
    BOOM,
    EYE,
    FACE,
    HIT,
    LEAP,
    LEVEL,
    LOOK,
    NOD,
    PITCH,
    PREY,
    SHOOT,
    SIT,
    SNEAKS,
    TICK,
    TO_X,
    TO_Y,
    TO_Z,
    TURNS,
    WX,
    WY,
    WZ,
    YAW,
    body_scale,
    light_at,
    tell,
)
from veclink.envs.voxel.chance import uniform
from veclink.envs.voxel.entities import THE_PLAYER
from veclink.envs.voxel.kinds import BEAM, FLY, FUSE, HOP, HOSTILE, HOVER, LEAPS, NEUTRAL, SHADY, STILL, SWIM
from veclink.envs.voxel.paths import lean, sees
from veclink.envs.voxel.steps import heading, hop, pursue, walk

SWELL = 30  # ticks of a creeper's fuse


@lean
def slot_of(v, number):
    """The slot of the mob with an id, or -1."""
    for i in range(v.mobs.shape[0]):
        if v.mobs[i].alive and v.mobs[i].id == number:
            return i
    return -1


@lean
def keeps(v, i):
    """Whether a mob stays after its target."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    if m.target == THE_PLAYER:
        if v.now[PREY] == 0 or (m.tame and m.angry == 0):
            return False
        x, y, z = v.now[WX], v.now[WY], v.now[WZ]
        if k.mood == NEUTRAL and m.angry == 0:
            return False
        if (k.mood == SHADY and m.angry == 0 and uniform(v.chance) < 0.01
                and light_at(v, np.int64(math.floor(m.x)), np.int64(math.floor(m.y + 0.5)),
                             np.int64(math.floor(m.z))) >= 12):
            return False
    else:
        other = slot_of(v, m.target)
        if other < 0:
            return False
        b = v.mobs[other]
        x, y, z = b.x, b.y, b.z
    reach = max(k.sees, 16.0) * 1.25
    return (x - m.x) ** 2 + (y - m.y) ** 2 + (z - m.z) ** 2 < reach * reach


@lean
def seek(v, i):
    """Look for something to hunt: the player for those that hunt people, else the nearest of the groups it hunts."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    eye = m.y + 0.85 * k.height * body_scale(m, k)
    hunts_player = k.mood == HOSTILE or (k.mood == SHADY and light_at(
        v, np.int64(math.floor(m.x)), np.int64(math.floor(m.y + 0.5)), np.int64(math.floor(m.z))) < 12)
    if hunts_player and v.now[PREY] != 0 and v.now[LEVEL] > 0 and not m.tame:
        reach = k.sees * (0.8 if v.now[SNEAKS] != 0 else 1.0)
        away = (v.now[WX] - m.x) ** 2 + (v.now[WY] - m.y) ** 2 + (v.now[WZ] - m.z) ** 2
        if away < reach * reach and sees(v.blocks, v.bounds, m.x, eye, m.z, v.now[WX], v.now[WY] + v.now[EYE],
                                         v.now[WZ]):
            m.target = THE_PLAYER
            return
    if k.hunts == 0 or m.baby or (m.tame and m.state == SIT):
        return
    best = 16.0 * 16.0
    for j in range(v.mobs.shape[0]):
        b = v.mobs[j]
        if not b.alive or j == i:
            continue
        other = v.kinds[b.kind]
        if other["is"] & k.hunts == 0 or (other.traits & FUSE and k.moves != FLY) or (m.tame and b.tame):
            continue
        away = (b.x - m.x) ** 2 + (b.y - m.y) ** 2 + (b.z - m.z) ** 2
        if away < best and sees(v.blocks, v.bounds, m.x, eye, m.z, b.x, b.y + 0.5 * other.height, b.z):
            best, m.target = away, b.id


@lean
def stared_at(v, i):
    """Whether the player looks this mob in the eyes."""
    m = v.mobs[i]
    if v.now[PREY] == 0 or v.now[LEVEL] == 0:
        return False
    dx, dz = m.x - v.now[WX], m.z - v.now[WZ]
    dy = m.y + 0.9 * v.kinds[m.kind].height - v.now[WY] - v.now[EYE]
    away = math.sqrt(dx * dx + dy * dy + dz * dz)
    if away > 64.0 or away < 0.1:
        return False
    yaw, pitch = math.radians(v.now[YAW]), math.radians(v.now[PITCH])
    flat = math.cos(pitch)
    cosine = (-math.sin(yaw) * flat * dx - math.sin(pitch) * dy + math.cos(yaw) * flat * dz) / away
    return cosine > 1.0 - 0.025 / away and sees(v.blocks, v.bounds, v.now[WX], v.now[WY] + v.now[EYE], v.now[WZ],
                                                m.x, m.y + 2.55, m.z)


@lean
def hunt(v, i):
    """With a target: get near it and hurt it in the kind's own way."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    scale = body_scale(m, k)
    x, y, z = v.now[WX], v.now[WY], v.now[WZ]
    width, tall = 0.6, v.now[EYE]
    if m.target != THE_PLAYER:
        other = v.mobs[slot_of(v, m.target)]
        x, y, z = other.x, other.y, other.z
        width, tall = v.kinds[other.kind].width, 0.85 * v.kinds[other.kind].height
    dx, dy, dz = x - m.x, y - m.y, z - m.z
    away = math.sqrt(dx * dx + dy * dy + dz * dz)
    eye = m.y + 0.85 * k.height * scale
    v.now[LOOK] = heading(dx, dz)
    v.now[NOD] = -math.degrees(math.atan2(y + tall - eye, math.sqrt(dx * dx + dz * dz) + 1e-6))
    seen = sees(v.blocks, v.bounds, m.x, eye, m.z, x, y + tall, z)
    if k.traits & FUSE:
        if swells(v, i, away, seen):
            return
    elif k.missile > 0 and not (k.mood == NEUTRAL and m.target != THE_PLAYER):
        shoots(v, i, away, seen, x, y + tall * 0.6, z)
        return
    if k.moves == HOP:
        hop(v, i, dx, dz, 1.0)
        reach = 0.6 * k.width * m.size + width / 2
        if away < max(reach, 0.8) and seen and m.rest == 0:
            tell(v, HIT, i, 1.0 * m.target, 0.0, 0.0, 0.0)
            m.rest = 20
        return
    if k.moves == FLY or k.moves == HOVER or k.moves == SWIM:
        speed = k.speed * k.chase / max(away, 0.1)
        v.now[TO_X], v.now[TO_Y], v.now[TO_Z] = dx * speed, (dy + 0.5) * speed, dz * speed
    else:
        if dx * dx + dz * dz > (k.width * scale * 0.5 + 0.35) ** 2:
            pursue(v, i, x, y, z, k.speed * k.chase * (1.5 if m.baby else 1.0))
        if k.traits & LEAPS and m.on_ground and 2.0 < away < 4.0 and uniform(v.chance) < 0.2:
            flat = math.sqrt(dx * dx + dz * dz) + 1e-6
            m.vx, m.vz = m.vx * 0.2 + dx / flat * 0.4, m.vz * 0.2 + dz / flat * 0.4
            v.now[LEAP] = 0.4
    reach = 2.0 * k.width * scale
    if m.rest == 0 and dx * dx + dy * dy + dz * dz < reach * reach + width and seen:
        tell(v, HIT, i, 1.0 * m.target, 0.0, 0.0, 0.0)
        m.rest = 20


@lean
def swells(v, i, away, seen):
    """A creeper near its target: the fuse burns on to 30, or back. Returns whether it stands still for it."""
    m = v.mobs[i]
    if seen and (away < 3.0 or (m.fuse > 0 and away < 7.0)):
        m.fuse += 1
        v.now[TURNS], v.now[FACE] = 1.0, v.now[LOOK]
        if m.fuse >= SWELL:
            tell(v, BOOM, i, 3.0, 0.0, 0.0, 0.0)
        return True
    m.fuse = max(0, m.fuse - 1)
    return False


@lean
def shoots(v, i, away, seen, x, y, z):
    """Those that shoot: come into range, face the target, shoot when the weapon is ready."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    in_range = seen and away < k.reach
    if k.moves == HOVER or k.moves == SWIM:
        keep_off(v, i, away, x, y, z)
    elif k.moves != STILL and not in_range:
        pursue(v, i, x, y - 1.0, z, k.speed * k.chase)
    if not in_range:
        if k.missile == BEAM:
            m.fuse = 0
        return
    v.now[TURNS], v.now[FACE] = 1.0, v.now[LOOK]
    if k.moves != HOVER and k.moves != SWIM and k.moves != STILL:
        circle(v, i, away, x, z)
    if k.missile == BEAM:
        m.fuse += 1
        if m.fuse >= k.every:
            m.fuse = 0
            tell(v, HIT, i, 1.0 * m.target, 0.0, 0.0, 0.0)
    elif m.rest == 0:
        tell(v, SHOOT, i, x, y, z, 0.0)
        m.fuse += 1
        m.rest = 6 if m.fuse < k.burst else k.every
        if m.fuse >= k.burst:
            m.fuse = 0


@lean
def circle(v, i, away, x, z):
    """Archers step sideways, forward when far and back when near."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    side = 1.0 if (np.int64(v.now[TICK]) // 40 + m.id) % 2 == 0 else -1.0
    forward = 1.0 if away > 0.75 * k.reach else (-1.0 if away < 0.25 * k.reach else 0.0)
    dx, dz = (x - m.x) / max(away, 0.1), (z - m.z) / max(away, 0.1)
    walk(v, i, m.x + (dx * forward - dz * side * 0.5) * 4, m.z + (dz * forward + dx * side * 0.5) * 4,
         k.speed * 0.5)


@lean
def keep_off(v, i, away, x, y, z):
    """Hovering and swimming shooters: near enough to shoot, not nearer, a little above."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    lift = 4.0 if k.reach > 50 else (1.0 if k.moves == HOVER else 0.0)
    toward = 1.0 if away > 0.6 * k.reach else (-0.5 if away < 4.0 else 0.0)
    speed = k.speed * k.chase / max(away, 0.1) * toward
    v.now[TO_X], v.now[TO_Z] = (x - m.x) * speed, (z - m.z) * speed
    v.now[TO_Y] = max(-k.speed, min(k.speed, (y + lift - m.y) * 0.1))
