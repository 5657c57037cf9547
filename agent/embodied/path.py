"""Ways from here to there that walk, climb, fall, swim, dig, bridge and pillar: A* over the known map.

Costs are ticks: walking takes 4.6 a block, digging what the tool at hand takes, placing a block half a second's turn.
A node is where the feet are. Cells that were never seen may be tried, at the price of stone; lava is never touched, nor
is a block dug that holds it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit

from veclink.agent.embodied.known import UNKNOWN, KnownMap, read

WALK, CLIMB, FALL, PLACE, TURN, SWIM = 4.6, 6.0, 2.0, 12.0, 4.0, 8.0  # ticks a move
BREATH = 40.0  # ticks more that a move with the head under water counts
IN_WATER = 5.0  # times as long takes digging with the head under water
SCARE = 60.0  # ticks that a cell beside water costs more to dig: it floods
DEEPEST = 3  # blocks one may fall unhurt
BOX = 96  # blocks on each side of the box that is searched
NEVER = 1e9
FREE, SOLID, WATER, DEADLY, FENCE = 0, 1, 2, 3, 4  # what a cell is to a body
AT, NEAR, LEVEL, COLUMN = 0, 1, 2, 3  # kinds of goal


class Move(IntEnum):
    """How a step is made."""

    WALK = 0
    UP = 1  # jump onto the next block
    DOWN = 2  # walk off an edge
    BRIDGE = 3  # put a block under the next cell, then walk
    DIG_DOWN = 4
    PILLAR = 5  # jump and put a block under the feet; out of water one does not jump high enough
    SWIM_UP = 6


@dataclass(frozen=True)
class Terms:
    """What a body can do with the blocks it meets.

    Attributes:
        kind: (256,) uint8, FREE, SOLID, WATER, DEADLY or FENCE (too high to jump on) by block id.
        dig: (256,) float64 ticks to dig it with the tools at hand; NEVER where it cannot be dug.
        blocks: blocks at hand to bridge and pillar with.
        bridges: whether it can put a block beside the one it stands on; a camera with steps of 15 degrees cannot.
    """

    kind: np.ndarray
    dig: np.ndarray
    blocks: int = 0
    bridges: bool = True


@dataclass(frozen=True)
class Step:
    """Where the feet are after a step, and how they get there."""

    x: int
    y: int
    z: int
    move: Move


@dataclass(frozen=True)
class Path:
    """A way: its steps in order, its cost in ticks, and whether it arrives or only comes as near as was found."""

    steps: tuple[Step, ...]
    cost: float
    arrives: bool


@njit(cache=True)
def clear_cost(blocks, owners, kind, dig, x, y, z):
    """Ticks to make a cell free for a body; NEVER where one must not."""
    block = read(blocks, owners, x, y, z)
    what = kind[block]
    if what == DEADLY:
        return NEVER
    if what in (FREE, WATER):
        return 0.0
    cost = dig[block]
    if cost >= NEVER:
        return NEVER
    for side in range(5):  # the block below it does not flow in
        dx = (side == 0) - (side == 1)
        dz = (side == 2) - (side == 3)
        next_to = kind[read(blocks, owners, x + dx, y + (side == 4), z + dz)]
        if next_to == DEADLY:
            return NEVER
        if next_to == WATER:
            cost += SCARE
    return cost + TURN


@njit(cache=True)
def holds(blocks, owners, kind, x, y, z):
    """Whether one can stand on a cell."""
    what = kind[read(blocks, owners, x, y, z)]
    return what in (SOLID, FENCE)


@njit(cache=True)
def is_kind(blocks, owners, kind, x, y, z, what):
    return kind[read(blocks, owners, x, y, z)] == what


@njit(cache=True)
def far(goal_kind, goal, x, y, z):
    """At least how many ticks from a cell to the goal, and whether it is reached."""
    if goal_kind == LEVEL:
        gap = abs(y - goal[1])
        return gap * FALL, gap < 0.5
    dx, dz = abs(x + 0.5 - goal[0]), abs(z + 0.5 - goal[2])
    if goal_kind == COLUMN:
        return max(0.0, dx + dz - goal[3]) * WALK, dx + dz <= goal[3]
    if goal_kind == NEAR:
        dy = y + 1.62 - goal[1]
        gap = np.sqrt(dx * dx + dy * dy + dz * dz)
        return max(0.0, gap - goal[3]) * FALL, gap <= goal[3]
    dy = abs(y - goal[1])
    return (dx + dz) * WALK + dy * FALL, dx < 0.6 and dz < 0.6 and dy < 0.6


@njit(cache=True)
def sift_up(heap, keys, place):
    """Move an entry towards the heap's root."""
    while place > 0:
        parent = (place - 1) // 2
        if keys[heap[parent]] <= keys[heap[place]]:
            return
        heap[parent], heap[place] = heap[place], heap[parent]
        place = parent


@njit(cache=True)
def sift_down(heap, keys, size):
    """Move the root to where it belongs."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            return
        if child + 1 < size and keys[heap[child + 1]] < keys[heap[child]]:
            child += 1
        if keys[heap[place]] <= keys[heap[child]]:
            return
        heap[place], heap[child] = heap[child], heap[place]
        place = child


@njit(cache=True)
def move_to(out, count, dx, dy, dz, move, cost):
    """Note a move; how many there are then."""
    out[count, 0], out[count, 1], out[count, 2], out[count, 3], out[count, 4] = dx, dy, dz, move, cost
    return count + 1


@njit(cache=True)
def moves_from(blocks, owners, kind, dig, at_hand, bridges, propped, x, y, z, out):
    """Every move from a cell into `out` (n, 5): dx, dy, dz, move, cost; how many there are.

    `propped` says that the block underneath is one that the way itself puts there.
    """
    count = 0
    swimming = is_kind(blocks, owners, kind, x, y, z, WATER)
    slow = IN_WATER if is_kind(blocks, owners, kind, x, y + 1, z, WATER) else 1.0
    head_up = slow * clear_cost(blocks, owners, kind, dig, x, y + 2, z)
    for side in range(4):
        dx = (side == 0) - (side == 1)
        dz = (side == 2) - (side == 3)
        nx, nz = x + dx, z + dz
        body = slow * clear_cost(blocks, owners, kind, dig, nx, y, nz)
        head = slow * clear_cost(blocks, owners, kind, dig, nx, y + 1, nz)
        stream = swimming and slow == 1.0 and is_kind(blocks, owners, kind, nx, y + 1, nz, WATER)  # nobody jumps up one
        if head < NEVER and head_up < NEVER and is_kind(blocks, owners, kind, nx, y, nz, SOLID) and not stream:  # up
            top = slow * clear_cost(blocks, owners, kind, dig, nx, y + 2, nz)
            if top < NEVER:
                count = move_to(out, count, dx, 1, dz, 1, CLIMB + head + top + head_up)
        if body >= NEVER or head >= NEVER:
            continue
        floats = is_kind(blocks, owners, kind, nx, y, nz, WATER)
        if floats or holds(blocks, owners, kind, nx, y - 1, nz):
            wet = SWIM if swimming or floats else WALK
            if floats and is_kind(blocks, owners, kind, nx, y + 1, nz, WATER):
                wet += BREATH
            count = move_to(out, count, dx, 0, dz, 0, wet + body + head)
            continue
        for drop in range(1, DEEPEST + 1):
            if clear_cost(blocks, owners, kind, dig, nx, y - drop, nz) > 0.0:
                break
            floats = is_kind(blocks, owners, kind, nx, y - drop, nz, WATER)
            if floats or is_kind(blocks, owners, kind, nx, y - drop - 1, nz, SOLID):
                count = move_to(out, count, dx, -drop, dz, 2, WALK + FALL * drop + body + head)
                break
        if bridges and at_hand > 0 and is_kind(blocks, owners, kind, nx, y - 1, nz, FREE):
            count = move_to(out, count, dx, 0, dz, 3, WALK + PLACE + body + head)
    under = slow * clear_cost(blocks, owners, kind, dig, x, y - 1, z)
    if under < NEVER:  # straight down, never into the void or a cave
        for drop in range(1, DEEPEST + 1):
            landing = kind[read(blocks, owners, x, y - 1 - drop, z)]
            floats = is_kind(blocks, owners, kind, x, y - drop, z, WATER)
            if floats or landing == SOLID:
                wet = BREATH if floats and swimming else 0.0
                count = move_to(out, count, 0, -drop, 0, 4, under + FALL * drop + TURN + wet)
                break
            if landing != FREE:
                break
    if head_up < NEVER and not is_kind(blocks, owners, kind, x, y + 1, z, DEADLY):
        if swimming and is_kind(blocks, owners, kind, x, y + 1, z, WATER):
            count = move_to(out, count, 0, 1, 0, 6, SWIM + head_up)
        elif at_hand > 0 and not swimming and (propped or holds(blocks, owners, kind, x, y - 1, z)):
            count = move_to(out, count, 0, 1, 0, 5, PLACE + head_up)
    return count


@njit(cache=True)
def search(blocks, owners, kind, dig, at_hand, bridges, start, goal_kind, goal, most, box):
    """A* in a cube of `box` blocks round the start.

    Returns:
        cells (n, 4) int64 x, y, z, move from the first step to the last, the cost, and whether the goal is reached.
    """
    half = box // 2
    x0, y0, z0 = start[0] - half, start[1] - half, start[2] - half
    size = box**3
    spent = np.full(size, NEVER, np.float64)
    keys = np.full(size, NEVER, np.float64)
    came = np.full(size, -1, np.int64)
    how = np.zeros(size, np.int8)
    used = np.zeros(size, np.int16)
    closed = np.zeros(size, np.bool_)
    heap = np.empty(size * 2, np.int64)
    out = np.empty((16, 5), np.float64)
    first = (half * box + half) * box + half
    guess, there = far(goal_kind, goal, start[0], start[1], start[2])
    spent[first], keys[first], heap[0], count = 0.0, guess, first, 1
    best, best_guess, last, visited = first, guess, first if there else -1, 0
    while count > 0 and last < 0 and visited < most:
        node = heap[0]
        count -= 1
        heap[0] = heap[count]
        sift_down(heap, keys, count)
        if closed[node]:
            continue
        closed[node] = True
        visited += 1
        x, y, z = node // (box * box) + x0, node // box % box + y0, node % box + z0
        guess, there = far(goal_kind, goal, x, y, z)
        if there:
            last = node
            break
        if guess < best_guess:
            best, best_guess = node, guess
        propped = how[node] == 3 or how[node] == 5
        moves = moves_from(blocks, owners, kind, dig, at_hand - used[node], bridges, propped, x, y, z, out)
        for number in range(moves):
            i, j, k = x + int(out[number, 0]) - x0, y + int(out[number, 1]) - y0, z + int(out[number, 2]) - z0
            if not (0 <= i < box and 0 <= j < box and 0 <= k < box):
                continue
            other = (i * box + j) * box + k
            cost = spent[node] + out[number, 4]
            if closed[other] or cost >= spent[other] or count >= len(heap) - 1:
                continue
            move = int(out[number, 3])
            spent[other], came[other], how[other] = cost, node, move
            used[other] = used[node] + (move == 3 or move == 5)
            guess, there = far(goal_kind, goal, i + x0, j + y0, k + z0)
            keys[other] = cost + guess
            heap[count] = other
            count += 1
            sift_up(heap, keys, count - 1)
    end = last if last >= 0 else best
    return traced(came, how, end, x0, y0, z0, box), spent[end], last >= 0


@njit(cache=True)
def traced(came, how, end, x0, y0, z0, box):
    """The cells (n, 4) from the first step to node `end`: x, y, z, move."""
    length, node = 0, end
    while came[node] >= 0:
        node = came[node]
        length += 1
    cells = np.empty((length, 4), np.int64)
    node = end
    for place in range(length - 1, -1, -1):
        cells[place, 0], cells[place, 1] = node // (box * box) + x0, node // box % box + y0
        cells[place, 2], cells[place, 3] = node % box + z0, how[node]
        node = came[node]
    return cells


def find_path(known: KnownMap, terms: Terms, start: tuple[int, int, int], goal: tuple[float, ...], kind: int = AT,
              reach: float = 3.5, most: int = 60_000, box: int = BOX) -> Path:
    """The cheapest known way.

    Args:
        start: the cell of the feet.
        goal: x, y, z; for AT a cell, for NEAR a point that the eye shall be within `reach` of, for LEVEL only y
            counts, for COLUMN only x and z, within `reach`.
        most: cells looked at; when they run out, the way leads to the one nearest to the goal.
        box: blocks on each side of the cube that is searched; a small one takes less time.
    """
    aim = np.array([*goal[:3], reach], np.float64)
    if kind in (AT, COLUMN):
        aim[0], aim[2] = aim[0] + 0.5, aim[2] + 0.5
    cells, cost, arrives = search(known.blocks, known.owners, terms.kind, terms.dig, terms.blocks,
                                  terms.bridges, np.array(start, np.int64), kind, aim, most, box)
    steps = tuple(Step(int(x), int(y), int(z), Move(int(move))) for x, y, z, move in cells)
    return Path(steps, float(cost), bool(arrives))


def unknown_as(kind: np.ndarray, dig: np.ndarray, ticks: float) -> None:
    """Unknown cells count as something that takes so many ticks to dig."""
    kind[UNKNOWN], dig[UNKNOWN] = SOLID, ticks
