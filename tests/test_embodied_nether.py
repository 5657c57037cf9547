"""To the Nether and back: when it is gone to, in what order, and that a portal is built and gone through."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from veclink.agent.embodied.actions import Action, State
from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.deeds import Doer
from veclink.agent.embodied.episode import make_world, reachable
from veclink.agent.embodied.goals import REALMS, Goal, ImpossibleGoal
from veclink.agent.embodied.items import Item
from veclink.agent.embodied.knowledge import AT_PORTAL, knowledge
from veclink.agent.embodied.planner import Planner, needed
from veclink.agent.embodied.sense import realm
from veclink.agent.embodied.skills import portal
from veclink.agent.embodied.terms import kinds
from veclink.agent.play.agent import StandIn
from veclink.envs.contract import World
from veclink.envs.facts import BLOCKS

MADE = {"crafting_table": 1, "redstone_torch": 3, "stone": 3, "stone_pickaxe": 1}  # all of a comparator but quartz


def world(seed: int = 5, **inventory: int) -> Any:
    """A quiet world at noon, with something in the bag."""
    given = [{"name": name, "quantity": number} for name, number in inventory.items()]
    return make_world("open-ended", seed, allow_mob_spawn=False, start_time=6000, initial_inventory=given)


def plan(goal: Goal, **state: Any) -> list[Action]:
    """What the planner does at noon on a plain, unless something else is given."""
    return Planner(goal, REALMS).next(State(**{"position": (0.0, 64.0, 0.0), "biome": "plains", "time": 6000, **state}))


def place_of(actions: list[Action], word: str) -> int:
    """Where the first action with a word stands in a plan; -1 for nowhere."""
    return next((i for i, action in enumerate(actions) if word in action.words()), -1)


def test_where_one_can_go_is_the_worlds_to_say() -> None:
    made = world()
    assert reachable(made, "voxels") == reachable(StandIn(made), "voxels") == REALMS
    assert reachable(made, "pixels") == reachable(SimpleNamespace(), "voxels") == World.realms == ("overworld",)


def test_the_nether_is_gone_to_for_what_is_won_there_only() -> None:
    for name in ("diamond", "bow", "gold_ingot", "enchanting_table", "bread", "rotten_flesh"):
        assert needed([Goal(name)], REALMS) == ("overworld",), name
    for goal in (Goal("quartz"), Goal("comparator", 1, "use"), Goal("redstone_lamp"), Goal("blaze", 1, "kill")):
        assert needed([goal], REALMS) == REALMS, goal
    with pytest.raises(ImpossibleGoal):
        Planner(Goal("quartz"), REALMS[:1]).next(State(position=(0.0, 64.0, 0.0), biome="plains"))


def test_one_crosses_once_and_last() -> None:
    actions = plan(Goal("comparator", 1, "use"))
    crossings = [i for i, action in enumerate(actions) if action.name == "cross"]
    assert len(crossings) == 1
    first = ("obsidian", "craft 1 flint and steel", "redstone torch", "smelt 3 stone")
    before = [place_of(actions, word) for word in first]
    after = [place_of(actions, word) for word in ("explore quartz ore", "craft 1 comparator", "use comparator")]
    assert -1 not in before and max(before) < crossings[0] < min(after) and after == sorted(after)
    tables = [action.name for action in actions[: crossings[0]] if action.args.get("item") == "crafting_table"]
    assert tables[-1] == "mine", "the table is taken along"


@pytest.mark.parametrize(("mob", "biome"), [("guardian", "deep_ocean"), ("shulker", "sky"), ("cow", "sky")])
def test_no_portal_leads_to_other_places(mob: str, biome: str) -> None:
    assert "cross" not in {action.name for action in plan(Goal(mob, 1, "kill"), biome=biome)}


def test_a_portal_that_is_known_takes_nothing() -> None:
    assert Item("obsidian") in [item for way in knowledge(REALMS).ways["quartz"] for item, _ in way.keep]
    assert not any(way.keep for way in knowledge((*REALMS, AT_PORTAL)).ways["quartz"])
    actions = plan(Goal("comparator", 1, "use"), inventory=MADE, known={"portal": (9.0, 64.0, 0.0)})
    assert place_of(actions, "obsidian") == -1 and place_of(actions, "cross") >= 0


def test_in_the_nether_one_digs_and_crafts_and_goes_back_for_what_is_not_there() -> None:
    there = {"biome": "hell", "position": (0.0, 50.0, 0.0)}
    actions = plan(Goal("comparator", 1, "use"), inventory=MADE, **there)
    assert not {"cross", "go_up"} & {action.name for action in actions}
    explore = next(action for action in actions if action.name == "explore")
    assert (explore.args["how"], explore.args["find"]) == ("tunnel", "quartz_ore")
    short = {name: number for name, number in MADE.items() if name != "redstone_torch"} | {"quartz": 1}
    actions = plan(Goal("comparator", 1, "use"), inventory=short, **there)
    assert next(action for action in actions if action.name == "cross").args["to"] == "overworld"


def test_a_portal_is_built_gone_through_and_come_back_by() -> None:
    place = world(obsidian=10, flint_and_steel=1, diamond_pickaxe=1, cobblestone=8)
    doer = Doer(Body(place, 3000))
    body = doer.body
    body.begin(5)
    doer.roamer.been[1, 1] = 1
    doer.do(Action("cross", {"to": "nether"}, limit=2000))
    assert realm(body) == "nether" and body.items["obsidian"] == 0
    assert not doer.roamer.been and not (body.known.blocks == BLOCKS.id("grass")).any(), "nothing is known of here"
    doer.do(Action("cross", {"to": "nether"}, limit=2000))  # one is there
    steps = body.steps
    doer.do(Action("cross", {"to": "overworld"}, limit=2000))
    assert realm(body) == "overworld" and body.steps - steps < 600 and body.deaths == 0


def test_without_obsidian_none_is_begun() -> None:
    body = Body(world(flint_and_steel=1), 400)
    body.begin(5)
    before = np.array(body.pos)
    with pytest.raises(SkillFailed, match="no material: obsidian"):
        portal.cross(body, Doer(body).roamer, 300)
    assert np.array_equal(before, body.pos)


def test_a_frame_has_ten_blocks_round_six_cells() -> None:
    for frame in portal.frames((0, 50, 0)):
        edge = {cell for cell, _ in frame.edge}
        assert len(edge) == 10 and len(set(frame.inside)) == 6 and not edge & set(frame.inside)
        assert all(feet in frame.feet for _, feet in frame.edge) and set(frame.feet) <= set(frame.inside)


def test_beside_a_portal_one_may_dig_but_through_it_no_way_leads() -> None:
    solid = kinds()[BLOCKS.id("stone")]
    assert kinds()[BLOCKS.id("portal")] == solid


def test_water_that_is_near_is_not_gone_up_for() -> None:
    deep = {"inventory": {"diamond_pickaxe": 1, "bucket": 1}, "underground": True, "position": (0.0, 11.0, 0.0)}
    for near, first in ((("water",), "approach"), ((), "go_up")):
        actions = plan(Goal("water_bucket"), near=near, time=15_000 if near else 6000, **deep)
        assert actions[0].name == first
