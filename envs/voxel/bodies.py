"""How a mob's body moves and what the place does to it: falling, swimming, knocks, fire, drowning, limbs; compiled.

One `View` carries everything the compiled mind and body read and write.
"""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.chance import uniform
from veclink.envs.voxel.entities import NOBODY
from veclink.envs.voxel.kinds import (
    AIRLESS,
    BURNS,
    CLIMBS,
    FIREPROOF,
    FLOATS,
    FLY,
    GILLS,
    HATES_WATER,
    HOP,
    HOVER,
    STILL,
    SWIM,
    UNHARMED,
)
from veclink.envs.voxel.paths import FULL, LAVA, LIQUID, TOP, WATER, at, blocks_way, lean
from veclink.envs.voxel.physics import move_box

GRAVITY, DRAG = 0.08, 0.98  # blocks a tick squared; share of the speed kept
JUMP = 0.42
WATER_GRAVITY, WATER_DRAG, LAVA_DRAG, BUOYANCY = 0.02, 0.8, 0.5, 0.04
GROUND_GRIP, AIR_GRIP = 0.546, 0.91  # share of the level speed kept on plain ground, in the air
AIR_CONTROL = 0.25  # of the push that a walker has on the ground
SLOWEST = 0.003  # blocks a tick; what is slower stands still
LUNGS = 300  # ticks of air
SLIP = np.array(BLOCKS.slip)
LADDER = np.array(BLOCKS.climbable)
FIRE, CACTUS, WEB = BLOCKS.id("fire"), BLOCKS.id("cactus"), BLOCKS.id("web")

# What compiled code asks of Python: (code, slot, four numbers). Codes are floats: numba would compile `tell` once for
# each whole number.
EVENTS = 256
HURT, HIT, SHOOT, BOOM, EGG, EATEN, MATE, GONE = 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0
CAUSES = ("fall", "drown", "lava", "onFire", "mob", "arrow", "explosion", "starve", "inWall", "cactus", "outOfWorld",
          "thrown", "magic")
BY_FALL, BY_DROWNING, BY_LAVA, BY_FIRE = 0.0, 1.0, 2.0, 3.0
BY_WALL, BY_CACTUS, BY_VOID = 8.0, 9.0, 10.0

# Places in `now`. The player as mobs see it:
WX, WY, WZ, EYE, YAW, PITCH, PREY, FOOD, SNEAKS = range(9)
# the sky, the tick, the difficulty, how many events there are:
DARK, RAIN, TICK, LEVEL, TOLD = range(9, 14)
# and what the mob whose turn it is wants: speed, a leap, heading, head's yaw and pitch, whether heading was chosen.
TO_X, TO_Y, TO_Z, LEAP, FACE, LOOK, NOD, TURNS = range(14, 22)
NOW = 22

IDLE, WANDER, PANIC, TEMPT, CHASE, COURT, GRAZE, SHUN, SIT, HEEL = range(10)  # of a mob's `state`

View = namedtuple("View", "blocks meta light bounds mobs kinds now events chance pos vel flags seen")


@lean
def tell(v, code, slot, a, b, c, d):
    """Leave a message for Python; what does not fit is dropped (the list is far longer than one tick needs)."""
    n = np.int64(v.now[TOLD])
    if n < EVENTS:
        v.events[n, 0], v.events[n, 1], v.events[n, 2] = code, slot, a
        v.events[n, 3], v.events[n, 4], v.events[n, 5] = b, c, d
        v.now[TOLD] = n + 1


@lean
def light_at(v, x, y, z):
    """Light as mobs feel it now, 0..15."""
    if y < 0 or y > 127:
        return 15 - np.int64(v.now[DARK])
    if x < v.bounds[0] or x >= v.bounds[1] or z < v.bounds[2] or z >= v.bounds[3]:
        return 0
    light = v.light[x & 127, y, z & 127]
    return max(np.int64(light >> 4) - np.int64(v.now[DARK]), np.int64(light & 15))


@lean
def in_sun(v, x, y, z):
    """Whether the sky is open above the cell."""
    return y > 127 or (y >= 0 and v.light[x & 127, y, z & 127] >> 4 == 15)


@lean
def body_scale(m, k):
    """Factor on a kind's width and height: babies are half as large, slimes `size` times."""
    scale = 0.5 if m.baby else 1.0
    return scale * m.size if k.moves == HOP else scale


@lean
def move(v, i):
    """Move a body by one tick: what it wants (`wish`), what pushes it, what stops it."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    scale = body_scale(m, k)
    x, y, z = np.int64(math.floor(m.x)), np.int64(math.floor(m.y)), np.int64(math.floor(m.z))
    here = at(v.blocks, v.bounds, x, np.int64(math.floor(m.y + 0.4 * k.height * scale)), z)
    liquid = LIQUID[here]
    was_falling = m.vy < 0
    if k.moves == FLY or k.moves == HOVER:
        _fly(v, m)
    elif k.moves == SWIM and liquid == WATER:
        _swim(v, m)
    elif k.moves == STILL:
        m.vx, m.vz = 0.0, 0.0
    else:
        _push(v, m, k, liquid, at(v.blocks, v.bounds, x, np.int64(math.floor(m.y - 0.2)), z))
    if here == WEB:
        m.vx, m.vy, m.vz = m.vx * 0.25, m.vy * 0.05, m.vz * 0.25
    v.pos[0], v.pos[1], v.pos[2] = m.x, m.y, m.z
    if rests(v, i, m, k, liquid):
        m.vx, m.vz = 0.0, 0.0
        _walk_cycle(v, m, k)
        return
    v.vel[0], v.vel[1], v.vel[2] = m.vx, m.vy, m.vz
    move_box(v.blocks, v.meta, v.bounds, v.pos, v.vel, k.width * scale, k.height * scale, k.step, v.flags)
    _walk_cycle(v, m, k)
    fallen = m.y - v.pos[1]
    m.x, m.y, m.z = v.pos[0], v.pos[1], v.pos[2]
    m.vx, m.vy, m.vz = v.vel[0], v.vel[1], v.vel[2]
    bumped = _land(v, i, m, k, fallen, was_falling, liquid)
    _brake(v, m, k, liquid, bumped, x, y, z)


@lean
def rests(v, i, m, k, liquid):
    """Whether a body stands still on the ground, so that it need not be moved; every fourth tick it is, to notice
    when the ground is gone."""
    return (m.on_ground and liquid == 0 and abs(m.vx) < SLOWEST and abs(m.vz) < SLOWEST and m.vy <= 0.0
            and v.now[TO_X] == 0 and v.now[TO_Z] == 0 and v.now[LEAP] == 0
            and k.moves != FLY and k.moves != HOVER and (np.int64(v.now[TICK]) + i) & 3 != 0)


@lean
def _push(v, m, k, liquid, below):
    """Walkers: add the legs' push, and a leap where one is wanted."""
    wish = v.now
    if liquid > 0:
        m.vx += (wish[TO_X]) * 0.2
        m.vz += (wish[TO_Z]) * 0.2
        if k.moves != SWIM and uniform(v.chance) < 0.8:
            m.vy += BUOYANCY
        return
    if m.on_ground:
        slip = SLIP[below]
        push = (1 - GROUND_GRIP) * (0.216 / (slip * slip * slip))
        m.vx += wish[TO_X] * push
        m.vz += wish[TO_Z] * push
        if wish[LEAP] > 0:
            m.vy = wish[LEAP]
            m.on_ground = False
    else:
        push = (1 - GROUND_GRIP) * AIR_CONTROL
        m.vx += wish[TO_X] * push
        m.vz += wish[TO_Z] * push


@lean
def _fly(v, m):
    """Flyers: come up to the wanted speed."""
    wish = v.now
    m.vx += (wish[TO_X] - m.vx) * 0.1
    m.vy += (wish[TO_Y] - m.vy) * 0.1
    m.vz += (wish[TO_Z] - m.vz) * 0.1


@lean
def _swim(v, m):
    """Water animals in water: the same, and they do not sink."""
    wish = v.now
    m.vx += (wish[TO_X] - m.vx) * 0.15
    m.vy += (wish[TO_Y] - m.vy) * 0.15
    m.vz += (wish[TO_Z] - m.vz) * 0.15


@lean
def _land(v, i, m, k, fallen, was_falling, liquid):
    """After the move: ground, fall damage, a jump over what is in the way. Returns whether something was."""
    m.on_ground = v.flags[0] != 0
    m.in_water = liquid == WATER
    bumped = v.flags[1] != 0
    if liquid > 0 or k.moves == FLY or k.moves == HOVER:
        m.fall = 0.0
    elif m.on_ground:
        if m.fall > 3.0 and k.traits & (UNHARMED | FLOATS) == 0:
            tell(v, HURT, i, 1.0 * math.ceil(m.fall - 3.0), BY_FALL, 0.0, 0.0)
        m.fall = 0.0
    elif was_falling and fallen > 0:
        m.fall += np.float32(fallen)
    return bumped


@lean
def _brake(v, m, k, liquid, bumped, x, y, z):
    """Drag and gravity for the next tick, and what a body does when it runs into something."""
    if k.moves == FLY or k.moves == HOVER or (k.moves == SWIM and liquid == WATER):
        return
    wants = v.now[TO_X] != 0 or v.now[TO_Z] != 0
    if liquid > 0:
        drag = WATER_DRAG if liquid == WATER else LAVA_DRAG
        m.vx, m.vy, m.vz = m.vx * drag, m.vy * drag - WATER_GRAVITY, m.vz * drag
        if bumped and wants:
            m.vy = 0.3  # climbs out
        return
    climbs = LADDER[at(v.blocks, v.bounds, x, y, z)]
    if bumped and wants and (k.traits & CLIMBS or climbs):
        m.vy = 0.2
        m.fall = 0.0
    elif bumped and wants and m.on_ground and k.moves != HOP and k.moves != STILL:
        ahead_x = np.int64(math.floor(m.x + np.sign(v.now[TO_X]) * min(1.0, abs(v.now[TO_X]) * 20)
                                      * (k.width * 0.5 + 0.3)))
        ahead_z = np.int64(math.floor(m.z + np.sign(v.now[TO_Z]) * min(1.0, abs(v.now[TO_Z]) * 20)
                                      * (k.width * 0.5 + 0.3)))
        level = np.int64(math.floor(m.y + 0.01))
        wall = at(v.blocks, v.bounds, ahead_x, level, ahead_z)
        if not blocks_way(at(v.blocks, v.bounds, ahead_x, level + 1, ahead_z)) and TOP[wall] <= 1.0:
            m.vy = JUMP
    if climbs:
        m.vy = max(m.vy, -0.15)
        m.fall = 0.0
    grip = AIR_GRIP
    if m.on_ground:
        grip = 0.91 * SLIP[at(v.blocks, v.bounds, x, np.int64(math.floor(m.y - 0.2)), z)]
    m.vx, m.vz = m.vx * grip, m.vz * grip
    if m.vy <= 0 or not m.on_ground:
        m.vy = (m.vy - GRAVITY) * DRAG
    if k.traits & FLOATS and m.vy < 0 and not m.on_ground:
        m.vy *= 0.6


@lean
def _walk_cycle(v, m, k):
    """Limbs swing by the way made; body and head turn towards where the mob goes and looks."""
    dx, dz = v.pos[0] - m.x, v.pos[2] - m.z
    way = math.sqrt(dx * dx + dz * dz)
    m.swing += np.float32((min(1.0, way * 4.0) - m.swing) * 0.4)
    m.phase = np.float32((m.phase + m.swing * 0.6662) % (2 * math.pi))
    m.yaw = _turned(m.yaw, v.now[FACE], 30.0)
    look = v.now[LOOK]
    off = (look - m.yaw + 180.0) % 360.0 - 180.0
    m.head_yaw = _turned(m.head_yaw, m.yaw + max(-75.0, min(75.0, off)), 20.0)
    m.head_pitch += np.float32(max(-10.0, min(10.0, v.now[NOD] - m.head_pitch)))


@lean
def _turned(angle, to, most):
    """An angle turned towards another by at most so many degrees, -180..180."""
    off = (to - angle + 180.0) % 360.0 - 180.0
    return np.float32((angle + max(-most, min(most, off)) + 180.0) % 360.0 - 180.0)


@lean
def suffer(v, i):
    """What time and place do to a body: clocks, lava, fire, sun, drowning, walls, cactus, the void."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    clocks(m)
    scale = body_scale(m, k)
    x, z = np.int64(math.floor(m.x)), np.int64(math.floor(m.z))
    y, eye = np.int64(math.floor(m.y + 0.1)), np.int64(math.floor(m.y + 0.85 * k.height * scale))
    feet, head = at(v.blocks, v.bounds, x, y, z), at(v.blocks, v.bounds, x, eye, z)
    if m.y < -16:
        tell(v, HURT, i, 1000.0, BY_VOID, 0.0, 0.0)
    wet = LIQUID[feet] == WATER
    _heat(v, i, m, k, feet, wet, x, eye, z)
    if LIQUID[head] == WATER and k.traits & (GILLS | AIRLESS) == 0:
        m.air -= 1
        if m.air <= -20:
            m.air = 0
            tell(v, HURT, i, 2.0, BY_DROWNING, 0.0, 0.0)
    elif k.traits & GILLS and not wet:
        m.air -= 1
        if m.air <= -20 and k.moves == SWIM:
            m.air = 0
            tell(v, HURT, i, 2.0, BY_DROWNING, 0.0, 0.0)
    else:
        m.air = LUNGS
    if k.traits & HATES_WATER and m.hurt == 0 and (wet or (v.now[RAIN] > 0 and in_sun(v, x, eye, z))):
        tell(v, HURT, i, 1.0, BY_DROWNING, 0.0, 0.0)
    if m.hurt == 0 and FULL[head]:
        tell(v, HURT, i, 1.0, BY_WALL, 0.0, 0.0)
    if m.hurt == 0 and (np.int64(v.now[TICK]) + i) % 10 == 0:
        reach = k.width * scale * 0.5 + 0.07
        for side in range(4):
            near_x = np.int64(math.floor(m.x + reach * ((side == 0) - (side == 1))))
            near_z = np.int64(math.floor(m.z + reach * ((side == 2) - (side == 3))))
            if at(v.blocks, v.bounds, near_x, y, near_z) == CACTUS:
                tell(v, HURT, i, 1.0, BY_CACTUS, 0.0, 0.0)
                break


@lean
def clocks(m):
    """Count down what runs out by itself."""
    if m.hurt > 0:
        m.hurt -= 1
    if m.rest > 0:
        m.rest -= 1
    if m.angry > 0:
        m.angry -= 1
    if m.love > 0:
        m.love -= 1
    if m.egg > 1 and not m.baby:
        m.egg -= 1  # at 1 it is laid
    if m.age > 0:
        m.age -= 1
    elif m.age < 0:
        m.age += 1
        m.baby = m.age < 0


@lean
def _heat(v, i, m, k, feet, wet, x, eye, z):
    """Lava, fire and, for some, the sun."""
    if LIQUID[feet] == LAVA and k.traits & FIREPROOF == 0:
        m.fire = 300
        if m.hurt == 0:
            tell(v, HURT, i, 4.0, BY_LAVA, 0.0, 0.0)
    elif feet == FIRE and k.traits & FIREPROOF == 0:
        m.fire = max(m.fire, 160)
        if m.hurt == 0:
            tell(v, HURT, i, 1.0, BY_FIRE, 0.0, 0.0)
    if k.traits & BURNS and not m.baby and m.fire == 0 and v.now[DARK] < 4 and not wet and v.now[RAIN] == 0:
        light = light_at(v, x, eye, z) / 15.0
        bright = light / (4.0 - 3.0 * light)
        if bright > 0.5 and in_sun(v, x, eye, z) and uniform(v.chance) * 30.0 < (bright - 0.4) * 2.0:
            m.fire = 160
    if m.fire > 0:
        m.fire -= 1
        if wet or (v.now[RAIN] > 0 and in_sun(v, x, eye, z)):
            m.fire = 0
        elif m.fire % 20 == 0 and LIQUID[feet] != LAVA:
            tell(v, HURT, i, 1.0, BY_FIRE, 0.0, 0.0)


@lean
def jostle(v, slots, n):
    """Bodies that overlap push one another apart a little."""
    for first in range(n):
        a = v.mobs[slots[first]]
        half = v.kinds[a.kind].width * body_scale(a, v.kinds[a.kind]) * 0.5
        dx, dz = v.now[WX] - a.x, v.now[WZ] - a.z
        away = max(abs(dx), abs(dz))
        if 0.01 < away < half + 0.3 and abs(a.y - v.now[WY]) < 1.8:
            root = math.sqrt(away)
            push = 0.05 * min(1.0, 1.0 / root) / root
            a.vx -= dx * push
            a.vz -= dz * push
        for second in range(first + 1, n):
            b = v.mobs[slots[second]]
            dx, dz = b.x - a.x, b.z - a.z
            if abs(dx) > 2.0 or abs(dz) > 2.0 or abs(a.y - b.y) > 2.0:
                continue
            away = max(abs(dx), abs(dz))
            if away < 0.01 or away > half + v.kinds[b.kind].width * body_scale(b, v.kinds[b.kind]) * 0.5:
                continue
            root = math.sqrt(away)
            push = 0.05 * min(1.0, 1.0 / root) / root
            a.vx -= dx * push
            a.vz -= dz * push
            b.vx += dx * push
            b.vz += dz * push


@lean
def forget(m):
    """Drop the target and whatever was being done to it."""
    m.target = NOBODY
    m.state = 0
    m.fuse = 0
    m.state_left = 0


