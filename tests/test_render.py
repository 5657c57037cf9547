"""Pictures of the voxel world: a look for every block and mob, light, weather, textures, packs, the GPU."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from voxel_fakes import FLOOR, FlatSource

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel import entities
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.render import JOINTS, Renderer, Scene, Textures
from veclink.envs.voxel.render.brush import STYLES

SMALL = (48, 64)
EYE = (0.5, FLOOR + 1.62, 0.5)


@functools.cache
def small() -> Renderer:
    return Renderer(SMALL)


def flat(**fields: object) -> Scene:
    return Scene.of(Grid(FlatSource(), 0.5, 0.5), EYE, **fields)


def one_mob(kind: str, ahead: float = 4.0, **more: object) -> np.ndarray:
    records = entities.mobs()
    records[0]["alive"], records[0]["id"], records[0]["kind"], records[0]["size"] = True, 7, MOBS.id(kind), 1
    records[0]["x"], records[0]["y"], records[0]["z"] = 0.5, FLOOR, 0.5 + ahead
    records[0]["yaw"] = records[0]["head_yaw"] = 160.0
    for name, value in more.items():
        records[0][name] = value
    return records


def picture(scene: Scene, renderer: Renderer | None = None) -> np.ndarray:
    return (renderer or small()).frame(scene).rgb.astype(int)


# -- what is drawn -----------------------------------------------------------------------------------------------------


def test_every_block_that_has_a_shape_is_drawn_and_labelled() -> None:
    grid = Grid(FlatSource(), 0.5, 0.5)
    renderer, x, z = Renderer((32, 32), fov=40), 0, 3
    unseen = []
    for block in np.flatnonzero(BLOCKS.shape[: len(BLOCKS.names)] > 0):
        # straight into the arrays: the light of the place is of no matter here
        grid.blocks[x & 127, FLOOR + 1, z & 127], grid.version = block, grid.version + 1
        frame = renderer.frame(Scene.of(grid, (0.5, FLOOR + 1.9, 0.5), pitch=7.0), ("block",))
        assert frame.block is not None
        if not (frame.block == block).any():
            unseen.append(BLOCKS.names[block])
    assert unseen == []


def test_every_mob_has_a_body_of_about_its_own_size() -> None:
    scene = flat(pitch=10.0)
    for number, kind in enumerate(MOBS.names):
        far = 2.5 + 2.5 * float(MOBS.height[number])
        frame = small().frame(scene.edited(mobs=one_mob(kind, far, swing=0.0)), ("mobs", "depth"))
        assert [mob.name for mob in frame.mobs] == [kind]
        mob = frame.mobs[0]
        focal = frame.camera.intrinsics[1, 1]
        tall = (mob.box[3] - mob.box[1]) / focal * far
        assert 0.4 < tall / max(float(MOBS.height[number]), 0.5) < 2.2, (kind, tall)
        colours = frame.rgb[mob.mask]
        assert len(np.unique(colours, axis=0)) > 4, kind  # a skin, not a flat colour


def test_babies_are_smaller_and_hurt_mobs_are_redder() -> None:
    grown, baby, hurt = (small().frame(flat(mobs=one_mob("pig", **more)), ("mobs",))
                         for more in ({}, {"baby": True}, {"hurt": 5}))
    assert baby.mobs[0].mask.sum() < 0.6 * grown.mobs[0].mask.sum()
    assert np.array_equal(hurt.mobs[0].mask, grown.mobs[0].mask)
    mask = grown.mobs[0].mask
    assert (hurt.rgb[mask][:, 1] < grown.rgb[mask][:, 1]).mean() > 0.95


def test_sheep_wear_sixteen_colours_and_lose_them_to_the_shears() -> None:
    means = {tuple(picture(flat(mobs=one_mob("sheep", variant=colour)))[small().frame(
        flat(mobs=one_mob("sheep")), ("mobs",)).mobs[0].mask].mean(0).round()) for colour in range(16)}
    assert len(means) == 16
    woolly, bare = (small().frame(flat(mobs=one_mob("sheep", shorn=shorn)), ("mobs",)).mobs[0] for shorn in (0, 1))
    assert bare.mask.sum() < woolly.mask.sum()


def test_limbs_move_with_the_walk() -> None:
    a, b = (small().frame(flat(mobs=one_mob("zombie", phase=phase, swing=1.0)), ("mobs",)).mobs[0]
            for phase in (1.5, 4.6))
    foot = JOINTS["humanoid"].index("left_foot")
    assert not np.array_equal(a.mask, b.mask) and np.abs(a.joints[foot] - b.joints[foot])[:2].max() > 1


def test_drops_shots_and_the_hand_are_drawn() -> None:
    drops, shots = entities.drops(), entities.shots()
    drops[0]["alive"], drops[0]["item"] = True, ITEMS.id("cobblestone")
    shots[0]["alive"], shots[0]["kind"], shots[0]["vz"] = True, 1, 1.0
    for records in (drops, shots):
        records[0]["x"], records[0]["y"], records[0]["z"] = 0.3, FLOOR + 1.0, 2.5
    plain = picture(flat())
    for scene in (flat(drops=drops), flat(shots=shots), flat(held=ITEMS.id("air")), flat(held=ITEMS.id("iron_sword"))):
        assert (picture(scene) != plain).any(axis=2).sum() > 3
    still, struck = (picture(flat(held=ITEMS.id("iron_sword"), swing=swing)) for swing in (0.0, 0.5))
    assert not np.array_equal(still, struck)


# -- light, sky and weather --------------------------------------------------------------------------------------------


def test_night_is_dark_but_not_black_and_a_torch_lights_it() -> None:
    scene = flat(pitch=40.0)
    day, night = picture(scene), picture(scene.edited(time=18000))
    assert 5 < night.mean() < 0.4 * day.mean()
    grid = Grid(FlatSource(), 0.5, 0.5)
    grid.set(2, FLOOR, 3, BLOCKS.id("torch"), 5)
    lit = picture(Scene.of(grid, EYE, pitch=40.0, time=18000))
    assert lit.mean() > 1.8 * night.mean()
    assert (lit[..., 0] - lit[..., 2]).mean() > (night[..., 0] - night[..., 2]).mean()  # and warmly


def test_the_sky_follows_the_hour_and_the_weather() -> None:
    up = flat(pitch=-60.0)
    noon, dusk, night = (picture(up.edited(time=time, yaw=90.0)).mean((0, 1)) for time in (6000, 12600, 18000))
    assert noon[2] > noon[0] + 30 and night.max() < 40
    west, east = (picture(flat(yaw=yaw, pitch=-5.0, time=12600)).mean((0, 1)) for yaw in (90.0, -90.0))
    assert west[0] - west[2] > east[0] - east[2]  # the sun goes down in the west
    assert dusk.sum() < noon.sum()
    assert picture(up.edited(weather=2)).mean() < picture(up.edited(weather=1)).mean() < picture(up).mean()


def test_rain_and_snow_cover_show_and_are_the_same_every_time() -> None:
    scene = flat(pitch=10.0)
    rain, again, later = (picture(scene.edited(weather=1, clock=clock)) for clock in (0, 0, 3))
    assert np.array_equal(rain, again) and not np.array_equal(rain, later)
    white = picture(scene.edited(snow=True, pitch=50.0))
    assert white.min(axis=2).mean() > 150 > picture(scene.edited(pitch=50.0)).min(axis=2).mean()


def test_one_sees_no_farther_than_the_distance() -> None:
    grid = Grid(FlatSource(), 0.5, 0.5)
    for x in range(-3, 4):
        for y in range(FLOOR, FLOOR + 5):
            grid.set(x, y, 20, BLOCKS.id("stone"))
    scene = Scene.of(grid, EYE)
    near, far = (Renderer(SMALL, distance=distance).frame(scene, ("block", "depth")) for distance in (16, 48))
    stone = BLOCKS.id("stone")
    assert near.block is not None and far.block is not None and near.depth is not None
    assert not (near.block == stone).any() and (far.block == stone).any()
    assert near.depth.max() == 16


def test_water_is_seen_through_and_colours_what_is_under_it() -> None:
    grid = Grid(FlatSource(), 0.5, 0.5)
    grid.blocks[:, FLOOR : FLOOR + 3] = BLOCKS.id("water")
    grid.version += 1
    under = picture(Scene.of(grid, EYE, pitch=30.0))
    above = picture(Scene.of(grid, (0.5, FLOOR + 4.0, 0.5), pitch=60.0))
    dry = picture(flat(pitch=30.0))
    for wet in (under, above):
        assert (wet[..., 2] - wet[..., 0]).mean() > (dry[..., 2] - dry[..., 0]).mean() + 20
    assert len(np.unique(above.reshape(-1, 3), axis=0)) > 30  # not one flat colour


def test_a_picture_is_a_function_of_its_scene() -> None:
    scene = flat(pitch=12.0, mobs=one_mob("creeper"), time=1000, weather=1, clock=77)
    first = picture(scene)
    picture(scene.edited(yaw=90.0, time=15000))
    assert np.array_equal(first, picture(scene)) and np.array_equal(first, picture(scene, Renderer(SMALL)))


def test_a_change_of_the_world_shows_at_once() -> None:
    grid = Grid(FlatSource(), 0.5, 0.5)
    before = picture(Scene.of(grid, EYE))
    grid.set(0, FLOOR + 1, 3, BLOCKS.id("planks"))
    after = picture(Scene.of(grid, EYE))
    assert not np.array_equal(before, after)
    other = Grid(FlatSource(), 0.5, 0.5)  # another world of the same version is another world
    other.version = grid.version
    assert np.array_equal(before, picture(Scene.of(other, EYE)))


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"image_size": (4, 64)}, {"image_size": (64, 9000)}, {"fov": 5}, {"fov": 170},
                                      {"distance": 2}, {"distance": 500}, {"jitter": 0.9}])
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Renderer(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_proportions_can_be_jittered_and_labels_follow() -> None:
    records = one_mob("cow")
    plain = small().frame(flat(mobs=records), ("mobs",)).mobs[0]
    shapes = set()
    for seed in range(4):
        mob = Renderer(SMALL, jitter=0.3, seed=seed).frame(flat(mobs=records), ("mobs",)).mobs[0]
        shapes.add(mob.mask.tobytes())
        rows, columns = np.nonzero(mob.mask)
        for column, row, visibility in mob.joints:
            if visibility == 2:
                assert np.hypot(columns + 0.5 - column, rows + 0.5 - row).min() <= 2.0
        assert abs(mob.box[3] - plain.box[3]) <= 2  # it still stands on the ground
    assert len(shapes) == 4 and plain.mask.tobytes() not in shapes
    same = Renderer(SMALL, jitter=0.3, seed=3).frame(flat(mobs=records), ("mobs",)).mobs[0]
    assert same.mask.tobytes() in shapes


# -- textures ----------------------------------------------------------------------------------------------------------


def test_texture_sets_vary_with_seed_and_style_and_repeat() -> None:
    plain, again, other = Textures.procedural(), Textures.procedural(0), Textures.procedural(1)
    assert np.array_equal(plain.atlas, again.atlas) and plain.names == other.names
    differing = (plain.pictures != other.pictures).any(axis=(1, 2, 3)).mean()
    assert differing > 0.8
    looks = {style: Textures.procedural(3, style).pictures for style in STYLES}
    contrast = {style: float(pictures[..., :3].astype(float).std(axis=(1, 2)).mean())
                for style, pictures in looks.items()}
    assert len(set(contrast.values())) == len(STYLES) and contrast["vivid"] > contrast["plain"] > contrast["faded"]
    for pictures in looks.values():  # holes and tints are where they were
        assert (pictures[..., 3] == 0).mean() == pytest.approx((plain.pictures[..., 3] == 0).mean(), abs=0.02)
    with pytest.raises(UnknownName, match="vivid"):
        Textures.procedural(style="vivd")


def pack(folder: Path) -> Path:
    root = folder / "assets" / "minecraft" / "textures"
    (root / "blocks").mkdir(parents=True)
    (root / "entity" / "cow").mkdir(parents=True)
    return root


def test_a_resource_pack_replaces_what_it_has(tmp_path: Path) -> None:
    root = pack(tmp_path)
    Image.new("RGB", (32, 32), (200, 20, 220)).save(root / "blocks" / "grass_top.png")
    Image.new("RGBA", (64, 32), (10, 240, 240, 255)).save(root / "entity" / "cow" / "cow.png")
    strip = np.zeros((64, 16, 4), np.uint8)
    strip[:16] = (250, 250, 0, 255)
    Image.fromarray(strip).save(root / "blocks" / "stone.png")
    textures, painted = Textures.from_pack(tmp_path), Textures.procedural()
    assert (textures.pictures[textures.index("stone")] == (250, 250, 0, 255)).all()  # the first of an animation
    assert (textures.pictures[textures.index("grass_top")][..., 3] == 254).all()  # tinted, as the painted one is
    assert (textures.pictures[textures.index("cow_face")][..., :3] == (10, 240, 240)).all()
    brick = textures.index("brick")
    assert np.array_equal(textures.pictures[brick], painted.pictures[painted.index("brick")])
    mine = picture(flat(pitch=40.0), Renderer(SMALL, textures=textures)).mean((0, 1))
    assert mine[2] > mine[1]


def test_a_bad_resource_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="assets"):
        Textures.from_pack(tmp_path)
    root = pack(tmp_path)
    (root / "blocks" / "stone.png").write_bytes(b"no picture at all")
    with pytest.raises(InputError, match="stone"):
        Textures.from_pack(tmp_path)
    Image.new("RGB", (2048, 2048)).save(root / "blocks" / "stone.png")
    with pytest.raises(InputError, match="1024"):
        Textures.from_pack(tmp_path)


# -- the GPU -----------------------------------------------------------------------------------------------------------


def batch() -> list[Scene]:
    """Three worlds that between them reach every branch of a ray worth the name."""
    grid = Grid(FlatSource(), 0.5, 0.5)
    for x, y, z, name in ((2, FLOOR, 5, "fence"), (-2, FLOOR, 5, "leaves"), (1, FLOOR, 5, "tallgrass"),
                          (0, FLOOR - 1, 4, "water"), (-1, FLOOR + 1, 6, "stained_glass"), (3, FLOOR, 6, "torch")):
        grid.set(x, y, z, BLOCKS.id(name), 1 if name == "tallgrass" else 0)
    scene = Scene.of(grid, EYE, pitch=12.0, mobs=one_mob("pig", 7.0), held=ITEMS.id("air"))
    return [scene, scene.edited(time=13000, yaw=60.0, pitch=-5.0), flat(weather=1, snow=True)]


def compared(count: int, size: tuple[int, int]) -> None:
    """Draw the batch both ways, the second time after a change; all but stray pixels must be equal within 2 of 255."""
    from veclink.envs.voxel.render.gpu import BatchRenderer

    scenes, host, device = batch()[:count], Renderer(size), BatchRenderer(count, size)
    for _ in range(2):
        rgb, block, instance, depth = device.labelled(scenes)
        assert np.array_equal(device.frames(scenes[:1]), rgb[:1])
        for n, scene in enumerate(scenes):
            frame = host.frame(scene, ("all",))
            assert frame.block is not None and frame.instance is not None and frame.depth is not None
            off = np.abs(frame.rgb.astype(int) - rgb[n]).max(axis=2) > 2
            off |= (frame.block != block[n]) | (frame.instance != instance[n]) | (np.abs(frame.depth - depth[n]) > 1e-3)
            assert off.mean() <= 0.001  # a ray along an edge may fall to either side
        scenes[0].blocks[1, FLOOR, 3] = BLOCKS.id("sponge")
        scenes[0] = scenes[0].edited(version=-1)


def test_the_gpus_kernel_draws_the_same_pictures_in_the_simulator() -> None:
    code = "import test_render; test_render.compared(3, (16, 16)); print('equal')"
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1",
                   "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.strip() == "equal", done.stderr[-2000:]


def test_without_a_device_the_batch_says_so() -> None:
    from veclink.envs.voxel.render import gpu

    if gpu.available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(InputError, match="CUDA"):
        gpu.BatchRenderer(1)


@pytest.mark.gpu
def test_a_gpu_draws_the_same_pictures() -> None:
    from veclink.envs.voxel.render import gpu

    if not gpu.available():
        pytest.skip("no CUDA device")
    compared(3, (96, 128))
