"""`veclink eval look`: the twin shows what the world shows, an oracle gets all, one who sees nothing gets nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as Pillow

from veclink.agent.cli import main
from veclink.agent.measure import look, look_takes
from veclink.agent.measure.look_takes import KINDS, LEFT_OUT, MINECRAFT, SIZE, SKY, TWIN, Take, Takes
from veclink.agent.measure.look_twin import VOXELS, Told, Twin, twin_of, twin_renderer
from veclink.agent.nano.lesson import DETECT, SEGMENT
from veclink.agent.nano.scenes import LABELS
from veclink.agent.nano.truth import truth_of
from veclink.envs.contract import noop
from veclink.envs.errors import VeclinkError
from veclink.envs.facts import MOBS
from veclink.envs.minecraft import pictures
from veclink.envs.registry import make
from veclink.envs.voxel.render import Scene
from veclink.tools.results import Boxes, Masks

SURE = 0.25
NAMES = {"boxes": "finder", "masks": "outliner", "keypoints": "poser"}


@pytest.fixture(scope="module")
def world() -> Iterator[Any]:
    """The built-in world with mobs ahead."""
    made: Any = make(world="voxel", seed=5, image_size=SIZE, use_voxel=True, voxel_size=VOXELS, start_time=6000,
                     specified_biome="desert", allow_mob_spawn=False)
    made.reset()
    x, _, z = made.player.pos
    for kind, aside, ahead in (("cow", -2.0, 6.0), ("cow", 1.0, 7.0), ("zombie", 3.0, 5.0)):
        top = int(made.grid.top[int(np.floor(x + aside)) & 127, int(np.floor(z + ahead)) & 127])
        made.mobs.add(kind, x + aside, float(top), z + ahead)
    yield made
    made.close()


@pytest.fixture(scope="module")
def twin(world: Any) -> Twin:
    observation, *_ = world.step(noop())
    return twin_of(world, observation, twin_renderer(SIZE))


@pytest.fixture(scope="module")
def take(twin: Twin) -> Take:
    seen = frozenset(mob.id for mob in twin.truth.mobs)
    kinds = frozenset(mob.kind for mob in twin.truth.mobs)
    return Take(0, 5, "desert", {MINECRAFT: 255 - twin.frame.rgb, TWIN: twin.frame.rgb}, twin.truth,
                np.zeros(SIZE, bool), seen, kinds)


# -- the twin ----------------------------------------------------------------------------------------------------------


def test_the_twin_of_an_observation_shows_what_the_world_shows(world: Any, twin: Twin) -> None:
    player = world.player
    scene = Scene.of(world.grid, player.eye, yaw=player.yaw, pitch=player.pitch, mobs=world.mobs.records,
                     time=int(world.sky.time), weather=int(world.sky.weather))
    frame = twin_renderer(SIZE).frame(scene, LABELS)
    own = truth_of(frame, scene)
    assert len(own.mobs) >= 2 and [mob.kind for mob in twin.truth.mobs] == [mob.kind for mob in own.mobs]
    for ours, theirs in zip(own.mobs, twin.truth.mobs, strict=True):
        assert np.abs(np.subtract(ours.box, theirs.box)).max() <= 1
    assert own.blocks
    for block in own.blocks:
        other = twin.truth.block(block.kind)
        if block.clear and block.distance < 25:
            assert other is not None and (block.mask & other.mask).sum() > 0.95 * (block.mask | other.mask).sum()
    assert frame.block is not None and twin.ended[frame.block == 0].mean() > 0.9
    assert np.abs(frame.rgb.astype(int) - twin.frame.rgb).max(-1)[~twin.ended].mean() < 2


def test_told_blocks_lie_where_they_were_and_all_others_are_air() -> None:
    ids = np.arange(1, 4 * 3 * 5 + 1, dtype=np.uint8).reshape(4, 3, 5)
    told = Told(ids, ids // 2, (-18, -1, 14), 4)
    pieces = {(cx, cz): told.chunk(cx, cz) for cx in (-2, -1, 0) for cz in (0, 1)}
    blocks, metas, biome = pieces[-2, 0]
    assert blocks[14, 0, 14] == ids[0, 1, 0] and blocks[15, 1, 15] == ids[1, 2, 1]
    assert metas[14, 1, 14] == ids[0, 2, 0] // 2
    assert pieces[-1, 1][0][1, 0, 2] == ids[3, 1, 4] and biome[3, 3] == 4
    assert sum(int((piece[0] > 0).sum()) for piece in pieces.values()) == 4 * 2 * 5  # a layer is below the world


# -- scoring -----------------------------------------------------------------------------------------------------------


class Fake:
    """An agent whose answers a function gives: request text -> kind of tool, boxes, mask."""

    def __init__(self, take: Take, eyes: Any) -> None:
        self.eyes, self.device, self.profile = eyes, "cpu", SimpleNamespace(name="fake")
        self.core = SimpleNamespace(models={"core.safetensors": "0" * 64})
        self.tools = {name: SimpleNamespace(result=kind, models={"file": "1" * 64}) for kind, name in NAMES.items()}

    def run_batch(self, tasks: Sequence[Any]) -> list[Any]:
        runs = []
        for text, (picture,) in tasks:
            assert picture.shape == (*SIZE, 3)
            kind, boxes, mask = self.eyes(text)
            size = SIZE[1], SIZE[0]
            found: list[Any] = []
            if kind == "boxes" and boxes is not None:
                found = [Boxes(np.array(boxes, float), np.linspace(0.9, 0.8, len(boxes)), text, text, size)]
            elif kind == "masks" and mask is not None:
                found = [Masks(mask[None], np.ones(1), text, text, size)]
            routes = [SimpleNamespace(tool=NAMES[kind])] if kind else []
            runs.append(SimpleNamespace(routes=routes, results=[SimpleNamespace(result=one) for one in found]))
        return runs


def truth_by_text(take: Take) -> dict[str, Any]:
    import random

    return {request.text: request for request in look.requests_of(take, random.Random(0))}


def test_an_oracle_gets_all_and_who_sees_nothing_gets_nothing(take: Take) -> None:
    known = {text: one for text, one in truth_by_text(take).items() if one.things}

    def oracle(text: str) -> Any:
        one = known.get(text)
        if text.startswith("find"):
            return "boxes", [list(box) for box in one.boxes] if one else [], None
        return "masks", None, one.mask if one else None

    document = look.measure(Fake(take, oracle), SURE, lambda number: take, 3)  # type: ignore[arg-type]
    for part in document["looks"].values():
        for key in ("ap50", "precision", "recall", "f1", "absent_left_empty"):
            assert part["boxes"][key]["value"] == 1, key
        assert part["masks"]["miou"]["value"] == part["masks"]["absent_left_empty"]["value"] == 1
        assert part["routed"]["boxes"]["value"] == part["routed"]["masks"]["value"] == 1
        assert part["boxes"]["kinds"]["cow"]["value"] == 1 and part["masks"]["kinds"]["sand"]["value"] == 1
    assert document["difference"]["boxes"]["f1"] == {**document["difference"]["boxes"]["f1"], "value": 0, "low": 0}
    assert document["mobs_agreed"]["value"] == 1 and document["models"]["finder/file"] == "1" * 64
    json.dumps(document, allow_nan=False)

    nobody = look.measure(Fake(take, lambda text: ("keypoints", None, None)), SURE, lambda number: take, 2)  # type: ignore[arg-type]
    part = nobody["looks"][TWIN]
    assert part["boxes"]["recall"]["value"] == part["boxes"]["ap50"]["value"] == part["masks"]["miou"]["value"] == 0
    assert part["routed"]["boxes"]["value"] == part["routed"]["masks"]["value"] == 0
    assert part["boxes"]["absent_left_empty"]["value"] == 1 and part["boxes"]["precision"]["value"] is None


def test_what_is_asked_and_what_may_be_found_or_not(take: Take) -> None:
    requests = list(truth_by_text(take).values())
    mobs, blocks = ([one for one in requests if one.role == role] for role in (DETECT, SEGMENT))
    assert mobs[0].text.startswith("find the ") and mobs[-1].kind not in take.near and mobs[-1].things == 0
    assert {one.kind for one in mobs[:-1]} == {mob.kind for mob in take.truth.mobs if mob.clear}
    assert {one.kind for one in blocks[:-1]} == {block.kind for block in take.truth.blocks if block.clear}
    assert blocks[-1].things == 0 and take.truth.block(blocks[-1].kind) is None
    first = next(mob for mob in take.truth.mobs if mob.kind == "cow")
    part = truth_by_text(replace(take, agreed=take.agreed - {first.id}))  # Minecraft draws it elsewhere
    assert list(first.box) in [list(box) for box in part["find the cows"].ignored]
    assert len(part["find the cows"].boxes) == sum(mob.kind == "cow" for mob in take.truth.mobs) - 1
    nothing = truth_by_text(replace(take, unscored=np.ones(SIZE, bool))).values()
    assert not [one for one in nothing if one.role == SEGMENT and one.things]


def test_pixels_that_the_twin_does_not_know_are_not_scored() -> None:
    mask, away = np.zeros((2, *SIZE), bool)
    mask[100:120], away[:50] = True, True
    request = look.Request("outline the sand", SEGMENT, "sand", mask=mask)
    found = Masks((mask | away)[None], np.ones(1), "sand", "sand", (SIZE[1], SIZE[0]))
    answered = look.Answered(request, ("masks",), masks=found)
    assert look.row_of(answered, away, SURE)["iou"] == 1 and look.row_of(answered, ~(mask | away), SURE)["iou"] < 0.5
    empty = look.Answered(replace(request, mask=np.zeros(SIZE, bool)), ("masks",), masks=found[:0])
    row = look.row_of(empty, away, SURE)
    assert row["things"] == 0 and row["empty"] and row["iou"] == 1


def test_a_mob_agrees_where_the_picture_changed_at_its_place(take: Take, twin: Twin) -> None:
    mob = take.truth.mobs[0]
    before = np.zeros((*SIZE, 3), np.uint8)
    x0, y0, x1, y1 = mob.box
    same, moved = before.copy(), before.copy()
    same[mob.mask] = 200
    moved[y0:y1, x1 + 40 : 2 * x1 - x0 + 40] = 200
    assert look_takes.agreed(before, same, twin.truth) == {mob.id}
    assert mob.id not in look_takes.agreed(before, moved, twin.truth)
    sky = np.full((2, 2, 3), SKY, np.uint8)
    sky[0, 0] = 90
    assert look_takes.is_sky(sky).tolist() == [[False, True], [True, True]]
    assert not set(LEFT_OUT) & set(KINDS) and all(kind in MOBS for kind in KINDS)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_writes_document_records_and_sheet(take: Take, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
                                                       ) -> None:
    known = truth_by_text(take)

    def eyes(text: str) -> Any:
        one = known.get(text)
        if text.startswith("find"):
            return "boxes", [[10, 10, 40, 40]], None
        return "masks", None, one.mask if one and one.things else None

    closed: list[int] = []
    monkeypatch.setattr(look_takes, "Takes", lambda seed: SimpleNamespace(take=lambda number: take,
                                                                          close=lambda: closed.append(1)))
    monkeypatch.setattr(look, "look_agent", lambda profile, device: (Fake(take, eyes), SURE))
    result = CliRunner().invoke(main, ["eval", "look", "--frames", "3", "--json", "--out", str(tmp_path)])
    assert result.exit_code == 0 and closed == [1]
    document = json.loads(result.stdout)
    assert document["frames"] == 3 and set(document["looks"]) == {MINECRAFT, TWIN}
    assert document == json.loads((tmp_path / "look.json").read_text("utf8"))
    assert len((tmp_path / "look-records.jsonl").read_text("utf8").splitlines()) == 3
    with Pillow.open(tmp_path / "look.png") as sheet:
        assert sheet.width > 4 * SIZE[1] and sheet.height > 4 * SIZE[0]
        assert (255, 255, 255) in sheet.convert("RGB").crop((0, 0, 2 * SIZE[1], 2 * SIZE[0])).getdata()
    shown = CliRunner().invoke(main, ["eval", "look", "--frames", "2"])
    assert shown.exit_code == 0 and "ap50" in shown.stdout and "difference" in shown.stdout


def test_without_the_viewer_the_command_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pictures.PicturesMissing("the npm packages", "none", pictures.INSTALL)

    monkeypatch.setattr(pictures, "check", missing)
    result = CliRunner().invoke(main, ["eval", "look"])
    assert result.exit_code and "doctor --fetch minecraft-pictures" in result.output


def test_a_frame_of_the_minecraft_world_has_mobs_where_its_twin_has_them() -> None:
    try:
        takes = Takes(0)
    except VeclinkError as error:
        pytest.skip(str(error))
    try:
        try:
            found = takes.take(0)
        except VeclinkError as error:
            if "Chromium" in str(error) or "libraries" in str(error):
                pytest.skip(str(error))
            raise
    finally:
        takes.close()
    assert found.pictures[MINECRAFT].shape == found.pictures[TWIN].shape == (*SIZE, 3)
    assert any(mob.clear and mob.id in found.agreed for mob in found.truth.mobs)
    assert found.near <= set(KINDS) and found.unscored.mean() < 0.5 and found.truth.blocks
