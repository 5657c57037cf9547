"""Mobs: bodies stay whole whatever happens, and each kind behaves as Minecraft's does, seen on a small flat world."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FakeWorld

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel import loot
from veclink.envs.voxel.bodies import SIT
from veclink.envs.voxel.chance import Chance
from veclink.envs.voxel.entities import THE_PLAYER
from veclink.envs.voxel.kinds import KINDS
from veclink.envs.voxel.paths import SOLID
from veclink.envs.voxel.physics import overlaps

NIGHT, NOON, DAWN = 18_000, 6_000, 500


def animal(world: FakeWorld, slot: int):
    return world.mobs.records[slot]


def put(world: FakeWorld, name: str, x: float = 4.5, z: float = 4.5, **fields) -> int:
    return world.mobs.add(name, x, float(FLOOR), z, **fields)


def scattered(seed: int, count: int = 24) -> FakeWorld:
    """Mobs of many kinds among walls, holes and pools, at a time of day that the seed chooses."""
    world = FakeWorld(seed, time=[NOON, NIGHT, DAWN][seed % 3])
    draws = np.random.default_rng(seed)
    for _ in range(60):
        x, z = (int(part) for part in draws.integers(-14, 14, 2))
        what = ["stone", "stone", "water", "air", "cactus", "lava"][int(draws.integers(6))]
        y = FLOOR - 1 if what in ("water", "air", "lava") else FLOOR
        world.box(x, x, y, y + int(draws.integers(2)) * (what == "stone"), z, z, what)
    for _ in range(count):
        x, z = (int(part) for part in draws.integers(-12, 12, 2))
        kind = int(draws.integers(len(MOBS.names)))
        reach = range(-int(KINDS[kind]["width"] / 2 + 0.5), int(KINDS[kind]["width"] / 2 + 0.5) + 1)
        if not any(SOLID[world.grid.get(x + i, FLOOR + j, z + k)] for i in reach for j in range(4) for k in reach):
            put(world, MOBS.names[kind], x + 0.5, z + 0.5, size=1)
    return world


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_bodies_stay_whole(seed: int) -> None:
    world = scattered(seed)
    records, pos = world.mobs.records, np.zeros(3)
    for _ in range(12):
        world.run(50)
        alive = records[records["alive"]]
        for field in ("x", "y", "z", "vx", "vy", "vz", "yaw", "health", "phase"):
            assert np.isfinite(alive[field]).all()
        for slot in np.flatnonzero(records["alive"]):
            mob = records[slot]
            kind = KINDS[mob["kind"]]
            assert 0 < mob["health"] <= world.mobs.most(int(slot))
            scale = 0.5 if mob["baby"] else float(mob["size"]) if MOBS.by_size[mob["kind"]] else 1.0
            if MOBS.names[mob["kind"]] == "enderman":
                continue  # a teleport asks for room at its middle only
            pos[:] = mob["x"], mob["y"], mob["z"]
            assert not overlaps(world.grid.blocks, world.grid.meta, world.grid.bounds, pos, kind["width"] * scale,
                                kind["height"] * scale, 0.02), MOBS.names[mob["kind"]]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_same_seed_same_mobs(seed: int) -> None:
    first, second = scattered(seed), scattered(seed)
    first.run(300)
    second.run(150)
    saved = second.mobs.state()
    second.mobs.restore(saved)
    second.run(150)
    assert first.mobs.records.tobytes() == second.mobs.records.tobytes()
    assert first.chance.state[0] == second.chance.state[0]
    assert first.drops.fallen == second.drops.fallen


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(MOBS.names), st.integers(0, 1 << 30), st.booleans())
def test_loot_is_from_the_table(name: str, seed: int, by_player: bool) -> None:
    mob = np.zeros((), [("kind", "i2"), ("baby", "?"), ("age", "i4"), ("size", "u1"), ("shorn", "?"), ("fire", "i2"),
                        ("variant", "u1")])
    mob["kind"], mob["size"], mob["variant"] = MOBS.id(name), 1 + seed % 2, 6
    known = [entry for pool in MOBS.pools[MOBS.id(name)] if by_player or not pool.by_player for entry in pool.entries]
    for item, variant, count in loot.roll(mob, Chance(seed), by_player):
        assert any(item == entry.item and (variant == entry.variant or (entry.variant < 0 and variant == 6))
                   and 0 < count <= entry.high for entry in known)


def test_burning_meat_is_cooked_and_the_young_leave_nothing() -> None:
    world = FakeWorld()
    cow, calf = put(world, "cow", fire=60), put(world, "cow", x=8.5, baby=True)
    world.mobs.hurt(cow, 100, "mob", from_player=True)
    world.mobs.hurt(calf, 100, "mob", from_player=True)
    assert world.drops.count("cooked_beef") >= 1 and world.drops.count("beef") == 0
    assert world.mobs.kills == {"cow": 2} and 1 <= world.player.xp <= 3
    assert [event[0] for event in world.events] == ["kill", "kill"]


# -- what hunts --------------------------------------------------------------------------------------------------------


def test_zombie_finds_the_player_round_a_wall() -> None:
    world = FakeWorld(time=NIGHT)
    slot = put(world, "zombie", 0.5, 9.5, target=THE_PLAYER)
    world.box(-3, 3, FLOOR, FLOOR + 2, 5, 5, "stone")
    world.run(300)
    assert world.player.hurts and set(world.player.hurts) == {(3.0, "mob")}
    assert animal(world, slot)["z"] < 3


def test_zombie_climbs_steps_and_fears_deep_holes() -> None:
    world = FakeWorld(time=NIGHT)
    world.box(-8, 8, FLOOR, FLOOR, -8, 3, "stone")
    world.player.pos[1] = FLOOR + 1
    slot = put(world, "zombie", 0.5, 9.5)
    world.run(240)
    assert world.player.hurts and animal(world, slot)["y"] == FLOOR + 1


@pytest.mark.parametrize(("difficulty", "damage"), [("easy", 2.5), ("normal", 3.0), ("hard", 4.5)])
def test_difficulty_scales_blows(difficulty: str, damage: float) -> None:
    world = FakeWorld(time=NIGHT, difficulty=difficulty)
    put(world, "zombie", 1.5, 1.5)
    world.run(30)
    assert world.player.hurts and set(world.player.hurts) == {(damage, "mob")}


def test_peaceful_leaves_the_player_alone() -> None:
    world = FakeWorld(time=NIGHT, difficulty="peaceful")
    for number, name in enumerate(("zombie", "skeleton", "creeper", "spider")):
        put(world, name, 2.5 + number, 2.5)
    world.run(200)
    assert not world.player.hurts and not world.blasts


def test_skeleton_hits_with_arrows_from_afar() -> None:
    world = FakeWorld(time=NIGHT)
    slot = put(world, "skeleton", 7.5, 7.5)
    world.run(600)
    assert world.player.hurts and {cause for _, cause in world.player.hurts} == {"arrow"}
    assert np.hypot(animal(world, slot)["x"], animal(world, slot)["z"]) > 3


def test_creeper_leaves_a_crater() -> None:
    world = FakeWorld(time=NIGHT)
    slot = put(world, "creeper", 6.5, 0.5)
    world.run(200)
    assert len(world.blasts) == 1 and world.blasts[0][3] == 3.0
    assert not animal(world, slot)["alive"]
    x, y, z, _ = world.blasts[0]
    assert world.grid.get(int(x // 1), int(y // 1) - 1, int(z // 1)) == 0
    assert not world.drops.fallen  # who explodes leaves nothing


def test_creeper_stops_hissing_when_one_runs() -> None:
    world = FakeWorld(time=NIGHT)
    slot = put(world, "creeper", 2.5, 0.5)
    world.run(15)
    assert animal(world, slot)["fuse"] > 5
    world.player.pos[0] = -30
    world.run(40)
    assert animal(world, slot)["alive"] and animal(world, slot)["fuse"] == 0 and not world.blasts


def test_spider_minds_its_own_business_at_noon() -> None:
    world = FakeWorld(time=NOON)
    slot = put(world, "spider")
    world.run(200)
    assert not world.player.hurts
    world.mobs.hurt(slot, 1, "mob", from_player=True)
    world.run(100)
    assert world.player.hurts  # but fights back


def test_spider_climbs_a_wall() -> None:
    world = FakeWorld(time=NIGHT)
    world.box(-20, 20, FLOOR, FLOOR + 3, -20, 2, "stone")
    world.player.pos[1] = FLOOR + 4
    slot = put(world, "spider", 0.5, 6.5, target=THE_PLAYER)
    world.run(200)
    assert animal(world, slot)["y"] >= FLOOR + 3.9


def test_zombie_burns_at_dawn_and_not_under_a_roof() -> None:
    world = FakeWorld(time=DAWN)
    world.player.pos[0] = 60  # out of sight
    open_air, roofed = put(world, "zombie", -20.5, -20.5), put(world, "zombie", 20.5, 20.5)
    husk = put(world, "husk", -24.5, 20.5)
    world.box(18, 23, FLOOR + 3, FLOOR + 3, 18, 23, "stone")
    world.box(17, 17, FLOOR, FLOOR + 2, 17, 24, "stone")
    world.box(24, 24, FLOOR, FLOOR + 2, 17, 24, "stone")
    world.box(17, 24, FLOOR, FLOOR + 2, 17, 17, "stone")
    world.box(17, 24, FLOOR, FLOOR + 2, 24, 24, "stone")
    world.run(900)
    assert not animal(world, open_air)["alive"]
    assert animal(world, roofed)["health"] == 20 and animal(world, husk)["health"] == 20


def test_enderman_is_angry_when_looked_at_and_dodges_arrows() -> None:
    world = FakeWorld(time=NIGHT)
    slot = put(world, "enderman", 0.5, 8.5)
    world.player.yaw, world.player.pitch = 90.0, 0.0
    world.run(40)
    assert animal(world, slot)["target"] == 0
    mob = animal(world, slot)
    gap = np.array([mob["x"], mob["y"] + 2.61, mob["z"]]) - np.array(world.player.eye)
    world.player.yaw = float(-np.degrees(np.arctan2(gap[0], gap[2])))
    world.player.pitch = float(-np.degrees(np.arctan2(gap[1], np.hypot(gap[0], gap[2]))))
    world.run(1)
    assert animal(world, slot)["target"] == THE_PLAYER
    place = (float(mob["x"]), float(mob["z"]))
    assert not world.mobs.hurt(slot, 5, "arrow", from_player=True)
    assert (float(mob["x"]), float(mob["z"])) != place and mob["health"] == 40


def test_pigmen_are_angry_together() -> None:
    world = FakeWorld(time=NIGHT)
    first, second, far = (put(world, "zombie_pigman", x, 4.5) for x in (4.5, 14.5, -45.5))
    world.run(60)
    assert not world.player.hurts
    world.mobs.hurt(first, 1, "mob", from_player=True)
    assert animal(world, first)["target"] == animal(world, second)["target"] == THE_PLAYER
    assert animal(world, far)["target"] == 0


def test_slimes_split() -> None:
    world = FakeWorld(time=NOON)
    slot = put(world, "slime", size=4)
    assert animal(world, slot)["health"] == 16
    world.mobs.hurt(slot, 100, "mob", from_player=True)
    young = world.mobs.records[world.mobs.records["alive"]]
    assert 2 <= len(young) <= 4 and set(young["size"]) == {2} and set(young["health"]) == {4.0}
    assert world.drops.count("slime_ball") == 0  # only the small leave some


def test_cave_spiders_poison() -> None:
    world = FakeWorld(time=NIGHT)
    put(world, "cave_spider", 2.5, 2.5)
    world.run(60)
    assert (2.0, "mob") in world.player.hurts and world.player.effects == {"poison": 140}


def test_golems_fight_monsters() -> None:
    world = FakeWorld(time=NIGHT)
    world.player.pos[0] = -50
    zombie = put(world, "zombie", 6.5, 6.5)
    put(world, "iron_golem", 3.5, 3.5)
    world.run(300)
    assert not animal(world, zombie)["alive"]


def test_guardian_hits_with_its_beam() -> None:
    world = FakeWorld()
    world.box(-6, 10, FLOOR, FLOOR + 3, -6, 10, "water")
    put(world, "guardian", 5.5, 5.5)
    world.run(200)
    assert (6.0, "mob") in world.player.hurts


def test_every_kind_lives_a_while() -> None:
    for name in MOBS.names:
        world = FakeWorld(time=NIGHT, seed=3)
        slot = put(world, name, 6.5, 6.5)
        assert slot >= 0 and animal(world, slot)["health"] > 0
        world.run(100)
        hostile = MOBS.hostile[MOBS.id(name)] and name not in ("slime", "magma_cube")
        if hostile and name != "ocelot":
            assert animal(world, slot)["target"] == THE_PLAYER or world.player.hurts or world.blasts, name


# -- what lives in peace -----------------------------------------------------------------------------------------------


def test_animals_wander_and_flee_when_hurt() -> None:
    world = FakeWorld(seed=5)
    slots = [put(world, "cow", x, 6.5) for x in (-10.5, 0.5, 10.5)]
    before = world.mobs.records[slots][["x", "z"]].copy()
    world.run(600)
    assert (world.mobs.records[slots][["x", "z"]] != before).all()
    place = (float(animal(world, slots[0])["x"]), float(animal(world, slots[0])["z"]))
    world.mobs.hurt(slots[0], 1, "mob", from_player=True)
    world.run(15)
    fastest = np.hypot(animal(world, slots[0])["vx"], animal(world, slots[0])["vz"])
    assert animal(world, slots[0])["swing"] > 0.3
    world.run(60)
    mob = animal(world, slots[0])
    assert np.hypot(mob["x"] - place[0], mob["z"] - place[1]) > 1.5 and fastest < 0.5


def test_cows_do_not_walk_into_lava_or_off_cliffs() -> None:
    world = FakeWorld(seed=2)
    for x, z, w in ((-12, -12, 25), (-12, 12, 25)):
        world.box(x, x + w - 1, 1, FLOOR - 1, z, z, "lava")
    world.box(-12, -12, 1, FLOOR - 1, -12, 12, "lava")
    world.box(12, 12, 1, FLOOR - 1, -12, 12, "lava")
    slots = [put(world, "cow", x, 0.5) for x in (-6.5, -2.5, 2.5, 6.5)]
    world.run(1500)
    assert (world.mobs.records["health"][slots] == 10).all()


def test_sheep_sheared_and_its_wool_grows_with_grass() -> None:
    world = FakeWorld()
    slot = put(world, "sheep", variant=6)
    world.player.inventory.put(0, "shears")
    assert world.mobs.interact(slot, world.player)
    assert 1 <= world.drops.count("wool") <= 3 and {variant for _, variant, _ in world.drops.fallen} == {6}
    assert animal(world, slot)["shorn"] and not world.mobs.interact(slot, world.player)
    for _ in range(60):
        world.run(100)
        if not animal(world, slot)["shorn"]:
            break
    assert not animal(world, slot)["shorn"]
    assert BLOCKS.id("dirt") in world.grid.blocks[:, FLOOR - 1]


def test_cow_gives_a_bucket_of_milk() -> None:
    world = FakeWorld()
    slot, bag = put(world, "cow"), world.player.inventory
    bag.put(0, "bucket", 2)
    assert world.mobs.interact(slot, world.player)
    assert bag.holds(ITEMS.id("bucket")) == 1 and bag.holds(ITEMS.id("milk_bucket")) == 1
    assert world.ledger.total() == {(ITEMS.id("bucket"), 0): -1, (ITEMS.id("milk_bucket"), 0): 1}


def test_mooshroom_gives_stew_and_shorn_becomes_a_cow() -> None:
    world = FakeWorld()
    slot, bag = put(world, "mooshroom"), world.player.inventory
    bag.put(0, "bowl")
    assert world.mobs.interact(slot, world.player) and bag.holds(ITEMS.id("mushroom_stew")) == 1
    bag.put(0, "shears")
    assert world.mobs.interact(slot, world.player)
    assert MOBS.names[animal(world, slot)["kind"]] == "cow" and world.drops.count("red_mushroom") == 5


def test_two_cows_fed_with_wheat_have_a_calf_that_grows_up() -> None:
    world = FakeWorld()
    slots = [put(world, "cow", 3.5, 3.5), put(world, "cow", 6.5, 3.5)]
    world.player.inventory.put(0, "wheat", 5)
    assert all(world.mobs.interact(slot, world.player) for slot in slots)
    assert not world.mobs.interact(slots[0], world.player)
    world.player.inventory.count[0] = 0
    world.run(200)
    young = np.flatnonzero(world.mobs.records["alive"] & world.mobs.records["baby"])
    assert len(young) == 1 and 1 <= world.player.xp <= 7
    calf = world.mobs.records[young[0]]
    assert -24_000 <= calf["age"] < -23_000 and all(animal(world, slot)["age"] > 5_000 for slot in slots)
    calf["age"] = -3
    world.run(5)
    assert not world.mobs.records["baby"][young[0]]


def test_animals_follow_their_food() -> None:
    world = FakeWorld()
    slot = put(world, "pig", 7.5, 4.5)
    world.player.inventory.put(0, "carrot")
    world.run(150)
    assert np.hypot(animal(world, slot)["x"] - 0.5, animal(world, slot)["z"] - 0.5) < 3.0


def test_wolf_is_tamed_sits_follows_and_helps() -> None:
    world = FakeWorld()
    slot, bag = put(world, "wolf"), world.player.inventory
    bag.put(0, "bone", 40)
    while not animal(world, slot)["tame"]:
        assert world.mobs.interact(slot, world.player)
    assert animal(world, slot)["state"] == SIT and animal(world, slot)["health"] == 20
    world.player.pos[0] = 30.5
    world.run(60)
    assert abs(animal(world, slot)["x"] - 4.5) < 1
    bag.count[0] = 0
    assert world.mobs.interact(slot, world.player)  # stands up
    world.run(40)
    assert abs(animal(world, slot)["x"] - 30.5) < 6
    cow = put(world, "cow", 28.5, 4.5)
    world.mobs.hurt(cow, 1, "mob", from_player=True)
    world.run(200)
    assert not animal(world, cow)["alive"] and animal(world, slot)["alive"]


def test_chickens_lay_eggs_and_fall_slowly() -> None:
    world = FakeWorld()
    slot = world.mobs.add("chicken", 4.5, FLOOR + 20.0, 4.5)
    assert 6_000 <= animal(world, slot)["egg"] < 12_000
    animal(world, slot)["egg"] = 50
    world.run(60)
    assert animal(world, slot)["y"] > FLOOR and world.drops.count("egg") == 1
    world.run(300)
    assert animal(world, slot)["y"] == FLOOR and animal(world, slot)["health"] == 4


def test_falls_lava_and_water_hurt() -> None:
    world = FakeWorld()
    fallen = world.mobs.add("cow", -8.5, FLOOR + 8.0, -8.5)
    world.box(8, 8, FLOOR - 1, FLOOR - 1, 8, 8, "lava")
    burnt = world.mobs.add("cow", 8.5, FLOOR - 1.0, 8.5)
    world.box(-21, -19, FLOOR, FLOOR + 3, 19, 21, "glass")
    world.box(-20, -20, FLOOR, FLOOR + 2, 20, 20, "water")
    drowned, fish = put(world, "cow", -19.5, 20.5), put(world, "squid", -19.5, 20.5)
    world.run(40)
    assert animal(world, fallen)["health"] == 5  # eight blocks less three
    assert animal(world, burnt)["health"] < 10 and animal(world, burnt)["fire"] > 0
    animal(world, drowned)["y"] = FLOOR
    animal(world, drowned)["air"] = -18
    world.grid.set(-20, FLOOR + 3, 20, BLOCKS.id("glass"))
    world.run(30)
    assert animal(world, fish)["health"] == 10


def test_a_hit_counts_once_in_half_a_second_and_pushes() -> None:
    world = FakeWorld()
    slot = put(world, "iron_golem", 2.5, 0.5)
    zombie = put(world, "zombie", -3.5, 0.5)
    world.run(3)
    assert world.mobs.hurt(zombie, 2, "mob", from_player=True)
    assert not world.mobs.hurt(zombie, 2, "mob", from_player=True)
    assert animal(world, zombie)["vx"] < -0.3 and animal(world, zombie)["health"] == pytest.approx(20 - 2 * 0.92)
    assert world.mobs.hurt(slot, 1, "mob", from_player=True) and animal(world, slot)["vx"] == 0


# -- slots, chunks, rays -----------------------------------------------------------------------------------------------


def test_parked_mobs_come_back_as_they_were() -> None:
    world = FakeWorld()
    slots = [put(world, "cow", 18.5, 18.5), put(world, "sheep", 20.5, 30.5, variant=4)]
    other = put(world, "pig", 3.5, 3.5)
    ids = sorted(world.mobs.records["id"][slots].tolist())
    world.mobs.park(1, 1)
    assert world.mobs.records["alive"].sum() == 1 and animal(world, other)["alive"]
    saved = world.mobs.state()
    again = FakeWorld()
    again.mobs.restore(saved)
    again.mobs.unpark(1, 1)
    alive = again.mobs.records[again.mobs.records["alive"]]
    assert sorted(alive["id"].tolist()) == sorted([*ids, int(animal(world, other)["id"])])
    assert 4 in alive["variant"] and not again.mobs.parked


def test_no_more_than_there_are_slots() -> None:
    world = FakeWorld()
    slots = [put(world, "pig", i % 10 - 5, i // 10 - 5) for i in range(100)]
    assert slots[95] == 95 and slots[96:] == [-1] * 4


def test_unknown_kinds_and_fields_are_named() -> None:
    world = FakeWorld()
    with pytest.raises(UnknownName, match="zombie"):
        put(world, "zombi")
    with pytest.raises(UnknownName, match="baby"):
        put(world, "cow", babby=True)


def test_ray_finds_the_nearest_body() -> None:
    world = FakeWorld()
    near, far = put(world, "cow", 0.5, 4.5), put(world, "cow", 0.5, 7.5)
    slot, distance = world.mobs.hit_by((0.5, 5.0, 0.5), (0.0, 0.0, 1.0), 10.0)
    assert slot == near and distance == pytest.approx(4 - 0.45)
    world.mobs.remove(near)
    assert world.mobs.hit_by((0.5, 5.0, 0.5), (0.0, 0.0, 1.0), 10.0)[0] == far
    assert world.mobs.hit_by((0.5, 5.0, 0.5), (0.0, 1.0, 0.0), 10.0) == (-1, 10.0)
    assert world.mobs.hit_by((0.5, 5.0, 0.5), (0.0, 0.0, 1.0), 3.0)[0] == -1


def test_far_monsters_go_and_animals_stay() -> None:
    world = FakeWorld(time=NIGHT)
    zombie, cow = put(world, "zombie", 40.5, 40.5), put(world, "cow", 42.5, 42.5)
    world.player.pos[0] = -120
    world.run(20)
    assert not animal(world, zombie)["alive"] and animal(world, cow)["alive"]


def test_speed_is_told() -> None:
    world = FakeWorld(time=NIGHT, seed=1)
    kinds = ("cow", "pig", "zombie", "skeleton", "sheep", "chicken")
    for number in range(30):
        put(world, kinds[number % 6], number % 6 * 7 - 20.5, number // 6 * 8 - 20.5, persistent=True)
    world.run(20)
    begin = time.perf_counter()
    for _ in range(500):
        world.mobs.tick(world)
    print(f"30 mobs: {(time.perf_counter() - begin) / 500 * 1e6:.0f} us a tick")
    assert world.mobs.records["alive"].sum() >= 20
