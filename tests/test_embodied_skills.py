"""Skills in the real world: armour from the hand, sowing with bone meal, shelter by day, things that serve as well."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veclink.agent.embodied import loop
from veclink.agent.embodied.actions import Action, Failure, State
from veclink.agent.embodied.aim import direction, to_box
from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.deeds import Doer
from veclink.agent.embodied.episode import make_world, run_episode
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.guard import Alarm, Guard
from veclink.agent.embodied.path import Move, Step
from veclink.agent.embodied.planner import met
from veclink.agent.embodied.skills import blows, dig, field, fight, fuse, gather, shelter, survive, walk
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.terms import best_tool, dig_ticks
from veclink.agent.embodied.tree import decompose
from veclink.envs.facts import BLOCKS, ITEMS


def world(**given: int) -> Any:
    """A flat, quiet world at noon, with items in the bag ("dye__15" is dye of variant 15)."""
    stacks = [{"slot": slot, "name": name.partition("__")[0], "variant": int(name.partition("__")[2] or 0),
               "quantity": number} for slot, (name, number) in enumerate(given.items())]
    return make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=6000,
                      initial_inventory=stacks)


def icy(place: Any, body: Body) -> tuple[int, int, int]:
    """The ground becomes ice; where the body stands."""
    x, y, z = body.cell
    for i, k in itertools.product(range(-20, 21), repeat=2):
        place.grid.set(x + i, y - 1, z + k, BLOCKS.id("ice"))
    body.act()
    return x, y, z


def test_armour_that_was_made_is_put_on_from_the_hand() -> None:
    place = world(stone_sword=1, crafting_table=1, leather=4)
    result = run_episode(place, Goal("leather_boots", kind="use"), steps=200, seed=4)
    assert result.success and result.steps < 60
    body = Body(place, 10**6)
    body.take_up(place.observer.first())
    assert body.info["stat"]["use_item"]["minecraft"]["leather_boots"] == 1, "it counts as a use, as MineDojo counts it"


def test_wheat_is_sown_and_grown_with_bone_meal() -> None:
    result = run_episode(world(wooden_hoe=1, wheat_seeds=6, dye__15=40), Goal("wheat", 2), steps=600, seed=4)
    assert result.success and result.inventory["wheat"] >= 2 and result.inventory["wheat_seeds"] < 12


def test_a_field_by_the_water_is_raised_without_bone_meal() -> None:
    """Every second row is sown and all of it tilled; what was sown was dug up at once, before."""
    place = world(wooden_hoe=1, wheat_seeds=6, torch=2)
    doer = Doer(Body(place, 60_000))
    body = doer.body
    body.begin(4)
    x, y, z = body.cell
    for k, down in itertools.product(range(-6, 7), (1, 2)):
        place.grid.set(x + 6, y - down, z + k, BLOCKS.id("water"))
    for _ in range(30):  # until the water lies still
        body.act()
    plants = field.sow(body, "wheat", "wheat_seeds")
    assert len(plants) >= 4 and len({px % 2 for px, _, _ in plants}) == 1 and not field.ripe(body, plants, "wheat")
    assert all(place.grid.get(px, py - 1, pz) == BLOCKS.id("farmland") for px, py, pz in plants)
    for px, py, pz in plants[:3]:
        place.grid.set(px, py, pz, BLOCKS.id("wheat"), 7)
    doer.do(Action("farm", {"what": "wheat", "item": "wheat", "count": 2, "seed": "wheat_seeds", "bone_meal": False},
                   limit=3000))
    assert body.items["wheat"] >= 2


def test_a_field_that_cannot_be_harvested_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was gone to again and again without a tick going by."""
    place = world(wheat_seeds=1)
    body = Body(place, 900)
    body.begin(4)
    x, y, z = body.cell
    place.grid.set(x + 2, y - 1, z, BLOCKS.id("farmland"))
    place.grid.set(x + 2, y, z, BLOCKS.id("wheat"), 7)
    body.act()

    def barred(*_: Any) -> None:
        raise SkillFailed("no way", "there")

    monkeypatch.setattr(field, "go_near", barred)
    with pytest.raises(SkillFailed, match="no way: to harvest wheat"):
        field.grow(body, "wheat", "wheat_seeds", lambda: 1 - body.items["wheat"], 800)


def test_a_shelter_by_day_is_waited_in() -> None:
    doer = Doer(Body(world(dirt=10), 2000))
    doer.body.begin(4)
    doer.do(Action("build", {"what": "shelter", "wait": 120}))
    assert doer.body.steps >= 120 and not doer.body.dark


@pytest.mark.parametrize(("biome", "seed"), [("extreme_hills", 2), ("forest", 1), ("desert", 2)])
def test_a_shelter_is_closed_on_slopes_and_in_sand(biome: str, seed: int) -> None:
    body = Body(make_world("open-ended", seed, generate_world_type="specified_biome", specified_biome=biome,
                           allow_mob_spawn=False, start_time=14_000), 3000)
    body.begin(seed)
    shelter.burrow(body)
    assert shelter.openings(body) == []


def test_one_steps_back_from_what_strikes() -> None:
    """Three zombies on open ground, an iron sword and no armour: they hardly get to strike."""
    lost = 0.0
    for seed in (0, 1):
        sword = [{"slot": 0, "name": "iron_sword", "variant": 0, "quantity": 1}]
        body = Body(make_world("open-ended", seed, generate_world_type="flat", allow_mob_spawn=False, start_time=18_000,
                               initial_mobs=("zombie",) * 3, initial_mob_spawn_range_low=(-6, 1, -6),
                               initial_mob_spawn_range_high=(6, 1, 6), initial_inventory=sword), 1500)
        body.begin(seed)
        while body.info["stat"].get("kill_entity", {}).get("zombie", 0) < 3:
            fight.attack(body, ("zombie",))
        lost += 20 - body.life
    assert lost <= 10, "one who stands still loses more than 20 in the two"


def test_leaves_are_cut_with_shears_though_a_stone_would_be_as_fast() -> None:
    bag = [{"slot": slot, "name": name, "variant": 0, "quantity": 1} for slot, name in enumerate(("stone", "shears"))]
    doer = Doer(Body(make_world("open-ended", 1, generate_world_type="specified_biome", specified_biome="forest",
                                allow_mob_spawn=False, start_time=6000, initial_inventory=bag), 3000))
    doer.body.begin(1)
    doer.do(Action("mine", {"block": "leaves", "item": "leaves", "count": 2}, limit=2500))
    assert doer.body.items["leaves"] + doer.body.items["leaves2"] >= 2


def test_a_blow_needs_a_view_that_meets_the_mob() -> None:
    """A view straight at its middle ended in the edge one stood on, blow after blow."""
    place = world()
    body = Body(place, 50)
    body.begin(4)
    x, y, z = (float(v) for v in body.pos)
    zombie = {"name": "zombie", "id": 1, "position": (x + 2.2, y, z), "distance": 2.2, "baby": False}
    view = blows.meets(body, zombie)
    assert view is not None and fight.at_arm(body, zombie)
    low, high = (x + 1.9, y, z - 0.3), (x + 2.5, y + 1.95, z + 0.3)
    assert to_box(body.eye, direction(*view), low, high) < 3.0
    assert blows.meets(body, {**zombie, "position": (x + 3.6, y, z)}) is None, "out of reach"
    for up in range(3):
        place.grid.set(body.cell[0] + 1, body.cell[1] + up, body.cell[2], BLOCKS.id("stone"))
    body.act()
    body.look_again()
    assert blows.meets(body, zombie) is None and not fight.at_arm(body, zombie)
    assert fight.at_arm(body, {**zombie, "name": "creeper"}), "nearer to it one does not go"


@given(yaw=st.floats(-180, 180), pitch=st.floats(-89, 89), far=st.floats(1, 20))
def test_a_look_meets_a_box_around_a_point_on_it(yaw: float, pitch: float, far: float) -> None:
    way = direction(yaw, pitch)
    x, y, z = (far * part for part in way)
    met = to_box((0, 0, 0), way, (x - 0.5, y - 0.5, z - 0.5), (x + 0.5, y + 0.5, z + 0.5))
    assert far - 0.9 <= met <= far
    behind = to_box((0, 0, 0), direction(yaw + 180, -pitch), (x - 0.5, y - 0.5, z - 0.5), (x + 0.5, y + 0.5, z + 0.5))
    assert behind == math.inf or far < 0.9


def test_another_that_strikes_is_struck_on_the_way() -> None:
    """After a cow, one let a zombie strike from behind until dead."""
    sword = [{"slot": 0, "name": "iron_sword", "variant": 0, "quantity": 1}]
    body = Body(make_world("open-ended", 1, generate_world_type="flat", allow_mob_spawn=False, start_time=18_000,
                           initial_mobs=("zombie", "cow"), initial_mob_spawn_range_low=(-5, 1, -5),
                           initial_mob_spawn_range_high=(5, 1, 5), initial_inventory=sword), 900)
    body.begin(1)
    near = []
    body.watch = lambda body: near.extend(mob["name"] for mob in [fight.beset(body)] if mob)
    fight.attack(body, ("cow",))
    assert body.info["stat"]["kill_entity"] == {"cow": 1, "zombie": 1} and set(near) == {"zombie"}


def lone_creeper(seed: int, far: int, tool: str) -> Body:
    """Alone with one on flat ground by night, a tool in the hand."""
    stacks = [{"slot": 0, "name": tool, "variant": 0, "quantity": 1}]
    body = Body(make_world("open-ended", seed, generate_world_type="flat", allow_mob_spawn=False, start_time=18_000,
                           initial_mobs=("creeper",), initial_mob_spawn_range_low=(-far, 1, -far),
                           initial_mob_spawn_range_high=(far, 1, far), initial_inventory=stacks), 1500)
    body.begin(seed)
    return body


@pytest.mark.parametrize(("seed", "tool"), [(0, "iron_sword"), (1, "iron_sword"), (3, "stone_sword")])
def test_a_creeper_is_struck_before_it_lights(seed: int, tool: str) -> None:
    body = lone_creeper(seed, 9, tool)
    fight.attack(body, ("creeper",))
    assert body.info["stat"]["kill_entity"]["creeper"] == 1 and body.life == 20


def test_a_creeper_that_lights_is_got_clear_of_and_fought_again() -> None:
    """One stood and watched it burn down."""
    body = lone_creeper(2, 2, "iron_sword")
    burnt = []
    seen = fuse.Fuse.turn

    def turn(self: fuse.Fuse, *args: Any) -> bool:
        burnt.append(self.burnt)
        return seen(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuse.Fuse, "turn", turn)
        fight.attack(body, ("creeper",))
    assert body.info["stat"]["kill_entity"]["creeper"] == 1 and body.life == 20
    lit = [number for number, before in zip(burnt[1:], burnt, strict=False) if number and not before]
    assert lit and max(burnt) < fuse.SWELL


def test_only_a_blow_that_met_counts() -> None:
    body = lone_creeper(0, 3, "iron_sword")
    mob = blows.find(body, ("creeper",))
    assert mob is not None
    assert not fuse.met(body, mob)
    x, y, z = mob["position"]
    assert fuse.met(body, {**mob, "position": (x, y - 0.4, z)}), "it was thrown up"
    assert fuse.met(body, {**mob, "distance": mob["distance"] - 0.3}), "it was thrown back"
    assert fuse.met(body, {**mob, "id": -1}), "it is gone"


def test_a_lone_spider_is_fought_to_the_last() -> None:
    """Of those who ran from it with six lives three in eight died."""
    sword = [{"slot": 0, "name": "stone_sword", "variant": 0, "quantity": 1}]
    body = Body(make_world("open-ended", 1, generate_world_type="flat", allow_mob_spawn=False, start_time=18_000,
                           start_health=6, initial_mobs=("spider",), initial_mob_spawn_range_low=(-4, 1, -4),
                           initial_mob_spawn_range_high=(4, 1, 4), initial_inventory=sword), 700)
    body.begin(1)
    fight.attack(body, ("spider",))
    assert body.info["stat"]["kill_entity"]["spider"] == 1 and body.life < fight.WEAK


def test_no_fight_leads_over_an_edge() -> None:
    """A cow behind a strip of lava is gone round to, not run at."""
    place = make_world("open-ended", 0, generate_world_type="flat", allow_mob_spawn=False, start_time=6000,
                       initial_mobs=("cow",), initial_mob_spawn_range_low=(5, 1, 0),
                       initial_mob_spawn_range_high=(5, 1, 0))
    body = Body(place, 900)
    body.begin(0)
    x, y, z = body.cell
    for i, k in itertools.product((1, 2, 3), range(-3, 4)):
        place.grid.set(x + i, y - 1, z + k, BLOCKS.id("lava"))
    body.act()
    fight.attack(body, ("cow",))
    assert body.info["stat"]["kill_entity"]["cow"] == 1 and body.life == 20


def test_roaming_gets_on_and_digs_where_all_ways_are_worn() -> None:
    body = Body(make_world("open-ended", 1, generate_world_type="specified_biome", specified_biome="roofed_forest",
                           allow_mob_spawn=False), 900)
    body.begin(1)
    start, roamer = body.pos.copy(), Roamer()
    while body.steps < 700:
        roamer.leg(body, 100)
    assert abs(body.pos - start)[[0, 2]].max() > 60
    digs: list[bool] = []
    roamer._gone = lambda body, heading, path, before, most, dig: digs.append(dig) or True  # type: ignore[method-assign]
    roamer.leg(body)
    x, _, z = body.cell
    roamer.been = {(x // 16 + i, z // 16 + k): 30 for i in range(-4, 5) for k in range(-4, 5)}
    roamer.leg(body)
    assert digs == [False, True]


def test_a_search_that_leads_nowhere_is_given_up() -> None:
    doer = Doer(Body(world(), 5000))
    doer.body.begin(4)
    doer.roamer.leg = lambda body, *_, **__: body.act()  # type: ignore[method-assign]  # it never gets anywhere
    try:
        doer.do(Action("explore", {"find": "cow", "how": "walk"}, limit=4000))
    except SkillFailed as failure:
        assert failure.reason == "no way" and doer.body.steps < 1000
    else:
        raise AssertionError("there is no cow")


def test_other_wood_serves_as_well_unless_one_kind_is_asked() -> None:
    before, after = State(), State(inventory={"log2": 3})
    args = {"block": "log", "item": "log", "count": 3}
    assert met(Action("mine", args, {"gain": {"log": 3}}), before, after)
    assert not met(Action("mine", {**args, "exact": True}, {"gain": {"log": 3}}), before, after)


def test_what_comes_out_at_night_costs_the_time_until_then() -> None:
    by_day, by_night = (decompose(Goal("string"), late=late).roots[0].ticks for late in (11_000, 0))
    assert by_day >= by_night + 11_000


def test_the_last_strokes_of_a_good_tool_are_kept_for_what_needs_it() -> None:
    place = world(iron_pickaxe=1, stone_pickaxe=1)
    body = Body(place, 100)
    body.begin(4)
    stone, gold = BLOCKS.id("stone"), BLOCKS.id("gold_ore")

    def tools() -> list[str | None]:
        return [best_tool(block, dig.spared(body, block)) for block in (stone, gold)]

    assert tools() == ["iron_pickaxe", "iron_pickaxe"]
    place.player.inventory.wear(0, 245)
    body.act()
    body.act(forward=1)
    assert body.observation["inventory"]["cur_durability"][0] == 5
    assert tools() == ["stone_pickaxe", "iron_pickaxe"]
    dig.equip(body, "stone_pickaxe")
    body.act(function="drop")
    assert not body.items["stone_pickaxe"] and tools() == ["iron_pickaxe", "iron_pickaxe"], "where there is no other"


def test_a_block_is_dug_although_water_comes_in() -> None:
    """With the head under water everything takes five times as long as on the ground, where the digging began."""
    place, flood = world(), BLOCKS.id("water")
    body = Body(place, 2000)
    body.begin(4)
    x, y, z = body.cell
    table = (x + 1, y, z)
    place.grid.set(*table, BLOCKS.id("crafting_table"))
    body.act()
    began = body.steps

    def comes_in(body: Body) -> None:
        if body.steps == began + 5:
            for i, j, k in itertools.product(range(-2, 3), range(3), range(-2, 3)):
                if (x + i, y + j, z + k) != table:
                    place.grid.set(x + i, y + j, z + k, flood)

    body.watch = comes_in
    dig.dig(body, table)
    assert body.block(*table) != BLOCKS.id("crafting_table")
    assert body.steps - began > 2 * dig_ticks(BLOCKS.id("crafting_table"), None)


@pytest.mark.parametrize("offset", [(2, 2, 3), (-3, 1, 2), (3, 0, 2)])
def test_ore_that_rock_hides_is_won(offset: tuple[int, int, int]) -> None:
    """From where hands reach it no view of 15 degrees led through the rock to it."""
    place = world(iron_pickaxe=1)
    body = Body(place, 1000)
    body.begin(4)
    (x, y, z), stone = body.cell, BLOCKS.id("stone")
    for i, j, k in itertools.product(range(-5, 6), range(-2, 7), range(-5, 6)):
        if (i, k) != (0, 0) or j not in (0, 1):
            place.grid.set(x + i, y + j, z + k, stone)
    place.grid.set(x + offset[0], y + offset[1], z + offset[2], BLOCKS.id("diamond_ore"))
    body.act()
    gather.gather(body, ("diamond_ore",), lambda b: bool(b.items["diamond"]), Roamer(), (0, 10), 300)
    assert body.items["diamond"] == 1, "dug from beside it, and fetched"


def test_one_climbs_out_of_a_hole_into_which_a_hen_fell() -> None:
    """A block cannot be put where a mob is, and in a hole of one block it never goes away."""
    place = world(dirt=5)
    body = Body(place, 600)
    body.begin(4)
    x, y, z = body.cell
    for i, k, up in itertools.product((-1, 0, 1), (-1, 0, 1), (0, 1, 2)):
        place.grid.set(x + i, y + up, z + k, BLOCKS.id("air" if i == k == 0 else "bedrock"))
    place.mobs.add("chicken", x + 0.5, float(y), z + 0.5)
    body.act(forward=1)
    for _ in range(3):
        assert dig.place_under(body)
    assert body.cell == (x, y + 3, z)


def test_a_search_stops_for_sheep_once_and_for_meat_where_one_is_hungry() -> None:
    place = make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=6000,
                       initial_mobs=("sheep", "pig"), initial_mob_spawn_range_low=(-4, 1, -4),
                       initial_mob_spawn_range_high=(4, 1, 4))
    body, guard = Body(place, 300), Guard()
    body.begin(4)

    def stops(hunts: bool) -> list[str]:
        guard.begin(body, "explore", shy=True, hunts=hunts)
        found = []
        for _ in range(12):
            body.act()
            try:
                guard(body)
            except Alarm as alarm:
                found.append(str(alarm))
        return found

    assert stops(hunts=False) == ["game: sheep"], "wool for a bed; one is not hungry"
    assert stops(hunts=True) == ["game: pig"], "one animal is as good as another"
    guard.quiet.clear()
    guard.begin(body, "mine", shy=True)
    body.act()
    guard(body)


@pytest.mark.parametrize(("land", "breaks"), [("plains", True), ("ocean", False)])
def test_nightfall_does_not_break_off_what_is_done_at_sea(land: str, breaks: bool) -> None:
    place = make_world("open-ended", 4, generate_world_type="specified_biome", specified_biome=land,
                       allow_mob_spawn=False, start_time=12_400)
    body, guard = Body(place, 1200), Guard()
    body.begin(4)
    guard.begin(body, "explore", shy=True)
    with pytest.raises(Alarm, match="night") if breaks else contextlib.nullcontext():
        for _ in range(400):
            body.act(jump=True)
            guard(body)
    assert body.info["time"] >= 12_541


def test_a_hoe_is_used_on_earth() -> None:
    """Where one stands on rock one goes to some."""
    place = world(wooden_hoe=1)
    doer = Doer(Body(place, 300))
    doer.body.begin(4)
    x, y, z = doer.body.cell
    for i, k in itertools.product(range(-7, 8), repeat=2):
        place.grid.set(x + i, y - 1, z + k, BLOCKS.id("bedrock"))
    doer.body.act()
    doer.do(Action("use", {"item": "wooden_hoe"}, limit=250))
    assert doer.body.info["stat"]["use_item"]["minecraft"]["wooden_hoe"] == 1


def test_a_rainy_evening_is_no_night() -> None:
    """It is dark, but one cannot sleep yet."""
    place = make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=12_380,
                       initial_weather="rain")
    body, guard = Body(place, 400), Guard()
    body.begin(4)
    guard.begin(body, "explore", shy=True)
    with pytest.raises(Alarm, match="night"):
        for _ in range(300):
            body.act()
            assert body.dark or body.info["time"] < 12_400
            guard(body)
    assert body.info["time"] >= 12_541


def test_one_jumps_from_the_middle_of_a_shaft() -> None:
    """At its edge the head meets what hangs over from beside: 10,000 steps were spent below one such block."""
    place = world(dirt=2)
    body = Body(place, 300)
    body.begin(4)
    x, y, z = body.cell
    for _ in range(2):
        body.act(forward=1, sneak=True, view=(90.0, 0.0))  # to the west
    while float(body.pos[0]) > x + 0.28:
        body.act(forward=1, sneak=True)
    place.grid.set(x - 1, y + 2, z, BLOCKS.id("stone"))
    assert dig.place_under(body) and body.cell == (x, y + 1, z)


def test_a_block_round_the_corner_is_seen_from_another_side() -> None:
    """From the diagonal, under leaves, all views of a melon run along its edges."""
    place = world()
    body = Body(place, 900)
    body.begin(4)
    x, y, z = body.cell
    for i, up, k, block in ((1, 0, 1, "melon_block"), (0, 1, 1, "leaves"), (1, 1, 1, "leaves"), (1, 0, 0, "tallgrass")):
        place.grid.set(x + i, y + up, z + k, BLOCKS.id(block))
    body.act()
    gather.gather(body, ("melon_block",), lambda body: body.items["melon"] > 0, Roamer(), None, 600, seeks=False)


def test_one_climbs_out_of_a_flooded_shaft() -> None:
    """Out of water one does not jump high enough to put a block under the feet; steps into the wall lead out."""
    place = world(cobblestone=20, stone_pickaxe=1)
    body = Body(place, 900)
    body.begin(4)
    x, y, z = body.cell
    for i, k, up in itertools.product((-1, 0, 1), (-1, 0, 1), range(8)):
        inside = "air" if up else "water"
        place.grid.set(x + i, y + up, z + k, BLOCKS.id(inside if i == k == 0 else "stone"))
    body.act()
    walk.go_level(body, y + 8, 600)
    assert body.cell[1] == y + 8


def test_one_gets_out_of_a_current_that_presses_against_an_edge() -> None:
    """Water runs past the way out and down a hole; who heads for the way out straight hung at its edge for days."""
    place = world(cobblestone=20)
    body = Body(place, 900)
    body.begin(4)
    x, y, z = body.cell
    for i, k, up in itertools.product(range(-1, 4), range(-3, 4), range(-3, 6)):
        place.grid.set(x + i, y + up, z + k, BLOCKS.id("stone"))
    for i, up, k in ((0, 0, 0), (0, 1, 0), (0, -1, 0), (0, 1, 1), (0, 0, 1), (0, -1, 1), (0, -2, 1), (1, 0, 0),
                     (1, 1, 0), (1, 0, -1), (1, 1, -1), (1, 2, -1)):
        place.grid.set(x + i, y + up, z + k, BLOCKS.id("air"))
    place.grid.set(x + 1, y + 1, z - 2, BLOCKS.id("water"))
    for _ in range(80):  # until the water runs
        body.act()
    for _ in range(30):
        body.act(forward=1, jump=bool(body.pos[1] < y), view=(-90.0, 0.0))
    walk.go_to(body, (x + 1, y, z - 1), most_ticks=600, dig=False)
    assert body.cell == (x + 1, y, z - 1)


def test_the_rod_is_cast_at_the_water_wherever_one_looks() -> None:
    """It was cast wherever one happened to look: one fish in 26,000 ticks."""
    place = world(fishing_rod=1)
    body = Body(place, 6000)
    body.begin(4)
    x, y, z = body.cell
    for i, k in itertools.product(range(3, 6), range(-1, 2)):
        place.grid.set(x + i, y - 1, z + k, BLOCKS.id("water"))
    for turn in range(2):
        for _ in range(30):  # until the water lies still
            body.act(view=(90.0 * turn, 0.0))
        survive.fish_once(body)
    assert sum(body.items.values()) == 3 and body.steps < 1400


def test_a_foe_at_hand_is_struck_on_the_way_to_another() -> None:
    """On ice one slid about after an archer for 100 ticks, and a spider bit all the time."""
    place = make_world("open-ended", 1, generate_world_type="flat", allow_mob_spawn=False, start_time=18000,
                       initial_mobs=("skeleton", "spider"), initial_mob_spawn_range_low=(-8, 1, -8),
                       initial_mob_spawn_range_high=(8, 2, 8), initial_inventory=[
                           {"slot": 0, "name": "iron_sword", "variant": 0, "quantity": 1}])
    body = Body(place, 1500)
    body.begin(1)
    icy(place, body)
    fight.attack(body, ("skeleton",), 600)
    assert body.info["stat"]["kill_entity"] == {"skeleton": 1, "spider": 1} and body.life > 6


def test_ice_is_crossed_without_turning_back() -> None:
    place = world()
    body = Body(place, 900)
    body.begin(4)
    x, y, z = icy(place, body)
    begun = body.steps
    walk.go_to(body, (x + 12, y, z + 12))
    assert body.cell == (x + 12, y, z + 12) and body.steps - begun < 170


def test_one_who_is_weak_lets_the_sun_burn_what_waits_outside() -> None:
    for life, woken in ((6.0, 0), (20.0, 23_460)):
        place = make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=23_000,
                           start_health=life, start_food=10, initial_inventory=[
                               {"slot": 0, "name": "dirt", "variant": 0, "quantity": 12}])
        doer = Doer(Body(place, 2000))
        doer.body.begin(4)
        doer.do(Action("build", {"what": "shelter", "wait": 1000}))
        assert abs((int(doer.body.info["time"]) - woken + 12_000) % 24_000 - 12_000) < 100


def test_eggs_are_waited_for_beside_the_hen() -> None:
    place = make_world("open-ended", 4, generate_world_type="flat", allow_mob_spawn=False, start_time=6000,
                       initial_mobs=("chicken",) * 3, initial_mob_spawn_range_low=(-6, 1, -6),
                       initial_mob_spawn_range_high=(6, 1, 6))
    doer = Doer(Body(place, 3000))
    doer.body.begin(4)
    place.mobs.records["egg"] = 900  # as if they had been about for a while
    doer.do(Action("farm", {"what": "chicken", "item": "egg", "count": 2}, limit=2500))
    assert doer.body.items["egg"] >= 2 and doer.body.steps < 1600 and not doer.body.info["stat"].get("kill_entity")


def test_obsidian_is_made_of_lava_with_a_bucket_of_water() -> None:
    way = decompose(Goal("obsidian")).roots[0].way
    assert way is not None and way.target == "lava", "it is hardly ever found"
    place = world(water_bucket=1, diamond_pickaxe=1)
    doer = Doer(Body(place, 3000))
    doer.body.begin(4)
    x, y, z = doer.body.cell
    for i, k in itertools.product((4, 5), (-1, 0, 1)):
        place.grid.set(x + i, y - 1, z + k, BLOCKS.id("lava"))
    for _ in range(70):  # until it lies still
        doer.body.act()
    args = {"what": "lava", "item": "obsidian", "count": 2, "with": "water_bucket"}
    doer.do(Action("fill", args, limit=2500))
    assert doer.body.items["obsidian"] >= 2 and doer.body.items["water_bucket"] == 1 and doer.body.deaths == 0


def test_what_lies_out_of_reach_is_tried_once() -> None:
    place, away = world(iron_pickaxe=1), set()
    body = Body(place, 2000)
    body.begin(4)
    x, y, z = body.cell
    for i, k, up in itertools.product((-1, 0, 1), (-1, 0, 1), range(4)):
        place.grid.set(x + 4 + i, y + up, z + k, BLOCKS.id("air" if i == k == 0 and up else "bedrock"))
    place.drops.add(x + 4.5, y + 2.0, z + 0.5, ITEMS.id("stick"), 0, 1)
    took = []
    for _ in range(3):
        began = body.steps
        gather.collect(body, out_of_reach=away)
        took.append(body.steps - began)
    assert took[0] > 4 and away and max(took[1:]) <= 2, "a well of bedrock"


def test_things_are_left_lying_while_something_comes_to_strike() -> None:
    place = world()
    body = Body(place, 400)
    body.begin(4)
    x, y, z = body.cell
    place.drops.add(x + 4.5, float(y), z + 0.5, ITEMS.id("stick"), 0, 1)
    gather.collect(body, stop=lambda: True)
    assert body.steps == 1
    gather.collect(body, stop=lambda: body.steps > 6)  # it comes while one is on the way
    assert 6 < body.steps < 9 and not body.items["stick"]
    gather.collect(body)
    assert body.items["stick"] == 1


def test_what_falls_beside_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the body's own cell, but farther than it picks things up: nowhere to go, and the world goes on by waiting."""
    body = Body(world(), 200)
    body.begin(4)
    x, y, z = body.pos
    drop = {"name": "beef", "variant": 0, "quantity": 1, "distance": 1.24, "position": (x + 0.4, y + 0.89, z + 0.4)}
    monkeypatch.setattr(body, "drops", lambda: [drop])
    gather.collect(body, most_ticks=10)
    assert body.steps == 2


def test_bedrock_is_not_struck() -> None:
    place = world(diamond_pickaxe=1)
    body = Body(place, 400)
    body.begin(4)
    x, y, z = body.cell
    place.grid.set(x + 1, y, z, BLOCKS.id("bedrock"))
    body.act()
    began = body.steps
    assert not dig.clear(body, [(x + 1, y, z)]) and body.steps == began


def test_a_tool_is_used_on_the_walls_of_a_narrow_hole() -> None:
    place = world(stone_axe=1)
    doer = Doer(Body(place, 900))
    doer.body.begin(4)
    x, y, z = doer.body.cell
    for i, k, up in itertools.product((-1, 0, 1), (-1, 0, 1), range(2)):
        if (i, k) != (0, 0):
            place.grid.set(x + i, y + up, z + k, BLOCKS.id("cobblestone"))
    place.player.move_to(x + 0.5, float(y), z + 0.5)
    doer.body.act()
    doer.do(Action("use", {"item": "stone_axe"}, limit=800))
    assert doer.body.info["stat"]["use_item"]["minecraft"]["stone_axe"] == 1


def test_from_what_waits_at_a_shafts_foot_one_moves_on() -> None:
    """However high one fled; a place that cannot be reached is left only from near by."""
    for reason, moves in (("danger", True), ("unreachable", False)):
        failures = [{"reason": reason, "at": [4, y, 4], "way": "w"} for y in (30, 31, 32)]
        assert (loop.moving_on(failures, (6, 60, 4)) != failures) == moves
        assert loop.moving_on(failures[:2], (4, 31, 4)) == failures[:2]
    kept_off = Failure("dig_down", "danger", "w", "creeper")
    assert loop.waits(Action("dig_down", {"y": 12}), kept_off)
    assert not loop.waits(Action("explore", {"find": "creeper", "how": "dark"}), kept_off), "that is what one is after"
    assert not loop.waits(Action("dig_down", {"y": 12}), Failure("dig_down", "danger", "w", "zombie"))


@pytest.mark.parametrize(("below", "goes"), [("lava", False), ("stone", True)])
def test_no_step_leads_where_the_floor_turned_out_to_be_missing(below: str, goes: bool) -> None:
    place = world()
    body = Body(place, 200)
    body.begin(4)
    x, y, z = body.cell
    for i, k in itertools.product((1, 2), (-1, 0, 1)):
        place.grid.set(x + i, y - 1, z + k, 0)
        place.grid.set(x + i, y - 2, z + k, BLOCKS.id(below))
    body.act()
    walk.take(body, body.cell, Step(x + 1, y, z, Move.WALK))
    assert (body.cell[0] == x + 1) == goes and body.life == 20
