"""The small pose network: what words ask of it, what it learns from, and the files it is saved to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from veclink.agent.nano import targets as truth
from veclink.tools import selection
from veclink.tools.check import check_tool
from veclink.tools.condition import Condition
from veclink.tools.detect import Detect, letterboxed
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.phrases import parse
from veclink.tools.pose import SMALL, Pose, read
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Keypoints, Result
from veclink.tools.small_pose import EDGES, MOB, POINTS, PRESENT, asked, labels_of, points_named
from veclink.tools.tool import Tool
from veclink.tools.yolo import Found, Seen

torch.set_num_threads(1)
FEET = {name for name in POINTS if name.endswith("foot")}
SIZE = (96, 64)  # width, height of the pictures here


def made(**options: object) -> Pose:
    tool = Pose(SMALL, "cpu", resolution=96, **options)  # type: ignore[arg-type]  # options of the tool
    tool.ready()
    return tool


@pytest.fixture(scope="module")
def small() -> Pose:
    return made(confidence=1e-6, limit=5)


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (8, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def body(names: tuple[str, ...] = POINTS, scores: float | np.ndarray = 1.0, x: float = 40.0) -> Keypoints:
    """One body of 40 x 40 pixels whose points lie on a diagonal."""
    along = np.linspace(2, 38, len(POINTS))[[POINTS.index(name) for name in names]]
    xy = np.stack([x + along, 10 + along], 1)[None]
    box = np.array([[x, 10, x + 40, 50]])
    return Keypoints(xy, np.broadcast_to(scores, (1, len(names))), box, np.ones(1), "cow", "the cow", SIZE, names)


def nobody() -> Keypoints:
    return body()[np.zeros(0, int)]


def condition(tool: Pose, phrase: str = "the cow", **more: object) -> Condition:
    return Condition(tool.bridge([phrase])[0], phrase, **more)  # type: ignore[arg-type]  # regions or options


# -- words -------------------------------------------------------------------------------------------------------------


def test_points_and_lines_are_those_that_the_pictures_have() -> None:
    assert POINTS == truth.POINTS and set(EDGES) == set(truth.EDGES)


@pytest.mark.parametrize(("phrase", "names"), [
    ("how the cows stand", set(POINTS)), ("the feet of the pig", FEET), ("its front feet", {
        "left_front_foot", "right_front_foot"}), ("the left hand of the zombie", {"left_hand"}),
    ("the left hind foot of the cow", {"left_hind_foot"}), ("arms of the villager", {
        f"{side}_{point}" for side in ("left", "right") for point in ("shoulder", "elbow", "hand")}),
    ("the tail", {"tail"}), ("heads of the sheep", {"head", "nose"}), ("all but the tail of the cow",
    set(POINTS) - {"tail"}),
    ("the cow on the left hand side", set(POINTS)), ("cow without its feet", set(POINTS) - FEET),
])
def test_words_to_points(phrase: str, names: set[str]) -> None:
    assert {POINTS[i] for i in np.flatnonzero(read(phrase, MOB)[0])} == names


def test_parts_that_training_asks_for_are_read_so() -> None:
    from veclink.agent.nano.requests import PARTS, joints_named

    for part, ends in PARTS.items():
        assert {POINTS[i] for i in points_named(part)} == set(joints_named(ends)), part


def test_whose_they_are_is_not_which_they_are() -> None:
    for phrase, whose in (("the feet of the two cows on the left", "the two cows on the left"),
                          ("left hand of the zombie on the right", "the zombie on the right")):
        assert read(phrase, MOB)[1].tolist() == selection.to_vector(parse(whose)).tolist()


def test_a_cow_is_a_body_here(small: Pose) -> None:
    row = small.bridge(["the legs of the cow"])[0][0]
    assert row[small.features : small.learned].sum() == len([n for n in POINTS if n.endswith(("knee", "foot"))])
    assert torch.linalg.norm(row[: small.features]).item() == pytest.approx(1, abs=1e-5)


# -- results -----------------------------------------------------------------------------------------------------------


def test_contract(small: Pose) -> None:
    assert len(check_tool(small)) == 7
    assert small.condition == (1, 512 + len(POINTS) + selection.SIZE) and small.models == {SMALL: "untrained"}
    assert 3e6 < sum(p.numel() for p in small.networks()["network"].parameters()) < 4.5e6


def test_its_pictures_are_small_where_nothing_is_said() -> None:
    assert Pose(SMALL, "cpu").options["resolution"] == 320 and Pose(device="cpu").options["resolution"] == 640


def test_only_what_is_asked_for_is_named(small: Pose) -> None:
    arm = small.decode([picture()], [condition(small, "the left arm of the zombie")])[0]
    assert arm.names == ("left_shoulder", "left_elbow", "left_hand") and set(arm.edges) == {(0, 1), (1, 2)}
    assert len(arm) == 5 and set(arm.labels) == {"zombie"} and Result.from_dict(arm.to_dict()) == arm


def test_points_that_are_not_there_score_nothing(small: Pose) -> None:
    head = small.yolo.head
    try:
        for stack in head.points:  # the network is sure of the first point, and sure that there is no second
            stack[-1].bias.data[2], stack[-1].bias.data[5] = 9.0, -9.0
        small.forget()
        result = small.decode([picture()], [condition(small, "the cow")])[0]
    finally:
        for stack in head.points:
            stack[-1].bias.data[[2, 5]] = 0.0
        small.forget()
    assert (result.scores[:, 0] > 0.9).all() and (result.scores[:, 1] == 0).all() and (result.xy[:, 1] == 0).all()
    assert ((result.scores == 0) | (result.scores >= PRESENT)).all()


def test_one_condition_does_not_change_what_another_finds(small: Pose) -> None:
    image, conditions = picture(), [condition(small, phrase) for phrase in ("the cow", "zombies", "two pigs")]
    together = small.decode([image] * 3, conditions)
    for result, one in zip(together, conditions, strict=True):
        alone = small.decode([image], [one])[0]
        assert np.allclose(alone.box_scores, result.box_scores, atol=1e-5)
        assert np.allclose(alone.boxes, result.boxes, atol=0.01) and np.allclose(alone.xy, result.xy, atol=0.01)


def test_regions_say_whose(small: Pose) -> None:
    everyone = small.decode([picture()], [condition(small)])[0]
    one = small.decode([picture()], [condition(small, regions=(Region.box(*everyone.boxes[0].tolist()),))])[0]
    assert len(one) >= 1 and np.allclose(one.boxes[0], everyone.boxes[0])


# -- learning ----------------------------------------------------------------------------------------------------------


def gradient(tool: Pose, target: Keypoints, phrase: str = "the cow") -> Tensor:
    vectors = tool.bridge([phrase])[0].requires_grad_()
    tool.loss([picture()], [Condition(vectors, phrase)], [target]).backward()
    assert vectors.grad is not None and bool(torch.isfinite(vectors.grad).all())
    return vectors.grad[0]


def test_gradients_reach_what_is_learned_and_no_more(small: Pose) -> None:
    for target in (body(), nobody()):
        found = gradient(small, target)
        assert found[: small.features].abs().sum() > 0
        assert found[small.learned :].abs().sum() == 0
    assert gradient(small, body())[small.features : small.learned].abs().min() > 0
    assert all(p.grad is None for p in small.yolo.model.parameters())


def test_asking_for_what_the_target_lacks_costs(small: Pose) -> None:
    found = gradient(small, body(scores=np.where([n == "tail" for n in POINTS], 1.0, 0.0)))
    towards = found[small.features : small.learned]
    assert towards[POINTS.index("tail")] < 0 and (np.delete(towards.numpy(), POINTS.index("tail")) > 0).all()


def test_a_target_may_name_some_points_in_any_order(small: Pose) -> None:
    some = ("tail", "head", "left_hand")
    scores = np.where([name in some for name in POINTS], 1.0, 0.0)
    losses = [float(small.loss([picture()], [condition(small)], [target])) for target in (
        body(some), body(tuple(reversed(some))), body(scores=scores))]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    with pytest.raises(ContractError, match="wing"):
        wrong = body(("tail",))
        wrong.names = ("wing",)
        small.loss([picture()], [condition(small)], [wrong])


def test_pictures_of_two_shapes_are_one_batch(small: Pose) -> None:
    """Batch norm must see them together: the same as if they had been padded to one shape before."""
    tall, wide = picture().transpose(1, 0, 2), picture(1)
    other = Keypoints(np.full((1, 1, 2), 20.0), np.ones((1, 1)), np.array([[5, 5, 45, 60.0]]), np.ones(1), "cow",
                      "the cow", (64, 96), ("tail",))
    one = condition(small)
    both = small.loss([tall, wide], [one, one], [other, body()])
    boxed = small.yolo.together([tall, wide], small.options["resolution"])
    shape = boxed[0].shape[:2]
    assert boxed[1].shape[:2] == shape
    moved = [padded(target, shape) for target in (other, body())]
    assert float(both) == pytest.approx(float(small.loss(boxed, [one, one], moved)), rel=1e-4)


def padded(target: Keypoints, shape: tuple[int, int]) -> Keypoints:
    """The same on the letterboxed picture of (height, width)."""
    flat = np.tile(target.xy.reshape(-1, 2), 2)
    xy = letterboxed(flat, target.size, shape)[:, :2].reshape(target.xy.shape)
    return Keypoints(xy, target.scores, letterboxed(target.boxes, target.size, shape), target.box_scores,
                     "cow", "the cow", (shape[1], shape[0]), target.names)


@pytest.mark.parametrize("size", [(96, 64), (100, 70), (64, 100), (224, 128), (31, 97)])
def test_points_come_back_from_the_letterbox(small: Pose, size: tuple[int, int]) -> None:
    """What the loss is told, put where the network's predictions stand, is what the result says."""
    shape = small.yolo.letterbox(np.zeros((size[1], size[0], 3), np.uint8), 96).shape[:2]
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 1, (1, len(POINTS), 2)) * size
    box = np.array([[*xy[0].min(0), *xy[0].max(0)]])
    target = Keypoints(xy, np.ones((1, len(POINTS))), box, np.ones(1), "cow", "x", size, POINTS)
    labels = labels_of([target], shape, small.yolo.device)
    points = labels["keypoints"] * torch.tensor([shape[1], shape[0], 1.0])
    found = Found(box, np.ones(1), np.zeros(1, int), points.flatten(1))
    back = small.yolo.keypoints(Seen(torch.zeros(1), shape, size), found)
    assert np.abs(back[..., :2] - xy).max() < 0.5 * max(1.0, max(size) / 96) and (back[..., 2] == 1).all()


def test_half_precision_keeps_the_loss(small: Pose) -> None:
    whole = float(small.loss([picture()], [condition(small)], [body()]))
    with torch.autocast("cpu", torch.bfloat16):
        loss = small.loss([picture()], [condition(small)], [body()])
    assert loss.dtype == torch.float32 and float(loss) == pytest.approx(whole, rel=0.05)


def test_boxes_teach_where_bodies_are_and_nothing_of_their_points(small: Pose) -> None:
    boxes = Boxes(body().boxes, np.ones(1), "cow", "the cow", SIZE)
    branch, points = small.yolo.head.points.requires_grad_(True), {}
    for target in (boxes, body()):
        branch.zero_grad()
        loss = small.loss([picture()], [condition(small)], [target])
        loss.backward()
        points[type(target)] = sum(float(p.grad.abs().sum()) for p in branch.parameters() if p.grad is not None)
        assert float(loss.detach()) > float(small.loss([picture()], [condition(small)], [nobody()]).detach())
    branch.requires_grad_(False).zero_grad()
    assert points[Boxes] < 1e-3 < points[Keypoints]


def test_it_learns_a_body_by_its_vector() -> None:
    """Two bodies in one picture: each vector finds its own, with its points."""
    tool = made(confidence=0.01)
    tool.begin([])
    network = tool.networks()["network"].requires_grad_(True).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.5  # so few steps are no statistics otherwise
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    vectors = [condition(tool).vectors.clone() for _ in range(2)]
    vectors[0][0, :512], vectors[1][0, :512] = torch.eye(512)[0], torch.eye(512)[1]
    conditions = [Condition(vector, "the cow") for vector in vectors]
    bodies, losses = [body(x=4.0), body(x=50.0)], []
    for _ in range(20):
        loss = tool.loss([picture(), picture()], conditions, bodies)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3
    network.eval()
    tool.forget()
    for one, target in zip(conditions, bodies, strict=True):
        found = tool.decode([picture()], [one])[0]
        assert len(found) and np.abs(found.boxes[0] - target.boxes[0]).mean() < 6
        assert np.linalg.norm(found.xy[0] - target.xy[0], axis=1).mean() < 10


def test_people_are_not_trained_and_bodies_have_to_fit(small: Pose) -> None:
    people = Pose("yolo11n-pose.yaml", device="cpu", resolution=64).ready()
    with pytest.raises(ContractError):
        people.loss([picture()], [Condition(people.bridge(["the man"])[0], "the man")], [body()])
    assert people.networks() == {}
    with pytest.raises(ContractError):
        small.loss([picture()], [condition(small)], [])
    with pytest.raises(WeightsError):
        Pose("yolo11n-pose.yaml", device="cpu", trunk="detect.safetensors").ready()


# -- files -------------------------------------------------------------------------------------------------------------


def stir(tool: Pose | Detect) -> None:
    """Change a network as training would."""
    torch.manual_seed(1)
    for network in tool.networks().values():
        for parameter in network.parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)


def words_of(detector: Tool) -> torch.Tensor:
    return detector.networks()["words"].outer.weight.detach().cpu()  # type: ignore[return-value]  # a phrase table's


def test_a_saved_network_comes_back_and_a_detector_can_share_it(tmp_path: Path) -> None:
    tool = made(confidence=1e-6, limit=3)
    stir(tool)
    tool.save(tmp_path / "pose.safetensors")
    again = Pose(str(tmp_path / "pose.safetensors"), "cpu", confidence=1e-6, limit=3, resolution=96)
    again.ready()
    assert (tmp_path / "pose.safetensors").stat().st_size < 6e6 and "untrained" not in again.models.values()
    assert Pose(str(tmp_path / "pose.safetensors"), "cpu").ready().options["resolution"] == 96, "what it learned at"
    own, others = (float(t.loss([picture()], [condition(t)], [body()])) for t in (tool, again))
    assert own == pytest.approx(others, rel=0.05)  # matrices are kept in 8 bits
    detector = Detect(str(tmp_path / "pose.safetensors"), "cpu", confidence=1e-6, limit=3, resolution=96).ready()
    assert isinstance(detector, Detect)
    row = condition(again).vectors
    joined = torch.cat([row[:, :512], row[:, again.learned :]], 1)
    boxes, bodies = detector.decode([picture()], [Condition(joined, "the cow")])[0], again.decode(
        [picture()], [condition(again)])[0]
    assert isinstance(boxes, Boxes) and np.allclose(boxes.xyxy, bodies.boxes, atol=1e-3)


def test_a_branch_on_a_detector_leaves_it_as_it_is(tmp_path: Path) -> None:
    detector = Detect("yolo11n-world.yaml", "cpu", text_encoder="table", resolution=96).ready()
    assert isinstance(detector, Detect)
    stir(detector)
    detector.save(tmp_path / "detect.safetensors")
    tool = made(trunk=str(tmp_path / "detect.safetensors"))
    before = {key: value.clone() for key, value in tool.yolo.model.state_dict().items() if ".points." not in key}
    tool.begin([])
    branch = tool.networks()["points"]
    branch.requires_grad_(True).train()
    assert set(tool.networks()) == {"points"}
    assert torch.allclose(tool.words.outer.weight, words_of(detector), atol=1e-2), "kept in 8 bits"
    optimizer = torch.optim.SGD(branch.parameters(), 0.01)
    tool.loss([picture()], [condition(tool)], [body()]).backward()
    optimizer.step()
    after = tool.yolo.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    tool.save(tmp_path / "pose.safetensors")
    assert (tmp_path / "pose.safetensors").stat().st_size < 1.5e6
    again = Pose(str(tmp_path / "pose.safetensors"), "cpu", resolution=96).ready()
    assert isinstance(again, Pose) and set(again.networks()) == {"points"}
    assert torch.equal(again.words.outer.weight, tool.words.outer.weight)
    assert torch.equal(again.yolo.model.model[0].conv.weight, tool.yolo.model.model[0].conv.weight)
    stir(detector)
    detector.save(tmp_path / "detect.safetensors")
    with pytest.raises(WeightsError, match="was trained on it"):
        Pose(str(tmp_path / "pose.safetensors"), "cpu").ready()


def test_what_began_as_a_detector_is_saved_as_a_branch_and_the_detector_it_became(tmp_path: Path) -> None:
    detector = Detect("yolo11n-world.yaml", "cpu", text_encoder="table", resolution=96).ready()
    detector.save(tmp_path / "boxes.safetensors")
    tool = Pose(SMALL, "cpu", origin=str(tmp_path / "boxes.safetensors"), confidence=1e-6, limit=3).ready()
    assert isinstance(tool, Pose) and tool.options["resolution"] == 96 and set(tool.networks()) == {"network", "words"}
    stir(tool)
    (tmp_path / "new").mkdir()
    tool.save(tmp_path / "new" / "pose.safetensors")
    again = Pose(str(tmp_path / "new" / "pose.safetensors"), "cpu", confidence=1e-6, limit=3).ready()
    boxes = Detect(str(tmp_path / "new" / "boxes.safetensors"), "cpu", confidence=1e-6, limit=3).ready()
    assert isinstance(again, Pose) and isinstance(boxes, Detect) and again.options == tool.options
    own, others = (float(t.loss([picture()], [condition(t)], [body()])) for t in (tool, again))
    assert own == pytest.approx(others, rel=0.05)
    found = boxes.decode([picture()], [Condition(boxes.bridge(["the cow"])[0], "the cow")])[0]
    assert np.allclose(found.xyxy, again.decode([picture()], [condition(again)])[0].boxes, atol=1e-3)
    assert not torch.allclose(words_of(boxes), words_of(detector), atol=1e-2)


def test_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    detector = Detect("yolo11n-world.yaml", "cpu", text_encoder="table", resolution=96).ready()
    detector.save(tmp_path / "detect.safetensors")
    with pytest.raises(WeightsError, match="trained as pose"):
        Pose(str(tmp_path / "detect.safetensors"), "cpu").ready()
    with pytest.raises(WeightsError):
        Pose(str(tmp_path / "none.safetensors"), "cpu").ready()


def test_how_surely_a_point_is_asked_for() -> None:
    low, middle, high = asked(torch.tensor([0.0, 0.5, 1.0])).tolist()
    assert low < 0.02 and middle == 0.5 and high > 0.98
