"""How the player's body moves in one tick: walking, jumping, swimming, climbing, falling; compiled, Minecraft 1.11's.

One call takes what the player wants (`body`) and moves place and speed.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.physics import (
    CLIMBABLE,
    GROUND,
    IN_LAVA,
    IN_SOUL_SAND,
    IN_WATER,
    IN_WEB,
    SLIP,
    WALL,
    WATER,
    at,
    flow,
    inside,
    move_box,
    overlaps,
)

WIDTH, HEIGHT, SNEAK_HEIGHT = 0.6, 1.8, 1.65
EYE, SNEAK_EYE = 1.62, 1.54
STEP = 0.6
WALK, SPRINT, SNEAK, USING = 0.1, 1.3, 0.3, 0.2  # push on the ground; factors
AIR_PUSH, SPRINT_AIR_PUSH, LIQUID_PUSH = 0.02, 0.026, 0.02
GRAVITY, DRAG, AIR_GRIP = 0.08, 0.98, 0.91
WATER_DRAG, LAVA_DRAG, SINK = 0.8, 0.5, 0.02
JUMP, SPRINT_LEAP, JUMP_REST = 0.42, 0.2, 10
SWIM_UP, CLIMB_OUT = 0.04, 0.3
CLIMB, CLIMB_MOST = 0.2, 0.15
FLOW = 0.014
STILL = 0.003  # speeds below are none
INPUT = 0.98
GRIP_UNIT = 0.16277136  # (0.6 * 0.91) ** 3
SOUL_SAND_GRIP, WEB_LEVEL, WEB_FALL = 0.4, 0.25, 0.05
HAY_SOFTENS = 0.2
SLIME, HAY = BLOCKS.id("slime"), BLOCKS.id("hay_block")

# Places in `body`: what the player wants; what lasts; what came of it.
YAW, STRAFE, AHEAD, JUMPS, SNEAKS, SPRINTS, SLOWED = range(7)
REST, FALL, ON_GROUND, TALL = range(7, 11)
BITS, LANDED, WENT, JUMPED, BUMPED, ROSE = range(11, 17)
BODY = 17


@njit(cache=True)
def _push(vel, body, strafe, ahead, push):
    """Add to the level speed what the legs give, in the direction of the look."""
    size = strafe * strafe + ahead * ahead
    if size < 1e-4:
        return
    size = push / max(1.0, math.sqrt(size))
    strafe, ahead = strafe * size, ahead * size
    sine, cosine = math.sin(body[YAW] * math.pi / 180.0), math.cos(body[YAW] * math.pi / 180.0)
    vel[0] += strafe * cosine - ahead * sine
    vel[2] += ahead * cosine + strafe * sine


@njit(cache=True)
def _free(blocks, meta, bounds, pos, dx, dy, dz, height):
    """Whether the body would be free of blocks at an offset."""
    place = np.empty(3)
    place[0], place[1], place[2] = pos[0] + dx, pos[1] + dy, pos[2] + dz
    return not overlaps(blocks, meta, bounds, place, WIDTH, height, 1e-3)


@njit(cache=True)
def _hold_edge(blocks, meta, bounds, pos, vel, height):
    """Who sneaks does not step off an edge: shorten the way until there is ground below its end."""
    for axis in range(3):
        if axis == 1:
            continue
        while vel[axis] != 0.0 and _free(blocks, meta, bounds, pos, vel[0] * (axis == 0), -STEP, vel[2] * (axis == 2),
                                         height):
            vel[axis] = 0.0 if abs(vel[axis]) < 0.05 else vel[axis] - math.copysign(0.05, vel[axis])
    while vel[0] != 0.0 and vel[2] != 0.0 and _free(blocks, meta, bounds, pos, vel[0], -STEP, vel[2], height):
        vel[0] = 0.0 if abs(vel[0]) < 0.05 else vel[0] - math.copysign(0.05, vel[0])
        vel[2] = 0.0 if abs(vel[2]) < 0.05 else vel[2] - math.copysign(0.05, vel[2])


@njit(cache=True)
def _get_out(blocks, meta, bounds, pos, height):
    """A body that something was put into is pushed to the nearest free place beside or above it, if there is one."""
    best, near_x, near_y, near_z = 1e18, 0.0, 0.0, 0.0
    x, y, z = np.int64(math.floor(pos[0])), np.int64(math.floor(pos[1])), np.int64(math.floor(pos[2]))
    for way in range(5):
        dx, dy, dz = 0.0, 0.0, 0.0
        if way == 0:
            dx = x + 1.0 + WIDTH / 2 - pos[0]
        elif way == 1:
            dx = x - WIDTH / 2 - pos[0]
        elif way == 2:
            dz = z + 1.0 + WIDTH / 2 - pos[2]
        elif way == 3:
            dz = z - WIDTH / 2 - pos[2]
        else:
            dy = y + 1.0 - pos[1]
        size = abs(dx) + abs(dy) + abs(dz)
        if size < best and _free(blocks, meta, bounds, pos, dx, dy, dz, height):
            best, near_x, near_y, near_z = size, dx, dy, dz
    # Less than a cell: a foot or a shoulder that is caught.
    for part in range(1, 5):
        for way in range(5):
            dx = 0.1 * part * ((way == 0) - (way == 1))
            dz = 0.1 * part * ((way == 2) - (way == 3))
            dy = 0.125 * part * (way == 4)
            size = abs(dx) + abs(dy) + abs(dz)
            if size < best and _free(blocks, meta, bounds, pos, dx, dy, dz, height):
                best, near_x, near_y, near_z = size, dx, dy, dz
    if best < 1e18:
        pos[0] += near_x
        pos[1] += near_y
        pos[2] += near_z


@njit(cache=True)
def _in_liquid(blocks, meta, bounds, pos, vel, body, flags, strafe, ahead, drag):
    """A tick in water or lava."""
    before = pos[1]
    _push(vel, body, strafe, ahead, LIQUID_PUSH)
    move_box(blocks, meta, bounds, pos, vel, WIDTH, body[TALL], STEP, flags)
    vel[0], vel[1], vel[2] = vel[0] * drag, vel[1] * drag - SINK, vel[2] * drag
    if flags[WALL] and _free(blocks, meta, bounds, pos, vel[0], vel[1] + 0.6 - pos[1] + before, vel[2], body[TALL]):
        vel[1] = CLIMB_OUT


@njit(cache=True)
def _on_land(blocks, meta, bounds, pos, vel, body, flags, strafe, ahead, webbed):
    """A tick on the ground, on a ladder or in the air."""
    x, z = np.int64(math.floor(pos[0])), np.int64(math.floor(pos[2]))
    below = at(blocks, bounds, x, np.int64(math.floor(pos[1] - 1.0)), z)
    grip = AIR_GRIP
    push = SPRINT_AIR_PUSH if body[SPRINTS] > 0 else AIR_PUSH
    if body[ON_GROUND] > 0:
        grip = SLIP[below] * AIR_GRIP
        push = WALK * (SPRINT if body[SPRINTS] > 0 else 1.0) * GRIP_UNIT / (grip * grip * grip)
    _push(vel, body, strafe, ahead, push)
    if CLIMBABLE[at(blocks, bounds, x, np.int64(math.floor(pos[1])), z)]:
        vel[0] = min(max(vel[0], -CLIMB_MOST), CLIMB_MOST)
        vel[2] = min(max(vel[2], -CLIMB_MOST), CLIMB_MOST)
        vel[1] = max(vel[1], 0.0 if body[SNEAKS] > 0 else -CLIMB_MOST)
        body[FALL] = 0.0
    if webbed:
        body[FALL] = 0.0
        vel[0], vel[1], vel[2] = vel[0] * WEB_LEVEL, vel[1] * WEB_FALL, vel[2] * WEB_LEVEL
    if body[SNEAKS] > 0 and body[ON_GROUND] > 0:
        _hold_edge(blocks, meta, bounds, pos, vel, body[TALL])
    fell = vel[1]
    before = pos[1]
    move_box(blocks, meta, bounds, pos, vel, WIDTH, body[TALL], STEP, flags)
    on = at(blocks, bounds, np.int64(math.floor(pos[0])), np.int64(math.floor(pos[1] - 0.2)),
            np.int64(math.floor(pos[2])))
    if pos[1] < before:
        body[FALL] += before - pos[1]
    if flags[GROUND]:
        _land(vel, body, on, fell)
    if webbed:
        vel[0] = vel[1] = vel[2] = 0.0
    if flags[WALL] and CLIMBABLE[at(blocks, bounds, np.int64(math.floor(pos[0])), np.int64(math.floor(pos[1])),
                                    np.int64(math.floor(pos[2])))]:
        vel[1] = CLIMB
    vel[0], vel[1], vel[2] = vel[0] * grip, (vel[1] - GRAVITY) * DRAG, vel[2] * grip


@njit(cache=True)
def _land(vel, body, on, fell):
    """The end of a fall, by what one lands on."""
    fall = body[FALL]
    body[FALL] = 0.0
    if on == SLIME and body[SNEAKS] == 0:
        if fell < -0.2:
            vel[1] = -fell
        else:
            vel[0], vel[2] = vel[0] * 0.4, vel[2] * 0.4
        return
    body[LANDED] = fall * HAY_SOFTENS if on == HAY else fall


@njit(cache=True)
def _jump(vel, body, bits):
    """Jump or swim up, where that is wanted and can be."""
    if body[REST] > 0:
        body[REST] -= 1
    if body[JUMPS] == 0:
        body[REST] = 0
    elif bits & (IN_WATER | IN_LAVA):
        vel[1] += SWIM_UP
    elif body[ON_GROUND] > 0 and body[REST] == 0:
        vel[1] = JUMP
        if body[SPRINTS] > 0:
            vel[0] -= math.sin(body[YAW] * math.pi / 180.0) * SPRINT_LEAP
            vel[2] += math.cos(body[YAW] * math.pi / 180.0) * SPRINT_LEAP
        body[REST], body[JUMPED] = JUMP_REST, 1.0


@njit(cache=True)
def walk(blocks, meta, bounds, pos, vel, body, flags):
    """Move the player's body by one tick.

    Args:
        blocks, meta, bounds: the grid's.
        pos, vel: (3,) float64, of the feet, in blocks and blocks a tick; changed.
        body: (BODY,) float64. Read: YAW degrees, STRAFE -1..1 (1 left), AHEAD -1..1, JUMPS, SNEAKS, SPRINTS, SLOWED
            (uses something) 0 or 1. Lasting: REST ticks to the next jump, FALL blocks fallen, ON_GROUND, TALL the
            height. Written: BITS of `physics.inside` at the end, LANDED blocks of a fall that ended, WENT level way,
            ROSE upward way, JUMPED, BUMPED into a wall.
        flags: (3,) or longer, integers; scratch.
    """
    body[LANDED] = body[JUMPED] = 0.0
    want = SNEAK_HEIGHT if body[SNEAKS] > 0 else HEIGHT
    if want < body[TALL] or _free(blocks, meta, bounds, pos, 0.0, 0.0, 0.0, want):
        body[TALL] = want
    if overlaps(blocks, meta, bounds, pos, WIDTH, body[TALL], 1e-3):
        _get_out(blocks, meta, bounds, pos, body[TALL])
    x, y, z = pos[0], pos[1], pos[2]
    eye = SNEAK_EYE if body[SNEAKS] > 0 else EYE
    bits = inside(blocks, meta, bounds, pos, WIDTH, body[TALL], eye)
    if bits & (IN_WATER | IN_LAVA):
        body[FALL] = 0.0 if bits & IN_WATER else body[FALL] * 0.5
    if bits & IN_WATER:
        push_x, push_z = flow(blocks, meta, bounds, np.int64(math.floor(x)), np.int64(math.floor(y + 0.4)),
                              np.int64(math.floor(z)), WATER)
        vel[0], vel[2] = vel[0] + FLOW * push_x, vel[2] + FLOW * push_z
    for axis in range(3):
        if abs(vel[axis]) < STILL:
            vel[axis] = 0.0
    slow = INPUT * (SNEAK if body[SNEAKS] > 0 else 1.0) * (USING if body[SLOWED] > 0 else 1.0)
    strafe, ahead = body[STRAFE] * slow, body[AHEAD] * slow
    _jump(vel, body, bits)
    if bits & IN_WATER:
        _in_liquid(blocks, meta, bounds, pos, vel, body, flags, strafe, ahead, WATER_DRAG)
    elif bits & IN_LAVA:
        _in_liquid(blocks, meta, bounds, pos, vel, body, flags, strafe, ahead, LAVA_DRAG)
    else:
        _on_land(blocks, meta, bounds, pos, vel, body, flags, strafe, ahead, bits & IN_WEB != 0)
    bits = inside(blocks, meta, bounds, pos, WIDTH, body[TALL], eye)
    if bits & IN_WATER:
        body[LANDED] = 0.0
    if bits & IN_SOUL_SAND and body[ON_GROUND] > 0:
        vel[0], vel[2] = vel[0] * SOUL_SAND_GRIP, vel[2] * SOUL_SAND_GRIP
    body[BITS], body[ON_GROUND], body[BUMPED] = bits, flags[GROUND], flags[WALL]
    body[WENT] = math.sqrt((pos[0] - x) ** 2 + (pos[2] - z) ** 2)
    body[ROSE] = pos[1] - y
