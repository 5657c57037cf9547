"""Ways of going somewhere: walking with care for edges, finding a way, hopping, drifting, vanishing; compiled."""

from __future__ import annotations

import math

import numpy as np

from veclink.envs.voxel.bodies import CHASE, JUMP, LEAP, TO_X, TO_Y, TO_Z, WANDER, body_scale
from veclink.envs.voxel.chance import uniform
from veclink.envs.voxel.kinds import BOUND, CLIMBS, SWIM
from veclink.envs.voxel.paths import DROP, HARMFUL, LIQUID, WATER, at, blocks_way, can_stand, clear_walk, lean, way


@lean
def heading(dx, dz):
    """Yaw, in degrees, of a direction."""
    return -math.degrees(math.atan2(dx, dz))


@lean
def walk(v, i, x, z, speed):
    """Want to walk towards (x, z). Returns False where the next step leads over an edge or into harm."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    dx, dz = x - m.x, z - m.z
    away = math.sqrt(dx * dx + dz * dz)
    if away < 0.05:
        return True
    dx, dz = dx / away, dz / away
    speed = min(speed, max(away, 0.04))
    if m.on_ground and not m.in_water and drops_off(v, m, k, dx, dz):
        return False
    v.now[TO_X], v.now[TO_Z] = dx * speed, dz * speed
    if k.moves == BOUND and m.on_ground and m.rest == 0:
        v.now[LEAP] = 0.3
        m.rest = 4
    return True


@lean
def drops_off(v, m, k, dx, dz):
    """Whether the ground ahead is gone deeper than a walker lets itself fall, or burns; near and at arm's length."""
    y = np.int64(math.floor(m.y + 0.2))
    for reach in (0.4, 0.5 + k.width * 0.5):
        x, z = np.int64(math.floor(m.x + dx * reach)), np.int64(math.floor(m.z + dz * reach))
        here = at(v.blocks, v.bounds, x, y, z)
        if HARMFUL[here]:
            return True
        if blocks_way(here):
            continue  # a step up is no edge
        safe = False
        for down in range(1, DROP + 2):
            block = at(v.blocks, v.bounds, x, y - down, z)
            if HARMFUL[block]:
                return True
            if blocks_way(block) or LIQUID[block] == WATER:
                safe = True
                break
        if not safe:
            return True
    return False


@lean
def pursue(v, i, x, y, z, speed):
    """Walk towards a place, round what is in the way: straight where that works, else by a short search."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    scale = body_scale(m, k)
    tall = np.int64(math.ceil(k.height * scale - 0.05))
    m.state_left -= 1
    there = (m.goal_x - m.x) ** 2 + (m.goal_z - m.z) ** 2 < 0.15
    if m.state != CHASE or m.state_left <= 0 or there:
        m.state = CHASE
        # What flies above or swims below cannot be walked to: look only for a way on its level.
        if clear_walk(v.blocks, v.bounds, m.x, m.y, m.z, x, y, z, k.width * scale, tall, DROP):
            m.goal_x, m.goal_y, m.goal_z, m.state_left = x, y, z, 5
        elif m.on_ground or m.in_water or m.state_left < -10:
            v.pos[0], v.pos[1], v.pos[2] = m.x, m.y, m.z
            v.vel[0], v.vel[1], v.vel[2] = x, y, z
            reached = way(v.blocks, v.bounds, v.seen, v.pos, v.vel, k.width * scale, tall)
            if not reached and k.traits & CLIMBS:
                v.pos[0], v.pos[1], v.pos[2] = x, y, z  # straight on, up the wall
            m.goal_x, m.goal_y, m.goal_z = v.pos[0], v.pos[1], v.pos[2]
            m.state_left = 12 + np.int16(m.id & 7)
    walk(v, i, m.goal_x, m.goal_z, speed)


@lean
def hop(v, i, dx, dz, hunting):
    """Slimes: sit for a while, then jump where they look. `fuse` counts the ticks to the next jump."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    if m.on_ground or m.in_water:
        if m.fuse > 0:
            m.fuse -= 1
            return
        m.fuse = np.int16(10 + uniform(v.chance) * 20)
        if hunting > 0:
            m.fuse //= 3
            m.goal_x = heading(dx, dz)
        elif uniform(v.chance) < 0.5:
            m.goal_x = uniform(v.chance) * 360.0 - 180.0
        v.now[LEAP] = JUMP
    elif m.vy > 0 or not m.on_ground:
        m.fuse = max(m.fuse, 1)
    yaw = math.radians(m.goal_x)
    speed = k.speed * (0.6 + 0.4 * m.size)
    v.now[TO_X], v.now[TO_Z] = -math.sin(yaw) * speed, math.cos(yaw) * speed


@lean
def drift(v, i):
    """Flyers and swimmers without a target: from one near place to the next."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    wet = k.moves == SWIM
    if wet and not m.in_water:
        return
    m.state_left -= 1
    dx, dy, dz = m.goal_x - m.x, m.goal_y - m.y, m.goal_z - m.z
    away = math.sqrt(dx * dx + dy * dy + dz * dz)
    if m.state != WANDER or m.state_left <= 0 or away < 1.0:
        m.state, m.state_left = WANDER, np.int16(40 + uniform(v.chance) * 60)
        m.goal_x = m.x + uniform(v.chance) * 14 - 7
        m.goal_y = m.y + uniform(v.chance) * 6 - (3.2 if m.y > 4 else 0.0)
        m.goal_z = m.z + uniform(v.chance) * 14 - 7
        cell = at(v.blocks, v.bounds, np.int64(math.floor(m.goal_x)), np.int64(math.floor(m.goal_y)),
                  np.int64(math.floor(m.goal_z)))
        if (LIQUID[cell] == WATER) != wet or blocks_way(cell) or m.goal_y > 126:
            m.goal_x, m.goal_y, m.goal_z, m.state_left = m.x, m.y, m.z, 10
        return
    speed = k.speed / max(away, 0.1)
    v.now[TO_X], v.now[TO_Y], v.now[TO_Z] = dx * speed, dy * speed, dz * speed


@lean
def roam(v, i, x, z, speed):
    """Begin a walk to a place, or to the nearest cell on the way there that can be walked to."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    scale = body_scale(m, k)
    tall = np.int64(math.ceil(k.height * scale - 0.05))
    m.goal_x, m.goal_y, m.goal_z = x, m.y, z
    if not clear_walk(v.blocks, v.bounds, m.x, m.y, m.z, x, m.y, z, k.width * scale, tall, DROP):
        v.pos[0], v.pos[1], v.pos[2] = m.x, m.y, m.z
        v.vel[0], v.vel[1], v.vel[2] = x, m.y, z
        way(v.blocks, v.bounds, v.seen, v.pos, v.vel, k.width * scale, tall)
        m.goal_x, m.goal_y, m.goal_z = v.pos[0], v.pos[1], v.pos[2]
    m.state_left = np.int16(20 + math.hypot(m.goal_x - m.x, m.goal_z - m.z) / max(speed, 0.02))


@lean
def vanish(v, i, x, y, z, spread):
    """Teleport to somewhere within `spread` of a place where the body has room; False (and no move) where none is."""
    m = v.mobs[i]
    tall = np.int64(math.ceil(v.kinds[m.kind].height))
    for _ in range(16):
        to_x = np.int64(math.floor(x + (uniform(v.chance) * 2 - 1) * spread))
        to_y = np.int64(math.floor(y + (uniform(v.chance) * 2 - 1) * min(spread, 16.0)))
        to_z = np.int64(math.floor(z + (uniform(v.chance) * 2 - 1) * spread))
        for level in range(min(to_y, 126), max(to_y - 32, 0), -1):
            if can_stand(v.blocks, v.bounds, to_x, level, to_z, tall, False):
                m.x, m.y, m.z = to_x + 0.5, float(level), to_z + 0.5
                m.vx, m.vy, m.vz, m.fall = 0.0, 0.0, 0.0, 0.0
                return True
            if blocks_way(at(v.blocks, v.bounds, to_x, level, to_z)):
                break
    return False
