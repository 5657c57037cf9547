"""Where the agent looks: led by the land it walked on and by the signs of what it looks for."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from veclink.agent.embodied.actions import Action, Failure, State
from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.deeds import Doer
from veclink.agent.embodied.episode import make_world
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.planner import Planner, hunts, met
from veclink.agent.embodied.sense import Past
from veclink.agent.embodied.skills.land import Land, strangeness
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.sources import found, lands, mob_info, signs
from veclink.envs.facts import BLOCKS, MOBS

EAST, WEST = {14, 15, 0, 1, 2}, {6, 7, 8, 9, 10}  # headings


def flat(**given: Any) -> Any:
    """A flat, quiet world at noon."""
    return make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=6000, **given)


def test_land_is_strange_by_its_climate() -> None:
    assert strangeness("mesa", ("mesa",)) == strangeness("mesa_plateau_f", ("mesa",)) == 0
    assert strangeness("plains", ()) == strangeness("", ("mesa",)) == 0, "nothing wanted, or nothing known"
    gaps = [strangeness(name, ("mesa",)) for name in ("desert", "plains", "ice_plains")]
    assert 1 <= gaps[0] < gaps[1] < gaps[2]


@pytest.mark.parametrize(("wanted", "way"), [((), EAST), (("plains",), EAST), (("desert",), WEST), (("mesa",), WEST),
                                             (("ice_plains",), EAST)])
def test_one_turns_to_the_land_that_is_wanted(wanted: tuple[str, ...], way: set[int]) -> None:
    """Desert in the west, plains in the east, and the body between them looks east."""
    roamer = Roamer()
    known = {(i, k): "desert" if i < 0 else "plains" for i in range(-4, 4) for k in (-1, 0, 1)}
    roamer.land = Land(wanted, biomes=known)
    body: Any = SimpleNamespace(cell=(0, 64, 8))
    cost, heading = roamer._headings(body)[0]
    assert heading in way and cost < 10, "land unlike what is wanted on all sides is no reason to dig"


def test_the_land_is_noted_as_one_goes_and_kept() -> None:
    body = Body(make_world("open-ended", 2, generate_world_type="specified_biome", specified_biome="taiga",
                           allow_mob_spawn=False), 400)
    body.begin(2)
    roamer = Roamer()
    roamer.leg(body, 100)
    assert set(roamer.land.biomes.values()) == {"taiga"} and len(roamer.been) >= 1
    other = Roamer()
    other.restore(json.loads(json.dumps(roamer.state())))
    assert other.land == roamer.land and (other.been, other.heading) == (roamer.been, roamer.heading)


def test_a_path_is_followed_to_the_field() -> None:
    """The wheat stands where no step of a search straight on would have led."""
    place = flat()
    doer = Doer(Body(place, 1500))
    doer.body.begin(4)
    x, y, z = doer.body.cell
    for along in range(4, 30):
        for across in (-1, 0, 1):
            place.grid.set(x - along, y - 1, z + across, BLOCKS.id("grass_path"))
    for across in (0, 1, 2):
        place.grid.set(x - 30, y - 1, z + 3 + across, BLOCKS.id("farmland"))
        place.grid.set(x - 30, y, z + 3 + across, BLOCKS.id("wheat"), 7)
    doer.body.act(forward=1)
    doer.do(Action("mine", {"block": "wheat", "item": "wheat", "count": 2}, limit=1400))
    assert doer.body.items["wheat"] >= 2 and doer.body.steps < 400


def test_plans_say_in_which_land_to_look() -> None:
    tables = found()
    assert lands("slime", mob_info("slime")) == ("swampland",), "elsewhere they live under ground"
    assert "desert" not in lands("cow", mob_info("cow")) and "plains" in lands("cow", mob_info("cow"))
    assert lands("zombie", mob_info("zombie")) == (), "everywhere"
    assert "grass_path" in signs("wheat") and signs("villager") == signs("wheat") and signs("log") == ()
    assert all(name in BLOCKS for names in tables["signs"].values() for name in names)
    assert all(target in MOBS or target in BLOCKS for kind in ("mobs", "blocks") for target in tables[kind])
    for goal, target, name in ((Goal("cactus"), "cactus", "desert"), (Goal("leather"), "cow", "plains"),
                               (Goal("slime", 1, "kill"), "slime", "swampland"),
                               (Goal("sapling:1"), "leaves", "taiga")):
        actions = Planner(goal).next(State(biome="ocean"))
        sought = [action for action in actions if target in (action.args.get(key) for key in ("find", "block", "mob"))]
        assert [action.name for action in sought][:1] == ["explore"] and len(sought) == 2
        for action in sought:
            assert name in action.args["lands"] and Action.from_dict(action.to_dict()) == action
    log = Planner(Goal("log")).next(State(biome="desert"))[0]
    assert {"forest", "taiga"} < set(log.args["lands"]) and "savanna" not in log.args["lands"], "no other wood is asked"
    assert "savanna" in Planner(Goal("planks")).next(State(biome="desert"))[0].args["lands"], "its wood serves as well"


def test_another_land_is_gone_to_straight_on_and_with_time() -> None:
    failures = [Failure("explore", "not near", "mine:cactus>cactus", "cactus")]
    outfit = {"stone_sword": 1, "stone_pickaxe": 1, "planks": 8}
    there, away = (Planner(Goal("cactus")).next(State(outfit, biome=at), failures)[0] for at in ("desert", "plains"))
    assert there.args["turn"] and "turn" not in away.args and away.limit > there.limit


def test_what_comes_out_at_night_is_gone_to_by_day_and_waited_for_there() -> None:
    """In the swamp one waits for the slimes; elsewhere the day is for going there."""
    for name, moves in (("swampland", False), ("plains", True)):
        doer = Doer(Body(make_world("open-ended", 3, generate_world_type="specified_biome", specified_biome=name,
                                    allow_mob_spawn=False, start_time=6000), 400))
        doer.body.begin(3)
        at = doer.body.pos.copy()
        with pytest.raises(SkillFailed):
            doer.do(Action("explore", {"find": "slime", "how": "dark", "lands": ["swampland"]}, limit=150))
        assert (abs(doer.body.pos - at).sum() > 8) == moves


def test_the_night_before_one_is_there_is_spent_in_safety() -> None:
    armed: dict[str, Any] = {"inventory": {"iron_sword": 1}, "time": 14_000}
    there, away = (Planner(Goal("slime_ball")).next(State(biome=at, **armed))[0] for at in ("swampland", "plains"))
    assert there.args.get("find") == "slime" and away.args.get("what") == "shelter"
    doer = Doer(Body(make_world("open-ended", 3, generate_world_type="specified_biome", specified_biome="plains",
                                allow_mob_spawn=False, start_time=18_000), 400))
    doer.body.begin(3)
    with pytest.raises(SkillFailed, match="night"):
        doer.do(Action("explore", {"find": "slime", "how": "dark", "lands": ["swampland"]}, limit=150))


def test_one_goes_back_to_the_swamp_that_was_crossed() -> None:
    """It was crossed on the way to wood; what comes there comes again every night, so that old ground is no matter."""
    roamer = Roamer(heading=8.0)
    roamer.been = {(i, 0): 3 for i in range(-2, 12)}
    roamer.land = Land(("swampland",), biomes={(i, 0): "swampland" if i > 9 else "plains" for i in range(-2, 12)})
    body: Any = SimpleNamespace(cell=(0, 64, 8))
    assert roamer._headings(body)[0][1] not in EAST, "what grows there is sought on new ground"
    roamer.land.returns = True
    assert roamer.land.back_to(0, 8) == (168.0, 8.0) and roamer._headings(body)[0] == (0.0, 0)
    assert roamer.land.back_to(-2000, 8) is None, "another will be nearer"
    roamer.land.wanted = ("desert",)
    assert roamer.land.back_to(0, 8) is None


def test_a_step_out_of_the_swamp_does_not_end_the_night() -> None:
    goal, armed = Goal("slime_ball"), {"inventory": {"iron_sword": 1}, "time": 14_000, "biome": "plains"}
    assert Planner(goal).next(State(**armed, around=("plains", "swampland")))[0].args.get("find") == "slime"
    doer = Doer(Body(make_world("open-ended", 3, generate_world_type="specified_biome", specified_biome="plains",
                                allow_mob_spawn=False, start_time=18_000), 400))
    doer.body.begin(3)
    x, _, z = doer.body.cell
    doer.roamer.land.biomes[x // 16 + 3, z // 16] = "swampland"
    assert doer.state(Past()).around == ("swampland",)
    before = doer.body.pos.copy()
    with pytest.raises(SkillFailed, match="not found"):
        doer.do(Action("explore", {"find": "slime", "how": "dark", "lands": ["swampland"]}, limit=150))
    assert doer.body.pos[0] - before[0] > 8 and set(doer.roamer.around(doer.body)) == {"plains", "swampland"}


def test_what_comes_by_night_everywhere_is_hunted_where_the_others_come() -> None:
    """A lead wants string and slime: spiders come to the swamp as well."""
    armed = State({"iron_sword": 1, "planks": 8, "stone_pickaxe": 1}, time=14_000, biome="plains", underground=False)
    sought = {action.args["find"]: action.args.get("lands") for action in Planner(Goal("lead")).next(armed)
              if action.name == "explore"}
    assert sought["spider"] == sought["slime"] == ["swampland"]
    string = Planner(Goal("string")).next(armed)[0]
    assert string.args["find"] == "spider" and "lands" not in string.args


def test_meat_that_comes_by_is_taken_on_a_long_way() -> None:
    hands = {"iron_sword": 1, "stone_pickaxe": 1, "planks": 8}
    beside: dict[str, Any] = {"biome": "plains", "near": ("pig",), "underground": False}
    away = Action("explore", {"find": "slime", "how": "dark", "lands": ["swampland"]})
    few, enough = State({**hands, "porkchop": 1}, **beside), State({**hands, "porkchop": 3}, **beside)
    assert hunts(away, few) and not hunts(away, enough) and not hunts(away, State(hands, biome="swampland"))
    planner = Planner(Goal("slime_ball"))
    first, other = (next(a for a in planner.next(state) if a.name in ("attack", "explore")) for state in (few, enough))
    assert first.args["mob"] == "pig" and first.args["count"] >= 1 and other.args["find"] != "pig"
    log = Action("explore", {"find": "log", "how": "walk", "lands": ["forest"]})
    assert not hunts(log, few), "wood is never far"
    at_night = Planner(Goal("slime_ball")).next(State({**hands, "porkchop": 1}, time=14_000, **beside))
    assert not any(action.args.get("mob") == "pig" for action in at_night)


def test_the_wood_of_one_tree_is_not_found_beside_another() -> None:
    action = Action("explore", {"find": "log", "how": "walk", "biomes": ["taiga"]}, {"near": "log"})
    for name, good in (("taiga", True), ("taiga_hills", True), ("forest", False), ("", True)):
        assert met(action, State(), State(near=("log",), biome=name)) == good


def test_a_journey_leads_to_the_land_under_which_something_lies() -> None:
    tools = {"iron_pickaxe": 1}
    away, there = (Planner(Goal("emerald")).next(State(tools, biome=name)) for name in ("plains", "extreme_hills"))
    assert [action.name for action in away[:2]] == ["explore", "dig_down"] and away[0].args["how"] == "walk"
    assert away[0].args["biomes"] == ["extreme_hills"] and there[0].name == "dig_down"
    assert Planner(Goal("diamond")).next(State(tools, biome="plains"))[0].name == "dig_down"


def test_what_swims_is_looked_for_in_the_water() -> None:
    """A squid was looked for over land for 40,000 ticks."""
    shore = flat()
    doer = Doer(Body(shore, 2000))
    body = doer.body
    body.begin(4)
    x, y, z = body.cell
    for i in range(-10, -3):
        for k in range(-10, 11):
            for down in (1, 2, 3):
                shore.grid.set(x + i, y - down, z + k, BLOCKS.id("water"))
    for _ in range(40):
        body.act()
    assert lands("squid", mob_info("squid")) == ("deep_ocean", "ocean")
    doer.roamer.land.swims = True
    doer.roamer.leg(body)
    assert body.pos[0] < x - 3, "into the lake in the west"
    doer.roamer.land.swims = False
    doer.roamer.leg(body)
    doer.roamer.leg(body)
    assert body.block(body.cell[0], body.cell[1] - 1, body.cell[2]) != BLOCKS.id("water")
