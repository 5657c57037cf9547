"""The bag, the ledger and items on the ground: nothing is made or lost except by what is entered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from play_world import NOOP, PlayWorld

from veclink.envs.errors import InputError
from veclink.envs.facts import ITEMS
from veclink.envs.voxel.inventory import AIR, SIZE, SLOTS, Inventory, audit, counted

NAMES = ("dirt", "planks", "egg", "wooden_pickaxe", "ender_pearl", "bed")
STONE, PICKAXE, DIRT = ITEMS.id("cobblestone"), ITEMS.id("wooden_pickaxe"), ITEMS.id("dirt")

moves = st.lists(st.one_of(
    st.tuples(st.just("add"), st.sampled_from(NAMES), st.integers(0, 3), st.integers(1, 150)),
    st.tuples(st.just("take"), st.integers(0, SIZE - 1), st.integers(1, 70), st.just(0)),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.integers(-1, 3), st.integers(1, 100)),
    st.tuples(st.just("swap"), st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), st.just(0)),
    st.tuples(st.just("wear"), st.integers(0, SIZE - 1), st.integers(1, 40), st.just(0)),
    st.tuples(st.just("put"), st.integers(0, SIZE - 1), st.sampled_from(NAMES), st.integers(0, 70)),
), max_size=60)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_a_bag_and_its_ledger_always_agree(steps) -> None:
    bag = Inventory()
    for kind, a, b, c in steps:
        version, before = bag.version, bag.state()
        if kind == "add":
            room = bag.room(ITEMS.id(a), b)
            assert bag.add(ITEMS.id(a), b, c, "found") == max(0, c - room)
        elif kind == "take":
            bag.take(a, b, "lost")
        elif kind == "remove":
            held = bag.holds(ITEMS.id(a), b)
            assert bag.remove(ITEMS.id(a), b, c, "lost") == min(c, held)
        elif kind == "swap":
            bag.swap(a, b)
        elif kind == "wear":
            bag.wear(a, b)
        else:
            bag.put(a, ITEMS.id(b), 0, c, "given")
        assert counted([bag]) == bag.ledger.total()
        assert (bag.count >= 0).all() and (bag.count <= ITEMS.stack[bag.item]).all()
        empty = bag.count == 0
        assert (bag.item[empty] == AIR).all() and not bag.durability[empty].any()
        wears = ITEMS.durability[bag.item] > 0
        assert ((bag.durability > 0) == wears).all()
        changed = any((before[name] != getattr(bag, name)).any() for name in before)
        assert bag.version > version or not changed


def test_items_go_on_their_stack_first_then_into_the_first_free_slot() -> None:
    bag = Inventory()
    bag.put(3, STONE, 0, 60, "given")
    assert bag.add(STONE, 0, 10, "mined") == 0
    assert bag.stack(3) == (STONE, 0, 64, 0) and bag.stack(0) == (STONE, 0, 6, 0)
    assert bag.add(PICKAXE, 0, 2, "crafted") == 0
    assert [bag.stack(slot)[2:] for slot in (1, 2)] == [(1, 59), (1, 59)]
    assert bag.add(STONE, 1, 3) == 0 and bag.stack(4)[:3] == (STONE, 1, 3)


def test_a_full_bag_says_what_found_no_room() -> None:
    bag = Inventory()
    assert bag.add(DIRT, 0, SLOTS * 64 + 5, "found") == 5
    assert bag.room(DIRT, 0) == 0 and bag.add(STONE, 0, 1, "found") == 1
    assert bag.ledger.total() == {(DIRT, 0): SLOTS * 64}


def test_a_tool_lasts_as_long_as_its_durability() -> None:
    bag = Inventory()
    bag.put(0, PICKAXE, 0, 1, "given")
    uses = 1
    while not bag.wear(0):
        uses += 1
    assert uses == 59 and bag.stack(0)[0] == AIR and bag.ledger["broken"] == {(PICKAXE, 0): -1}
    bag.put(0, DIRT, 0, 3, "given")
    assert not bag.wear(0) and bag.stack(0)[2] == 3


def test_a_bad_slot_is_refused() -> None:
    with pytest.raises(InputError, match="a slot from 0 to 40"):
        Inventory().put(41, DIRT, 0, 1)


def test_saved_and_restored_the_bag_and_the_ledger_are_the_same() -> None:
    bag, other = Inventory(), Inventory()
    bag.add(PICKAXE, 0, 1, "given")
    bag.wear(0, 5)
    other.restore(bag.state())
    other.ledger.restore(bag.ledger.state())
    assert other.stack(0) == bag.stack(0) and other.ledger == bag.ledger


# -- on the ground -----------------------------------------------------------------------------------------------------


def on_ground(world: PlayWorld) -> int:
    return int(world.drops.records["count"][world.drops.records["alive"]].sum())


def test_drops_fall_wait_and_are_picked_up() -> None:
    world = PlayWorld()
    world.drops.add(1.0, 6.0, 0.5, DIRT, 0, 70, cause="mined", velocity=(0.0, 0.0, 0.0), delay=30)
    world.step(NOOP, 29)
    assert world.has("dirt") == 0 and (world.drops.records["y"][:2] == 4.0).all()
    world.step(NOOP, 2)
    assert world.has("dirt") == 70 and on_ground(world) == 0 and audit(world) == {}


def test_drops_near_each_other_merge_up_to_a_stack() -> None:
    world = PlayWorld()
    for number in range(6):
        world.drops.add(8.0 + 0.05 * number, 4.5, 8.0, DIRT, 0, 16, velocity=(0.0, 0.0, 0.0))
    world.step(NOOP, 60)
    counts = sorted(world.drops.records["count"][world.drops.records["alive"]].tolist())
    assert sum(counts) == 96 and len(counts) < 6 and max(counts) <= 64 and audit(world) == {}


def test_drops_burn_in_lava_float_in_water_and_vanish_after_five_minutes() -> None:
    world = PlayWorld()
    world.set(5, 3, 5, "lava")
    world.box(8, 9, 2, 3, 8, 9, "water")
    still = (0.0, 0.0, 0.0)
    world.drops.add(5.5, 4.5, 5.5, DIRT, 0, 1, velocity=still)
    world.drops.add(9.0, 2.2, 9.0, STONE, 0, 1, velocity=still)
    world.step(NOOP, 60)
    assert on_ground(world) == 1 and world.ledger["burnt"] == {(DIRT, 0): -1}
    floats = world.drops.records[world.drops.records["alive"]][0]
    assert 3.4 < floats["y"] < 4.2
    world.drops.records["age"][world.drops.records["alive"]] = 5998
    world.step(NOOP, 3)
    assert on_ground(world) == 0 and world.ledger["despawned"] == {(STONE, 0): -1} and audit(world) == {}


def test_the_oldest_drop_makes_room() -> None:
    world = PlayWorld()
    for number in range(300):
        world.drops.add(20.0 + number % 17, 9.0, -20.0 - number // 17, PICKAXE, 0, 1)
        world.drops.records["age"] += 1
    assert on_ground(world) == 256 and world.ledger["despawned"] == {(PICKAXE, 0): -44} and audit(world) == {}


def test_a_thrown_item_flies_ahead_and_keeps_its_wear() -> None:
    world = PlayWorld()
    world.give("wooden_pickaxe")
    world.player.inventory.wear(0, 9)
    assert world.drops.throw(world.player, 0, 1) == 1
    world.step(NOOP, 30)
    drop = world.drops.records[0]
    assert drop["z"] > 1.5 and drop["durability"] == 50 and world.has("wooden_pickaxe") == 0 and audit(world) == {}
    world.player.move_to(*(float(drop[axis]) for axis in "xyz"))
    world.step(NOOP, 15)
    assert world.player.inventory.stack(0)[3] == 50


def test_parked_drops_come_back() -> None:
    world = PlayWorld()
    world.drops.add(20.5, 5.0, 20.5, DIRT, 0, 7, cause="mined")
    world.drops.park(1, 1)
    assert on_ground(world) == 0 and audit(world) == {}
    kept = world.drops.state()
    world.drops.unpark(1, 1)
    assert on_ground(world) == 7 and not world.drops.parked
    world.drops.restore(kept)
    assert on_ground(world) == 0 and np.array_equal(world.drops.parked[1, 1]["count"], [7])


def test_the_audit_finds_what_nobody_entered() -> None:
    world = PlayWorld()
    world.player.inventory.add(DIRT, 0, 3)
    assert audit(world) == {"dirt:0": (3, 0)}
