"""Where a mob can stand and how it gets somewhere: cell tests, straight lines and a short search, all compiled."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS

# Compiled without numba's counting of references: these functions make no arrays, and the counts would cost more
# than all they do.
lean: Any = partial(njit, cache=True, _nrt=False)  # pyright: ignore[reportCallIssue]  # an option without stub
MASK, HEIGHT = 127, 128
SOLID, TOP, LIQUID, FULL = (np.array(part) for part in (BLOCKS.solid, BLOCKS.top, BLOCKS.liquid, BLOCKS.full))
WATER, LAVA = 1, 2
OUTSIDE = BLOCKS.id("bedrock")  # what is seen where nothing is loaded
HARMFUL = np.array([name in ("lava", "flowing_lava", "fire", "cactus", "magma") for name in BLOCKS.names]
                   + [False] * (256 - len(BLOCKS.names)))
KNEE = 0.5  # blocks no higher than this are walked over, not round
RADIUS = 12  # of the search, in blocks
SPAN = 2 * RADIUS + 1
CELLS = SPAN * SPAN
MOST = 400  # cells a search looks at
DROP = 3  # blocks a walker lets itself fall


@lean
def at(blocks, bounds, x, y, z):
    """The block's id; air above and below the world, something solid where nothing is loaded."""
    if y < 0 or y >= HEIGHT:
        return 0
    if x < bounds[0] or x >= bounds[1] or z < bounds[2] or z >= bounds[3]:
        return OUTSIDE
    return np.int64(blocks[x & MASK, y, z & MASK])


@lean
def blocks_way(block):
    """Whether a block stops a body that walks."""
    return SOLID[block] and TOP[block] > KNEE


@lean
def can_stand(blocks, bounds, x, y, z, tall, wet):
    """Whether a body `tall` cells high can be with its feet in the cell; `wet`: water will do for ground."""
    for up in range(tall):
        block = at(blocks, bounds, x, y + up, z)
        if blocks_way(block) or HARMFUL[block]:
            return False
    here, below = at(blocks, bounds, x, y, z), at(blocks, bounds, x, y - 1, z)
    if HARMFUL[below]:
        return False
    if LIQUID[here] == WATER or LIQUID[below] == WATER:
        return wet
    return (SOLID[below] and TOP[below] <= 1.0) or SOLID[here]


@lean
def step_level(blocks, bounds, x, y, z, tall, drop, wet):
    """Feet's y after a step into the column (x, z) from y: as high, one up, or down by at most `drop`; or -1."""
    if blocks_way(at(blocks, bounds, x, y, z)):
        if TOP[at(blocks, bounds, x, y, z)] <= 1.0 and can_stand(blocks, bounds, x, y + 1, z, tall, wet):
            return y + 1
        return -1
    for up in range(1, tall):
        if blocks_way(at(blocks, bounds, x, y + up, z)):
            return -1
    for down in range(drop + 1):
        if down > 0 and blocks_way(at(blocks, bounds, x, y - down, z)):
            return -1
        if can_stand(blocks, bounds, x, y - down, z, tall, wet):
            return y - down
    return -1


@lean
def clear_walk(blocks, bounds, x, y, z, goal_x, goal_y, goal_z, width, tall, drop):
    """Whether a straight walk leads from one place to another, seen along both sides of the body."""
    away_x, away_z = goal_x - x, goal_z - z
    length = math.sqrt(away_x * away_x + away_z * away_z)
    if length < 1e-6:
        return abs(goal_y - y) < 1.5
    steps = np.int64(length / 0.4) + 1
    half = min(0.3, width / 2) / length
    for side in (-half, half):
        from_x, from_z = x - away_z * side, z + away_x * side
        level = np.int64(math.floor(y + 0.2))
        old_x, old_z = np.int64(math.floor(from_x)), np.int64(math.floor(from_z))
        for step in range(1, steps + 1):
            share = step / steps
            cell_x = np.int64(math.floor(from_x + away_x * share))
            cell_z = np.int64(math.floor(from_z + away_z * share))
            if cell_x == old_x and cell_z == old_z:
                continue
            new = step_level(blocks, bounds, cell_x, level, cell_z, tall, drop, True)
            if new < 0 or (new > level and blocks_way(at(blocks, bounds, old_x, level + tall, old_z))):
                return False
            level, old_x, old_z = new, cell_x, cell_z
        if abs(level - goal_y) > 1.5:
            return False
    return True


@lean
def sees(blocks, bounds, x, y, z, to_x, to_y, to_z):
    """Whether nothing solid lies on the line between two points. Blocks are walked one by one along the line."""
    cell_x, cell_y, cell_z = np.int64(math.floor(x)), np.int64(math.floor(y)), np.int64(math.floor(z))
    end_x, end_y, end_z = np.int64(math.floor(to_x)), np.int64(math.floor(to_y)), np.int64(math.floor(to_z))
    dx, dy, dz = to_x - x, to_y - y, to_z - z
    step_x, step_y, step_z = np.int64(np.sign(dx)), np.int64(np.sign(dy)), np.int64(np.sign(dz))
    gap_x, gap_y, gap_z = abs(1 / dx) if dx else 1e9, abs(1 / dy) if dy else 1e9, abs(1 / dz) if dz else 1e9
    at_x = (cell_x + (step_x > 0) - x) / dx if dx else 1e9
    at_y = (cell_y + (step_y > 0) - y) / dy if dy else 1e9
    at_z = (cell_z + (step_z > 0) - z) / dz if dz else 1e9
    for _ in range(256):
        if cell_x == end_x and cell_y == end_y and cell_z == end_z:
            return True
        if SOLID[at(blocks, bounds, cell_x, cell_y, cell_z)]:
            return False
        if at_x <= at_y and at_x <= at_z:
            cell_x, at_x = cell_x + step_x, at_x + gap_x
        elif at_y <= at_z:
            cell_y, at_y = cell_y + step_y, at_y + gap_y
        else:
            cell_z, at_z = cell_z + step_z, at_z + gap_z
    return False


@lean
def way(blocks, bounds, seen, place, goal, width, tall):
    """Breadth-first search on cells; `place` is moved to the farthest point of the path that a straight walk reaches.

    Args:
        seen: (3, CELLS) int16 scratch: level of the feet (0: not seen), where it was come from, the queue.
        place: (3,) float64 from where; overwritten with the way point.
        goal: (3,) float64.

    Returns:
        whether the goal itself can be reached; else the way leads to the nearest cell found.
    """
    base_x, base_z = np.int64(math.floor(place[0])) - RADIUS, np.int64(math.floor(place[2])) - RADIUS
    goal_x, goal_z = np.int64(math.floor(goal[0])) - base_x, np.int64(math.floor(goal[2])) - base_z
    start = RADIUS * SPAN + RADIUS
    seen[0, :] = 0
    # Levels are stored plus one, so that zero can mean "not seen".
    seen[0, start] = np.int64(math.floor(place[1] + 0.2)) + 1
    seen[1, start], seen[2, 0] = -1, start
    head, tail, best, nearest = 0, 1, start, 1e18
    while head < tail and head < MOST:
        cell = np.int64(seen[2, head])
        head += 1
        i, k, level = cell // SPAN, cell % SPAN, np.int64(seen[0, cell]) - 1
        away = (i - goal_x) ** 2 + (k - goal_z) ** 2 + 0.5 * abs(level - goal[1])
        if away < nearest:
            nearest, best = away, cell
            if away < 0.9:
                break
        for turn in range(4):
            ni, nk = i + (turn == 0) - (turn == 1), k + (turn == 2) - (turn == 3)
            if ni < 0 or nk < 0 or ni >= SPAN or nk >= SPAN or seen[0, ni * SPAN + nk] != 0:
                continue
            new = step_level(blocks, bounds, base_x + ni, level, base_z + nk, tall, DROP, True)
            if new < 0 or (new > level and blocks_way(at(blocks, bounds, base_x + i, level + tall, base_z + k))):
                continue
            seen[0, ni * SPAN + nk], seen[1, ni * SPAN + nk] = new + 1, cell
            seen[2, tail] = ni * SPAN + nk
            tail += 1
    reached = nearest < 2.0
    x, y, z = place[0], place[1], place[2]
    cell = best
    while cell != start and cell >= 0:
        place[0], place[2] = base_x + cell // SPAN + 0.5, base_z + cell % SPAN + 0.5
        place[1] = seen[0, cell] - 1.0
        if seen[1, cell] == start or clear_walk(blocks, bounds, x, y, z, place[0], place[1], place[2], width, tall,
                                                DROP):
            break
        cell = np.int64(seen[1, cell])
    return reached
