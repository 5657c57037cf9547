"""Light after single changes equals light computed from nothing; levels are Minecraft's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.light import light_region, relight

X0, X1, Z0, Z1 = -24, 24, 40, 88  # crosses a ring's end on both axes
STONE, TORCH, WATER, LEAVES, GLOWSTONE = (BLOCKS.id(n) for n in ("stone", "torch", "water", "leaves", "glowstone"))
KINDS = (0, 0, 0, STONE, STONE, TORCH, WATER, LEAVES, GLOWSTONE)
BOUNDS = np.array([X0, X1, Z0, Z1], np.int64)


def rings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Empty blocks, metadata and light."""
    return tuple(np.zeros((128, 128, 128), np.uint8) for _ in range(3))  # type: ignore[return-value]


def full(blocks: np.ndarray, bounds: np.ndarray = BOUNDS) -> np.ndarray:
    """The light of everything within the bounds."""
    light = np.zeros_like(blocks)
    light_region(blocks, blocks, light, bounds, *(int(b) for b in bounds))
    return light


def cave_world(seed: int) -> np.ndarray:
    """Rough ground with holes, lamps, leaves and water."""
    blocks = rings()[0]
    draws = np.random.default_rng(seed)
    for x in range(X0, X1):
        for z in range(Z0, Z1):
            top = 20 + int(4 * np.sin(x / 5) + 4 * np.cos(z / 4))
            column = blocks[x & 127, :, z & 127]
            column[:top] = np.where(draws.random(top) < 0.35, 0, STONE)
            if draws.random() < 0.2:
                column[top : top + 5] = draws.choice([WATER, LEAVES, STONE])
            if draws.random() < 0.05:
                column[int(draws.integers(0, top))] = draws.choice([TORCH, GLOWSTONE])
    return blocks


CAVES = cave_world(1)


def test_open_sky_roof_and_torch() -> None:
    blocks = rings()[0]
    blocks[:, 10] = STONE
    light = full(blocks)
    assert light[0, 11, 50] == 15 << 4 and light[0, 127, 50] == 15 << 4 and light[0, 9, 50] == 0
    blocks[:, 20] = STONE
    blocks[0, 11, 50] = TORCH
    light = full(blocks)
    assert light[0, 15, 50] >> 4 == 0 and light[0, 21, 50] >> 4 == 15
    assert [int(light[i, 11, 50]) & 15 for i in range(15)] == list(range(14, -1, -1))


def test_light_through_water_and_leaves() -> None:
    blocks = rings()[0]
    blocks[:, 60:64], blocks[:, 30] = WATER, STONE
    light = full(blocks)
    assert [int(light[0, y, 50]) >> 4 for y in (64, 63, 62, 61, 60, 59)] == [15, 12, 9, 6, 3, 2]
    blocks[:, 60:64] = LEAVES
    assert [int(full(blocks)[0, y, 50]) >> 4 for y in (64, 63, 62, 61, 60, 59)] == [15, 14, 13, 12, 11, 10]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(X0, X1 - 1), st.integers(0, 40), st.integers(Z0, Z1 - 1),
                          st.sampled_from(KINDS)), min_size=1, max_size=25))
def test_relight_equals_lighting_anew(changes: list[tuple[int, int, int, int]]) -> None:
    blocks = CAVES.copy()
    light = full(blocks)
    for x, y, z, block in changes:
        blocks[x & 127, y, z & 127] = block
        relight(blocks, light, BOUNDS, x, y, z)
    assert np.array_equal(light, full(blocks))


def test_relight_at_the_top_of_the_world_and_at_the_bounds() -> None:
    blocks = CAVES.copy()
    light = full(blocks)
    for x, y, z in ((X0, 127, Z0), (X1 - 1, 127, Z1 - 1), (0, 127, 50), (X0, 30, Z1 - 1), (0, 0, 60)):
        for block in (WATER, GLOWSTONE, 0, STONE, TORCH):
            blocks[x & 127, y, z & 127] = block
            relight(blocks, light, BOUNDS, x, y, z)
            assert np.array_equal(light, full(blocks))


@pytest.mark.parametrize("axis", [0, 1])
def test_lighting_in_parts_equals_lighting_at_once(axis: int) -> None:
    blocks, light = CAVES.copy(), rings()[2]
    bounds = BOUNDS.copy()
    for end in (-8, 8, 24) if axis == 0 else (56, 72, 88):
        part = [X0, X1, Z0, Z1]
        part[2 * axis] = end - 16
        part[2 * axis + 1] = bounds[2 * axis + 1] = end
        light_region(blocks, blocks, light, bounds, *part)
    assert np.array_equal(light, full(blocks))


def test_nothing_is_lit_outside_the_bounds() -> None:
    blocks = rings()[0]
    light = np.full_like(blocks, 7)
    light_region(blocks, blocks, light, BOUNDS, X0, X1, Z0, Z1)
    inside = np.zeros((128, 128), np.bool_)
    inside[np.ix_(np.arange(X0, X1) & 127, np.arange(Z0, Z1) & 127)] = True
    assert (light.transpose(0, 2, 1)[~inside] == 7).all()
    assert (light.transpose(0, 2, 1)[inside] == 15 << 4).all()
