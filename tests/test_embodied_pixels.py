"""The `pixels` protocol: geometry of what is seen, what may be read, counting, and episodes with perfect eyes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_eyes import OracleEyes

from veclink.agent.embodied.actions import Action, State
from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.episode import PROTOCOLS, EpisodeResult, make_world, run_episode
from veclink.agent.embodied.eyes import EYE, FARTHEST, CoreEyes, Lens, Sight, Sights, sight_of_box, sights_of_mask
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.guard import Alarm
from veclink.agent.embodied.memory import Memory
from veclink.agent.embodied.pixels import dig, make, ore, walk
from veclink.agent.embodied.pixels.body import GROUND, PixelBody, Veil
from veclink.agent.embodied.pixels.doer import PixelDoer
from veclink.agent.embodied.pixels.guard import PixelGuard
from veclink.agent.embodied.pixels.plan import PixelPlanner, joined
from veclink.agent.embodied.planner import Planner
from veclink.agent.embodied.sense import Past
from veclink.envs.contract import noop
from veclink.envs.errors import InputError
from veclink.envs.facts import ITEMS
from veclink.tools.results import Boxes, Masks

SEED, SIZE = 1, (160, 256)
LENS = Lens(*SIZE)


class Blind:
    """Eyes that see what they are told to."""

    name = "told"

    def __init__(self, *sights: Sight) -> None:
        self.sights = list(sights)

    def knows(self, name: str) -> bool:
        """Everything."""
        return True

    def look(self, rgb: np.ndarray, pitch: float, names: Sequence[str]) -> Sights:
        """What was told."""
        return Sights(Lens(*rgb.shape[:2]), pitch, tuple(one for one in self.sights if one.name in names))


@pytest.fixture(scope="module")
def dug() -> tuple[Any, PixelBody]:
    """A body with a pickaxe that has dug itself down and along."""
    world = make_world(seed=SEED, protocol="pixels")
    body = PixelBody(world, 2000, None, OracleEyes(world))
    body.begin(SEED)
    world.player.inventory.add(ITEMS.id("iron_pickaxe"), 0, 1)
    body.act()
    dig.shaft(body, GROUND - 9, 600)
    return world, body


# -- geometry ----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 255), st.integers(0, 159), st.integers(-5, 5))
def test_a_pixel_and_its_direction_belong_together(column: int, row: int, tilt: int) -> None:
    bearing, elevation = LENS.direction(column + 0.5, row + 0.5, 15.0 * tilt)
    assert LENS.pixel(bearing, elevation, 15.0 * tilt) == (column, row)


def test_directions_are_those_of_the_picture() -> None:
    assert LENS.direction(128, 80, 0.0) == pytest.approx((0.0, 0.0))
    assert LENS.direction(128, 80, 30.0) == pytest.approx((0.0, -30.0))
    assert LENS.direction(128, 160, 0.0) == pytest.approx((0.0, -35.0))  # half of the field of view
    assert LENS.direction(200, 80, 0.0)[0] > 0 and LENS.pixel(120.0, 0.0, 0.0) is None


def test_the_floor_tells_how_far_water_is() -> None:
    mask = np.zeros(SIZE, bool)
    mask[90:120, 100:150] = True
    (water,) = sights_of_mask(LENS, "water", mask, 0.0)
    assert water.distance == pytest.approx(EYE / (40 / LENS.focal), rel=0.02)
    (sky_high,) = sights_of_mask(LENS, "water", np.roll(mask, -60, 0), 0.0)
    assert sky_high.distance == FARTHEST  # above the horizon the floor says nothing


@pytest.mark.parametrize("distance", [2.0, 5.0, 9.0])
def test_a_trunk_is_one_block_wide(distance: float) -> None:
    wide = LENS.focal / distance
    mask = np.zeros(SIZE, bool)
    mask[30:, 100 : 100 + round(wide)] = True  # its foot is out of the picture
    (trunk,) = sights_of_mask(LENS, "log", mask, 0.0)
    assert trunk.distance == pytest.approx(distance, rel=0.12)
    assert trunk.bearing == pytest.approx(math.degrees(math.atan2(100 + wide / 2 - 128, LENS.focal)), abs=1.0)


def test_a_mob_is_as_far_as_its_height_says() -> None:
    tall = 1.95 * LENS.focal / 6
    zombie = sight_of_box(LENS, "zombie", (120, 70, 136, 70 + tall), 0.0)
    assert zombie.distance == pytest.approx(6.0, rel=0.05)


def test_parts_of_a_mask_are_things_of_their_own() -> None:
    mask = np.zeros(SIZE, bool)
    mask[20:90, 20:40] = mask[20:60, 200:215] = True
    mask[0, 0] = True  # a speck is nothing
    assert [one.box[0] for one in sights_of_mask(LENS, "log", mask, 0.0)] == [20, 200]


def test_views_are_those_whose_crosshair_meets_the_thing() -> None:
    mask = np.zeros(SIZE, bool)
    mask[70:90, 120:136] = True
    (one,) = sights_of_mask(LENS, "iron_ore", mask, 15.0)
    views = Sights(LENS, 15.0, (one,)).views(one)
    assert views[0] == (0, 15)
    for turn, pitch in views:
        pixel = LENS.pixel(turn, -pitch, 15.0)
        assert pixel is not None and mask[pixel[1], pixel[0]]


def test_perfect_eyes_and_geometry_agree_on_a_trunk() -> None:
    """The distances that the core's eyes reckon are near the true ones."""
    world = make_world(seed=SEED, protocol="pixels")
    body = PixelBody(world, 100, None, OracleEyes(world))
    body.begin(SEED)
    pairs = []
    for turn in (0.0, 90.0, 180.0, -90.0):
        body.turn(turn, 0.0)
        true = body.look("log")
        guess = OracleEyes(world, exact=False).look(body.picture, body.pitch, ["log"])
        by_box = {one.box: one.distance for one in guess}
        pairs += [(one.distance, by_box[one.box]) for one in true if one.pixels > 60 and one.distance < 16]
    assert pairs and np.median([abs(math.log(b / a)) for a, b in pairs]) < math.log(1.7)


# -- what may be read --------------------------------------------------------------------------------------------------


def test_nothing_else_comes_through() -> None:
    world = make_world(seed=SEED, protocol="pixels")
    veil = Veil(world)
    begun, stepped = veil.reset(seed=SEED), veil.step(noop())
    assert stepped[1] == 0.0  # no reward either
    observation = stepped[0]
    for observation, info in (begun, (stepped[0], stepped[4])):
        assert set(observation) == {"rgb", "inventory", "equipment", "life_stats"}
        assert set(observation["life_stats"]) == {"life", "food", "oxygen"} and info == {}
    picture = veil.picture(observation)
    assert picture.shape == (*SIZE, 3) and (picture == world.render()).all()


def test_what_cannot_be_known_is_left_unknown(dug: tuple[Any, PixelBody]) -> None:
    state = PixelDoer(dug[1]).state(Past())
    assert state.position is None and not state.known and state.biome == "" and state.underground is True
    assert dug[1].mobs() == [] and dug[1].drops() == [] and dug[1].block(0, 0, 0) == 255


def test_turns_are_counted(dug: tuple[Any, PixelBody]) -> None:
    world, body = dug
    start = body.yaw, body.pitch
    for yaw, pitch in ((45.0, -30.0), (-170.0, 90.0), (165.0, -90.0), start):
        body.turn(yaw, pitch)
        assert body.yaw == pytest.approx(world.player.yaw) and body.pitch == pytest.approx(world.player.pitch)


def test_depth_is_counted_by_what_was_dug(dug: tuple[Any, PixelBody]) -> None:
    world, body = dug
    assert body.depth == 9 and abs((77 - float(world.player.pos[1])) - 9) <= 1
    assert body.underground and body.items["cobblestone"] + body.items["dirt"] + body.items["stone"] >= 8


def test_a_tunnel_gets_on_and_what_is_put_down_is_taken_up(dug: tuple[Any, PixelBody]) -> None:
    world, body = dug
    before = world.player.pos.copy()
    assert dig.tunnel(body, 3, 300) == 3
    assert np.abs(world.player.pos - before).max() == pytest.approx(3, abs=1.2)
    world.player.inventory.add(ITEMS.id("crafting_table"), 0, 1)
    body.act()
    make.put_down(body, "crafting_table")
    assert body.items["crafting_table"] == 0 and body.at_station("crafting_table")
    assert "crafting_table" in PixelDoer(body).state(Past()).near
    make.take_up(body, "crafting_table")
    assert body.items["crafting_table"] == 1 and not body.at_station("crafting_table")


def test_the_counted_numbers_survive(dug: tuple[Any, PixelBody]) -> None:
    body = dug[1]
    body.stations["furnace"] = (1.0, 2.0, 3.0, 90.0, 45.0)
    body.sighted["log"] = 7
    kept = body.known.state()  # type: ignore[attr-defined]
    other = PixelBody(make_world(seed=SEED, protocol="pixels"), 10, None, Blind())
    other.known.restore(kept)
    assert (other.counted, other.sighted, other.stations) == (body.counted, body.sighted, body.stations)
    del body.stations["furnace"]


# -- skills that fail --------------------------------------------------------------------------------------------------


def told(name: str, distance: float, box: tuple[int, int, int, int] = (120, 70, 136, 90)) -> Sight:
    """A thing straight ahead."""
    return Sight(name, box, 0.0, 0.0, distance, pixels=400)


def fresh(*sights: Sight, limit: int = 400) -> PixelBody:
    """A body whose eyes see what is told."""
    body = PixelBody(make_world(seed=SEED, protocol="pixels"), limit, None, Blind(*sights))
    body.begin(SEED)
    return body


def test_every_skill_says_why_it_failed() -> None:
    body = fresh()
    for reason, skill in (
        ("not found", lambda: walk.search(body, ["log"], 40)),
        ("lost", lambda: walk.go(body, "log", 2.0, 40)),
        ("no tool", lambda: dig.shaft(body, 50, 40)),
        ("no tool", lambda: dig.tunnel(body, 2, 40)),
        ("no material", lambda: make.put_down(body, "furnace")),
        ("no material", lambda: make.craft(body, "planks", 0, 4, 20)),
        ("not found", lambda: make.take_up(body, "crafting_table")),
    ):
        with pytest.raises(SkillFailed) as failed:
            skill()
        assert failed.value.reason == reason
    assert body.steps < 200


def test_lava_is_not_walked_into() -> None:
    body = fresh(told("lava", 3.0), told("log", 9.0))
    with pytest.raises(SkillFailed, match="lava"):
        walk.go(body, "log", 2.0, 60)
    assert walk.barred(body.look("lava")) and dig.danger(body, 0.0)


def test_ore_that_the_pickaxe_cannot_take_is_passed() -> None:
    body = fresh()
    assert not ore.worth_taking(body, "coal_ore") and not ore.worth_taking(body, "diamond_ore")
    body.world._world.player.inventory.add(ITEMS.id("stone_pickaxe"), 0, 1)
    body.act()
    assert ore.worth_taking(body, "iron_ore") and not ore.worth_taking(body, "diamond_ore")


def test_a_loss_of_life_is_looked_into() -> None:
    body = fresh(told("zombie", 3.0))
    guard = PixelGuard()
    guard.begin(body, "mine", False)
    guard(body)  # nothing happened
    body.hurt, body.steps = True, 50
    with pytest.raises(Alarm, match="zombie"):
        guard(body)
    assert PixelDoer(body).state(Past()).threats == ("zombie",)
    guard.begin(body, "attack", False)
    guard(body)  # it deals with it itself
    body.observation["life_stats"]["oxygen"] = np.array([40.0])
    with pytest.raises(Alarm, match="air"):
        guard(body)


# -- plans -------------------------------------------------------------------------------------------------------------


def test_searching_and_taking_are_one_action() -> None:
    plan = PixelPlanner(Planner(Goal("iron_pickaxe"))).next(State())
    names = [action.name for action in plan]
    assert "explore" not in names and "approach" not in names and names[0] == "mine" and "smelt" in names
    walk_there = Action("explore", {"find": "log", "how": "walk"}, {}, "way", 24_000)
    mined = joined([walk_there, Action("mine", {"block": "log", "item": "log", "count": 1}, {}, "way", 24_000)])
    assert [action.name for action in mined] == ["mine"] and mined[0].limit == 24_000
    assert joined([walk_there]) == [walk_there]


# -- the core's eyes ---------------------------------------------------------------------------------------------------


class FakeAgent:
    """Answers every request with one box or one mask."""

    tools = {"one": SimpleNamespace(result="boxes"), "other": SimpleNamespace(result="masks")}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run_batch(self, tasks: Sequence[tuple[str, list[np.ndarray]]]) -> list[Any]:
        """A run a task."""
        runs = []
        for text, (rgb,) in tasks:
            self.asked.append(text)
            high, wide = rgb.shape[:2]
            mask = np.zeros((2, high, wide), bool)
            mask[0, 40:100, 100:120] = mask[1, 0:40, 0:40] = True
            boxes = Boxes(np.array([[10.0, 20, 40, 80]]), np.array([0.9]), "a", text, (wide, high))
            masks = Masks(mask, np.array([0.8, 0.1]), "a", text, (wide, high))
            runs.append(SimpleNamespace(results=[SimpleNamespace(result=boxes), SimpleNamespace(result=masks)]))
        return runs


def test_the_core_is_asked_in_plain_words() -> None:
    agent: Any = FakeAgent()
    eyes = CoreEyes(agent)
    assert eyes.name == "core" and eyes.knows("log2") and eyes.knows("iron_ore") and not eyes.knows("emerald_ore")
    sights = eyes.look(np.zeros((*SIZE, 3), np.uint8), 0.0, ["log", "zombie", "emerald_ore"])
    assert agent.asked == ["outline the tree trunks", "find the zombies"] and eyes.asked == 2
    assert [(one.name, one.mask is None) for one in sights.of("log")] == [("log", False)]  # the unsure one is left out
    assert [(one.name, one.box) for one in sights.of("zombie")] == [("zombie", (10, 20, 40, 80))]
    assert not eyes.look(np.zeros((*SIZE, 3), np.uint8), 0.0, ["emerald_ore"]) and len(agent.asked) == 2


# -- an episode --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planks(tmp_path_factory: pytest.TempPathFactory) -> tuple[EpisodeResult, Memory]:
    """A short episode with perfect eyes."""
    world = make_world(seed=SEED, protocol="pixels")
    folder = tmp_path_factory.mktemp("pixels")
    memory = Memory(folder / "memory.sqlite")
    result = run_episode(world, "four planks", seed=SEED, steps=900, protocol="pixels", eyes=OracleEyes(world),
                         memory=memory, run_dir=folder / "run")
    return result, memory


def test_a_goal_is_reached_by_sight(planks: tuple[EpisodeResult, Memory]) -> None:
    result = planks[0]
    assert result.success and result.reason == "done" and result.inventory["planks"] >= 4
    assert result.protocol["name"] == "pixels" and result.protocol["eyes"] == "oracle"
    assert result.protocol["reads"] == PROTOCOLS["pixels"] and "voxel" not in result.protocol["reads"]


def test_the_memory_keeps_protocols_and_eyes_apart(planks: tuple[EpisodeResult, Memory]) -> None:
    memory = planks[1]
    assert memory.costs(world="voxel", protocol="pixels by oracle")
    assert not memory.costs(world="voxel", protocol="voxels") and not memory.costs(
        world="voxel", protocol="pixels by core")


def test_another_protocol_does_not_go_on_with_a_folder(planks: tuple[EpisodeResult, Memory]) -> None:
    with pytest.raises(InputError, match="same ones"):
        run_episode(make_world(seed=SEED), "four planks", seed=SEED, steps=900, run_dir=Path(planks[0].folder),
                    resume=True)
