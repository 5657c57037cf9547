"""Bodies and rays: collisions, steps, odd shapes, sight, and that no body ever ends inside a block."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.physics import (
    AT_CACTUS,
    CEILING,
    GROUND,
    HEAD_IN_WATER,
    IN_WALL,
    IN_WATER,
    ON_LADDER,
    WALL,
    cast,
    flow,
    inside,
    move_box,
    overlaps,
    ray,
)

BOUNDS = np.array([-16, 16, -16, 16], np.int64)
SHAPES = ("stone", "stone", "glass", "stone_slab", "oak_stairs", "fence", "fence_gate", "wooden_door", "trapdoor",
          "cactus", "chest", "snow_layer", "ladder", "soul_sand", "carpet", "cobblestone_wall", "glass_pane", "water")


class Room:
    """A bit of world: stone below y 4."""

    def __init__(self) -> None:
        self.blocks = np.zeros((128, 128, 128), np.uint8)
        self.meta = np.zeros_like(self.blocks)
        self.blocks[:, :4] = BLOCKS.id("stone")

    def set(self, x: int, y: int, z: int, name: str, meta: int = 0) -> None:
        self.blocks[x & 127, y, z & 127], self.meta[x & 127, y, z & 127] = BLOCKS.id(name), meta

    def move(self, pos: list[float], vel: list[float], width: float = 0.6, height: float = 1.8, step: float = 0.6):
        place, speed, flags = np.array(pos, np.float64), np.array(vel, np.float64), np.zeros(8, np.uint8)
        move_box(self.blocks, self.meta, BOUNDS, place, speed, width, height, step, flags)
        return place, speed, flags

    def inside(self, pos: list[float]) -> int:
        return inside(self.blocks, self.meta, BOUNDS, np.array(pos, np.float64), 0.6, 1.8, 1.62)

    def overlaps(self, pos: np.ndarray, width: float = 0.6, height: float = 1.8) -> bool:
        return overlaps(self.blocks, self.meta, BOUNDS, pos, width, height, 1e-6)

    def ray(self, eye: list[float], way: list[float], reach: float = 6.0):
        unit = np.array(way, np.float64) / np.linalg.norm(way)
        return ray(self.blocks, self.meta, BOUNDS, np.array(eye, np.float64), unit, reach)


def test_ground_walls_and_ceilings_stop_a_body() -> None:
    room = Room()
    room.set(2, 4, 0, "stone")
    room.set(0, 6, 0, "stone")
    pos, vel, flags = room.move([0.5, 4.5, 0.5], [0.0, -3.0, 0.0])
    assert pos[1] == 4 and vel[1] == 0 and flags[GROUND] and not flags[WALL]
    pos, vel, flags = room.move([0.5, 4.0, 0.5], [3.0, -0.1, 0.25])
    assert pos[0] == pytest.approx(1.7) and vel[0] == 0 and flags[WALL] and pos[2] == 0.75 and vel[2] == 0.25
    pos, vel, flags = room.move([0.5, 4.0, 0.5], [0.0, 0.42, 0.0])
    assert pos[1] == pytest.approx(4.2) and flags[CEILING] and not flags[GROUND]


def test_slabs_are_walked_up_and_blocks_are_not() -> None:
    room = Room()
    room.set(1, 4, 0, "stone_slab")
    assert room.move([0.5, 4.0, 0.5], [0.3, -0.08, 0.0])[0].tolist() == pytest.approx([0.8, 4.5, 0.5])
    assert room.move([0.5, 4.0, 0.5], [0.3, -0.08, 0.0], step=0.0)[0][0] == pytest.approx(0.7)
    room.set(1, 4, 0, "stone_slab", 8)
    assert room.move([0.5, 4.0, 0.5], [0.3, -0.08, 0.0])[0][0] == pytest.approx(0.7)


def test_fences_are_too_high_and_join_and_leave_no_gap() -> None:
    room = Room()
    for z in (-1, 0, 1):
        room.set(2, 4, z, "fence")
    assert room.move([0.5, 5.2, 0.5], [3.0, 0.0, 0.0])[0][0] == pytest.approx(2.375 - 0.3)
    assert room.move([0.5, 5.5, 0.5], [3.0, 0.0, 0.0])[0][0] == 3.5
    assert room.move([0.5, 4.0, 1.0], [3.0, 0.0, 0.0])[0][0] == pytest.approx(2.375 - 0.3)


@pytest.mark.parametrize(("name", "closed", "opened"), [("wooden_door", 0, 4), ("fence_gate", 1, 5)])
def test_what_opens_lets_a_body_through(name: str, closed: int, opened: int) -> None:
    room = Room()
    for meta, through in ((closed, False), (opened, True)):
        room.set(2, 4, 0, name, meta)
        room.set(2, 5, 0, name, 8 if name == "wooden_door" else meta)
        assert (room.move([0.5, 4.0, 0.5], [3.0, 0.0, 0.0])[0][0] == 3.5) == through


def test_outside_what_is_loaded_nothing_moves_and_its_border_is_a_wall() -> None:
    room = Room()
    pos, vel, _ = room.move([40.5, 4.0, 0.5], [1.0, -1.0, 0.0])
    assert pos.tolist() == [40.5, 4.0, 0.5] and not vel.any()
    assert room.move([15.0, 4.0, 0.5], [3.0, 0.0, 0.0])[0][0] == pytest.approx(15.7)


def test_what_a_body_is_in() -> None:
    room = Room()
    room.set(3, 4, 0, "water")
    room.set(5, 4, 0, "water")
    room.set(5, 5, 0, "water", 4)
    room.set(7, 4, 0, "ladder", 2)
    room.set(9, 4, 0, "cactus")
    room.set(12, 5, 0, "stone")
    assert room.inside([0.5, 4.0, 0.5]) == 0
    assert room.inside([3.5, 4.0, 0.5]) == IN_WATER
    assert room.inside([5.5, 3.5, 0.5]) == IN_WATER | HEAD_IN_WATER
    assert room.inside([5.5, 4.0, 0.5]) == IN_WATER  # the flowing water above stands lower than the eyes
    assert room.inside([7.5, 4.0, 0.5]) & ON_LADDER
    assert room.inside([10.24, 4.0, 0.5]) & AT_CACTUS and not room.inside([10.4, 4.0, 0.5]) & AT_CACTUS
    assert room.inside([12.5, 4.0, 0.5]) & IN_WALL


def test_water_pushes_downstream() -> None:
    room = Room()
    for x, level in ((1, 0), (2, 1), (3, 2)):
        room.set(x, 4, 0, "water", level)
    for x in (0, 4):
        room.set(x, 4, 0, "stone")
    for x in range(5):
        room.set(x, 4, 1, "stone")
        room.set(x, 4, -1, "stone")
    assert flow(room.blocks, room.meta, BOUNDS, 2, 4, 0, 1) == (1.0, 0.0)


def test_a_look_meets_the_nearest_face() -> None:
    room = Room()
    room.set(3, 5, 0, "stone")
    hit, x, y, z, face, far = room.ray([0.5, 5.5, 0.5], [1, 0, 0])
    assert (hit, x, y, z, face, far) == (True, 3, 5, 0, 4, 2.5)
    hit, x, y, z, face, far = room.ray([0.5, 5.5, 0.5], [0, -1, 0])
    assert (hit, x, y, z, face, far) == (True, 0, 3, 0, 1, 1.5)
    assert not room.ray([0.5, 5.5, 0.5], [1, 0, 0], 2.4)[0]


def test_a_look_goes_through_water_and_open_gates_but_not_flowers() -> None:
    room = Room()
    room.set(1, 5, 0, "water")
    room.set(2, 5, 0, "yellow_flower")
    assert room.ray([0.5, 5.4, 0.5], [1, 0, 0])[1] == 2
    assert not room.ray([0.5, 5.9, 0.5], [1, 0, 0], 5.0)[0]  # above the flower
    eye, way = np.array([0.5, 5.4, 0.5]), np.array([1.0, 0.0, 0.0])
    assert cast(room.blocks, room.meta, BOUNDS, eye, way, 6.0, True)[1] == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(4, 8), st.integers(-3, 3), st.sampled_from(SHAPES),
                          st.integers(0, 15)), max_size=40),
       st.lists(st.tuples(*[st.floats(-0.9, 0.9)] * 3), min_size=1, max_size=25), st.sampled_from([0.25, 0.6, 1.4]))
@example(cells=[(0, 4, 0, "stone", 0), (0, 6, 0, "fence_gate", 4)], speeds=[(0.0, 0.0, 0.0)], width=1.4)
@example(cells=[(0, 5, 0, "snow_layer", 0)], speeds=[(0.0, 0.0, 0.0)], width=0.6)
def test_no_body_ends_in_a_block(cells, speeds, width: float) -> None:
    room = Room()
    for x, y, z, name, meta in cells:
        room.set(x, y, z, name, meta)
    height = min(1.8, width * 3)
    pos = np.array([0.5, 20.0, 0.5])
    for speed in ((0.0, -30.0, 0.0), *speeds):
        before = pos.copy()
        pos, vel, _ = room.move(pos.tolist(), list(speed), width, height)
        assert not room.overlaps(pos, width, height)
        moved = pos - before
        # A step up may add its height; nothing else makes a body go farther than its speed.
        assert (np.abs(moved[[0, 2]]) <= np.abs(np.array(speed)[[0, 2]]) + 1e-6).all()
        assert moved[1] <= max(speed[1], 0.6) + 1e-6
        assert (np.abs(vel) <= np.abs(np.array(speed)) + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(4, 8), st.integers(-3, 3)), max_size=40),
       st.floats(0, 6.28), st.floats(-1.5, 1.5))
def test_a_look_agrees_with_small_steps_along_it(cells, turn: float, nod: float) -> None:
    room = Room()
    for cell in cells:
        x, y, z = cell
        room.set(x, y, z, "stone")
    room.set(0, 6, 0, "air")
    eye = np.array([0.51, 6.43, 0.57])
    way = np.array([math.cos(turn) * math.cos(nod), math.sin(nod), math.sin(turn) * math.cos(nod)])
    hit, x, y, z, face, far = ray(room.blocks, room.meta, BOUNDS, eye, way, 6.0)
    for step in np.arange(0.0, 6.0, 0.01):
        cell = np.floor(eye + way * step).astype(int)
        if room.blocks[cell[0] & 127, cell[1], cell[2] & 127]:
            assert hit and far <= step + 1e-9 and far >= step - 0.3
            break
    else:
        assert not hit or far > 5.9
    if hit:
        point = eye + way * far
        axis, side = ((1, 0), (1, 1), (2, 0), (2, 1), (0, 0), (0, 1))[face]
        assert point[axis] == pytest.approx((x, y, z)[axis] + side, abs=1e-6)
        assert room.blocks[x & 127, y, z & 127] == BLOCKS.id("stone")
