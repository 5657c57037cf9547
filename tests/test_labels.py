"""What a frame says about its own pixels: projection, boxes, masks, joints, pairs that differ in one thing."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_fakes import FLOOR, FlatSource

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel import entities
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.render import JOINTS, LABELS, Frame, Renderer, Scene, SeenMob
from veclink.envs.voxel.render.frame import DROP, HAND, VISIBLE

SIZE = (96, 128)
LINE = ("cow", "pig", "zombie", "sheep", "villager", "skeleton")  # what stands in a row before the camera
PER_PIXEL = ("block", "instance", "kind", "depth", "normal")


def mob(records: np.ndarray, slot: int, kind: str, x: float, y: float, z: float, yaw: float = 180.0,
        **more: object) -> None:
    record = records[slot]
    record["alive"], record["kind"], record["id"], record["size"] = True, MOBS.id(kind), 10 + slot, 1
    record["x"], record["y"], record["z"] = x, y, z
    record["yaw"] = record["head_yaw"] = yaw
    record["phase"], record["swing"] = slot, 0.6
    for name, value in more.items():
        record[name] = value


@functools.cache
def meadow() -> Scene:
    """Six mobs in a row on grass, a stone wall behind them, planks before the cow, a glass pane, a drop."""
    grid = Grid(FlatSource(), 0.5, 0.5)
    for x in range(-8, 9):
        for y in range(FLOOR, FLOOR + 4):
            grid.set(x, y, 13, BLOCKS.id("stone"))
    grid.set(-4, FLOOR, 6, BLOCKS.id("planks"))
    grid.set(5, FLOOR, 4, BLOCKS.id("glass"))
    grid.set(3, FLOOR, 5, BLOCKS.id("yellow_flower"))
    records = entities.mobs()
    for slot, kind in enumerate(LINE):
        mob(records, slot, kind, -5.0 + 2.0 * slot, FLOOR, 8.5, yaw=180 + 25 * slot)
    mob(records, len(LINE), "chicken", 0.5, FLOOR, -6.0)  # behind the eye
    drops = entities.drops()
    drops[0]["alive"], drops[0]["id"], drops[0]["item"] = True, 1, ITEMS.id("apple")
    drops[0]["x"], drops[0]["y"], drops[0]["z"] = 0.0, FLOOR, 4.0
    return Scene.of(grid, (0.5, FLOOR + 1.62, 0.5), pitch=8.0, mobs=records, drops=drops, held=ITEMS.id("iron_axe"))


@functools.cache
def renderer() -> Renderer:
    return Renderer(SIZE)


@functools.cache
def seen() -> Frame:
    return renderer().frame(meadow(), ("all",))


def named(frame: Frame, name: str) -> SeenMob:
    return next(mob for mob in frame.mobs if mob.name == name)


def changed(a: Frame, b: Frame) -> np.ndarray:
    return (a.rgb != b.rgb).any(axis=2)


def same_labels(a: Frame, b: Frame) -> bool:
    pixels = all(np.array_equal(getattr(a, label), getattr(b, label)) for label in PER_PIXEL)
    return pixels and len(a.mobs) == len(b.mobs) and all(
        (m.id, m.box, m.share) == (n.id, n.box, n.share) and np.array_equal(m.joints, n.joints)
        and np.array_equal(m.mask, n.mask) for m, n in zip(a.mobs, b.mobs, strict=True))


@settings(max_examples=12, deadline=None)
@given(yaw=st.floats(-180, 180), pitch=st.floats(-60, 80), x=st.floats(-3, 3), up=st.floats(0.3, 4), z=st.floats(-3, 3))
def test_a_pixels_depth_leads_to_the_block_it_names_and_back(yaw: float, pitch: float, x: float, up: float,
                                                             z: float) -> None:
    scene = meadow().edited(eye=(x, FLOOR + up, z), yaw=yaw, pitch=pitch, held=-1)
    frame = renderer().frame(scene, PER_PIXEL)
    assert frame.depth is not None and frame.block is not None and frame.normal is not None
    planar = frame.planar()
    for row in range(3, SIZE[0], 13):
        for column in range(3, SIZE[1], 17):
            distance = float(frame.depth[row, column])
            place = frame.camera.unproject(column + 0.5, row + 0.5, distance)
            back = frame.camera.project(place)[0]
            assert back[:2] == pytest.approx((column + 0.5, row + 0.5), abs=1e-3)
            assert back[2] == pytest.approx(planar[row, column], abs=1e-3)
            assert math.dist(place, scene.eye) == pytest.approx(distance, abs=1e-4)
            block = int(frame.block[row, column])
            if BLOCKS.shape[block] == 1:  # a cube: just behind its face lies the block of that name
                inside = np.floor(place - 1e-3 * frame.normal[row, column]).astype(int)
                assert scene.blocks[inside[0] & 127, inside[1], inside[2] & 127] == block


def test_the_ground_ahead_is_at_the_distance_that_geometry_gives() -> None:
    frame = renderer().frame(meadow().edited(pitch=90.0, held=-1), PER_PIXEL)
    assert frame.depth is not None and frame.normal is not None and frame.block is not None
    middle = SIZE[0] // 2, SIZE[1] // 2
    assert frame.depth[middle] == pytest.approx(1.62, abs=1e-3)
    assert frame.normal[middle].tolist() == [0.0, 1.0, 0.0]
    assert frame.planar() == pytest.approx(np.full(SIZE, 1.62), abs=1e-3)
    assert BLOCKS.names[frame.block[middle]] == "grass"


def test_boxes_are_tight_and_masks_are_the_instances() -> None:
    frame = seen()
    assert frame.instance is not None and frame.kind is not None
    assert {mob.name for mob in frame.mobs} == set(LINE)  # not the one behind the eye
    for one in frame.mobs:
        rows, columns = np.nonzero(one.mask)
        assert one.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.array_equal(one.mask, frame.instance == one.id)
        assert np.array_equal(one.mask, frame.kind == one.kind + 1)
        assert MOBS.names[one.kind] == one.name
    assert set(np.unique(frame.instance)) == {0, *(one.id for one in frame.mobs)}


def test_shares_tell_what_is_hidden() -> None:
    frame = seen()
    assert named(frame, "zombie").share > 0.97 and named(frame, "sheep").share > 0.9
    hidden = named(frame, "cow").share  # planks stand before it
    assert 0.02 < hidden < 0.9
    bare = renderer().frame(meadow().with_block(BLOCKS.id("planks"), 0), ("mobs",))
    assert named(bare, "cow").share > 0.97
    # its silhouette is the same with the wall and without
    assert named(frame, "cow").mask.sum() / hidden == pytest.approx(named(bare, "cow").mask.sum(), rel=0.05)


@pytest.mark.parametrize("name", ["pig", "sheep", "villager"])
def test_a_removed_mob_changes_its_own_pixels_only(name: str) -> None:
    before = seen()
    one = named(before, name)
    after = renderer().frame(meadow().edited(hidden=frozenset({one.id})), ("all",))
    assert not (changed(before, after) & ~one.mask).any()
    assert changed(before, after)[one.mask].mean() > 0.8
    assert after.instance is not None and not (after.instance == one.id).any()
    for label in PER_PIXEL:
        assert np.array_equal(getattr(before, label)[~one.mask], getattr(after, label)[~one.mask])


def test_a_recoloured_mob_changes_its_own_pixels_only_and_no_label() -> None:
    before = seen()
    one = named(before, "pig")
    after = renderer().frame(meadow().edited(recoloured={one.id: (0.2, 0.4, 1.6)}), ("all",))
    assert not (changed(before, after) & ~one.mask).any()
    assert changed(before, after)[one.mask].mean() > 0.9
    assert same_labels(before, after)


def test_one_kind_of_block_turned_into_another_changes_its_pixels_only() -> None:
    before, grass, sand = seen(), BLOCKS.id("grass"), BLOCKS.id("sand")
    after = renderer().frame(meadow().with_block(grass, sand), ("all",))
    assert before.block is not None and after.block is not None
    mask = before.block == grass
    assert np.array_equal(changed(before, after), changed(before, after) & mask)
    assert changed(before, after)[mask].mean() > 0.95
    assert np.array_equal(after.block, np.where(mask, sand, before.block))
    assert all(np.array_equal(getattr(before, label), getattr(after, label)) for label in ("depth", "instance", "kind"))


@pytest.mark.parametrize("edit", [{"time": 18000}, {"time": 12500}, {"weather": 1}, {"weather": 2}, {"snow": True},
                                  {"weather": 1, "snow": True, "time": 22000}])
def test_hour_weather_and_snow_leave_the_labels_bit_for_bit(edit: dict[str, int]) -> None:
    other = renderer().frame(meadow().edited(**edit), ("all",))
    assert same_labels(seen(), other)
    assert changed(seen(), other).mean() > 0.25


def test_joints_have_the_plans_names_and_visible_ones_lie_on_the_mask() -> None:
    counts = {}
    for turn in (0.0, 70.0, 140.0):
        scene = meadow().edited(mobs=meadow().mobs.copy())
        scene.mobs["yaw"] += turn
        scene.mobs["head_yaw"] += turn
        frame = renderer().frame(scene, ("mobs",))
        for one in frame.mobs:
            assert one.plan == ("quadruped" if one.name in ("cow", "pig", "sheep") else "humanoid")
            assert one.joints.shape == (len(JOINTS[one.plan]), 3) and set(one.joints[:, 2]) <= {0.0, 1.0, 2.0}
            visible = one.joints[one.joints[:, 2] == VISIBLE]
            counts[one.name] = max(counts.get(one.name, 0), len(visible))
            rows, columns = np.nonzero(one.mask)
            for column, row, _ in visible:
                assert np.hypot(columns + 0.5 - column, rows + 0.5 - row).min() <= 2.0
    assert all(counts[name] >= 8 for name in ("pig", "zombie", "sheep", "skeleton")), counts


def test_joints_follow_the_body() -> None:
    records = entities.mobs()
    mob(records, 0, "zombie", 0.5, FLOOR, 4.0, swing=0.0)
    scene = meadow().edited(mobs=records, drops=entities.drops(), held=-1, pitch=15.0)
    facing = renderer().frame(scene, ("mobs",)).mobs[0]
    joint = dict(zip(JOINTS["humanoid"], facing.joints, strict=True))
    assert joint["head"][1] < joint["neck"][1] < joint["left_hip"][1] < joint["left_knee"][1] < joint["left_foot"][1]
    # it faces the camera, so its left is on the picture's right
    assert joint["left_shoulder"][0] > joint["right_shoulder"][0]
    records["yaw"] = records["head_yaw"] = 0.0
    away = dict(zip(JOINTS["humanoid"], renderer().frame(scene, ("mobs",)).mobs[0].joints, strict=True))
    assert away["left_shoulder"][0] < away["right_shoulder"][0]


def test_a_mob_that_is_cut_by_the_edge_has_joints_outside() -> None:
    records = entities.mobs()
    mob(records, 0, "zombie", 0.5, FLOOR, 2.0)
    near = renderer().frame(meadow().edited(mobs=records, pitch=0.0, held=-1), ("mobs",)).mobs[0]
    inside = (near.joints[:, 0] >= 0) & (near.joints[:, 0] < SIZE[1]) & (near.joints[:, 1] >= 0) \
        & (near.joints[:, 1] < SIZE[0])
    assert not inside.all() and np.array_equal(near.joints[:, 2] > 0, inside)
    assert near.box[3] == SIZE[0]


def test_a_mob_behind_glass_and_in_water_keeps_its_label() -> None:
    grid = Grid(FlatSource(), 0.5, 0.5)
    for x in range(-3, 5):
        grid.set(x, FLOOR, 4, BLOCKS.id("stained_glass"), 14)
        grid.set(x, FLOOR + 1, 4, BLOCKS.id("stained_glass"), 14)
    records = entities.mobs()
    mob(records, 0, "pig", 0.5, FLOOR, 6.5)
    scene = Scene.of(grid, (0.5, FLOOR + 1.0, 0.5), mobs=records)
    clear = renderer().frame(scene.with_block(BLOCKS.id("stained_glass"), 0), ("all",))
    tinted = renderer().frame(scene, ("all",))
    assert np.array_equal(clear.mobs[0].mask, tinted.mobs[0].mask) and tinted.mobs[0].share == clear.mobs[0].share
    assert changed(clear, tinted)[tinted.mobs[0].mask].all()


def test_drops_and_the_hand_have_their_marks() -> None:
    frame = seen()
    assert frame.kind is not None and frame.block is not None and frame.instance is not None
    for mark in (DROP, HAND):
        mask = frame.kind == mark
        assert mask.any() and not frame.block[mask].any() and not frame.instance[mask].any()
    bare = renderer().frame(meadow().edited(held=-1, drops=entities.drops()), ("kind",))
    assert bare.kind is not None and not (bare.kind >= DROP).any()


def test_only_what_was_asked_for_is_there() -> None:
    assert all(getattr(renderer().frame(meadow()), label) in (None, []) for label in LABELS)
    frame = renderer().frame(meadow(), ("depth",))
    assert frame.depth is not None and frame.block is None and frame.instance is None and frame.mobs == []
    assert np.array_equal(frame.rgb, seen().rgb)
    with pytest.raises(UnknownName, match="depth"):
        renderer().frame(meadow(), ("dept",))
