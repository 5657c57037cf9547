"""The tables of blocks, items, recipes, drops and mobs: complete, equal to MineDojo's, true to 1.11's rules."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.envs.errors import UnknownName
from veclink.envs.facts import (
    BLOCKS,
    CRAFT_NAMES,
    CRAFTING,
    HAND,
    ITEMS,
    MOBS,
    SMELT,
    SMELTING,
    TABLE,
    Recipe,
    drops_of,
    harvests,
    mining_speed,
    recipes_for,
    xp_of,
)
from veclink.envs.facts.recipes import _SMELTED
from veclink.envs.voxel.chance import Chance

# sha256 of MineDojo 0.1's rows (outputs, counts, sizes, ingredients, in its order), made from its wheel
CRAFTING_DIGEST = "a9f58fa0682ce5ea"
SMELTING_DIGEST = "532f91897d0723e5"
INDEX_DIGEST = "579484e60bdb3f21"
ITEM_DIGEST = "9e98ffa1c6e3117d"
BLOCK_DIGEST = "f1f1686e8976becd"
TASK_MOBS = (
    "bat blaze chicken cow creeper donkey enderman endermite ghast guardian horse husk llama mooshroom pig rabbit "
    "sheep shulker skeleton slime spider squid witch wither_skeleton wolf zombie zombie_pigman"
).split()


def digest(rows: Any) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def crafting_row(recipe: Recipe) -> list[Any]:
    counts: Counter[str] = Counter()
    for item, _, count in recipe.ingredients:
        counts[ITEMS.names[item]] += count
    if recipe.listed:
        counts = Counter(dict.fromkeys(counts, recipe.listed))
    return [ITEMS.names[recipe.output], recipe.count, recipe.size, dict(counts)]


def smelting_row(recipe: Recipe) -> list[Any]:
    return [ITEMS.names[recipe.output], recipe.count, {ITEMS.names[recipe.ingredients[0][0]]: 1}]


def block_row(block: int) -> list[Any]:
    names = ("hardness", "no_tool", "blocks_movement", "flammable", "replaceable", "slip")
    return [getattr(BLOCKS, name)[block] for name in names]


def test_recipes_are_minedojos_one_by_one():
    assert len(CRAFTING) == 400 and len(SMELTING) == 51
    assert len({r.output for r in CRAFTING if r.ingredients and not r.circular}) == 231
    assert len({r.output for r in _SMELTED if not r.circular}) == 23
    assert digest([crafting_row(r) for r in CRAFTING]) == CRAFTING_DIGEST
    assert digest([smelting_row(r) for r in _SMELTED]) == SMELTING_DIGEST


def test_names_are_minedojos():
    assert len(BLOCKS.names) == 236 and BLOCKS.names[0] == "air" and len(ITEMS.names) == 392
    assert digest(sorted(BLOCKS.names)) == BLOCK_DIGEST and digest(list(ITEMS.names)) == ITEM_DIGEST
    assert (len(HAND), len(TABLE), len(SMELT)) == (54, 170, 20) and digest(list(CRAFT_NAMES)) == INDEX_DIGEST
    assert set(TASK_MOBS) <= set(MOBS.names)
    assert ITEMS.spoken(ITEMS.id("wooden_pickaxe")) == "wooden pickaxe"
    assert ITEMS.id("minecraft:wooden pickaxe") == ITEMS.id("wooden_pickaxe")
    with pytest.raises(UnknownName, match="did you mean 'cobblestone'"):
        BLOCKS.id("coblestone")


@pytest.mark.skipif("MINEDOJO_WHEEL" not in os.environ, reason="MINEDOJO_WHEEL does not name the unpacked wheel")
def test_tables_against_the_wheel():
    found = next(Path(os.environ["MINEDOJO_WHEEL"]).rglob("mc_constants.json"))
    true = json.loads(found.read_text())
    for ours, theirs in zip(CRAFTING, true["craftingRecipes"], strict=True):
        row = [theirs["outputItemName"], theirs["outputCount"], theirs["recipeSize"], theirs["ingredients"]]
        assert crafting_row(ours) == row
    for ours, theirs in zip(_SMELTED, true["smeltingRecipes"], strict=True):
        assert smelting_row(ours) == [theirs["outputItemName"], theirs["out"], theirs["ingredients"]]
    for theirs in true["items"]:
        item = ITEMS.id(theirs["type"])
        assert (ITEMS.stack[item], ITEMS.durability[item]) == (theirs["stackSize"], theirs["maxDamage"])
        assert ITEMS.placeable[item] == theirs["block"]
        if theirs.get("hardness") is not None and theirs["type"] in BLOCKS:
            assert block_row(BLOCKS.id(theirs["type"])) == [
                np.float32(theirs["hardness"]), theirs["needsNoTool"], theirs["blocksMovement"], theirs["canBurn"],
                theirs["isReplaceable"], np.float32(theirs["slipperiness"]),
            ], theirs["type"]  # fmt: skip


def test_every_recipe_is_whole():
    for recipe in CRAFTING:
        cells = sum(count for _, _, count in recipe.ingredients)
        assert not recipe.ingredients or cells <= 9
        assert recipe.count > 0 or not recipe.ingredients
        if recipe.listed:  # a mix of dyes: MineDojo's size is the number of dyes
            assert cells == recipe.size
    for index in range(len(CRAFT_NAMES)):
        recipes = recipes_for(index)
        assert recipes and len(set(recipes)) == len(recipes), CRAFT_NAMES[index]
        assert all(recipe.table == (index not in HAND) for recipe in recipes), CRAFT_NAMES[index]


def made(name: str) -> dict[tuple[tuple[str, int, int], ...], int]:
    """Ingredients -> variant of the output."""
    return {
        tuple((ITEMS.names[item], variant, count) for item, variant, count in recipe.ingredients): recipe.variant
        for recipe in CRAFTING
        if ITEMS.names[recipe.output] == name
    }


def test_variants_of_recipes():
    assert made("planks") == {(("log", k, 1),): k for k in range(4)} | {(("log2", k, 1),): 4 + k for k in range(2)}
    assert set(made("birch_fence")) == {(("planks", 2, 4), ("stick", -1, 2))}
    assert set(made("torch")) == {(("coal", 0, 1), ("stick", -1, 1)), (("coal", 1, 1), ("stick", -1, 1))}
    assert made("dye")[(("dye", 1, 1), ("dye", 15, 1))] == 9  # red and white: pink
    assert made("stained_glass")[(("glass", -1, 8), ("dye", 4, 1))] == 11  # lapis: blue
    assert made("stone_slab")[(("cobblestone", -1, 3),)] == 3
    cake = next(r for r in CRAFTING if ITEMS.names[r.output] == "cake")
    assert cake.returns == ((ITEMS.id("bucket"), 3),)
    coal, fish, dye = ITEMS.id("coal"), ITEMS.id("fish"), ITEMS.id("dye")
    assert SMELTING[ITEMS.id("log"), -1][:3] == (coal, 1, 1) and SMELTING[ITEMS.id("coal_ore"), -1][:2] == (coal, 0)
    assert SMELTING[fish, 1][:2] == (ITEMS.id("cooked_fish"), 1) and SMELTING[ITEMS.id("cactus"), -1][:2] == (dye, 2)


def test_blocks_hang_together():
    every = np.arange(len(BLOCKS))
    assert BLOCKS.solid.shape == (256,) and not BLOCKS.solid.flags.writeable
    assert not (BLOCKS.full & ~BLOCKS.solid).any() and not (BLOCKS.opaque & ~BLOCKS.full).any()
    assert (BLOCKS.top <= 1.5).all() and (BLOCKS.side <= 0.5).all() and (BLOCKS.filter <= 15).all()
    assert not (BLOCKS.liquid > 0)[BLOCKS.solid].any() and not BLOCKS.solid[len(BLOCKS) :].any()
    assert all(BLOCKS.tool[block] for block in every[BLOCKS.level[: len(BLOCKS)] >= 0])
    some = {"stone": 1.5, "obsidian": 50, "dirt": 0.5, "log": 2, "iron_ore": 3, "bedrock": -1, "fence_gate": 2}
    assert {name: float(BLOCKS.hardness[BLOCKS.id(name)]) for name in some} == some
    light = {"torch": 14, "glowstone": 15, "lava": 15, "lit_furnace": 13, "furnace": 0, "redstone_torch": 7}
    assert {name: int(BLOCKS.emission[BLOCKS.id(name)]) for name in light} == light
    lost = {"stone": 15, "water": 3, "leaves": 1, "glass": 0, "torch": 0}
    assert {name: int(BLOCKS.filter[BLOCKS.id(name)]) for name in lost} == lost


def test_tools_and_tiers():
    def can(block: str, item: str) -> bool:
        return harvests(BLOCKS.id(block), ITEMS.id(item))

    assert can("stone", "wooden_pickaxe") and not can("stone", "air") and not harvests(BLOCKS.id("stone"), -1)
    assert can("iron_ore", "stone_pickaxe") and not can("iron_ore", "golden_pickaxe")
    assert can("diamond_ore", "iron_pickaxe") and not can("diamond_ore", "stone_pickaxe")
    assert can("obsidian", "diamond_pickaxe") and not can("obsidian", "iron_pickaxe")
    assert can("log", "air") and can("dirt", "air") and not can("snow_layer", "air") and can("web", "iron_sword")
    speeds = [mining_speed(BLOCKS.id(b), ITEMS.id(i)) for b, i in (
        ("stone", "diamond_pickaxe"), ("log", "golden_axe"), ("dirt", "iron_shovel"), ("leaves", "shears"),
        ("wool", "shears"), ("web", "stone_sword"), ("stone", "iron_axe"), ("log", "air"))]  # fmt: skip
    assert speeds == [8, 12, 6, 15, 5, 15, 1, 1]


def test_items_of_the_rules():
    def of(column: str, *names: str) -> list[float]:
        return [float(getattr(ITEMS, column)[ITEMS.id(name)]) for name in names]

    assert of("damage", "diamond_sword", "iron_axe", "stone_pickaxe", "stick") == [7, 9, 3, 1]
    assert of("armor", "iron_chestplate", "leather_boots", "diamond_helmet") == [6, 1, 3]
    assert of("durability", "iron_pickaxe", "shears", "bow", "stick") == [250, 238, 384, 0]
    assert of("fuel", "coal", "lava_bucket", "stick", "planks", "cobblestone") == [1600, 20000, 100, 300, 0]
    assert of("food", "cooked_beef", "bread", "apple") == [8, 5, 4]
    assert ITEMS.food_of(ITEMS.id("cooked_fish"), 1) == (6, 9.6) and ITEMS.food_of(ITEMS.id("stick"), 0) == (0, 0)
    assert BLOCKS.names[ITEMS.block[ITEMS.id("wheat_seeds")]] == "wheat" and of("stack", "egg", "boat") == [16, 1]


def mean_drops(block: str, meta: int, tool: str, times: int = 4000) -> dict[tuple[str, int], float]:
    chance, total = Chance(7), Counter()
    for _ in range(times):
        for item, variant, count in drops_of(BLOCKS.id(block), meta, ITEMS.id(tool), 0, chance):
            total[ITEMS.names[item], variant] += count
    return {key: count / times for key, count in total.items()}


def test_drops_by_chance():
    assert mean_drops("gravel", 0, "air")[("flint", 0)] == pytest.approx(0.1, abs=0.02)
    oak = mean_drops("leaves", 0, "air", 20000)
    assert oak[("sapling", 0)] == pytest.approx(0.05, abs=0.006)
    assert oak[("apple", 0)] == pytest.approx(0.005, abs=0.002)
    assert mean_drops("leaves", 3, "air", 20000)[("sapling", 3)] == pytest.approx(0.025, abs=0.005)
    assert mean_drops("tallgrass", 1, "air")[("wheat_seeds", 0)] == pytest.approx(0.125, abs=0.02)
    ripe = mean_drops("wheat", 7, "air")
    assert ripe[("wheat", 0)] == 1 and ripe[("wheat_seeds", 0)] == pytest.approx(24 / 14, abs=0.06)
    assert mean_drops("redstone_ore", 0, "iron_pickaxe")[("redstone", 0)] == pytest.approx(4.5, abs=0.05)


@pytest.mark.parametrize(("block", "meta", "tool", "left"), [
    ("stone", 0, "wooden_pickaxe", [("cobblestone", 0, 1)]), ("stone", 3, "wooden_pickaxe", [("stone", 3, 1)]),
    ("log", 6, "air", [("log", 2, 1)]), ("ice", 0, "iron_pickaxe", []), ("glass", 0, "air", []),
    ("leaves", 9, "shears", [("leaves", 1, 1)]), ("clay", 0, "air", [("clay_ball", 0, 4)]),
    ("snow_layer", 2, "wooden_shovel", [("snowball", 0, 3)]), ("snow_layer", 2, "air", []),
    ("double_plant", 9, "air", []), ("double_plant", 4, "air", [("double_plant", 4, 1)]),
    ("bed", 8, "air", []), ("bed", 1, "air", [("bed", 0, 1)]), ("cocoa", 8, "air", [("dye", 3, 3)]),
    ("lit_furnace", 2, "stone_pickaxe", [("furnace", 0, 1)]), ("double_wooden_slab", 2, "air", [("wooden_slab", 2, 2)]),
])  # fmt: skip
def test_drops_that_are_certain(block: str, meta: int, tool: str, left: list[tuple[str, int, int]]):
    found = drops_of(BLOCKS.id(block), meta, ITEMS.id(tool), 0, Chance(1))
    assert [(ITEMS.names[item], variant, count) for item, variant, count in found] == left


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 235), st.integers(0, 15), st.integers(-1, 391), st.integers(0, 1000))
def test_drops_are_stacks(block: int, meta: int, item: int, seed: int):
    found = drops_of(block, meta, item, 0, Chance(seed))
    assert all(0 <= kind < len(ITEMS) and kind != ITEMS.air and 0 <= variant < 16 and 0 < count <= 9
               for kind, variant, count in found)
    assert not found or harvests(block, item)
    assert found == drops_of(block, meta, item, 0, Chance(seed))
    assert 0 <= xp_of(block, Chance(seed)) <= 43


def test_mobs_hang_together():
    kind = MOBS.id
    assert (MOBS.health > 0).all() and (MOBS.width > 0).all() and (MOBS.xp_least <= MOBS.xp).all()
    assert float(MOBS.speed[kind("zombie")]) == pytest.approx(0.1165, abs=0.001)  # 2.33 blocks a second
    health = {"cow": 10, "sheep": 8, "zombie": 20, "enderman": 40, "spider": 16, "creeper": 20}
    assert {name: float(MOBS.health[kind(name)]) for name in health} == health
    assert MOBS.hostile[kind("creeper")] and not MOBS.hostile[kind("wolf")] and MOBS.burns[kind("skeleton")]
    assert MOBS.foods[kind("cow")] == (ITEMS.id("wheat"),)
    for pools in MOBS.pools:
        for pool in pools:
            assert sum(entry.chance for entry in pool.entries) == pytest.approx(1) and 0 < pool.chance <= 1
            assert all(0 <= entry.low <= entry.high for entry in pool.entries)
    beef = [entry for entry in MOBS.loot[kind("cow")] if entry.item == ITEMS.id("beef")]
    assert [(entry.low, entry.high, entry.chance) for entry in beef] == [(1, 3, 1)]


def test_spawning_by_biome():
    def kinds(biome: str, group: str) -> set[str]:
        return {MOBS.names[kind] for kind, _ in MOBS.spawn_table(biome, group)}

    assert kinds("plains", "creature") == {"cow", "sheep", "pig", "chicken", "horse", "donkey"}
    assert kinds("desert", "creature") == {"rabbit"} and kinds("mushroom_island", "monster") == set()
    assert "husk" in kinds("desert", "monster") and "husk" not in kinds("forest", "monster")
    assert "ghast" in kinds("nether", "monster") and kinds("ocean", "creature") == set()
