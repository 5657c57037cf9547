"""The detector: class space, boxes as ultralytics' own, open vocabulary, losses.

With public weights the results are compared with ultralytics' predict; the same paths run on untrained networks
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_model, need_weights
from words_in_and_out import INSIDE, OUTSIDE

from veclink.envs.errors import UnknownName
from veclink.tools import selection
from veclink.tools.check import check_tool
from veclink.tools.classes import ClassSpace, lexicon
from veclink.tools.condition import Condition
from veclink.tools.detect import Detect, clip_features
from veclink.tools.errors import ContractError, OptionError, WeightsError
from veclink.tools.phrases import parse
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Result
from veclink.tools.yolo import Yolo

torch.set_num_threads(1)
COCO = list(lexicon()["words"])
VEHICLES = {"bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"}


def picture(name: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB of one of ultralytics' own pictures."""
    from PIL import Image
    from ultralytics.utils import ASSETS

    return np.asarray(Image.open(ASSETS / name).convert("RGB"))


def find(tool: Detect, image: np.ndarray, phrase: str, **more: object) -> Boxes:
    condition = Condition(tool.bridge([phrase])[0], phrase, **more)  # type: ignore[arg-type]  # regions or options
    return tool.decode([image], [condition])[0]


def hashed(phrases: Sequence[str]) -> torch.Tensor:
    """(n, 512) unit vectors that depend on the words alone: stands for a text model."""
    rows = [torch.randn(512, generator=torch.Generator().manual_seed(sum(map(ord, p)))) for p in phrases]
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1)


@pytest.fixture(scope="module")
def tool() -> Detect:
    need_weights("yolo11n.pt")
    return Detect("yolo11n.pt", device="cpu")


# -- class space -------------------------------------------------------------------------------------------------------


def meant(space: ClassSpace, text: str) -> set[str]:
    return {space.names[i] for i in np.flatnonzero(space.weights(parse(text)))}


@pytest.fixture(scope="module")
def plain() -> ClassSpace:
    """The class space without the text model."""
    return ClassSpace(COCO, embed=None)


@pytest.mark.parametrize(("text", "classes"), [
    ("every person", {"person"}), ("vehicles", VEHICLES), ("people", {"person"}), ("a woman in a red dress",
    {"person"}),
    ("kids", {"person"}), ("that guy", {"person"}), ("faces", {"person"}), ("bike", {"bicycle"}), ("the sofa",
    {"couch"}),
    ("telly", {"tv"}), ("mobile", {"cell phone"}), ("cell phones", {"cell phone"}), ("aeroplane", {"airplane"}),
    ("persn", {"person"}), ("byciycle", {"bicycle"}), ("red car", {"car"}), ("yellow school bus", {"bus"}),
    ("hot dog", {"hot dog"}),
    ("fruit", {"banana", "apple", "orange"}), ("unicorn", set()), ("traffic cone", set()), ("house", set()),
    ("bus stop", set()),
    ("the man's hat", set()), ("a glass of wine", {"wine glass"}), ("a glass of water", {"cup"}), ("trafic light",
    {"traffic light"}),
    ("furniture", {"bench", "chair", "couch", "bed", "dining table"}), ("everything", set(COCO)),
    ("everything except the bus", set(COCO) - {"bus"}), ("animals but not dogs", set(lexicon()["groups"]["animal"]) -
    {"dog"}),
    ("the one on the left", set(COCO)), ("the largest", set(COCO)), ("cart", set()), ("toy house", set()),
])
def test_words_to_classes_without_the_text_model(plain: ClassSpace, text: str, classes: set[str]) -> None:
    assert meant(plain, text) == classes


def test_food_and_animals_are_groups(plain: ClassSpace) -> None:
    assert {"banana", "pizza", "cake", "carrot"} <= meant(plain, "food") and "person" not in meant(plain, "food")
    assert {"dog", "cat", "zebra", "bird"} <= meant(plain, "animals") and "person" not in meant(plain, "animals")


def test_the_lexicon_is_sound() -> None:
    tables = lexicon()
    entries = [word for others in tables["words"].values() for word in others]
    assert len(tables["words"]) == 80 and len(entries) >= 500 and len(entries) == len(set(entries))
    assert all(set(members) <= set(COCO) for members in tables["groups"].values())
    inside = {*entries, *COCO, *tables["groups"]}
    assert not inside & set(tables["outside"]) and not inside & set(map(str, tables["lookalikes"]))


def share_right(space: ClassSpace) -> tuple[float, float, int, int]:
    """(right of INSIDE, right of OUTSIDE, their numbers)."""
    inside = [(word.strip(), name) for name, row in INSIDE.items() for word in row.split(",")]
    right = sum(meant(space, word) == {name} for word, name in inside)
    empty = sum(not meant(space, word) for word in OUTSIDE)
    return right / len(inside), empty / len(OUTSIDE), len(inside), len(OUTSIDE)


def test_ninety_of_a_hundred_words_are_placed_without_the_text_model(plain: ClassSpace) -> None:
    inside, outside, m, n = share_right(plain)
    assert m >= 80 and n >= 60 and inside >= 0.9 and outside >= 0.9, (inside, outside)


def test_ninety_of_a_hundred_words_are_placed_with_it_and_meaning_adds_some(plain: ClassSpace) -> None:
    need_model("minilm-l6")
    space = ClassSpace(COCO)
    inside, outside, _, _ = share_right(space)
    assert inside >= 0.9 and outside >= 0.9, (inside, outside)
    assert inside > share_right(plain)[0]


def test_a_text_model_that_cannot_be_had_is_done_without() -> None:
    def missing(phrases: Sequence[str]) -> torch.Tensor:
        raise WeightsError("a text model", "none", "connect")

    space = ClassSpace(COCO, embed=missing)
    assert meant(space, "zyzzyva") == set() and meant(space, "vehicles") == VEHICLES
    assert space.embed is None


def test_other_class_names_stand_for_themselves() -> None:
    space = ClassSpace(["helmet", "dog", "forklift"], embed=None)
    assert meant(space, "helmets") == {"helmet"} and meant(space, "puppy") == {"dog"} and meant(space, "bus") == set()
    assert meant(space, "animals") == {"dog"}


def test_meaning_reaches_other_class_names() -> None:
    need_model("minilm-l6")
    assert meant(ClassSpace(["helmet", "fork lift truck", "excavator"]), "forklift truck") == {"fork lift truck"}


def test_lists_have_the_weights_of_all_and_one_selection(plain: ClassSpace) -> None:
    row = plain.condition("every person and the bus")[0].numpy()
    assert {COCO[i] for i in np.flatnonzero(row[:80])} == {"person", "bus"} and not row[80:].any()
    shared = plain.condition("the dogs and cats on the left")[0].numpy()
    assert shared[80:].tolist() == selection.to_vector(parse("dogs on the left")).tolist()
    mixed = plain.condition("the leftmost person and the bus")[0].numpy()
    assert not mixed[80:].any()


# -- closed vocabulary with public weights -----------------------------------------------------------------------------


@pytest.mark.weights
@pytest.mark.parametrize("name", ["bus.jpg", "zidane.jpg"])
def test_everything_gives_ultralytics_own_boxes(tool: Detect, name: str) -> None:
    from ultralytics import YOLO

    from veclink.tools.weights import locate

    image = picture(name)
    own: Any = YOLO(str(locate("yolo11n.pt"))).predict(  # type: ignore[index]  # a list where nothing streams
        image[..., ::-1].copy(), verbose=False, device="cpu")[0]
    ours = find(tool, image, "everything")
    assert np.allclose(ours.xyxy, np.asarray(own.boxes.xyxy), atol=1)
    assert np.allclose(ours.scores, np.asarray(own.boxes.conf), atol=1e-3)
    assert ours.labels == [own.names[int(c)] for c in np.asarray(own.boxes.cls)]


@pytest.mark.weights
@pytest.mark.parametrize("name", ["person", "bus"])
def test_a_class_name_gives_ultralytics_boxes_of_that_class(tool: Detect, name: str) -> None:
    from ultralytics import YOLO

    from veclink.tools.weights import locate

    image, index = picture("bus.jpg"), COCO.index(name)
    own: Any = YOLO(str(locate("yolo11n.pt"))).predict(  # type: ignore[index]  # a list where nothing streams
        image[..., ::-1].copy(), verbose=False, device="cpu", classes=[index])[0]
    ours = find(tool, image, name)
    assert np.allclose(ours.xyxy, np.asarray(own.boxes.xyxy), atol=1)
    assert np.allclose(ours.scores, np.asarray(own.boxes.conf), atol=1e-3)


@pytest.mark.weights
@pytest.mark.parametrize(("phrase", "labels"), [
    ("every person and the bus", ["bus"] + ["person"] * 4), ("vehicles", ["bus"]), ("the two people on the left",
    ["person"] * 2),
    ("people on the right", ["person"]), ("everything except the bus", ["person"] * 4), ("unicorn", []), ("animals",
    []),
    ("everyone but the leftmost", ["person"] * 3), ("persn", ["person"] * 4), ("the leftmost person", ["person"]),
])
def test_phrases_on_the_street(tool: Detect, phrase: str, labels: list[str]) -> None:
    result = find(tool, picture("bus.jpg"), phrase)
    assert sorted(result.labels) == sorted(labels) and set(result.phrases) <= {phrase}


@pytest.mark.weights
def test_selections_pick_by_place(tool: Detect) -> None:
    image = picture("bus.jpg")
    everyone = find(tool, image, "every person").xyxy
    middles = np.sort((everyone[:, 0] + everyone[:, 2]) / 2)
    for phrase, place in (("the leftmost person", 0), ("the second person from the left", 1), ("the rightmost person",
    3)):
        (box,) = find(tool, image, phrase).xyxy
        assert (box[0] + box[2]) / 2 == pytest.approx(middles[place])


@pytest.mark.weights
def test_regions_and_options_of_a_condition(tool: Detect) -> None:
    image = picture("bus.jpg")
    everyone = find(tool, image, "every person")
    x1, y1, x2, y2 = everyone.xyxy[0]
    at = Region.point((x1 + x2) / 2, (y1 + y2) / 2)
    assert len(find(tool, image, "every person", regions=(at,))) < len(everyone)
    assert len(find(tool, image, "every person", options={"limit": 1})) == 1
    assert len(find(tool, image, "every person", options={"confidence": 0.9})) < len(everyone)
    with pytest.raises(UnknownName):
        find(tool, image, "every person", options={"confidenc": 0.9})
    with pytest.raises(OptionError):
        find(tool, image, "every person", options={"resolution": 320})


@pytest.mark.weights
def test_one_picture_is_encoded_once_and_many_in_batches(tool: Detect, monkeypatch: pytest.MonkeyPatch) -> None:
    tool.ready().forget()
    sizes: list[int] = []
    seen = tool.yolo._seen
    monkeypatch.setattr(tool.yolo, "_seen", lambda batch, s: (sizes.append(len(batch)), seen(batch, s))[1])
    image = picture("bus.jpg")[:320, :320]
    pictures = [np.roll(image, shift, 1) for shift in range(10)]
    condition = Condition(tool.bridge(["every person"])[0], "every person")
    tool.decode([*pictures, pictures[0]], [condition] * 11)
    assert sizes == [8, 2]
    tool.decode(pictures[-2:], [condition] * 2)
    assert sizes == [8, 2]
    tool.forget()


@pytest.mark.weights
def test_a_mixed_batch_equals_one_by_one(tool: Detect) -> None:
    images = [picture("bus.jpg"), picture("zidane.jpg"), picture("bus.jpg")]
    conditions = [Condition(v, p) for p in ("vehicles", "ties", "the leftmost person") for v in tool.bridge([p])]
    together = tool.decode(images, conditions)
    for image, condition, result in zip(images, conditions, together, strict=True):
        tool.forget()
        assert np.allclose(tool.decode([image], [condition])[0].xyxy, result.xyxy, atol=0.5)


@pytest.mark.weights
def test_the_contract_holds_with_public_weights(tool: Detect) -> None:
    assert len(check_tool(tool)) == 7


@pytest.mark.weights
def test_seg_weights_detect_too() -> None:
    need_weights("yolo11n-seg.pt")
    assert "bus" in find(Detect("yolo11n-seg.pt", device="cpu"), picture("bus.jpg"), "the bus").labels


@pytest.mark.weights
def test_class_weights_learn_what_the_targets_are(tool: Detect) -> None:
    image = picture("bus.jpg")
    target = find(tool, image, "every person")
    row = torch.full((1, tool.ready().condition[1]), 0.5)
    row[:, 80:] = 0
    row.requires_grad_(True)
    before = tool.loss([image], [Condition(row)], [target])
    before.backward()
    assert row.grad is not None and row.grad[0, COCO.index("person")] < 0 < row.grad[0, COCO.index("bus")]
    optimiser = torch.optim.Adam([row], lr=0.1)
    for _ in range(30):
        optimiser.zero_grad()
        loss = tool.loss([image], [Condition(row)], [target])
        loss.backward()
        optimiser.step()
    assert loss.item() < before.item() / 4
    assert tool.decode([image], [Condition(row.detach())])[0].labels == ["person"] * 4


# -- untrained networks: the same paths with no weights at all ---------------------------------------------------------


@pytest.mark.parametrize("name", ["yolo11n.yaml", "yolo26n.yaml", "yolov8n-worldv2.yaml", "yolo11n-world.yaml",
                                  "yoloe-11s.yaml", "yoloe-11s-seg.yaml"])
def test_the_contract_holds_untrained(name: str) -> None:
    tool = Detect(name, device="cpu", text_encoder=hashed, confidence=1e-6, limit=5, resolution=96)
    assert len(check_tool(tool)) == 7
    assert tool.models == {name: "untrained"}


def test_an_end_to_end_head_chooses_after_the_classes_were_weighed() -> None:
    from veclink.tools import yolo as module

    model = module._untrained("yolo26n.yaml")
    model.model[-1].end2end = True
    with torch.no_grad():
        for head in model.model[-1].one2one_cv3:
            head[-1].bias.copy_(torch.linspace(-6, -3, 80))  # the last class is the surest everywhere
    net = Yolo(model, torch.device("cpu"), torch.float32, "yolo26n.yaml")
    assert net.end2end
    (seen,) = net.encode([picture("bus.jpg")[:128, :96]], 128)
    wanted = torch.zeros(80)
    wanted[0] = 1
    found = net.find(seen, wanted, confidence=1e-4, limit=10)
    assert 0 < len(found.scores) <= 10 and set(found.classes) == {0}
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all() and (np.diff(found.scores) <= 0).all()
    everything = net.find(seen, torch.ones(80), confidence=1e-4, limit=10)
    assert set(everything.classes) == {79}


@pytest.mark.parametrize("name", ["yolov8n-worldv2.yaml", "yolo11n-world.yaml", "yoloe-11s.yaml"])
def test_split_networks_equal_ultralytics_own_forward(name: str) -> None:
    net = Yolo.load(name, torch.device("cpu"), torch.float32)
    image = picture("bus.jpg")[:160, :128]
    text = hashed(["cat", "dog", "bus"])[None]
    (ours,) = net.read(net.encode([image], 160), text)
    key = "tpe" if "yoloe" in name else "txt_feats"
    with torch.no_grad():
        own = net.model(net.tensor([net.letterbox(image, 160)]), **{key: text})[0]
    assert torch.allclose(ours.predictions, own[0], atol=1e-5)


def test_open_vocabulary_reads_the_text_features_and_labels_by_the_phrase() -> None:
    tool = Detect("yolov8n-worldv2.yaml", device="cpu", text_encoder=hashed, confidence=0.0, limit=3, resolution=96)
    tool.ready()
    assert tool.condition == (1, 512 + selection.SIZE)
    image = picture("bus.jpg")[:96, :96]
    cat, dog = (Condition(v, p) for p in ("a cat", "the red dog") for v in tool.bridge([p]))
    pair = tool.decode([image, image], [cat, dog])
    assert [set(r.labels) for r in pair] == [{"cat"}, {"red dog"}]
    assert not np.allclose(pair[0].scores, pair[1].scores, atol=1e-9)
    assert torch.allclose(tool.bridge(["a cat"])[0][0, :512], hashed(["cat"])[0])


@pytest.mark.parametrize("name", ["yolov8n-worldv2.yaml", "yoloe-11s.yaml", "yoloe-26n.yaml"])
def test_open_vocabulary_loss_reaches_each_condition(name: str) -> None:
    tool = Detect(name, device="cpu", text_encoder=hashed, resolution=96)
    street = picture("bus.jpg")
    images = [street[:96, :96], street[100:164, :96], street[200:296, 200:296]]
    vectors = [v.requires_grad_(True) for v in tool.bridge(["a cat", "a dog", "a cat"])]
    targets = [Boxes(np.array([[10, 12, 60, 70.0]]), np.ones(1), "cat", "", (96, 96)),
               Boxes(np.zeros((0, 4)), np.zeros(0), [], [], (96, 64)),
               Boxes(np.array([[5, 5, 40, 40.0], [50, 50, 90, 90]]), np.ones(2), "cat", "", (96, 96))]
    loss = tool.loss(images, [Condition(v) for v in vectors], targets)
    loss.backward()
    assert loss.ndim == 0 and torch.isfinite(loss) and loss.item() > 0
    assert all(v.grad is not None and float(v.grad[0, :512].abs().sum()) > 0 for v in vectors)
    assert tool.decode(images[:1], [Condition(vectors[0].detach())])[0].size == (96, 96)  # it still decodes afterwards
    with pytest.raises(ContractError):
        tool.loss(images, [Condition(v) for v in vectors], targets[:1])


def test_open_vocabulary_learns_its_conditions() -> None:
    tool = Detect("yolov8n-worldv2.yaml", device="cpu", text_encoder=hashed, resolution=64)
    image = picture("bus.jpg")[:64, :64]
    target = Boxes(np.array([[8, 8, 56, 56.0]]), np.ones(1), "cat", "", (64, 64))
    row = tool.bridge(["a cat"])[0].requires_grad_(True)
    optimiser = torch.optim.Adam([row], lr=0.05)
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = tool.loss([image], [Condition(row)], [target])
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_clip_features_are_unit_vectors_in_any_batch() -> None:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection
    from transformers.tokenization_utils_base import BatchEncoding

    config = CLIPTextConfig(vocab_size=99, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
    num_attention_heads=2,
                            projection_dim=512, max_position_embeddings=16, eos_token_id=98, bos_token_id=97,
                            pad_token_id=98)
    torch.manual_seed(0)
    model = CLIPTextModelWithProjection(config).eval()

    def tokenizer(texts: list[str], **_: object) -> BatchEncoding:
        rows = [[97, *(ord(c) % 90 for c in t), 98] for t in texts]
        width = max(map(len, rows))
        return BatchEncoding({"input_ids": torch.tensor([r + [98] * (width - len(r)) for r in rows]),
                              "attention_mask": torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])})

    both = clip_features(tokenizer, model, ["cat", "a dog"])
    assert both.shape == (2, 512) and torch.allclose(both.norm(dim=-1), torch.ones(2), atol=1e-5)
    assert torch.allclose(clip_features(tokenizer, model, ["cat"])[0], both[0], atol=1e-5)


def test_weights_are_fetched_by_ultralytics_own_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ultralytics.utils import downloads

    asked: list[str] = []

    def fetch(file: Path) -> str:
        asked.append(Path(file).name)
        raise ConnectionError("no network")

    monkeypatch.setattr(downloads, "attempt_download_asset", fetch)
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("VECLINK_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="yolo11x"):
        Detect("yolo11x.pt", device="cpu").ready()
    assert asked == ["yolo11x.pt"]


def test_half_precision_decodes_and_goes_over_to_single_for_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Detect, "dtype", torch.float16)
    tool = Detect("yolov8n-worldv2.yaml", device="cpu", text_encoder=hashed, confidence=1e-6, limit=3, resolution=64)
    image = picture("bus.jpg")[:64, :64]
    row = tool.bridge(["a cat"])[0]
    assert tool.yolo.dtype == torch.float16 and len(tool.decode([image], [Condition(row)])[0]) == 3
    row.requires_grad_(True)
    tool.loss([image], [Condition(row)], [Boxes(np.array([[5, 5, 40, 40.0]]), np.ones(1), "", "", (64, 64))]).backward()
    assert row.grad is not None and torch.isfinite(row.grad).all() and float(row.grad.abs().sum()) > 0
    assert len(tool.decode([image], [Condition(row.detach())])[0]) == 3


def test_weights_that_do_not_detect_are_refused() -> None:
    for name in ("yolo11n-cls.yaml", "yolo11n-obb.yaml", "yolo11n-pose.yaml", "yolo-no-such.yaml"):
        with pytest.raises(WeightsError):
            Detect(name, device="cpu").ready()


def test_results_survive_json_and_stdout_stays_clean(capsys: pytest.CaptureFixture[str]) -> None:
    tool = Detect("yolo11n.yaml", device="cpu", confidence=1e-6, limit=3, resolution=64)
    result = find(tool, picture("bus.jpg")[:64, :64], "everything")
    assert len(result) == 3 and Result.from_dict(result.to_dict()) == result
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (900, 3), (64, 64)])
def test_pictures_of_any_shape(shape: tuple[int, int]) -> None:
    tool = Detect("yolo11n.yaml", device="cpu", confidence=1e-6, limit=3, resolution=64)
    assert find(tool, np.zeros((*shape, 3), np.uint8), "everything").size == (shape[1], shape[0])


@pytest.mark.gpu
@pytest.mark.weights
def test_cuda_in_half_precision_finds_what_the_cpu_finds(tool: Detect) -> None:
    fast = Detect("yolo11n.pt", device="cuda")
    for name in ("bus.jpg", "zidane.jpg"):
        slow, quick = (find(t, picture(name), "everything", options={"confidence": 0.4}) for t in (tool, fast))
        assert sorted(slow.labels) == sorted(quick.labels)
        for box, label in zip(slow.xyxy, slow.labels, strict=True):
            assert min(abs(box - other).max() for other, k in zip(quick.xyxy, quick.labels, strict=True) if k ==
            label) < 4
    assert len(check_tool(fast)) == 7


@pytest.mark.gpu
def test_cuda_runs_open_vocabulary_untrained() -> None:
    tool = Detect("yolov8n-worldv2.yaml", device="cuda", text_encoder=hashed, confidence=1e-6, limit=5, resolution=96)
    assert len(check_tool(tool)) == 7
