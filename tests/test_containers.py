"""Boxes, furnaces, what the hand works, and what falls off: each thing drops once, and no item is made or lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_flat import Flat

from veclink.envs.errors import InputError
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import containers, furnaces, mining, support
from veclink.envs.voxel.containers import Container, Furnace
from veclink.envs.voxel.inventory import audit


def given_to(flat: Flat, box: Container, name: str, count: int, slot: int | None = None) -> None:
    """Items new in the world, put into a box."""
    item = ITEMS.id(name)
    left = box.put(item, 0, count) if slot is None else count - box.put_in(slot, item, 0, count)
    flat.world.ledger.add("given", item, 0, count - left)


# -- boxes -------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["dirt", "egg", "iron_pickaxe", "planks"]), st.integers(1, 200)), max_size=9))
def test_a_box_holds_what_was_put_and_no_more(stacks: list[tuple[str, int]]) -> None:
    box = Container(9)
    there: dict[str, int] = dict.fromkeys(("dirt", "egg", "iron_pickaxe", "planks"), 0)
    for name, count in stacks:
        there[name] += count - box.put(ITEMS.id(name), 0, count)
    for name, count in there.items():
        held = box.item == ITEMS.id(name)
        assert box.count[held].sum() == count
        assert (box.count[held] <= ITEMS.stack[ITEMS.id(name)]).all()
    taken = sum(box.take(slot)[2] for slot in range(9))
    assert taken == sum(there.values()) and not box.count.any()


def test_stacks_of_a_kind_are_filled_before_empty_slots() -> None:
    box = Container(3)
    box.put_in(2, ITEMS.id("dirt"), 0, 60)
    assert box.put(ITEMS.id("dirt"), 0, 10) == 0
    assert box.count.tolist() == [6, 0, 64]
    assert box.put_in(2, ITEMS.id("egg"), 0, 1) == 0


def test_a_chest_keeps_its_things_and_spills_them_once() -> None:
    flat = Flat()
    place = flat.put(0, 0, 0, "chest", 2)
    given_to(flat, flat.world.rules.container_at(flat.world, *place), "diamond", 70)
    flat.tick(3)
    assert flat.world.rules.container_at(flat.world, *place).count[:2].tolist() == [64, 6]
    mining.break_block(flat.world, *place)
    flat.tick(3)
    assert flat.lying() == {"diamond": 70, "chest": 1}
    assert place not in flat.grid.contents and audit(flat.world) == {}


def test_there_is_no_box_in_the_air() -> None:
    with pytest.raises(InputError, match="chest"):
        containers.at(Flat().world, 8, 40, 8)


def test_boxes_are_the_same_after_packing() -> None:
    flat = Flat()
    first, second = flat.put(0, 0, 0, "chest"), flat.put(0, 0, 3, "furnace")
    given_to(flat, containers.at(flat.world, *first), "egg", 20)
    oven = containers.at(flat.world, *second)
    assert isinstance(oven, Furnace)
    oven.burning, oven.cooked, oven.xp = 7, 30, 0.5
    again = containers.unpacked(containers.packed(flat.grid.contents))
    assert again[first].count.tolist() == containers.at(flat.world, *first).count.tolist()
    copy = again[second]
    assert isinstance(copy, Furnace) and (copy.burning, copy.cooked, copy.xp) == (7, 30, 0.5)


def test_a_chest_of_the_terrain_holds_the_same_for_the_same_place() -> None:
    found = []
    for _ in range(2):
        flat = Flat(seed=5)
        for number in range(90):  # enough chests that every kind of loot is drawn
            place = flat.put(number % 30, 0, number // 30, "chest")
            containers.found_chest(flat.world, *place)
            containers.found_chest(flat.world, *place)
        found.append(containers.packed(flat.grid.contents))
        assert audit(flat.world) == {}
    assert len(found[0]) == 90
    for key, box in found[0].items():
        assert np.array_equal(box["item"], found[1][key]["item"]) and box["count"].sum() > 0
    kinds = {int(item) for box in found[0].values() for item in box["item"]} - {ITEMS.air}
    assert len(kinds) == len({row[1] for row in containers.LOOT})


# -- furnaces ----------------------------------------------------------------------------------------------------------


def lit(flat: Flat, **slots: tuple[str, int]) -> tuple[tuple[int, int, int], Furnace]:
    place = flat.put(0, 0, 0, "furnace", 3)
    box = containers.at(flat.world, *place)
    assert isinstance(box, Furnace)
    for name, (item, count) in slots.items():
        given_to(flat, box, item, count, {"input": furnaces.INPUT, "fuel": furnaces.FUEL}[name])
    return place, box


def test_a_coal_smelts_eight_items_of_two_hundred_ticks() -> None:
    flat = Flat()
    place, box = lit(flat, input=("iron_ore", 9), fuel=("coal", 1))
    flat.tick(199)
    assert box.count[furnaces.OUTPUT] == 0 and flat.name(0, 0, 0) == "lit_furnace" and flat.meta(0, 0, 0) == 3
    flat.tick()
    assert box.count[furnaces.OUTPUT] == 1
    flat.tick(1500)
    assert box.count.tolist() == [1, 0, 8] and flat.name(0, 0, 0) == "furnace" and audit(flat.world) == {}
    before = flat.world.player.xp
    item, _, count = furnaces.collect(flat.world, *place)
    assert (ITEMS.names[item], count) == ("iron_ingot", 8)
    assert flat.world.player.xp - before in (5, 6)  # 8 x 0.7
    assert flat.world.player.inventory.holds(ITEMS.id("iron_ingot")) == 8 and audit(flat.world) == {}


def test_a_lava_bucket_gives_its_bucket_back() -> None:
    flat = Flat()
    _, box = lit(flat, input=("sand", 1), fuel=("lava_bucket", 1))
    flat.tick(200)
    assert ITEMS.names[box.item[furnaces.FUEL]] == "bucket" and ITEMS.names[box.item[furnaces.OUTPUT]] == "glass"
    assert audit(flat.world) == {}


def test_a_furnace_burns_nothing_for_nothing() -> None:
    flat = Flat()
    _, box = lit(flat, input=("diamond", 1), fuel=("coal", 2))
    flat.tick(300)
    assert box.count.tolist() == [1, 2, 0] and flat.name(0, 0, 0) == "furnace"


def test_a_furnace_that_is_gone_does_not_come_back() -> None:
    flat = Flat()
    place, _ = lit(flat, input=("sand", 3), fuel=("coal", 1))
    flat.grid.set(*place, 0)
    furnaces.tick(flat.world)
    assert flat.name(0, 0, 0) == "air"
    flat.tick()
    assert flat.lying() == {"sand": 3, "coal": 1} and audit(flat.world) == {}


# -- what the hand works -----------------------------------------------------------------------------------------------


def use(flat: Flat, dx: int, dy: int, dz: int) -> bool:
    return flat.world.rules.use(flat.world, flat.x + dx, flat.y + dy, flat.z + dz)


def door(flat: Flat, dx: int, dz: int, name: str = "wooden_door") -> None:
    flat.put(dx, 0, dz, name, 1)
    flat.put(dx, 1, dz, name, 8)


@pytest.mark.parametrize("half", [0, 1])
def test_a_door_opens_and_shuts_by_either_half(half: int) -> None:
    flat = Flat()
    door(flat, 0, 0)
    assert use(flat, 0, half, 0) and flat.meta(0, 0, 0) == 5
    assert use(flat, 0, half, 0) and flat.meta(0, 0, 0) == 1
    door(flat, 3, 0, "iron_door")
    assert not use(flat, 3, half, 0) and flat.meta(3, 0, 0) == 1


def test_gates_and_trapdoors_open() -> None:
    flat = Flat()
    for dx, name in enumerate(("fence_gate", "birch_fence_gate", "trapdoor")):
        flat.put(dx, 0, 0, name)
        assert use(flat, dx, 0, 0) and flat.meta(dx, 0, 0) == 4
    flat.put(4, 0, 0, "iron_trapdoor")
    assert not use(flat, 4, 0, 0)


@pytest.mark.parametrize(("name", "ticks"), [("stone_button", 20), ("wooden_button", 30)])
def test_a_button_opens_a_door_for_a_while(name: str, ticks: int) -> None:
    flat = Flat()
    door(flat, 0, 0, "iron_door")
    flat.put(0, -1, 2, "redstone_lamp")
    flat.put(0, 0, 1, name, 5)
    assert use(flat, 0, 0, 1)
    assert flat.meta(0, 0, 0) == 5 and flat.name(0, -1, 2) == "lit_redstone_lamp" and flat.meta(0, 0, 1) == 13
    flat.tick(ticks - 1)
    assert flat.meta(0, 0, 0) == 5
    flat.tick(2)
    assert flat.meta(0, 0, 0) == 1 and flat.name(0, -1, 2) == "redstone_lamp" and flat.meta(0, 0, 1) == 5


def test_a_lever_stays() -> None:
    flat = Flat()
    flat.put(1, 0, 0, "fence_gate")
    flat.put(0, 0, 0, "lever", 5)
    assert use(flat, 0, 0, 0)
    flat.tick(60)
    assert flat.meta(1, 0, 0) == 4 and use(flat, 0, 0, 0) and flat.meta(1, 0, 0) == 0


def bed(flat: Flat) -> None:
    flat.put(0, 0, 0, "bed", 0)
    flat.put(0, 0, 1, "bed", 8)


def test_one_sleeps_at_night_only() -> None:
    flat = Flat(start_time=6000)
    bed(flat)
    player = flat.world.player
    assert use(flat, 0, 0, 0) and not player.sleeping and player.bed == (flat.x, flat.y, flat.z + 1)
    assert ("no sleep", {"why": "it is day"}) in flat.world.events
    flat.world.sky.time = 18_000
    slot = flat.world.mobs.add("zombie", flat.x + 3.5, flat.y, flat.z + 0.5)
    assert use(flat, 0, 0, 0) and not player.sleeping
    flat.world.mobs.remove(slot)
    assert use(flat, 0, 0, 1) and player.sleeping
    for _ in range(110):
        flat.world.tick()
    assert not player.sleeping and flat.world.sky.time < 100


def test_a_bed_in_the_nether_blows_up() -> None:
    flat = Flat()
    bed(flat)
    flat.world.realm = "nether"
    assert use(flat, 0, 0, 0)
    flat.tick(3)
    assert flat.count("bed") == 0 and "bed" not in flat.lying() and flat.name(0, -1, 0) == "air"


def test_a_cake_has_seven_slices() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "cake")
    player = flat.world.player
    player.food = 20
    assert not use(flat, 0, 0, 0)
    slices = 0
    while flat.name(0, 0, 0) == "cake" and slices < 20:
        player.food = 10
        slices += use(flat, 0, 0, 0)
        assert player.food == 12
    assert slices == 7


def test_buckets_fill_and_empty_a_cauldron() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "cauldron")
    flat.hold("water_bucket")
    assert use(flat, 0, 0, 0) and flat.meta(0, 0, 0) == 3
    bag = flat.world.player.inventory
    assert bag.holds(ITEMS.id("bucket")) == 1 and not bag.holds(ITEMS.id("water_bucket"))
    bag.add(ITEMS.id("bucket"), 0, 2, "given")
    assert use(flat, 0, 0, 0) and flat.meta(0, 0, 0) == 0
    assert bag.holds(ITEMS.id("bucket")) == 2 and bag.holds(ITEMS.id("water_bucket")) == 1 and audit(flat.world) == {}


# -- what falls off ----------------------------------------------------------------------------------------------------

# what stands at the middle, with its metadata; the place of what holds it; what it leaves
HELD = [
    ("torch", 5, (0, -1, 0), "torch"), ("torch", 1, (-1, 0, 0), "torch"), ("ladder", 2, (0, 0, 1), "ladder"),
    ("lever", 6, (0, -1, 0), "lever"), ("stone_button", 4, (0, 0, 1), "stone_button"), ("rail", 0, (0, -1, 0), "rail"),
    ("carpet", 3, (0, -1, 0), "carpet"), ("red_flower", 2, (0, -1, 0), "red_flower"),
    ("sapling", 1, (0, -1, 0), "sapling"), ("wheat", 0, (0, -1, 0), "wheat_seeds"),
    ("nether_wart", 0, (0, -1, 0), "nether_wart"), ("reeds", 0, (0, -1, 0), "reeds"),
    ("cactus", 0, (0, -1, 0), "cactus"), ("cocoa", 1, (-1, 0, 0), "dye"), ("snow_layer", 0, (0, -1, 0), None),
    ("vine", 2, (-1, 0, 0), None), ("red_mushroom", 0, (0, -1, 0), "red_mushroom"),
]  # fmt: skip
GROUND = {"wheat": "farmland", "nether_wart": "soul_sand", "cactus": "sand", "reeds": "sand", "cocoa": "log",
          "red_flower": "grass", "sapling": "dirt", "red_mushroom": "mycelium"}  # fmt: skip


@pytest.mark.parametrize(("name", "meta", "held", "item"), HELD)
def test_without_support_it_falls_once(name: str, meta: int, held: tuple[int, int, int], item: str | None) -> None:
    flat = Flat()
    flat.put(*held, GROUND.get(name, "stone"), 3 if name == "cocoa" else 0)
    if name == "reeds":
        flat.put(1, -1, 0, "water")
    flat.put(0, 0, 0, name, meta)
    flat.tick(2)
    assert flat.name(0, 0, 0) == name
    flat.put(*held, "air")
    flat.tick(4)
    assert flat.count(name) == 0
    assert flat.lying() == ({item: 1} if item else {}) and audit(flat.world) == {}


@pytest.mark.parametrize("name", ["wooden_door", "iron_door", "double_plant", "bed"])
@pytest.mark.parametrize("how", ["first half", "second half", "ground"])
def test_two_halves_drop_one(name: str, how: str) -> None:
    flat = Flat()
    second = (0, 0, 1) if name == "bed" else (0, 1, 0)
    flat.put(0, 0, 0, name, 1 if name == "double_plant" else 0)
    flat.put(*second, name, 8)
    flat.tick(2)
    assert flat.count(name) == 2
    flat.hold("iron_pickaxe")
    gone: Any = {"first half": (0, 0, 0), "second half": second, "ground": (0, -1, 0)}[how]
    place = (flat.x + gone[0], flat.y + gone[1], flat.z + gone[2])
    mining.break_block(flat.world, *place)
    flat.tick(4)
    if (name, how) == ("bed", "ground"):
        assert flat.count(name) == 2  # beds float, as in 1.11
        return
    found = flat.lying()
    found.pop("dirt", None)
    assert flat.count(name) == 0 and found == {name: 1} and audit(flat.world) == {}


def test_cactus_breaks_beside_a_block_and_reeds_all_the_way_up() -> None:
    flat = Flat()
    for dx, name in ((0, "cactus"), (3, "reeds")):
        flat.put(dx, -1, 0, "sand")
        flat.fill(name, range(dx, dx + 1), range(3), range(1))
    flat.put(4, -1, 0, "water")
    flat.tick(2)
    assert flat.count("cactus") == flat.count("reeds") == 3
    flat.put(1, 1, 0, "stone")
    flat.put(3, -1, 0, "air")
    flat.tick(6)
    assert flat.count("cactus") == 1 and flat.count("reeds") == 0
    assert flat.lying() == {"cactus": 2, "reeds": 3}


def wither_all(flat: Flat) -> int:
    """A random tick for all leaves of the test; how many are left."""
    for dx in range(-2, 3):
        for dy in range(3, 21):
            for dz in range(-2, 3):
                if flat.name(dx, dy, dz) == "leaves":
                    support.wither(flat.world, flat.x + dx, flat.y + dy, flat.z + dz)
    return flat.count("leaves")


def test_leaves_wither_without_their_log_and_stay_with_it() -> None:
    flat = Flat()
    flat.fill("leaves", range(-2, 3), range(3, 5), range(-2, 3))
    flat.fill("log", range(1), range(5), range(1))
    flat.put(0, 20, 0, "leaves", 4)  # placed by hand
    flat.tick(2)
    leaves = flat.count("leaves")
    assert wither_all(flat) == leaves == 49  # the log stands where two of 50 were, and there is the placed one
    flat.fill("air", range(1), range(5), range(1))
    flat.tick(2)
    assert wither_all(flat) == 1
    flat.tick(2)
    assert flat.count("leaves") == 1 and flat.name(0, 20, 0) == "leaves" and audit(flat.world) == {}


def test_snow_lies_on_leaves() -> None:
    flat = Flat()
    flat.put(0, 0, 0, "leaves", 4)
    flat.put(0, 1, 0, "snow_layer")
    flat.tick(3)
    assert flat.name(0, 1, 0) == "snow_layer"


def test_every_block_bears_a_change_beside_it() -> None:
    flat = Flat()
    for block in range(1, len(BLOCKS.names)):
        for meta in (0, 7, 15):
            flat.grid.set(flat.x, flat.y + 10, flat.z, block, meta)
            flat.tick()
            flat.world.rules.use(flat.world, flat.x, flat.y + 10, flat.z)
        flat.grid.set(flat.x, flat.y + 10, flat.z, 0)
    flat.tick(5)
    assert flat.name(0, 10, 0) == "air" and flat.count("bedrock") > 0
