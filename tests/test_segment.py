"""The segmenting tool.

Segment Anything runs as a small network of the same classes with random weights (never trained): its masks mean
nothing, the path is the one that the public checkpoints take.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_weights
from segmenting import iou, link, masks, photo, picture, without_text_model, words

from veclink.envs.errors import UnknownName
from veclink.tools import Condition, Masks, Region, check_tool
from veclink.tools import sam as sam_module
from veclink.tools.errors import ContractError, OptionError, RegionError, WeightsError
from veclink.tools.sam import TINY, Prompt, SamNet, along, tiny_sam
from veclink.tools.segment import Segment

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sam() -> Segment:
    tool = Segment(TINY, "cpu", grounder=None)
    tool.ready()
    return tool


@pytest.fixture(scope="module")
def grounded() -> Segment:
    need_weights("yolo11n.pt")
    tool = Segment(TINY, "cpu")
    return without_text_model(tool)


def shapes() -> tuple[Region, ...]:
    drawn = np.zeros((80, 120), bool)
    drawn[20:60, 30:90] = True
    return (Region.box(10, 10, 100, 70), Region.point(50, 40), Region.scribble([(10, 10), (60, 40), (100, 20)]),
            Region.of_mask(drawn))


# -- Segment Anything --------------------------------------------------------------------------------------------------


def test_contract_of_sam(sam: Segment) -> None:
    assert len(check_tool(sam)) >= 7
    assert sam.condition == (4, 256) and sam.models == {TINY: "untrained"}


def test_contract_of_sam_with_words(grounded: Segment) -> None:
    assert len(check_tool(grounded)) >= 7
    assert grounded.condition[0] == 4 and grounded.condition[1] > 256 + 80
    assert set(grounded.models) == {TINY, "yolo11n.pt"}


def test_a_grounder_that_finds_nothing() -> None:
    """An untrained grounder: words give an honest empty result, regions need none of it."""
    tool = Segment(model=tiny_sam(), device="cpu", grounder="yolo11n.yaml")
    tool.ready()
    assert tool.space is not None and tool.condition == (4, 256 + tool.space.size)
    assert float(tool.bridge(["the bus"])[0][0, 256:].sum()) == 1
    assert len(words(tool, picture(), "the bus")) == 0
    assert len(words(tool, picture(), "the bus", shapes()[0])) == 1


def test_regions_prompt_as_segment_anythings_own_predictor(sam: Segment) -> None:
    from segment_anything import SamPredictor

    image, (box, point, scribble, drawn) = picture(), shapes()
    assert sam.sam is not None
    own: Any = SamPredictor(sam.sam.model)
    own.set_image(image)
    view = sam.sam.encode([image])[0]
    asked = [
        (box, {"box": box.points.reshape(4), "multimask_output": False}),
        (point, {"point_coords": point.points, "point_labels": np.ones(1), "multimask_output": True}),
        (scribble, {"point_coords": along(scribble.points), "point_labels": np.ones(8), "multimask_output": False}),
        (drawn, {"box": drawn.points.reshape(4), "multimask_output": False, "mask_input":
                 ((sam.sam.shrink(drawn.as_mask(120, 80), view) * 2 - 1) * sam_module.SURE)[None].numpy()}),
    ]
    for region, arguments in asked:
        theirs, scores, _ = own.predict(**arguments)
        best = int(scores.argmax())
        ours = masks(sam, image, torch.zeros(sam.condition), region)
        assert len(ours) == 1 and iou(ours.masks[0], theirs[best]) == 1
        assert ours.scores[0] == pytest.approx(np.clip(scores[best], 0, 1), abs=1e-4)


def test_pictures_share_one_pass_of_the_mask_decoder(sam: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts of different pictures in one pass, equal to one by one."""
    net = sam.sam
    assert net is not None
    views = net.encode([picture(seed=1), picture(64, 200, seed=2), picture(300, 90, seed=3)])
    prompts = [Prompt(view, link(sam, i)[:, :256]) for i, view in enumerate(views)]
    calls: list[int] = []
    real = type(net.decoder).forward
    monkeypatch.setattr(type(net.decoder), "forward", lambda self, **given: calls.append(
        len(given["sparse_prompt_embeddings"])) or real(self, **given))
    with torch.no_grad():
        together, qualities = net.logits(prompts)
        assert calls == [3]
        for prompt, logit, quality in zip(prompts, together, qualities, strict=True):
            (alone,), (score,) = net.logits([prompt])
            assert torch.allclose(alone, logit, atol=1e-5) and torch.allclose(score, quality, atol=1e-5)


def test_batch_equals_one_by_one(sam: Segment) -> None:
    images = [picture(seed=1), picture(64, 200, seed=2), picture(seed=1), picture(300, 90, seed=3), picture(seed=1)]
    conditions = [
        Condition(torch.zeros(sam.condition), "a", shapes()), Condition(link(sam), "b", options={"confidence": 0.0}),
        Condition(link(sam, 1, rows=2), "c", shapes()[1:2]), Condition(torch.zeros(sam.condition), "d"),
        Condition(link(sam, 2), "e", shapes()[:1]),
    ]
    together = sam.decode(images, conditions)
    assert [len(result) for result in together] == [4, 1, 1, 0, 1]
    for image, condition, result in zip(images, conditions, together, strict=True):
        sam.forget()
        alone = sam.decode([image], [condition])[0]
        assert isinstance(alone, Masks) and isinstance(result, Masks) and alone.labels == result.labels
        assert all(iou(a, b) > 0.999 for a, b in zip(alone.masks, result.masks, strict=True))


def test_a_picture_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Segment(model=tiny_sam(), device="cpu", grounder=None)
    tool.ready()
    assert tool.sam is not None
    seen: list[int] = []
    tool.sam.encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    conditions = [Condition(torch.zeros(tool.condition), "it", (region,)) for region in shapes()]
    tool.decode([picture()] * 4, conditions)
    tool.decode([picture(), picture(seed=1)], conditions[:2])
    tool.decode([picture(seed=2)], [Condition(torch.zeros(tool.condition))])  # nothing prompts it
    assert seen == [1, 1]


def test_zero_rows_are_not_there(sam: Segment) -> None:
    image, box = picture(), shapes()[0]
    net = sam.sam
    assert net is not None
    bare = masks(sam, image, torch.zeros(sam.condition), box)
    one = link(sam, rows=1)
    assert not np.array_equal(masks(sam, image, one, box).masks, bare.masks)
    view = net.encode([image])[0]
    with torch.no_grad():
        wanted = net.grow(net.logits([Prompt.of_region(view, box, one[:1])])[0][0], view)
    assert np.array_equal(masks(sam, image, one, box).masks[0], wanted)
    assert np.array_equal(masks(sam, image, one.roll(2, 0), box).masks[0], wanted)


def test_link_alone_prompts(sam: Segment) -> None:
    image = picture()
    first, other = (masks(sam, image, link(sam, seed), confidence=0.0) for seed in (0, 1))
    assert len(first) == len(other) == 1 and iou(first.masks[0], other.masks[0]) < 0.99
    assert len(masks(sam, image, torch.zeros(sam.condition))) == 0
    assert len(masks(sam, image, link(sam), confidence=1.0)) == 0  # the network itself does not believe in it


def test_words_find_and_boxes_prompt(grounded: Segment) -> None:
    """The grounder's boxes of the words go in as box prompts; what is not there gives nothing."""
    bus = photo("bus.jpg")
    found = words(grounded, bus, "outline the bus")
    assert found.labels == ["bus"]
    own = masks(grounded, bus, torch.zeros(grounded.condition), Region.box(*_bus_box()))
    assert iou(found.masks[0], own.masks[0]) > 0.9
    assert words(grounded, bus, "every person").labels == ["person"] * 4
    assert len(words(grounded, bus, "the leftmost person")) == 1
    assert len(words(grounded, bus, "the unicorn")) == 0
    moved = grounded.bridge(["outline the bus"])[0] + link(grounded)
    assert not np.array_equal(masks(grounded, bus, moved).masks, found.masks)


def test_a_link_without_words_for_it(grounded: Segment) -> None:
    """Weights too small to find anything ask for nothing: the link prompts alone. Asked for and not found is empty."""
    bus = photo("bus.jpg")
    faint = link(grounded)
    faint[0, 256:260] = 0.01
    assert masks(grounded, bus, faint, confidence=0.02) == masks(grounded, bus, link(grounded), confidence=0.02)
    assert len(masks(grounded, bus, faint, confidence=0.02)) == 1
    giraffe = grounded.bridge(["the giraffe"])[0] + link(grounded)
    assert len(masks(grounded, bus, giraffe)) == 0


def test_no_grounder_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_: object) -> None:
        raise WeightsError(f"the weights {name}", "nothing of that name", "put them there")

    monkeypatch.setattr("veclink.tools.yolo.Yolo.load", missing)
    with caplog.at_level(logging.WARNING):
        tool = Segment(TINY, "cpu", grounder="not-here.pt")
        tool.ready()
    assert tool.condition == (4, 256) and "not-here.pt" in caplog.text
    assert len(words(tool, picture(), "outline the bus")) == 0
    assert len(words(tool, picture(), "outline the bus", shapes()[0])) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (700, 333), (1, 3000), (3000, 2)])
def test_odd_sizes(sam: Segment, size: tuple[int, int]) -> None:
    image = picture(*size)
    result = masks(sam, image, torch.zeros(sam.condition), Region.box(0, 0, *size))
    assert result.size == size and result.masks.shape[1:] == image.shape[:2]


def test_along_a_line() -> None:
    points = along(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 4.0]]), 8)
    assert np.allclose(points[[0, 5, -1]], [[0, 0], [10, 0], [10, 4]])
    assert np.allclose(np.abs(np.diff(points, axis=0)).sum(1), 2)
    assert along(np.array([[5.0, 5.0], [5.0, 5.0]])).tolist() == [[5, 5]]


def test_loss_reaches_vectors_and_decoder(sam: Segment) -> None:
    """Also through a gate that is still 0, for regions and for the link alone; the image encoder stays as it is."""
    images, (box, point, *_) = [picture(seed=1), picture(seed=2)], shapes()
    wanted = np.zeros((2, 80, 120), bool)
    wanted[0, 10:40, 20:60] = wanted[1, 30:70, 50:110] = True
    gate = torch.zeros((), requires_grad=True)
    conditions = [Condition(gate * torch.randn(sam.condition), "a", (box, point)), Condition(gate * link(sam), "b")]
    targets = [Masks(wanted, np.ones(2), "a", "a", (120, 80)), Masks(wanted[:1], np.ones(1), "b", "b", (120, 80))]
    loss = sam.loss(images, conditions, targets)
    loss.backward()
    assert loss.ndim == 0 and torch.isfinite(loss) and gate.grad is not None and gate.grad.abs() > 0
    assert sam.sam is not None
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in sam.sam.decoder.parameters())
    assert all(p.grad is None for p in sam.sam.encoder.parameters())
    sam.sam.decoder.zero_grad()


def test_loss_teaches_a_link(sam: Segment) -> None:
    """Vectors and decoder learn a shape in a picture; the decoded mask is then near it."""
    tool = Segment(model=tiny_sam(), device="cpu", grounder=None)
    tool.ready()
    assert tool.sam is not None
    image, wanted = picture(), np.zeros((1, 80, 120), bool)
    image[20:60, 30:90], wanted[0, 20:60, 30:90] = 250, True
    target = Masks(wanted, np.ones(1), "it", "it", (120, 80))
    vectors = link(tool).requires_grad_()
    step = torch.optim.Adam([vectors, *tool.sam.decoder.parameters()], 1e-3)
    before = iou(masks(tool, image, vectors, confidence=0.0).masks[0], wanted[0])
    for _ in range(25):
        loss = tool.loss([image], [Condition(vectors, "it")], [target])
        step.zero_grad()
        loss.backward()
        step.step()
    found = masks(tool, image, vectors, confidence=0.0)
    assert iou(found.masks[0], wanted[0]) > max(0.7, before)


def test_loss_refuses_what_does_not_fit(sam: Segment) -> None:
    wanted = Masks(np.ones((1, 80, 120), bool), np.ones(1), "a", "a", (120, 80))
    zeros = torch.zeros(sam.condition)
    with pytest.raises(ContractError, match="one mask a region"):
        sam.loss([picture()], [Condition(zeros, "a", shapes())], [wanted])
    with pytest.raises(ContractError):
        sam.loss([picture(50, 50)], [Condition(zeros, "a")], [wanted])


def test_loss_leaves_the_padding_out(sam: Segment) -> None:
    """Logits in the padding change nothing."""
    net = sam.sam
    assert net is not None
    prompt = Prompt(net.encode([picture()])[0], link(sam)[:, :256])
    wanted = np.zeros((80, 120), bool)
    with torch.no_grad():
        (logits,), quality = net.logits([prompt])
        first = net.loss([prompt], [wanted])
        changed = logits.clone()
        changed[-(-64 * 80 // 120):] += 100
        net.logits = lambda prompts: ([changed], quality)  # type: ignore[method-assign]  # put back below
        try:
            assert torch.equal(net.loss([prompt], [wanted]), first)
        finally:
            del net.logits


def test_half_precision_path_on_the_cpu(sam: Segment) -> None:
    """The image encoder in half precision and the rest in single, as on CUDA."""
    half, full = SamNet(tiny_sam(), torch.device("cpu"), torch.float16, TINY), sam.sam
    assert full is not None
    image = picture()
    found = []
    for net in (half, full):
        view = net.encode([image])[0]
        with torch.no_grad():
            logits, _ = net.logits([Prompt.of_region(view, region, torch.zeros(0, 256)) for region in shapes()[:1]])
        assert view.features.dtype == logits[0].dtype == torch.float32
        found.append(net.grow(logits[0], view))
    assert iou(*found) > 0.97


# -- checkpoints -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_vit_b(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints named sam_vit_b* hold the small network, so that no test writes 360 MB."""
    import segment_anything

    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", lambda: tiny_sam())


def test_checkpoint(small_vit_b: None, monkeypatch: pytest.MonkeyPatch, tmp_path, sam: Segment) -> None:
    file = tmp_path / "sam_vit_b_mine.pth"
    state = {key: value + 0.01 for key, value in tiny_sam().state_dict().items()}
    torch.save(state, file)
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path))
    tool = Segment(file.name, "cpu", grounder=None)
    tool.ready()
    assert tool.models == {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    assert tool.sam is not None and torch.equal(tool.sam.model.state_dict()["mask_decoder.iou_token.weight"],
                                                state["mask_decoder.iou_token.weight"])
    assert len(masks(tool, picture(), torch.zeros(tool.condition), shapes()[0])) <= 1
    torch.save({"other": torch.zeros(2)}, file)
    with pytest.raises(WeightsError, match="Sam vit_b"):
        Segment(file.name, "cpu", grounder=None).ready()


def test_a_pickle_that_runs_code_is_refused(small_vit_b: None, tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"a": Evil()}, tmp_path / "sam_vit_b_evil.pth")
    with pytest.raises(WeightsError):
        Segment(str(tmp_path / "sam_vit_b_evil.pth"), "cpu", grounder=None).ready()
    assert not (tmp_path / "ran").exists()


def test_the_makers_files_are_fetched_and_checked(small_vit_b: None, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """By name from the maker's host (here a folder); a file with another sha256 is refused and not kept."""
    host, cache = tmp_path / "host", tmp_path / "cache"
    host.mkdir()
    torch.save(tiny_sam().state_dict(), host / "new.pth")
    digits = hashlib.sha256((host / "new.pth").read_bytes()).hexdigest()[:6]
    good = f"sam_vit_b_{digits}.pth"
    (host / "new.pth").rename(host / good)
    (host / "sam_vit_b_000000.pth").write_bytes((host / good).read_bytes())
    monkeypatch.setattr(sam_module, "HOST", host.as_uri() + "/")
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("VECLINK_CACHE", str(cache))
    monkeypatch.setattr(sam_module, "OFFICIAL", {"vit_b": "sam_vit_b_000000.pth"})
    with pytest.raises(WeightsError, match=r"sha256|hash"):
        Segment("sam_vit_b", "cpu", grounder=None).ready()
    assert not list(cache.rglob("*.pth"))
    monkeypatch.setattr(sam_module, "OFFICIAL", {"vit_b": good})
    tool = Segment("sam_vit_b", "cpu", grounder=None)
    tool.ready()
    assert set(tool.models) == {good} and (cache / "weights" / good).exists()
    monkeypatch.setattr(sam_module, "OFFICIAL", {"vit_b": "sam_vit_b_111111.pth"})
    (cache / "weights" / good).rename(cache / "weights" / "sam_vit_b_111111.pth")
    with pytest.raises(WeightsError, match="fetch the file anew"):
        Segment("sam_vit_b", "cpu", grounder=None).ready()


def test_missing_checkpoint_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("VECLINK_CACHE", str(tmp_path))
    for name in ("sam_vit_h_4b8939.pth", "sam_vit_b_mine.pth"):
        with pytest.raises(WeightsError, match=f"{name}.*VECLINK_WEIGHTS"):
            Segment(name, "cpu", grounder=None).ready()


def test_unfit_weights() -> None:
    with pytest.raises(WeightsError, match="seg weights"):
        Segment("yolo11n.yaml", "cpu").ready()
    with pytest.raises(WeightsError, match="grounder"):
        Segment(TINY, "cpu", grounder="yolov8s-worldv2.yaml").ready()


def _bus_box() -> tuple[float, float, float, float]:
    from veclink.tools.yolo import Yolo

    net = Yolo.load("yolo11n.pt", torch.device("cpu"), torch.float32)
    weights = torch.zeros(80)
    weights[net.names.index("bus")] = 1
    x1, y1, x2, y2 = net.find(net.encode([photo("bus.jpg")])[0], weights).xyxy[0].tolist()
    return x1, y1, x2, y2


# -- regions and options -----------------------------------------------------------------------------------------------


def test_region_outside_the_picture(sam: Segment) -> None:
    for region in (Region.box(10, 10, 500, 20), Region.of_mask(np.ones((4, 4)))):
        with pytest.raises(RegionError):
            masks(sam, picture(), torch.zeros(sam.condition), region)


@pytest.mark.parametrize(("options", "error"), [
    ({"confidence": 1.5}, OptionError), ({"iou": "high"}, OptionError), ({"limit": 0}, OptionError),
    ({"limit": 2.5}, OptionError),
])
def test_options_refused(sam: Segment, options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        Segment(TINY, **options)
    with pytest.raises(error):
        sam.decode([picture()], [Condition(torch.zeros(sam.condition), options=options)])


def test_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'confidence'"):
        Segment(TINY, confidense=0.5)


@pytest.mark.gpu
def test_half_precision_on_cuda_equals_the_cpu(sam: Segment) -> None:
    gpu = Segment(TINY, "cuda", grounder=None)
    assert gpu.ready().dtype == torch.float16
    for region in shapes():
        ours, theirs = (masks(tool, picture(), link(sam), region) for tool in (sam, gpu))
        assert iou(ours.masks[0], theirs.masks[0]) > 0.95
    wanted = Masks(np.ones((1, 80, 120), bool), np.ones(1), "a", "a", (120, 80))
    assert torch.isfinite(gpu.loss([picture()], [Condition(link(gpu).requires_grad_())], [wanted]))
