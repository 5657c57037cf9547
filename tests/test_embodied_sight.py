"""The `pixels` protocol in the dark, in water, at the edges of holes, in a fight, and with ore in the bag."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from oracle_eyes import OracleEyes

from veclink.agent.embodied import loop
from veclink.agent.embodied.actions import Action, State
from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.episode import make_world
from veclink.agent.embodied.eyes import (
    EYE,
    CoreEyes,
    Lens,
    Sights,
    hand,
    sights_of_mask,
    without_hand,
)
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.guard import Alarm
from veclink.agent.embodied.pixels import dig, live, ore, walk
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.pixels.doer import PixelDoer
from veclink.agent.embodied.pixels.guard import PixelGuard
from veclink.agent.embodied.pixels.plan import PixelPlanner, made_at_once
from veclink.agent.embodied.planner import Planner
from veclink.agent.embodied.sense import Past
from veclink.agent.nano.exposure import BRIGHT, brightened
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.render.frame import HAND
from veclink.tools.results import Masks

SIZE = (160, 256)
LENS = Lens(*SIZE)


def standing(*items: str, limit: int = 1500, **fields: Any) -> PixelBody:
    """A body on flat ground with perfect eyes and some things."""
    made = {"generate_world_type": "flat", "allow_mob_spawn": False, "start_time": 6000, **fields}
    world = make_world("open-ended", 0, protocol="pixels", **made)
    body = PixelBody(world, limit, None, OracleEyes(world, exact=False))
    body.begin(0)
    for item in items:
        world.player.inventory.add(ITEMS.id(item), 0, 1)
    body.act()
    return body


def of(body: PixelBody) -> Any:
    """The world itself, for setting a scene."""
    return body.veil._world.unwrapped


class Asked:
    """An agent that finds nothing and notes what it was asked and shown."""

    tools = {"one": SimpleNamespace(result="masks")}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def run_batch(self, tasks: Sequence[tuple[str, list[np.ndarray]]]) -> list[Any]:
        """An empty run a task."""
        self.asked += [(text, float(rgb.mean())) for text, (rgb,) in tasks]
        none = [Masks(np.zeros((0, *SIZE), bool), np.zeros(0), "a", text, (SIZE[1], SIZE[0])) for text, _ in tasks]
        return [SimpleNamespace(results=[SimpleNamespace(result=masks)]) for masks in none]


def test_a_dark_frame_is_brightened_and_a_bright_one_left() -> None:
    dark = np.full((*SIZE, 3), 3, np.uint8)
    dark[60:80, 100:120] = 6
    lit = brightened(dark)
    assert abs(int(lit[10, 10, 0]) - BRIGHT) <= 1 and lit[70, 110, 0] > 1.8 * lit[10, 10, 0]
    assert (brightened(np.full((*SIZE, 3), 120, np.uint8)) == 120).all()


def test_lava_is_not_sought_where_nothing_shines() -> None:
    agent: Any = Asked()
    eyes, dark = CoreEyes(agent), np.full((*SIZE, 3), 3, np.uint8)
    eyes.look(dark, 0.0, ["iron_ore", "lava"])
    assert [text for text, _ in agent.asked] == ["outline the iron ore"] and agent.asked[0][1] > BRIGHT - 2
    dark[100:110, 100:110] = 220
    eyes.look(dark, 0.0, ["lava"])
    assert agent.asked[1][0] == "outline the lava" and agent.asked[1][1] < 5, "as it is: lava lights itself"


def test_ones_own_hand_is_neither_shown_to_the_core_nor_found() -> None:
    for held in (("stone_pickaxe",), ("stone_sword",), ("log",), ()):
        frame = of(standing(*held)).frame(["kind"])
        drawn = frame.kind == HAND
        assert drawn.any() and not drawn[~hand(*SIZE)].any(), "it lies where it is taken to lie"
    shown = without_hand(frame.rgb)
    assert (shown[~hand(*SIZE)] == frame.rgb[~hand(*SIZE)]).all() and (shown != frame.rgb).any()
    everything = Masks(np.ones((1, *SIZE), bool), np.ones(1, np.float32), ["iron ore"], "the iron ore", (256, 160))
    agent: Any = SimpleNamespace(tools=Asked.tools, run_batch=lambda tasks: [
        SimpleNamespace(results=[SimpleNamespace(result=everything)]) for _ in tasks])
    (sight,) = CoreEyes(agent).look(frame.rgb, 0.0, ["iron_ore"])
    assert sight.mask is not None and (sight.mask == ~hand(*SIZE)).all()


def test_what_is_overhead_can_be_aimed_at_all_round() -> None:
    for row in (60, 100):  # before the body and behind it
        mask = np.zeros(SIZE, bool)
        mask[row - 12 : row + 12, 116:140] = True
        seen = Sights(LENS, -90.0, tuple(sights_of_mask(LENS, "iron_ore", mask, -90.0)))
        assert seen.views(seen.found[0])


@pytest.mark.parametrize(("wide", "blocks"), [(1, 5.0), (2, 5.0)])
def test_the_foot_of_a_trunk_tells_how_far_it_is(wide: int, blocks: float) -> None:
    mask = np.zeros(SIZE, bool)
    half = wide * LENS.focal / blocks / 2
    foot = LENS.pixel(0.0, -float(np.degrees(np.arctan(EYE / blocks))), 0.0)
    assert foot is not None
    mask[0 : foot[1], round(128 - half) : round(128 + half)] = True
    assert sights_of_mask(LENS, "log", mask, 0.0)[0].distance == pytest.approx(blocks, rel=0.1)


def test_who_is_in_water_swims_whatever_else_it_does() -> None:
    body = standing()
    world, (x, y, z) = of(body), of(body).player.pos.astype(int)
    for dx in range(-4, 5):
        for dz in range(-4, 5):
            for dy in range(5):
                world.grid.set(x + dx, y + dy, z + dz, BLOCKS.id("water"))
    least = 300.0
    for _ in range(200):
        body.act(function="attack")
        least = min(least, body.oxygen)
    assert body.afloat and least > 250 and world.player.pos[1] > y + 2
    with pytest.raises(SkillFailed, match=r"no way|no tool"):
        dig.shaft(body, body.height - 3, 50)


def test_who_is_dead_turns_nowhere() -> None:
    body = standing(respawns=True)
    of(body).player.hurt(40.0, "test")
    with pytest.raises(SkillFailed, match="died"):
        body.act()
    for _ in range(30):
        body.turn(body.yaw + 45, 15.0)
    assert body.life > 0 and (body.yaw - of(body).player.yaw) % 360 == 0 and body.pitch == of(body).player.pitch


def test_a_body_at_the_edge_of_a_hole_falls_in() -> None:
    body = standing()
    world = of(body)
    x, y, z = (int(v) for v in np.floor(world.player.pos))
    world.player.move_to(x + 0.9, float(y), z + 0.9)  # it stands on four blocks
    for dy in (1, 2):
        world.grid.set(x, y - dy, z, 0)
    body.act()
    assert world.player.pos[1] == y
    dig.fall_in(body, 0.0)
    assert world.player.pos[1] == y - 2 and body.depth == 0, "what was dug is counted where it is dug"


def test_a_fall_is_counted_by_what_it_hurts() -> None:
    body = standing()
    with pytest.raises(Alarm), dig.counted_fall(body):
        body.observation["life_stats"]["life"] = np.array([18.0])
        raise Alarm("mob", "zombie")
    assert body.depth == 4  # and one that is counted where the block was dug


def test_a_picture_that_never_rests_is_no_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    body = standing("stone_pickaxe")
    monkeypatch.setattr(dig, "land", lambda body: 126)
    monkeypatch.setattr(dig, "strike", lambda *given: True)
    with pytest.raises(SkillFailed, match="time"):
        dig.shaft(body, -100, 0, None)
    dig.shaft(body, body.height - 1, 50)
    assert body.depth == dig.SOFT_FALL, "a longer fall would have hurt"


def test_land_is_swum_to_and_lava_that_burns_is_left_at_once() -> None:
    body = standing()
    walk.ashore(body)  # it is ashore
    guard = PixelGuard()
    guard.begin(body, "mine", False)
    body.hurt = True
    body.sight.look = lambda rgb, pitch, names: SimpleNamespace(  # type: ignore[method-assign]
        ahead=lambda name: 1.0, __iter__=lambda: iter(()), of=lambda *names: [])  # type: ignore[assignment]
    body.look = lambda *names: SimpleNamespace(ahead=lambda name: 1.0)  # type: ignore[method-assign,assignment]
    with pytest.raises(Alarm, match="lava"):
        guard(body)


def test_a_lone_zombie_is_struck_with_a_step_back_between_the_blows() -> None:
    body = standing("stone_sword", start_time=18_000, initial_mobs=("zombie",),
                    initial_mob_spawn_range_low=(-3, 1, -3), initial_mob_spawn_range_high=(3, 1, 3))
    for _ in range(3):
        live.defend(body)
    assert body.life >= 16 and not of(body).mobs.records["alive"].any()


def test_nothing_is_looked_for_where_one_is_after_nothing() -> None:
    body = standing("stone_pickaxe")
    looks: list[Sequence[str]] = []
    body.look = lambda *names: looks.append(names)  # type: ignore[method-assign,assignment]
    watch = ore.Watch(body, (), lambda: False)
    assert not watch() and not looks
    assert ore.Watch(body, ("iron_ore",), lambda: False).wanted[0] == "iron_ore"


def test_what_was_struck_in_vain_is_doubted_for_a_while() -> None:
    body = standing("stone_pickaxe")
    mask = np.zeros(SIZE, bool)
    mask[60:100, 110:150] = True
    some, other = (Sights(LENS, 0.0, tuple(sights_of_mask(LENS, "iron_ore", mask, 0.0, sure))) for sure in (0.3, 0.4))
    body.look = lambda *names: some  # type: ignore[method-assign]
    watch = ore.Watch(body, ("iron_ore",), lambda: False)
    assert watch._believed(some)
    watch.take(0.0, 0.0)
    assert not watch._believed(some) and watch._believed(other)
    began = body.steps
    watch.take(0.0, 0.0)
    assert body.steps - began <= 2, "nothing is struck"
    for _ in range(ore.DOUBT):
        body.act()
    assert watch._believed(some)


# -- what is carried ---------------------------------------------------------------------------------------------------


def bag(**more: int) -> State:
    """Under ground with a table, fuel and stone."""
    inventory = {"cobblestone": 20, "crafting_table": 1, "planks": 6, "stick": 4, "stone_pickaxe": 1, **more}
    return State(inventory=inventory, underground=True)


def test_ore_is_smelted_as_soon_as_there_is_any() -> None:
    names = [action.name for action in made_at_once(bag(iron_ore=1))]
    assert names and names[-1] == "smelt" and "mine" not in names
    assert not made_at_once(bag()) and not made_at_once(bag(iron_ore=1, iron_ingot=1))
    assert not made_at_once(State(inventory={"iron_ore": 1, "stone_pickaxe": 1}, underground=True)), "nothing to hand"
    first = PixelPlanner(Planner(Goal("diamond"))).next(bag(gold_ore=2, iron_pickaxe=1))
    assert "gold_ingot" in [action.args.get("item") for action in first[:5]]


def test_iron_that_no_pickaxe_needs_is_worn() -> None:
    worn = made_at_once(bag(iron_ore=4, iron_ingot=1, iron_pickaxe=1))
    assert worn[-1].name == "equip" and worn[-1].args["item"] in ("iron_helmet", "iron_boots")
    assert not made_at_once(bag(iron_ingot=3)), "three are the pickaxe's"


def test_a_sword_is_made_beside_the_table() -> None:
    body = standing("stick", "stick", "stick", "stone_pickaxe", "cobblestone", "cobblestone", "crafting_table")
    doer = PixelDoer(body)
    crew: Any = SimpleNamespace(body=body, doer=doer, goals=(Goal("diamond"),), ticks=0)
    assert not loop.arm(crew, doer.state(Past()))
    doer.do(Action("place", {"item": "crafting_table"}))
    assert loop.arm(crew, doer.state(Past())) and body.items["stone_sword"] == 1 and crew.ticks
