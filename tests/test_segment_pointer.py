"""Segment Anything with a detector of an open vocabulary for its grounder: what it finds prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from veclink.tools import Boxes, Condition, Masks, Region, check_tool
from veclink.tools.closer import Look
from veclink.tools.detect import Detect
from veclink.tools.segment import LOOSE, ROWS, SHAKEN, Segment

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (96, 64)  # width, height


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("weights") / "detect.safetensors"
    detector = Detect("yolo11n-world.yaml", "cpu", "table", resolution=96)
    detector.ready()
    detector.save(path)
    made = Segment("sam_small_random", "cpu", grounder=str(path), words="table")
    made.ready()
    return made


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def shapes(*corners: Sequence[int]) -> Masks:
    masks = np.zeros((len(corners), SIZE[1], SIZE[0]), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, corners, strict=True):
        mask[y1:y2, x1:x2] = True
    return Masks(masks, np.ones(len(masks)), ["cow"] * len(masks), "the cows", SIZE)


def test_the_contract_holds_and_the_condition_has_room_for_both(tool: Segment) -> None:
    assert tool.pointer is not None and tool.sam is not None
    assert len(check_tool(tool)) == 7
    assert tool.condition == (ROWS, tool.sam.width + tool.pointer.condition[1])
    assert tool.pointer.options["resolution"] == 96, "what the detector was trained at"
    (bridge,), (told,) = tool.bridge(["the cows"]), tool.pointer.bridge(["the cows"])
    assert torch.equal(bridge[:1, tool.sam.width :], told) and not bridge[1:, tool.sam.width :].any()
    assert tool.learned == tool.sam.width, "what the detector is told stays the bridge's"


def nearby(corners: Sequence[float]) -> list[float]:
    """A box in the closer look at it."""
    x0, y0, x1, y1 = corners
    region = Region.box(x0, y0, x1, y1)
    look = Look.at(region, SIZE)
    assert look is not None
    return look.region(region).points.reshape(4).tolist()


def test_what_the_detector_finds_prompts(tool: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool.pointer is not None and tool.sam is not None
    asked: list[Condition] = []
    corners = [[8.0, 8, 40, 40], [50.0, 20, 90, 60]]

    def found(images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Boxes]:
        asked.extend(conditions)
        return [Boxes(np.array(corners if c.phrase == "cows" else []).reshape(-1, 4), np.ones(2 * (c.phrase == "cows")),
                      "cow", c.phrase, SIZE) for c in conditions]

    prompted: list[Any] = []
    logits = tool.sam.logits
    monkeypatch.setattr(tool.pointer, "decode", found)
    monkeypatch.setattr(tool.sam, "logits", lambda prompts: prompted.extend(prompts) or logits(prompts))
    cows, sand = tool.bridge(["cows", "sand"])
    marked = Condition(cows, "cows", (Region.box(0, 0, 20, 20),))
    drawn, _, _ = tool.decode([picture()] * 3, [Condition(cows, "cows"), Condition(sand, "sand"), marked])
    assert isinstance(drawn, Masks)
    for box, inside in zip(drawn.xyxy, corners, strict=False):
        margin = [0.08 * (inside[2] - inside[0]) + 1, 0.08 * (inside[3] - inside[1]) + 1]
        assert (box[:2] >= np.subtract(inside[:2], margin)).all() and (box[2:] <= np.add(inside[2:], margin)).all()
    assert [c.phrase for c in asked] == ["cows", "sand"], "regions say where by themselves"
    assert torch.equal(asked[0].vectors, cows[:1, tool.sam.width :])
    wanted = [*map(nearby, corners), None, [0, 0, 20, 20]]
    assert [None if p.box is None else p.box.tolist() for p in prompted] == wanted
    assert torch.equal(prompted[2].rows, sand[:, : tool.sam.width]), "what has no box is left to the vectors"


def test_the_rows_learn_and_the_detector_stays(tool: Segment) -> None:
    assert tool.pointer is not None and tool.sam is not None
    torch.manual_seed(0)
    vectors = [v.clone().requires_grad_(True) for v in tool.bridge(["the cows", "no cows"])]
    targets = [shapes((8, 8, 40, 40), (50, 20, 90, 60)), shapes()]
    before = [p.clone() for p in tool.pointer.yolo.model.parameters()]
    for network in tool.networks().values():
        network.requires_grad_(True).train()
    try:
        tool.loss([picture(), picture(1)], [Condition(v, "x") for v in vectors], targets).backward()
    finally:
        for network in tool.networks().values():
            network.requires_grad_(False).eval()
    grad = vectors[0].grad
    assert grad is not None
    assert grad[:, : tool.sam.width].any() and not grad[:, tool.sam.width :].any()
    assert all(torch.equal(a, b) for a, b in zip(before, tool.pointer.yolo.model.parameters(), strict=True))


def test_training_shows_the_boxes_of_half_of_the_targets_loosely(tool: Segment) -> None:
    assert tool.sam is not None
    target = shapes((20, 10, 60, 50))
    assert tool._shown(target) == (), "only in training"
    tool.sam.model.train()
    try:
        torch.manual_seed(1)
        shown = [tool._shown(target) for _ in range(200)]
    finally:
        tool.sam.model.eval()
    boxes = np.array([region.points.reshape(4) for regions in shown for region in regions])
    assert 70 < len(boxes) < 130
    assert np.abs(boxes - [20, 10, 60, 50]).max() <= LOOSE * 40 + SHAKEN + 1e-4 and boxes.std(0).min() > 0.5


def test_a_file_that_is_missing_leaves_regions_and_vectors(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = Segment("sam_small_random", "cpu", grounder=str(tmp_path / "none.safetensors"), words="table")
    made.ready()
    assert made.pointer is None and made.condition == (ROWS, 256) and "cannot" not in caplog.text
    assert "regions and link vectors alone" in caplog.text
