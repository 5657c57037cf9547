"""Trees of needs: shared, counted, cut, priced, shown; and what the world can give."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from veclink.agent.embodied.goals import Goal, ImpossibleGoal
from veclink.agent.embodied.items import Item, Stock
from veclink.agent.embodied.knowledge import LASTING, STATIONS, Knowledge, knowledge
from veclink.agent.embodied.sources import found
from veclink.agent.embodied.tree import Need, Tree, decompose
from veclink.agent.embodied.view import picture, rich_tree, text, to_json
from veclink.agent.errors import FolderError
from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS, MOBS

REACHABLE = sorted(knowledge().reachable)


def needs(tree: Tree, name: str) -> list[Need]:
    return [need for need in tree.walk() if need.object.name == name]


def test_obtain_diamond_has_every_step() -> None:
    tree = decompose(Goal("diamond"))
    made = [need.object.name for need in tree.walk() if need.way]
    wanted = [
        "log",
        "planks",
        "stick",
        "wooden_pickaxe",
        "cobblestone",
        "stone_pickaxe",
        "iron_ore",
        "furnace",
        "iron_ingot",
    ]
    assert {*wanted, "crafting_table", "iron_pickaxe", "diamond"} <= set(made)
    order = [made.index(name) for name in ("wooden_pickaxe", "stone_pickaxe", "iron_ore", "iron_ingot", "iron_pickaxe")]
    assert order == sorted(order)
    assert made[-1] == "diamond"
    (diamond,) = tree.roots
    assert diamond.tool == "iron_pickaxe"
    assert diamond.information.y is not None and diamond.information.y[1] <= 16
    for name in ("crafting_table", "wooden_pickaxe", "stone_pickaxe", "iron_pickaxe", "furnace"):
        assert sum(need.make for need in needs(tree, name)) == 1, name  # made once, used again
    assert sum(need.count for need in needs(tree, "iron_ore")) == 3
    assert any(need.role == "fuel" for need in tree.walk())


def test_inventory_is_taken_off() -> None:
    tree = decompose(Goal("diamond"), {"iron_pickaxe": 1})
    assert [need.object.name for need in tree.walk()] == ["diamond"]
    assert decompose(Goal("torch", 3), {"torch": 5}).done
    stock = Stock({"planks:2": 3, "stick": 2, "crafting_table": 1})
    tree = decompose(Goal("wooden_pickaxe"), stock)
    assert [need.object.name for need in tree.walk() if not need.done] == ["wooden_pickaxe"]
    assert stock.has(Item("planks")) == 3  # what was given is not changed
    near = decompose(Goal("bed"), {"wool": 3, "planks": 3}, near=["crafting_table"])
    assert not needs(near, "crafting_table")


def test_left_over_planks_are_shared() -> None:
    tree = decompose([Goal("crafting_table"), Goal("stick", 4)], {"log": 2})
    assert sum(need.make for need in needs(tree, "log")) == 0
    two = decompose([Goal("stick", 4), Goal("bowl", 4)])
    assert len([need for need in needs(two, "crafting_table") if need.make]) == 1


def test_durability_is_counted() -> None:
    uses = int(ITEMS.durability[ITEMS.id("wooden_pickaxe")])
    tree = decompose(Goal("cobblestone", 2 * uses + 1))
    assert len([need for need in needs(tree, "wooden_pickaxe") if need.make]) == 3
    worn = decompose(Goal("cobblestone", 10), Stock({"wooden_pickaxe": 1}, {"wooden_pickaxe": [4]}))
    assert len([need for need in needs(worn, "wooden_pickaxe") if need.make]) == 1


def test_alternatives_are_kept_and_chosen_by_cost() -> None:
    plain = decompose(Goal("wool", 2)).roots[0]
    assert plain.way is not None and plain.way.target == "sheep"
    assert len({key.split(":")[0] for key, _ in plain.others}) >= 2
    assert all(cost >= plain.ticks for _, cost in plain.others)
    string = decompose(Goal("wool", 2), {"string": 8}).roots[0]
    assert string.way is not None and string.way.kind == "craft"
    banned = decompose(Goal("wool", 2), banned=[plain.way.key]).roots[0]
    assert banned.way is not None and banned.way.key != plain.way.key
    learnt = decompose(Goal("wool", 2), learnt={plain.way.key: 90_000.0}).roots[0]
    assert learnt.way is not None and learnt.way.key != plain.way.key
    all_ways = [way.key for way in knowledge().ways_to(Item("wool"))]
    assert decompose(Goal("wool"), banned=all_ways).roots[0].way is not None  # better a poor way than none


def test_a_tool_that_stands_on_what_it_is_for_is_not_chosen_however_dear_the_others_are() -> None:
    """Where stone has become dear, a diamond pickaxe, of which one lasts long, seems cheaper than an iron one."""
    tree = decompose(Goal("diamond"), learnt={"mine:stone@pickaxe>cobblestone": 3662.5})
    assert "iron_pickaxe" in [need.object.name for need in tree.walk()]


def test_a_need_can_be_split_over_two_ways() -> None:
    tree = decompose(Goal("planks", 12), {"log2": 2})
    parts = [need for need in tree.walk() if need.role == "part"]
    assert [(part.make, part.way.needs[0][0].name) for part in parts if part.way] == [(8, "log2"), (4, "log")]


KEYS = sorted(knowledge().usual)


@settings(max_examples=30, deadline=None)
@given(st.frozensets(st.sampled_from(KEYS), max_size=8),
       st.dictionaries(st.sampled_from(KEYS), st.floats(1, 100_000), max_size=20))
def test_prices_agree_with_every_way(banned: frozenset[str], learnt: dict[str, float]) -> None:
    """No way makes a thing cheaper than its price, and some way of those allowed makes it at that price."""
    known = knowledge()
    prices = known.prices(banned, learnt)
    best: dict[Item, float] = {}
    for way in (way for ways in known.ways.values() for way in ways if way.key not in banned):
        parts = [(item, float(number)) for item, number in way.needs]
        parts += [(item, number / LASTING) for item, number in way.keep]
        parts += [(Item(STATIONS[way.station]), 1 / LASTING)] if way.station else []
        price = learnt.get(way.key, way.first + way.each)
        price += sum(number * prices.get(item, math.inf) for item, number in parts)
        if way.tool:
            tools = [prices.get(Item(name), math.inf) for name in known.tools_for(*way.tool)]
            price += min(tools, default=math.inf) / LASTING
        for item in (way.gives, Item(way.gives.name)):
            best[item] = min(best.get(item, math.inf), price / way.count)
    reachable = {item: price for item, price in best.items() if price < math.inf}
    assert prices == pytest.approx(reachable, rel=0.02)


@pytest.mark.parametrize("name", CRAFT_NAMES)
def test_every_craft_decomposes_or_says_why(name: str) -> None:
    if not knowledge().can_have(Item(name)):
        with pytest.raises(ImpossibleGoal, match=r"leads to it|without|creative|breaks"):
            decompose(Goal(name))
        return
    check(decompose(Goal(name)))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(REACHABLE),
    st.integers(1, 20),
    st.dictionaries(st.sampled_from(REACHABLE), st.integers(1, 40), max_size=6),
)
def test_any_reachable_item_from_any_inventory(name: str, count: int, inventory: dict[str, int]) -> None:
    check(decompose(Goal(name, count), inventory))


def check(tree: Tree) -> None:
    """Every need is met by what is there and what is won, every way has its ingredients, tool and station."""
    for need in tree.walk():
        assert need.have + need.make == need.count or need.kind != "have"
        parts = [child for child in need.children if child.role == "part"]
        if parts:
            assert need.way is None or need.make > 0
            assert sum(part.make for part in parts) == need.make
        elif need.make:
            assert need.way is not None
            assert need.goes * need.way.count >= need.make - 1e-6 or need.goes == 1
            given = [child for child in need.children if child.role == "material"]
            assert [child.count for child in given] == [number for _, number in need.material]
            assert all(c.object.serves(item) for c, (item, _) in zip(given, need.material, strict=True))
            assert bool(need.tool) == (need.way.tool is not None)


def test_places() -> None:
    assert not knowledge().can_have(Item("blaze_rod"))
    assert knowledge(("overworld", "nether")).can_have(Item("blaze_rod"))
    tree = decompose(Goal("brewing_stand"), places=("overworld", "nether"))
    assert needs(tree, "blaze_rod")


def test_what_the_world_can_give() -> None:
    known = Knowledge()
    assert len(known.reachable) >= 260
    for name in ("diamond", "apple", "cake", "obsidian", "bread", "milk_bucket", "clock", "bookshelf", "leather"):
        assert known.can_have(Item(name)), name
    for name in ("bedrock", "spawn_egg", "nether_star", "elytra", "command_block"):
        assert not known.can_have(Item(name)), name
    assert known.can_have(Item("dye", 4)) and not known.can_have(Item("planks", 9))
    assert knowledge() is knowledge()


def test_found_json_names_what_exists() -> None:
    table = found()
    assert set(table["blocks"]) <= set(BLOCKS.names)
    assert all(mob in MOBS for mob in table["mobs"])
    assert {Item.of(deed["gives"]).name for deed in table["deeds"]} <= set(ITEMS.names)
    assert set(table["impossible"]) <= set(ITEMS.names)


def test_shown(tmp_path) -> None:
    tree = decompose([Goal("iron_pickaxe"), Goal("zombie", 2, "kill")], {"stick": 2})
    lines = text(tree).splitlines()
    assert lines[0] == "have iron pickaxe; kill 2 zombie"
    assert any(line.strip().startswith("[x]") and "stick" in line for line in lines)
    console = Console(width=200, record=True, file=open(tmp_path / "out.txt", "w"))  # noqa: SIM115  # rich writes to it
    console.print(rich_tree(tree))
    shown = console.export_text()
    assert "\u2713" in shown and "iron_ingot" in shown
    document = json.loads(to_json(tree))
    assert document["needs"][0]["children"][0]["object"] == "iron_ingot"
    assert document["needs"][0]["station"] == "table"
    assert picture(tree, tmp_path / "tree.png").stat().st_size > 10_000
    with pytest.raises(FolderError, match="ending"):
        picture(tree, tmp_path / "tree.txt")
