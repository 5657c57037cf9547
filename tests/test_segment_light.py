"""The segmenting tool's light choice, an ultralytics seg network: on public weights where they are at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_weights
from segmenting import iou, photo, picture, without_text_model, words

from veclink.tools import Condition, Masks, Region, check_tool
from veclink.tools.segment import Segment
from veclink.tools.shapes import agreeing

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def light() -> Segment:
    need_weights("yolo11n-seg.pt")
    tool = Segment(None, "cpu")
    return without_text_model(tool)


def predicted(image: np.ndarray, **options: object) -> Any:
    """ultralytics' own result on a picture, as numpy arrays."""
    from ultralytics import YOLO

    from veclink.tools.weights import locate

    network: Any = YOLO(str(locate("yolo11n-seg.pt")))
    results = network.predict(image[..., ::-1], retina_masks=True, device="cpu", verbose=False, **options)
    return results[0].cpu().numpy()


def test_contract_untrained() -> None:
    tool = Segment("yolo11n-seg.yaml", "cpu")
    without_text_model(tool)
    assert len(check_tool(tool)) >= 7
    assert tool.models == {"yolo11n-seg.yaml": "untrained"}


def test_contract(light: Segment) -> None:
    assert len(check_tool(light)) >= 7
    assert light.condition[0] == 1 and set(light.models) == {"yolo11n-seg.pt"}


@pytest.mark.parametrize("name", ["bus.jpg", "zidane.jpg"])
def test_everything_is_what_ultralytics_finds(light: Segment, name: str) -> None:
    """The same things, scores, boxes to 1 pixel and masks as its own predictor with retina_masks."""
    image = photo(name)
    own = predicted(image)
    ours = words(light, image, "everything")
    assert len(ours) == len(own.masks.data) > 0
    assert ours.labels == [own.names[int(c)] for c in own.boxes.cls]
    assert np.allclose(ours.scores, own.boxes.conf, atol=1e-3)
    assert all(iou(a, b > 0) > 0.95 for a, b in zip(ours.masks, own.masks.data, strict=True))
    condition = Condition(light.bridge(["everything"])[0])
    found = light._found(light.encode([image])[0].seen, light._weights(condition), condition)
    assert np.abs(found.xyxy - own.boxes.xyxy).max() < 1


def test_outline_the_bus(light: Segment) -> None:
    image = photo("bus.jpg")
    ours = words(light, image, "outline the bus")
    assert ours.labels == ["bus"]
    assert iou(ours.masks[0], predicted(image, classes=[5]).masks.data[0] > 0) > 0.8


def test_light_batch_equals_one_by_one(light: Segment) -> None:
    bus, zidane = photo("bus.jpg"), photo("zidane.jpg")
    images, phrases = [bus, zidane, bus, zidane], ["the bus", "both people", "every person", "the tie"]
    conditions = [Condition(v, p) for v, p in zip(light.bridge(phrases), phrases, strict=True)]
    together = light.decode(images, conditions)
    for image, condition, result in zip(images, conditions, together, strict=True):
        light.forget()
        alone = light.decode([image], [condition])[0]
        assert isinstance(alone, Masks) and isinstance(result, Masks) and alone.labels == result.labels
        assert all(iou(a, b) > 0.99 or a.sum() < 50 for a, b in zip(alone.masks, result.masks, strict=True))


def test_light_words(light: Segment) -> None:
    bus = photo("bus.jpg")
    assert len(words(light, bus, "the unicorn")) == 0
    assert set(words(light, bus, "vehicles").labels) == {"bus"}
    assert len(words(light, bus, "the leftmost person")) == 1
    assert len(words(light, bus, "the bus", confidence=0.95)) == 0
    assert len(words(light, bus, "everything", limit=2)) == 2


def test_light_regions(light: Segment) -> None:
    """A region keeps what it fits, words or not; where nothing is there the result is empty."""
    bus = photo("bus.jpg")
    shape = words(light, bus, "the bus")
    x1, y1, x2, y2 = shape.xyxy[0]
    for phrase in ("it", "the bus", "the zorgblat"):
        kept = words(light, bus, phrase, Region.box(x1, y1, x2, y2))
        assert kept.labels == ["bus"] and np.array_equal(kept.masks, shape.masks)
    ys, xs = np.nonzero(shape.masks[0])
    inside = Region.point(float(xs[len(xs) // 2]), float(ys[len(ys) // 2]))
    assert words(light, bus, "the bus", inside).labels == ["bus"]
    assert words(light, bus, "it", Region.of_mask(shape.masks[0])).labels == ["bus"]
    for nowhere in (Region.point(400, 5), Region.box(300, 2, 500, 60), Region.scribble([(300, 5), (500, 20)])):
        assert len(words(light, bus, "it", nowhere)) == 0
    assert len(words(light, bus, "every person", Region.point(400, 5))) == 0


def test_light_is_not_trained(light: Segment) -> None:
    with pytest.raises(NotImplementedError):
        light.loss([picture()], [Condition(torch.zeros(light.condition))], [words(light, picture(), "it")])


def test_agreeing() -> None:
    found = np.zeros((4, 100, 100), bool)
    found[0, 10:90, 10:90] = True  # a big thing
    found[1, 40:60, 40:60] = True  # a small one on it
    found[2, 0:8, 0:8] = True
    found[3, 0:8, 12:20] = True  # two in a corner
    drawn = np.zeros((100, 100), bool)
    drawn[12:88, 12:88] = True
    for region, wanted in (
        (Region.point(50, 50), [1]), (Region.point(20, 20), [0]), (Region.point(95, 95), []),
        (Region.point(100, 100), []),
        (Region.box(12, 12, 88, 88), [0]), (Region.box(38, 38, 62, 62), [1]), (Region.box(0, 0, 30, 9), [2, 3]),
        (Region.box(92, 92, 99, 99), []), (Region.of_mask(drawn), [0]), (Region.of_mask(~found[0] & ~drawn), [2, 3]),
        (Region.scribble([(42, 42), (58, 58)]), [1]), (Region.scribble([(15, 15), (85, 85)]), [0]),
        (Region.scribble([(95, 0), (95, 99)]), []),
    ):
        assert agreeing(found, [region]).tolist() == wanted
    assert agreeing(found, [Region.point(50, 50), Region.point(3, 3)]).tolist() == [1, 2]
    assert agreeing(found[:0], [Region.point(50, 50)]).tolist() == []


@pytest.mark.gpu
def test_light_half_precision_on_cuda_equals_the_cpu(light: Segment) -> None:
    gpu, bus = Segment(None, "cuda"), photo("bus.jpg")
    ours, theirs = (words(tool, bus, "the bus") for tool in (light, gpu))
    assert ours.labels == theirs.labels and iou(ours.masks[0], theirs.masks[0]) > 0.9
