"""Goals from plain words, from tasks, and what cannot be asked for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.agent.embodied.goals import LARGEST, Goal, ImpossibleGoal, checked, goal_of, goals, goals_of_task
from veclink.agent.embodied.knowledge import knowledge
from veclink.agent.embodied.words import item_of, spoken
from veclink.envs.errors import InputError, UnknownName, VeclinkError
from veclink.envs.facts import CRAFT_NAMES, ITEMS

SAID = [
    ("get me a diamond", [("diamond", 1, "have")]),
    ("I need three torches and a bed", [("torch", 3, "have"), ("bed", 1, "have")]),
    ("kill two zombies", [("zombie", 2, "kill")]),
    (
        "kill two zombies and a spider, then get 5 wool",
        [("zombie", 2, "kill"), ("spider", 1, "kill"), ("wool", 5, "have")],
    ),
    ("Hunt a wolf, please", [("wolf", 1, "kill")]),
    ("pickaxe of iron", [("iron_pickaxe", 1, "have")]),
    ("swords made of gold", [("golden_sword", 1, "have")]),
    ("wood", [("log", 1, "have")]),
    ("dark oak planks and birch logs", [("planks:5", 1, "have"), ("log:2", 1, "have")]),
    ("charcoal, bone meal; lapis lazuli", [("coal:1", 1, "have"), ("dye:15", 1, "have"), ("dye:4", 1, "have")]),
    ("a dozen arrows and half a dozen eggs", [("arrow", 12, "have"), ("egg", 6, "have")]),
    ("two stacks of cobblestone", [("cobblestone", 128, "have")]),
    ("twenty-five torches", [("torch", 25, "have")]),
    ("10x coal", [("coal", 10, "have")]),
    ("flint and steel", [("flint_and_steel", 1, "have")]),
    ("a carrot on a stick", [("carrot_on_a_stick", 1, "have")]),
    ("can you bring me some milk please?", [("milk_bucket", 1, "have")]),
    ("a bucket of water", [("water_bucket", 1, "have")]),
    ("fish", [("fish", 1, "have")]),
    ("leaves", [("leaves", 1, "have")]),
    ("something to eat", [("food", 1, "eat")]),
    ("I'm hungry", [("food", 1, "eat")]),
    ("eat an apple", [("apple", 1, "eat")]),
    ("survive for three days", [("", 3, "survive")]),
    ("go to sleep", [("", 1, "sleep")]),
    ("put on iron boots", [("iron_boots", 1, "wear")]),
    ("get me a zombie", [("zombie", 1, "kill")]),
    ("harvest 8 wool with shears", [("wool", 8, "have")]),
    (
        "combat a husk in night desert with a diamond sword, shield, and a full suite of iron armors",
        [("husk", 1, "kill")],
    ),
    ("get me a dimond pickax", [("diamond_pickaxe", 1, "have")]),
    (
        "make me a full set of iron armour",
        [(f"iron_{p}", 1, "have") for p in ("helmet", "chestplate", "leggings", "boots")],
    ),
    ("stone tools", [(f"stone_{p}", 1, "have") for p in ("pickaxe", "axe", "shovel", "hoe", "sword")]),
]


@pytest.mark.parametrize(("text", "wanted"), SAID, ids=[text for text, _ in SAID])
def test_words(text: str, wanted: list[tuple[str, int, str]]) -> None:
    assert [(goal.object, goal.count, goal.kind) for goal in goals(text)] == wanted


def test_deadlines() -> None:
    assert {goal.before for goal in goals("I need three torches and a bed before night")} == {"night"}
    assert goals("survive until the morning")[0].before == "day"
    assert goals("obtain 20 birch planks within 10 minutes") == [Goal("planks:2", 20, within=12_000)]
    assert goals("a diamond in 5000 steps")[0].within == 5000


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("get me an irn pickaxxe of stne", UnknownName, "expected the name of an item"),
        ("get me a sadle bagg", UnknownName, "did you mean"),
        ("kill three shields", UnknownName, "name of a mob"),
        ("get bedrock", ImpossibleGoal, "no tool breaks it"),
        ("a spawn egg", ImpossibleGoal, "creative mode"),
        ("a nether star", ImpossibleGoal, "nothing in the overworld or nether leads to it"),
        ("", InputError, "get me a diamond"),
        ("please", InputError, "get me a diamond"),
        ("3000 logs", InputError, "ask for less"),
        ("wood " * 1000, InputError, "up to 2000 characters"),
    ],
)
def test_refused(text: str, error: type[VeclinkError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        goals(text)
    assert len(str(caught.value)) < 400


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gives_goals_or_a_reason(text: str) -> None:
    try:
        found = goals(text)
    except InputError:
        return
    assert found
    assert all(1 <= goal.count <= LARGEST for goal in found)


def test_every_craft_can_be_said() -> None:
    for name in CRAFT_NAMES:
        assert item_of(name.replace("_", " ")).name in ITEMS.names
        assert item_of(name).name == name
    assert {item.name for item in spoken().values()} <= set(ITEMS.names)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, LARGEST), st.sampled_from(sorted(knowledge().reachable)))
def test_object_and_count_come_back(count: int, name: str) -> None:
    goal = goal_of(name, count)
    assert (goal.object, goal.count) == (name, count)
    assert Goal.from_dict(goal.to_dict()) == goal


def test_a_core_may_split_the_words() -> None:
    class Core:
        def phrases(self, text: str) -> list[str]:
            return ["two beds", "a torch"] if "night" in text else [text]

    assert goals("what one needs for the night", Core()) == [Goal("bed", 2), Goal("torch")]


def test_tasks() -> None:
    harvest = SimpleNamespace(category="harvest", targets={"milk_bucket": 1}, prompt="")
    assert goals_of_task(harvest) == [Goal("milk_bucket")]
    combat = {"category": "Combat", "targets": [("zombie", 2)]}
    assert goals_of_task(combat) == [Goal("zombie", 2, "kill")]
    tech = {"category": "tech_tree", "targets": ["iron_boots", "iron_sword"]}
    assert [goal.kind for goal in goals_of_task(tech)] == ["use", "use"], "MineDojo counts armour put on from the hand"
    assert goals_of_task({"category": "survival", "target_days": 5}) == [Goal("", 5, "survive")]
    assert goals_of_task({"category": "open-ended", "prompt": "get me a diamond"}) == [Goal("diamond")]
    with pytest.raises(InputError, match="a task with targets"):
        goals_of_task({"category": "harvest", "id": "harvest_x", "targets": {}})


def test_checked_by_place() -> None:
    with pytest.raises(ImpossibleGoal):
        checked(Goal("netherrack"), ("overworld",))
    assert checked(Goal("netherrack")).object == "netherrack"
    for bad in (0, -1, LARGEST + 1, True, 1.5):
        with pytest.raises(InputError):
            Goal("log", bad)  # pyright: ignore[reportArgumentType]  # what is tested
