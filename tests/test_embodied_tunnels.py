"""Ore in the walls of one's own tunnel, by sight: how far it is, what is struck first, and when digging is given up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from oracle_eyes import OracleEyes

from veclink.agent.embodied.episode import make_world
from veclink.agent.embodied.eyes import EYE
from veclink.agent.embodied.pixels import dig, ore
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.pixels.guard import PixelGuard
from veclink.envs.facts import BLOCKS, ITEMS

LONG = 9  # blocks of the tunnel
ORE = BLOCKS.id("iron_ore")


def in_tunnel(pickaxe: str = "stone_pickaxe", limit: int = 600, **fields: Any
              ) -> tuple[PixelBody, Any, tuple[int, int, int]]:
    """A body with a pickaxe at the end of a tunnel in rock above flat ground, looking along it; the world, its cell."""
    made = {"generate_world_type": "flat", "allow_mob_spawn": False, "start_time": 6000, **fields}
    given_world = make_world("open-ended", 0, protocol="pixels", **made)
    body = PixelBody(given_world, limit, None, OracleEyes(given_world, exact=False))
    body.begin(0)
    world = body.veil._world.unwrapped
    x, y, z = (int(v) for v in np.floor(world.player.pos))
    for dx in range(-4, 5):
        for dz in range(-4, LONG + 4):
            for dy in range(-1, 7):
                tunnel = dx == 0 and 0 <= dz < LONG and dy in (2, 3)
                world.grid.set(x + dx, y + dy, z + dz, 0 if tunnel else BLOCKS.id("stone"))
    world.player.move_to(x + 0.5, float(y + 2), z + 0.5)
    world.player.inventory.add(ITEMS.id(pickaxe), 0, 1)
    body.act()
    body.depth = 30
    return body, world, (x, y + 2, z)


@given(some.floats(-179, 179), some.floats(-89, 89))
def test_the_walls_of_a_tunnel_are_as_far_as_a_ray_says(bearing: float, elevation: float) -> None:
    turn, rise = math.radians(bearing), math.radians(elevation)
    ray = np.array([math.cos(rise) * math.sin(turn), math.sin(rise)])
    steps = np.arange(0.0, 60.0, 0.002)[:, None] * ray
    out = (np.abs(steps[:, 0]) > ore.HALF) | (steps[:, 1] > ore.ROOM) | (steps[:, 1] < -EYE)
    far = float(np.argmax(out)) * 0.002 if out.any() else 60.0
    assert min(60.0, ore.along_walls(bearing, elevation)) == pytest.approx(far, abs=0.02)


@pytest.mark.parametrize(
    ("place", "pitch"), [((1, 1, 2), 0.0), ((-1, 0, 2), 30.0), ((0, 2, 1), 0.0), ((0, -1, 3), 30.0)],
    ids=["wall", "foot of the wall", "ceiling", "floor"])
def test_ore_that_one_looks_along_is_near_and_is_taken(place: tuple[int, int, int], pitch: float) -> None:
    body, world, (x, y, z) = in_tunnel()
    world.grid.set(x + place[0], y + place[1], z + place[2], ORE)
    body.turn(0.0, pitch)
    seen = body.look("iron_ore").of("iron_ore")
    assert seen, "it is in view"
    watch = ore.Watch(body, ("iron_ore",), lambda: body.items["iron_ore"] > 0)
    watch.take(0.0, pitch)
    assert body.items["iron_ore"] == 1 and body.steps < 120


def test_what_shows_most_is_struck_first_and_specks_are_not() -> None:
    body, world, (x, y, z) = in_tunnel()
    for dy in (0, 1):
        world.grid.set(x + 1, y + dy, z + 2, ORE)
    world.grid.set(x - 1, y + 1, z + 7, ORE)
    body.turn(0.0, 0.0)
    seen = body.look("iron_ore").of("iron_ore")
    assert len(seen) == 2
    sizes = sorted(seen, key=dig.large)
    assert sizes[0].pixels > dig.SPECK > sizes[1].pixels
    watch = ore.Watch(body, ("iron_ore",), lambda: False)
    struck = dig.strike_sight(body, watch._placed(body.look("iron_ore")), "iron_ore")
    assert struck is not None and struck.pixels == sizes[0].pixels


def test_digging_that_gives_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    body, _, _ = in_tunnel()
    left: list[int] = []

    def nothing(body: PixelBody, *given: Any) -> None:
        for _ in range(60):
            body.act()

    def leave(body: PixelBody) -> None:
        left.append(body.steps)

    monkeypatch.setattr(ore, "down", nothing)
    monkeypatch.setattr(dig, "tunnel", nothing)
    monkeypatch.setattr(ore, "leave", leave)
    ore.quarry(body, lambda: body.steps > 540, 590)
    assert len(left) == 1 and left[0] > ore.BARREN


def test_the_last_strokes_of_the_iron_pickaxe_are_for_what_only_iron_digs() -> None:
    body, world, _ = in_tunnel("iron_pickaxe")
    world.player.inventory.add(ITEMS.id("stone_pickaxe"), 0, 1)
    body.act()
    assert dig.tool_for(body, dig.STONE) == "iron_pickaxe"
    bag = world.player.inventory
    bag.wear(bag.find(ITEMS.id("iron_pickaxe")), int(ITEMS.durability[ITEMS.id("iron_pickaxe")]) - dig.LAST)
    body.act()
    assert dig.tool_for(body, dig.STONE) == "stone_pickaxe"
    assert dig.tool_for(body, BLOCKS.id("diamond_ore")) == "iron_pickaxe"


def test_a_vein_is_followed_into_the_hole_that_its_first_block_left() -> None:
    body, world, (x, y, z) = in_tunnel()
    for place in ((1, 1, 2), (2, 1, 2), (2, 1, 1), (1, 2, 2)):  # one shows in the wall, three behind and above it
        world.grid.set(x + place[0], y + place[1], z + place[2], ORE)
    body.turn(0.0, 0.0)
    watch = ore.Watch(body, ("iron_ore",), lambda: body.items["iron_ore"] > 0)
    watch.take(0.0, 0.0)
    assert body.items["iron_ore"] >= 3, f"won {body.items['iron_ore']} in {body.steps} steps"


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_what_bites_unseen_in_a_tunnel_is_struck(behind: bool) -> None:
    made = {"generate_world_type": "flat", "allow_mob_spawn": False, "start_time": 18_000, "initial_mobs": ("husk",),
            "initial_mob_spawn_range_low": (-1, 1, 2), "initial_mob_spawn_range_high": (1, 1, 2)}
    body, world, (x, y, z) = in_tunnel(**made)
    body.sight = OracleEyes(body.veil._world, words=())  # it knows nothing
    records = world.mobs.records
    number = int(np.flatnonzero(records["alive"])[0])
    world.player.move_to(x + 0.5, float(y), z + 4.5)
    records["x"][number], records["y"][number], records["z"][number] = x + 0.5, y, z + (2.5 if behind else 6.5)
    guard = PixelGuard()
    guard.begin(body, "mine", False)
    body.guard = guard
    while body.steps < 400 and records["alive"][number]:
        body.act()
    assert not records["alive"][number] and body.life > 3, f"{body.life} lives after {body.steps} steps"


@pytest.mark.parametrize("block", ["diamond_ore", "stone"])
def test_a_humbler_pickaxe_tries_what_is_taken_for_diamonds(block: str) -> None:
    body, world, (x, y, z) = in_tunnel("iron_pickaxe")
    bag = world.player.inventory
    bag.add(ITEMS.id("stone_pickaxe"), 0, 1)
    body.act()
    world.grid.set(x + 1, y + 1, z + 2, BLOCKS.id("diamond_ore"))
    body.turn(0.0, 0.0)
    seen = body.look("diamond_ore")
    world.grid.set(x + 1, y + 1, z + 2, BLOCKS.id(block))
    watch = ore.Watch(body, ("diamond_ore",), lambda: False)
    assert watch._win(watch._placed(seen), "diamond_ore") is (block == "diamond_ore")
    assert body.items["diamond"] == (block == "diamond_ore")
    worn = bag.stack(bag.find(ITEMS.id("iron_pickaxe")))[3]
    assert (worn < ITEMS.durability[ITEMS.id("iron_pickaxe")]) == (block == "diamond_ore")


def test_lava_on_all_sides_leaves_the_way_between() -> None:
    body, world, (x, y, z) = in_tunnel(limit=300)
    for dx in range(-2, 3):
        for dz in range(-2, 3):
            for dy in (0, 1):
                world.grid.set(x + dx, y + dy, z + dz, 0)
            world.grid.set(x + dx, y - 1, z + dz, BLOCKS.id("stone" if dz == 0 else "lava"))
    body.turn(0.0, 0.0)
    assert all(dig.danger(body, side) for side in (0, 90, 180, 270))
    assert [dig.danger(body, side, aside=True) for side in (0, 90, 180, 270)] == [True, False, True, False]
    assert dig.tunnel(body, 4, 250) == 4
    assert body.life == 20 and abs(world.player.pos[0] - x) > 3
