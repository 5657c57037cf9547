"""The player in the real world, through the eight-slot actions alone: breaking, placing, using, eating, dying."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from veclink.envs import make, noop
from veclink.envs.contract import Function, Slot
from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS
from veclink.envs.voxel.inventory import audit
from veclink.envs.voxel.world import VoxelWorld

STRAIGHT = 12  # a camera slot's middle: no turn


def flat(*given: tuple[str, int] | tuple[str, int, int], **options: Any) -> VoxelWorld:
    """A flat, quiet world at noon, with items in the first slots of the bag."""
    stacks = [{"name": row[0], "quantity": row[1], "variant": row[2] if len(row) > 2 else 0} for row in given]
    settings = {"generate_world_type": "flat", "allow_mob_spawn": False, "start_time": 6000, **options}
    world = make("open-ended", image_size=(32, 32), seed=4, pictures=False, initial_inventory=stacks, **settings)
    assert isinstance(world, VoxelWorld)
    world.reset()
    for _ in range(5):
        world.step(noop())
    return world


def act(world: VoxelWorld, function: Function = Function.NOOP, times: int = 1, **slots: int) -> Any:
    """Do the same action some times; slots by the names of `Slot`, in lower case. The last step's five."""
    action = noop()
    action[Slot.FUNCTION] = function
    for name, value in slots.items():
        action[Slot[name.upper()]] = value
    done: Any = None
    for _ in range(times):
        done = world.step(action)
    return done


def look(world: VoxelWorld, pitch: float, yaw: float = 0.0) -> None:
    world.player.pitch, world.player.yaw = pitch, yaw


def feet(world: VoxelWorld) -> tuple[int, int, int]:
    x, y, z = (int(np.floor(v)) for v in world.player.pos)
    return x, y, z


def held(world: VoxelWorld) -> dict[str, int]:
    found: dict[str, int] = {}
    for stack in world.observer.listed:
        found[stack["name"]] = found.get(stack["name"], 0) + stack["quantity"]
    return found


def put(world: VoxelWorld, x: int, y: int, z: int, name: str, meta: int = 0) -> None:
    world.grid.set(x, y, z, BLOCKS.id(name), meta)


@pytest.mark.parametrize(("block", "tool", "ticks", "drops"), [
    ("stone", "wooden_pickaxe", 23, "cobblestone"),
    ("stone", "", 150, ""),  # by hand it breaks, and leaves nothing
    ("iron_ore", "wooden_pickaxe", 150, ""),  # below the tier it takes
    ("iron_ore", "stone_pickaxe", 23, "iron_ore"),
    ("log", "", 60, "log"),
    ("log", "iron_axe", 10, "log"),
    ("dirt", "diamond_shovel", 2, "dirt"),
])  # fmt: skip
def test_breaking_takes_its_time_and_its_tool(block: str, tool: str, ticks: int, drops: str) -> None:
    world = flat(*([(tool, 1)] if tool else []))
    x, y, z = feet(world)
    put(world, x, y + 1, z + 2, block)
    look(world, 0.0)
    act(world, Function.ATTACK, ticks - 1)
    assert world.grid.get(x, y + 1, z + 2) == BLOCKS.id(block)
    act(world, Function.ATTACK)
    assert world.grid.get(x, y + 1, z + 2) == 0
    act(world, times=20, move=1)
    assert {name for name in held(world) if name != tool} == ({drops} if drops else set())
    assert audit(world) == {}


def test_tools_wear_out() -> None:
    world = flat(("wooden_pickaxe", 1))
    world.player.inventory.durability[0] = 2
    x, y, z = feet(world)
    look(world, 0.0)
    for _ in range(2):
        assert held(world) == {"wooden_pickaxe": 1}
        put(world, x, y + 1, z + 2, "stone")
        world.drops.records["alive"] = False
        act(world, Function.ATTACK, 30)
    assert "wooden_pickaxe" not in held(world)


def test_place_and_take_again() -> None:
    world = flat(("planks", 3, 2))
    x, y, z = feet(world)
    look(world, 60.0)
    _, _, _, _, info = act(world, Function.PLACE, item=0)
    places = [(a, b, c) for a in range(x - 1, x + 2) for b in range(y, y + 2) for c in range(z, z + 4)
              if world.grid.get(a, b, c) == BLOCKS.id("planks")]
    assert len(places) == 1 and world.grid.get_meta(*places[0]) == 2
    assert held(world) == {"planks": 2} and info["stat"]["use_item"]["minecraft"] == {"planks": 1}
    act(world, Function.ATTACK, 61)
    act(world, times=20, move=1)
    assert held(world) == {"planks": 3} and audit(world) == {}


def test_crafting_at_a_table_only_where_it_needs_one() -> None:
    world = flat(("log", 2), ("planks", 10), ("stick", 4))
    assert not world.observer.masks["craft_smelt"][CRAFT_NAMES.index("wooden_pickaxe")]
    act(world, Function.CRAFT, craft=CRAFT_NAMES.index("wooden_pickaxe"))
    assert "wooden_pickaxe" not in held(world)
    act(world, Function.CRAFT, craft=CRAFT_NAMES.index("crafting_table"))
    look(world, 60.0)
    slot = next(stack["index"] for stack in world.observer.listed if stack["name"] == "crafting_table")
    act(world, Function.PLACE, item=slot)
    assert world.observer.masks["craft_smelt"][CRAFT_NAMES.index("wooden_pickaxe")]
    act(world, Function.CRAFT, craft=CRAFT_NAMES.index("wooden_pickaxe"))
    assert held(world) == {"log": 2, "planks": 3, "stick": 2, "wooden_pickaxe": 1} and audit(world) == {}


def test_smelting_needs_a_furnace_and_fuel() -> None:
    index = CRAFT_NAMES.index("iron_ingot", 224)
    world = flat(("iron_ore", 2), ("coal", 1), ("furnace", 1))
    act(world, Function.CRAFT, craft=index)
    assert held(world)["iron_ore"] == 2
    look(world, 60.0)
    act(world, Function.PLACE, item=2)
    for _ in range(2):
        act(world, Function.CRAFT, craft=index)
    assert held(world) == {"iron_ingot": 2} and audit(world) == {}


def test_eating_when_hungry() -> None:
    world = flat(("bread", 2), start_food=10)
    look(world, -60.0)
    act(world, Function.USE, 40)
    assert world.player.food == 15 and held(world) == {"bread": 1}


def test_hunger_and_healing() -> None:
    world = flat(start_health=10.0)
    before = world.player.life
    act(world, times=200)
    assert world.player.life > before
    world.player.food, world.player.saturation = 0, 0.0
    act(world, times=200)
    assert world.player.damage is not None and world.player.damage["cause"] == "starve"


def test_a_deep_fall_hurts_and_water_saves() -> None:
    world = flat()
    x, y, z = feet(world)
    world.player.move_to(x + 0.5, y + 10.0, z + 0.5)
    act(world, times=40)
    assert world.player.damage is not None and world.player.damage["amount"] == 7.0  # of ten blocks three are free
    put(world, x, y, z, "water")
    world.player.move_to(x + 0.5, y + 10.0, z + 0.5)
    life = world.player.life
    act(world, times=40)
    assert world.player.life >= life


def test_drowning_burning_and_cactus() -> None:
    for block, cause in (("lava", "lava"), ("fire", "onFire"), ("cactus", "cactus")):
        world = flat()
        x, y, z = feet(world)
        if block == "cactus":
            put(world, x, y, z + 1, block)
            put(world, x, y - 1, z + 1, "sand")
            act(world, times=20, move=1)
        else:
            put(world, x, y, z, block)
            act(world, times=30)
        assert world.player.life < 20 and world.player.damage is not None, block
        assert world.player.damage["cause"] in (cause, "onFire", "inFire"), block


def test_death_drops_all_and_life_goes_on() -> None:
    world = flat(("diamond", 3), respawns=True)
    world.player.hurt(100.0, "generic")
    _, _, ended, _, info = act(world, times=1)
    assert not ended and info["died"] == "generic" and held(world) == {}
    act(world, times=3)
    assert world.player.alive and world.player.life == 20
    assert sum(world.drops.records["count"][world.drops.records["alive"]]) == 3 and audit(world) == {}


def test_death_ends_the_episode_where_nobody_comes_back() -> None:
    world = flat()
    world.player.hurt(100.0, "generic")
    _, _, ended, cut, _ = act(world)
    assert ended and not cut


def test_buckets_take_and_give() -> None:
    world = flat(("bucket", 2))
    x, y, z = feet(world)
    for dx in (-1, 0, 1):
        for dz in (1, 2, 3):
            put(world, x + dx, y - 1, z + dz, "water")
    look(world, 50.0)
    act(world, Function.USE)
    assert held(world) == {"bucket": 1, "water_bucket": 1} and audit(world) == {}


@pytest.mark.parametrize(("liquid", "gives"), [("water", {"potion": 1}), ("lava", {"glass_bottle": 1})])
def test_a_bottle_is_filled_with_water_and_drunk(liquid: str, gives: dict[str, int]) -> None:
    world = flat(("glass_bottle", 1))
    x, y, z = feet(world)
    pool = [(x + dx, y - 1, z + dz) for dx in (-1, 0, 1) for dz in (1, 2, 3)]
    for cell in pool:
        put(world, *cell, liquid)
    look(world, 50.0)
    act(world, Function.USE)
    assert held(world) == gives and audit(world) == {}
    assert all(BLOCKS.liquid[world.grid.get(*cell)] and not world.grid.get_meta(*cell) for cell in pool), "not used up"
    look(world, -60.0)  # at the sky, where there is nothing to fill it with
    act(world, Function.USE, times=40)
    assert held(world) == {"glass_bottle": 1} and audit(world) == {}


def test_a_night_in_bed() -> None:
    world = flat(("bed", 1), start_time=13_000)
    look(world, 60.0)
    act(world, Function.PLACE, item=0)
    x, y, z = feet(world)
    found = [world.grid.get(x + i, y + j, z + k) for i in range(-2, 3) for j in range(-1, 2) for k in range(1, 5)]
    assert found.count(BLOCKS.id("bed")) == 2
    act(world, Function.USE)
    assert world.player.sleeping
    observation, *_ = act(world, times=110)
    assert world.sky.time < 200 and not world.player.sleeping and world.player.bed is not None
    assert observation["life_stats"]["life"][0] == 20


def test_a_door_opens_and_lets_through() -> None:
    world = flat()
    x, y, z = feet(world)
    for dx in (-2, -1, 1, 2):
        for dy in (0, 1):
            put(world, x + dx, y + dy, z + 2, "stone")
    put(world, x, y, z + 2, "wooden_door", 1)
    put(world, x, y + 1, z + 2, "wooden_door", 8)
    look(world, 0.0)
    act(world, times=30, move=1)
    assert world.player.pos[2] < z + 2.2
    act(world, Function.USE)
    act(world, times=30, move=1)
    assert world.player.pos[2] > z + 3


def test_climbing_a_ladder() -> None:
    world = flat()
    x, y, z = feet(world)
    for up in range(6):
        put(world, x, y + up, z + 2, "stone")
        put(world, x, y + up, z + 1, "ladder", 2)
    act(world, times=60, move=1)
    assert world.player.pos[1] > y + 4


def test_armour_softens() -> None:
    bare, clad = flat(), flat(("iron_chestplate", 1))
    act(clad, Function.EQUIP, item=0)
    for world in (bare, clad):
        world.player.hurt(10.0, "mob")
    assert bare.player.life < clad.player.life < 20
    assert ITEMS.names[clad.player.inventory.item[38]] == "iron_chestplate"


def test_a_bow_shoots_an_arrow() -> None:
    world = flat(("bow", 1), ("arrow", 2))
    look(world, -20.0)
    act(world, Function.USE, 25)
    act(world)
    assert held(world)["arrow"] == 1 and world.shots.records["alive"].sum() == 1
    assert audit(world) == {}
