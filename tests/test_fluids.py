"""Water and lava: how far and how fast they run, what they feed, sweep away and harden; and blocks that fall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FakeWorld

from veclink.envs import make
from veclink.envs.contract import noop
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import fluids
from veclink.envs.voxel.drops import Drops
from veclink.envs.voxel.grid import MASK
from veclink.envs.voxel.inventory import audit
from veclink.envs.voxel.rules import Rules
from veclink.envs.voxel.world import VoxelWorld

LEVELS = {"water": 1, "lava": 2}


class Pond(FakeWorld):
    """A flat world whose blocks act, with real drops and without mobs."""

    def __init__(self, realm: str = "overworld", seed: int = 0) -> None:
        super().__init__(seed)
        self.realm, self.ticks = realm, 0
        self.player.bits = 0  # type: ignore[attr-defined]  # stands in nothing
        self.player.pos[:] = 30.5, FLOOR, 30.5  # and in nothing's way
        self.drops: Any = Drops(self)
        self.rules: Any = Rules(self)  # type: ignore[arg-type]  # all of a world that rules ask for

    def put(self, x: int, y: int, z: int, name: str, meta: int = 0) -> None:
        assert self.grid.set(x, y, z, BLOCKS.id(name), meta)

    def name(self, x: int, y: int, z: int) -> str:
        return BLOCKS.names[self.grid.get(x, y, z)]

    def wait(self, ticks: int) -> None:
        for _ in range(ticks):
            self.rules.tick(self)
            self.ticks += 1

    def still(self, most: int = 2000) -> int:
        """Wait until nothing is due any more; how long that took."""
        for ticks in range(most):
            if ticks and not self.rules.state()["due"] and not self.grid.woken:
                return ticks
            self.wait(1)
        raise AssertionError(f"still moving after {most} ticks")

    def level(self, x: int, y: int, z: int, liquid: str = "water") -> int:
        """-1 for another block."""
        wet = BLOCKS.liquid[self.grid.get(x, y, z)] == LEVELS[liquid]
        return self.grid.get_meta(x, y, z) if wet else -1

    def wet(self, liquid: str = "water") -> int:
        return int((BLOCKS.liquid[self.grid.blocks] == LEVELS[liquid]).sum())

    def items(self, name: str) -> int:
        records = self.drops.records
        return int(records["count"][records["alive"] & (records["item"] == ITEMS.id(name))].sum())


def test_water_spreads_seven_blocks_one_every_five_ticks() -> None:
    world = Pond()
    world.put(0, FLOOR, 0, "water")
    world.wait(4)
    assert world.wet() == 1
    took = 4 + world.still()
    levels = [world.level(x, FLOOR, 0) for x in range(9)]
    assert levels == [0, 1, 2, 3, 4, 5, 6, 7, -1]
    assert world.wet() == 1 + 4 * sum(range(1, 8))  # a diamond
    assert world.name(0, FLOOR, 0) == world.name(7, FLOOR, 0) == "water"  # settled: not `flowing_water`
    assert 5 * 8 <= took <= 5 * 9


@pytest.mark.parametrize(("realm", "reach", "pace"), [("overworld", 3, 30), ("nether", 7, 10)])
def test_lava_is_slower_and_thicker_but_in_the_nether(realm: str, reach: int, pace: int) -> None:
    world = Pond(realm)
    world.put(0, FLOOR, 0, "lava")
    took = world.still()
    assert [world.level(x, FLOOR, 0, "lava") >= 0 for x in range(reach + 2)] == [True] * (reach + 1) + [False]
    assert pace * (reach + 1) <= took <= pace * (reach + 2)


@pytest.mark.parametrize("liquid", ["water", "lava"])
def test_without_its_source_everything_drains(liquid: str) -> None:
    world = Pond()
    world.box(-1, 1, FLOOR, FLOOR, -1, 1, "stone")
    world.put(0, FLOOR + 1, 0, liquid)
    world.still()
    assert world.wet(liquid) > 10
    world.put(0, FLOOR + 1, 0, "air")
    world.still()
    assert world.wet(liquid) == 0


def test_water_falls_and_spreads_where_it_lands() -> None:
    world = Pond()
    world.put(0, FLOOR + 5, 0, "stone")
    world.put(0, FLOOR + 6, 0, "water")
    world.still()
    assert [world.level(1, FLOOR + y, 0) for y in range(7)] == [9, 9, 9, 9, 9, 9, 1]
    assert world.level(2, FLOOR, 0) == 1 and world.level(2, FLOOR + 1, 0) == -1
    assert world.level(8, FLOOR, 0) == 7 and world.level(9, FLOOR, 0) == -1


@pytest.mark.parametrize(("away", "drawn"), [(2, True), (5, True), (6, False)])
def test_water_runs_to_the_nearest_hole(away: int, drawn: bool) -> None:
    world = Pond()
    world.put(away, FLOOR - 1, 0, "air")
    world.put(0, FLOOR, 0, "water")
    world.wait(8)
    levels = [world.level(x, FLOOR, z) for x, z in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    assert levels == [1] + ([-1] if drawn else [1]) * 3
    world.still()
    if drawn:
        assert world.level(away, FLOOR - 1, 0) == away + 8
        assert world.wet() == away + 2


def test_two_sources_make_a_third_but_not_of_lava() -> None:
    for liquid, expected in (("water", 0), ("lava", 2)):
        world = Pond()
        world.box(-2, 2, FLOOR, FLOOR, -1, 1, "stone")
        for x, name in ((-1, liquid), (0, "air"), (1, liquid)):
            world.put(x, FLOOR, 0, name)
        world.still()
        assert world.level(0, FLOOR, 0, liquid) == expected
    assert world.still() >= 0


def test_a_pool_refills_where_water_was_taken() -> None:
    world = Pond()
    world.box(0, 3, FLOOR - 1, FLOOR - 1, 0, 3, "water")
    world.still()
    world.put(1, FLOOR - 1, 1, "air")
    world.still()
    assert all(world.level(x, FLOOR - 1, z) == 0 for x in range(4) for z in range(4))
    assert world.wet() == 16


def test_lava_hardens_beside_water() -> None:
    world = Pond()
    world.put(0, FLOOR, 0, "lava")
    world.still()
    assert world.level(1, FLOOR, 0, "lava") == 2
    world.put(2, FLOOR, 0, "water")  # beside a flow
    world.wait(2)
    assert world.name(1, FLOOR, 0) == "cobblestone"
    world.put(0, FLOOR + 1, 0, "water")  # on the source
    world.wait(2)
    assert world.name(0, FLOOR, 0) == "obsidian"


def test_lava_that_falls_on_water_makes_stone() -> None:
    world = Pond()
    world.box(0, 2, FLOOR - 1, FLOOR - 1, 0, 2, "water")
    world.box(0, 2, FLOOR, FLOOR + 3, 0, 2, "stone")
    world.box(1, 1, FLOOR, FLOOR + 3, 1, 1, "air")
    world.put(1, FLOOR + 3, 1, "lava")
    world.still()
    assert world.name(1, FLOOR - 1, 1) == "stone"
    assert world.level(1, FLOOR, 1, "lava") >= 8


def test_water_sweeps_plants_torches_and_rails_away() -> None:
    world = Pond()
    for x, name in ((1, "torch"), (2, "red_flower"), (3, "rail"), (4, "snow_layer"), (5, "redstone_wire")):
        world.put(x, FLOOR, 0, name, 4 if name == "red_flower" else 5 if name == "torch" else 0)
    world.put(0, FLOOR, 2, "oak_stairs")
    world.put(0, FLOOR, -2, "ladder", 2)
    world.put(0, FLOOR, 0, "water")
    world.still()
    assert [world.level(x, FLOOR, 0) for x in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [world.items(name) for name in ("torch", "red_flower", "rail", "redstone")] == [1] * 4
    records = world.drops.records
    assert records["variant"][records["item"] == ITEMS.id("red_flower")].tolist() == [4]
    assert world.name(0, FLOOR, 2) == "oak_stairs"
    assert audit(world) == {}  # type: ignore[arg-type]  # bag, drops and ledger are all it looks at


def test_lava_leaves_no_items() -> None:
    world = Pond()
    world.put(1, FLOOR, 0, "torch", 5)
    world.put(0, FLOOR, 0, "lava")
    world.still()
    assert world.level(1, FLOOR, 0, "lava") == 2 and world.items("torch") == 0


def test_water_boils_away_in_the_nether() -> None:
    world = Pond("nether")
    world.put(0, FLOOR, 0, "water")
    world.still()
    assert world.wet() == 0


def test_a_sea_costs_nothing_until_somebody_touches_it() -> None:
    world = Pond()
    x0, x1, z0, z1 = world.grid.bounds.tolist()
    xs, zs = np.arange(x0, x1) & MASK, np.arange(z0, z1) & MASK
    world.grid.blocks[np.ix_(xs, np.arange(1, FLOOR), zs)] = BLOCKS.id("water")
    before = world.grid.blocks.copy()
    world.wait(60)
    assert not world.rules.state()["due"] and not world.grid.changed
    world.put(3, FLOOR - 1, 3, "stone")
    assert world.still() <= 8
    world.put(3, FLOOR - 1, 3, "air")
    world.still()
    np.testing.assert_array_equal(world.grid.blocks, before)


def test_at_the_border_of_what_is_loaded_water_waits() -> None:
    world = Pond()
    x1 = int(world.grid.bounds[1])
    world.put(x1 - 3, FLOOR, 0, "water")
    world.wait(200)
    assert world.level(x1 - 1, FLOOR, 0) == 2 and world.name(x1 - 1, FLOOR, 0) == "flowing_water"
    assert world.name(x1 - 2, FLOOR, 0) == "water"


def test_a_sponge_drinks_what_is_near() -> None:
    world = Pond()
    world.box(0, 2, FLOOR - 1, FLOOR - 1, 0, 2, "water")
    world.put(1, FLOOR, 1, "sponge")
    world.wait(2)
    assert world.wet() == 0 and world.grid.get_meta(1, FLOOR, 1) == fluids.WET


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4), st.integers(-5, 5),
                          st.sampled_from(["stone", "air", "water", "lava", "torch", "sand", "stone_slab"])),
                min_size=3, max_size=25), st.integers(0, 5))
def test_whatever_is_built_it_comes_to_rest_the_same_way_twice(cells: list[Any], seed: int) -> None:
    """Nothing ticks for ever; the same seed gives the same blocks; sources are the only wells."""
    ends = []
    for _ in range(2):
        world = Pond(seed=seed)
        for x, y, z, name in cells:
            world.put(x, FLOOR - 2 + y, z, name, 5 if name == "torch" else 0)
            world.wait(3)
        world.still(4000)
        assert not np.isin(world.grid.blocks, [BLOCKS.id("flowing_water"), BLOCKS.id("flowing_lava")]).any()
        assert audit(world) == {}  # type: ignore[arg-type]
        ends.append((world.grid.blocks.copy(), world.grid.meta.copy(), world.chance.state.copy()))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("at", [1, 5, 20, 29])
def test_a_world_saved_in_mid_flow_goes_on_exactly(tmp_path: Path, at: int) -> None:
    def opened(seed: int) -> VoxelWorld:
        world = make("open-ended", world="voxel", image_size=(16, 16), seed=seed, pictures=False, allow_mob_spawn=False)
        assert isinstance(world, VoxelWorld)
        world.reset()
        return world

    world, other = opened(3), opened(4)
    x, y, z = (int(v // 1) for v in world.player.pos)
    for dx, name in ((2, "water"), (5, "lava"), (7, "torch"), (9, "sand")):
        world.grid.set(x + dx, y + 5, z, BLOCKS.id("glass"))
        world.grid.set(x + dx, y + 6, z, BLOCKS.id(name), 5 if name == "torch" else 0)
    world.grid.set(x + 9, y + 5, z, 0)
    for _ in range(at):
        world.step(noop())
    other.load(world.save(tmp_path / "world"))
    for _ in range(70):
        world.step(noop())
        other.step(noop())
    assert (BLOCKS.liquid[world.grid.blocks] > 0).any()
    for ring in ("blocks", "meta", "light"):
        np.testing.assert_array_equal(getattr(world.grid, ring), getattr(other.grid, ring))
    assert world.rules.state() == other.rules.state()


# -- falling blocks ----------------------------------------------------------------------------------------------------


def test_sand_falls_two_ticks_after_its_ground_goes() -> None:
    world = Pond()
    for y in range(6):
        world.put(0, FLOOR + y, 0, "dirt" if y < 3 else "sand", 1 if y >= 3 else 0)
    world.wait(2)
    world.put(0, FLOOR + 2, 0, "air")
    world.wait(1)
    assert world.name(0, FLOOR + 2, 0) == "air"
    world.wait(1)
    assert world.name(0, FLOOR + 2, 0) == "sand" and world.grid.get_meta(0, FLOOR + 2, 0) == 1
    world.still()
    assert [world.name(0, FLOOR + y, 0) for y in range(6)] == ["dirt"] * 2 + ["sand"] * 3 + ["air"]


def test_gravel_goes_through_water_to_the_bottom() -> None:
    world = Pond()
    world.box(0, 2, 1, FLOOR - 1, 0, 2, "water")
    world.put(1, FLOOR + 9, 1, "gravel")
    world.still()
    assert world.name(1, 1, 1) == "gravel" and world.name(1, FLOOR + 9, 1) == "air"


@pytest.mark.parametrize("under", ["torch", "stone_slab", "carpet", "red_flower", "soul_sand"])
def test_it_breaks_where_no_block_can_be(under: str) -> None:
    world = Pond()
    world.put(0, FLOOR, 0, under, 5 if under == "torch" else 0)
    world.put(0, FLOOR + 4, 0, "sand", 1)
    world.still()
    assert world.name(0, FLOOR, 0) == under and world.items("sand") == 1
    records = world.drops.records
    assert records["variant"][records["alive"]].tolist() == [1]
    assert audit(world) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(("under", "meta"), [("tallgrass", 1), ("snow_layer", 0), ("fire", 0)])
def test_it_presses_down_what_yields(under: str, meta: int) -> None:
    world = Pond()
    world.put(0, FLOOR, 0, under, meta)
    world.put(0, FLOOR + 1, 0, "stone")
    world.put(0, FLOOR + 2, 0, "anvil", 4)
    world.put(0, FLOOR + 1, 0, "air")
    world.still()
    assert world.name(0, FLOOR, 0) == "anvil" and world.grid.get_meta(0, FLOOR, 0) == 4


def test_it_rests_on_fences_and_upper_slabs() -> None:
    for under, meta in (("fence", 0), ("stone_slab", 8), ("oak_stairs", 0)):
        world = Pond()
        world.put(0, FLOOR, 0, under, meta)
        world.put(0, FLOOR + 3, 0, "sand")
        world.still()
        assert world.name(0, FLOOR + 1, 0) == "sand", under
