"""Natural spawning: the right kinds in the right places, in the dark, far enough, not too many, the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FakeWorld, FlatSource

from veclink.envs.facts import BLOCKS, MOBS
from veclink.envs.voxel.biomes import IDS, NAMES
from veclink.envs.voxel.spawning import CLASS, CREATURES, MONSTERS, Spawning

NIGHT, NOON = 18_000, 6_000


def names(world: FakeWorld) -> list[str]:
    records = world.mobs.records
    return [MOBS.names[kind] for kind in records["kind"][records["alive"]]]


def settle_all(world: FakeWorld) -> None:
    x0, x1, z0, z1 = (int(part) for part in world.grid.bounds)
    for cx in range(x0 // 16, x1 // 16):
        for cz in range(z0 // 16, z1 // 16):
            world.spawning.settle(world, cx, cz)


@pytest.mark.parametrize(("biome", "some", "never"), [
    ("plains", {"sheep", "cow", "pig", "chicken"}, {"wolf", "rabbit", "mooshroom", "zombie"}),
    ("forest", {"sheep", "cow"}, {"horse", "rabbit", "llama"}),
    ("ocean", set(), {"sheep", "cow", "pig", "chicken", "horse"}),
])
def test_new_chunks_get_the_animals_of_their_biome(biome: str, some: set[str], never: set[str]) -> None:
    found: set[str] = set()
    for seed in range(12):
        world = FakeWorld(seed, source=FlatSource(IDS[biome]))
        settle_all(world)
        found |= set(names(world))
        assert (world.mobs.records["y"][world.mobs.records["alive"]] == FLOOR).all()
    assert some <= found and not found & never


def test_a_chunk_gets_its_animals_once_whichever_way_one_comes() -> None:
    first, second = FakeWorld(3), FakeWorld(3)
    settle_all(first)
    for cx in range(3, -4, -1):
        for cz in range(3, -4, -1):
            second.spawning.settle(second, cx, cz)

    def places(world: FakeWorld) -> list[Any]:
        alive = world.mobs.records[world.mobs.records["alive"]]
        return sorted(alive[["kind", "x", "z"]].tolist())

    assert places(first) == places(second) and places(first)
    settle_all(first)
    assert len(places(first)) == len(places(second))


def test_nothing_comes_where_it_is_not_allowed() -> None:
    world = FakeWorld(3, time=NIGHT)
    world.spawning.allowed = False
    settle_all(world)
    for _ in range(500):
        world.spawning.tick(world)
    assert not names(world)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_monsters_come_at_night_far_away_and_not_too_many(seed: int) -> None:
    world = FakeWorld(seed, time=NIGHT)
    for _ in range(399):  # animals have their turn at 400
        world.spawning.tick(world)
    alive = world.mobs.records[world.mobs.records["alive"]]
    found = set(names(world))
    assert found and found <= {name for name, _ in MONSTERS[IDS["plains"]]} | {"bat"}
    assert (np.hypot(alive["x"] - 0.5, alive["z"] - 0.5) >= 24).all() and (alive["y"] == FLOOR).all()
    assert len(alive) <= 70 * 49 / 289 + 12  # the last pack may go over


def test_no_monsters_by_day_but_under_a_roof() -> None:
    world = FakeWorld(1, time=NOON)
    for _ in range(300):
        world.spawning.tick(world)
    assert not names(world)
    world.box(-50, -30, FLOOR + 3, FLOOR + 3, -50, 50, "stone")
    for _ in range(600):
        world.spawning.tick(world)
    records = world.mobs.records
    monsters = records[records["alive"] & CLASS["monster"][records["kind"]]]
    assert len(monsters) and (monsters["x"] < -28).all()


def test_torches_keep_monsters_away() -> None:
    world = FakeWorld(1, time=NIGHT)
    for x in range(-54, 64, 6):
        for z in range(-54, 64, 6):
            if world.grid.loaded(x, z):
                world.grid.set(x, FLOOR, z, BLOCKS.id("torch"), 5)
    for _ in range(200):
        world.spawning.tick(world)
    assert not names(world)


def test_desert_has_husks_and_snow_strays() -> None:
    desert = FakeWorld(2, time=NIGHT, source=FlatSource(IDS["desert"], "sand"))
    snow = FakeWorld(2, time=NIGHT, source=FlatSource(IDS["ice_plains"]))
    for world in (desert, snow):
        for _ in range(3000):
            world.spawning.tick(world)
            if world.spawning.ticks % 50 == 0:  # make room for others
                seen = world.events
                seen.extend((name, {}) for name in names(world))
                world.mobs.records["alive"] = False
    assert "husk" in {name for name, _ in desert.events} and "stray" in {name for name, _ in snow.events}
    assert "stray" not in {name for name, _ in desert.events}


def test_peaceful_takes_monsters_away() -> None:
    world = FakeWorld(1, time=NIGHT, difficulty="peaceful")
    world.mobs.add("zombie", 20.5, FLOOR, 20.5)
    world.mobs.add("cow", 22.5, FLOOR, 20.5)
    for _ in range(40):
        world.spawning.tick(world)
    assert names(world) == ["cow"]


def test_slimes_live_in_a_tenth_of_the_chunks() -> None:
    spawning = Spawning(seed=11)
    share = np.mean([spawning.slimes_live_in(x, z) for x in range(40) for z in range(40)])
    assert 0.07 < share < 0.13


class Marked:
    """A terrain with a villager and a spawner in one chunk."""

    def marks(self, cx: int, cz: int) -> list[tuple[str, int, int, int]]:
        return [("villager", 4, FLOOR, 4), ("spawner", 8, FLOOR, 8)] if (cx, cz) == (0, 0) else []


def test_marks_become_villagers_and_spawners() -> None:
    world = FakeWorld(5, time=NOON)
    world.spawning = Spawning(5, Marked())
    world.box(8, 8, FLOOR, FLOOR, 8, 8, "mob_spawner")
    world.box(2, 14, FLOOR + 4, FLOOR + 4, 2, 14, "stone")
    world.box(2, 2, FLOOR, FLOOR + 3, 2, 14, "stone")
    world.box(14, 14, FLOOR, FLOOR + 3, 2, 14, "stone")
    world.box(2, 14, FLOOR, FLOOR + 3, 2, 2, "stone")
    world.box(2, 14, FLOOR, FLOOR + 3, 14, 14, "stone")
    world.spawning.settle(world, 0, 0)
    assert names(world) == ["villager"] and list(world.spawning.spawners) == [(8, FLOOR, 8)]
    for _ in range(1200):
        world.spawning.tick(world)
    kind = world.spawning.spawners[8, FLOOR, 8][0]
    assert 1 <= names(world).count(kind) <= 6
    saved = world.spawning.state()
    again = Spawning(5, Marked())
    again.restore(saved)
    assert again.spawners == world.spawning.spawners and again.seen == world.spawning.seen
    world.grid.set(8, FLOOR, 8, 0)
    world.spawning.tick(world)
    assert not world.spawning.spawners


def test_every_biome_has_its_lists() -> None:
    assert all(MONSTERS[number] for number, name in NAMES.items() if name not in (
        "mushroom_island", "mushroom_island_shore", "the_void"))
    assert CREATURES[IDS["mushroom_island"]][0][0] == "mooshroom"
