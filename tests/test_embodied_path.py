"""The known map and the ways over it, on small worlds made for the purpose."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.agent.embodied.known import UNKNOWN, KnownMap
from veclink.agent.embodied.path import (
    AT,
    DEADLY,
    FREE,
    LEVEL,
    NEAR,
    NEVER,
    SOLID,
    WATER,
    Move,
    Path,
    Terms,
    find_path,
    unknown_as,
)

AIR, ROCK, POOL, LAVA, BEDROCK = range(5)
BASE = (-24, 40, -24)


def terms(dig: float = NEVER, blocks: int = 0) -> Terms:
    kind = np.array([FREE, SOLID, WATER, DEADLY, SOLID] + [SOLID] * 251, np.uint8)
    costs = np.full(256, NEVER)
    costs[ROCK] = dig
    unknown_as(kind, costs, NEVER)
    return Terms(kind, costs, blocks)


def world(change: np.ndarray | None = None) -> KnownMap:
    """A plain of rock whose surface one walks on at y = 60, with `change` (48, 30, 48) laid over it where given."""
    known = KnownMap()
    ids = np.zeros((48, 40, 48), np.uint8)
    ids[:, :20] = ROCK
    if change is not None:
        ids[:, 10:] = np.where(change == UNKNOWN, ids[:, 10:], change)
    known.see(BASE, ids)
    return known


def blank() -> np.ndarray:
    return np.full((48, 30, 48), UNKNOWN, np.uint8)


def at(x: int, y: int, z: int) -> tuple[int, int, int]:
    return x - BASE[0], y - BASE[1] - 10, z - BASE[2]


def moves(path: Path) -> set[Move]:
    return {step.move for step in path.steps}


def test_the_map_forgets_what_another_place_needs() -> None:
    known = KnownMap()
    known.put(3, 60, 3, ROCK)
    assert known.at(3, 60, 3) == ROCK and known.at(4, 60, 3) == UNKNOWN
    known.put(3 + 128, 60, 3, POOL)
    assert known.at(3, 60, 3) == UNKNOWN and known.at(131, 60, 3) == POOL
    assert known.at(0, 200, 0) == AIR and known.at(0, -1, 0) == UNKNOWN


def test_no_way_jumps_up_a_stream() -> None:
    """Out of shallow water one jumps onto dry ground, not into water that comes down a stair."""
    for above, jumps in ((AIR, True), (POOL, False)):
        change = blank()
        change[at(0, 60, 0)], change[at(1, 60, 0)], change[at(1, 61, 0)] = POOL, ROCK, above
        for x, z in ((-1, 0), (0, 1), (0, -1)):
            change[at(x, 60, z)] = change[at(x, 61, z)] = ROCK
        path = find_path(world(change), terms(), (0, 60, 0), (1, 61, 0), AT)
        assert path.arrives == jumps


def test_found_blocks_come_nearest_first() -> None:
    known = world()
    for x in (9, -4, 2):
        known.put(x, 61, 0, LAVA)
    wanted = np.arange(256) == LAVA
    assert [p[0] for p in known.find(wanted, (0.5, 60, 0.5))] == [2, -4, 9]
    assert known.find(wanted, (0.5, 60, 0.5), reach=3) == [(2, 61, 0)]


def test_level_ground_costs_its_length() -> None:
    path = find_path(world(), terms(), (0, 60, 0), (7, 60, 3))
    assert path.arrives and len(path.steps) == 10 and moves(path) == {Move.WALK}


def test_a_wall_is_gone_round_dug_through_or_climbed() -> None:
    change = blank()
    x, y, z = at(4, 60, 0)
    change[x, y : y + 3, :] = ROCK
    wall = world(change)
    assert not find_path(wall, terms(), (0, 60, 0), (8, 60, 0)).arrives
    through = find_path(wall, terms(dig=8.0), (0, 60, 0), (8, 60, 0))
    assert through.arrives and len(through.steps) == 8
    over = find_path(wall, terms(blocks=6), (0, 60, 0), (8, 60, 0))
    assert over.arrives and Move.PILLAR in moves(over)
    change[x, :, z + 6] = AIR
    change[x, : y - 0, z + 6] = ROCK
    around = find_path(world(change), terms(dig=500.0), (0, 60, 0), (8, 60, 0))
    assert around.arrives and max(step.z for step in around.steps) >= 6


def test_a_ravine_is_bridged_with_blocks_and_only_with_blocks() -> None:
    change = blank()
    x, _, _ = at(4, 60, 0)
    change[x : x + 3, 2:10, :] = AIR
    ravine = world(change)
    assert not find_path(ravine, terms(), (0, 60, 0), (9, 60, 0)).arrives
    path = find_path(ravine, terms(blocks=3), (0, 60, 0), (9, 60, 0))
    assert path.arrives and sum(step.move == Move.BRIDGE for step in path.steps) == 3
    assert not find_path(ravine, terms(blocks=2), (0, 60, 0), (9, 60, 0)).arrives


def test_lava_is_neither_touched_nor_let_out() -> None:
    change = blank()
    change[at(3, 59, 0)[0], at(3, 59, 0)[1], :] = LAVA
    known = world(change)
    assert not find_path(known, terms(), (0, 60, 0), (6, 60, 0)).arrives  # the strip crosses the whole plain
    under = find_path(known, terms(dig=10.0), (0, 60, 0), (6, 60, 0))
    assert under.arrives and min(step.y for step in under.steps) <= 56  # a block of rock stays below the lava
    down = find_path(known, terms(dig=10.0), (2, 60, 0), (2, 50, 0), LEVEL)
    assert down.arrives and all(abs(step.x - 3) > 1 or step.y >= 60 for step in down.steps if step.y < 60)


def test_near_stops_where_the_eye_is_near_enough() -> None:
    path = find_path(world(), terms(), (0, 60, 0), (12.5, 61.5, 0.5), NEAR, reach=4.0)
    last = path.steps[-1]
    assert path.arrives and 3.0 <= 12.5 - (last.x + 0.5) <= 4.0


def test_out_of_a_pool_one_swims() -> None:
    change = blank()
    x, y, z = at(0, 59, 0)
    change[x - 1 : x + 2, y - 4 : y + 1, z - 1 : z + 2] = POOL
    path = find_path(world(change), terms(), (0, 56, 0), (5, 60, 0))
    assert path.arrives and Move.SWIM_UP in moves(path)


def test_one_digs_rather_than_sinks_into_a_flooded_shaft() -> None:
    """Where the head is under water much goes wrong; a wooden pickaxe takes 23 ticks a block."""
    change = blank()
    change[26, :10, 24] = POOL  # from y 50 to the surface
    path = find_path(world(change), terms(dig=23.0), (0, 60, 0), (0, 50, 0), LEVEL)
    assert path.arrives and all((step.x, step.z) != (2, 0) for step in path.steps if step.y < 59)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_every_step_is_one_a_body_can_make(seed: int) -> None:
    chance = np.random.default_rng(seed)
    change = blank()
    rough = chance.random(change.shape) < 0.15
    change[rough] = chance.choice([ROCK, AIR, POOL, LAVA], rough.sum())
    known, able = world(change), terms(dig=15.0, blocks=4)
    path = find_path(known, able, (0, 60, 0), (int(chance.integers(-15, 15)), 60, int(chance.integers(-15, 15))))
    before = (0, 60, 0)
    for step in path.steps:
        gap = np.subtract((step.x, step.y, step.z), before)
        assert abs(gap[0]) + abs(gap[2]) <= 1 and -3 <= gap[1] <= 1
        for height in (0, 1):
            block = known.at(step.x, step.y + height, step.z)
            assert able.kind[block] != DEADLY and (able.kind[block] in (FREE, WATER) or able.dig[block] < NEVER)
        before = (step.x, step.y, step.z)
    assert sum(step.move in (Move.BRIDGE, Move.PILLAR) for step in path.steps) <= 4
    assert not path.arrives or find_path(known, able, before, before, AT).steps == ()
