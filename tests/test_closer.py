"""Closer looks: where they are, what they show, and the tools that take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.tools.check import check_tool
from veclink.tools.closer import ROUND, Look
from veclink.tools.condition import Condition
from veclink.tools.detect import Detect
from veclink.tools.errors import WeightsError
from veclink.tools.pose import SMALL, Pose
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Keypoints, Masks
from veclink.tools.segment import Segment
from veclink.tools.small_points import (
    SIDE,
    ClosePoints,
    inner,
    mirrored,
    peaks,
    points_loss,
    points_of,
    scale_of,
    shown,
)
from veclink.tools.small_pose import POINTS

torch.set_num_threads(1)
SIZE = (120, 80)  # width, height
NAMES = ("nose", "left_foot", "right_foot")
COLOURS = ((250, 30, 30), (30, 250, 30), (30, 30, 250))  # of the points in the pictures here


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (10, 15, 3)), np.ones((8, 8, 1))).astype(np.uint8)


# -- where one looks ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_look_lies_in_its_picture_and_holds_its_region(width: int, height: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.floats(0, width - 1)), data.draw(st.floats(0, height - 1))
    x1, y1 = data.draw(st.floats(x0 + 0.5, width)), data.draw(st.floats(y0 + 0.5, height))
    region = Region.box(x0, y0, x1, y1)
    look = Look.at(region, (width, height))
    assert look is not None
    assert 0 <= look.x0 <= x0 and x1 <= look.x1 <= width and 0 <= look.y0 <= y0 and y1 <= look.y1 <= height
    moved = look.region(region)
    moved.check(look.x1 - look.x0, look.y1 - look.y0)
    assert np.allclose(moved.points + np.array([look.x0, look.y0]), region.points)


def test_a_part_goes_back_where_it_was() -> None:
    mask = np.zeros((80, 120), bool)
    mask[30:50, 60:90] = True
    look = Look.at(Region.of_mask(mask), SIZE)
    assert look is not None and look == Look(45, 10, 105, 70, SIZE) and ROUND == 2
    assert np.array_equal(look.back(look.part(mask)), mask)
    assert np.array_equal(look.region(Region.of_mask(mask)).as_mask(60, 60), look.part(mask))


def test_points_and_strokes_say_no_size() -> None:
    assert Look.at(Region.point(5, 5), SIZE) is None and Look.at(Region.scribble([(5, 5), (9, 9)]), SIZE) is None


# -- masks -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def segmenter() -> Segment:
    return Segment("sam_small_random", "cpu", grounder=None, confidence=0.0).ready()  # type: ignore[return-value]


def masks(tool: Segment, image: np.ndarray, region: Region) -> np.ndarray:
    found = tool.decode([image], [Condition(torch.zeros(tool.condition), "it", (region,))])[0]
    assert isinstance(found, Masks)
    return found.masks


def test_a_small_segmenter_looks_closer_at_boxes_alone(segmenter: Segment) -> None:
    box, point = Region.box(20, 20, 40, 40), Region.point(30, 30)
    other = picture()
    other[:, 60:] = 0  # far from the box
    assert np.array_equal(masks(segmenter, picture(), box), masks(segmenter, other, box))
    assert not np.array_equal(masks(segmenter, picture(), point), masks(segmenter, other, point))
    look = Look.at(box, SIZE)
    assert look is not None
    outside = masks(segmenter, picture(), box)[0]
    outside[look.y0 : look.y1, look.x0 : look.x1] = False
    assert not outside.any()


def test_boxes_of_many_pictures_are_as_one_by_one(segmenter: Segment) -> None:
    images = [picture(0), picture(1), picture(0)]
    regions = [Region.box(20, 20, 40, 40), Region.point(30, 30), Region.box(50, 10, 119, 79)]
    zeros = torch.zeros(segmenter.condition)
    together = segmenter.decode(images, [Condition(zeros, "it", (region,)) for region in regions])
    for image, region, result in zip(images, regions, together, strict=True):
        segmenter.forget()
        assert isinstance(result, Masks)
        alone = masks(segmenter, image, region)
        assert (alone & result.masks).sum() >= 0.999 * (alone | result.masks).sum()


def test_closer_looks_teach_the_encoder(segmenter: Segment) -> None:
    network = segmenter.networks()["network"].requires_grad_(True)
    mask = np.zeros((1, 80, 120), bool)
    mask[0, 25:35, 25:35] = True
    target = Masks(mask, np.ones(1), "it", "it", SIZE)
    condition = Condition(torch.zeros(segmenter.condition), "it", (Region.box(20, 20, 40, 40),))
    network.train()
    segmenter.loss([picture()], [condition], [target]).backward()
    grown = [p.grad for p in network.image_encoder.parameters() if p.grad is not None]
    network.requires_grad_(False).eval().zero_grad()
    assert sum(float(grad.abs().sum()) for grad in grown) > 0


# -- points ------------------------------------------------------------------------------------------------------------


def test_a_peak_is_where_its_cell_is() -> None:
    where = torch.full((1, 2, 8, 8), -9.0)
    where[0, 0, 3, 5] = 9.0
    where[0, 1, 0, 7] = where[0, 1, 0, 6] = 9.0
    assert torch.allclose(peaks(where), torch.tensor([[[5.5, 3.5], [7.0, 0.5]]]), atol=1e-3)


def test_a_mirror_swaps_sides() -> None:
    order = mirrored(POINTS)
    assert [order[i] for i in order] == list(range(len(POINTS)))
    assert POINTS[order[POINTS.index("left_hind_foot")]] == "right_hind_foot" and POINTS[order[0]] == POINTS[0]


def scene(seed: int) -> tuple[np.ndarray, Keypoints]:
    """A picture in which each point of a body is a patch of its colour."""
    rng = np.random.default_rng(seed)
    image = np.full((80, 120, 3), 128, np.uint8)
    x, y = rng.uniform(10, 60), rng.uniform(5, 30)
    box = np.array([[x, y, x + 40, y + 40]])
    xy = box[0, :2] + rng.uniform(5, 35, (3, 2))
    for (px, py), colour in zip(xy, COLOURS, strict=True):
        image[int(py) - 3 : int(py) + 4, int(px) - 3 : int(px) + 4] = colour
    return image, Keypoints(xy[None], np.ones((1, 3)), box, np.ones(1), "cow", "the cow", SIZE, NAMES)


def test_points_are_learned_from_a_few_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veclink.tools.small_points.mirrored", lambda names: [0, 1, 2])  # colours know no sides
    torch.manual_seed(0)
    network = ClosePoints(3).train()
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    losses = []
    for step in range(40):
        images, targets = zip(*(scene(100 + 8 * step + i) for i in range(8)), strict=True)
        loss = points_loss(network, NAMES, images, targets, torch.ones(8, 3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] * 0.7
    network.eval()
    off = []
    for seed in range(8):
        image, target = scene(seed)
        table = points_of(network, image, target.boxes)
        off.append(np.hypot(*(table[0, :, :2] - target.xy[0]).T))
        assert (table[..., 2] > 0.8).all(), "they are all there"
    assert np.median(off) < 4


def test_what_is_not_asked_for_teaches_nothing() -> None:
    torch.manual_seed(0)
    network = ClosePoints(3)
    image, target = scene(0)
    asked = torch.tensor([[1.0, 0.0, 0.0]])
    points_loss(network, NAMES, [image], [target], asked).backward()
    grad = network.where.weight.grad
    assert grad is not None and grad[0].abs().sum() > 0 and grad[1:].abs().sum() == 0
    nobody = points_loss(network, NAMES, [image], [target[np.zeros(0, int)]], asked)
    assert float(nobody.detach()) == 0 and nobody.requires_grad


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 80), st.integers(1, 40))
def test_a_look_is_shown_at_one_size(x: int, y: int, width: int, height: int) -> None:
    look = Look(x, y, x + width, y + height, SIZE)
    tensor, (columns, rows) = shown(picture(), look), inner(look)
    assert tensor.shape == (3, SIDE, SIDE) and max(columns, rows) == SIDE == round(scale_of(look) * max(width, height))
    assert float(tensor[:, rows:].sum() + tensor[:, :, columns:].sum()) == 0
    mean = picture()[y : y + height, x : x + width].mean((0, 1)) / 255
    assert np.abs(tensor[:, :rows, :columns].mean((1, 2)).numpy() - mean).max() < 0.15


# -- the pose estimator with one ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A branch on a detector, in files."""
    folder = tmp_path_factory.mktemp("pose")
    Detect("yolo11n-world.yaml", "cpu", text_encoder="table", resolution=96).ready().save(folder / "detect.safetensors")
    branch = Pose(SMALL, "cpu", trunk=str(folder / "detect.safetensors"), resolution=96).ready()
    branch.save(folder / "pose.safetensors")
    return folder


def test_a_closer_look_is_added_to_a_file(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "detect.safetensors").write_bytes((saved / "detect.safetensors").read_bytes())
    plain = Pose(str(saved / "pose.safetensors"), "cpu", confidence=1e-6, limit=4).ready()
    tool = Pose(str(saved / "pose.safetensors"), "cpu", closer=True, confidence=1e-6, limit=4).ready()
    assert isinstance(tool, Pose) and isinstance(plain, Pose) and plain.near is None and tool.near is not None
    assert set(tool.networks()) == {"near"}
    begun = tool.yolo.model.model[0].state_dict()["conv.weight"]
    assert torch.equal(tool.near.layers[0].state_dict()["conv.weight"], begun), "it begins as the detector's trunk"
    tool.near.there.bias.data.fill_(4.0)
    tool.save(tmp_path / "pose.safetensors")
    again = Pose(str(tmp_path / "pose.safetensors"), "cpu", confidence=1e-6, limit=4).ready()
    assert isinstance(again, Pose) and again.near is not None
    condition = Condition(plain.bridge(["the cow"])[0], "the cow")
    before, after = (t.decode([picture()], [condition])[0] for t in (plain, again))
    assert isinstance(after, Keypoints) and isinstance(before, Keypoints)
    assert np.allclose(before.boxes, after.boxes), "the bodies are the detector's"
    wanted = points_of(again.near, picture(), after.boxes)
    assert np.allclose(after.xy, wanted[..., :2]) and (after.scores > 0.9).all()
    assert len(check_tool(again)) == 7


def test_only_bodies_with_points_teach_it(saved: Path) -> None:
    tool = Pose(str(saved / "pose.safetensors"), "cpu", closer=True).ready()
    assert isinstance(tool, Pose) and tool.near is not None
    tool.near.requires_grad_(True).train()
    _, body = scene(0)
    condition = Condition(tool.bridge(["the cow"])[0], "the cow")
    boxes = Boxes(body.boxes, np.ones(1), "cow", "the cow", SIZE)
    assert float(tool.loss([picture()], [condition], [boxes]).detach()) == 0
    body.names = ("nose", "left_front_foot", "right_front_foot")
    assert float(tool.loss([picture()] * 2, [condition] * 2, [boxes, body]).detach()) > 0


def test_networks_of_people_take_none() -> None:
    with pytest.raises(WeightsError):
        Pose("yolo11n-pose.yaml", device="cpu", closer=True).ready()
