"""Light: the sky's and the blocks', computed for loaded areas and kept true after single changes.

A level is 0..15. Light enters a block with its level less the block's filter (at least 1); the sky's full light falls
straight down through blocks of filter 0 without loss. Rings and bounds are those of `Grid`: nothing is lit from, or
outside, the bounds. Sky light lies in the high nibble of a cell, block light in the low one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS

MASK, HEIGHT, FULL = 127, 128, 15
SKY, GLOW = 4, 0  # how far a kind of light is shifted within its byte
STEP_X = np.array([0, 0, 1, -1, 0, 0], np.int64)
STEP_Y = np.array([-1, 1, 0, 0, 0, 0], np.int64)  # down comes first: it alone carries full sky light on
STEP_Z = np.array([0, 0, 0, 0, 1, -1], np.int64)
WIDE, NARROW = 1 << 21, 1 << 19  # room in the queues, powers of two: all cells; all that one change can reach


def light_region(blocks: np.ndarray, meta: np.ndarray, light: np.ndarray, bounds: np.ndarray,
                 x0: int, x1: int, z0: int, z1: int) -> None:
    """Light the columns of x0..x1, z0..z1 (ends excluded) anew, with what shines in and out across their borders.

    Args:
        blocks, meta, light: (128, 128, 128) uint8 rings; `light` is written, `meta` does not matter to light.
        bounds: (4,) int64 x0, x1, z0, z1 of what is loaded.
        x0, x1, z0, z1: the new part, within the bounds; the rest must be lit already.
    """
    del meta
    _region(blocks, light, bounds, BLOCKS.filter, BLOCKS.emission, x0, x1, z0, z1)


def relight(blocks: np.ndarray, light: np.ndarray, bounds: np.ndarray, x: int, y: int, z: int) -> None:
    """Make light true again after block (x, y, z) changed; the same as lighting everything anew.

    Args:
        blocks, light: (128, 128, 128) uint8 rings, `blocks` with the new block; `light` is written.
        bounds: (4,) int64 x0, x1, z0, z1 of what is loaded; (x, z) within.
    """
    _relight(blocks, light, bounds, BLOCKS.filter, BLOCKS.emission, x, y, z)


@njit(cache=True)
def _cell(x, y, z):
    """A place in the rings as one number."""
    return np.int32(((x & MASK) << 14) | (y << 7) | (z & MASK))


@njit(cache=True)
def _neighbour(cell, side, bounds):
    """The next cell on a side (0 down, 1 up, 2..5 level), -1 where the loaded world ends."""
    x = bounds[0] + (((cell >> 14) - bounds[0]) & MASK) + STEP_X[side]
    y = ((cell >> 7) & MASK) + STEP_Y[side]
    z = bounds[2] + (((cell & MASK) - bounds[2]) & MASK) + STEP_Z[side]
    if y < 0 or y >= HEIGHT or x < bounds[0] or x >= bounds[1] or z < bounds[2] or z >= bounds[3]:
        return np.int32(-1)
    return _cell(x, y, z)


@njit(cache=True)
def _own(block, y, shift, filters, emission):
    """The light a cell has without any neighbour: its lamp's, or the sky's from above the world."""
    if shift == GLOW:
        return np.int64(emission[block])
    if y < HEIGHT - 1:
        return np.int64(0)
    return max(np.int64(0), FULL - np.int64(filters[block]))


@njit(cache=True)
def _store(light, cell, shift, level):
    """Write one kind of light of a cell."""
    light[cell] = (light[cell] & (np.int64(15) << (SKY - shift))) | (level << shift)


@njit(cache=True)
def _spread(blocks, light, bounds, filters, shift, queue, head, tail):
    """Let the light of the queued cells run on until nothing gets brighter. `blocks`, `light` are flat."""
    mask = queue.size - 1
    while head < tail:
        cell = queue[head & mask]
        head += 1
        level = np.int64(light[cell] >> shift) & 15
        if level <= 1:
            continue
        for side in range(6):
            other = _neighbour(cell, side, bounds)
            if other < 0:
                continue
            loss = np.int64(filters[blocks[other]])
            if loss == 0 and not (side == 0 and shift == SKY and level == FULL):
                loss = 1
            new = level - loss
            if new > (np.int64(light[other] >> shift) & 15):
                _store(light, other, shift, new)
                queue[tail & mask] = other
                tail += 1


@njit(cache=True)
def _columns(blocks, light, filters, emission, x0, x1, z0, z1, floor, queue, tail):
    """Let the sky fall into the columns; queue the lamps. `floor` gets y of the lowest cell in full light."""
    for x in range(x0, x1):
        for z in range(z0, z1):
            y = HEIGHT - 1
            while y >= 0 and filters[blocks[_cell(x, y, z)]] == 0:
                light[_cell(x, y, z)] = FULL << SKY
                y -= 1
            floor[x & MASK, z & MASK] = y + 1
            if y == HEIGHT - 1:
                light[_cell(x, y, z)] = _own(blocks[_cell(x, y, z)], y, SKY, filters, emission) << SKY
                y -= 1
            for below in range(y, -1, -1):
                light[_cell(x, below, z)] = 0
    for x in range(x0, x1):
        for y in range(HEIGHT):
            for z in range(z0, z1):
                cell = _cell(x, y, z)
                glow = emission[blocks[cell]]
                if glow > 0:
                    light[cell] |= glow
                    queue[tail] = cell
                    tail += 1
    return tail


@njit(cache=True)
def _queue_sky(floor, x0, x1, z0, z1, queue):
    """Queue the fully lit cells that have a darker neighbour: those beside a higher floor, and the lowest."""
    tail = 0
    for x in range(x0, x1):
        for z in range(z0, z1):
            low = floor[x & MASK, z & MASK]
            high = low + 1
            for side in range(2, 6):
                i, k = x + STEP_X[side], z + STEP_Z[side]
                inside = x0 <= i < x1 and z0 <= k < z1  # else an older part, which may be dark at any height
                high = max(high, floor[i & MASK, k & MASK] if inside else HEIGHT)
            for y in range(min(low, HEIGHT - 1), min(high, HEIGHT)):
                queue[tail] = _cell(x, y, z)
                tail += 1
    return tail


@njit(cache=True)
def _queue_border(light, bounds, shift, x0, x1, z0, z1, queue, tail):
    """Queue the lit cells just outside an area: they shine in."""
    for x in range(max(x0 - 1, bounds[0]), min(x1 + 1, bounds[1])):
        for z in range(max(z0 - 1, bounds[2]), min(z1 + 1, bounds[3])):
            if x0 <= x < x1 and z0 <= z < z1:
                continue
            for y in range(HEIGHT):
                cell = _cell(x, y, z)
                if (light[cell] >> shift) & 15 > 1:
                    queue[tail] = cell
                    tail += 1
    return tail


@njit(cache=True)
def _region(blocks, light, bounds, filters, emission, x0, x1, z0, z1):
    flat_blocks, flat_light = blocks.ravel(), light.ravel()
    floor = np.empty((HEIGHT, HEIGHT), np.int64)
    queue = np.empty(WIDE, np.int32)
    tail = _columns(flat_blocks, flat_light, filters, emission, x0, x1, z0, z1, floor, queue, 0)
    tail = _queue_border(flat_light, bounds, GLOW, x0, x1, z0, z1, queue, tail)
    _spread(flat_blocks, flat_light, bounds, filters, GLOW, queue, 0, tail)
    tail = _queue_sky(floor, x0, x1, z0, z1, queue)
    tail = _queue_border(flat_light, bounds, SKY, x0, x1, z0, z1, queue, tail)
    _spread(flat_blocks, flat_light, bounds, filters, SKY, queue, 0, tail)


@njit(cache=True)
def _darken(blocks, light, bounds, filters, emission, shift, start, dark, levels, queue):
    """Take away the light that may have come by way of a cell; queue what shines into the gap. Returns its number."""
    mask = dark.size - 1
    head, tail, lit = 0, 1, 0
    dark[0], levels[0] = start, (light[start] >> shift) & 15
    _store(light, start, shift, 0)
    while head < tail:
        cell, level = dark[head & mask], np.int64(levels[head & mask])
        head += 1
        own = _own(blocks[cell], (cell >> 7) & MASK, shift, filters, emission)
        if own > 0:
            _store(light, cell, shift, own)
            queue[lit & mask] = cell
            lit += 1
        for side in range(6):
            other = _neighbour(cell, side, bounds)
            if other < 0:
                continue
            there = np.int64(light[other] >> shift) & 15
            if there == 0:
                continue
            if there < level or (side == 0 and shift == SKY and level == FULL and there == FULL):
                _store(light, other, shift, 0)
                dark[tail & mask], levels[tail & mask] = other, there
                tail += 1
            elif there > 1:
                queue[lit & mask] = other
                lit += 1
    return lit


@njit(cache=True)
def _relight(blocks, light, bounds, filters, emission, x, y, z):
    flat_blocks, flat_light = blocks.ravel(), light.ravel()
    dark, levels = np.empty(NARROW, np.int32), np.empty(NARROW, np.uint8)
    queue = np.empty(NARROW, np.int32)
    for shift in (GLOW, SKY):
        lit = _darken(flat_blocks, flat_light, bounds, filters, emission, shift, _cell(x, y, z), dark, levels, queue)
        _spread(flat_blocks, flat_light, bounds, filters, shift, queue, 0, lit)
