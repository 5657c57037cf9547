"""What grows: odds as Minecraft's, limits, light and ground; farmland; snow and ice; bone meal."""

from __future__ import annotations

import time

import numpy as np
import pytest
from voxel_flat import Flat

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import frost, growth
from veclink.envs.voxel.biomes import IDS
from veclink.envs.voxel.inventory import audit

WIDE = range(-6, 7)


def at(flat: Flat, dx: int = 0, dy: int = 0, dz: int = 0) -> tuple[int, int, int]:
    return flat.x + dx, flat.y + dy, flat.z + dz


def share_grown(flat: Flat, name: str, tries: int = 1500) -> float:
    """How often a young plant at the middle gets older in a random tick."""
    grown = 0
    for _ in range(tries):
        flat.grid.meta[flat.x, flat.y, flat.z] = 0
        growth.ripen(flat.world, *at(flat))
        grown += flat.meta(0, 0, 0)
    return grown / tries


# -- crops -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ground", "wet", "rows", "odds"), [
    ("wheat", WIDE, 7, False, 1 / 3), ("wheat", WIDE, 0, False, 1 / 7), ("wheat", range(1), 0, False, 1 / 13),
    ("wheat", WIDE, 7, True, 1 / 6), ("carrots", WIDE, 7, False, 1 / 3), ("beetroots", WIDE, 7, False, 2 / 9),
    ("pumpkin_stem", WIDE, 7, False, 1 / 3),
])  # fmt: skip
def test_crops_grow_with_minecraft_s_odds(name: str, ground: range, wet: int, rows: bool, odds: float) -> None:
    flat = Flat()
    flat.fill("farmland", ground, range(-1, 0), ground, wet)
    flat.put(0, 0, 0, name)
    if rows:
        flat.fill(name, range(-1, 2), range(1), range(-1, 2))
    tries = 1500
    assert abs(share_grown(flat, name, tries) - odds) < 5 * np.sqrt(odds * (1 - odds) / tries)


def test_crops_need_light_and_end_ripe() -> None:
    flat = Flat(start_time=18_000)
    flat.put(0, -1, 0, "farmland", 7)
    flat.put(0, 0, 0, "wheat")
    assert share_grown(flat, "wheat", 100) == 0
    flat.put(1, 1, 0, "torch", 5)
    flat.put(1, 0, 0, "stone")
    assert share_grown(flat, "wheat", 300) > 0
    for _ in range(300):
        growth.ripen(flat.world, *at(flat))
    assert flat.meta(0, 0, 0) == 7


def test_random_ticks_come_three_in_4096() -> None:
    flat = Flat()
    flat.fill("soul_sand", range(16), range(-1, 0), range(16))
    flat.fill("nether_wart", range(16), range(1), range(16))
    flat.tick(400)
    grown = int(flat.grid.meta[flat.grid.blocks == BLOCKS.id("nether_wart")].sum())
    due = 256 * 400 * 3 / 4096 / 10
    assert abs(grown - due) < 5 * np.sqrt(due)


@pytest.mark.parametrize(("stem", "fruit"), [("melon_stem", "melon_block"), ("pumpkin_stem", "pumpkin")])
def test_a_stem_bears_one_fruit_at_a_time(stem: str, fruit: str) -> None:
    flat = Flat()
    flat.put(0, -1, 0, "farmland", 7)
    flat.put(0, 0, 0, stem, 7)
    for _ in range(400):
        growth.ripen(flat.world, *at(flat))
    assert flat.count(fruit) == 1 and flat.name(0, 0, 0) == stem


def test_farmland_gets_wet_near_water_and_dries_elsewhere() -> None:
    flat = Flat()
    for dx in (0, 4, 5):
        flat.put(dx, -1, 0, "farmland")
    flat.put(0, -1, 4, "water")
    flat.put(5, -1, -10, "farmland", 2)
    flat.put(5, 0, -10, "wheat")
    for _ in range(4):
        for place in ((0, 0), (4, 0), (5, 0), (5, -10)):
            if flat.name(place[0], -1, place[1]) == "farmland":
                growth.dry(flat.world, *at(flat, place[0], -1, place[1]))
    assert flat.meta(0, -1, 0) == flat.meta(4, -1, 0) == 7
    assert flat.name(5, -1, 0) == "dirt" and flat.name(5, -1, -10) == "farmland" and flat.meta(5, -1, -10) == 0


def test_rain_wets_farmland_and_a_block_on_it_ends_it() -> None:
    flat = Flat()
    flat.world.sky.weather = 1
    flat.put(0, -1, 0, "farmland")
    growth.dry(flat.world, *at(flat, 0, -1, 0))
    assert flat.meta(0, -1, 0) == 7
    flat.put(0, 0, 0, "stone")
    flat.tick(2)
    assert flat.name(0, -1, 0) == "dirt"


@pytest.mark.parametrize(("distance", "least", "most"), [(0.5, 0, 0), (1.0, 30, 70), (2.0, 100, 100)])
def test_falls_trample_farmland_and_its_crop(distance: float, least: int, most: int) -> None:
    flat, ruined = Flat(), 0
    for _ in range(100):
        flat.put(0, -1, 0, "farmland")
        growth.trample(flat.world, *at(flat, 0, -1, 0), distance)
        ruined += flat.name(0, -1, 0) == "dirt"
    assert least <= ruined <= most
    growth.trample(flat.world, *at(flat, 3, -1, 3), 9.0)
    assert flat.name(3, -1, 3) == "grass"


def test_the_player_s_own_fall_tramples() -> None:
    flat = Flat()
    flat.fill("farmland", range(-1, 2), range(-1, 0), range(-1, 2), 7)
    flat.fill("wheat", range(-1, 2), range(1), range(-1, 2), 7)
    flat.world.player.move_to(flat.x + 0.5, flat.y + 3.0, flat.z + 0.5)
    for _ in range(40):
        flat.world.tick()
    assert flat.name(0, -1, 0) == "dirt" and flat.name(0, 0, 0) == "air" and audit(flat.world) == {}


# -- trees -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "four", "log", "meta", "most"), [
    (0, False, "log", 0, 40), (1, False, "log", 1, 12), (2, False, "log", 2, 12), (3, False, "log", 3, 14),
    (4, False, "log2", 0, 30), (5, True, "log2", 1, 60), (1, True, "log", 1, 200), (3, True, "log", 3, 300),
])  # fmt: skip
def test_saplings_become_trees(kind: int, four: bool, log: str, meta: int, most: int) -> None:
    flat = Flat()
    width = range(2) if four else range(1)
    flat.fill("sapling", width, range(1), width, kind)
    for _ in range(200):
        if flat.name(0, 0, 0) != "sapling":
            break
        growth.sprout(flat.world, *at(flat))
    assert flat.name(0, 0, 0) == log and flat.meta(0, 0, 0) & 3 == meta and flat.count("sapling") == 0
    assert (16 if four else 4) <= flat.count(log) <= most
    assert flat.count("leaves") + flat.count("leaves2") > 15
    flat.tick(200)
    assert "sapling" not in flat.lying() and flat.name(0, 0, 0) == log  # the tree holds


def test_a_tree_needs_light_and_room() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "sapling", growth.READY)
    flat.put(0, 3, 0, "stone")
    for _ in range(300):
        growth.sprout(flat.world, *at(flat))
    assert flat.name(0, 0, 0) == "sapling" and flat.count("log") == 0
    flat.put(0, 3, 0, "air")
    flat.world.sky.time = 18_000
    for _ in range(300):
        growth.sprout(flat.world, *at(flat))
    assert flat.name(0, 0, 0) == "sapling"


def test_a_lone_dark_oak_stays_small() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "sapling", 5)
    for _ in range(300):
        growth.sprout(flat.world, *at(flat))
    assert flat.name(0, 0, 0) == "sapling"


# -- wild plants -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cactus", "reeds"])
def test_reeds_and_cactus_grow_to_three(name: str) -> None:
    flat = Flat()
    flat.put(0, -1, 0, "sand")
    flat.put(1, -1, 0, "water")
    flat.put(0, 0, 0, name)
    for turn in range(100):
        for dy in range(4):
            if flat.name(0, dy, 0) == name:
                growth.stretch(flat.world, *at(flat, 0, dy, 0))
        if turn == 14:
            assert flat.count(name) == 1
    assert [flat.name(0, dy, 0) for dy in range(4)] == [name, name, name, "air"]


def test_mushrooms_spread_to_five_in_the_dark() -> None:
    flat = Flat()
    flat.fill("stone", WIDE, range(3, 4), WIDE)
    flat.fill("stone", WIDE, range(-1, 0), WIDE)
    for dz in (-6, 6):
        flat.fill("stone", WIDE, range(4), range(dz, dz + 1))
        flat.fill("stone", range(dz, dz + 1), range(4), WIDE)
    flat.put(0, 0, 0, "brown_mushroom")
    for _ in range(2000):
        growth.seed_mushroom(flat.world, *at(flat))
    assert flat.count("brown_mushroom") == 5 and flat.lying() == {}


def test_vines_spread_on_walls_and_hold() -> None:
    flat = Flat(seed=2)
    flat.fill("stone", range(1), range(8), WIDE)
    flat.put(1, 4, 0, "vine", 2)
    for _ in range(30):
        for x, y, z in np.argwhere(flat.grid.blocks == BLOCKS.id("vine")).tolist():
            growth.climb(flat.world, x, y, z)
    flat.tick(5)
    assert flat.count("vine") > 3 and flat.lying() == {}
    grown = flat.count("vine")
    for _ in range(100):
        flat.tick()
    assert flat.count("vine") >= grown


def test_wart_and_cocoa_ripen() -> None:
    flat = Flat()
    flat.put(0, -1, 0, "soul_sand")
    flat.put(0, 0, 0, "nether_wart")
    flat.put(2, 1, 0, "log", 3)
    flat.put(3, 1, 0, "cocoa", 1)
    for _ in range(300):
        growth.swell(flat.world, *at(flat))
        growth.ripen_pod(flat.world, *at(flat, 3, 1, 0))
    assert flat.meta(0, 0, 0) == 3 and flat.meta(3, 1, 0) == 9
    flat.tick(2)
    assert flat.name(3, 1, 0) == "cocoa"


def test_grass_comes_to_dirt_in_the_light_and_dies_in_the_dark() -> None:
    flat = Flat()
    flat.put(0, -1, 0, "dirt")
    flat.put(4, -1, 0, "dirt", 1)
    flat.fill("stone", range(8, 11), range(1), range(3))
    for _ in range(60):
        for dx, dz in ((1, 0), (3, 0), (9, 1)):
            if flat.name(dx, -1, dz) == "grass":
                growth.spread(flat.world, *at(flat, dx, -1, dz))
    assert flat.name(0, -1, 0) == "grass" and flat.name(4, -1, 0) == "dirt" and flat.name(9, -1, 1) == "dirt"
    flat.world.sky.time = 18_000
    flat.put(0, -1, 0, "dirt")
    for _ in range(60):
        growth.spread(flat.world, *at(flat, 1, -1, 0))
    assert flat.name(0, -1, 0) == "dirt" and flat.name(1, -1, 0) == "grass"


# -- weather -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("biome", "weather", "snows"), [("ice_plains", 1, True), ("ice_plains", 0, False),
                                                         ("plains", 1, False), ("desert", 2, False)])
def test_snow_falls_where_it_is_cold(biome: str, weather: int, snows: bool) -> None:
    flat = Flat()
    flat.grid.biome[:] = IDS[biome]
    flat.world.sky.weather = weather
    flat.fill("glowstone", range(1), range(1), range(1))
    for _ in range(3000):
        growth.weather(flat.world)
    flat.tick(2)
    assert (flat.count("snow_layer") > 2000) == snows and (flat.count("snow_layer") == 0) == (not snows)
    assert flat.name(1, 0, 0) == "air" and audit(flat.world) == {}
    assert frost.rains_on(flat.world, *at(flat, 5)) == ((biome, weather) == ("plains", 1))


def test_water_freezes_from_its_edge_and_thaws_by_a_lamp() -> None:
    flat = Flat()
    flat.grid.biome[:] = IDS["ice_plains"]
    flat.fill("water", range(7), range(-1, 0), range(7))
    flat.world.grid.woken.clear()
    version = flat.grid.version
    while flat.grid.version == version:
        growth.weather(flat.world)
    for x, _, z in np.argwhere(flat.grid.blocks == BLOCKS.id("ice")).tolist():
        assert {0, 6} & {x - flat.x, z - flat.z}
    for _ in range(30_000):
        growth.weather(flat.world)
    assert flat.count("ice") > 40
    flat.put(3, -1, 3, "ice")
    flat.put(3, 0, 3, "glowstone")
    growth.RANDOM["ice"](flat.world, *at(flat, 3, -1, 3))
    assert flat.name(3, -1, 3) == "water"


def test_weather_costs_little() -> None:
    flat = Flat()
    flat.grid.biome[:] = IDS["ice_plains"]
    growth.weather(flat.world)
    start = time.process_time()
    for _ in range(2000):
        growth.weather(flat.world)
    assert (time.process_time() - start) / 2000 < 100e-6  # measured 3 us; the bound is for busy machines


# -- bone meal ---------------------------------------------------------------------------------------------------------


def test_bone_meal_helps_what_grows_and_nothing_else() -> None:
    flat = Flat()
    flat.put(0, -1, 0, "farmland")
    flat.put(0, 0, 0, "wheat")
    uses = 0
    while flat.meta(0, 0, 0) < 7:
        assert flat.world.rules.bonemeal(flat.world, *at(flat))
        uses += 1
    assert 2 <= uses <= 4 and not growth.bonemeal(flat.world, *at(flat))
    assert not growth.bonemeal(flat.world, *at(flat, 0, -4, 0)) and not growth.bonemeal(flat.world, *at(flat, 0, 9, 0))
    flat.put(9, -1, 0, "mycelium")
    flat.put(9, 0, 0, "red_mushroom")
    for _ in range(60):
        if flat.name(9, 0, 0) != "red_mushroom":
            break
        assert growth.bonemeal(flat.world, *at(flat, 9))
    assert flat.name(9, 0, 0) == "red_mushroom_block"


def test_bone_meal_on_grass_makes_a_meadow_that_stands() -> None:
    flat = Flat()
    assert growth.bonemeal(flat.world, *at(flat, 0, -1, 0))
    flat.tick(3)
    assert flat.count("tallgrass") > 10 and flat.count("yellow_flower") + flat.count("red_flower") > 0
    place = np.argwhere(flat.grid.blocks == BLOCKS.id("tallgrass"))[0].tolist()
    assert growth.bonemeal(flat.world, *place)
    flat.tick(3)
    assert flat.count("double_plant") == 2 and flat.lying() == {}


def test_bone_meal_on_a_rose_bush_leaves_one_more() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "double_plant", 4)
    flat.put(0, 1, 0, "double_plant", 8)
    assert growth.bonemeal(flat.world, *at(flat)) and growth.bonemeal(flat.world, *at(flat, 0, 1, 0))
    drops = flat.world.drops.records
    assert flat.lying() == {"double_plant": 2} and (drops["variant"][drops["alive"]] == 4).all()
    assert audit(flat.world) == {} and flat.world.ledger["grown"][ITEMS.id("double_plant"), 4] == 2
