"""Views: what the agent means to look at is what a fine ray through the same blocks meets."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.agent.embodied.aim import Eyes, nearest_view
from veclink.agent.embodied.known import KnownMap

PASSES = np.arange(256) == 0


def march(known: KnownMap, eye: tuple[float, float, float], yaw: float, pitch: float) -> tuple[int, ...] | None:
    """The first block on a ray, by small steps."""
    turn, lift = math.radians(yaw), math.radians(pitch)
    way = np.array([-math.sin(turn) * math.cos(lift), -math.sin(lift), math.cos(turn) * math.cos(lift)])
    for t in np.arange(0, 4.5, 0.002):
        cell = tuple(int(v) for v in np.floor(np.array(eye) + way * t))
        if known.at(*cell) != 0:
            return cell
    return None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(-180, 180), st.sampled_from([-45.0, 0.0, 30.0]))
def test_a_view_meets_what_it_says(seed: int, yaw: float, pitch: float) -> None:
    chance = np.random.default_rng(seed)
    ids = (chance.random((11, 11, 11)) < 0.2).astype(np.uint8)
    ids[5, 5:7, 5] = 0
    known = KnownMap()
    known.see((0, 60, 0), ids)
    eye = (5.0 + float(chance.uniform(0.3, 0.7)), 66.62, 5.0 + float(chance.uniform(0.3, 0.7)))
    eyes = Eyes(known, PASSES)
    seen = 0
    cells = np.argwhere(ids)
    for x, y, z in cells[np.argsort(((cells - (5, 6, 5)) ** 2).sum(1))[:40]]:
        for view in eyes.views(eye, yaw, pitch, (int(x), int(y) + 60, int(z)))[:2]:
            assert march(known, eye, view.yaw, view.pitch) == (x, y + 60, z)
            assert abs((view.yaw - yaw) / 15 - round((view.yaw - yaw) / 15)) < 1e-9 and -90 <= view.pitch <= 90
            seen += 1
    assert seen > 0


def test_a_block_behind_another_is_not_met() -> None:
    known = KnownMap()
    ids = np.zeros((9, 5, 9), np.uint8)
    ids[4, 1:3, 6] = 1
    ids[4, 1, 7] = 2
    known.see((0, 60, 0), ids)
    eyes = Eyes(known, PASSES)
    eye = (4.5, 61.62, 4.5)
    assert not eyes.views(eye, 0.0, 0.0, (4, 61, 7))
    assert eyes.in_the_way(eye, 0.0, 0.0, (4, 61, 7)) == (4, 61, 6)
    assert eyes.in_the_way(eye, 0.0, 0.0, (4, 61, 6)) is None, "it is open"
    assert eyes.in_the_way(eye, 0.0, 0.0, (4, 60, 4)) is None, "there is nothing, and all the ground behind it"
    front = eyes.views(eye, 90.0, 0.0, (4, 61, 6), face=(0, 0, -1))
    assert front and all(view.face == (0, 0, -1) for view in front) and front[0].yaw == 375.0  # 75 degrees back


def test_the_nearest_view_never_looks_over_backwards() -> None:
    assert nearest_view(7.0, 0.0, 100.0, 95.0) == (97.0, 90.0)
    assert nearest_view(170.0, -85.0, -170.0, -90.0) == (185.0, -85.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(-3, 3), st.integers(-2, 3), st.integers(-3, 3), st.floats(-180, 180))
def test_what_hides_a_block_in_rock_is_dug_along_one_view(i: int, j: int, k: int, yaw: float) -> None:
    """Whatever stands in the way on a view that leads there is taken away, and then the block is seen."""
    eye, target = (5.5, 66.62, 5.5), (5 + i, 66 + j, 5 + k)
    known, ids = KnownMap(), np.ones((11, 11, 11), np.uint8)
    ids[5, 5:7, 5] = 0
    known.see((0, 60, 0), ids)
    eyes, dug = Eyes(known, PASSES), 0
    while (hiding := eyes.in_the_way(eye, yaw, 0.0, target)) is not None:
        known.see(hiding, np.zeros((1, 1, 1), np.uint8))
        dug += 1
        assert dug <= abs(i) + abs(j) + abs(k), "one straight way"
    if dug:
        assert eyes.views(eye, yaw, 0.0, target)
