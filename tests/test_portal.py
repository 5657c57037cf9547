"""Portals: which frames light, what breaks them, how one travels there and back, and where one arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FakeWorld, FlatSource

from veclink.envs import make
from veclink.envs.contract import Function, Slot, noop
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import portal
from veclink.envs.voxel.inventory import audit
from veclink.envs.voxel.physics import overlaps
from veclink.envs.voxel.places import travel
from veclink.envs.voxel.rules import Rules
from veclink.envs.voxel.terrain import Terrain
from veclink.envs.voxel.world import VoxelWorld

OBSIDIAN, PORTAL = BLOCKS.id("obsidian"), BLOCKS.id("portal")
ALONG = {1: (1, 0), 2: (0, 1)}


class Field(FakeWorld):
    """A flat world whose blocks act."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.realm = "overworld"
        self.player.bits = 0  # type: ignore[attr-defined]  # stands in nothing
        self.rules: Any = Rules(self)  # type: ignore[arg-type]  # all of a world that rules ask for


def frame(world: Any, x: int, y: int, z: int, axis: int = 1, width: int = 2, height: int = 3, corners: bool = False
          ) -> list[tuple[int, int, int]]:
    """Obsidian round an opening whose first cell is given; the cells inside."""
    dx, dz = ALONG[axis]
    inside = []
    for along in range(-1, width + 1):
        for up in range(-1, height + 1):
            cell = (x + along * dx, y + up, z + along * dz)
            side, level = along in (-1, width), up in (-1, height)
            if not side and not level:
                inside.append(cell)
            edge = side != level or (corners and side and level)
            world.grid.set(*cell, OBSIDIAN if edge else 0)
    return inside


def portals(world: Any) -> int:
    return int((world.grid.blocks == PORTAL).sum())


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([1, 2]), st.integers(1, 22), st.integers(2, 22), st.booleans(), st.data())
def test_frames_from_2x3_to_21x21_light_from_any_cell(axis: int, width: int, height: int, corners: bool, data: Any
                                                      ) -> None:
    world = FakeWorld()
    inside = frame(world, 0, FLOOR + 1, 0, axis, width, height, corners)
    fits = 2 <= width <= 21 and 3 <= height <= 21
    assert portal.light(world, *data.draw(st.sampled_from(inside))) is fits
    assert portals(world) == (len(inside) if fits else 0)
    assert all(world.grid.get_meta(*cell) == axis for cell in inside if fits)
    assert not portal.light(world, *inside[0])  # once only


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([1, 2]), st.integers(2, 5), st.integers(3, 5), st.data())
def test_a_gap_in_the_frame_keeps_it_dark_and_breaks_what_is_lit(axis: int, width: int, height: int, data: Any) -> None:
    world = Field()
    inside = frame(world, 0, FLOOR + 1, 0, axis, width, height)
    a, b, c = (np.array(v) for v in np.nonzero(world.grid.blocks == OBSIDIAN))
    at = data.draw(st.integers(0, len(a) - 1))
    i, j, k = (int(v) - 128 if v > 64 else int(v) for v in (a[at], b[at], c[at]))  # from the ring's places
    world.grid.set(i, j, k, BLOCKS.id("stone"))
    assert not portal.light(world, *inside[-1]) and portals(world) == 0
    world.grid.set(i, j, k, OBSIDIAN)
    assert portal.light(world, *inside[-1])
    world.rules.tick(world)
    assert portals(world) == len(inside)  # nothing is amiss
    world.grid.set(i, j, k, 0)
    world.rules.tick(world)
    assert portals(world) == 0


def test_a_stone_in_the_opening_puts_it_out() -> None:
    world = Field()
    inside = frame(world, 0, FLOOR + 1, 0)
    assert portal.light(world, *inside[0])
    world.grid.set(*inside[3], BLOCKS.id("stone"))
    world.rules.tick(world)
    assert portals(world) == 0 and not portal.light(world, *inside[0])


def test_other_portals_beside_it_stay() -> None:
    world = Field()
    one, other = frame(world, 0, FLOOR + 1, 0), frame(world, 0, FLOOR + 1, 5)
    assert portal.light(world, *one[0]) and portal.light(world, *other[0])
    world.grid.set(one[0][0], FLOOR, 0, 0)
    world.rules.tick(world)
    assert portals(world) == len(other)


class Ocean(FlatSource):
    """Water over everything."""

    def chunk(self, cx: int, cz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        blocks, meta, biome = super().chunk(cx, cz)
        blocks[:, FLOOR:64] = BLOCKS.id("water")
        return blocks, meta, biome


@pytest.mark.parametrize("source", [FlatSource(), Ocean(), FlatSource(height=120)])
@pytest.mark.parametrize(("x", "z"), [(0, 0), (-9, 13)])
def test_arriving_builds_a_portal_one_can_stand_in(source: Any, x: int, z: int) -> None:
    world = Field(source=source)
    world.player.pos[1] = 40.0
    px, py, pz = portal.arrive(world, x, z)
    assert max(abs(px - x), abs(pz - z)) <= portal.REACH and portals(world) == 6
    assert world.grid.get(px, py, pz) == world.grid.get(px, py + 1, pz) == PORTAL
    assert world.grid.get(px, py - 1, pz) == OBSIDIAN
    grid, feet = world.grid, np.array([px + 0.5, py, pz + 0.5])
    assert not overlaps(grid.blocks, grid.meta, grid.bounds, feet, 0.6, 1.8, 0.0)
    dx, dz = ALONG[3 - grid.get_meta(px, py, pz)]
    for way in (-1, 1):  # before and behind it: room for a body, and ground
        a, c = px + way * dx, pz + way * dz
        assert grid.get(a, py, c) == grid.get(a, py + 1, c) == 0 and BLOCKS.solid[grid.get(a, py - 1, c)]
    world.rules.tick(world)
    assert portals(world) == 6  # the frame holds
    again = portal.arrive(world, x + 5, z - 5)  # the next time it is found, though maybe its other half
    assert abs(again[0] - px) + abs(again[2] - pz) <= 1 and portals(world) == 6


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_arriving_in_the_nether_is_safe(seed: int) -> None:
    world = Field(source=Terrain(seed, None, "nether"))
    world.realm = "nether"
    world.player.pos[1] = 64.0
    px, py, pz = portal.arrive(world, 0, 0)
    for _ in range(100):
        world.rules.tick(world)
    assert portals(world) == 6 and py + 3 <= portal.ROOF
    around = [world.grid.get(px + i, py + j, pz + k) for i in (-1, 0, 1) for j in (0, 1) for k in (-1, 0, 1)]
    assert not np.isin(around, [BLOCKS.id("lava"), BLOCKS.id("flowing_lava"), BLOCKS.id("fire")]).any()


def test_the_nearest_portal_counts() -> None:
    world = FakeWorld()
    for x, z in ((-30, -30), (20, 8), (-20, 40)):
        portal.light(world, *frame(world, x, FLOOR + 1, z)[0])
    assert portal.arrive(world, 14, 0)[::2] == (20, 8)
    assert portal.arrive(world, -28, -20)[::2] in ((-30, -30), (-29, -30))
    assert portals(world) == 18


# -- the world itself --------------------------------------------------------------------------------------------------


def travelled(world: VoxelWorld, most: int) -> int:
    """Steps until the player came through, -1 if it did not."""
    for step in range(most):
        world.step(noop())
        if any(kind == "travelled" for kind, _ in world.events):
            return step + 1
    return -1


def test_there_and_back_with_flint_and_steel(tmp_path: Path) -> None:
    def opened(seed: int = 3) -> VoxelWorld:
        world = make("open-ended", world="voxel", image_size=(16, 16), seed=seed, pictures=False, allow_mob_spawn=False,
                     initial_inventory=[{"name": "flint_and_steel", "quantity": 1}])
        assert isinstance(world, VoxelWorld)
        world.reset()
        return world

    world = opened()
    x, y, z = (int(v // 1) for v in world.player.pos)
    y += 20
    first = frame(world, x, y, z, corners=True)[0]
    for off in (-1, -2):
        world.grid.set(x, y - 1, z + off, OBSIDIAN)
    world.player.move_to(x + 0.5, float(y), z - 1.0)
    world.player.yaw, world.player.pitch = 0.0, 48.0  # looks at the frame's floor
    use = noop()
    use[Slot.FUNCTION] = Function.USE
    world.step(use)
    assert portals(world) == 6 and world.grid.get(*first) == PORTAL

    world.drops.add(x + 0.5, y, z - 1.5, ITEMS.id("diamond"), 0, 2)
    world.player.move_to(first[0] + 0.5, float(y), z + 0.5)
    assert travelled(world, 40) == -1
    world.save(tmp_path / "world")  # half-way through the wait
    other = opened(4)
    other.load(tmp_path / "world")
    assert travelled(world, 100) == travelled(other, 100) == 40
    assert world.realm == other.realm == "nether"
    there = world.player.pos.tolist()
    assert other.player.pos.tolist() == there and audit(world) == {}
    assert world.grid.get(*(int(v // 1) for v in there)) == PORTAL

    assert travelled(world, 120) == -1  # once a visit
    world.player.life = 20.0
    px, py, pz = there
    world.player.move_to(px, py + 20.0, pz)
    world.step(noop())
    world.player.move_to(px, py, pz)
    assert travelled(world, 81) == 80 and world.realm == "overworld"
    here = [int(v // 1) for v in world.player.pos]
    assert here[1:] == [y, z] and here[0] in (x, x + 1)  # in the portal one left by
    assert portals(world) == 6 and audit(world) == {}


def test_who_dies_in_the_nether_comes_back_at_home() -> None:
    world = make("open-ended", world="voxel", image_size=(16, 16), seed=3, pictures=False, allow_mob_spawn=False,
                 respawns=True, initial_inventory=[{"name": "diamond", "quantity": 2}])
    assert isinstance(world, VoxelWorld)
    world.reset()
    home = world.player.pos.tolist()
    world.events.append(("portal", {}))
    travel(world)
    assert world.realm == "nether"
    world.player.hurt(100.0, "magic")
    for _ in range(3):
        world.step(noop())
    assert world.realm == "overworld" and world.player.alive and world.player.pos.tolist()[::2] == home[::2]
    assert audit(world) == {}, "what was carried lies in the Nether"
