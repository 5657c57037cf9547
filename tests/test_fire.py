"""Fire and explosions: what burns, what puts it out, craters, what bodies feel of them, TNT; nothing made or lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from voxel_flat import Flat

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import explosion, fire, using
from veclink.envs.voxel.inventory import audit

FLINT = 64  # uses of flint and steel


def state_of(flat: Flat) -> tuple[bytes, bytes, int]:
    return flat.grid.blocks.tobytes(), flat.grid.meta.tobytes(), int(flat.world.chance.state[0])


# -- fire --------------------------------------------------------------------------------------------------------------


def test_fire_lasts_on_netherrack_even_in_rain_and_not_on_stone() -> None:
    flat = Flat()
    flat.world.sky.weather = 1
    flat.put(0, -1, 0, "netherrack")
    flat.put(10, -1, 0, "stone")
    for dx in (0, 10):
        flat.put(dx, 0, 0, "fire")
    flat.tick(800)
    assert flat.name(0, 0, 0) == "fire" and flat.name(10, 0, 0) == "air"


def test_fire_without_floor_and_food_goes_out_at_once() -> None:
    flat = Flat()
    flat.put(0, 5, 0, "fire")
    flat.put(4, 5, 0, "log")
    flat.put(4, 6, 0, "fire")
    flat.tick(2)
    assert flat.name(0, 5, 0) == "air" and flat.name(4, 6, 0) == "fire"
    flat.put(4, 5, 0, "air")
    flat.tick(2)
    assert flat.count("fire") == 0


def test_wool_burns_away_the_same_way_each_time() -> None:
    found = []
    for _ in range(2):
        flat = Flat(seed=3)
        flat.fill("wool", range(4), range(4), range(4))
        flat.fill("stone", range(6, 10), range(4), range(4))
        flat.put(0, 4, 0, "fire")
        flat.tick(1500)
        found.append(state_of(flat))
        assert flat.count("wool") < 10 and flat.count("stone") == 64
    assert found[0] == found[1]


def test_fire_jumps_over_air_to_what_burns_only() -> None:
    flat = Flat(seed=2)
    flat.fill("stone", range(-3, 4), range(-1, 0), range(-3, 4))
    flat.put(0, -1, 0, "netherrack")
    flat.put(0, 0, 0, "fire")
    flat.tick(1500)
    assert flat.count("fire") == 1
    flat.put(2, 0, 0, "leaves", 4)
    for _ in range(60):
        flat.tick(50)
        if flat.name(2, 0, 0) != "leaves":
            break
    assert flat.name(2, 0, 0) in ("air", "fire")


@pytest.mark.parametrize("weather", [0, 1])
def test_rain_puts_fire_out(weather: int) -> None:
    flat = Flat(seed=4)
    flat.world.sky.weather = weather
    for number in range(12):
        flat.put(4 * number - 24, -1, 0, "log")
        flat.put(4 * number - 24, 0, 0, "fire")
    flat.tick(250)
    assert flat.count("fire") <= 5 if weather else flat.count("fire") >= 7


def test_fire_under_a_roof_stays_dry() -> None:
    flat = Flat()
    flat.world.sky.weather = 1
    flat.fill("stone", range(-6, 7), range(3, 4), range(-6, 7))
    assert fire.wet(flat.world, flat.x + 12, flat.y, flat.z) and not fire.wet(flat.world, flat.x, flat.y, flat.z)
    assert fire.wet(flat.world, flat.x + 7, flat.y, flat.z)  # beside the roof's edge
    flat.world.sky.weather = 0
    assert not fire.wet(flat.world, flat.x + 12, flat.y, flat.z)


def test_fire_burns_where_it_was_when_the_world_is_taken_up_again() -> None:
    first, second = Flat(seed=6), Flat(seed=7)
    first.fill("planks", range(5), range(3), range(5))
    first.put(0, 3, 0, "fire")
    first.put(3, 3, 3, "tnt")
    first.tick(100)
    second.world.restore(first.world.state())
    second.grid = second.world.grid
    for flat in (first, second):
        flat.tick(400)
    for x in range(-16, 32):
        for z in range(-16, 32):
            assert (first.grid.blocks[x & 127, :, z & 127] == second.grid.blocks[x & 127, :, z & 127]).all()
    assert first.count("planks") < 75


# -- TNT ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["rules", "item"])
def test_flint_and_steel_lights_tnt_and_wears_once(way: str) -> None:
    flat = Flat()
    place = flat.put(0, 0, 0, "tnt")
    world, player = flat.world, flat.world.player
    assert not world.rules.use(world, *place)
    flat.hold("flint_and_steel")
    hit: Any = (*place, 1, 1.0)
    assert world.rules.use(world, *place, 1) if way == "rules" else using.use_on_block(world, hit)
    assert player.inventory.durability[player.held] == FLINT - 1
    flat.tick(79)
    assert flat.name(0, 0, 0) == "tnt" and flat.name(1, -1, 0) == "grass"
    flat.tick()
    assert flat.name(0, 0, 0) == "air" and flat.name(1, -1, 0) == "air"
    assert "explosion" in [kind for kind, _ in world.events] and audit(world) == {}


def test_tnt_sets_off_tnt_and_none_of_it_is_left_lying() -> None:
    flat = Flat()
    flat.fill("tnt", range(4), range(1), range(3))
    flat.tick()
    explosion.prime(flat.world, flat.x, flat.y, flat.z)
    flat.tick(80)
    assert 0 < flat.count("tnt") < 12
    flat.tick(60)
    assert flat.count("tnt") == 0 and "tnt" not in flat.lying() and audit(flat.world) == {}
    assert sum(kind == "explosion" for kind, _ in flat.world.events) == 12


def test_fire_lights_tnt() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "tnt")
    flat.put(0, -1, 1, "netherrack")
    flat.put(0, 0, 1, "fire")
    flat.tick(600)
    assert flat.count("tnt") == 0 and flat.name(0, -1, 0) == "air"


def test_lit_tnt_whose_time_was_lost_goes_off_after_all() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "tnt", explosion.LIT)
    flat.tick(40)
    explosion.take_up(flat.world, flat.x, flat.y, flat.z)
    flat.tick(81)
    assert flat.count("tnt") == 0


# -- explosions --------------------------------------------------------------------------------------------------------


def test_a_crater_is_round_and_the_hard_stays() -> None:
    flat = Flat()
    flat.fill("dirt", range(-9, 10), range(19), range(-9, 10))
    for place, name in {(1, 9, 0): "obsidian", (0, 9, 1): "bedrock", (-1, 9, 0): "water"}.items():
        flat.put(*place, name)
    before = flat.grid.blocks.copy()
    explosion.explode(flat.world, flat.x + 0.5, flat.y + 9.5, flat.z + 0.5, 4.0)
    gone = np.argwhere(before != flat.grid.blocks)
    far = np.linalg.norm(gone - (flat.x, flat.y + 9, flat.z), axis=1)
    assert 40 < len(gone) < 250 and far.max() < 4.3  # 5.2 of strength at most; 0.3 blocks of dirt cost 0.465
    assert flat.name(1, 9, 0) == "obsidian" and flat.name(0, 9, 1) == "bedrock" and flat.name(-1, 9, 0) == "water"
    assert flat.name(0, 10, 0) == "air" and flat.name(2, 9, 0) == "dirt"  # in the shade of obsidian
    assert audit(flat.world) == {}


@pytest.mark.parametrize("power", [1.0, 3.0, 4.0, 5.0])
def test_one_block_in_so_many_leaves_its_drops(power: float) -> None:
    flat = Flat()
    broken = dropped = 0
    for _ in range(int(40 / power)):
        flat.fill("dirt", range(-3, 4), range(5), range(-3, 4))
        before = flat.count("dirt")
        flat.world.drops.records["alive"] = False
        flat.world.ledger.clear()
        explosion.explode(flat.world, flat.x + 0.5, flat.y + 2.5, flat.z + 0.5, power)
        broken, dropped = broken + before - flat.count("dirt"), dropped + flat.lying().get("dirt", 0)
        assert audit(flat.world) == {}
    spread = 5 * math.sqrt(broken * (1 / power) * (1 - 1 / power)) + 1e-9
    assert broken > 20 and abs(dropped - broken / power) <= spread + 0.02 * broken  # grass below leaves dirt too


def test_what_needs_a_tool_drops_without_one() -> None:
    flat = Flat()
    flat.fill("stone", range(-1, 2), range(20, 23), range(-1, 2))
    flat.put(0, 21, 0, "air")
    explosion.explode(flat.world, flat.x + 0.5, flat.y + 21.5, flat.z + 0.5, 4.0)
    assert flat.lying().get("cobblestone", 0) > 0


@pytest.mark.parametrize(("gap", "shielded", "damage"), [(0, False, 57), (3, False, 29), (7, False, 4), (9, False, 0),
                                                         (3, True, 0)])
def test_bodies_feel_minecraft_s_damage(gap: int, shielded: bool, damage: int) -> None:
    """4 x 2 x 7 x (n + n^2) / 2 + 1 half hearts with n the share of 8 blocks that is left, times what is exposed."""
    flat = Flat()
    if shielded:
        flat.fill("obsidian", range(1, 2), range(6), range(-4, 5))
    x, y, z = flat.x + 0.5, float(flat.y), flat.z + 0.5
    felt, push = explosion.blow(flat.grid, x, y, z, 4.0, (x + gap, y, z, 0.6, 1.8))
    assert felt == damage
    assert (push > 0) == (damage > 0) and push <= max(0.0, 1 - gap / 8) + 1e-9


def test_player_mobs_and_drops_are_hit() -> None:
    flat = Flat()
    world, player = flat.world, flat.world.player
    player.move_to(flat.x + 5.5, flat.y, flat.z + 0.5)
    pig = world.mobs.add("pig", flat.x + 0.5, flat.y, flat.z + 5.5)
    far = world.mobs.add("pig", flat.x + 0.5, flat.y, flat.z - 20.5)
    for dx in (1, 7):
        world.drops.add(flat.x + 0.5 + dx, flat.y, flat.z + 0.5, ITEMS.id("diamond"), 0, 3)
    explosion.explode(world, flat.x + 0.5, flat.y + 0.1, flat.z + 0.5, 4.0)
    felt, _ = explosion.blow(flat.grid, flat.x + 0.5, flat.y + 0.1, flat.z + 0.5, 4.0,
                             (flat.x + 5.5, flat.y, flat.z + 0.5, 0.6, 1.8))
    assert player.life < 20 and player.damage is not None and player.damage["cause"] == "explosion" and felt > 5
    assert player.vel[0] > 0.2
    records = world.mobs.records
    assert not records["alive"][pig] or (records["health"][pig] < 10 and records["vz"][pig] > 0)
    assert records["alive"][far] and records["health"][far] == 10
    assert flat.lying()["diamond"] == 3 and world.ledger["burnt"][ITEMS.id("diamond"), 0] == -3
    assert audit(world) == {}


def test_a_chest_that_is_blown_up_spills() -> None:
    flat = Flat()
    place = flat.put(2, 0, 0, "chest")
    box = flat.world.rules.container_at(flat.world, *place)
    box.put(ITEMS.id("diamond"), 0, 5)
    flat.world.ledger.add("given", ITEMS.id("diamond"), 0, 5)
    flat.world.explode(flat.x + 0.5, flat.y + 0.1, flat.z + 0.5, 4.0)
    flat.tick()
    assert flat.name(2, 0, 0) == "air" and flat.lying()["diamond"] == 5 and audit(flat.world) == {}


def test_every_block_can_be_blown_up() -> None:
    flat = Flat()
    for block in range(1, len(BLOCKS.names)):
        flat.grid.set(flat.x + block % 16, flat.y + 30 + block // 16 % 4, flat.z + block // 64, block)
    for dx in range(0, 16, 2):
        flat.world.explode(flat.x + dx + 0.5, flat.y + 31.5, flat.z + 1.5, 8.0)
    assert audit(flat.world) == {}
    left = {BLOCKS.names[b] for b in np.unique(flat.grid.blocks[:, flat.y + 30 : flat.y + 34])}
    never = {BLOCKS.names[b] for b in np.flatnonzero(BLOCKS.hardness < 0)} - {"portal"}
    assert never <= left and left & {"stone", "planks", "chest", "glass", "torch", "iron_block"} == set()
