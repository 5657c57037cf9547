"""What mobs want: one state machine for all kinds, compiled; what must happen in Python is told by events.

States: a mob without a target idles, wanders, panics, follows food, looks for a mate, grazes, runs away or sits; one
with a target hunts it, by walking up to it, by shooting, by swelling.
"""

from __future__ import annotations

import math

import numpy as np

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.bodies import (
    CHASE,
    COURT,
    DARK,
    EATEN,
    EGG,
    FACE,
    FOOD,
    GONE,
    GRAZE,
    HEEL,
    IDLE,
    LOOK,
    MATE,
    NOD,
    NOW,
    PANIC,
    PREY,
    RAIN,
    SHUN,
    SIT,
    SNEAKS,
    TEMPT,
    TICK,
    TO_X,
    TO_Z,
    TURNS,
    WANDER,
    WX,
    WY,
    WZ,
    clocks,
    forget,
    in_sun,
    jostle,
    move,
    suffer,
    tell,
)
from veclink.envs.voxel.chance import uniform
from veclink.envs.voxel.entities import NOBODY, THE_PLAYER
from veclink.envs.voxel.hunting import hunt, keeps, seek, stared_at
from veclink.envs.voxel.kinds import (
    BLINKS,
    FLY,
    GROUPS,
    HOP,
    HOSTILE,
    HOVER,
    LURES,
    NEUTRAL,
    STILL,
    SWIM,
    THE_PLAYERS,
)
from veclink.envs.voxel.paths import at, lean
from veclink.envs.voxel.steps import drift, heading, hop, roam, vanish, walk

GRAZING = 40  # ticks a sheep's meal takes
NEAR, FAR = 32.0, 128.0  # despawning: by chance beyond the first, at once beyond the second
GRASS, TALL_GRASS = BLOCKS.id("grass"), BLOCKS.id("tallgrass")
VILLAGERS = 1 << GROUPS.index("villager")
PETS = 1 << GROUPS.index("wolf") | 1 << GROUPS.index("cat")
PATIENCE = 600  # ticks before the first of them counts


@lean
def tick_all(v, slots):
    """One tick of every mob that is alive and stands in the loaded part. `slots` is scratch, (n,) int64."""
    n = np.int64(0)
    for i in range(v.mobs.shape[0]):
        m = v.mobs[i]
        if m.alive and v.bounds[0] <= m.x < v.bounds[1] and v.bounds[2] <= m.z < v.bounds[3]:
            slots[n] = i
            n += 1
    for number in range(n):
        i = slots[number]
        m = v.mobs[i]
        if dozes(m, v.now[WX], v.now[WY], v.now[WZ], np.int64(v.now[TICK]) + m.id):
            clocks(m)
            continue
        v.now[TO_X:NOW] = 0.0
        v.now[FACE], v.now[LOOK] = m.yaw, m.head_yaw
        suffer(v, i)
        think(v, i)
        if v.now[TURNS] == 0 and (v.now[TO_X] != 0 or v.now[TO_Z] != 0):
            v.now[FACE] = heading(v.now[TO_X], v.now[TO_Z])
            if m.target == NOBODY and m.state != TEMPT:
                v.now[LOOK] = v.now[FACE]
        move(v, i)
    jostle(v, slots, n)


@lean
def dozes(m, x, y, z, turn):
    """Whether a body far from the player (at x, y, z) rests, its mind empty: it lives every fifth tick only."""
    return (m.state == IDLE and m.target == NOBODY and turn % 5 != 0 and m.on_ground and not m.in_water
            and m.vx == 0.0 and m.vz == 0.0 and m.fire == 0 and m.hurt == 0 and m.love == 0 and not m.tame
            and (m.x - x) ** 2 + (m.y - y) ** 2 + (m.z - z) ** 2 > NEAR * NEAR)


@lean
def think(v, i):
    """Choose what to do this tick and write it into `wish`."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    turn = (np.int64(v.now[TICK]) + m.id) % 10 == 0
    if turn and leaves(v, i):
        tell(v, GONE, i, 0.0, 0.0, 0.0, 0.0)
        return
    lays_or_grazes(v, i)
    if m.target != NOBODY and not keeps(v, i):
        forget(m)
    if m.target == NOBODY and turn and m.state != PANIC:
        seek(v, i)
    elif m.target == NOBODY and k.traits & BLINKS and stared_at(v, i):
        m.target, m.angry = THE_PLAYER, 400
    if m.target != NOBODY:
        hunt(v, i)
    elif k.moves == HOP:
        hop(v, i, 0.0, 0.0, 0.0)
    elif k.moves == SWIM or k.moves == FLY or k.moves == HOVER:
        drift(v, i)
    elif k.moves != STILL:
        live(v, i)
    if k.traits & BLINKS:
        blinks_off(v, i)


@lean
def leaves(v, i):
    """Whether a mob that nobody keeps disappears; asked every tenth tick."""
    m = v.mobs[i]
    if m.persistent or m.tame:
        return False
    away = math.sqrt((m.x - v.now[WX]) ** 2 + (m.y - v.now[WY]) ** 2 + (m.z - v.now[WZ]) ** 2)
    if away > FAR:
        return True
    if away <= NEAR:
        m.idle = 0
        return False
    m.idle += 10
    return m.idle > PATIENCE and uniform(v.chance) < 10.0 / 800.0


@lean
def lays_or_grazes(v, i):
    """Hens count down to their next egg; sheep eat grass now and then and get their wool back."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    if m.egg == 1 and not m.baby:
        tell(v, EGG, i, 0.0, 0.0, 0.0, 0.0)
        m.egg = 6000 + np.int32(uniform(v.chance) * 6000)
    if k.wool and m.state == IDLE and uniform(v.chance) < (0.02 if m.baby else 0.001):
        x, y, z = np.int64(math.floor(m.x)), np.int64(math.floor(m.y + 0.01)), np.int64(math.floor(m.z))
        if edible(v, x, y, z):
            m.state, m.state_left = GRAZE, GRAZING


@lean
def edible(v, x, y, z):
    """Whether a sheep at the cell has grass under or before it."""
    return at(v.blocks, v.bounds, x, y - 1, z) == GRASS or at(v.blocks, v.bounds, x, y, z) == TALL_GRASS


@lean
def live(v, i):
    """A walker without a target: the first of its needs that is pressing."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    speed = k.speed * (1.5 if m.baby and k.mood >= HOSTILE else 1.0)
    if m.state == CHASE:
        m.state = IDLE
    if m.state == PANIC:
        flee(v, i, speed * max(k.panic, 1.2))
    elif m.state == SIT:
        return
    elif m.state == GRAZE:
        graze(v, i)
    elif (m.love > 0 and court(v, i, speed)) or tempted(v, i, speed * k.tempt) or heels(v, i, speed):
        return
    elif m.state == SHUN or shuns(v, i):
        if not walk(v, i, m.goal_x, m.goal_z, speed * 1.33) or step_done(m):
            m.state = IDLE
    elif m.state == WANDER:
        if not walk(v, i, m.goal_x, m.goal_z, speed) or step_done(m):
            m.state, m.state_left = IDLE, 0
    else:
        idle(v, i, speed)


@lean
def step_done(m):
    """Count a walk's time down; whether it is over or has come where it went."""
    m.state_left -= 1
    return m.state_left <= 0 or (m.goal_x - m.x) ** 2 + (m.goal_z - m.z) ** 2 < 0.25


@lean
def idle(v, i, speed):
    """Stand and look about; now and then set out for somewhere near. None does far from the player (as in 1.11)."""
    m = v.mobs[i]
    if (m.x - v.now[WX]) ** 2 + (m.y - v.now[WY]) ** 2 + (m.z - v.now[WZ]) ** 2 > NEAR * NEAR:
        return
    if uniform(v.chance) < 1.0 / 120.0:
        x = m.x + uniform(v.chance) * 20 - 10
        z = m.z + uniform(v.chance) * 20 - 10
        if v.kinds[m.kind]["is"] & VILLAGERS and (v.now[DARK] >= 4 or v.now[RAIN] > 0):
            x, z = m.home_x, m.home_z  # the way home, or a stay there
        elif m.baby and uniform(v.chance) < 0.8:
            other = nearest_grown(v, i)
            if other >= 0:
                x, z = v.mobs[other].x, v.mobs[other].z
        m.state = WANDER
        roam(v, i, x, z, speed)
        return
    if m.state_left > 0:
        m.state_left -= 1
        v.now[LOOK] = m.extra
    elif uniform(v.chance) < 0.02:
        m.state_left = np.int16(40 + uniform(v.chance) * 40)
        dx, dz = v.now[WX] - m.x, v.now[WZ] - m.z
        if dx * dx + dz * dz < 36.0 and uniform(v.chance) < 0.5:
            m.extra = np.int32(heading(dx, dz))
        else:
            m.extra = np.int32(m.yaw + uniform(v.chance) * 150 - 75)


@lean
def nearest_grown(v, i):
    """The slot of the nearest grown mob of the same kind within 8 blocks, or -1."""
    m = v.mobs[i]
    best, found = 64.0, -1
    for j in range(v.mobs.shape[0]):
        b = v.mobs[j]
        if b.alive and j != i and b.kind == m.kind and not b.baby:
            away = (b.x - m.x) ** 2 + (b.y - m.y) ** 2 + (b.z - m.z) ** 2
            if away < best:
                best, found = away, j
    return found


@lean
def flee(v, i, speed):
    """Hurt: run here and there until the fright is over. `idle` counts it down, `state_left` the present leg."""
    m = v.mobs[i]
    m.idle -= 1
    if m.idle <= 0:
        m.state, m.state_left, m.idle = IDLE, 0, 0
        return
    if step_done(m):
        roam(v, i, m.x + uniform(v.chance) * 10 - 5, m.z + uniform(v.chance) * 10 - 5, speed)
    if not walk(v, i, m.goal_x, m.goal_z, speed):
        m.state_left = 0


@lean
def graze(v, i):
    """A sheep with its head down; near the end the grass is gone."""
    m = v.mobs[i]
    m.state_left -= 1
    v.now[NOD] = 40.0
    if m.state_left == 4:
        tell(v, EATEN, i, 1.0 * math.floor(m.x), 1.0 * math.floor(m.y + 0.01), 1.0 * math.floor(m.z), 0.0)
    if m.state_left <= 0:
        m.state, m.state_left = IDLE, 0


@lean
def court(v, i, speed):
    """In love: go to the nearest of its kind in love; a calf comes after three seconds side by side."""
    m = v.mobs[i]
    best, other = 64.0, -1
    for j in range(v.mobs.shape[0]):
        b = v.mobs[j]
        if b.alive and j != i and b.kind == m.kind and b.love > 0:
            away = (b.x - m.x) ** 2 + (b.y - m.y) ** 2 + (b.z - m.z) ** 2
            if away < best:
                best, other = away, j
    if other < 0:
        if m.state == COURT:
            m.state, m.state_left = IDLE, 0
        return False
    b = v.mobs[other]
    if m.state != COURT:
        m.state, m.state_left = COURT, 0
    v.now[LOOK] = heading(b.x - m.x, b.z - m.z)
    if best < 9.0:
        m.state_left += 1
        if m.state_left >= 60 and i < other:
            tell(v, MATE, i, 1.0 * other, 0.0, 0.0, 0.0)
    if best > 1.5:
        walk(v, i, b.x, b.z, speed)
    return True


@lean
def tempted(v, i, speed):
    """Follow whoever holds the food it likes, up to 2.5 blocks."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    food = np.int32(v.now[FOOD])
    likes = False
    if v.now[PREY] >= 0 and food > 0:
        for number in range(LURES):
            likes = likes or k.lure[number] == food
    dx, dy, dz = v.now[WX] - m.x, v.now[WY] - m.y, v.now[WZ] - m.z
    away = dx * dx + dy * dy + dz * dz
    if not likes or away > 100.0 or (k.mood == NEUTRAL and not m.tame):
        if m.state == TEMPT:
            m.state, m.state_left = IDLE, 0
        return False
    m.state = TEMPT
    v.now[LOOK] = heading(dx, dz)
    if away > 6.25:
        walk(v, i, v.now[WX], v.now[WZ], speed)
    return True


@lean
def heels(v, i, speed):
    """A tame wolf or cat follows its owner, and is there at once when it was left far behind."""
    m = v.mobs[i]
    if not m.tame or v.kinds[m.kind]["is"] & PETS == 0:
        return False
    dx, dy, dz = v.now[WX] - m.x, v.now[WY] - m.y, v.now[WZ] - m.z
    away = dx * dx + dy * dy + dz * dz
    if away < 9.0 or (away < 100.0 and m.state != HEEL):
        if m.state == HEEL:
            m.state, m.state_left = IDLE, 0
        return False
    m.state = HEEL
    if away > 144.0:
        vanish(v, i, v.now[WX], v.now[WY], v.now[WZ], 2.5)
    else:
        walk(v, i, v.now[WX], v.now[WZ], speed)
    return True


@lean
def shuns(v, i):
    """Something it fears is near: run the other way. Asked every tenth tick."""
    m = v.mobs[i]
    k = v.kinds[m.kind]
    if k.shuns == 0 or m.tame or (np.int64(v.now[TICK]) + m.id) % 10 != 5:
        return False
    dx, dz, best = 0.0, 0.0, 64.0
    if k.shuns & THE_PLAYERS and v.now[SNEAKS] == 0:
        dx, dz = m.x - v.now[WX], m.z - v.now[WZ]
        best = min(best, dx * dx + dz * dz + (m.y - v.now[WY]) ** 2)
    for j in range(v.mobs.shape[0]):
        b = v.mobs[j]
        if b.alive and v.kinds[b.kind]["is"] & k.shuns:
            away = (b.x - m.x) ** 2 + (b.y - m.y) ** 2 + (b.z - m.z) ** 2
            if away < best:
                best, dx, dz = away, m.x - b.x, m.z - b.z
    if best >= 64.0:
        return False
    length = math.sqrt(dx * dx + dz * dz) + 1e-6
    turned = (uniform(v.chance) - 0.5) * 1.5
    dx, dz = dx / length - dz / length * turned, dz / length + dx / length * turned
    m.state = SHUN
    roam(v, i, m.x + dx * 8, m.z + dz * 8, k.speed * 1.33)
    return True


@lean
def blinks_off(v, i):
    """Endermen teleport out of water, rain and sun, and to a target that keeps away."""
    m = v.mobs[i]
    x, z = np.int64(math.floor(m.x)), np.int64(math.floor(m.z))
    eye = np.int64(math.floor(m.y + 2.55))
    open_sky = in_sun(v, x, eye, z)
    if m.in_water or (v.now[RAIN] > 0 and open_sky):
        vanish(v, i, m.x, m.y, m.z, 32.0)
    elif open_sky and v.now[DARK] < 4 and uniform(v.chance) < 0.03:
        forget(m)
        vanish(v, i, m.x, m.y, m.z, 32.0)
    elif m.target == THE_PLAYER and uniform(v.chance) < 1.0 / 30.0:
        away = (v.now[WX] - m.x) ** 2 + (v.now[WZ] - m.z) ** 2
        if away > 256.0:
            vanish(v, i, v.now[WX], v.now[WY], v.now[WZ], 8.0)
