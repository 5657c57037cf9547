"""Dense links: a link that says where, from the core's eye to the decoder's prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_nano import SPECS, picture, tiny_model, tiny_words

from veclink.router import checkpoint
from veclink.router.checkpoint import CoreId
from veclink.router.core import Task
from veclink.router.dense import DenseLink, kind_loss, where_loss
from veclink.router.errors import CheckpointError
from veclink.router.links import LinkSet
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import save_nano
from veclink.router.nano.model import NanoModel
from veclink.router.nano.recipe import NanoRecipe
from veclink.router.nano.samples import Call, Sample, Turn
from veclink.router.nano.stages import Lesson, LinkStage
from veclink.router.nano.train import train_nano
from veclink.router.nano.vision import VisionConfig, letterbox, on_picture
from veclink.router.nano.words import Words
from veclink.tools.condition import Condition
from veclink.tools.dense import WEIGHED, chances, held, says, whole
from veclink.tools.detect import Detect
from veclink.tools.errors import ContractError
from veclink.tools.pose import SMALL, Pose
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Keypoints, Masks, Result
from veclink.tools.sam import SURE, TINY, Prompt
from veclink.tools.segment import Segment
from veclink.tools.tool import Tool, ToolSpec

pytestmark = pytest.mark.usefixtures("one_thread")
H, SEEN = 16, (12, 5)  # numbers of a part, of which so many are chances of a kind
TRACE = ToolSpec("trace", "<|trace|>", "d", ("a", "b", "c"), "masks", 2, (1, 12), True)
CORE = CoreId("tiny", "ab" * 32, H)


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


@pytest.fixture(scope="module")
def model(words: Words) -> NanoModel:
    return tiny_model(words, ("nothing", "cow", "tree"))


@pytest.fixture(scope="module")
def small() -> Segment:
    """Segment Anything's small network: what a dense part says is added to what it draws."""
    tool = Segment("sam_small_random", "cpu", grounder=None, confidence=0.0)
    tool.ready()
    return tool


def opened(seen: tuple[int, int] | None = SEEN) -> LinkSet:
    links = LinkSet(H, [TRACE, replace(TRACE, name="find", dense=False)], seen=seen)
    with torch.no_grad():
        links.of("trace").gate.value.fill_(0.5)
    return links


# -- the link ----------------------------------------------------------------------------------------------------------


def test_it_learns_which_kinds_are_meant_and_what_else_tells_them_apart() -> None:
    """Three links mean a kind each, a fourth what is bright, whatever its kind."""
    torch.manual_seed(0)
    dense, meant = DenseLink(2, H, SEEN), torch.randn(4, 2, H)
    kinds, bright = torch.randint(3, (4, 5, 6)), torch.randint(2, (4, 5, 6))
    seen = torch.cat([torch.nn.functional.one_hot(kinds, 5) * 0.9, bright[..., None], torch.zeros(4, 5, 6, 6)], -1)
    wanted = torch.stack([*(kinds == kind for kind in range(3)), bright == 1])
    step = torch.optim.Adam(dense.parameters(), 0.02)
    for _ in range(200):
        loss = torch.stack([torch.nn.functional.binary_cross_entropy_with_logits(
            dense(meant[i], seen[0]), wanted[i, 0].float()) for i in range(4)]).mean()
        step.zero_grad()
        loss.backward()
        step.step()
    for i in range(4):
        for place in range(1, 4):  # in pictures that it was not taught with
            assert torch.equal(dense(meant[i], seen[place]) > 0, wanted[i, place])


def test_nobody_says_where_without_a_link_an_eye_or_an_open_gate() -> None:
    links, link, seen = opened(), torch.randn(2, H), torch.rand(3, 4, SEEN[0])
    with torch.no_grad():
        told = links.dense("trace", link, seen)
        assert told is not None and told.shape == (3, 4) and told.dtype == torch.float32 and told.abs().min() > 0
        assert links.dense("trace", None, seen) is None and links.dense("trace", link, None) is None
        assert links.dense("find", link, seen) is None, "a tool that has no use for it"
        links.of("trace").gate.value.fill_(1.0)
        assert torch.allclose(links.dense("trace", link, seen), 2 * told)  # type: ignore[arg-type]  # it said so before
        links.of("trace").gate.value.fill_(0.0)
        assert links.dense("trace", link, seen) is None
    assert links.dense("trace", link, seen) is not None, "training may open the gate"
    assert opened(None).of("trace").dense is None, "a core that says nothing of parts of a picture"


def test_checkpoints_keep_it_and_know_the_eye(tmp_path: Path) -> None:
    links = opened()
    with torch.no_grad():
        for parameter in links.parameters():
            parameter.add_(torch.randn_like(parameter))
    path = checkpoint.save(tmp_path / "links.safetensors", links, CORE)
    assert checkpoint.read_header(path).seen == {"trace": SEEN}
    loaded = checkpoint.load(path, CORE, links.specs.values(), seen=SEEN)
    link, seen = torch.randn(2, H), torch.rand(3, 4, SEEN[0])
    one, two = (each.dense("trace", link, seen) for each in (links, loaded))
    assert one is not None and two is not None and torch.allclose(one, two)
    with pytest.raises(CheckpointError, match="eye"):
        checkpoint.load(path, CORE, links.specs.values(), seen=(12, 4))
    old = checkpoint.save(tmp_path / "old.safetensors", opened(None), CORE)  # one without, for an eye that could
    assert checkpoint.load(old, CORE, links.specs.values(), seen=SEEN).of("trace").dense is None


# -- the eye -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 96), (128, 192), (40, 96), (64, 30), (33, 71)])
def test_squares_of_the_canvas_lie_on_the_picture(size: tuple[int, int]) -> None:
    """What is marked in a picture, seen by squares and laid back onto it, is where it was."""
    config = VisionConfig(64, 96, 32, 1, 2, 8, 2)
    marked = np.zeros(size, np.uint8)
    marked[size[0] // 4: 3 * size[0] // 4, : size[1] // 2] = 255
    canvas = torch.from_numpy(letterbox(marked, config, 0, smooth=False)).float() / 255
    squares = torch.nn.functional.avg_pool2d(canvas[None], 8)[0]
    told = on_picture(squares, marked, config)
    back = torch.nn.functional.interpolate(told[None, None], size, mode="bilinear")[0, 0] > 0.5
    assert ((back.numpy() == (marked > 0)).mean()) > 0.88


@torch.no_grad()
def test_a_square_holds_what_the_eye_found_its_features_and_its_place(model: NanoModel) -> None:
    config = model.config.vision
    assert config.seen is not None and config.seen == (3 + 1 + 32 + 20, 3) and VisionConfig().seen is None
    pictures = torch.from_numpy(picture(3)).permute(2, 0, 1)[None].float() / 255
    features = model.vision(pictures)[1]
    squares = model.vision.squares(features)
    assert squares.shape == (1, 8, 12, config.seen[0])
    assert model.vision.findings is not None
    kinds = model.vision.findings(features[..., :32])[0].sigmoid()
    assert torch.allclose(squares[..., :3], kinds)
    assert torch.equal(squares[0, 5, 7, 4:36], features[0, 2, 3, :32])
    places = squares[0, ..., 36:].flatten(0, 1)
    assert torch.cdist(places, places).add(torch.eye(96)).min() > 0.05, "no two squares are in one place"


def test_routes_say_where_in_their_own_picture(words: Words, model: NanoModel) -> None:
    with torch.no_grad():  # a network that likes to call
        model.language.embed_tokens.weight[words.mark("call"):] *= 3
    core = NanoCore.from_parts(model, words, device="cpu", max_new_tokens=8)
    core.attach([replace(one, dense=True) for one in SPECS], ("find", "trace"))
    with torch.no_grad():
        for name in ("find", "trace"):
            part = core.linkset.of(name)
            assert part.dense is not None
            torch.nn.init.normal_(part.dense.answer.weight)
            part.gate.value.fill_(1.0)
    tasks = [Task("box the cows", (picture(0),)), Task("hi"), Task("these two", (picture(1), picture(2, 50, 70)))]
    together, alone = core.read(tasks), [core.read([task])[0] for task in tasks]
    routes = [(task, one, two) for task, a, b in zip(tasks, together, alone, strict=True)
              for one, two in zip(a.routes, b.routes, strict=True)]
    assert any(task.images for task, _, _ in routes)
    for task, one, two in routes:
        assert (one.dense is None) == (not task.images)
        if one.dense is not None and two.dense is not None and one.link is not None:
            torch.testing.assert_close(one.dense, two.dense, atol=2e-4, rtol=0)
            shown = torch.from_numpy(letterbox(task.images[one.image], model.config.vision)).permute(2, 0, 1)[None]
            with torch.no_grad():
                squares = model.vision.squares(model.vision(shown.float() / 255)[1])[0]
                found = core.linkset.dense(one.tool, one.link, squares)
            assert found is not None
            expected = on_picture(found, task.images[one.image], model.config.vision)
            torch.testing.assert_close(one.dense, expected, atol=2e-4, rtol=0)


# -- training ----------------------------------------------------------------------------------------------------------


class Trace(Tool):
    """A tool that draws nothing by itself: it is where the link says."""

    name, description, examples, result, dense = "trace", "Traces.", ("a", "b", "c"), "masks", True
    condition = (1, 12)

    def setup(self) -> None:
        self.models = {"x": "untrained"}

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.zeros(self.condition) for _ in phrases]

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]
             ) -> torch.Tensor:
        assert all(condition.dense is not None for condition in conditions)
        return torch.stack([condition.vectors.square().mean() for condition in conditions]).mean()


def bright(start: int) -> Iterator[Sample]:
    """Pictures with a bright half, in one of four places; "the light" is that half, a cow, "the dark" the other."""
    halves = ((slice(32), slice(None)), (slice(32, None), slice(None)), (slice(None), slice(48)),
              (slice(None), slice(48, None)))
    while True:
        shown, mask = picture(start) // 8, np.zeros((1, 64, 96), bool)
        mask[0][halves[start % 4]] = True
        shown[mask[0]] += 200
        yield Sample(shown, tuple(
            Turn(f"trace {phrase}", calls=(Call("trace", phrase, Masks(meant, np.ones(1), [kind], phrase, (96, 64))),))
            for phrase, kind, meant in (("the light", "cow", mask), ("the dark", "tree", ~mask))))
        start += 1


def test_training_a_link_says_where_what_was_asked_for_is(words: Words, tmp_path: Path) -> None:
    save_nano(tmp_path / "start", tiny_model(words, ("nothing", "cow", "tree")), words, small=False)
    recipe = NanoRecipe("links", "x:y", tmp_path / "out", start=tmp_path / "start", tools={"trace": {}}, steps=100,
                        where=90, batch=4, rate=1e-2, slow=1.0, warmup=2, precision="f32")
    rows: list[dict[str, float]] = []
    train_nano(recipe, tmp_path / "run", "cpu", None, rows.append, {"trace": Trace(device="cpu")}, bright)
    assert rows[-1]["trace where"] < 0.5 * rows[0]["trace where"]
    assert rows[-1]["trace kinds"] < 0.1 * rows[0]["trace kinds"]
    assert [("trace" in row) for row in rows] == [False] * 9 + [True], "the tool's own loss comes after"
    core = NanoCore(tmp_path / "start", tmp_path / "out" / "links.safetensors", "cpu")
    core.attach([Trace(device="cpu").ready().spec()])
    assert core.linked == ("trace",) and core.linkset.of("trace").dense is not None


class Heard(Trace):
    """Remembers what it was told of where."""

    def __init__(self) -> None:
        super().__init__(device="cpu")
        self.told: list[torch.Tensor | None] = []

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]
             ) -> torch.Tensor:
        self.told += [condition.dense for condition in conditions]
        return torch.stack([condition.vectors.square().mean() for condition in conditions]).mean()


def test_a_decoder_can_learn_to_listen_before_there_is_a_link(words: Words, tmp_path: Path) -> None:
    save_nano(tmp_path / "start", tiny_model(words, ("nothing", "cow", "tree")), words, small=False)
    recipe = NanoRecipe("links", "x:y", tmp_path / "out", start=tmp_path / "start", tools={"trace": {}}, steps=8,
                        alone=8, batch=4, told=0.5, condition="text", precision="f32")
    shares = []
    for share in (0.0, 0.5, 1.0):
        tool = Heard()
        stage = LinkStage(replace(recipe, told=share), {"trace": tool}, torch.device("cpu"))
        pictures = bright(0)
        for _ in range(8):
            sample = next(pictures)
            stage.losses(Lesson([sample], stage.words, stage.model.config.vision), 1)
            for call, heard in zip((turn.calls[0] for turn in sample.turns), tool.told[-2:], strict=True):
                if heard is not None:
                    rows, columns = heard.shape
                    mask = call.target.masks[0][:: 64 // rows, :: 96 // columns][:rows, :columns]
                    assert ((heard > 0).numpy() == mask).mean() > 0.9
        shares.append(float(np.mean([one is not None for one in tool.told])))
    assert shares[0] == 0 < shares[1] < shares[2] == 1


# -- the decoder -------------------------------------------------------------------------------------------------------


def told(*box: int, size: tuple[int, int] = (64, 96)) -> torch.Tensor:
    """(8, 12) logits: surely inside x0, y0, x1, y1 of a picture and surely not outside."""
    logits = torch.full((8, 12), -60.0)
    x0, y0, x1, y1 = (round(v / side * cells) for v, side, cells in zip(box, (*size[::-1],) * 2, (12, 8, 12, 8),
                                                                       strict=True))
    logits[y0:y1, x0:x1] = 60.0
    return logits


def drawn(tool: Segment, dense: torch.Tensor | None, *regions: Region) -> Masks:
    rows = torch.randn(tool.condition, generator=torch.Generator().manual_seed(0)) * 0.05
    found = tool.decode([picture(0)], [Condition(rows, "the cow", regions, dense=dense)])[0]
    assert isinstance(found, Masks)
    return found


def test_the_small_network_draws_what_a_dense_link_is_sure_of(small: Segment) -> None:
    (mask,) = drawn(small, told(16, 16, 56, 48)).masks
    wanted = np.zeros((64, 96), bool)
    wanted[16:48, 16:56] = True
    assert (mask & wanted).sum() / (mask | wanted).sum() > 0.8
    assert len(drawn(small, told(0, 0, 0, 0))) == 0, "where nothing is meant there is no mask"
    assert small.sam is not None and small.sam.decoder.trust.item() == 1.0


def test_a_box_keeps_what_is_said_inside_it(small: Segment) -> None:
    for shape in drawn(small, told(0, 0, 96, 64), Region.box(8, 8, 40, 40), Region.box(56, 8, 88, 56)).xyxy:
        assert shape[2] - shape[0] <= 32 * 1.16 + 12 and shape[3] - shape[1] <= 48 * 1.16 + 12


def test_boxes_in_which_nothing_is_meant_prompt_nothing(small: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    corners = [[8.0, 8, 40, 40], [56.0, 8, 88, 56], [60.0, 20, 60, 30]]
    boxes = Boxes(np.array(corners), np.ones(3), "cow", "cows", (96, 64))
    monkeypatch.setattr(small, "_pointed", lambda images, conditions: [boxes])
    assert len(drawn(small, told(8, 8, 40, 40))) == 1
    assert len(drawn(small, told(8, 8, 88, 56))) == 2
    assert len(drawn(small, None)) <= 2, "a box without an inside is none"
    for by_itself in (told(40, 48, 56, 64), told(0, 40, 96, 64)):  # not in the boxes, or for the most part not
        (mask,) = drawn(small, by_itself).masks
        assert mask[48:, 40:56].mean() > 0.5


def test_what_it_says_of_boxes() -> None:
    dense = told(16, 16, 56, 48)
    assert says(dense, (10, 10, 20, 20), (96, 64)) and not says(dense, (60, 0, 90, 60), (96, 64))
    assert says(dense, (-50, -50, 500, 500), (96, 64)) and not says(dense, (200, 200, 300, 300), (96, 64))
    assert says(dense, (32, 32, 112, 96), (192, 128)), "a picture of twice the size"
    assert held(dense, [], (96, 64)) == 0 and held(torch.zeros(2, 2), [], (96, 64)) == 1
    assert held(dense, [(16, 16, 40, 48), (30, 16, 39, 48)], (96, 64)) == pytest.approx(3 / 5)
    boxes = np.array([[16.0, 16, 40, 40], [60.0, 0, 90, 60], [0.0, 0, 500, 500], [-9.0, -9, -5, -5]])
    assert chances(dense, boxes, (96, 64)).round().tolist() == [1, 0, 0, 0]
    assert chances(torch.zeros(2, 2), boxes, (96, 64)).tolist() == [0.5] * 4
    assert not len(chances(dense, boxes[:0], (9, 9)))


def test_a_foot_is_no_second_cow() -> None:
    cow, foot, hen = [0.0, 0, 100, 80], [10.0, 60, 25, 80], [60.0, 50, 80, 80]
    calf, beside = [0.0, 30, 60, 80], [98.0, 0, 110, 20]
    boxes = np.array([cow, foot, hen, calf, beside])
    assert whole(boxes, np.array([0.4, 0.5, 0.9, 0.3, 0.3])).tolist() == [True, False, True, True, True]
    assert whole(boxes[:2], np.array([0.2, 0.5])).tolist() == [True, True], "much surer than what it would be a part of"
    assert not len(whole(boxes[:0], np.zeros(0)))


def of_random_networks() -> list[Tool]:
    return [Detect("yolo11n-world.yaml", "cpu", "table", resolution=96, limit=1000),
            Pose(SMALL, "cpu", resolution=96, limit=1000)]


@pytest.mark.parametrize("tool", of_random_networks(), ids=lambda tool: tool.name)
def test_boxes_count_by_how_surely_what_is_in_them_is_meant(tool: Tool) -> None:
    """All are ranked by both, and none is lost that would still count."""
    tool.ready()
    vectors = tool.bridge(["cows"])[0]

    def found(least: float, dense: torch.Tensor | None) -> tuple[np.ndarray, np.ndarray]:
        one = tool.decode([picture(0)], [Condition(vectors, options={"confidence": least}, dense=dense)])[0]
        assert isinstance(one, Boxes | Keypoints)
        return (one.xyxy, one.scores) if isinstance(one, Boxes) else (one.boxes, one.box_scores)

    boxes, scores = found(0.0, None)
    dense = told(0, 0, 48, 64) / 60 * 2  # twice as likely as not on the left
    ranked, sure = found(0.0, dense)
    left = boxes[:, [0, 2]].mean(1) < 48
    expected = (scores * np.where(left, 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2)))) ** WEIGHED
    kept = whole(boxes, expected)
    boxes, scores, expected = boxes[kept], scores[kept], expected[kept]
    order = np.argsort(-expected, kind="stable")
    assert len(boxes) > 3 and np.allclose(sure, expected[order], atol=1e-5)
    assert np.allclose(ranked, boxes[order], atol=1e-4) and (np.diff(sure) <= 0).all()
    least = float(np.median(scores))
    assert np.allclose(found(least, dense)[1], sure[sure >= least], atol=1e-5)


def test_published_networks_take_it_as_a_mask_prompt() -> None:
    tool = Segment(TINY, "cpu", grounder=None)
    tool.ready()
    assert tool.sam is not None
    view = tool.sam.encode([picture(0)])[0]
    mask = np.zeros((64, 96), bool)
    mask[16:48, 16:56] = True
    logits = (torch.from_numpy(mask).float() * 2 - 1) * SURE
    with torch.no_grad():
        one, two, none = (tool.sam.logits([Prompt(view, torch.zeros(1, 256), **given)])[0][0] for given in (  # type: ignore[arg-type]  # either
            {"mask": mask}, {"dense": logits}, {}))
    assert (one - two).abs().max() < 0.1 * (one - none).abs().max()


def test_losses_teach_it(small: Segment) -> None:
    mask = np.zeros((1, 64, 96), bool)
    mask[0, 16:48, 16:56] = True
    masks, inside = Masks(mask, np.ones(1), ["cow"], "the cow", (96, 64)), told(16, 16, 56, 48) > 0
    boxes = Boxes(np.array([[16.0, 16, 56, 48]]), np.ones(1), ["cow"], "the cow", (96, 64))
    rows = torch.zeros(small.condition)
    for loss in (lambda dense: small.loss([picture(0)], [Condition(rows, dense=dense)], [masks]),
                 lambda dense: where_loss(dense, masks, picture(0)),
                 lambda dense: where_loss(dense, boxes, picture(0))):
        dense = torch.zeros(8, 12, requires_grad=True)
        loss(dense).backward()
        assert dense.grad is not None and (dense.grad[inside] < 0).all() and dense.grad[~inside].mean() > 0
    right, none = (float(where_loss(dense, masks, picture(0))) for dense in (told(16, 16, 56, 48), torch.zeros(8, 12)))
    assert right < 0.1 < none


def test_names_teach_which_kinds_are_meant() -> None:
    kinds = ("", "cow", "sheep", "pig")
    for names, meant in ((["cow"] * 3, [1]), (("cow", "pig", "cow"), [1, 3])):
        logits = torch.zeros(4, requires_grad=True)
        kind_loss(logits, names, kinds).backward()
        assert logits.grad is not None and (logits.grad < 0).nonzero().flatten().tolist() == meant
    logits = torch.zeros(4, requires_grad=True)
    for names in (["cow", "cow", "patch"], []):  # what is no kind tells nothing, nor does what is not there
        loss = kind_loss(logits, names, kinds)
        loss.backward()
        assert loss.item() == 0


def test_what_does_not_fit_is_refused() -> None:
    for wrong in (torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64)):
        with pytest.raises(ContractError, match="dense"):
            Condition(torch.zeros(1, 3), dense=wrong)
