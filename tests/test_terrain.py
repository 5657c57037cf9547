"""The land: a pure function of the seed, with Minecraft's ores, trees across borders, villages, a place to begin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel import biomes, structures, trees
from veclink.envs.voxel.noise import noise2, noise3, tables
from veclink.envs.voxel.terrain import Terrain

LEAVES = [BLOCKS.id("leaves"), BLOCKS.id("leaves2")]
LOGS = [BLOCKS.id("log"), BLOCKS.id("log2")]
SPAWNER, CHEST, WATER = BLOCKS.id("mob_spawner"), BLOCKS.id("chest"), BLOCKS.id("water")


def area(terrain: Terrain, cx: int, cz: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks and metadata (16 n, 128, 16 n) of n x n chunks."""
    rows = [[terrain.chunk(cx + i, cz + k) for k in range(n)] for i in range(n)]
    join = [np.concatenate([np.concatenate([chunk[part] for chunk in row], 2) for row in rows], 0) for part in (0, 1)]
    return join[0], join[1]


@pytest.fixture(scope="module")
def wild() -> tuple[Terrain, np.ndarray, np.ndarray]:
    """A piece of the mixed world."""
    terrain = Terrain(11)
    return terrain, *area(terrain, -3, -3, 6)


@settings(max_examples=6, deadline=None)
@given(st.integers(-(2**62), 2**62), st.integers(-3000, 3000), st.integers(-3000, 3000))
def test_a_chunk_follows_from_the_seed_alone(seed: int, cx: int, cz: int) -> None:
    one, two = Terrain(seed), Terrain(seed)
    two.chunk(cx + 1, cz - 1)
    two.chunk(cx + 40, cz)
    for a, b in zip(one.chunk(cx, cz), two.chunk(cx, cz), strict=True):
        assert a.dtype == np.uint8 and np.array_equal(a, b)
    assert one.marks(cx, cz) == two.marks(cx, cz)


def test_other_seeds_give_other_worlds() -> None:
    assert not np.array_equal(Terrain(1).chunk(0, 0)[0], Terrain(2).chunk(0, 0)[0])


def test_what_is_changed_in_a_chunk_stays_out_of_the_terrain() -> None:
    terrain = Terrain(5)
    before = terrain.chunk(2, 3)
    for part in terrain.chunk(2, 3):
        part[:] = 77
    assert all(np.array_equal(a, b) for a, b in zip(before, terrain.chunk(2, 3), strict=True))


def test_every_column_stands_on_bedrock_and_ends_below_the_sky(wild: tuple[Terrain, np.ndarray, np.ndarray]) -> None:
    _, blocks, _ = wild
    assert (blocks[:, 0] == BLOCKS.id("bedrock")).all()
    assert (blocks[:, 127] == 0).all()
    assert not (blocks[:, 5:] == BLOCKS.id("bedrock")).any()
    assert not (blocks[:, 63:66] == WATER).all(axis=1).any()


def test_ores_lie_at_their_depths_and_in_their_numbers() -> None:
    terrain = Terrain(3, biome="plains")
    blocks, _ = area(terrain, 0, 0, 10)
    # highest y, and the blocks a chunk that 1.11 makes on average in solid stone, of which caves take a share
    for name, highest, least, most in (
        ("coal_ore", 127, 80, 190), ("iron_ore", 66, 50, 100), ("gold_ore", 34, 4, 12),
        ("redstone_ore", 18, 15, 35), ("diamond_ore", 18, 1.5, 5), ("lapis_ore", 34, 1.5, 6),
    ):
        heights = np.nonzero(blocks == BLOCKS.id(name))[1]
        assert heights.max() <= highest and least <= len(heights) / 100 <= most, (name, len(heights) / 100)


def test_caves_have_air_and_lava_below(wild: tuple[Terrain, np.ndarray, np.ndarray]) -> None:
    terrain = Terrain(3)
    blocks, _ = area(terrain, 0, 0, 8)
    lava = np.nonzero(blocks == BLOCKS.id("lava"))[1]
    assert len(lava) > 500 and np.median(lava) <= 11
    assert 0.01 < (blocks[:, 11:50] == 0).mean() < 0.2


def test_leaves_across_borders_have_their_logs_near() -> None:
    for biome in ("forest", "jungle", "roofed_forest", "savanna", "mega_spruce_taiga", "swampland"):
        blocks, _ = area(Terrain(3, biome=biome), -2, -2, 4)
        alive = np.isin(blocks, LOGS)
        leaves = np.isin(blocks, LEAVES)
        for _ in range(4):
            near = alive.copy()
            for axis in range(3):
                for step in (1, -1):
                    near |= np.roll(alive, step, axis)
            alive |= near & leaves
        lonely = (leaves & ~alive)[8:-8, :, 8:-8].sum()
        assert leaves[8:-8, :, 8:-8].sum() > 50 and lonely <= 0.002 * leaves.sum(), (biome, lonely, leaves.sum())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(trees.KINDS), st.floats(0, 1, exclude_max=True))
def test_a_planned_tree_is_whole_and_within_reach(kind: str, draw: float) -> None:
    plan = trees.plan(kind, 100, 60, -30, draw)
    places = [block[:3] for block in plan]
    assert plan == trees.plan(kind, 100, 60, -30, draw)
    assert len(set(places)) == len(places) and (100, 60, -30) in places
    assert all(abs(x - 100) <= trees.REACH and abs(z + 30) <= trees.REACH and 60 <= y < 128 for x, y, z in places)
    woody = {b[3] for b in plan}
    assert woody & {int(trees.WOOD[trees.KINDS.index(kind), 0])}


def test_plans_near_the_top_end_with_the_world_and_unknown_kinds_are_refused() -> None:
    assert all(y < 128 for _, y, *_ in trees.plan("oak", 0, 125, 0, 0.5))
    with pytest.raises(UnknownName, match="birch"):
        trees.plan("brich", 0, 60, 0, 0.5)


@pytest.mark.parametrize(("biome", "wanted"), [
    ("plains", ("tallgrass", "yellow_flower")), ("desert", ("cactus", "deadbush", "sand")),
    ("ice_plains", ("snow_layer", "ice")), ("swampland", ("waterlily", "vine", "red_flower")),
    ("jungle", ("vine", "cocoa")), ("taiga", ("log",)), ("savanna", ("log2", "double_plant")),
    ("mushroom_island", ("mycelium", "red_mushroom_block")), ("mesa", ("stained_hardened_clay",)),
    ("roofed_forest", ("log2",)), ("extreme_hills", ("emerald_ore", "stone")), ("the_end", ("end_stone",)),
    ("nether", ("netherrack", "lava", "glowstone", "quartz_ore", "soul_sand")),
])
def test_a_forced_biome_has_its_blocks_everywhere(biome: str, wanted: tuple[str, ...]) -> None:
    terrain = Terrain(4, biome=biome)
    blocks, _ = area(terrain, 0, 0, 6)
    assert (terrain.chunk(9, 9)[2] == biomes.IDS[biome]).all()
    missing = [name for name in wanted if not (blocks == BLOCKS.id(name)).any()]
    assert not missing


def test_biomes_come_in_all_climates() -> None:
    seen = np.zeros(256, np.int64)
    out = np.empty((120, 120), np.int64)
    for seed in range(4):
        biomes.biomes_of(tables(seed), seed, -1, -6000, -6000, 100, out)
        seen += np.bincount(out.ravel(), minlength=256)
    for name in ("plains", "forest", "birch_forest", "roofed_forest", "taiga", "cold_taiga", "ice_plains", "desert",
                 "savanna", "swampland", "extreme_hills", "jungle", "ocean", "deep_ocean", "river", "beach"):
        assert seen[biomes.IDS[name]] > 0.003 * seen.sum(), name
    sea = seen[biomes.OCEAN] + seen[biomes.DEEP_OCEAN]
    assert 0.15 < sea / seen.sum() < 0.5


def test_noise_is_smooth_and_bounded() -> None:
    rows = tables(9)
    values = np.array([[noise2(rows[0], x / 8, z / 8) for x in range(90)] for z in range(90)])
    assert abs(values).max() < 1.2 and values.std() > 0.2
    assert abs(np.diff(values, axis=0)).max() < 0.5
    assert noise3(rows[1], 3.0, 4.0, 5.0) == 0.0
    assert sorted(rows[5][:256]) == list(range(256))


@pytest.mark.parametrize("options", [{}, {"kind": "flat"}, {"kind": "nether"}, {"biome": "jungle"},
                                     {"biome": "extreme_hills"}, {"biome": "the_end"}])
def test_spawn_is_dry_and_open(options: dict[str, str]) -> None:
    for seed in range(4):
        terrain = Terrain(seed, **options)
        x, y, z = terrain.spawn()
        blocks, _, _ = terrain.chunk(x >> 4, z >> 4)
        column = blocks[x & 15, :, z & 15]
        assert BLOCKS.solid[column[y - 1]] and not BLOCKS.liquid[column[y - 1]]
        assert column[y] in (0, BLOCKS.id("snow_layer")) and not column[y + 1]


def test_spawn_of_an_ocean_world_is_on_the_water() -> None:
    terrain = Terrain(0, biome="deep_ocean")
    x, y, z = terrain.spawn()
    assert terrain.chunk(x >> 4, z >> 4)[0][x & 15, y - 1, z & 15] == WATER


def test_flat_world_has_its_layers() -> None:
    blocks, _, biome = Terrain(0, kind="flat").chunk(-5, 7)
    assert [BLOCKS.names[b] for b in blocks[3, :5, 3]] == ["bedrock", "dirt", "dirt", "grass", "air"]
    assert not blocks[:, 4:].any() and (biome == biomes.IDS["plains"]).all()


def test_a_village_stands_whole_with_its_people_and_chests() -> None:
    terrain = Terrain(2, biome="plains")
    village = structures.village_of(terrain.rows, terrain.seed, terrain.fixed, 0, 0)
    assert village is not None and len(village.pieces) > 8
    x0, x1, z0, z1 = (side >> 4 for side in village.box)
    blocks = {(cx, cz): terrain.chunk(cx, cz)[0] for cx in range(x0, x1 + 1) for cz in range(z0, z1 + 1)}
    kinds = set()
    for (cx, cz), chunk in blocks.items():
        for kind, x, y, z in terrain.marks(cx, cz):
            kinds.add(kind)
            block = chunk[x & 15, y, z & 15]
            assert block == CHEST if kind == "chest" else block == SPAWNER if kind == "spawner" else not block, kind
    assert "villager" in kinds
    for name in ("grass_path", "farmland", "wooden_door", "torch"):
        assert any((chunk == BLOCKS.id(name)).any() for chunk in blocks.values()), name


def test_dungeons_and_fortresses_mark_their_spawners() -> None:
    for terrain, kind in ((Terrain(1), "spawner"), (Terrain(1, kind="nether"), "blaze")):
        found = [mark for cx in range(-16, 17) for cz in range(-8, 9) for mark in terrain.bare(cx, cz).marks]
        spawners = [mark for mark in found if mark[0] == kind]
        assert spawners
        for _, x, y, z in spawners[:5]:
            assert terrain.chunk(x >> 4, z >> 4)[0][x & 15, y, z & 15] == SPAWNER


def test_wrong_names_are_refused() -> None:
    with pytest.raises(UnknownName, match="jungle"):
        Terrain(0, biome="jungel")
    with pytest.raises(UnknownName, match="flat"):
        Terrain(0, kind="flatt")
