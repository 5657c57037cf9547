"""The built-in world as a whole: the contract, the same twice, saves that go on exactly, nothing made or lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.envs import make
from veclink.envs.check import check_world
from veclink.envs.contract import ACTION_SIZES, Function, ImageSizeError, Slot, noop
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.inventory import audit
from veclink.envs.voxel.physics import overlaps
from veclink.envs.voxel.world import VoxelWorld

GIVEN = [("diamond_pickaxe", 1), ("planks", 64), ("bucket", 3), ("sand", 20), ("wheat_seeds", 9), ("coal", 8)]


def opened(seed: int = 3, task: str = "open-ended", **options: Any) -> VoxelWorld:
    world = make(task, image_size=(32, 48), seed=seed, pictures=False, **options)
    assert isinstance(world, VoxelWorld)
    world.reset()
    return world


def draws(seed: int, number: int) -> np.ndarray:
    """(number, 8) random actions; half of them walk on, so that the player comes about."""
    rng = np.random.default_rng(seed)
    actions = np.stack([rng.integers(0, size, number) for size in ACTION_SIZES], 1)
    walks = rng.random(number) < 0.5
    actions[walks, 0], actions[walks, 3], actions[walks, 5] = 1, 12, 0
    return actions


def same(first: Any, second: Any, where: str = "") -> None:
    """Two observations, infos or states, alike to the bit."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            same(first[key], second[key], f"{where}/{key}")
    elif isinstance(first, tuple | list):
        assert len(first) == len(second), where
        for number, pair in enumerate(zip(first, second, strict=True)):
            same(*pair, f"{where}/{number}")
    elif isinstance(first, np.ndarray):
        np.testing.assert_array_equal(first, second, where)
    else:
        assert first == second, where


def test_the_contract_holds() -> None:
    check_world(make("open-ended", image_size=(32, 48), seed=0), steps=60)


def test_the_contract_holds_with_voxels_and_rays() -> None:
    world = make("open-ended", image_size=(16, 16), seed=1, use_voxel=True, use_lidar=True, pictures=False)
    check_world(world, steps=40)


@pytest.mark.parametrize("seed", [3, 11])
def test_same_seed_and_actions_same_world(seed: int) -> None:
    first, second = opened(seed), opened(seed)
    for action in draws(seed, 120):
        same(first.step(action), second.step(action))
    same(first.state(), second.state())


@pytest.mark.parametrize("at", [1, 60, 139])
def test_saved_at_any_step_it_goes_on_exactly(tmp_path: Path, at: int) -> None:
    world, other = opened(5, respawns=True), opened(6, respawns=True)
    actions = draws(5, 200)
    for action in actions[:at]:
        world.step(action)
    other.load(world.save(tmp_path / "world"))
    for action in actions[at:]:
        same(world.step(action), other.step(action))
    same(world.state(), other.state())


def test_a_save_is_a_world_of_its_own(tmp_path: Path) -> None:
    world = opened(6)
    for action in draws(1, 40):
        world.step(action)
    world.save(tmp_path / "world")
    world.player.move_to(200.5, 90.0, 200.5)
    for _ in range(30):
        world.step(noop())
    elsewhere = world.player.pos.copy()
    observation, _ = world.load(tmp_path / "world")
    assert np.abs(observation["location_stats"]["pos"] - elsewhere).max() > 50


def _saves_forever(path: str) -> None:
    world = opened(7)
    while True:
        world.step(noop())
        world.save(path)


def test_killed_while_saving_the_last_save_loads(tmp_path: Path) -> None:
    path = tmp_path / "world"
    process = multiprocessing.get_context("spawn").Process(target=_saves_forever, args=(str(path),))
    process.start()
    assert process.pid is not None
    end = time.monotonic() + 60
    while not path.exists() and process.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    world = opened(7)
    world.load(path)
    assert world.steps > 0
    world.step(noop())


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_nothing_is_made_or_lost_but_by_the_rules(seed: int) -> None:
    world = opened(seed, respawns=True, initial_inventory=[{"name": n, "quantity": q} for n, q in GIVEN])
    for action in draws(seed, 150):
        observation, *_ = world.step(action)
        assert np.isfinite(world.player.pos).all() and np.isfinite(observation["location_stats"]["pos"]).all()
    assert audit(world) == {}
    grid, player = world.grid, world.player
    assert not overlaps(grid.blocks, grid.meta, grid.bounds, player.pos, 0.6, player.height, 0.02)


def test_bad_things_are_refused() -> None:
    with pytest.raises(UnknownName, match="harvest"):
        make("harvest_mlik")
    with pytest.raises(ImageSizeError):
        make("open-ended", image_size=(0, 7))
    with pytest.raises(UnknownName, match="normal"):
        make("open-ended", difficulty="norml")
    world = opened()
    with pytest.raises(InputError):
        world.step([0, 0, 0, 99, 12, 0, 0, 0])
    world.close()
    with pytest.raises(InputError, match="closed"):
        world.step(noop())


def test_two_extra_ticks_where_minedojo_has_them() -> None:
    world = opened()
    for function in Function:
        before = world.ticks
        action = noop()
        action[Slot.FUNCTION] = function
        world.step(action)
        assert world.ticks - before == (1 if function in (Function.NOOP, Function.USE, Function.ATTACK) else 3)


@pytest.mark.parametrize("biome", ["plains", "forest", "taiga", "desert", "swampland", "extreme_hills", "ocean",
                                   "jungle", "ice_plains"])
def test_every_biome_can_be_asked_for(biome: str) -> None:
    world = opened(2, specified_biome=biome)
    names = {BLOCKS.names[b] for b in np.unique(world.grid.blocks)}
    assert {"bedrock", "stone", "air"} <= names
    world.step(noop())
