"""The pose estimator: which points and whose, and points as ultralytics' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from test_detect import picture

from veclink.tools import selection
from veclink.tools.body import BODY
from veclink.tools.check import check_tool
from veclink.tools.condition import Condition
from veclink.tools.errors import OptionError, WeightsError
from veclink.tools.phrases import parse
from veclink.tools.pose import Pose, read
from veclink.tools.regions import Region
from veclink.tools.results import Keypoints, Result

torch.set_num_threads(1)
ARMS = {f"{side} {point}" for side in ("left", "right") for point in ("shoulder", "elbow", "wrist")}
LEGS = {f"{side} {point}" for side in ("left", "right") for point in ("hip", "knee", "ankle")}
SOME_WORDS = "the left right elbow hands of people both without except face on upper body calves two dog 's"
FACE = {"nose", "left eye", "right eye", "left ear", "right ear"}


def find(tool: Pose, image: np.ndarray, phrase: str, **more: object) -> Keypoints:
    condition = Condition(tool.bridge([phrase])[0], phrase, **more)  # type: ignore[arg-type]  # regions or options
    return tool.decode([image], [condition])[0]


@pytest.fixture(scope="module")
def tool() -> Pose:
    need_weights("yolo11n-pose.pt")
    return Pose("yolo11n-pose.pt", device="cpu")


@pytest.mark.parametrize(("phrase", "points"), [
    ("how the people are standing", set(BODY)), ("the right elbows of the two people on the left", {"right elbow"}),
    ("hands", {"left wrist", "right wrist"}), ("legs", LEGS), ("left arm", {"left shoulder", "left elbow",
    "left wrist"}),
    ("the face", FACE), ("their heads", FACE), ("feet", {"left ankle", "right ankle"}),
    ("shoulders", {"left shoulder", "right shoulder"}), ("the left elbow", {"left elbow"}),
    ("left and right knees", {"left knee", "right knee"}), ("both elbows of the man", {"left elbow", "right elbow"}),
    ("what is he doing with his arms?", ARMS), ("where are her hands?", {"left wrist", "right wrist"}),
    ("left foot and right hand", {"left ankle", "right wrist"}), ("the person on the left", set(BODY)),
    ("person on the left hand side", set(BODY)), ("people with raised arms", set(BODY)), ("yoga pose", set(BODY)),
    ("body without the face", set(BODY) - FACE), ("everything but the legs", set(BODY) - LEGS),
    ("the dog's legs", set()), ("the poses of the horses", set()), ("skeletons of the players", set(BODY)),
])
def test_words_to_points(phrase: str, points: set[str]) -> None:
    assert {BODY[i] for i in np.flatnonzero(read(phrase)[0])} == points


@pytest.mark.parametrize(("phrase", "whose"), [
    ("the right elbows of the two people on the left", "the two people on the left"), ("the left elbow", "people"),
    ("left arm of the person on the right", "the person on the right"), ("the leftmost person's wrists",
    "the leftmost person"),
    ("pose of everyone except the leftmost", "everyone except the leftmost"), ("both elbows", "people"),
    ("the right hand of the second person from the left", "second person from the left"),
    ("left feet of people on the right", "people on the right"), ("two hands", "people"),
    ("the skeleton of the tallest man", "the tallest man"),
])
def test_whose_they_are_is_not_which_they_are(phrase: str, whose: str) -> None:
    assert read(phrase)[1].tolist() == selection.to_vector(parse(whose)).tolist()


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(SOME_WORDS.split()), max_size=12).map(" ".join)))
def test_any_text_is_read(text: str) -> None:
    points, whose = read(text)
    assert points.shape == (17,) and set(points.tolist()) <= {0.0, 1.0}
    assert whose.shape == (selection.SIZE,) and np.isfinite(whose).all()


@pytest.mark.weights
@pytest.mark.parametrize(("name", "bodies"), [("bus.jpg", 4), ("zidane.jpg", 2)])
def test_points_are_ultralytics_own(tool: Pose, name: str, bodies: int) -> None:
    from ultralytics import YOLO

    from veclink.tools.weights import locate

    image = picture(name)
    own: Any = YOLO(str(locate("yolo11n-pose.pt"))).predict(  # type: ignore[index]  # a list where nothing streams
        image[..., ::-1].copy(), verbose=False, device="cpu")[0]
    ours = find(tool, image, "how the people are standing")
    assert len(ours) == bodies and ours.names == BODY
    data = np.asarray(own.keypoints.data)
    assert np.allclose(ours.xy, data[..., :2], atol=1) and np.allclose(ours.scores, data[..., 2], atol=1e-3)
    assert np.allclose(ours.boxes, np.asarray(own.boxes.xyxy), atol=1)


@pytest.mark.weights
def test_the_right_elbows_of_the_two_people_on_the_left(tool: Pose) -> None:
    image = picture("bus.jpg")
    everyone = find(tool, image, "how the people are standing")
    middles = (everyone.boxes[:, 0] + everyone.boxes[:, 2]) / 2
    two = np.sort(np.argsort(middles)[:2])
    elbows = find(tool, image, "the right elbows of the two people on the left")
    assert elbows.names == ("right elbow",) and elbows.edges == ()
    assert np.allclose(elbows.xy[:, 0], everyone.xy[two, BODY.index("right elbow")])
    assert np.allclose(elbows.boxes, everyone.boxes[two])


@pytest.mark.weights
def test_an_arm_keeps_its_lines(tool: Pose) -> None:
    arm = find(tool, picture("bus.jpg"), "left arm")
    assert arm.names == ("left shoulder", "left elbow", "left wrist") and set(arm.edges) == {(0, 1), (1, 2)}


@pytest.mark.weights
def test_nobody_and_no_part_asked_for_give_nothing(tool: Pose) -> None:
    empty = find(tool, np.zeros((64, 64, 3), np.uint8), "how the people are standing")
    assert len(empty) == 0 and empty.names == BODY and Result.from_dict(empty.to_dict()) == empty
    assert len(find(tool, picture("bus.jpg"), "the dog's legs")) == 0


@pytest.mark.weights
def test_regions_say_whose(tool: Pose) -> None:
    image = picture("zidane.jpg")
    everyone = find(tool, image, "how they stand")
    x1, y1, x2, y2 = everyone.boxes[1]
    one = find(tool, image, "how they stand", regions=(Region.box(x1, y1, x2, y2),))
    assert len(one) == 1 and np.allclose(one.boxes[0], everyone.boxes[1])
    with pytest.raises(OptionError):
        find(tool, image, "how they stand", options={"resolution": 320})


@pytest.mark.weights
def test_results_of_several_phrases_merge(tool: Pose) -> None:
    image = picture("zidane.jpg")
    arm, leg = find(tool, image, "left arm"), find(tool, image, "right leg")
    merged = Keypoints.merge([arm, leg])
    assert merged.names == (*arm.names, *leg.names) and len(merged) == len(arm) + len(leg)
    assert np.allclose(merged.scores[: len(arm), : len(arm.names)], arm.scores, atol=1e-3)
    assert not merged.scores[: len(arm), len(arm.names) :].any()
    assert Result.from_dict(merged.to_dict()) == merged


@pytest.mark.weights
def test_the_contract_holds_with_public_weights(tool: Pose) -> None:
    assert len(check_tool(tool)) == 7


@pytest.mark.parametrize("name", ["yolo11n-pose.yaml", "yolo26n-pose.yaml"])
def test_the_contract_holds_untrained(name: str) -> None:
    tool = Pose(name, device="cpu", confidence=1e-6, limit=5, resolution=96)
    assert len(check_tool(tool)) == 7
    bodies = find(tool, picture("bus.jpg")[:96, :64], "how the people are standing")
    assert len(bodies) == 5 and bodies.xy.min() >= 0 and bodies.xy[..., 0].max() <= 64 and bodies.xy[..., 1].max() <= 96


def test_networks_with_other_points_keep_all_of_them() -> None:
    from veclink.tools import yolo as module

    model = module._untrained("yolo11n-pose.yaml")
    model.model[-1].kpt_shape = [51 // 3, 3]
    tool = Pose("yolo11n-pose.yaml", device="cpu", confidence=1e-6, limit=2, resolution=64).ready()
    assert isinstance(tool, Pose)
    tool.points = tuple(f"point {i + 1}" for i in range(17))
    assert find(tool, picture("bus.jpg")[:64, :64], "left arm").names == tool.points


def test_weights_without_poses_are_refused() -> None:
    with pytest.raises(WeightsError):
        Pose("yolo11n.yaml", device="cpu").ready()


@pytest.mark.gpu
@pytest.mark.weights
def test_cuda_in_half_precision_finds_what_the_cpu_finds(tool: Pose) -> None:
    fast = Pose("yolo11n-pose.pt", device="cuda")
    for name in ("bus.jpg", "zidane.jpg"):
        slow, quick = (find(t, picture(name), "how they stand", options={"confidence": 0.5}) for t in (tool, fast))
        assert len(slow) == len(quick)
        for points, scores in zip(slow.xy, slow.scores, strict=True):
            sure = scores > 0.8
            assert min(np.abs(points[sure] - other[sure]).max() for other in quick.xy) < 6
    assert len(check_tool(fast)) == 7
