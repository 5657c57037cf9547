"""nano's pictures: places, scenes with their truth, changes drawn truly, samples by number."""

from __future__ import annotations

import numpy as np
import pytest

from veclink.agent.nano import scenes
from veclink.agent.nano.book import book
from veclink.agent.nano.edits import removal, swap, whole_change
from veclink.agent.nano.places import place
from veclink.agent.nano.preview import preview
from veclink.agent.nano.referring import Said
from veclink.agent.nano.scenes import HELD_OUT, STYLES, Scenes, changed
from veclink.agent.nano.stream import Stream, source
from veclink.envs.errors import InputError
from veclink.envs.voxel.render.brush import STYLES as ALL_STYLES
from veclink.envs.voxel.render.frame import HAND
from veclink.tools.results import Image

SMALL = ((96, 160),)


@pytest.fixture(scope="module", autouse=True)
def few_texture_sets():
    """Painting a set takes a quarter of a second: two are enough here."""
    before, scenes.SETS = scenes.SETS, 2
    yield
    scenes.SETS = before


@pytest.fixture(scope="module")
def world() -> Scenes:
    return Scenes("train", 3, sizes=SMALL)


@pytest.fixture(scope="module")
def shots(world: Scenes) -> list[scenes.Shot]:
    return [world.shot(index) for index in range(20)]


def test_scenes_are_the_same_by_number_in_any_order(world: Scenes, shots: list[scenes.Shot]):
    again = Scenes("train", 3, sizes=SMALL)
    for index in (7, 2):
        assert (again.shot(index).frame.rgb == shots[index].frame.rgb).all()
    assert (Scenes("train", 4, sizes=SMALL).shot(7).frame.rgb != shots[7].frame.rgb).any()
    assert (shots[6].frame.rgb != shots[7].frame.rgb).any()


def test_truth_fits_the_pixels(shots: list[scenes.Shot]):
    mobs = [(shot, mob) for shot in shots for mob in shot.truth.mobs]
    assert len(mobs) >= 15 and len({mob.kind for _, mob in mobs}) >= 5
    for shot, mob in mobs:
        rows, columns = np.nonzero(mob.mask)
        assert mob.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert mob.pixels == mob.mask.sum() and 0 < mob.share <= 1
        assert mob.distance < scenes.DISTANCE and mob.kind in book("mobs")
        for block in shot.truth.blocks:
            assert not (block.mask & mob.mask).any()
    kinds = {block.kind for shot in shots for block in shot.truth.blocks}
    assert len(kinds) >= 8


def test_splits_share_no_world_and_no_texture(world: Scenes):
    train, test = place("train", 0, 1), place("test", 0, 1)
    assert train.grid.source.seed != test.grid.source.seed  # type: ignore[attr-defined]  # a Terrain
    other = Scenes("test", 3, sizes=SMALL)
    looks = [{one.shot(index).look[:2] for index in range(2)} for one in (world, other)]
    assert not looks[0] & looks[1]


def test_one_style_is_held_out():
    assert HELD_OUT in ALL_STYLES and HELD_OUT not in STYLES and set(STYLES) | {HELD_OUT} == set(ALL_STYLES)
    with pytest.raises(InputError):
        Scenes("train", held_out=True)
    assert Scenes("test", 3, held_out=True, sizes=SMALL).shot(0).look[0] == HELD_OUT


def test_a_removed_mob_changes_the_picture_where_it_stood(world: Scenes, shots: list[scenes.Shot]):
    shot = next(one for one in shots if one.truth.mobs and one.truth.mobs[0].pixels > 60)
    mob = shot.truth.mobs[0]
    change = removal(shot.truth, Said("it", "", "", False, (mob.id,)))
    after = world.edited(shot, change)
    differs = (after != shot.frame.rgb).any(2)
    assert change.where is not None and (change.where == mob.mask).all()
    assert differs[mob.mask].mean() > 0.7 and differs[~mob.mask].mean() < 0.02


def test_night_and_snow_and_swapped_blocks(world: Scenes, shots: list[scenes.Shot]):
    shot = next(one for one in shots if one.truth.hour == "day" and not one.truth.snow and one.truth.weather == 0
                and one.truth.block("grass") and one.truth.block("grass").pixels > 500)  # type: ignore[union-attr]
    assert world.edited(shot, whole_change("night")).mean() < 0.6 * shot.frame.rgb.mean()
    assert world.edited(shot, whole_change("snow")).mean() > shot.frame.rgb.mean()
    change = swap(shot.truth, "grass", "gold")
    after = changed(shot.scene, change)
    assert after.block_map is not None and (shot.scene.block_map is None or after is not shot.scene)
    differs = (world.edited(shot, change) != shot.frame.rgb).any(2)
    assert change.where is not None and differs[change.where].mean() > 0.9
    assert differs[~change.where].mean() < 0.1


def test_samples_go_on_from_any_number(tmp_path):
    stream = Stream("train", 3, sizes=SMALL)
    first = [stream.sample(index) for index in range(6)]
    going = source("train", 3, sizes=SMALL)(4)
    for sample in first[4:]:
        other = next(going)
        assert [turn.text for turn in other.turns] == [turn.text for turn in sample.turns]
        assert (other.picture == sample.picture).all() and other.name == sample.name
    for sample in first:
        assert sample.picture is not None and len(sample.turns) == len(sample.notes["turns"]) > 0
        changes = [call for turn in sample.turns for call in turn.calls if call.tool == "edit"]
        assert sum(call.target is not None for call in changes) == min(len(changes), 1)
        for call in changes:
            if call.target is not None:
                assert isinstance(call.target, Image) and (call.target.pixels != sample.picture).any()
    assert len({turn.text for sample in first for turn in sample.turns}) >= 30


def test_the_preview_writes_pictures(tmp_path):
    files = preview(tmp_path / "out", 1, 3)
    assert [file.name for file in files] == ["train-3-0.png"] and files[0].stat().st_size > 10_000


def test_hands_are_in_as_many_pictures_as_asked_for_and_belong_to_nothing(shots: list[scenes.Shot]):
    handed = [Scenes("train", 3, sizes=SMALL, hands=0.5).shot(index) for index in range(12)]
    with_one = [shot for shot in handed if (shot.scene.held >= 0)]
    assert 2 <= len(with_one) <= 10
    for shot, bare in zip(handed, shots, strict=False):
        changed_there = (shot.frame.rgb != bare.frame.rgb).any(-1)
        assert changed_there.any() == (shot.scene.held >= 0), "all else is drawn as without"
        for block in shot.truth.blocks if shot.scene.held >= 0 else ():
            assert not (block.mask & changed_there).all()
    renderer = Scenes("train", 3, sizes=SMALL, hands=1.0)
    assert all(renderer.shot(index).scene.held >= 0 for index in range(3)) and HAND == 255


def test_burrows_are_dark_tunnels_with_ore_shown_as_a_camera_would():
    world = Scenes("train", 5, sizes=SMALL, burrows=1.0)
    shown = [world.shot(index) for index in range(24)]
    made = world._place(0)
    assert made.narrow and made.floor
    for (i, k), y in list(made.floor.items())[:20]:
        assert not made.grid.get(i, y, k) and not made.grid.get(i, y + 1, k)
    assert sum(any(block.kind.endswith("ore") for block in shot.truth.blocks) for shot in shown) >= 4
    assert float(np.mean([shot.frame.rgb.max(-1).mean() for shot in shown])) > 20, "brightened"
    assert place("train", 5, 0).narrow is False, "only where they are asked for"
