"""What flies: arrows fall, stick and can be picked up, fireballs burst and come back, eggs hatch, pearls carry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FakeWorld

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel.kinds import MISSILES


def flying(world: FakeWorld) -> int:
    return int(world.shots.records["alive"].sum())


def test_arrow_flies_as_in_minecraft() -> None:
    world = FakeWorld()
    world.player.pos[0] = 40
    slot = world.shots.add("arrow", 0.5, 60.0, -40.5, 0.0, 0.0, 3.0)
    y, z, vy, vz = 60.0, -40.5, 0.0, 3.0
    for _ in range(20):
        world.shots.tick(world)
        y, z = y + vy, z + vz
        vy, vz = vy * 0.99 - 0.05, vz * 0.99
        shot = world.shots.records[slot]
        assert shot["y"] == pytest.approx(y) and shot["z"] == pytest.approx(z)


def test_arrow_sticks_is_picked_up_and_falls_when_its_block_goes() -> None:
    world = FakeWorld()
    world.box(-3, 3, FLOOR, FLOOR + 4, 9, 9, "stone")
    slot = world.shots.throw("arrow", world.player.eye, 0.0, 0.0, 3.0, 0.0)
    world.run(20)
    shot = world.shots.records[slot]
    assert shot["stuck"] and 8.7 < shot["z"] < 9.05 and not world.player.inventory.holds(ITEMS.id("arrow"))
    height = float(shot["y"])
    world.box(-3, 3, FLOOR, FLOOR + 4, 9, 9, "air")
    world.run(20)
    assert shot["y"] < height
    world.player.pos[2] = float(shot["z"])
    world.run(20)
    assert world.player.inventory.holds(ITEMS.id("arrow")) == 1 and not flying(world)
    assert world.ledger.total() == {(ITEMS.id("arrow"), 0): 1}


def test_arrows_of_mobs_are_not_picked_up() -> None:
    world = FakeWorld()
    world.player.alive = False
    world.shots.add("arrow", 0.5, FLOOR + 0.5, 0.5, 0.0, -1.0, 0.0, owner=7)
    world.run(5)
    world.player.alive = True
    world.run(20)
    assert flying(world) == 1 and not world.player.inventory.holds(ITEMS.id("arrow")) and not world.player.hurts


def test_arrow_hurts_by_its_speed_and_the_player_owns_the_kill() -> None:
    world = FakeWorld()
    fast, slow = (world.mobs.add("zombie", x, FLOOR, 6.5, health=20.0) for x in (0.5, 6.5))
    world.shots.throw("arrow", (0.5, FLOOR + 1.5, 0.5), 0.0, 0.0, 3.0, 0.0)
    world.shots.throw("arrow", (6.5, FLOOR + 1.5, 4.5), 0.0, 0.0, 1.0, 0.0)
    for _ in range(6):
        world.shots.tick(world)
    health = world.mobs.records["health"]
    assert health[fast] == pytest.approx(20 - 6 * 0.92) and health[slow] == pytest.approx(20 - 2 * 0.92)
    assert world.mobs.records["vz"][fast] > 0.2
    world.mobs.records["hurt"][fast] = 0
    world.mobs.records["health"][fast] = 1
    world.shots.throw("arrow", (0.5, FLOOR + 1.5, 4.5), 0.0, 0.0, 3.0, 0.0)
    for _ in range(3):
        world.shots.tick(world)
    assert world.mobs.kills == {"zombie": 1} and world.player.xp == 5


@settings(max_examples=15, deadline=None)
@given(st.floats(-180, 180), st.floats(-60, 60), st.floats(0.5, 3.0), st.integers(0, 999))
def test_nothing_flies_through_a_wall(yaw: float, pitch: float, speed: float, seed: int) -> None:
    world = FakeWorld(seed)
    for x0, x1, z0, z1 in ((-4, 4, 4, 4), (-4, 4, -4, -4), (4, 4, -4, 4), (-4, -4, -4, 4)):
        world.box(x0, x1, FLOOR, FLOOR + 12, z0, z1, "stone")
    world.box(-4, 4, FLOOR + 12, FLOOR + 12, -4, 4, "stone")
    world.player.alive = False
    slot = world.shots.throw("arrow", world.player.eye, yaw, pitch, speed)
    world.run(100)
    shot = world.shots.records[slot]
    assert shot["alive"] and shot["stuck"]
    assert -3.01 <= shot["x"] <= 4.01 and -3.01 <= shot["z"] <= 4.01 and FLOOR - 0.01 <= shot["y"] <= FLOOR + 12.01


def test_ghast_fireball_bursts_and_kills_the_ghast_when_hit_back() -> None:
    world = FakeWorld()
    ghast = world.mobs.add("ghast", 0.5, FLOOR + 1.0, 20.5)
    owner = int(world.mobs.records["id"][ghast])
    slot = world.shots.add("fireball", 0.5, FLOOR + 2.0, 6.5, 0.0, 0.0, -0.1, owner=owner)
    for _ in range(2):
        world.shots.tick(world)
    found, _ = world.shots.hit_by((0.5, FLOOR + 2.0, 0.5), (0.0, 0.0, 1.0), 20.0)
    assert found == slot and world.shots.deflect(slot, 0.0, 0.0)
    for _ in range(40):
        world.shots.tick(world)
    assert not world.mobs.records["alive"][ghast] and world.mobs.kills == {"ghast": 1}
    assert len(world.blasts) == 1 and world.blasts[0][3] == 1.0
    assert not world.shots.deflect(world.shots.add("arrow", 0, 9, 0, 0, 0, 1), 0.0, 0.0)


def test_small_fireball_sets_on_fire() -> None:
    world = FakeWorld()
    world.shots.add("small_fireball", 0.5, FLOOR + 1.0, 6.5, 0.0, 0.0, -0.1, owner=99)
    world.run(40)
    assert world.player.hurts == [(5.0, "mob")] and world.player.fire == 100
    world.shots.add("small_fireball", 20.5, FLOOR + 1.0, 6.5, 0.0, -0.5, 0.0, owner=99)
    world.run(20)
    assert world.grid.get(20, FLOOR, 6) == BLOCKS.id("fire")


def test_one_egg_in_eight_hatches() -> None:
    world = FakeWorld(seed=4)
    world.player.pos[0] = 40
    for _ in range(240):
        world.shots.add("egg", 0.5, FLOOR + 1.0, 0.5, 0.0, -0.5, 0.0)
        world.run(4)
        world.mobs.records["health"] *= world.mobs.records["alive"]
    chicks = world.mobs.next_id - 1
    assert 14 <= chicks <= 60
    young = world.mobs.records[world.mobs.records["alive"]]
    assert young["baby"].all() and {MOBS.names[kind] for kind in young["kind"]} == {"chicken"}


def test_ender_pearl_carries_its_thrower() -> None:
    world = FakeWorld()
    world.shots.throw("ender_pearl", world.player.eye, 0.0, -20.0, 1.5, 0.0)
    world.run(80)
    assert world.player.pos[2] > 10 and abs(world.player.pos[1] - FLOOR) < 0.3
    assert world.player.hurts == [(5.0, "fall")]


def test_snowball_only_pushes_but_hurts_blazes() -> None:
    world = FakeWorld()
    cow, blaze = world.mobs.add("cow", 0.5, FLOOR, 4.5), world.mobs.add("blaze", 6.5, FLOOR, 4.5)
    world.shots.throw("snowball", (0.5, FLOOR + 1.0, 0.5), 0.0, 0.0, 1.5, 0.0)
    world.shots.throw("snowball", (6.5, FLOOR + 1.0, 0.5), 0.0, 0.0, 1.5, 0.0)
    for _ in range(5):
        world.shots.tick(world)
    records = world.mobs.records
    assert records["health"][cow] == 10 and records["vz"][cow] > 0 and records["health"][blaze] == 17


def test_oldest_makes_room_and_unknown_things_are_named() -> None:
    world = FakeWorld()
    for _ in range(70):
        world.shots.add("arrow", 0.5, 90.0, 0.5, 0.0, 0.1, 0.0)
    assert flying(world) == len(world.shots.records) and world.shots.next_id == 71
    with pytest.raises(UnknownName, match="arrow"):
        world.shots.add("arow", 0, 0, 0, 0, 0, 0)


def test_same_shots_after_a_restore() -> None:
    worlds = [FakeWorld(seed=9), FakeWorld(seed=9)]
    for world in worlds:
        world.shots.throw("arrow", world.player.eye, 30.0, -30.0, 2.0)
        world.run(5)
    state = worlds[0].shots.state()
    worlds[0].shots.restore(state)
    for world in worlds:
        world.run(30)
    assert worlds[0].shots.records.tobytes() == worlds[1].shots.records.tobytes()
    assert np.isfinite(worlds[0].shots.records["x"]).all() and MISSILES[worlds[0].shots.records["kind"][0]] == "arrow"
